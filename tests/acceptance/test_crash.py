"""Story: the service is killed again and again under load, and what it promised holds: decided exactly once, started
at most once, delivered at least once, and nothing that was acknowledged is lost.

TEST_CRASH_ROUNDS kills in all, half of them on each database (`make crash`: 300).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.app import default_app
from bot.audit.verifying import Verified, verify
from bot.database import open_database
from bot.people.apps import FeishuApps
from bot.people.joining import People
from bot.secrecy.box import SecretBox
from bot.simulator.clock import WorldClock
from bot.simulator.limits import Limits
from models.enums import ApprovalStatus, ExecutionStatus, Executor, OutboxKind, OutboxState
from models.tables import ApprovalRequest, AuditEntry, OutboxMessage
from tests.support.crashing import POLICY, Caller, Clickers, Gate, Seen, cards_of, executor_counting
from tests.support.feishu import Feishu, Person, feishu_running
from tests.support.processes import SECRET_KEY, ServiceProcess, environment, start_service
from tests.support.registering import register_agent, register_person
from tests.support.service import TravellingClock, settings_for

ROUNDS = int(os.environ.get("TEST_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("ASSENT_CRASH_SEED", "20261122"))
CALLERS = 6
CLICKERS = 4
BETWEEN = timedelta(seconds=150)
"""The clock runs ahead by this much with each start: longer than every lease, so what a kill interrupted is over."""

SETTLED_WITHIN = 240.0
"""Real seconds for the last start to catch up; it is over as soon as the outbox is empty."""


@dataclass
class Siege:
    """One database under fire: the world around the service, which stays while the service comes and goes."""

    feishu: Feishu
    clock: TravellingClock
    database_url: str
    log: Path
    seen: Seen
    gate: Gate
    people: list[Person]
    callers: list[Caller] = field(default_factory=list)
    service: ServiceProcess | None = None

    async def register(self, session: aiohttp.ClientSession, executor_url: str) -> None:
        """One agent for each person; every second one has an executor, the others act themselves."""
        people, box, now = People(self.feishu.app.app_id), SecretBox([SECRET_KEY]), self.clock.now()
        await FeishuApps(box, default_app(settings_for(self.feishu, self.database_url))).ensure_default(now)
        for number, person in enumerate(self.people):
            token = await register_agent(
                await register_person(people, self.feishu, person, now),
                box,
                now,
                name=f"agent{number}",
                policy=POLICY,
                executor_url=executor_url if number % 2 else None,
            )
            self.callers.append(Caller(f"agent{number}", token, self.gate, self.seen, session, SEED + number))

    async def start(self) -> ServiceProcess:
        """The service runs again, and everybody knows where."""
        env = environment(self.feishu, self.database_url)
        self.service = service = await start_service(env, self.log, ahead=self.clock.offset)
        self.feishu.connect(service.webhook)
        self.gate.base_url = service.base_url
        self.gate.up.set()
        return service

    async def round(self, seconds: float) -> None:
        """Started, put under load, killed after so many seconds from readiness."""
        service, until = await self.start(), asyncio.Event()
        load = [asyncio.create_task(caller.run(until)) for caller in self.callers]
        await asyncio.sleep(seconds)
        assert service.process.returncode is None, self.log.read_text()[-4000:]
        self.gate.up.clear()
        until.set()
        await service.kill()
        await asyncio.gather(*load)
        self.clock.offset += BETWEEN

    async def catch_up(self) -> None:
        """Started once more and left in peace until there is nothing left to do; stopped gracefully."""
        service = await self.start()
        async with open_database(self.database_url):
            await until_true(everything_is_settled)
        assert await service.stop() == 0

    async def close(self) -> None:
        """No service outlives a test that failed."""
        if self.service is not None and self.service.process.returncode is None:
            await self.service.kill()


@asynccontextmanager
async def siege_of(database_url: str, log: Path) -> AsyncIterator[Siege]:
    """Feishu, executor and people at their places; the service is not started yet."""
    clock, seen, gate = TravellingClock(), Seen(), Gate()
    async with (
        feishu_running(clock=WorldClock(clock.now), limits=Limits(0, 0, 0, 0)) as feishu,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        executor_counting(seen, SEED) as executor_url,
    ):
        people = [feishu.add_person(f"p{number}", f"同事{number}") for number in range(CALLERS)]
        siege = Siege(feishu, clock, database_url, log, seen, gate, people)
        async with open_database(database_url):
            await siege.register(session, executor_url)
        clickers = Clickers(feishu, gate, seen, SEED)
        pressing = [asyncio.create_task(clickers.run()) for _ in range(CLICKERS)]
        try:
            yield siege
        finally:
            for task in pressing:
                task.cancel()
            ends = await asyncio.gather(*pressing, return_exceptions=True)
            await siege.close()
        assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []


@pytest.mark.slow
@pytest.mark.timeout(300 + 12 * ROUNDS)
async def test_nothing_is_lost_and_nothing_happens_twice(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, kills = random.Random(SEED), max(1, ROUNDS // 2)
    async with siege_of(database_url, tmp_path / "service.log") as siege:
        for _ in range(kills):
            await siege.round(chance.uniform(0.15, 1.0))
        await siege.catch_up()
    async with open_database(database_url):
        broken_off = await ApprovalRequest.filter(execution=ExecutionStatus.UNKNOWN).count()
        with capsys.disabled():
            sys.stdout.write(f"\ncrash: kills {kills}, {siege.seen.summary()}, broken off {broken_off}\n")
        await judge(siege)


async def judge(siege: Siege) -> None:
    """What the clients saw, against what the database holds."""
    seen = siege.seen
    assert seen.wrong == []
    assert isinstance(await verify(), Verified)
    audited = set(await AuditEntry.filter(subject__startswith="check:").values_list("subject", flat=True))
    assert {f"check:{check_id}" for check_id in seen.acknowledged} <= audited
    assert len(seen.acknowledged) > 0
    assert max(seen.go_aheads.values(), default=0) <= 1
    assert max(seen.orders.values(), default=0) <= 1
    for approval in await ApprovalRequest.all():
        judge_one(seen, approval)
    await judge_messages(siege)


def judge_one(seen: Seen, approval: ApprovalRequest) -> None:
    """Its decision is the one that was acknowledged, its execution the one that happened."""
    name = str(approval.id)
    clicked = seen.clicks.get(name)
    if clicked is not None:
        assert approval.status is {"approve": ApprovalStatus.APPROVED, "reject": ApprovalStatus.REJECTED}[clicked]
    approved = approval.status is ApprovalStatus.APPROVED
    if approval.executor is Executor.AGENT:
        assert seen.orders[name] == 0
        assert not seen.go_aheads[name] or (approved and approval.claimed_at is not None)
        return
    assert seen.go_aheads[name] == 0
    assert approval.execution.finished is approved
    if approval.execution is ExecutionStatus.SUCCEEDED:
        assert seen.orders[name] == 1
    else:  # a broken-off attempt stays unknown, whether or not its order had got through
        assert approval.execution in (ExecutionStatus.NOT_STARTED, ExecutionStatus.UNKNOWN)
        assert seen.orders[name] == 0 or approval.execution is ExecutionStatus.UNKNOWN


TEXTS = [OutboxKind.TEXT, OutboxKind.NUDGE, OutboxKind.NOTICE_SUMMARY]
CARDS = [OutboxKind.APPROVAL_CARD, OutboxKind.NOTICE, OutboxKind.QUEUE_CARD, OutboxKind.CARD]


async def judge_messages(siege: Siege) -> None:
    """Whoever is asked has the card, and every word that was to be said was said: once, by Feishu's uuid."""
    shown = cards_of(siege.feishu, siege.people)
    assert max(shown.values(), default=0) <= 1
    asked = await ApprovalRequest.filter(status=ApprovalStatus.PENDING).values_list("id", flat=True)
    assert {str(approval_id) for approval_id in asked} == {approval_id for approval_id, _ in shown}
    assert await OutboxMessage.filter(state=OutboxState.DISCARDED).count() == 0
    for kinds, type_ in ((TEXTS, "text"), (CARDS, "interactive")):
        sent = OutboxMessage.filter(kind__in=kinds, state=OutboxState.DELIVERED, message_id__not_isnull=True)
        known = sorted(map(str, await sent.values_list("message_id", flat=True)))
        assert known == sorted(each.message_id for each in siege.feishu.messages(type=type_))
    executing = [json.loads(entry.details)["level"] for entry in await AuditEntry.filter(action="check.allowed")]
    assert await OutboxMessage.filter(kind=OutboxKind.NOTICE).count() == executing.count("L2")


async def everything_is_settled() -> bool:
    """Nothing is due or on its way, and no execution is open."""
    if await OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING]).exists():
        return False
    serving = ApprovalRequest.filter(status=ApprovalStatus.APPROVED, executor=Executor.SERVICE)
    return not await serving.filter(execution__in=[ExecutionStatus.NOT_STARTED, ExecutionStatus.RUNNING]).exists()


async def until_true(look: Callable[[], Awaitable[bool]]) -> None:
    """Another process's work is seen in the database only: looked at ten times a second."""
    async with asyncio.timeout(SETTLED_WITHIN):
        while not await look():
            await asyncio.sleep(0.1)
