"""The traps of the libraries, each with the guard that holds it shut (issue 2, point 16)."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import ConnectionWrapper, PoolConnectionWrapper, TransactionContextPooled
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connection

from bot.database import Database, in_open_transaction, open_database, transaction
from bot.journal.flushing import CheckRecord, Journal, JournalFault, Recorded
from bot.ledger import Ledger, UnrecordableFact
from bot.ports import SystemClock
from config.database import postgres_credentials
from models.ids import new_id
from models.tables import AuditEntry, AuditWriter, GateEpoch, IdempotentCheck, InboundRecord
from tests.integration.test_journal import chain_is_whole
from tests.support.facts import NOON, fact, stored_answer, text_message


def seen(key: str) -> InboundRecord:
    return InboundRecord(key=key, kind="test", received_at=NOON)


async def plain_transaction() -> None:
    async with transaction():
        await seen(str(new_id())).save()


async def bulk_insert() -> None:
    await InboundRecord.bulk_create([seen(str(new_id())) for _ in range(5)])


async def raw_executemany() -> None:
    sql = "INSERT INTO gate_epoch (id, epoch) VALUES ({0}, 0)"
    mark = "$1" if get_connection("default").capabilities.dialect == "postgres" else "?"
    await get_connection("default").execute_many(sql.format(mark), [[random.randrange(10, 2**31)] for _ in range(5)])


async def read() -> None:
    await InboundRecord.all().count()


def pool_is_whole() -> bool:
    """Every connection that the pool holds is idle again (SQLite: the one lock is free)."""
    client: Any = get_connection("default")
    if isinstance(client, SqliteClient):
        return not client._lock.locked()
    return bool(client._pool.get_idle_size() == client._pool.get_size())


async def storm(act: Callable[[], Awaitable[None]], *, rounds: int, width: int) -> int:
    """Tasks cancelled at random within 4 ms; returns how many were cut off."""
    chance = random.Random(11)
    cut = 0
    for _ in range(rounds):
        tasks = [asyncio.ensure_future(act()) for _ in range(width)]
        for task in tasks:
            asyncio.get_running_loop().call_later(chance.random() * 0.004, task.cancel)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        cut += sum(isinstance(answer, asyncio.CancelledError) for answer in answers)
    return cut


async def test_trap_cancellation_storm_leaks_no_connection(database: Database) -> None:
    """Tortoise's in_transaction() keeps the connection when it is cancelled during BEGIN; ours does not."""
    cut = await storm(plain_transaction, rounds=600, width=4)
    assert cut > 300
    async with asyncio.timeout(3):
        await plain_transaction()
    assert pool_is_whole()
    assert not in_open_transaction()


@pytest.mark.parametrize("act", [bulk_insert, raw_executemany, read])
async def test_trap_cancellation_storm_on_every_way_to_the_database(
    database: Database, act: Callable[[], Awaitable[None]]
) -> None:
    """Upstream leaves a transaction open when an executemany is cancelled: what follows would join it, uncommitted."""
    assert await storm(act, rounds=60, width=4) > 0
    async with asyncio.timeout(3):
        await plain_transaction()
    assert pool_is_whole()
    client: Any = get_connection("default")
    if isinstance(client, SqliteClient):
        assert client._connection is not None
        assert not client._connection.in_transaction


async def test_trap_a_task_that_outlives_its_timeout_is_not_left_in_a_closed_transaction(database: Database) -> None:
    chance = random.Random(5)
    for _ in range(150):
        try:
            async with asyncio.timeout(chance.random() * 0.004):
                await plain_transaction()
        except TimeoutError:
            pass
        assert not in_open_transaction()
    async with asyncio.timeout(3):
        await plain_transaction()


async def test_trap_an_abandoned_transaction_is_rolled_back_not_committed_by_the_next(sqlite_url: str) -> None:
    """Upstream's BEGIN on SQLite first commits whatever is open."""
    async with open_database(sqlite_url):
        client: Any = get_connection("default")
        await client._connection.execute("BEGIN")
        await client._connection.execute("UPDATE gate_epoch SET epoch = 99")
        await plain_transaction()
        assert (await GateEpoch.get()).epoch == 0


def test_trap_upstream_methods_are_the_ones_we_guard() -> None:
    """Tortoise changed what bot/database/guarded_*.py replaces: read its new source, then write the new hash here."""
    guarded = (
        TransactionContextPooled.__aenter__, TransactionContextPooled.__aexit__,
        SqliteTransactionContext.__aenter__, SqliteTransactionContext.__aexit__, SqliteTransactionWrapper.begin,
        SqliteClient.execute_many, SqliteClient._in_transaction, AsyncpgDBClient._in_transaction,
        PoolConnectionWrapper.__aenter__, PoolConnectionWrapper.__aexit__,
        ConnectionWrapper.__aenter__, ConnectionWrapper.__aexit__,
    )  # fmt: skip
    source = "".join(inspect.getsource(inspect.unwrap(method)) for method in guarded)
    assert hashlib.sha256(source.encode()).hexdigest() == PINNED


PINNED = "1616c79700997ced0b65c92dc73169227434d38e1f52fe1f07b6b0248a88abc0"


HOSTILE: dict[str, Callable[[], CheckRecord]] = {
    "NUL in an outbox payload": lambda: CheckRecord(0, fact("bad"), (text_message("a\x00b"),)),
    "NUL in a subject": lambda: CheckRecord(0, fact("bad\x00")),
    "lone surrogate in the details": lambda: CheckRecord(0, fact("bad", reason="\ud800")),
    "lone surrogate in a payload": lambda: CheckRecord(0, fact("bad"), (text_message("\ud800"),)),
    "lone surrogate in a stored answer": lambda: CheckRecord(0, fact("bad"), idempotent=stored_answer("k", "\ud800")),
    "NUL in a stored answer": lambda: CheckRecord(0, fact("bad"), idempotent=stored_answer("k", "\x00")),
    "a key that is too long": lambda: CheckRecord(0, fact("bad"), idempotent=stored_answer("k" * 65)),
    "a subject that is too long": lambda: CheckRecord(0, fact("x" * 121)),
    "a lane that is too long": lambda: CheckRecord(0, fact("bad"), (_long_lane(),)),
    "not a number": lambda: CheckRecord(0, fact("bad", size=float("nan"))),  # type: ignore[arg-type]
    "infinite": lambda: CheckRecord(0, fact("bad", size=float("inf"))),  # type: ignore[arg-type]
    "nested 100,000 deep": lambda: CheckRecord(0, fact("bad", deep=_nested(100_000))),  # type: ignore[arg-type]
    "not JSON": lambda: CheckRecord(0, fact("bad", odd=object())),  # type: ignore[arg-type]
}


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _long_lane() -> Any:
    message = text_message()
    message.lane = "x" * 161
    return message


@pytest.mark.parametrize("name", HOSTILE)
async def test_trap_hostile_values_never_fail_their_neighbours(database: Database, name: str) -> None:
    """The bad record is refused as the caller's own fault (or kept whole, where the database can); nobody else is."""
    journal = Journal(SystemClock())
    good = [journal.record(CheckRecord(0, fact(f"n{n}"), (text_message(),))) for n in range(20)]
    bad = journal.record(HOSTILE[name]())
    answers = await asyncio.gather(*good[:10], bad, *good[10:], return_exceptions=True)
    assert isinstance(answers.pop(10), UnrecordableFact) or await AuditEntry.filter(subject="bad").count() == 1
    assert answers == [Recorded.COMMITTED] * 20
    assert await AuditEntry.filter(subject__startswith="n").count() == 20
    assert await chain_is_whole()
    await journal.close()


async def test_trap_every_json_text_comes_back_byte_for_byte(database: Database) -> None:
    journal = Journal(SystemClock())
    details = {"nul": "a\x00b", "big": 10**200, "text": "\u2028\u202e\x7f𝄞", "quote": '"\\/', "nested": [[{"": None}]]}
    await journal.record(CheckRecord(0, fact("odd", **details)))  # type: ignore[arg-type]
    text = (await AuditEntry.get()).details
    assert text.encode().isascii() is False
    assert __import__("json").loads(text) == details
    await journal.close()


async def test_trap_overlapping_keys_in_opposite_orders_do_not_deadlock(postgres_url: str) -> None:
    """Two replicas insert the same keys, one upwards and one downwards, and meet at a key that a third one holds.

    As they come, each would hold what the other needs next; sorted in the batch, one waits for the other.
    """
    keys = [f"k{number:02}" for number in range(11)]
    third = await asyncpg.connect(**postgres_credentials(postgres_url))
    async with open_database(postgres_url):
        upwards, downwards = Journal(SystemClock(), patience=20), Journal(SystemClock(), patience=20)
        held = third.transaction()
        await held.start()
        await third.execute(
            "INSERT INTO idempotent_checks (key, agent_id, payload_hash, created_at) VALUES ('k05', $1, '', $2)",
            new_id(),
            NOON,
        )
        calls = [_ask(upwards, key) for key in keys] + [_ask(downwards, key) for key in reversed(keys)]
        asked = asyncio.gather(*calls)
        await _until_two_wait_for_a_lock()
        await held.rollback()
        answers = await asked
        assert sorted(answers, key=str) == [Recorded.COMMITTED] * 11 + [Recorded.KEY_TAKEN] * 11
        assert await chain_is_whole()
        await asyncio.gather(upwards.close(), downwards.close())
    await third.close()


async def _ask(journal: Journal, key: str) -> Recorded:
    return await journal.record(CheckRecord(0, fact(key), idempotent=stored_answer(key)))


async def _until_two_wait_for_a_lock() -> None:
    sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(15):
        while len(await get_connection("default").execute_query_dict(sql)) < 2:
            await asyncio.sleep(0.01)


async def test_trap_many_journals_share_the_keys_exactly_once(postgres_url: str) -> None:
    async with open_database(postgres_url):
        chance = random.Random(3)
        journals = [Journal(SystemClock(), patience=20) for _ in range(4)]
        keys = [f"{number}" for number in range(300)]
        answers = await asyncio.gather(
            *(_ask(journal, key) for journal in journals for key in chance.sample(keys, len(keys)))
        )
        assert answers.count(Recorded.COMMITTED) == 300
        assert await IdempotentCheck.all().count() == 300
        assert await chain_is_whole()
        await asyncio.gather(*(journal.close() for journal in journals))


async def test_trap_a_task_started_inside_a_transaction_would_inherit_it(database: Database) -> None:
    """Why no task may be started inside, and why ours start in an empty context."""
    async with transaction():
        assert await asyncio.create_task(_sees_a_transaction())


async def _sees_a_transaction() -> bool:
    return in_open_transaction()


async def test_trap_execute_query_miscounts_inserts_on_postgres(postgres_url: str) -> None:
    """Upstream reads the wrong word of "INSERT 0 1"; whoever needs the count uses RETURNING or the ORM's update()."""
    async with open_database(postgres_url):
        client = get_connection("default")
        counted, _ = await client.execute_query("INSERT INTO gate_epoch (id, epoch) VALUES (2, 0)")
        assert counted == 0
        counted, rows = await client.execute_query("UPDATE gate_epoch SET epoch = 1 WHERE id = 2 RETURNING epoch")
        assert (counted, rows) == (1, [])
        assert await client.execute_query_dict("UPDATE gate_epoch SET epoch = 2 WHERE id = 2 RETURNING epoch") == [
            {"epoch": 2}
        ]
        assert await GateEpoch.filter(id=2, epoch=2).update(epoch=3) == 1
        assert await GateEpoch.filter(id=2, epoch=2).update(epoch=4) == 0


def test_trap_skip_locked_says_nothing_on_sqlite(sqlite_url: str) -> None:
    """The clause is dropped without a word: leases must rest on a conditional UPDATE, never on row locks alone."""

    async def statement() -> str:
        async with open_database(sqlite_url):
            return GateEpoch.filter(id=1).select_for_update(skip_locked=True).sql()

    assert "FOR UPDATE" not in asyncio.run(statement())


async def test_trap_sqlite_times_compare_in_order_whatever_their_digits(sqlite_url: str) -> None:
    """Upstream leaves out the microseconds when they are zero and keeps foreign offsets; as text that misorders."""
    from datetime import timedelta, timezone

    async with open_database(sqlite_url):
        east = timezone(timedelta(hours=8))
        await InboundRecord.create(key="b", kind="x", received_at=(NOON + timedelta(seconds=1)).astimezone(east))
        await InboundRecord.create(key="a", kind="x", received_at=NOON)
        assert [row.key for row in await InboundRecord.all().order_by("received_at")] == ["a", "b"]
        due = await InboundRecord.filter(received_at__lte=NOON.astimezone(east))
        assert [(row.key, row.received_at) for row in due] == [("a", NOON)]


async def test_trap_a_chain_is_never_lost_when_callers_are_cancelled(database: Database) -> None:
    ledger = Ledger(SystemClock(), chains=2)

    async def use_case() -> None:
        async with ledger.transaction() as work:
            work.audit(fact())

    await storm(use_case, rounds=60, width=4)
    async with asyncio.timeout(5):
        await asyncio.gather(*(use_case() for _ in range(4)))
    assert await AuditWriter.all().count() <= 2
    assert await chain_is_whole()
    assert pool_is_whole()


async def test_trap_a_failing_batch_answers_at_once(database: Database) -> None:
    """A table that is gone stands for any fault: closed, quickly, and working again afterwards."""
    journal = Journal(SystemClock())
    await journal.record(CheckRecord(0, fact()))
    await get_connection("default").execute_script("ALTER TABLE audit_entries RENAME TO gone")
    began = time.monotonic()
    with pytest.raises(JournalFault):
        await journal.record(CheckRecord(0, fact()))
    assert time.monotonic() - began < 3
    await get_connection("default").execute_script("ALTER TABLE gone RENAME TO audit_entries")
    assert await journal.record(CheckRecord(0, fact())) is Recorded.COMMITTED
    assert await chain_is_whole()
    await journal.close()
