"""Story: the creator is away; people are reminded, admins are asked, and the question always ends."""

from __future__ import annotations

import asyncio

from bot.administration import Actor
from models.enums import ApprovalStatus, Delivery, Role
from models.tables import ApprovalRequest
from tests.support.service import RunningHouse


async def test_each_step_reminds_once_in_the_cards_thread_and_the_card_says_how_long_it_waits(
    house: RunningHouse,
) -> None:
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    for delta, waited in (({"minutes": 31}, "31 分钟"), ({"hours": 2}, "2 小时"), ({"hours": 6}, "8 小时")):
        version = card.version
        await house.later(**delta)
        reminder = await house.feishu.next_text(to=house.feishu.creator)
        assert reminder.relation.root_id == card.message_id
        await house.feishu.card_changed(card, since=version)
        assert waited in house.feishu.words(card)
    assert len(await house.audited("approval.reminded")) == 3


async def test_several_missed_steps_are_one_reminder(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=house.feishu.creator)
    await house.later(hours=9)
    await house.settled()
    assert len(house.feishu.messages(to=house.feishu.creator, type="text")) == 1
    assert (await ApprovalRequest.first()).reminders_sent == 3


async def test_the_last_step_asks_the_admins_and_the_first_answer_wins(house: RunningHouse) -> None:
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    agent = await house.agent()
    await agent.asks()
    creators = await house.feishu.next_card(to=house.feishu.creator)
    await house.later(hours=9)
    admins = await house.feishu.next_card(to=house.feishu.admin)
    await house.feishu.click(admins, "approve", by=house.feishu.admin)
    await house.feishu.card_until(creators, lambda card: "approve" not in house.feishu.buttons(creators))
    assert house.feishu.admin.name in house.feishu.words(creators)
    await house.feishu.next_text(to=house.feishu.creator, containing=house.feishu.admin.name)


async def test_expiry_closes_the_card_and_wakes_the_agent(house: RunningHouse) -> None:
    agent = await house.agent()
    answer = await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    before = house.feishu.card_now(card)
    waiting = asyncio.create_task(agent.looks(answer["approval_id"], wait=60))
    await house.later(hours=73)
    assert (await asyncio.wait_for(waiting, 20))["status"] == "expired"
    await house.feishu.card_until(card, lambda shown: shown["header"]["template"] == "grey")
    late = await house.feishu.click(card, "approve", by=house.feishu.creator, shown=before)
    assert late.code == 0
    assert late.toast.kind != "success"
    assert (await agent.looks(answer["approval_id"]))["status"] == "expired"


async def test_a_claim_without_a_report_becomes_unknown_and_is_told(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    claimed = await agent.asks()
    assert claimed["allowed"]
    await house.later(hours=25)
    looked = await agent.looks(claimed["approval_id"], wait=10)
    assert looked["execution"]["status"] == "unknown"
    await house.feishu.next_text(to=house.feishu.creator)
    settled = await agent.reports(claimed["approval_id"], "succeeded", {"late": True})
    assert settled["execution"]["status"] == "succeeded"


async def test_an_unclaimed_go_ahead_lapses_and_the_card_says_so(house: RunningHouse) -> None:
    agent = await house.agent()
    first = await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    await house.settled()
    version = card.version
    await house.later(hours=25)
    await house.feishu.card_changed(card, since=version)
    status, problem = await agent.call(
        "POST", f"/v1/approvals/{first['approval_id']}/claim", {"action_digest": first["action_digest"]}
    )
    assert (status, problem["code"]) == (409, "claim_lapsed")


async def test_delivery_is_visible_to_the_agent(house: RunningHouse) -> None:
    agent = await house.agent()
    answer = await agent.asks()
    await house.feishu.next_card(to=house.feishu.creator)
    await house.settled()
    assert (await agent.looks(answer["approval_id"]))["delivery"]["state"] == Delivery.SENT


async def test_archiving_an_agent_withdraws_what_it_still_asks(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    actor = Actor.command_line("test", "default")
    async with house.house.ledger.transaction() as work:
        await house.house.administration.agents.archive(work, actor, "Bookkeeper")
    await house.house.reminders.tick(house.clock.now())
    await house.feishu.card_until(card, lambda _: "approve" not in house.feishu.buttons(card))
    assert (await house.approval(asked)).status is ApprovalStatus.CANCELLED
