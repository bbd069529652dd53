"""Audit chains in use: each belongs to one task at a time, and its head is never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from bot.audit.chain import GENESIS, AuditFact, Head, SealedEntry, seal
from bot.database.opening import is_postgres
from bot.database.rows import Table, insert_rows, table
from bot.ports import Clock
from models.ids import new_id
from models.tables import AuditEntry, AuditWriter


class ChainMoved(RuntimeError):
    """The chain's row is not where its only writer left it: nothing was written."""


class ChainWriter:
    """One row of `audit_writers`. After a commit whose outcome is unknown, the head is read again before use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._head = Head(str(new_id()))
        self._next: Head | None = None
        self.known = False

    @property
    def head(self) -> Head:
        return self._head

    async def open(self) -> None:
        """The head is what the database says; the row exists. Outside any transaction."""
        writers = AuditWriter.filter(id=self._head.writer)
        # FOR UPDATE waits until an earlier commit of ours, cancelled half-way, has ended one way or the other.
        row = await (writers.select_for_update() if is_postgres() else writers).first()
        if row is None:
            row = await AuditWriter.create(id=self._head.writer, seq=0, head=GENESIS, opened_at=self._clock.now())
        self._head = Head(row.id, row.seq, row.head)
        self._next = None
        self.known = True

    def seal(self, at: datetime, facts: Sequence[tuple[AuditFact, str]]) -> tuple[Head, list[SealedEntry]]:
        """The facts as the entries that come next. From here until `committed` the head counts as unknown."""
        assert self.known  # noqa: S101 - a programming error, not a state of the world
        self.known = False
        self._next, entries = seal(self._head, at, facts)
        return self._next, entries

    async def append(self, connection: BaseDBAsyncClient, at: datetime, facts: Sequence[tuple[AuditFact, str]]) -> None:
        """The facts are in the audit if `connection`'s transaction commits; then call `committed`."""
        before = self._head
        after, entries = self.seal(at, facts)
        await _advance(connection, before, after)
        await insert_rows(connection, entries_table(), [entry_row(entry) for entry in entries])

    def committed(self) -> None:
        """The commit is certain: the chain goes on from the new head."""
        if self._next is not None:
            self._head, self._next, self.known = self._next, None, True


async def _advance(connection: BaseDBAsyncClient, before: Head, after: Head) -> None:
    moved = (
        await AuditWriter.filter(id=before.writer, seq=before.seq)
        .using_db(connection)
        .update(seq=after.seq, head=after.hash)
    )
    if moved != 1:
        raise ChainMoved(before.writer)


def entries_table() -> Table:
    return table(AuditEntry)


def entry_row(entry: SealedEntry) -> tuple[Any, ...]:
    """The entry in the order of `audit_entries`' columns."""
    agent, approval = entry.agent_id, entry.approval_id
    return (
        entry.writer,
        entry.seq,
        entry.prev,
        entry.hash,
        entry.at,
        entry.tenant,
        entry.actor,
        entry.action,
        entry.subject,
        agent and str(agent),
        approval and str(approval),
        entry.details,
    )


class ChainPool:
    """A fixed number of chains, opened when first needed; the most recently used goes out first."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._free: asyncio.LifoQueue[ChainWriter] = asyncio.LifoQueue()
        for _ in range(size):
            self._free.put_nowait(ChainWriter(clock))

    @asynccontextmanager
    async def take(self) -> AsyncIterator[ChainWriter]:
        """A chain for the caller alone, given back whatever happens."""
        chain = await self._free.get()
        try:
            yield chain
        finally:
            self._free.put_nowait(chain)
