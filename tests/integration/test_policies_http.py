"""The people's HTTP interface of policies: who may, over which version, and what every refusal says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.administration import AccessTokenCreated, Actor, AgentCreated, in_one_transaction
from bot.administration.trials import Trials
from bot.database import Database
from bot.hindsight.explaining import Explaining
from bot.hindsight.replaying import Replaying
from bot.metering import Metering
from bot.policy.schema import schema
from cards.words import CHINA
from handlers.errors import PROBLEMS, problem_middleware
from handlers.openapi import document as openapi
from handlers.policies import PolicyRoutes
from models.enums import Level, Role
from models.tables import Agent, AuditEntry, PolicyVersion, User
from tests.support.chatroom import Room, open_room
from tests.support.gate import operator
from tests.support.service import HookAgent, house_running

CLI = Actor.command_line("ops", "default")
POLICY = "/v1/agents/Bookkeeper/policy"


@dataclass
class Desk:
    room: Room
    client: TestClient[web.Request, web.Application]
    lin: User
    agent: AgentCreated

    async def token(self, person: User, *, days: int = 30) -> str:
        tokens = self.room.administration.tokens
        made = await in_one_transaction(
            self.room.gate.ledger,
            lambda work: tokens.create(work, CLI, person, "test", lasting=timedelta(days=days)),
        )
        assert isinstance(made, AccessTokenCreated)
        return made.token

    async def call(
        self, token: str | None, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> ClientResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        payload = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        if payload is not None:
            sent.setdefault("Content-Type", "application/json")
        return await self.client.request(method, path, data=payload, headers=sent)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_room(database) as room:
        gate, agents = room.gate, room.administration.agents
        lin = await room.member("lin")
        made = await in_one_transaction(
            gate.ledger, lambda work: agents.create(work, Actor.of(operator(lin)), "Bookkeeper", creator=lin)
        )
        assert isinstance(made, AgentCreated)
        routes = PolicyRoutes(
            room.administration,
            Trials(agents, gate.directory, gate.people, Metering(CHINA), gate.clock, default_level=Level.L2),
            Replaying(agents, gate.directory, gate.people, gate.clock, default_level=Level.L2, zone=CHINA),
            Explaining(gate.people, gate.clock),
            gate.directory,
            gate.ledger,
            gate.clock,
        )
        app = web.Application(middlewares=[problem_middleware], client_max_size=256 * 1024)
        app.add_routes(routes.routes())
        async with TestClient(TestServer(app)) as client:
            yield Desk(room, client, lin, made)


async def problem(response: ClientResponse, status: int, code: str) -> Any:
    body = await response.json()
    assert (response.status, body["code"]) == (status, code), body
    assert response.content_type == "application/problem+json"
    assert PROBLEMS[code][0] == status
    return body


async def test_read_edit_write_goes_over_the_version_that_was_read(desk: Desk) -> None:
    token = await desk.token(desk.lin)
    read = await desk.call(token, "GET", POLICY)
    assert (read.status, read.headers["ETag"]) == (200, '"v1"')
    shown = await read.json()
    assert (shown["agent"], shown["version"], shown["author"], shown["default"]) == ("Bookkeeper", 1, "lin", "L2")
    edited = shown | {"rules": [{"action": "pay_*", "when": "args.amount > 100", "level": "L3"}, *shown["rules"]]}
    written = await desk.call(token, "PUT", POLICY + "?note=quarter%20end", edited, If_Match=read.headers["ETag"])
    body = await written.json()
    assert (written.status, written.headers["ETag"], body["changed"]) == (200, '"v2"', True), body
    assert [(change["kind"], change["rule"]) for change in body["changes"]] == [("added", "pay_*")]
    row = await PolicyVersion.get(version=2)
    assert (row.author, row.note) == (f"user:{desk.lin.id}", "quarter end")
    again = await desk.call(token, "PUT", POLICY, await (await desk.call(token, "GET", POLICY)).json(), If_Match='"v2"')
    assert ((await again.json())["changed"], again.headers["ETag"]) == (False, '"v2"')
    held = await desk.call(token, "GET", POLICY, If_None_Match='"v1", W/"v2"')
    assert (held.status, held.headers["ETag"], await held.read()) == (304, '"v2"', b"")
    by_id = await desk.call(token, "GET", f"/v1/agents/{desk.agent.agent_id}/policy")
    assert (await by_id.json())["version"] == 2


async def test_a_write_without_if_match_or_over_another_version_is_refused(desk: Desk) -> None:
    token, wang = await desk.token(desk.lin), await desk.room.member("wang", role=Role.ORG_ADMIN)
    await problem(await desk.call(token, "PUT", POLICY, {"*": "L3"}), 428, "precondition_required")
    await problem(await desk.call(token, "POST", POLICY + "/rollback", {"version": 1}), 428, "precondition_required")
    first = await desk.call(await desk.token(wang), "PUT", POLICY, {"*": "L3"}, If_Match='"v1"')
    assert first.status == 200
    for tag in ('"v1"', '"v1", "v7"', 'W/"v2"', '"2"', '"v02"', '"anything"'):
        body = await problem(await desk.call(token, "PUT", POLICY, {"*": "L1"}, If_Match=tag), 412, "version_moved")
        assert (body["by"], body["version"]) == ("wang", 2)
        assert body["at"] == desk.room.gate.clock.now().isoformat()
    await problem(await desk.call(token, "PUT", POLICY, {"*": "L1"}, If_Match="v2"), 400, "invalid_header")
    assert await PolicyVersion.all().count() == 2
    for tag, version in (('"v1", "v2"', '"v3"'), ("*", '"v4"')):
        done = await desk.call(token, "PUT", POLICY, {f"act_{version[2]}": "L1"}, If_Match=tag)
        assert (done.status, done.headers["ETag"]) == (200, version)


async def test_of_many_writers_over_the_same_version_at_once_one_is_heard(desk: Desk) -> None:
    token = await desk.token(desk.lin)
    answers = await asyncio.gather(
        *(desk.call(token, "PUT", POLICY, {f"action_{n}": "L3"}, If_Match='"v1"') for n in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412]
    assert await PolicyVersion.all().count() == 2


async def test_the_token_gives_exactly_its_persons_rights(desk: Desk) -> None:
    room = desk.room
    wang, zhao = await room.member("wang", role=Role.ORG_ADMIN), await room.member("zhao")
    foreign = await room.gate.person("Joe", role=Role.ORG_ADMIN, tenant="abroad")
    lin_token, wang_token, zhao_token, joe_token = [
        await desk.token(person) for person in (desk.lin, wang, zhao, foreign)
    ]
    for token, status in ((lin_token, 200), (wang_token, 200), (zhao_token, 403), (joe_token, 404)):
        for method, path, body in (
            ("GET", POLICY, None),
            ("GET", POLICY + "/history", None),
            ("POST", POLICY + "/test", {"action_type": "a"}),
            ("POST", POLICY + "/replay", {}),
        ):
            answer = await desk.call(token, method, path, body)
            assert answer.status == status, (method, path, await answer.text())
    for token, status in ((lin_token, 403), (zhao_token, 403), (wang_token, 200), (joe_token, 412)):
        answer = await desk.call(
            token, "PUT", "/v1/floor", {f"act_{status}": "L3"}, If_Match='"v0"' if status == 200 else '"v1"'
        )
        assert answer.status == status, await answer.text()
        assert (await desk.call(token, "GET", "/v1/floor")).status == 200
    await problem(await desk.call(zhao_token, "PUT", POLICY, {"*": "L1"}, If_Match='"v1"'), 403, "forbidden")
    await problem(
        await desk.call(zhao_token, "POST", POLICY + "/rollback", {"version": 1}, If_Match="*"), 403, "forbidden"
    )
    await User.filter(id=wang.id).update(role=Role.MEMBER)
    await problem(await desk.call(wang_token, "PUT", "/v1/floor", {"*": "L3"}, If_Match='"v1"'), 403, "forbidden")
    assert (await (await desk.call(joe_token, "GET", "/v1/floor")).json())["version"] == 0, "each tenant has its own"
    actors = set(await AuditEntry.filter(action="floor.saved").values_list("actor", flat=True))
    assert actors == {f"user:{wang.id}"}


async def test_who_cannot_be_told_is_a_401_problem(desk: Desk) -> None:
    good = await desk.token(desk.lin, days=1)
    tokens = desk.room.administration.tokens
    revoked = await desk.token(desk.lin)
    newest = await tokens.list(CLI)
    assert isinstance(newest, list)
    await in_one_transaction(
        desk.room.gate.ledger,
        lambda work: tokens.revoke(work, CLI, str(max(newest, key=lambda t: t.token_id).token_id)),
    )
    for token in (None, "", "asp_" + "x" * 43, good + "x", good[:-1], desk.agent.token, revoked):
        for method, path in (("GET", POLICY), ("PUT", POLICY), ("GET", "/v1/floor"), ("POST", POLICY + "/replay")):
            answer = await desk.call(token, method, path, {} if method != "GET" else None, If_Match="*")
            await problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await desk.call(good, "GET", POLICY)).status == 200
    desk.room.gate.clock.move(days=1)
    await problem(await desk.call(good, "GET", POLICY), 401, "unauthorized")


async def test_a_bad_policy_names_every_fault_and_a_bad_body_its_field(desk: Desk) -> None:
    token = await desk.token(desk.lin)
    bad = {"default": "L9", "rules": [{"action": "a", "when": "args.", "level": "l1"}]}
    body = await problem(await desk.call(token, "PUT", POLICY, bad, If_Match="*"), 422, "invalid_policy")
    assert {fault["path"] for fault in body["faults"]} == {"default", "rules[0].when", "rules[0].level"}
    for raw, code in ((b'{"a": "L1", "a": "L2"}', "duplicate_key"), (b"{", "invalid_json")):
        await problem(await desk.call(token, "PUT", POLICY, raw=raw, If_Match="*"), 400, code)
    large = await desk.call(token, "PUT", POLICY, raw=b'"' + b"x" * 300_000 + b'"', If_Match="*")
    await problem(large, 413, "body_too_large")
    text = await desk.call(token, "PUT", POLICY, raw=b"{}", If_Match="*", Content_Type="text/plain")
    await problem(text, 415, "unsupported_media_type")
    for path, wrong, field in (
        ("/rollback", {"version": True}, "version"),
        ("/rollback", {"version": "1"}, "version"),
        ("/rollback", {}, "version"),
        ("/test", {"details": {}}, "action_type"),
        ("/test", {"action_type": "a", "odd": 1}, "odd"),
        ("/replay", {"days": 0}, "days"),
        ("/replay", {"limit": 10**7}, "limit"),
    ):
        answer = await desk.call(token, "POST", POLICY + path, wrong, If_Match="*")
        assert answer.status == 400, (path, wrong)
        assert (await answer.json())["field"] == field
    for query in ("limit=0", "limit=x", "limit=501"):
        await problem(await desk.call(token, "GET", f"{POLICY}/history?{query}"), 400, "invalid_header")
    await problem(await desk.call(token, "PUT", POLICY + "?note=a%0Ab", {}, If_Match="*"), 400, "invalid_header")
    assert await PolicyVersion.all().count() == 1


async def test_history_and_rollback(desk: Desk) -> None:
    token = await desk.token(desk.lin)
    await desk.call(token, "PUT", POLICY, {"*": "DENY"}, If_Match='"v1"')
    back = await desk.call(token, "POST", POLICY + "/rollback", {"version": 1}, If_Match='"v2"')
    assert (back.status, back.headers["ETag"], (await back.json())["note"]) == (200, '"v3"', "rollback to v1")
    lines = (await (await desk.call(token, "GET", POLICY + "/history?limit=2")).json())["versions"]
    assert [(line["version"], line["author"]) for line in lines] == [(3, "lin"), (2, "lin")]
    assert {change["kind"] for change in lines[1]["changes"]} == {"added", "removed"}
    gone = await desk.call(token, "POST", POLICY + "/rollback", {"version": 9}, If_Match="*")
    await problem(gone, 404, "not_found")
    await Agent.all().update(status="archived")
    await problem(await desk.call(token, "PUT", POLICY, {"*": "L1"}, If_Match="*"), 409, "archived")


async def test_a_draft_is_tried_and_replayed_without_changing_anything(desk: Desk) -> None:
    token = await desk.token(desk.lin)
    caller = await desk.room.gate.directory.authenticate(desk.agent.token)
    for _ in range(3):
        await desk.room.gate.check(caller, "write_workspace_files", details={"args": {"amount": 40}})
    draft = {"rules": [{"action": "write_*", "when": 'rate("1h") > 3', "level": "DENY", "name": "often"}]}
    asked = {"action_type": "write_workspace_files", "details": {"args": {"amount": 40}}}
    now = await (await desk.call(token, "POST", POLICY + "/test", asked)).json()
    assert (now["level"], now["rule"], now["policy_version"], now["counted"]) == (
        "L2",
        "write_workspace_files",
        1,
        False,
    )
    tried = await (await desk.call(token, "POST", POLICY + "/test", asked | {"document": draft})).json()
    assert (tried["level"], tried["rule"], tried["counted"]) == ("DENY", "often", True), "three ran, this is the fourth"
    floor = await (await desk.call(token, "POST", "/v1/floor/test", {"action_type": "delete_files"})).json()
    assert (floor["agent"], floor["level"], floor["layer"]) == ("floor", "L3", "floor")
    await problem(
        await desk.call(token, "POST", POLICY + "/test", asked | {"document": {"a": "x"}}), 422, "invalid_policy"
    )
    denied = {"document": {"write_*": "DENY"}, "days": 3}
    report = await (await desk.call(token, "POST", POLICY + "/replay", denied)).json()
    assert (report["checks"], report["changes"]["newly_denied"]) == (3, 3)
    await problem(await desk.call(token, "POST", "/v1/floor/replay", {}), 403, "forbidden")
    assert await PolicyVersion.all().count() == 1
    assert await AuditEntry.filter(action__startswith="check.").count() == 3


async def test_why_is_told_to_the_agent_that_asked_and_to_who_decides_for_it(desk: Desk) -> None:
    room = desk.room
    caller = await room.gate.directory.authenticate(desk.agent.token)
    answer = await room.gate.check(caller, "read_files")
    other = await in_one_transaction(
        room.gate.ledger, lambda work: room.administration.agents.create(work, CLI, "Other", creator=desk.lin)
    )
    assert isinstance(other, AgentCreated)
    path = f"/v1/checks/{answer.check_id}"
    for token in (await desk.token(desk.lin), desk.agent.token):
        why = await (await desk.call(token, "GET", path)).json()
        assert (why["check_id"], why["agent"]) == (str(answer.check_id), "Bookkeeper")
        assert (why["decision"]["rule"], why["policy"]["version"]) == ("read_files", 1)
    for stranger in (await desk.token(await room.member("zhao")), other.token):
        await problem(await desk.call(stranger, "GET", path), 404, "not_found")
    await problem(await desk.call(None, "GET", path), 401, "unauthorized")
    await problem(await desk.call(await desk.token(desk.lin), "GET", "/v1/checks/nonsense"), 404, "not_found")


async def test_the_schema_is_public(desk: Desk) -> None:
    answer = await desk.call(None, "GET", "/v1/policy/schema")
    assert (answer.status, answer.content_type) == (200, "application/schema+json")
    assert json.loads(await answer.text()) == schema()


async def test_live_answers_are_as_openapi_describes_them(desk: Desk) -> None:
    token, described = await desk.token(desk.lin), openapi()
    caller = await desk.room.gate.directory.authenticate(desk.agent.token)
    check = await desk.room.gate.check(caller, "read_files")
    agent = "/v1/agents/{agent}/policy"
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", agent, POLICY, None),
        ("PUT", agent, POLICY, {"rules": [{"action": "*_x", "level": "L1"}]}),
        ("GET", agent + "/history", POLICY + "/history", None),
        ("POST", agent + "/rollback", POLICY + "/rollback", {"version": 1}),
        ("POST", agent + "/test", POLICY + "/test", {"action_type": "a"}),
        ("POST", agent + "/replay", POLICY + "/replay", {}),
        ("GET", "/v1/floor", "/v1/floor", None),
        ("GET", "/v1/floor/history", "/v1/floor/history", None),
        ("POST", "/v1/floor/test", "/v1/floor/test", {"action_type": "a"}),
        ("GET", "/v1/checks/{id}", f"/v1/checks/{check.check_id}", None),
        ("PUT", agent, "/v1/agents/nobody/policy", {}),
    ]
    for method, template, path, body in calls:
        answer = await desk.call(token, method, path, body, If_Match="*")
        responses = described["paths"][template][method.lower()]["responses"]
        response = responses[str(answer.status)]
        if "$ref" in response:
            response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
        part = response["content"][answer.content_type]["schema"]
        jsonschema.Draft202012Validator({**part, "components": described["components"]}).validate(await answer.json())


async def test_the_service_serves_it(database_url: str) -> None:
    async with house_running(database_url) as running:
        house, person = running.house, await running.person(running.feishu.creator)
        agent = await running.agent()
        made = await in_one_transaction(
            house.ledger, lambda work: house.administration.tokens.create(work, CLI, person, "test")
        )
        assert isinstance(made, AccessTokenCreated)
        someone = HookAgent(running.session, running.base_url, made.token, "")
        status, body = await someone.call("PUT", POLICY, {"read_*": "DENY"}, If_Match='"v1"')
        assert (status, body["version"]) == (200, 2), body
        answer = await agent.asks("read_files")
        assert answer["status"] == "denied"
        status, why = await someone.call("GET", f"/v1/checks/{answer['check_id']}")
        assert (status, why["decision"]["rule"], why["policy"]["author"]) == (200, "read_*", person.name)
