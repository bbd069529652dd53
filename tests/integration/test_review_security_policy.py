"""Hostile requests to the people's HTTP interface, joined people, and buttons that belong elsewhere."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from bot.granting.presses import Act, GrantPresses, _moment
from bot.granting.reviews import Reviews
from models.enums import Role
from models.tables import CardCopy, Grant, User
from models.values import CardClick, JsonObject, PersonIds, Refusal
from tests.integration.test_grants import Desk as GrantDesk
from tests.integration.test_grants import desk as grant_desk  # noqa: F401
from tests.integration.test_policies_http import POLICY, Desk, desk  # noqa: F401
from tests.support.gate import APP_ID, operator

ODD: list[Any] = [None, True, 0, -1, 1.5, 1e308, 2**53 - 1, "", "x", "\u202ex", "a" * 3000, [], {}, [[]], {"a": 1}]
NO_RULES: list[Any] = [{}, [], None, "x", [None], [{}], [{"when": 1}], [{"when": "1/0 == 1", "level": "L3"}]]
NO_PATTERNS: list[Any] = [None, 1, "", "*" * 99, "a*" * 45, " a", "\u200b", []]
NO_LABELS: list[Any] = [None, {}, {"": "x"}, {"a": 1}, {"\u202e": "x"}]
ODD += [{"rules": odd} for odd in NO_RULES]
ODD += [{"rules": [{"action": odd, "level": "L3"}]} for odd in NO_PATTERNS]
ODD += [{"rules": [{"labels": odd, "level": "L3"}]} for odd in NO_LABELS]
MEMBERS = [
    "action_type",
    "details",
    "document",
    "version",
    "days",
    "limit",
    "requested_by",
    "session",
    "rules",
    "default",
]
NAMES = ["%00", "%ff", "%ED%A0%80", "a" * 500, "%E2%80%AE", "floor%00", "..%2f..", "%2e%2e", "'--"]
RAW = [
    b"",
    b"{",
    b"\xff",
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"*":"L3","*":"L1"}',
    b'{"*":"L3\\u0000"}',
    b'{"*":"\\ud800"}',
    b'{"version":1e999}',
    b'{"version":123456789012345678901234567890}',
    b"NaN",
    b'"' + b"x" * 300_000 + b'"',
]


def mutated(source: random.Random) -> Any:
    if source.random() < 0.1:
        return source.choice(ODD)
    body = {name: source.choice(ODD) for name in source.sample(MEMBERS, source.randint(0, 4))}
    if source.random() < 0.7:
        body["action_type"] = source.choice(["pay", "x", *ODD])
    return body


async def test_no_body_whatever_is_a_fault_of_ours(desk: Desk) -> None:  # noqa: F811
    token, source = await desk.token(desk.lin), random.Random(3)
    paths = [f"{root}/{what}" for root in (POLICY, "/v1/floor") for what in ("test", "replay", "rollback")]
    for round_ in range(1_500):
        path = source.choice([*paths, POLICY, "/v1/floor"])
        method = "PUT" if path in (POLICY, "/v1/floor") else "POST"
        raw = source.choice(RAW) if round_ % 10 == 0 else json.dumps(mutated(source)).encode()
        tag = source.choice(['"v1"', "*", "W/", '"v1", "v99"', '"', ",", '"v999999999999"'])
        answer = await desk.call(token, method, path, raw=raw, If_Match=tag)
        assert answer.status < 500, (method, path, raw[:300], await answer.text())
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("headers", [{"Content_Encoding": "gzip"}, {"Content_Type": "text/plain"},
                                     {"Content_Type": "application/json-seq; charset=utf-99"}])  # fmt: skip
async def test_a_body_that_cannot_be_read_is_the_callers_fault(desk: Desk, headers: dict[str, str]) -> None:  # noqa: F811
    token = await desk.token(desk.lin)
    answer = await desk.call(token, "POST", POLICY + "/test", raw=b'{"action_type": 7}', **headers)
    assert (400 <= answer.status < 500, answer.content_type) == (True, "application/problem+json"), await answer.text()


async def test_what_fits_into_a_check_fits_into_a_test(desk: Desk) -> None:  # noqa: F811
    """Letters that are no ASCII were counted with six bytes each."""
    body = {"action_type": "写", "details": {"args": {"text": "字" * 60_000}}}
    raw = json.dumps(body, ensure_ascii=False).encode()
    answer = await desk.call(await desk.token(desk.lin), "POST", POLICY + "/test", raw=raw)
    assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("name", NAMES)
async def test_no_name_or_id_in_a_path_is_a_fault_of_ours(desk: Desk, name: str) -> None:  # noqa: F811
    token = await desk.token(desk.lin)
    for path in (f"/v1/agents/{name}/policy", f"/v1/agents/{name}/policy/history?limit={name}", f"/v1/checks/{name}",
                 f"{POLICY}/history?limit={name}"):  # fmt: skip
        answer = await desk.call(token, "GET", path)
        assert (400 <= answer.status < 500, answer.content_type) == (True, "application/problem+json"), path
    answer = await desk.call(token, "PUT", f"{POLICY}?note={name}", {"*": "L3"}, If_Match="*")
    assert answer.status in (200, 400)


async def test_a_joined_person_leaves_no_role_grant_or_token_behind(grant_desk: GrantDesk) -> None:  # noqa: F811
    """The stub was an admin. Had it kept its role, its grants would outlive the person's own demotion."""
    gate, people = grant_desk.gate, grant_desk.gate.people
    stub = await gate.person("stub", role=Role.ORG_ADMIN)
    given = await grant_desk.exact(await grant_desk.approval(), stub)
    person = await gate.person("person")
    await people.learn_open_id(stub.id, APP_ID, "ou_stub", gate.clock.now())
    await people.learn_open_id(person.id, APP_ID, "ou_stub", gate.clock.now())
    assert ((await User.get(id=stub.id)).role, (await User.get(id=person.id)).role) == (Role.MEMBER, Role.ORG_ADMIN)
    assert (await Grant.get(id=given.grant.grant_id)).giver_id == person.id  # type: ignore[union-attr]
    assert (await gate.check(grant_desk.agent, "render", details={"tool": "site", "args": {"page": "a"}})).allowed
    await User.filter(id=person.id).update(role=Role.MEMBER)
    answer = await gate.check(grant_desk.agent, "render", details={"tool": "site", "args": {"page": "a"}})
    assert not answer.allowed


async def test_a_forged_button_on_somebody_elses_card_shows_nothing_of_it(grant_desk: GrantDesk) -> None:  # noqa: F811
    """The value names the presser's own approval, the message is the card of another creator's."""
    gate = grant_desk.gate
    other = await gate.person("other")
    theirs = await gate.check(await gate.agent(other, name="Other", policy={"*": "L3"}), "secret_work")
    assert theirs.approval_id is not None
    await CardCopy.filter(approval_id=theirs.approval_id).update(message_id="om_theirs")
    presses = GrantPresses(gate.ledger, grant_desk.grants, Reviews(grant_desk.grants), gate.views, gate.clock)
    mine = await grant_desk.approval()
    for act in (Act.EXACT, Act.KIND, Act.GRADUATE):
        value: JsonObject = {"act": act.value, "approval_id": str(mine)}
        ids = PersonIds(open_id="ou_lin")
        click = CardClick(f"ev-{act}", APP_ID, ids, "om_theirs", None, value, None, {}, None)
        pressed = await presses.press(operator(grant_desk.lin), act, click, event_key=f"k-{act}")
        assert isinstance(pressed.outcome, Refusal)
        assert pressed.view is None
    assert await Grant.all().count() == 0


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x", 7, None, "2026-01-01"])
def test_a_time_on_a_button_that_is_none_is_none(text: object) -> None:
    assert _moment(text) is None
