"""Live answers of the hook against its OpenAPI document, and what the wire must not do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientTimeout
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from bot.database import open_database
from handlers.openapi import document
from models.enums import ExecutionStatus, Verdict
from models.tables import Agent, ApprovalRequest
from tests.integration.test_hook import ASK, READ, TOKEN, Desk, desk, open_desk
from tests.support.databases import own_server
from tests.support.gate import Gate

__all__ = ["desk"]

PATHS = document()["paths"]
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


def strict(schema: Any) -> Any:
    """Every object closed, so that a member which the document does not name is found too."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(member) for name, member in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


COMPONENTS = {
    "components": {"schemas": {name: strict(one) for name, one in document()["components"]["schemas"].items()}}
}


async def conforms(response: ClientResponse, method: str, path: str) -> Any:
    """The answer's body; status, content type, headers and members are what the document says of this operation."""
    responses = PATHS[path][method]["responses"]
    assert str(response.status) in responses, f"{method} {path} answers {response.status}: not in the document"
    described = responses[str(response.status)]
    if described == {"$ref": "#/components/responses/Problem"}:
        described = document()["components"]["responses"]["Problem"]
    assert set(described.get("headers", {})) <= set(response.headers)
    body = await response.json()
    open_members = response.status >= 400  # RFC 9457: a problem may have further members
    schemas = document() if open_members else COMPONENTS
    schema = schemas | described["content"][response.content_type]["schema"]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(body)
    return body


async def pending(desk: Desk) -> tuple[str, dict[str, Any]]:
    body = await conforms(await desk.post("/v1/check", ASK), "post", "/v1/check")
    return f"/v1/approvals/{body['approval_id']}", body


async def test_answers_of_a_check_are_as_documented(desk: Desk) -> None:
    await conforms(await desk.post("/v1/check", READ), "post", "/v1/check")
    await conforms(await desk.post("/v1/check", {"action_type": "format_disk"}), "post", "/v1/check")
    await conforms(await desk.post("/v1/check?dry_run=1", ASK), "post", "/v1/check")
    _, asked = await pending(desk)
    await desk.decide(asked["approval_id"], Verdict.REJECT, "先备份")
    assert (await conforms(await desk.post("/v1/check", ASK), "post", "/v1/check"))["status"] == "rejected"
    other = ASK | {"session": "two"}
    asked = await conforms(await desk.post("/v1/check", other), "post", "/v1/check")
    await desk.decide(asked["approval_id"], Verdict.APPROVE)
    assert (await conforms(await desk.post("/v1/check", other), "post", "/v1/check"))["allowed"] is True


async def test_answers_while_the_service_executes_are_as_documented(desk: Desk) -> None:
    await Agent.all().update(executor_url="http://127.0.0.1:9/execute", executor_secret="sealed")
    desk.gate.directory.forget()
    path, asked = await pending(desk)
    await desk.decide(asked["approval_id"], Verdict.APPROVE)
    running = await desk.post("/v1/check", ASK)
    assert (await conforms(running, "post", "/v1/check"))["status"] == "approved"
    await finish(desk.gate, asked["approval_id"])
    done = await conforms(await desk.get(path), "get", "/v1/approvals/{id}")
    assert done["execution"]["result"] == {"deleted": 3}
    told = await conforms(await desk.post("/v1/check", ASK), "post", "/v1/check")
    assert told["execution"]["status"] == "succeeded"
    refused = await desk.post(f"{path}/claim", {"action_digest": asked["action_digest"]})
    assert (await conforms(refused, "post", "/v1/approvals/{id}/claim"))["code"] == "service_executes"


async def finish(gate: Gate, approval_id: str) -> None:
    async with gate.ledger.transaction() as work:
        approval = await ApprovalRequest.get(id=approval_id)
        await ApprovalRequest.filter(id=approval_id).update(execution=ExecutionStatus.RUNNING)
        await gate.approvals.using.finish_execution(work, approval, ExecutionStatus.SUCCEEDED, result={"deleted": 3})


async def test_answers_about_an_approval_are_as_documented(desk: Desk) -> None:
    path, asked = await pending(desk)
    look, claim = "/v1/approvals/{id}", "/v1/approvals/{id}/claim"
    digest = {"action_digest": asked["action_digest"]}
    await conforms(await desk.get(path), "get", look)
    await conforms(await desk.post(f"{path}/claim", digest), "post", claim)
    await desk.decide(asked["approval_id"], Verdict.APPROVE)
    assert (await conforms(await desk.post(f"{path}/claim", digest), "post", claim))["allowed"] is True
    assert (await conforms(await desk.post(f"{path}/claim", digest), "post", claim))["code"] == "already_claimed"
    outcome = await desk.post(f"{path}/outcome", {"status": "failed", "error": "disk", "result": [1]})
    await conforms(outcome, "post", f"{look}/outcome")
    again = await desk.post(f"{path}/outcome", {"status": "failed"})
    await conforms(again, "post", f"{look}/outcome")
    await conforms(await desk.get(path), "get", look)
    await conforms(await desk.post(f"{path}/cancel", {}), "post", f"{look}/cancel")
    asked = await (await desk.post("/v1/check", ASK)).json()
    cancelled = await desk.post(f"/v1/approvals/{asked['approval_id']}/cancel", {"reason": "done otherwise"})
    assert (await conforms(cancelled, "post", f"{look}/cancel"))["status"] == "cancelled"
    await conforms(await desk.get("/v1/policy"), "get", "/v1/policy")


@pytest.mark.parametrize(
    "path", ["/v1/check", *(f"/v1/approvals/{{id}}/{act}" for act in ("claim", "outcome", "cancel"))]
)
@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (b"[]", {}, None),
        (b'{"nothing": 1}', {}, "unknown_member"),
        (b"{", {}, "invalid_json"),
        (b'{"result": "' + b"x" * 300_000 + b'"}', {}, "body_too_large"),
        (b"a=b", {"Content_Type": "application/x-www-form-urlencoded"}, "unsupported_media_type"),
        (b"{}", {"Authorization": "Bearer ast_unknown"}, "unauthorized"),
    ],
    ids=["list", "unknown member", "cut", "too large", "form", "unknown token"],
)
async def test_refusals_of_a_body_are_as_documented(
    desk: Desk, path: str, raw: bytes, headers: dict[str, str], code: str | None
) -> None:
    real = path.replace("{id}", "01980000-0000-7000-8000-000000000000")
    problem = await conforms(await desk.post(real, None, raw=raw, **headers), "post", path)
    assert code is None or problem["code"] == code


@pytest.mark.parametrize("act", ["", "/claim", "/outcome", "/cancel"])
async def test_unknown_approvals_are_as_documented(desk: Desk, act: str) -> None:
    path = f"/v1/approvals/01980000-0000-7000-8000-000000000000{act}"
    bodies = {"/claim": {"action_digest": "sha256:" + "0" * 64}, "/outcome": {"status": "failed"}, "/cancel": {}}
    response = await (desk.post(path, bodies[act]) if act else desk.get(path))
    assert (await conforms(response, "post" if act else "get", "/v1/approvals/{id}" + act))["code"] == "not_found"


@pytest.mark.parametrize("digest", [None, 1, [], "x" * 72])
async def test_claim_with_a_digest_that_is_no_text_names_the_field(desk: Desk, digest: Any) -> None:
    path, _ = await pending(desk)
    problem = await conforms(
        await desk.post(f"{path}/claim", {"action_digest": digest}), "post", "/v1/approvals/{id}/claim"
    )
    assert (problem["status"], problem["field"]) == (400, "action_digest")


async def test_preference_is_said_to_be_applied_only_when_it_was_sent(desk: Desk) -> None:
    path, _ = await pending(desk)
    assert "Preference-Applied" not in (await desk.get(f"{path}?wait=0")).headers
    assert (await desk.get(path, Prefer="wait=0")).headers["Preference-Applied"] == "wait=0"


async def test_go_ahead_is_not_spent_on_an_agent_that_hung_up(desk: Desk) -> None:
    """Its client gave up before the person decided: the repeat gets the go-ahead instead of asking again."""
    held = asyncio.create_task(
        desk.client.post(
            "/v1/check",
            data=json.dumps(ASK).encode(),
            headers=HEADERS | {"Prefer": "wait=60"},
            timeout=ClientTimeout(total=None),
        )
    )
    while not len(desk.gate.waiters):
        await asyncio.sleep(0.01)
    held.cancel()
    server = desk.client.server
    while server.handler.connections:
        await asyncio.sleep(0.01)
    approval = await ApprovalRequest.get()
    await desk.decide(str(approval.id), Verdict.APPROVE)
    while len(desk.gate.waiters):
        await asyncio.sleep(0.01)
    body = await (await desk.post("/v1/check", ASK)).json()
    assert (body["allowed"], body["approval_id"]) == (True, str(approval.id))


async def test_a_database_that_is_away_is_a_503() -> None:
    """Also for what reads before it writes: 500 would say that something is broken here."""
    with own_server() as server:
        server.prepare_template()
        with server.database() as url:
            async with open_database(url) as database, open_desk(database) as desk:
                path, asked = await pending(desk)
                server.crash()
                for response in (
                    await desk.post("/v1/check", ASK),
                    await desk.post("/v1/check", READ, Idempotency_Key="k"),
                    await desk.post(f"{path}/claim", {"action_digest": asked["action_digest"]}),
                    await desk.get(path),
                ):
                    assert response.headers["Retry-After"]
                    assert (response.status, (await response.json())["code"]) == (503, "busy")
                server.start()
                assert (await desk.post("/v1/check", ASK)).status == 202
