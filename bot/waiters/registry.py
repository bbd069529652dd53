"""Long polls: who waits for a change of which approval, and how the news reaches them across processes."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import TypeVar
from uuid import UUID

import structlog
from tortoise.connection import get_connection

from bot.database import Database
from bot.waiters.listener import CHANNEL, Listener
from models.tables import ApprovalRequest

T = TypeVar("T")

log = structlog.get_logger(__name__)

SWEEP_POSTGRES = 5.0
SWEEP_SQLITE = 1.0
"""Seconds between two looks at all awaited approvals: for a lost notification, and for SQLite's other processes."""

SWEEP_CHUNK = 500


class _Topic:
    """One approval that somebody waits for. `revision` is the last that a sweep saw, None before the first."""

    __slots__ = ("revision", "waiting")

    def __init__(self) -> None:
        self.revision: int | None = None
        self.waiting: set[asyncio.Event] = set()


class Waiters:
    """Open waits of this process. `async with Waiters(database) as waiters`, or `open()` and `close()`."""

    def __init__(self, database: Database, *, sweep_every: float | None = None) -> None:
        self._sweep_every = sweep_every or (SWEEP_POSTGRES if database.is_postgres else SWEEP_SQLITE)
        self._is_postgres = database.is_postgres
        self._listener: Listener | None = None
        if database.is_postgres:
            self._listener = Listener(database.listen_credentials(), heard=self._heard, returned=self._wake_all)
        self._topics: dict[UUID, _Topic] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many wait at this moment."""
        return sum(len(topic.waiting) for topic in self._topics.values())

    async def open(self) -> None:
        """Listens (PostgreSQL) and sweeps (both). Does not fail when the database is away: the listener tries on."""
        self._sweeper = asyncio.get_running_loop().create_task(
            self._sweep_forever(), name="waiters", context=contextvars.Context()
        )
        if self._listener:
            await self._listener.open()

    async def close(self) -> None:
        """Wakes everybody (each `wait` looks once more and returns), then stops listening."""
        self._closed = True
        self._wake_all()
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        if self._listener:
            await self._listener.close()

    async def __aenter__(self) -> Waiters:
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def wait(self, approval_id: UUID, changed: Callable[[], Awaitable[T | None]], timeout: float) -> T | None:
        """The first value of `changed()` that is not None, or None after `timeout` seconds.

        `changed` is called at once (after registering, so no wake is lost) and again after every wake.
        """
        topic = self._topics.setdefault(approval_id, _Topic())
        woken = asyncio.Event()
        topic.waiting.add(woken)
        over = timeout <= 0

        def ring() -> None:
            nonlocal over
            over = True
            woken.set()

        # Its ringing is the end, not a look at the clock: uvloop rings up to a millisecond early.
        alarm = asyncio.get_running_loop().call_later(timeout, ring)
        try:
            while True:
                woken.clear()
                last = self._closed or over
                value = await changed()
                if value is not None or last:
                    return value
                await woken.wait()
        finally:
            alarm.cancel()
            topic.waiting.discard(woken)
            if not topic.waiting and self._topics.get(approval_id) is topic:
                del self._topics[approval_id]

    def wake(self, approval_ids: Iterable[UUID]) -> None:
        """Those who wait in this process look again. Call it after the commit: `work.after_commit(...)`."""
        for approval_id in approval_ids:
            if topic := self._topics.get(approval_id):
                for woken in topic.waiting:
                    woken.set()

    async def notify(self, *approval_ids: UUID) -> None:
        """Inside the resolving transaction: waiters in every process wake when it commits. SQLite: nothing to do."""
        if self._is_postgres and approval_ids:
            sql = f"SELECT pg_notify('{CHANNEL}', id) FROM unnest($1::text[]) AS id"  # noqa: S608
            await get_connection("default").execute_query_dict(sql, [[str(each) for each in approval_ids]])

    def _heard(self, payload: str) -> None:
        try:
            self.wake([UUID(payload)])
        except ValueError:
            log.warning("waiters.strange_notification")

    def _wake_all(self) -> None:
        self.wake(list(self._topics))

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_every)
            try:
                await self._sweep(list(self._topics))
            except Exception as fault:
                log.warning("waiters.sweep_failed", fault=type(fault).__name__)

    async def _sweep(self, awaited: list[UUID]) -> None:
        """Wakes those whose approval moved since the last sweep. One query for 500 approvals, not one per waiter."""
        for start in range(0, len(awaited), SWEEP_CHUNK):
            chunk = awaited[start : start + SWEEP_CHUNK]
            for approval_id, revision in await ApprovalRequest.filter(id__in=chunk).values_list("id", "revision"):
                topic = self._topics.get(approval_id)
                if topic and topic.revision != revision:
                    topic.revision = revision
                    self.wake([approval_id])
