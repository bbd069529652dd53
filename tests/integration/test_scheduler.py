"""The ticker ticks on when the wall clock steps back; housekeeping removes what has served its purpose."""

from __future__ import annotations

import asyncio
import datetime as real
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import apscheduler.schedulers.base as apscheduler_base
import pytest
from structlog.testing import capture_logs

from bot.database import Database
from bot.housekeeping import Housekeeping
from bot.scheduler import Job, Scheduler
from models.enums import Nudge, OutboxKind, OutboxState
from models.ids import new_id
from models.tables import IdempotentCheck, InboundRecord, NoticeHour, NudgeDay, OneTimeSecret, OutboxMessage, QueueCard
from tests.support.office import fresh, open_office


class WallClock:
    """The time that APScheduler sees; the event loop's own clock goes on undisturbed."""

    def __init__(self) -> None:
        self.offset = timedelta()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[WallClock]:
    wall = WallClock()

    class Stepped(real.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.datetime.now(tz) + wall.offset

    monkeypatch.setattr(apscheduler_base, "datetime", Stepped)
    monkeypatch.setattr("bot.scheduler.datetime", Stepped)
    yield wall


class Ticks:
    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Condition()

    async def tick(self) -> None:
        async with self._next:
            self.count += 1
            self._next.notify_all()

    async def until(self, count: int, within: float = 20) -> None:
        async with asyncio.timeout(within), self._next:
            await self._next.wait_for(lambda: self.count >= count)


async def test_it_ticks_at_once_and_again(wall: WallClock) -> None:
    ticks = Ticks()
    scheduler = Scheduler([Job("test", timedelta(seconds=0.05), ticks.tick)])
    await scheduler.start()
    await ticks.until(3)
    await scheduler.stop()
    count = ticks.count
    await asyncio.sleep(0.2)
    assert ticks.count == count


async def test_apscheduler_alone_stops_when_the_clock_steps_back_and_the_watchdog_does_not(wall: WallClock) -> None:
    ticks = Ticks()
    scheduler = Scheduler([Job("test", timedelta(seconds=0.1), ticks.tick)], watch_every=0.05)
    await scheduler.start()
    await ticks.until(3)
    wall.offset = timedelta(hours=-1)
    await ticks.until(ticks.count + 10)  # APScheduler by itself would next tick in an hour
    wall.offset = timedelta()
    await ticks.until(ticks.count + 5)
    await scheduler.stop()


async def test_the_trap_is_still_there(wall: WallClock) -> None:
    """Should this ever fail, APScheduler has learnt to survive a backward step and the watchdog may go."""
    ticks = Ticks()
    scheduler = Scheduler([Job("test", timedelta(seconds=0.05), ticks.tick)], watch_every=3600)
    await scheduler.start()
    await ticks.until(3)
    wall.offset = timedelta(hours=-1)
    with pytest.raises(TimeoutError):
        await ticks.until(ticks.count + 4, within=1)
    await scheduler.stop()


async def test_after_one_rescue_the_ticker_itself_goes_on(wall: WallClock) -> None:
    ticks = Ticks()
    scheduler = Scheduler([Job("test", timedelta(seconds=0.05), ticks.tick)], watch_every=0.2)
    await scheduler.start()
    await ticks.until(2)
    wall.offset = timedelta(hours=-1)
    with capture_logs() as logs:
        while not any(line["event"] == "scheduler.rearmed" for line in logs):
            await ticks.until(ticks.count + 1)
    assert scheduler._watchdog is not None
    scheduler._watchdog.cancel()
    await ticks.until(ticks.count + 5)
    await scheduler.stop()


async def test_the_watchdog_ticks_even_without_apscheduler(wall: WallClock) -> None:
    ticks = Ticks()
    scheduler = Scheduler([Job("test", timedelta(seconds=0.05), ticks.tick)], watch_every=0.05)
    await scheduler.start()
    scheduler._scheduler.remove_all_jobs()
    await ticks.until(ticks.count + 3)
    await scheduler.stop()


async def test_a_fault_in_a_tick_stops_nothing(wall: WallClock) -> None:
    ticks = Ticks()

    async def faulty() -> None:
        await ticks.tick()
        raise RuntimeError("the database is away")

    scheduler = Scheduler([Job("test", timedelta(seconds=0.05), faulty)])
    await scheduler.start()
    await ticks.until(3)
    await scheduler.stop()


async def test_a_tick_never_overlaps_itself_and_stopping_waits_for_it(wall: WallClock) -> None:
    began, release, running, most, ended = asyncio.Event(), asyncio.Event(), 0, 0, 0

    async def slow() -> None:
        nonlocal running, most, ended
        running += 1
        most = max(most, running)
        began.set()
        await release.wait()
        running -= 1
        ended += 1

    scheduler = Scheduler([Job("test", timedelta(seconds=0.02), slow)], watch_every=0.02)
    await scheduler.start()
    await began.wait()
    await asyncio.sleep(0.3)
    stopping = asyncio.create_task(scheduler.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    release.set()
    await stopping
    assert (most, ended) == (1, 1)


async def test_housekeeping_removes_what_has_served_its_purpose_and_nothing_else(database: Database) -> None:
    async with open_office(database) as office:
        ann = await office.person("Ann")
        approval = await office.asked(ann)
        clock = office.gate.clock
        start = clock.now()
        await InboundRecord.create(key="old", kind="click", received_at=start)
        await OneTimeSecret.create(
            key_hash="a" * 64, ciphertext="x", title="t", expires_at=start + timedelta(minutes=10)
        )
        await IdempotentCheck.create(key="p" * 64, agent_id=new_id(), payload_hash="h", answer="{}", created_at=start)
        await IdempotentCheck.create(
            key="q" * 64, agent_id=new_id(), payload_hash="h", approval_id=approval.id, created_at=start
        )
        await NudgeDay.create(person_id=ann.id, day=start.date(), nudge=Nudge.THREAD, used=1)
        await NoticeHour.create(person_id=ann.id, agent_id=approval.agent_id, begins_at=start, told=6)
        queues = {
            at: await QueueCard.create(person_id=ann.id, app_id="default", created_at=start, closed_at=at)
            for at in (start, None)
        }
        texts = {state: await office.say(ann, state.value) for state in OutboxState}
        for state, message in texts.items():
            await OutboxMessage.filter(id=message.id).update(state=state, done_at=start)

        clock.move(minutes=11)
        await Housekeeping().tick(clock.now())
        assert (await OneTimeSecret.get(key_hash="a" * 64)).ciphertext is None  # the secret at once, the row later

        clock.move(hours=25)
        await InboundRecord.create(key="new", kind="click", received_at=clock.now())
        gone = await Housekeeping().tick(clock.now())
        assert {table: count for table, count in gone.items() if count} == {"inbound_events": 1, "one_time_secrets": 1}

        clock.move(days=8)
        assert (await Housekeeping().tick(clock.now()))["idempotent_checks"] == 1
        assert await IdempotentCheck.exists(key="q" * 64)  # its approval is pending
        await office.gate.approvals.settling.expire(approval.id)
        clock.move(days=8)
        assert (await Housekeeping().tick(clock.now()))["idempotent_checks"] == 1

        clock.move(days=15)
        gone = await Housekeeping().tick(clock.now())
        assert (gone["outbox"], gone["nudge_days"], gone["notice_hours"], gone["queue_cards"]) == (2, 1, 1, 1)
        assert [card.id for card in await QueueCard.all()] == [queues[None].id]
        left = {message.id for message in await OutboxMessage.filter(kind=OutboxKind.TEXT)}
        assert {texts[OutboxState.WAITING].id, texts[OutboxState.SENDING].id, texts[OutboxState.DISCARDED].id} <= left
        assert (await fresh(approval)).id == approval.id
