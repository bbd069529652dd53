"""Writing one batch of checks: all of it, or nothing of it, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from bot.audit.chain import AuditFact, Head, SealedEntry
from bot.audit.chain_writer import ChainMoved, ChainWriter, entries_table, entry_row
from bot.database import is_postgres, transaction
from bot.database.rows import Table, arrays, insert_rows, table
from models.tables import IdempotentCheck, Notification, OutboxMessage


class Recorded(Enum):
    """What became of a record."""

    COMMITTED = auto()  # durable
    EPOCH_MOVED = auto()  # nothing written: a policy or an agent changed since the decision; decide again
    KEY_TAKEN = auto()  # nothing written: the Idempotency-Key is there already; read the stored answer


Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One check as rows, ready to be written."""

    epoch: int
    fact: AuditFact
    details: str
    outbox: tuple[Row, ...] = ()
    notifications: tuple[Row, ...] = ()
    key: str = ""
    idempotent: Row | None = None


async def write_batch(chain: ChainWriter, at: datetime, entries: Sequence[Entry]) -> list[Recorded]:
    """What became of each entry, in order. All have one epoch, and no key twice. Raises when nothing was written."""
    if not chain.known:
        await chain.open()
    if is_postgres():
        try:
            return await _write_at_once(chain, at, entries)
        except IntegrityError as fault:
            if not _about_keys(fault):
                raise
            await chain.open()
    return await _write_in_steps(chain, at, entries)


def _about_keys(fault: IntegrityError) -> bool:
    return getattr(fault.args[0], "table_name", None) == table(IdempotentCheck).name


async def _write_in_steps(chain: ChainWriter, at: datetime, entries: Sequence[Entry]) -> list[Recorded]:
    """In a transaction; keys that are taken leave their entries out."""
    async with transaction() as connection:
        lock = " FOR SHARE" if is_postgres() else ""
        [row] = await connection.execute_query_dict(f"SELECT epoch FROM gate_epoch WHERE id = 1{lock}")  # noqa: S608
        if row["epoch"] != entries[0].epoch:
            return [Recorded.EPOCH_MOVED] * len(entries)
        taken = await _reserve_keys(connection, entries)
        kept = [entry for entry in entries if entry.key not in taken]
        if kept:
            await chain.append(connection, at, [(entry.fact, entry.details) for entry in kept])
            await insert_rows(connection, table(OutboxMessage), [row for entry in kept for row in entry.outbox])
            await insert_rows(connection, table(Notification), [row for entry in kept for row in entry.notifications])
    chain.committed()
    return [Recorded.KEY_TAKEN if entry.key in taken else Recorded.COMMITTED for entry in entries]


async def _reserve_keys(connection: BaseDBAsyncClient, entries: Sequence[Entry]) -> set[str]:
    """Inserts the stored answers; returns the keys that somebody else has."""
    asked = [entry for entry in _by_key(entries) if entry.idempotent]
    if not asked:
        return set()
    keys, into = [entry.key for entry in asked], table(IdempotentCheck)
    if is_postgres():
        rows = [entry.idempotent for entry in asked if entry.idempotent]
        sql = f'INSERT INTO "{into.name}" ({into.column_list}) {into.unnest(1)} ON CONFLICT DO NOTHING RETURNING key'
        fresh = {row["key"] for row in await connection.execute_query_dict(sql, arrays(rows, len(into.columns)))}
        return set(keys) - fresh
    held = await IdempotentCheck.filter(key__in=keys).using_db(connection).only("key")
    taken = {row.key for row in held}
    await insert_rows(connection, into, [e.idempotent for e in asked if e.idempotent and e.key not in taken])
    return taken


def _by_key(entries: Sequence[Entry]) -> list[Entry]:
    """Replicas that insert overlapping keys in one order cannot deadlock; in another they do."""
    return sorted(entries, key=lambda entry: entry.key)


async def _write_at_once(chain: ChainWriter, at: datetime, entries: Sequence[Entry]) -> list[Recorded]:
    """In one statement, one round trip. A key that is taken fails it whole, with an IntegrityError."""
    before = chain.head
    after, sealed = chain.seal(at, [(entry.fact, entry.details) for entry in entries])
    parts: list[tuple[type[Model], list[Row]]] = [
        (IdempotentCheck, [entry.idempotent for entry in _by_key(entries) if entry.idempotent]),
        (OutboxMessage, [row for entry in entries for row in entry.outbox]),
        (Notification, [row for entry in entries for row in entry.notifications]),
    ]
    sql, values = _statement(before, after, entries[0].epoch, sealed, [(table(m), rows) for m, rows in parts if rows])
    [row] = await get_connection("default").execute_query_dict(sql, values)
    if not row["same_epoch"]:
        await chain.open()
        return [Recorded.EPOCH_MOVED] * len(entries)
    if not row["moved"]:
        raise ChainMoved(before.writer)
    chain.committed()
    return [Recorded.COMMITTED] * len(entries)


def _statement(
    before: Head, after: Head, epoch: int, sealed: Sequence[SealedEntry], parts: Sequence[tuple[Table, list[Row]]]
) -> tuple[str, list[Any]]:
    """Every insert hangs on the writer's update, and that on the epoch; the share lock holds off a policy change."""
    values: list[Any] = [epoch, before.writer, before.seq, after.seq, after.hash]
    steps = [
        "epoch AS (SELECT 1 FROM gate_epoch WHERE id = 1 AND epoch = $1 FOR SHARE)",
        "writer AS (UPDATE audit_writers SET seq = $4, head = $5"
        " WHERE id = $2 AND seq = $3 AND EXISTS (SELECT 1 FROM epoch) RETURNING 1)",
    ]
    for into, rows in [(entries_table(), [entry_row(entry) for entry in sealed]), *parts]:
        steps.append(
            f'into_{into.name} AS (INSERT INTO "{into.name}" ({into.column_list})'  # noqa: S608
            f" {into.unnest(len(values) + 1)} WHERE EXISTS (SELECT 1 FROM writer))"
        )
        values += arrays(rows, len(into.columns))
    answer = "SELECT EXISTS (SELECT 1 FROM epoch) AS same_epoch, EXISTS (SELECT 1 FROM writer) AS moved"
    return f"WITH {', '.join(steps)} {answer}", values
