"""The hook over HTTP: what is accepted, what is answered, and what is refused with which problem."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.amending import Edits
from bot.database import Database
from bot.directory import token_hash
from handlers.errors import problem_middleware
from handlers.hook import Hook
from handlers.openapi import openapi_route
from models.enums import Verdict, Via
from models.tables import Agent, ApprovalRequest, AuditEntry, User
from tests.support.gate import Gate, open_gate, operator

TOKEN = "ast_" + "t" * 43
ASK = {"action_type": "delete_files", "details": {"tool": "delete_file", "args": {"path": "reports/2025"}}}
READ = {"action_type": "read_files", "details": {}}


@dataclass
class Desk:
    """An agent's view of the hook."""

    gate: Gate
    creator: User
    client: TestClient[web.Request, web.Application]

    async def post(self, path: str, body: Any, *, raw: bytes | None = None, **headers: str) -> ClientResponse:
        payload = raw if raw is not None else json.dumps(body).encode()
        base = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent = base | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, data=payload, headers=sent)

    async def get(self, path: str, **headers: str) -> ClientResponse:
        sent = {"Authorization": f"Bearer {TOKEN}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers=sent)

    async def decide(self, approval_id: str, verdict: Verdict, reason: str | None = None) -> None:
        approval = await ApprovalRequest.get(id=approval_id)
        await self.gate.approvals.resolve(approval.id, verdict, operator(self.creator), via=Via.CARD, reason=reason)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_desk(database) as opened:
        yield opened


@asynccontextmanager
async def open_desk(database: Database) -> AsyncIterator[Desk]:
    async with open_gate(database) as gate:
        creator = await gate.person("林小雨")
        caller = await gate.agent(creator)
        await Agent.filter(id=caller.agent_id).update(token_hash=token_hash(TOKEN))
        app = web.Application(middlewares=[problem_middleware], client_max_size=1024 * 1024)
        app.add_routes([*Hook(gate.directory, gate.engine, gate.approvals).routes(), openapi_route()])
        async with TestClient(TestServer(app)) as client:
            yield Desk(gate, creator, client)


async def problem_of(response: ClientResponse) -> tuple[int, str, str | None]:
    assert response.content_type == "application/problem+json"
    body = await response.json()
    assert body["status"] == response.status
    assert body["detail"]
    return response.status, body["code"], body.get("field")


async def test_decided_check_is_200_with_the_whole_answer(desk: Desk) -> None:
    response = await desk.post("/v1/check", READ)
    body = await response.json()
    assert response.status == 200
    assert body["allowed"] is True
    assert (body["level"], body["status"], body["rule"], body["policy_version"]) == ("L1", "allowed", "read_*", 1)
    assert body["action_digest"].startswith("sha256:")
    assert body["code"] == body["action_digest"][7:13]


async def test_pending_check_is_202_with_location_and_retry_after(desk: Desk) -> None:
    response = await desk.post("/v1/check", ASK)
    body = await response.json()
    assert response.status == 202
    assert response.headers["Location"] == f"/v1/approvals/{body['approval_id']}"
    assert int(response.headers["Retry-After"]) > 0
    assert (body["allowed"], body["status"], body["delivery"]) == (False, "pending", "queued")
    assert body["expires_at"].endswith("Z")


async def test_prefer_wait_is_applied_and_ends_with_202_when_nobody_decides(desk: Desk) -> None:
    response = await desk.post("/v1/check", ASK, Prefer="respond-async, wait=1")
    assert response.status == 202
    assert response.headers["Preference-Applied"] == "wait=1"


async def test_waiting_check_gets_the_go_ahead_when_the_creator_approves(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.post("/v1/check", ASK, Prefer="wait=60"))
    while (pending := await ApprovalRequest.first()) is None:
        await asyncio.sleep(0.01)
    await desk.decide(str(pending.id), Verdict.APPROVE)
    response = await asyncio.wait_for(waiting, 10)
    assert response.status == 200
    assert (await response.json())["allowed"] is True


async def test_rejection_reaches_the_agent_with_the_persons_reason(desk: Desk) -> None:
    pending = await (await desk.post("/v1/check", ASK)).json()
    await desk.decide(pending["approval_id"], Verdict.REJECT, "先备份")
    body = await (await desk.post("/v1/check", ASK)).json()
    assert (body["allowed"], body["status"], body["reason"]) == (False, "rejected", "先备份")


async def test_look_shows_resolution_execution_and_delivery_and_changes_nothing(desk: Desk) -> None:
    pending = await (await desk.post("/v1/check", ASK)).json()
    path = f"/v1/approvals/{pending['approval_id']}"
    before = await (await desk.get(path)).json()
    assert (before["status"], before["resolution"], before["delivery"]["state"]) == ("pending", None, "queued")
    await desk.decide(pending["approval_id"], Verdict.APPROVE)
    entries = await AuditEntry.all().count()
    after = await (await desk.get(path)).json()
    assert (after["status"], after["resolution"]["by"], after["claimed_at"]) == ("approved", "林小雨", None)
    assert await AuditEntry.all().count() == entries


async def test_claim_outcome_and_second_claim(desk: Desk) -> None:
    pending = await (await desk.post("/v1/check", ASK)).json()
    path = f"/v1/approvals/{pending['approval_id']}"
    await desk.decide(pending["approval_id"], Verdict.APPROVE)
    claimed = await desk.post(f"{path}/claim", {"action_digest": pending["action_digest"]})
    assert (claimed.status, (await claimed.json())["allowed"]) == (200, True)
    again = await desk.post(f"{path}/claim", {"action_digest": pending["action_digest"]})
    assert (await problem_of(again))[:2] == (409, "already_claimed")
    body = await again.json()
    assert body["by"] == "林小雨"
    assert body["at"]
    told = await desk.post(f"{path}/outcome", {"status": "succeeded", "result": {"deleted": 3}})
    assert (await told.json())["execution"]["result"] == {"deleted": 3}
    twice = await desk.post(f"{path}/outcome", {"status": "failed"})
    assert (await problem_of(twice))[:2] == (409, "outcome_known")


async def test_cancel_is_possible_once(desk: Desk) -> None:
    pending = await (await desk.post("/v1/check", ASK)).json()
    path = f"/v1/approvals/{pending['approval_id']}/cancel"
    assert (await (await desk.post(path, {"reason": "done otherwise"})).json())["status"] == "cancelled"
    assert (await problem_of(await desk.post(path, {})))[:2] == (409, "not_pending")


async def test_dry_run_never_says_allowed_true(desk: Desk) -> None:
    body = await (await desk.post("/v1/check?dry_run=1", READ)).json()
    assert (body["dry_run"], body["allowed"], body["would"]) == (True, False, "allowed")
    assert await AuditEntry.all().count() == 0


async def test_policy_is_the_callers_effective_policy(desk: Desk) -> None:
    body = await (await desk.get("/v1/policy")).json()
    assert body["agent"] == "Bookkeeper"
    assert body["version"] == 1


@pytest.mark.parametrize(
    "arguments",
    [{"path": "a", "n": 1, "ok": True, "none": None}, '{"path": "a", "n": 1, "ok": true, "none": null}',
     "{'path': 'a', 'n': 1, 'ok': True, 'none': None}"],
)  # fmt: skip
async def test_arguments_in_three_forms_have_one_digest(desk: Desk, arguments: Any) -> None:
    body = {"action_type": "read_files", "details": {"tool": "t", "args": arguments}}
    answer = await (await desk.post("/v1/check", body)).json()
    whole = {"path": "a", "n": 1, "ok": True, "none": None}
    same = await (
        await desk.post("/v1/check", {"action_type": "read_files", "details": {"tool": "t", "args": whole}})
    ).json()
    assert answer["action_digest"] == same["action_digest"]


BAD: list[tuple[str, Any, int, str | None]] = [
    ("no object", [1], 400, "body"),
    ("no action type", {"details": {}}, 400, "action_type"),
    ("empty action type", {"action_type": ""}, 400, "action_type"),
    ("long action type", {"action_type": "x" * 101}, 400, "action_type"),
    ("action type with a control character", {"action_type": "a\u0007b"}, 400, "action_type"),
    ("action type of a wrong kind", {"action_type": 3}, 400, "action_type"),
    ("arguments as a list", {"action_type": "a", "details": {"args": [1]}}, 400, "details.args"),
    ("arguments as broken text", {"action_type": "a", "details": {"args": "{'a': "}}, 400, "details.args"),
    ("arguments as a call", {"action_type": "a", "details": {"args": "dict(a=1)"}}, 400, "details.args"),
    ("NUL in the arguments", {"action_type": "a", "details": {"args": {"x": "\u0000"}}}, 400, "details.args.x"),
    ("requester of a wrong kind", {"action_type": "a", "details": {"requested_by": 5}}, 400, "details.requested_by"),
    ("integer beyond 2^53", {"action_type": "a", "details": {"args": {"id": 2**60}}}, 400, "details.args.id"),
    ("unknown member", {"action_type": "a", "level": "L1"}, 400, "level"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "status", "field"), BAD, ids=[case[0] for case in BAD])
async def test_bad_input_is_a_400_that_names_the_field(
    desk: Desk, name: str, body: Any, status: int, field: str | None
) -> None:
    """Defects 19 and 23: bad input never raises inside the check, and is never ignored."""
    response = await desk.post("/v1/check", body)
    got_status, _, got_field = await problem_of(response)
    assert (got_status, got_field) == (status, field)
    assert await AuditEntry.all().count() == 0


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b'{"action_type":"a","action_type":"b"}', 400, "duplicate_key"),
        (b'{"action_type":"\xff"}', 400, "invalid_json"),
        (b'{"action_type":"a","details":{"args":{"n":NaN}}}', 400, "number_out_of_range"),
        (b'{"action_type":"a","details":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}", 400, "too_deep"),
        (b'{"action_type":' + b"[" * 50_000, 400, "too_deep"),
        (b'{"action_type":"a","details":{"args":{"x":"' + b"y" * 300_000 + b'"}}}', 413, "body_too_large"),
    ],
    ids=["empty", "cut", "duplicate key", "not UTF-8", "NaN", "deep", "very deep", "too large"],
)
async def test_hostile_bodies_are_refused(desk: Desk, raw: bytes, status: int, code: str) -> None:
    got_status, got_code, _ = await problem_of(await desk.post("/v1/check", None, raw=raw))
    assert (got_status, got_code) == (status, code)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic " + TOKEN, "Bearer " + "x" * 300])
async def test_wrong_credentials_are_401_before_the_body_is_read(desk: Desk, header: str) -> None:
    response = await desk.client.post("/v1/check", data=b"{not json", headers={"Authorization": header})
    assert (await problem_of(response))[:2] == (401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_unknown_approval_and_garbage_id_are_404(desk: Desk) -> None:
    for name in ("01980000-0000-7000-8000-000000000000", "garbage"):
        assert (await problem_of(await desk.get(f"/v1/approvals/{name}")))[:2] == (404, "not_found")


async def test_idempotency_key_conflict_is_422_and_bad_key_400(desk: Desk) -> None:
    assert (await desk.post("/v1/check", READ, Idempotency_Key='"k1"')).status == 200
    clash = await desk.post("/v1/check", ASK, Idempotency_Key="k1")
    assert (await problem_of(clash))[:2] == (422, "idempotency_mismatch")
    bad = await desk.post("/v1/check", READ, Idempotency_Key='"')
    assert (await problem_of(bad))[:2] == (400, "idempotency_key_invalid")


async def test_wrong_method_and_unknown_path_are_problems(desk: Desk) -> None:
    assert (await problem_of(await desk.get("/v1/check")))[:2] == (405, "method_not_allowed")
    assert (await problem_of(await desk.get("/v1/nothing")))[:2] == (404, "not_found")


async def test_form_bodies_are_415(desk: Desk) -> None:
    response = await desk.post(
        "/v1/check", None, raw=b"action_type=a", Content_Type="application/x-www-form-urlencoded"
    )
    assert (await problem_of(response))[:2] == (415, "unsupported_media_type")


async def test_a_changed_request_over_http(desk: Desk) -> None:
    """The answer says what to send, the claim of the original names what was approved, and the changed one is taken."""
    asked = await (await desk.post("/v1/check", ASK)).json()
    approval = await ApprovalRequest.get(id=asked["approval_id"])
    await desk.gate.approvals.resolve(
        approval.id, Verdict.APPROVE, operator(desk.creator), via=Via.CARD, edits=Edits({0: "reports/2024"}, meant=True)
    )
    response = await desk.post("/v1/check", ASK)
    told = await response.json()
    assert (response.status, told["allowed"], told["status"]) == (200, False, "approved")
    assert told["amended"]["details"] == {"tool": "delete_file", "args": {"path": "reports/2024"}}
    assert "execution" not in told
    assert "Location" not in response.headers

    claim = f"/v1/approvals/{approval.id}/claim"
    refused = await desk.post(claim, {"action_digest": asked["action_digest"]})
    problem = await refused.json()
    assert (refused.status, problem["code"]) == (409, "digest_mismatch")
    assert problem["amended_action_digest"] == told["amended"]["action_digest"]
    taken = await (await desk.post(claim, {"action_digest": told["amended"]["action_digest"]})).json()
    assert taken["allowed"]
