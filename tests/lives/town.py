"""The town in which approval requests live: agents, the people who are asked, the service, the clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.administration import Actor, PlanSaved
from bot.app import Pace
from bot.simulator.clock import WorldClock
from bot.simulator.limits import Limits
from bot.simulator.state import Message, Person
from models.enums import OutboxState, Role
from models.tables import Agent, ApprovalRequest, OutboxMessage, User
from tests.lives.broken import Broken
from tests.lives.bylaws import NOTICES, PLAN, POLICY
from tests.lives.still import Hurry, StillClock
from tests.support.feishu import Feishu, feishu_running
from tests.support.service import ExecutorServer, HookAgent, RunningHouse, executor_running, service_running

RECENT = 15
"""How far back people scroll."""
_TRIES = 500  # far more than there are messages with times of their own
_TICKS = 40  # more steps than a plan has; a life that needs more hangs


@dataclass(slots=True)
class Life:
    """One approval request, as its agent knows it."""

    number: int
    agent: HookAgent
    action: str
    body: dict[str, Any]
    """What the agent sends whenever it asks for it."""
    approval_id: str
    go_aheads: int = 0


@dataclass(slots=True)
class Town:
    feishu: Feishu
    clock: StillClock
    dice: random.Random
    executor: ExecutorServer
    database_url: str
    _hurry: Hurry
    _service: AsyncExitStack = field(default_factory=AsyncExitStack)
    _house: RunningHouse | None = None
    agents: list[HookAgent] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)

    @property
    def house(self) -> RunningHouse:
        assert self._house is not None, "the service does not run"
        return self._house

    @property
    def staff(self) -> list[Person]:
        """Whoever has not left."""
        return [person for person in self.people if not person.resigned]

    @property
    def present(self) -> list[Person]:
        """Whoever can sign in."""
        return [person for person in self.staff if not person.frozen]

    def cards(self, person: Person, fits: Callable[[Message], bool] = lambda _: True) -> list[Message]:
        """The latest cards on this person's screen, newest first."""
        found: list[Message] = []
        for message in reversed(self.feishu.world.messages.values()):
            if len(found) == RECENT:
                break
            if message.msg_type == "interactive" and person in message.chat.people and fits(message):
                found.append(message)
        return found

    # -- the service ------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """The service runs, on the database as it is; agents know where."""
        settings = {"l2_notices_per_hour": str(NOTICES), "max_pending": "5000", "checks_per_minute": "100000"}
        pace = Pace(poll=0.2, monotonic=self._hurry.monotonic, sleep=self._hurry.sleep)
        running = service_running(self.feishu, self.clock, self.database_url, pace=pace, **settings)
        self._house = await self._service.enter_async_context(running)
        for agent in self.agents:
            agent.base_url, agent.session = self.house.base_url, self.house.session

    async def close(self) -> None:
        """It stops as it does for a new version: what is on its way ends, what waits stays in the outbox."""
        await self._service.aclose()
        self._house = None

    # -- time -------------------------------------------------------------------------------------------------------

    async def pass_time(self, **by: float) -> None:
        """The clock moves; what fell due has happened, as far as Feishu lets it."""
        await self.settled()
        await self.house.later(**by)
        for _ in range(_TICKS):
            if not await ApprovalRequest.filter(next_due_at__lte=self.clock.now()).exists():
                break
            await self.house.house.reminders.tick(self.clock.now())
        await self.settled()

    async def catch_up(self, *, whole: bool = False) -> None:
        """What Feishu's failures put off has been tried again, each at its time; `whole`: all that waits was sent."""
        for _ in range(_TRIES):
            waiting = OutboxMessage.filter(state=OutboxState.WAITING, attempts__gte=0 if whole else 1)
            first = await waiting.order_by("due_at").first()
            if first is None:
                return
            await self.pass_time(seconds=max((first.due_at - self.clock.now()).total_seconds(), 0) + 1)
        raise Broken("what was put off is put off for ever")

    async def settled(self) -> None:
        """Nothing is due or on its way any more. However slow the machine is: only what does not move has failed."""
        while True:
            before = await _progress()
            try:
                return await self.house.settled()
            except TimeoutError:
                if await _progress() == before:
                    raise Broken(f"the outbox stands still: {Counter(before.values())}") from None


async def _progress() -> dict[str, str]:
    """What is in the outbox, by id: its kind, state and attempts."""
    rows = await OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING])
    return {str(row.id): f"{row.kind.value} {row.state.value} {row.attempts}" for row in rows}


@asynccontextmanager
async def town_standing(database_url: str, seed: int) -> AsyncIterator[Town]:
    clock = StillClock()
    limits = Limits(0, 0, 0, 0)  # the service keeps them in seconds that do not pass here
    async with (
        executor_running() as executor,
        feishu_running(clock=WorldClock(clock.now), limits=limits) as feishu,
    ):
        town = Town(feishu, clock, random.Random(seed), executor, database_url, Hurry(clock))
        await town.open()
        try:
            await _settle_down(town)
            yield town
        finally:
            await town.close()


async def _settle_down(town: Town) -> None:
    """Two creators, a backup, a leader, two of finance, two admins; three agents, one with an executor."""
    feishu, house = town.feishu, town.house
    lin, wang, zhao, sun, qian = _newcomers(feishu, ("lin", "wang", "zhao", "sun", "qian"))
    deng, fang = _newcomers(feishu, ("deng", "fang"))
    lin.leader, qian.leader = qian, sun
    town.people = [lin, wang, zhao, sun, qian, deng, fang]
    for person in town.people:
        user = await house.person(person, role=Role.ORG_ADMIN if person in (deng, fang) else None)
        await User.filter(id=user.id).update(email=person.email)
    async with house.house.ledger.transaction() as work:
        saved = await house.house.administration.plans.save(work, Actor.command_line("lives", "default"), PLAN)
        assert isinstance(saved, PlanSaved), saved
    backup = await house.person(sun)
    town.agents = [
        await house.agent(name="Bookkeeper", creator=lin, policy=POLICY),
        await house.agent(name="Gardener", creator=qian, policy=POLICY),
        await house.agent(name="Courier", creator=lin, policy=POLICY, executor=town.executor),
    ]
    await Agent.filter(name__in=["Bookkeeper", "Courier"]).update(backup_id=backup.id)


def _newcomers(feishu: Feishu, keys: Sequence[str]) -> list[Person]:
    return [feishu.add_person(key, email=f"{key}@town.example") for key in keys]
