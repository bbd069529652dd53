"""Budgets: exact at every commit, whoever else spends at the same time, and the same when counted anew."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.approvals import Resolved
from bot.database import Database, open_database, transaction
from bot.directory import Caller, move_epoch
from bot.metering import forget
from models.enums import CheckStatus, Layer, Level, Verdict, Via
from models.policy import Meter, Tally
from models.tables import AuditEntry, OutboxMessage, User
from models.values import CheckAnswer, Refusal, RefusalKind
from tests.support.gate import Gate, asks, operator
from tests.support.replicas import Replicas, open_replicas

BUDGET = {
    "default": "L1",
    "rules": [{"action": "pay_*", "when": 'today("amount") > 100', "level": "DENY"}],
}
ASK_BEYOND = {
    "default": "L1",
    "rules": [{"action": "transfer", "when": 'today("amount") > 100', "level": "L3"}],
}
NO_FLOOR: dict[str, Any] = {"rules": []}


@pytest.fixture
async def replicas(database: Database) -> AsyncIterator[Replicas]:
    async with open_replicas(database) as opened:
        await opened.one.write_floor(NO_FLOOR)
        yield opened


@pytest.fixture
def gate(replicas: Replicas) -> Gate:
    return replicas.one


@pytest.fixture
async def payer(gate: Gate, lin: User) -> Caller:
    return await gate.agent(lin, policy=BUDGET)


async def pay(gate: Gate, payer: Caller, amount: Any, action: str = "pay_invoice", **kwargs: Any) -> CheckAnswer:
    return await gate.check(payer, action, details={"tool": "bank", "args": {"amount": amount}}, **kwargs)


async def tallies(agent: Caller) -> dict[tuple[str, str, datetime], tuple[int, dict[str, Decimal]]]:
    return {
        (row.action_type, row.tool, row.minute.astimezone(UTC)): (
            row.count,
            {path: Decimal(text) for path, text in json.loads(row.sums).items()},
        )
        for row in await Tally.filter(agent_id=agent.agent_id)
    }


async def approved(gate: Gate, answer: CheckAnswer, by: User) -> None:
    assert answer.approval_id is not None
    assert isinstance(
        await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(by), via=Via.CARD), Resolved
    )


async def test_budget_is_spent_to_its_last_cent_and_not_further(gate: Gate, payer: Caller) -> None:
    answers = [await pay(gate, payer, amount) for amount in (60, 39.99, 0.01, 0.01, 50)]
    assert [answer.allowed for answer in answers] == [True, True, True, False, False]
    assert answers[3].status is CheckStatus.DENIED
    assert (await pay(gate, payer, 1, action="read_files")).allowed  # no run of the budget's actions


async def test_fifty_checks_at_once_on_two_engines_spend_the_budget_once(replicas: Replicas, payer: Caller) -> None:
    answers = await asyncio.gather(*(pay(replicas.both[i % 2], payer, 7) for i in range(50)))
    assert sum(answer.allowed for answer in answers) == 14  # 98; one more would be 105
    assert len(await replicas.one.audited("check.allowed")) == 14
    assert sum(count for count, _ in (await tallies(payer)).values()) == 14


async def test_first_checks_at_once_count_what_the_audit_holds_already(replicas: Replicas, payer: Caller) -> None:
    """Two engines open the meter at once: one counts the audit, the other waits for it."""
    assert (await pay(replicas.one, payer, 80)).allowed
    async with transaction():
        await move_epoch()
        await forget([payer.agent_id])
    answers = await asyncio.gather(*(pay(replicas.both[i % 2], payer, 10) for i in range(20)))
    assert sum(answer.allowed for answer in answers) == 2


async def test_counting_anew_gives_what_was_counted_live(gate: Gate, lin: User) -> None:
    policy = {
        "default": "L1",
        "rules": [
            {"action": "pay_*", "when": 'rate("24h") > 1000', "level": "DENY"},
            {"action": "transfer", "when": 'today("amount") > 100 || today("fee.net") > 1e30', "level": "L3"},
            {"action": "pay_big", "level": "L3"},
        ],
    }
    payer = await gate.agent(lin, policy=policy)
    for i, amount in enumerate([0.1, 0.2, -5, 1e300, 3, True, "7", None, 12345678.901]):
        await pay(gate, payer, amount, action="pay_small" if i % 2 else "transfer", session=str(i))
        await gate.check(payer, "transfer", details={"args": {"amount": 0.3, "fee": {"net": amount}}}, session=str(i))
        gate.clock.move(seconds=47)
    asked = await pay(gate, payer, 9, action="pay_big")
    await approved(gate, asked, lin)
    gate.clock.move(minutes=2)
    assert (await pay(gate, payer, 9, action="pay_big")).allowed
    await gate.check(payer, "read_files")
    live = await tallies(payer)
    assert ("pay_small", "bank", gate.clock.now().replace(second=0, microsecond=0)) in live
    async with transaction():
        await move_epoch()
        await forget(lin.tenant)
    assert await tallies(payer) == {}
    assert await Meter.all().count() == 0
    known = await gate.directory.present(payer.agent_id)
    async with gate.ledger.transaction() as work:
        await gate.binding.decide(known, asks("transfer"), work.now)
    assert await tallies(payer) == live


async def test_repeat_with_the_same_key_is_the_same_run(gate: Gate, payer: Caller) -> None:
    first = await pay(gate, payer, 60, key="k1")
    assert await pay(gate, payer, 60, key="k1") == first
    assert first.allowed
    assert (await pay(gate, payer, 40, key="k2")).allowed
    assert (await pay(gate, payer, 40, key="k2")).allowed
    [(count, sums)] = (await tallies(payer)).values()
    assert (count, sums) == (2, {"amount": Decimal(100)})


async def test_same_key_at_once_on_two_engines_is_counted_once(replicas: Replicas, payer: Caller) -> None:
    answers = await asyncio.gather(*(pay(gate, payer, 60, key="k") for gate in replicas.both))
    assert answers[0] == answers[1]
    [(count, _)] = (await tallies(payer)).values()
    assert count == 1


async def test_runs_that_the_rules_other_matchers_leave_out_count_all_the_same(gate: Gate, lin: User) -> None:
    policy = {
        "default": "L1",
        "rules": [{"action": "pay_*", "session": "night", "when": 'rate("1h") > 2', "level": "DENY"}],
    }
    payer = await gate.agent(lin, policy=policy)
    for _ in range(3):
        assert (await pay(gate, payer, 1, session="day")).allowed
    assert not (await pay(gate, payer, 1, session="night")).allowed


async def test_window_slides_and_the_day_ends_at_local_midnight(gate: Gate, lin: User) -> None:
    policy = {
        "default": "L1",
        "rules": [{"action": "pay_*", "when": 'rate("10m") > 2 || today("amount") > 100', "level": "DENY"}],
    }
    payer = await gate.agent(lin, policy=policy)
    assert [(await pay(gate, payer, 30)).allowed for _ in range(3)] == [True, True, False]
    gate.clock.move(minutes=11)
    assert (await pay(gate, payer, 40)).allowed
    gate.clock.move(minutes=11)
    assert not (await pay(gate, payer, 1)).allowed
    gate.clock.move(hours=6)  # 15:52 UTC is 23:52 in Shanghai
    assert not (await pay(gate, payer, 1)).allowed
    gate.clock.move(minutes=10)
    assert (await pay(gate, payer, 1)).allowed


async def test_what_a_condition_cannot_measure_is_decided_strictly(gate: Gate, payer: Caller) -> None:
    answer = await pay(gate, payer, "one hundred")
    assert (answer.allowed, answer.level) == (False, Level.DENY)
    [entry] = await gate.audited("check.denied")
    assert "amount" in json.loads(entry.details)["faults"][0]


async def test_beyond_the_budget_a_person_is_asked_and_the_claim_counts(gate: Gate, lin: User) -> None:
    payer = await gate.agent(lin, policy=ASK_BEYOND)
    assert (await pay(gate, payer, 90, action="transfer")).allowed
    asked = await pay(gate, payer, 20, action="transfer")
    assert (asked.status, asked.level) == (CheckStatus.PENDING, Level.L3)
    await approved(gate, asked, lin)
    claimed = await pay(gate, payer, 20, action="transfer")
    assert (claimed.allowed, claimed.approval_id) == (True, asked.approval_id)
    [(count, sums)] = (await tallies(payer)).values()
    assert (count, sums) == (2, {"amount": Decimal(110)})
    assert (await pay(gate, payer, 20, action="transfer")).status is CheckStatus.PENDING


async def test_claim_by_id_is_refused_when_the_budget_denies_by_now(gate: Gate, lin: User) -> None:
    payer = await gate.agent(lin, policy={"default": "L3", "rules": BUDGET["rules"]})
    first, second = await pay(gate, payer, 60), await pay(gate, payer, 61)
    for answer in (first, second):
        await approved(gate, answer, lin)
    assert first.approval_id is not None and second.approval_id is not None
    taken = await gate.engine.claim(payer, first.approval_id, first.action_digest)
    assert isinstance(taken, CheckAnswer) and taken.allowed
    refused = await gate.engine.claim(payer, second.approval_id, second.action_digest)
    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.DENIED_NOW


async def test_claims_and_checks_at_once_share_one_budget(replicas: Replicas, lin: User) -> None:
    gate = replicas.one
    policy = {"default": "L1", "rules": [*BUDGET["rules"], {"action": "pay_approved", "level": "L3"}]}
    payer = await gate.agent(lin, policy=policy)
    asked = [await pay(gate, payer, 30, action="pay_approved", session=str(i)) for i in range(6)]
    for answer in asked:
        await approved(gate, answer, lin)
    claims = (pay(gate, payer, 30, action="pay_approved", session=str(i)) for i in range(6))
    answers = await asyncio.gather(*claims, *(pay(replicas.two, payer, 30) for _ in range(6)))
    assert sum(answer.allowed for answer in answers) == 3
    assert sum(count for count, _ in (await tallies(payer)).values()) == 3


async def test_metered_l2_tells_the_creator_as_usual(gate: Gate, lin: User) -> None:
    payer = await gate.agent(lin, policy={"default": "L2", "rules": BUDGET["rules"]})
    assert (await pay(gate, payer, 1)).level is Level.L2
    [message] = await OutboxMessage.all()
    assert message.person_id == lin.id
    assert message.lane == f"notice:{lin.id}"


async def test_budget_of_the_floor_binds_each_agent_by_itself(gate: Gate, lin: User) -> None:
    await gate.write_floor({"rules": [{"action": "transfer", "when": 'today("amount") > 100', "level": "L3"}]})
    one = await gate.agent(lin, policy={"*": "L1"})
    two = await gate.agent(lin, name="Clerk", policy={"*": "L1"})
    assert (await pay(gate, one, 90, action="TRANSFER")).allowed  # a floor compares folded, and counts folded
    answer = await pay(gate, one, 20, action="transfer")
    assert (answer.status, answer.layer) == (CheckStatus.PENDING, Layer.FLOOR)
    assert (await pay(gate, two, 90, action="transfer")).allowed


async def test_rehearsal_reads_the_counters_and_spends_nothing(gate: Gate, payer: Caller) -> None:
    request = asks("pay_invoice", details={"tool": "bank", "args": {"amount": 60}})
    assert (await gate.engine.rehearse(payer, request)).level is Level.L1
    assert await Meter.all().count() == await AuditEntry.all().count() == 0
    assert (await pay(gate, payer, 60)).allowed
    assert (await gate.engine.rehearse(payer, request)).level is Level.DENY
    assert (await pay(gate, payer, 40)).allowed


async def test_agent_whose_counters_are_held_up_holds_up_nobody_else(postgres_url: str) -> None:
    """Its checks wait for each other, not for the few transactions of the process."""
    async with open_database(postgres_url) as database, open_replicas(database) as replicas:
        gate = replicas.one
        lin = await gate.person("林小雨")
        payer, clerk = await gate.agent(lin, policy=BUDGET), await gate.agent(lin, name="Clerk")
        await gate.write_floor(NO_FLOOR)
        known = await replicas.two.directory.agent(payer)
        await gate.directory.agent(payer)
        async with asyncio.timeout(60):
            async with replicas.two.ledger.transaction() as work:
                await replicas.two.binding.decide(known, asks("pay_invoice"), work.now)
                # In a context without this transaction: a task that inherits it would write into it.
                held = [contextvars.Context().run(_task, pay(gate, payer, 1)) for _ in range(10)]
                asked = await contextvars.Context().run(_task, gate.check(clerk, "delete_files"))
                assert asked.status is CheckStatus.PENDING
                assert not any(task.done() for task in held)
            assert all(answer.allowed for answer in await asyncio.gather(*held))


def _task(check: Coroutine[Any, Any, CheckAnswer]) -> asyncio.Task[CheckAnswer]:
    return asyncio.get_running_loop().create_task(check)
