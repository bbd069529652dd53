"""Grants in the engine: a question is spared exactly as often as a person allowed, and never past the floor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.approvals import Resolved
from bot.database import Database, transaction
from bot.directory import Caller, move_epoch
from models.enums import CheckStatus, GrantKind, Layer, Level, OutboxKind, Role, Verdict, Via
from models.tables import Grant, Notification, OutboxMessage, User
from models.values import CheckAnswer
from tests.support.gate import Gate, asks, operator
from tests.support.replicas import Replicas, open_replicas

POLICY = {"render": "L3", "order": "L3", "wipe": "DENY", "*": "L1"}


@pytest.fixture
async def replicas(database: Database) -> AsyncIterator[Replicas]:
    async with open_replicas(database) as opened:
        yield opened


@pytest.fixture
def gate(replicas: Replicas) -> Gate:
    return replicas.one


@pytest.fixture
async def agent(gate: Gate, lin: User) -> Caller:
    return await gate.agent(lin, policy=POLICY)


async def render(gate: Gate, agent: Caller, page: str = "home", **kwargs: str) -> CheckAnswer:
    return await gate.check(agent, "render", details={"tool": "site", "args": {"page": page}}, **kwargs)


def rendering(page: str = "home") -> dict[str, object]:
    return {"tool": "site", "args": {"page": page}}


async def test_granted_action_runs_and_the_creator_gets_the_card_that_revokes(
    gate: Gate, agent: Caller, lin: User
) -> None:
    grant = await gate.grant(agent, lin, asks("render", details=rendering()))
    answer = await render(gate, agent)
    assert (answer.allowed, answer.level, answer.layer) == (True, Level.L2, Layer.GRANT)
    assert (answer.grant_id, answer.would_be) == (grant.id, Level.L3)
    [message] = await OutboxMessage.all()
    assert (message.kind, message.person_id, message.lane) == (OutboxKind.CARD, lin.id, f"notice:{lin.id}")
    assert f"grant_revoke:{grant.id}" in message.payload
    assert await Notification.filter(person_id=lin.id).count() == 1
    [entry] = await gate.audited("check.allowed")
    assert json.loads(entry.details)["grant_id"] == str(grant.id)
    assert (await render(gate, agent, "about")).status is CheckStatus.PENDING


async def test_fifty_checks_at_once_on_two_engines_use_no_more_than_there_is(
    replicas: Replicas, agent: Caller, lin: User
) -> None:
    grant = await replicas.one.grant(agent, lin, asks("render", details=rendering()), uses=7)
    answers = await asyncio.gather(*(render(replicas.both[i % 2], agent, session=str(i)) for i in range(50)))
    assert sum(answer.allowed for answer in answers) == 7
    assert all(answer.allowed or answer.status is CheckStatus.PENDING for answer in answers)
    assert (await Grant.get(id=grant.id)).uses == 7


async def test_same_key_uses_a_grant_once(replicas: Replicas, agent: Caller, lin: User) -> None:
    grant = await replicas.one.grant(agent, lin, asks("render", details=rendering()))
    first = await render(replicas.one, agent, key="k")
    again = await asyncio.gather(*(render(gate, agent, key="k") for gate in replicas.both))
    assert again == [first, first]
    assert (await Grant.get(id=grant.id)).uses == 1


async def test_revoked_grant_spares_nothing_on_any_engine(replicas: Replicas, agent: Caller, lin: User) -> None:
    grant = await replicas.one.grant(agent, lin, asks("render", details=rendering()))
    assert (await render(replicas.two, agent)).allowed
    async with transaction():
        await move_epoch()
        await Grant.filter(id=grant.id).update(revoked_at=replicas.clock.now())
    assert (await render(replicas.two, agent)).status is CheckStatus.PENDING


async def test_grant_ends(gate: Gate, agent: Caller, lin: User) -> None:
    await gate.grant(agent, lin, asks("render", details=rendering()), lasts=timedelta(hours=1))
    gate.clock.move(hours=1)
    assert (await render(gate, agent)).status is CheckStatus.PENDING


async def test_grant_never_goes_past_the_floor_or_a_denial(gate: Gate, agent: Caller, lin: User) -> None:
    await gate.grant(agent, lin, asks("delete_files"))
    assert (await gate.check(agent, "delete_files")).layer is Layer.FLOOR
    await gate.grant(agent, lin, asks("wipe"))
    assert (await gate.check(agent, "wipe")).status is CheckStatus.DENIED
    grant = await gate.grant(agent, lin, asks("render", details=rendering()))
    assert (await render(gate, agent, session="a")).allowed
    await gate.write_floor({"render": "L3"})
    assert (await render(gate, agent, session="b")).status is CheckStatus.PENDING
    assert (await Grant.get(id=grant.id)).uses == 1


async def test_grant_of_somebody_who_may_not_give_it_any_more_spares_nothing(
    gate: Gate, agent: Caller, lin: User
) -> None:
    wang = await gate.person("王敏", role=Role.ORG_ADMIN)
    grant = await gate.grant(agent, wang, asks("render", details=rendering()))
    assert (await render(gate, agent, session="a")).allowed
    await User.filter(id=wang.id).update(role=Role.MEMBER)
    assert (await render(gate, agent, session="b")).status is CheckStatus.PENDING
    assert (await Grant.get(id=grant.id)).uses == 1


async def test_what_a_person_was_asked_comes_before_a_grant(gate: Gate, agent: Caller, lin: User) -> None:
    """Else one approval and one use would let the same call run twice, or a grant would overrule a fresh no."""
    asked = await render(gate, agent)
    refused = await render(gate, agent, "about")
    assert asked.approval_id is not None and refused.approval_id is not None
    for page in ("home", "about"):
        await gate.grant(agent, lin, asks("render", details=rendering(page)))
    assert (await render(gate, agent)).approval_id == asked.approval_id
    by = operator(lin)
    assert isinstance(await gate.approvals.resolve(asked.approval_id, Verdict.APPROVE, by, via=Via.CARD), Resolved)
    await gate.approvals.resolve(refused.approval_id, Verdict.REJECT, by, via=Via.CARD)
    assert (await render(gate, agent, "about")).status is CheckStatus.REJECTED
    assert (await render(gate, agent)).status is CheckStatus.APPROVED
    assert await Grant.filter(uses__gt=0).count() == 0
    assert (await render(gate, agent)).layer is Layer.GRANT


async def test_budget_that_is_spent_stops_granted_runs_too(replicas: Replicas, lin: User) -> None:
    gate = replicas.one
    rules = [{"action": "order", "when": 'today("amount") > 100', "level": "DENY"}, {"action": "order", "level": "L3"}]
    agent = await gate.agent(lin, name="Buyer", policy={"default": "L1", "rules": rules})
    details = {"tool": "shop", "args": {"item": "paper", "amount": 30}}
    await gate.grant(agent, lin, asks("order", details=details), kind=GrantKind.KIND)
    answers = await asyncio.gather(
        *(replicas.both[i % 2].check(agent, "order", details=details, session=str(i)) for i in range(12))
    )
    assert sum(answer.allowed for answer in answers) == 3
    assert {answer.layer for answer in answers if answer.allowed} == {Layer.GRANT}
    assert {answer.status for answer in answers if not answer.allowed} == {CheckStatus.DENIED}
