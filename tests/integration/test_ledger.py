"""One use case, one transaction, its facts chained and committed with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.database import Database, NestedTransaction, transaction
from bot.ledger import Ledger, UnrecordableFact
from bot.ports import SystemClock
from models.tables import AuditEntry, AuditWriter, GateEpoch
from tests.support.facts import SteppingClock, fact


async def test_facts_are_committed_with_the_rows_and_chained(database: Database) -> None:
    ledger = Ledger(SteppingClock(), chains=1)
    async with ledger.transaction() as work:
        await GateEpoch.filter(id=1).update(epoch=7)
        work.audit(fact("first"))
        work.audit(fact("second"))
    async with ledger.transaction() as work:
        work.audit(fact("third", 原因="好"))

    first, second, third = await AuditEntry.all().order_by("seq")
    assert [entry.subject for entry in (first, second, third)] == ["first", "second", "third"]
    assert (second.prev, third.prev) == (first.hash, second.hash)
    assert third.details == '{"原因":"好"}'
    writer = await AuditWriter.get()
    assert (writer.seq, writer.head) == (3, third.hash)
    assert (await GateEpoch.get()).epoch == 7


async def test_an_exception_rolls_everything_back_and_the_chain_goes_on(database: Database) -> None:
    ledger = Ledger(SteppingClock(), chains=1)
    told: list[str] = []
    with pytest.raises(LookupError):
        async with ledger.transaction() as work:
            await GateEpoch.filter(id=1).update(epoch=7)
            work.audit(fact("lost"))
            work.after_commit(lambda: told.append("lost"))
            raise LookupError
    async with ledger.transaction() as work:
        work.audit(fact("kept"))
        work.after_commit(lambda: told.append("kept"))

    assert (await GateEpoch.get()).epoch == 0
    assert [entry.subject for entry in await AuditEntry.all()] == ["kept"]
    assert told == ["kept"]


async def test_callbacks_see_the_commit(database: Database) -> None:
    ledger = Ledger(SteppingClock())
    async with ledger.transaction() as work:
        await GateEpoch.filter(id=1).update(epoch=7)
        seen: list[asyncio.Task[GateEpoch]] = []
        work.after_commit(lambda: seen.append(asyncio.ensure_future(GateEpoch.get())))
    assert (await seen[0]).epoch == 7


async def test_a_fact_that_cannot_be_kept_is_refused_at_once(database: Database) -> None:
    ledger = Ledger(SteppingClock())
    for bad in (fact("x" * 121), fact("nul\x00"), fact("lone \ud800"), fact("ok", reason="lone \ud800")):
        with pytest.raises(UnrecordableFact):
            async with ledger.transaction() as work:
                work.audit(bad)
    assert await AuditEntry.all().count() == 0


async def test_a_transaction_inside_another_is_an_error(database: Database) -> None:
    ledger = Ledger(SteppingClock())
    async with ledger.transaction():
        with pytest.raises(NestedTransaction):
            async with transaction():
                pass
    async with ledger.transaction() as work:
        work.audit(fact("still works"))


async def test_many_at_once_share_the_chains_and_leave_no_gap(database: Database) -> None:
    ledger = Ledger(SystemClock(), chains=3)

    async def one(number: int) -> None:
        async with ledger.transaction() as work:
            work.audit(fact(f"n{number}"))

    await asyncio.gather(*(one(number) for number in range(60)))
    writers = await AuditWriter.all()
    assert 1 <= len(writers) <= 3
    assert sum(writer.seq for writer in writers) == 60
    assert len({entry.subject for entry in await AuditEntry.all()}) == 60


async def test_cancellation_never_loses_a_chain_nor_breaks_one(database: Database) -> None:
    """The outcome of a cancelled commit is unknown, so the head is read again, not guessed."""
    ledger = Ledger(SystemClock(), chains=2)

    async def one(number: int) -> None:
        async with ledger.transaction() as work:
            work.audit(fact(f"n{number}"))

    for number in range(120):
        task = asyncio.create_task(one(number))
        await asyncio.sleep(number % 12 * 0.0004)
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(10):
        await asyncio.gather(*(one(1000 + number) for number in range(4)))
    for writer in await AuditWriter.all():
        entries = await AuditEntry.filter(writer=writer.id).order_by("seq")
        assert [entry.seq for entry in entries] == list(range(1, writer.seq + 1))
        assert not entries or entries[-1].hash == writer.head


async def test_a_clock_that_steps_back_harms_nothing(database: Database) -> None:
    clock = SteppingClock()
    ledger = Ledger(clock, chains=1)
    for _ in range(3):
        async with ledger.transaction() as work:
            work.audit(fact())
        clock.step(timedelta(hours=-1))
    entries = await AuditEntry.all().order_by("seq")
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert entries[0].at > entries[2].at
