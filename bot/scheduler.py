"""The ticker: calls what is due every few seconds. It keeps no state; what is due stands in the database.

APScheduler waits by the wall clock, so it stops for as long as that clock was set back (measured: an hour for an
hour). A watchdog on the event loop's monotonic clock therefore runs what is overdue and sets the ticker going again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.digests import Digests
from bot.execution.executions import Executions
from bot.freezing.freezes import Freezing
from bot.housekeeping import Housekeeping
from bot.ports import Clock
from bot.queueing.retiring import RetireQueues
from bot.reminders import Reminders

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to call again and again; it must find out by itself what is due."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


def jobs(
    reminders: Reminders,
    executions: Executions,
    freezing: Freezing,
    digests: Digests,
    queues: RetireQueues,
    housekeeping: Housekeeping,
    clock: Clock,
) -> list[Job]:
    """What ticks in the service. The worker takes back its outbox leases by itself."""
    return [
        Job("reminders", timedelta(seconds=2), lambda: reminders.tick(clock.now())),
        Job("executions", timedelta(seconds=5), lambda: executions.recover(clock.now())),
        Job("freezes", timedelta(seconds=5), lambda: freezing.lift_due(clock.now())),
        Job("digests", timedelta(seconds=30), lambda: digests.tick(clock.now())),
        Job("queues", timedelta(minutes=10), lambda: queues.tick(clock.now())),
        Job("housekeeping", timedelta(minutes=10), lambda: housekeeping.tick(clock.now())),
    ]


class _Ticker:
    """One job: never twice at once, whoever calls, and no fault stops it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.began = 0.0  # on the event loop's clock
        self.idle = asyncio.Event()
        self.idle.set()

    async def tick(self) -> None:
        if not self.idle.is_set():
            return
        self.idle.clear()
        self.began = asyncio.get_running_loop().time()
        try:
            await self.job.run()
        except Exception:
            log.exception("scheduler.job_failed", job=self.job.name)
        finally:
            self.idle.set()

    def overdue(self, now: float) -> bool:
        """Whether two ticks were missed."""
        return self.idle.is_set() and now - self.began > 2 * self.job.every.total_seconds()


class Scheduler:
    def __init__(self, jobs: Sequence[Job], *, watch_every: float = 1.0, patience: float = 10.0) -> None:
        """`watch_every`: seconds between looks of the watchdog; `patience`: seconds that `stop` waits for a tick."""
        self._tickers = [_Ticker(job) for job in jobs]
        self._watch_every = watch_every
        self._patience = patience
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._watchdog: asyncio.Task[None] | None = None
        self._rescued: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Every job runs at once and then at its interval. To be called once the database is open."""
        now = asyncio.get_running_loop().time()
        for ticker in self._tickers:
            ticker.began = now
            self._scheduler.add_job(
                ticker.tick,
                "interval",
                id=ticker.job.name,
                seconds=ticker.job.every.total_seconds(),
                next_run_time=datetime.now(UTC),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        self._scheduler.start()
        self._watchdog = asyncio.create_task(self._watch(), name="scheduler-watchdog")

    async def stop(self) -> None:
        """No tick begins any more; one that runs may end."""
        if self._watchdog is None:
            return
        self._watchdog.cancel()
        self._scheduler.pause()
        try:
            async with asyncio.timeout(self._patience):
                for ticker in self._tickers:
                    await ticker.idle.wait()
        except TimeoutError:
            log.warning("scheduler.stopped_in_a_tick")
        self._scheduler.shutdown(wait=False)
        await asyncio.gather(self._watchdog, *self._rescued, return_exceptions=True)
        self._watchdog = None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._watch_every)
            for ticker in self._tickers:
                if ticker.overdue(loop.time()):
                    self._rescue(ticker)

    def _rescue(self, ticker: _Ticker) -> None:
        log.warning("scheduler.rearmed", job=ticker.job.name)
        rescue = asyncio.create_task(ticker.tick(), name=f"tick:{ticker.job.name}")
        self._rescued.add(rescue)
        rescue.add_done_callback(self._rescued.discard)
        next_run = datetime.now(UTC) + ticker.job.every
        try:
            self._scheduler.modify_job(ticker.job.name, next_run_time=next_run)
        except Exception:  # whatever state it is in, the watchdog goes on ticking in its place
            log.exception("scheduler.not_rearmed", job=ticker.job.name)
