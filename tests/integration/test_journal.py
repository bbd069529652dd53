"""Group commit: durable before answered, and no neighbour harmed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bot.database import Database, open_database, transaction
from bot.journal.flushing import CheckRecord, Journal, JournalClosed, JournalFault, JournalFull, Recorded
from bot.ledger import UnrecordableFact
from bot.ports import SystemClock
from models.enums import OutboxState
from models.ids import new_id
from models.tables import AuditEntry, AuditWriter, GateEpoch, IdempotentCheck, Notification, OutboxMessage
from tests.support.facts import NOON, SteppingClock, fact, stored_answer, text_message

NOISY, QUIET = new_id(), new_id()
COMMITTED = Recorded.COMMITTED


def check_of(agent_id: UUID, subject: str) -> CheckRecord:
    return CheckRecord(0, replace(fact(subject), agent_id=agent_id))


async def chain_is_whole() -> bool:
    """Every writer's entries are there, in order, each bound to the one before."""
    for writer in await AuditWriter.all():
        head = "0" * 64
        entries = await AuditEntry.filter(writer=writer.id).order_by("seq")
        if [entry.seq for entry in entries] != list(range(1, writer.seq + 1)):
            return False
        for entry in entries:
            if entry.prev != head:
                return False
            head = entry.hash
        if writer.head != head:
            return False
    return True


async def test_all_that_a_check_writes_is_there_when_it_is_answered(database: Database) -> None:
    journal = Journal(SystemClock())
    line = Notification(tenant="acme", person_id=text_message().id, type="l2", title="标题", body="b", created_at=NOON)
    check = CheckRecord(
        0, fact("one", path="报告/2025"), (text_message('{"a":1}'),), (line,), stored_answer("k1", '{"x":2}')
    )
    assert await journal.record(check) is Recorded.COMMITTED

    assert (await AuditEntry.get()).details == '{"path":"报告/2025"}'
    message = await OutboxMessage.get()
    assert (message.id, message.payload, message.state) == (check.outbox[0].id, '{"a":1}', OutboxState.WAITING)
    assert message.due_at == NOON
    assert (await Notification.get()).title == "标题"
    assert (await IdempotentCheck.get()).answer == '{"x":2}'
    assert await chain_is_whole()
    await journal.close()


async def test_many_checks_share_few_commits(database: Database) -> None:
    journal = Journal(SystemClock())
    answers = await asyncio.gather(*(journal.record(CheckRecord(0, fact(f"n{n}"))) for n in range(400)))
    assert set(answers) == {Recorded.COMMITTED}
    assert await AuditEntry.all().count() == 400
    assert await AuditWriter.all().count() == 1
    assert await chain_is_whole()
    await journal.close()


async def test_a_moved_epoch_writes_nothing(database: Database) -> None:
    journal = Journal(SystemClock())
    await GateEpoch.filter(id=1).update(epoch=5)
    checks = [CheckRecord(epoch, fact(f"e{epoch}"), (text_message(),)) for epoch in (4, 5, 4, 5, 6)]
    moved, kept = Recorded.EPOCH_MOVED, Recorded.COMMITTED
    assert await asyncio.gather(*map(journal.record, checks)) == [moved, kept, moved, kept, moved]
    assert [entry.subject for entry in await AuditEntry.all()] == ["e5", "e5"]
    assert await OutboxMessage.all().count() == 2
    assert await chain_is_whole()
    await journal.close()


async def test_a_policy_change_under_way_holds_the_check_until_it_is_known(database: Database) -> None:
    """No answer is older than the policy at its commit."""
    journal = Journal(SystemClock())
    await journal.record(CheckRecord(0, fact("before")))
    async with transaction():
        await GateEpoch.filter(id=1).update(epoch=1)
        late = asyncio.create_task(_recorded_apart(journal, CheckRecord(0, fact("late"))))
        done, _ = await asyncio.wait([late], timeout=0.2)
        assert not done
    assert await late is Recorded.EPOCH_MOVED
    await journal.close()


async def _recorded_apart(journal: Journal, check: CheckRecord) -> Recorded:
    return await journal.record(check)


async def test_a_taken_key_keeps_its_own_check_out_and_no_other(database: Database) -> None:
    journal = Journal(SystemClock())
    await journal.record(CheckRecord(0, fact("first"), idempotent=stored_answer("k1", "1")))
    checks = [
        CheckRecord(0, fact("again"), (text_message(),), idempotent=stored_answer("k1", "2")),
        CheckRecord(0, fact("other"), (text_message(),), idempotent=stored_answer("k2", "3")),
        CheckRecord(0, fact("plain"), (text_message(),)),
    ]
    taken, kept = Recorded.KEY_TAKEN, Recorded.COMMITTED
    assert await asyncio.gather(*map(journal.record, checks)) == [taken, kept, kept]
    assert {entry.subject for entry in await AuditEntry.all()} == {"first", "other", "plain"}
    assert (await IdempotentCheck.get(key="k1")).answer == "1"
    assert await OutboxMessage.all().count() == 2
    assert await chain_is_whole()
    await journal.close()


async def test_of_one_key_in_one_batch_the_first_wins(database: Database) -> None:
    journal = Journal(SystemClock())
    checks = [CheckRecord(0, fact(f"n{n}"), idempotent=stored_answer("same", str(n))) for n in range(5)]
    answers = await asyncio.gather(*map(journal.record, checks))
    assert answers == [Recorded.COMMITTED] + [Recorded.KEY_TAKEN] * 4
    assert (await IdempotentCheck.get()).answer == "0"
    assert await chain_is_whole()
    await journal.close()


async def test_a_row_that_the_database_refuses_fails_alone(database: Database) -> None:
    """Here: an outbox message whose dedupe key exists. Thirty neighbours in the same batch are recorded."""
    journal = Journal(SystemClock())
    await journal.record(CheckRecord(0, fact("holder"), (text_message(dedupe="d"),)))
    checks = [CheckRecord(0, fact(f"n{n}"), (text_message(dedupe="d" if n == 13 else None),)) for n in range(31)]
    answers = await asyncio.gather(*map(journal.record, checks), return_exceptions=True)
    assert isinstance(answers[13], UnrecordableFact)
    assert [answer for n, answer in enumerate(answers) if n != 13] == [Recorded.COMMITTED] * 30
    assert await AuditEntry.all().count() == 31
    assert await chain_is_whole()
    await journal.close()


async def test_callers_that_go_away_harm_nobody(database: Database) -> None:
    journal = Journal(SystemClock())
    tasks = [asyncio.create_task(journal.record(CheckRecord(0, fact(f"n{n}")))) for n in range(200)]
    for round_ in range(4):
        await asyncio.sleep(0)
        for task in tasks[round_::8]:
            task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    answered = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(answered) >= 100
    assert set(answered) == {Recorded.COMMITTED}
    assert await AuditEntry.all().count() >= len(answered)
    assert await chain_is_whole()
    await journal.close()


async def test_a_full_queue_refuses_at_once(database: Database) -> None:
    journal = Journal(SystemClock(), capacity=3)
    calls = [journal.record(CheckRecord(0, fact(f"n{n}"))) for n in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, JournalFull) for answer in answers) == 2
    assert await AuditEntry.all().count() == 3
    await journal.close()


async def test_a_quiet_agent_is_in_the_very_next_batch_beside_a_noisy_one(database: Database) -> None:
    """While one batch is being committed 5,000 checks of one agent and one of another gather for the next."""
    journal = Journal(SystemClock(), patience=120)
    await _recorded_apart(journal, check_of(NOISY, "first"))
    async with transaction():
        await AuditWriter.all().update(opened_at=NOON)  # holds the row (SQLite: everything)
        noisy = [check_of(NOISY, f"noisy {n}") for n in range(5_000)]
        calls = [asyncio.create_task(_recorded_apart(journal, check)) for check in noisy]
        await asyncio.sleep(0)  # all of them wait; the flusher may have begun with the first 500
        calls.append(asyncio.create_task(_recorded_apart(journal, check_of(QUIET, "quiet"))))
        await asyncio.sleep(0)
    assert set(await asyncio.gather(*calls)) == {Recorded.COMMITTED}
    quiet = await AuditEntry.get(subject="quiet")
    assert quiet.seq <= 1 + 500 + 500
    assert await chain_is_whole()
    await journal.close()


async def test_one_agent_cannot_fill_the_queue_for_others(database: Database) -> None:
    journal = Journal(SystemClock(), capacity=100)
    noisy = [asyncio.create_task(journal.record(check_of(NOISY, f"noisy {n}"))) for n in range(150)]
    quiet = [asyncio.create_task(journal.record(check_of(QUIET, f"quiet {n}"))) for n in range(40)]
    assert set(await asyncio.gather(*quiet)) == {Recorded.COMMITTED}
    refused = [answer for answer in await asyncio.gather(*noisy, return_exceptions=True) if answer != COMMITTED]
    assert len(refused) == 90
    assert all(isinstance(answer, JournalFull) for answer in refused)
    assert await AuditEntry.filter(subject__startswith="noisy").count() == 60
    assert await chain_is_whole()
    await journal.close()


async def test_close_answers_what_is_in_flight_and_refuses_the_rest(database: Database) -> None:
    journal = Journal(SystemClock())
    inside = [asyncio.create_task(journal.record(CheckRecord(0, fact(f"n{n}")))) for n in range(20)]
    await asyncio.sleep(0)
    await journal.close()
    assert [await task for task in inside] == [Recorded.COMMITTED] * 20
    with pytest.raises(JournalClosed):
        await journal.record(CheckRecord(0, fact()))


async def test_a_database_that_does_not_answer_fails_the_caller_and_recovers(database: Database) -> None:
    """Fail closed, in time; and afterwards the chain goes on from what the database says."""
    journal = Journal(SystemClock(), patience=0.5)
    await journal.record(CheckRecord(0, fact("before")))
    async with transaction():
        await AuditWriter.all().update(opened_at=NOON)  # holds the row (SQLite: everything)
        stuck = asyncio.create_task(_recorded_apart(journal, CheckRecord(0, fact("stuck"))))
        with pytest.raises(JournalFault):
            await stuck
    assert await journal.record(CheckRecord(0, fact("after"))) is Recorded.COMMITTED
    assert await chain_is_whole()
    await journal.close()


async def test_the_flusher_does_not_inherit_the_callers_transaction(postgres_url: str) -> None:
    """On SQLite there is one connection: a check inside a transaction would wait for it."""
    async with open_database(postgres_url):
        journal = Journal(SystemClock())
        with pytest.raises(LookupError):
            async with transaction():
                assert await journal.record(CheckRecord(0, fact("kept"))) is Recorded.COMMITTED
                raise LookupError
        assert [entry.subject for entry in await AuditEntry.all()] == ["kept"]
        await journal.close()


async def test_a_clock_that_steps_back_harms_nothing(database: Database) -> None:
    clock = SteppingClock()
    journal = Journal(clock)
    for _ in range(3):
        assert await journal.record(CheckRecord(0, fact())) is Recorded.COMMITTED
        clock.step(timedelta(hours=-1))
    assert await chain_is_whole()
    await journal.close()


async def test_another_hand_on_the_chain_is_noticed_and_nothing_is_overwritten(database: Database) -> None:
    journal = Journal(SystemClock())
    await journal.record(CheckRecord(0, fact("one")))
    await AuditWriter.all().update(seq=9)
    with pytest.raises(JournalFault):
        await journal.record(CheckRecord(0, fact("two")))
    assert [entry.subject for entry in await AuditEntry.all()] == ["one"]
    await journal.close()
