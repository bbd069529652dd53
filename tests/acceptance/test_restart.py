"""Story: the service is stopped and started again on the same database; who waits notices no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.simulator.clock import WorldClock
from models.enums import ApprovalStatus
from models.tables import ApprovalRequest, InboundRecord
from tests.support.feishu import Feishu, feishu_running
from tests.support.service import ExecutorServer, HookAgent, RunningHouse, TravellingClock, service_running


@dataclass
class Place:
    """A Feishu and a database that stay, while services come and go."""

    feishu: Feishu
    clock: TravellingClock
    database_url: str

    def service(self) -> AbstractAsyncContextManager[RunningHouse]:
        return service_running(self.feishu, self.clock, self.database_url)


@asynccontextmanager
async def place(database_url: str) -> AsyncIterator[Place]:
    clock = TravellingClock()
    async with feishu_running(clock=WorldClock(clock.now)) as feishu:
        yield Place(feishu, clock, database_url)


def moved(agent: HookAgent, house: RunningHouse) -> HookAgent:
    """The same agent, calling the service where it is now."""
    return HookAgent(house.session, house.base_url, agent.token, agent.name)


async def test_pending_approval_survives_and_its_old_card_decides(database_url: str) -> None:
    async with place(database_url) as here:
        async with here.service() as house:
            agent = await house.agent()
            asked = await agent.asks()
            card = await here.feishu.next_card(to=here.feishu.creator)
            await house.settled()
        async with here.service() as house:
            agent = moved(agent, house)
            assert (await agent.asks())["approval_id"] == asked["approval_id"]
            click = await here.feishu.click(card, "approve", by=here.feishu.creator)
            assert click.toast is not None
            assert click.toast.kind == "success"
            assert (await agent.asks())["allowed"]
            assert len(here.feishu.messages(type="interactive")) == 1


async def test_waiting_agent_is_answered_at_the_stop_and_gets_the_go_ahead_after_it_reconnects(
    database_url: str,
) -> None:
    async with place(database_url) as here:
        async with here.service() as house:
            agent = await house.agent()
            waiting = asyncio.create_task(agent.asks(wait=600))
            card = await here.feishu.next_card(to=here.feishu.creator)
            await house.settled()
            await house.app.shutdown()
            held = await asyncio.wait_for(waiting, 20)
            assert (held["status"], held["allowed"]) == ("pending", False)
        async with here.service() as house:
            agent = moved(agent, house)
            waiting = asyncio.create_task(agent.asks(wait=60))
            click = await here.feishu.click(card, "approve", by=here.feishu.creator)
            assert click.code == 0
            answer = await asyncio.wait_for(waiting, 20)
            assert (answer["allowed"], answer["approval_id"]) == (True, held["approval_id"])


async def test_redelivered_click_and_message_change_nothing_after_the_restart(
    database_url: str, executor: ExecutorServer
) -> None:
    async with place(database_url) as here:
        feishu = here.feishu
        async with here.service() as house:
            agent = await house.agent(executor=executor)
            first, second = await agent.asks(session="one"), await agent.asks(session="two")
            card = await feishu.next_card(to=feishu.creator)
            await feishu.next_card(to=feishu.creator)
            click = await feishu.click(card, "approve", by=feishu.creator)
            said = await feishu.say(feishu.creator, f"/reject {second['approval_id']} 太晚了")
            assert (await agent.looks(first["approval_id"], wait=20))["execution"]["status"] == "succeeded"
            await house.settled()
            before = await facts(house)
        messages = len(feishu.messages())
        async with here.service() as house:
            again = await feishu.click_again(click)
            assert (again.code, again.toast.kind if again.toast else None) == (0, "success")
            assert (await feishu.redeliver(said)).accepted
            await house.settled()
            assert await facts(house) == before
            assert len(feishu.messages()) == messages
        assert len(executor.orders) == 1


async def test_reminders_go_on_where_they_were(database_url: str) -> None:
    """A step that fell due during the pause is caught up once; one that was sent before is not sent again."""
    async with place(database_url) as here:
        feishu = here.feishu
        async with here.service() as house:
            agent = await house.agent()
            await agent.asks()
            await feishu.next_card(to=feishu.creator)
            await house.later(minutes=31)
            await feishu.next_text(to=feishu.creator)
            await house.settled()
        for hours, reminders in ((0, 1), (3, 2), (0, 2)):
            here.clock.offset += timedelta(hours=hours)
            await feishu.advance(timedelta())
            async with here.service() as house:
                await house.later()
                await house.house.scheduler.stop()  # its own first tick is over, too
                await house.settled()
                assert len(await house.audited("approval.reminded")) == reminders
                assert len(feishu.messages(to=feishu.creator, type="text")) == reminders
        async with here.service() as house:
            approval = await ApprovalRequest.get(status=ApprovalStatus.PENDING)
            assert approval.reminders_sent == 2


async def facts(house: RunningHouse) -> dict[str, Any]:
    """What a repeated event must leave as it is."""
    return {
        "resolved": len(await house.audited("approval.resolved")),
        "refused": len(await house.audited("approval.refused")),
        "approvals": await ApprovalRequest.all().order_by("id").values("id", "status", "revision", "execution"),
        "events": await InboundRecord.all().count(),
    }
