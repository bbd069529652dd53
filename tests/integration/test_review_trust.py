"""Faults that a review of budgets, grants and fairness found, one test each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot import directory
from bot.audit.chain import AuditFact
from bot.database import Database, in_open_transaction, transaction
from bot.directory import Caller, move_epoch
from bot.granting.values import Given
from bot.journal.flushing import CheckRecord, Journal
from bot.metering import Metering, forget, metering
from bot.metering.runs import runs
from models.enums import CheckStatus, GrantKind, Layer, Level, Verdict, Via
from models.tables import AuditEntry, Grant, Tally, User
from models.values import CheckAnswer
from tests.support.gate import Gate, asks, operator
from tests.support.replicas import Replicas, open_replicas

BUDGET = {
    "default": "L1",
    "rules": [
        {"action": "ask_*", "level": "L3"},
        {"tool": "bank*", "when": 'today("amount") > 100', "level": "DENY"},
    ],
}


@pytest.fixture
async def replicas(database: Database) -> AsyncIterator[Replicas]:
    async with open_replicas(database) as opened:
        await opened.one.write_floor({"rules": []})
        yield opened


@pytest.fixture
def gate(replicas: Replicas) -> Gate:
    return replicas.one


@pytest.fixture
async def payer(gate: Gate, lin: User) -> Caller:
    return await gate.agent(lin, policy=BUDGET)


async def pay(gate: Gate, payer: Caller, amount: Any, tool: str = "bank", **kwargs: Any) -> CheckAnswer:
    action = kwargs.pop("action", "send")
    return await gate.check(payer, action, details={"tool": tool, "args": {"amount": amount}}, **kwargs)


async def count_anew(payer: Caller) -> None:
    async with transaction():
        await move_epoch()
        await forget([payer.agent_id])


# --- budgets ---


async def test_tools_with_ever_new_names_make_no_tally_grow(gate: Gate, payer: Caller) -> None:
    """A check reads all tallies: an agent that made a hundred thousand of them would hold up every other."""
    answers = [await pay(gate, payer, 5, tool=f"bank_{i}") for i in range(25)]
    assert sum(answer.allowed for answer in answers) == 20
    assert await Tally.all().count() == 1
    await count_anew(payer)
    assert not (await pay(gate, payer, 5)).allowed
    assert await Tally.all().count() == 1


async def test_names_that_one_rule_tells_apart_stay_apart(gate: Gate, lin: User) -> None:
    policy = {
        "default": "L1",
        "rules": [
            {"tool": "bank_a", "when": 'today("amount") > 100', "level": "DENY"},
            {"tool": "bank*", "when": 'today("amount") > 150', "level": "DENY"},
        ],
    }
    payer = await gate.agent(lin, policy=policy)
    paid = [("bank_b", 100), ("bank_a", 40), ("bank_c", 20), ("bank_a", 10), ("bank_a", 1)]
    expected = [True, True, False, True, False]
    assert [(await pay(gate, payer, amount, tool)).allowed for tool, amount in paid] == expected
    await count_anew(payer)
    assert [(await pay(gate, payer, amount, "bank_a")).allowed for amount in (1, 0)] == [False, True]


@pytest.mark.parametrize("how", ["check", "claim", "claim by id"])
async def test_audit_is_counted_before_the_transaction_and_not_in_it(
    gate: Gate, payer: Caller, lin: User, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A hundred thousand runs take seconds, and a transaction that holds the epoch holds up every change meanwhile."""
    assert (await pay(gate, payer, 60)).allowed
    asked = await pay(gate, payer, 60, action="ask_first")
    assert asked.approval_id is not None
    await gate.approvals.resolve(asked.approval_id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    await count_anew(payer)
    inside: list[bool] = []

    def watched(*args: Any) -> Any:
        inside.append(in_open_transaction())
        return runs(*args)

    monkeypatch.setattr(metering, "runs", watched)
    if how == "check":
        assert not (await pay(gate, payer, 60)).allowed
    elif how == "claim":
        assert (await pay(gate, payer, 60, action="ask_first")).allowed  # the first rule decides, the run counts
    else:
        claimed = await gate.engine.claim(payer, asked.approval_id, asked.action_digest)
        assert isinstance(claimed, CheckAnswer)
        assert claimed.allowed
    assert inside == [False]


async def test_what_runs_after_the_audit_was_counted_is_counted_once(replicas: Replicas, payer: Caller) -> None:
    """Whatever its time says: clocks differ and step, commits do not come in the order of their times."""
    gate = replicas.one
    assert (await pay(gate, payer, 30)).allowed
    known, request = await gate.directory.present(payer.agent_id), asks("send", details={"tool": "bank"})
    await count_anew(payer)
    await gate.binding.prepare(known, request, gate.clock.now())
    assert (await pay(replicas.two, payer, 20)).allowed
    gate.clock.move(minutes=-7)
    assert (await pay(replicas.two, payer, 10)).allowed
    gate.clock.move(minutes=8)
    await count_anew(payer)
    async with gate.ledger.transaction() as work:
        bound = await gate.binding.decide(known, request, work.now)
    assert bound.meter is not None
    assert bound.meter.counters.count(lambda *_: True, bound.meter.counters.midnight) == 3
    assert bound.meter.counters.total(lambda *_: True, bound.meter.counters.midnight, "amount") == 60
    assert [(await pay(gate, payer, amount)).allowed for amount in (41, 40)] == [False, True]


async def test_clock_that_runs_ahead_and_is_set_back_refills_no_budget(gate: Gate, payer: Caller) -> None:
    assert (await pay(gate, payer, 80)).allowed
    gate.clock.move(days=3)
    assert (await pay(gate, payer, 10)).allowed  # what is older than a day is dropped
    gate.clock.move(days=-3, minutes=1)
    assert not (await pay(gate, payer, 30)).allowed


async def test_day_that_begins_earlier_after_a_change_of_the_zone_counts_whole(gate: Gate, payer: Caller) -> None:
    gate.clock.move(hours=7)  # 00:30 in Shanghai, 16:30 in UTC
    assert (await pay(gate, payer, 80)).allowed
    gate.clock.move(hours=20)  # 20:30 in Shanghai, 12:30 in UTC
    await pay(gate, payer, 1)
    gate.clock.move(hours=4)  # the next day in Shanghai; in UTC still that which began at 00:00
    await pay(gate, payer, 1)
    known = await gate.directory.present(payer.agent_id)
    counting = await Metering(ZoneInfo("America/New_York")).peek(payer.agent_id, known.measures, gate.clock.now())
    assert counting.total(lambda *_: True, counting.midnight, "amount") == 2
    async with gate.ledger.transaction() as work:
        there = Metering(ZoneInfo("America/New_York"))
        opened = await there.open(payer.agent_id, known.measures, work.now)
    assert opened.counters.total(lambda *_: True, opened.counters.midnight, "amount") == 2


# --- kept go-aheads ---


async def test_go_ahead_of_a_revoked_grant_is_not_given_again(replicas: Replicas, lin: User) -> None:
    gate = replicas.one
    agent = await gate.agent(lin, policy={"render": "L3"})
    grant = await gate.grant(agent, lin, asks("render"), uses=1)
    first = await gate.check(agent, "render", key="k")
    assert first.allowed
    assert await replicas.two.check(agent, "render", key="k") == first  # used up, but not taken back
    async with transaction():
        await move_epoch()
        await Grant.filter(id=grant.id).update(revoked_at=gate.clock.now())
    for one in replicas.both:
        assert not (await one.check(agent, "render", key="k")).allowed


@pytest.mark.parametrize("how", ["policy", "floor", "observation"])
async def test_go_ahead_that_nobody_gave_is_not_given_again_once_the_rules_ask(gate: Gate, lin: User, how: str) -> None:
    agent = await gate.agent(lin, policy={"render": "L3" if how == "observation" else "L1"})
    if how == "observation":
        await gate.observe(agent, gate.clock.now().replace(year=2027))
    first = await gate.check(agent, "render", key="k")
    assert first.allowed
    if how == "policy":
        await gate.write_policy(agent, {"render": "L3"})
    elif how == "floor":
        await gate.write_floor({"render": "L3"})
    else:
        await gate.observe(agent, None)
    again = await gate.check(agent, "render", key="k")
    assert (again.allowed, again.status) == (False, CheckStatus.DENIED)
    assert (await gate.check(agent, "render", key="k2")).status is CheckStatus.PENDING


async def test_go_ahead_stands_when_others_used_up_the_budget_since(gate: Gate, lin: User) -> None:
    rules = [{"action": "send", "when": 'today("amount") > 100', "level": "L3"}]
    payer = await gate.agent(lin, policy={"default": "L1", "rules": rules})
    first = await pay(gate, payer, 90, key="k")
    asked = await pay(gate, payer, 20)
    assert asked.approval_id is not None
    await gate.approvals.resolve(asked.approval_id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    assert (await pay(gate, payer, 20)).allowed
    assert await pay(gate, payer, 90, key="k") == first


# --- grants ---


async def test_grant_of_one_action_is_not_taken_for_that_of_another_with_the_same_bounds(gate: Gate, lin: User) -> None:
    agent = await gate.agent(lin, policy={"restart": "L3", "deploy": "L3"})
    given = []
    for action in ("restart", "deploy"):
        asked = await gate.check(agent, action, details={"tool": "site", "args": {}})
        assert asked.approval_id is not None
        await gate.approvals.resolve(asked.approval_id, Verdict.APPROVE, operator(lin), via=Via.CARD)
        async with gate.ledger.transaction() as work:
            given.append(await gate.grants.give_kind(work, operator(lin), asked.approval_id))
    assert all(isinstance(one, Given) and not one.again for one in given)
    assert {grant.action_type for grant in await Grant.filter(kind=GrantKind.KIND)} == {"restart", "deploy"}


async def test_grants_that_are_over_make_room(gate: Gate, lin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are never deleted, and every change of anything has them read again."""
    monkeypatch.setattr(directory, "MOST_GRANTS", 3)
    agent = await gate.agent(lin, policy={"render": "L3"})
    for _ in range(5):
        await gate.grant(agent, lin, asks("render"))
    gate.clock.move(hours=2)
    await gate.grant(agent, lin, asks("render"))
    answer = await gate.check(agent, "render")
    assert (answer.layer, answer.level) == (Layer.GRANT, Level.L2)
    assert len((await gate.directory.present(agent.agent_id)).grants) == 3


# --- one agent delays no other ---


@pytest.mark.parametrize("what", ["question", "claim"])
async def test_agent_that_does_much_at_once_stands_in_line_once(gate: Gate, lin: User, what: str) -> None:
    noisy, quiet = [await gate.agent(lin, name=name, policy={"*": "L3"}) for name in ("Noisy", "Quiet")]
    asked = await gate.check(noisy, "render")
    assert asked.approval_id is not None
    await gate.check(quiet, "warm up")

    async def one(number: int) -> object:
        if what == "question":
            return await gate.check(noisy, "render", session=str(number))
        assert asked.approval_id is not None
        return await gate.engine.claim(noisy, asked.approval_id, asked.action_digest)

    crowd = [asyncio.create_task(one(number)) for number in range(200)]
    assert (await gate.check(quiet, "render")).status is CheckStatus.PENDING
    done = sum(task.done() for task in crowd)
    await asyncio.gather(*crowd)
    assert done < 150


async def test_huge_arguments_do_not_fill_one_commit(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(gate.clock, largest_batch_text=10_000)
    sizes = []
    flush = journal._flush

    async def watched(batch: Any) -> None:
        sizes.append(sum(len(waiting.entry.details) for waiting in batch))
        await flush(batch)

    monkeypatch.setattr(journal, "_flush", watched)
    epoch = await directory.current_epoch()
    facts = [AuditFact("default", "test", "test.huge", str(i), {"text": "x" * 4000}) for i in range(20)]
    await asyncio.gather(*(journal.record(CheckRecord(epoch, fact)) for fact in facts))
    await journal.close()
    assert await AuditEntry.filter(action="test.huge").count() == 20
    assert max(sizes) < 15_000
