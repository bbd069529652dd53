"""Story: several services share one PostgreSQL; it makes no difference which of them hears what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.app import default_app
from bot.database import open_database
from bot.nudging.crowd import SLOT, slot_of
from bot.people.apps import FeishuApps
from bot.people.joining import People
from bot.secrecy.box import SecretBox
from bot.simulator.clock import WorldClock
from models.enums import OutboxKind, OutboxState
from models.tables import AuditEntry, OutboxMessage
from tests.support.feishu import Feishu, feishu_running
from tests.support.processes import SECRET_KEY, ServiceProcess, environment, services_running
from tests.support.registering import register_agent, register_person
from tests.support.service import POLICY, HookAgent, TravellingClock, settings_for

ASKED = 10


@dataclass
class Town:
    """A Feishu, a database and an agent's token; services are started by the tests."""

    feishu: Feishu
    clock: TravellingClock
    database_url: str
    log: Path
    session: aiohttp.ClientSession
    token: str

    @asynccontextmanager
    async def replicas(self, count: int) -> AsyncIterator[list[ServiceProcess]]:
        env = environment(self.feishu, self.database_url)
        async with services_running(env, self.log, count, ahead=self.clock.offset) as services:
            self.feishu.connect(services[-1].webhook)
            yield services

    def agent(self, at: ServiceProcess) -> HookAgent:
        return HookAgent(self.session, at.base_url, self.token, "Bookkeeper")

    async def outbox(self) -> Counter[OutboxState]:
        async with open_database(self.database_url):
            return Counter(message.state for message in await OutboxMessage.exclude(kind=OutboxKind.LEARN_NAME))

    async def audited(self, action: str) -> int:
        async with open_database(self.database_url):
            return await AuditEntry.filter(action=action).count()


@pytest.fixture
async def town(postgres_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    clock, box = TravellingClock(), SecretBox([SECRET_KEY])
    async with feishu_running(clock=WorldClock(clock.now)) as feishu, aiohttp.ClientSession() as session:
        async with open_database(postgres_url):
            await FeishuApps(box, default_app(settings_for(feishu, postgres_url))).ensure_default(clock.now())
            creator = await register_person(People(feishu.app.app_id), feishu, feishu.creator, clock.now())
            token = await register_agent(creator, box, clock.now(), name="Bookkeeper", policy=POLICY)
        yield Town(feishu, clock, postgres_url, tmp_path / "service.log", session, token)


async def test_click_at_one_replica_wakes_the_agent_that_waits_at_another(town: Town) -> None:
    async with town.replicas(2) as (one, other):
        town.feishu.connect(other.webhook)
        waiting = asyncio.create_task(town.agent(one).asks(wait=300))
        card = await town.feishu.next_card(to=town.feishu.creator)
        click = await town.feishu.click(card, "approve", by=town.feishu.creator)
        assert click.code == 0
        answer = await asyncio.wait_for(waiting, 30)
        assert (answer["allowed"], answer["status"]) == (True, "approved")
        again = await town.agent(other).asks()
        assert (again["allowed"], again["status"]) == (False, "pending")


async def test_three_replicas_remind_once_and_catch_up_on_a_pause(town: Town) -> None:
    async with town.replicas(1) as (one,):
        await asyncio.gather(*(town.agent(one).asks(session=str(number)) for number in range(ASKED)))
        for _ in range(ASKED):
            await town.feishu.next_card(to=town.feishu.creator)
        assert await one.stop() == 0
    town.clock.offset += timedelta(minutes=31)
    town.clock.offset += SLOT + timedelta(minutes=1) - (town.clock.now() - slot_of(town.clock.now()))  # within one slot
    await town.feishu.advance(timedelta())
    async with town.replicas(3) as services:
        await town.feishu.next_card(to=town.feishu.creator, containing=f"{ASKED} 个请求")  # one for all of them
        async with asyncio.timeout(30):
            while await town.audited("approval.nudge_spared") < ASKED:
                await asyncio.sleep(0.1)
        assert [await service.stop() for service in services] == [0, 0, 0]
    assert len(town.feishu.messages(type="interactive")) == ASKED + 1
    assert town.feishu.texts() == []
    assert await town.audited("approval.reminded") == ASKED
    assert await town.audited("approval.nudge_spared") == ASKED
    assert OutboxState.SENDING not in await town.outbox()


async def test_three_replicas_deliver_each_message_once(town: Town) -> None:
    """Not only shown once, which Feishu's uuid would see to, but sent once."""
    count = 15
    async with town.replicas(3) as services:
        agents = [town.agent(service) for service in services]
        answers = await asyncio.gather(
            *(agents[number % 3].asks("write_files", session=str(number)) for number in range(count))
        )
        assert all(answer["allowed"] for answer in answers)
        for _ in range(count):
            await town.feishu.next_card(to=town.feishu.creator)
        assert [await service.stop() for service in services] == [0, 0, 0]
    sends = [call for call in town.feishu.calls("send") if call.code == 0]
    assert len(sends) == len(town.feishu.messages(type="interactive")) == count
    assert await town.outbox() == {OutboxState.DELIVERED: count}
