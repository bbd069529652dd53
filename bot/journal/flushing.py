"""Group commit: checks that arrive while a commit is under way share the next one. Agents take turns in it."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

import asyncpg
import structlog
from tortoise.exceptions import IntegrityError, OperationalError, ValidationError

from bot.audit.chain import AuditFact, UnrecordableFact, details_text
from bot.audit.chain_writer import ChainWriter
from bot.database.rows import table
from bot.journal.batch import Entry, Recorded, write_batch
from bot.journal.fairness import FairQueue
from bot.ports import Clock
from models.tables import IdempotentCheck, Notification, OutboxMessage

__all__ = [
    "CheckRecord",
    "Journal",
    "JournalClosed",
    "JournalFault",
    "JournalFull",
    "RecordRefused",
    "Recorded",
]

log = structlog.get_logger(__name__)

LARGEST_BATCH_TEXT = 4 * 1024 * 1024
"""Characters of details in one commit: one agent's huge arguments must not make a commit outlast others' patience."""


class JournalFault(Exception):
    """The check could not be recorded, or nobody knows whether it was: fail closed (503)."""


class JournalFull(JournalFault):
    """More checks are waiting than the queue holds, and most of them are this agent's (503, Retry-After: 1)."""


class JournalClosed(JournalFault):
    """The process is stopping (503)."""


class RecordRefused(UnrecordableFact):
    """The database refuses this record's own values; its neighbours in the batch are unharmed."""


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """All that one check writes, and the gate epoch under which it was decided. Rows are unsaved instances."""

    epoch: int
    fact: AuditFact
    outbox: tuple[OutboxMessage, ...] = ()
    notifications: tuple[Notification, ...] = ()
    idempotent: IdempotentCheck | None = None

    def entry(self) -> Entry:
        """The same as rows. Raises UnrecordableFact, in the caller's own task."""
        try:
            return Entry(
                epoch=self.epoch,
                fact=self.fact,
                details=details_text(self.fact),
                outbox=tuple(table(OutboxMessage).row(message) for message in self.outbox),
                notifications=tuple(table(Notification).row(line) for line in self.notifications),
                key=self.idempotent.key if self.idempotent else "",
                idempotent=table(IdempotentCheck).row(self.idempotent) if self.idempotent else None,
            )
        except UnrecordableFact:
            raise
        except (ValidationError, ValueError, TypeError) as fault:
            raise RecordRefused(f"not storable: {type(fault).__name__}") from fault


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    answer: asyncio.Future[Recorded]


class Journal:
    """Records checks; `record` returns when the commit that contains the check is durable.

    One flusher, no linger: while it commits, the next batch gathers. Agents take turns in a batch, and a full queue
    turns away the agent that has most in it, so that a noisy one delays and displaces nobody but itself. `patience` is
    how long (seconds) a caller waits at most; a flush that takes longer is given up and its outcome counts as unknown.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        capacity: int = 10_000,
        largest_batch: int = 500,
        largest_batch_text: int = LARGEST_BATCH_TEXT,
        patience: float = 3.0,
    ) -> None:
        self._clock = clock
        self._chain = ChainWriter(clock)
        self._largest_batch = largest_batch
        self._largest_batch_text = largest_batch_text
        self._patience = patience
        self._queue: FairQueue[_Waiting] = FairQueue(capacity)
        self._arrived = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._closed = False

    async def record(self, check: CheckRecord) -> Recorded:
        """Raises JournalFault (503) or UnrecordableFact (the record's own values; its neighbours are unharmed)."""
        if self._closed:
            raise JournalClosed("the journal is closed")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(check.entry(), loop.create_future())
        displaced = self._queue.put(check.fact.agent_id, waiting)
        if displaced is waiting:
            raise JournalFull(f"{self._queue.capacity} checks are waiting")
        if displaced is not None:  # it was not begun, so nothing of it is written
            _fail(displaced, JournalFull(f"{self._queue.capacity} checks are waiting"))
        self._arrived.set()
        self._start()
        impatience = loop.call_later(self._patience, _fail, waiting, JournalFault("the database does not answer"))
        try:
            return await waiting.answer
        finally:
            impatience.cancel()

    async def close(self) -> None:
        """Answers everything in flight, then refuses more."""
        self._closed = True
        self._arrived.set()
        if self._flusher:
            await self._flusher

    def _start(self) -> None:
        # In an empty context: a flusher that inherits a caller's transaction would write into it.
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.get_running_loop().create_task(
                self._flush_forever(), name="journal", context=contextvars.Context()
            )

    async def _flush_forever(self) -> None:
        while self._queue or not self._closed:
            await self._arrived.wait()
            self._arrived.clear()
            while batch := self._take():
                for _, same_epoch in groupby(batch, key=lambda waiting: waiting.entry.epoch):
                    await self._flush(list(same_epoch))

    def _take(self) -> list[_Waiting]:
        """The next batch by epoch, without those that nobody waits for; a key that comes twice waits for the next."""
        batch: list[_Waiting] = []
        again: list[tuple[Hashable, _Waiting]] = []
        keys: set[str] = set()
        room = self._largest_batch_text
        while self._queue and len(batch) < self._largest_batch and room > 0:
            owner, waiting = self._queue.take()
            if waiting.answer.done():
                continue
            key = waiting.entry.key
            if key and key in keys:
                again.append((owner, waiting))
            else:
                batch.append(waiting)
                room -= len(waiting.entry.details)
            keys.add(key)
        for owner, waiting in reversed(again):
            self._queue.put_back(owner, waiting)
        return sorted(batch, key=lambda waiting: waiting.entry.epoch)

    async def _flush(self, batch: Sequence[_Waiting]) -> None:
        """Everyone in the batch has an answer. Bad rows are found by halving, so that no neighbour fails with them."""
        try:
            async with asyncio.timeout(self._patience):
                entries = [waiting.entry for waiting in batch]
                outcomes = await write_batch(self._chain, self._clock.now(), entries)
        except Exception as fault:
            if not _blames_a_row(fault):
                log.error("journal.flush_failed", checks=len(batch), fault=type(fault).__name__)
                for waiting in batch:
                    _fail(waiting, JournalFault(f"the batch was not confirmed: {type(fault).__name__}"))
            elif len(batch) == 1:
                _fail(batch[0], RecordRefused(f"refused by the database: {type(fault).__name__}"))
            else:
                middle = len(batch) // 2
                await self._flush(batch[:middle])
                await self._flush(batch[middle:])
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(outcome)


def _fail(waiting: _Waiting, fault: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(fault)


def _blames_a_row(fault: Exception) -> bool:
    """Whether the values of some row are at fault, so that the batch would succeed without it."""
    if isinstance(fault, OperationalError) and not isinstance(fault, IntegrityError):
        return isinstance(fault.__cause__, asyncpg.DataError)
    return isinstance(fault, IntegrityError | UnicodeEncodeError | OverflowError | sqlite3.DataError)
