"""Stories: everything that waits for one person on one card: paged, decided, put off, approved together; not stale."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.simulator.responses import Toast
from bot.simulator.simulator import Click
from bot.simulator.state import Message
from models.enums import ApprovalStatus, Role
from models.tables import ApprovalRequest, CardCopy, OutboxMessage, QueueCard
from tests.support.service import HookAgent, RunningHouse

POLICY = {"reimburse": "L3", "wipe": "L3", "*": "L1"}


def reimbursement(amount: int, memo: str = "快递费") -> dict[str, Any]:
    return {"tool": "books.reimburse", "args": {"amount": amount, "currency": "CNY", "to": "顺丰", "memo": memo}}


async def asks(agent: HookAgent, *amounts: int) -> list[Any]:
    answers = [await agent.asks("reimburse", details=reimbursement(amount)) for amount in amounts]
    assert {answer["status"] for answer in answers} == {"pending"}
    return answers


def button(house: RunningHouse, card: Message, act: str) -> str:
    [name] = [name for name in house.feishu.buttons(card) if name.partition(":")[0] == act]
    return name


def acts(house: RunningHouse, card: Message) -> set[str]:
    return {name.partition(":")[0] for name in house.feishu.buttons(card)}


def said(press: Click) -> Toast:
    assert press.toast is not None
    return press.toast


async def queue(house: RunningHouse, say: str = "/pending") -> Message:
    """The newest queue card of the creator."""
    lin = house.feishu.creator
    await house.settled()
    before = len(house.feishu.messages(to=lin, type="interactive"))
    await house.feishu.say(lin, say)
    await house.settled()
    cards = house.feishu.messages(to=lin, type="interactive")
    assert len(cards) == before + 1
    return cards[-1]


async def statuses() -> list[ApprovalStatus]:
    return [row.status for row in await ApprovalRequest.all().order_by("created_at", "id")]


async def test_one_card_shows_the_oldest_and_turns_to_the_others(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120)
    await house.later(minutes=5)
    await asks(agent, 240)
    card = await queue(house)
    words = feishu.words(card)
    assert "2 个请求等您决定" in words
    assert "1/2 · 截至" in words and "最早已等 5 分钟" in words
    assert "120" in words
    press = await feishu.click(card, button(house, card, "queue_next"), by=lin)
    assert press.code == 0
    assert "2/2 · 截至" in feishu.words(card)
    await feishu.click(card, button(house, card, "queue_next"), by=lin)
    assert "1/2 · 截至" in feishu.words(card)
    await feishu.click(card, button(house, card, "queue_prev"), by=lin)
    assert "2/2 · 截至" in feishu.words(card)
    await feishu.click_again(press)
    await house.settled()
    assert "2/2 · 截至" in feishu.words(card)


async def test_deciding_there_is_deciding_and_turns_to_the_next(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    first, second = await asks(agent, 120, 240)
    own = feishu.messages(to=lin, type="interactive")
    card = await queue(house)
    press = await feishu.click(card, button(house, card, "queue_approve"), by=lin)
    assert said(press).kind == "success"
    assert "1 个请求等您决定" in feishu.words(card)
    assert (await agent.looks(first["approval_id"]))["resolution"]["by"] == lin.name
    await feishu.click(card, button(house, card, "queue_reject"), by=lin, reason="太多了")
    assert (await agent.looks(second["approval_id"]))["resolution"]["reason"] == "太多了"
    assert "都处理完了" in feishu.words(card)
    assert acts(house, card) == set()
    await house.settled()
    assert "都处理完了" in feishu.words(card)
    assert own == feishu.messages(to=lin, type="interactive")[: len(own)]
    assert len(await house.audited("approval.resolved")) == 2


async def test_what_is_decided_elsewhere_leaves_the_queue_at_once(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120)
    own = await feishu.next_card(to=lin)
    await asks(agent, 240)
    card = await queue(house)
    assert "120" in feishu.words(card)
    stale = feishu.card_now(card)
    await feishu.click(own, "reject", by=lin)
    await house.settled()
    assert "1 个请求等您决定" in feishu.words(card)
    late = await feishu.click(card, button_in(stale, "queue_approve"), by=lin, shown=stale)
    assert said(late).kind != "success"
    assert await statuses() == [ApprovalStatus.REJECTED, ApprovalStatus.PENDING]
    await asks(agent, 360)
    await feishu.card_until(card, lambda shown: "2 个请求等您决定" in str(shown))


def button_in(card: Any, act: str) -> str:
    text = str(card)
    start = text.index(f"{act}:")
    return text[start : text.index("'", start)]


async def test_snoozing_puts_it_behind_and_stops_the_reminders_only(house: RunningHouse) -> None:
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120, 240)
    card = await queue(house)
    press = await feishu.click(card, button(house, card, "queue_snooze"), by=lin)
    assert said(press).kind == "success"
    assert "240" in feishu.words(card)
    assert "1/2 · 截至" in feishu.words(card)
    assert "1 个稍后" in feishu.words(card)
    await house.later(minutes=31)
    await house.settled()
    reminders = feishu.texts(to=lin)
    assert len(reminders) == 1
    assert "240" in reminders[0]
    assert len(await house.audited("approval.snoozed")) == 1
    before = len(feishu.messages(to=lin, type="interactive"))
    await house.later(minutes=30)
    await house.settled()
    [back] = feishu.messages(to=lin, type="interactive")[before:]
    assert "120.00 CNY" in feishu.words(back)
    assert "稍后" not in feishu.words(back).replace("稍后 1 小时", "")
    assert "移到新卡片" in feishu.words(card)
    await house.later(hours=8)
    await house.settled()
    assert len(feishu.messages(to=feishu.admin, type="interactive")) == 2


async def test_alike_ones_are_approved_together_and_only_those_that_were_listed(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120, 240, 360)
    assert (await agent.asks("wipe", details={"tool": "wiper", "args": {"disk": "sda"}}))["status"] == "pending"
    card = await queue(house)
    assert "同类还有 2 个" in feishu.words(card)
    stale = feishu.card_now(card)
    await asks(agent, 480)
    await house.settled()
    second = await ApprovalRequest.all().order_by("created_at", "id").offset(1).first()
    assert second is not None
    await feishu.say(lin, f"/reject {second.id}")
    await house.settled()
    press = await feishu.click(card, button_in(stale, "queue_batch"), by=lin, shown=stale)
    assert said(press).content == "已同意 2/3 个，1 个已有结论"
    assert await statuses() == [
        ApprovalStatus.APPROVED,
        ApprovalStatus.REJECTED,
        ApprovalStatus.APPROVED,
        ApprovalStatus.PENDING,
        ApprovalStatus.PENDING,
    ]
    assert len(await house.audited("approval.resolved")) == 3
    again = await feishu.click_again(press)
    assert again.code == 0
    assert len(await house.audited("approval.resolved")) == 3


async def test_only_the_own_person_may_press_and_a_new_card_closes_the_old_one(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120)
    old = await queue(house)
    forged = await feishu.click(old, button(house, old, "queue_approve"), by=feishu.stranger, unseen=True)
    assert (said(forged).kind, forged.card) == ("error", None)
    assert await statuses() == [ApprovalStatus.PENDING]
    assert len(await house.audited("queue.refused")) == 1
    new = await queue(house)
    assert "移到新卡片" in feishu.words(old)
    assert acts(house, old) == set()
    assert "queue_approve" in acts(house, new)
    assert await QueueCard.filter(closed_at=None).count() == 1
    assert lin.name


async def test_the_bot_menu_opens_it_and_two_devices_cannot_decide_twice(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120, 240)
    await house.settled()
    await feishu.press_menu(lin, "pending")
    await house.settled()
    card = feishu.messages(to=lin, type="interactive")[-1]
    shown = feishu.card_now(card)
    approve, reject = button_in(shown, "queue_approve"), button_in(shown, "queue_reject")
    presses = await asyncio.gather(
        feishu.click(card, approve, by=lin, shown=shown), feishu.click(card, reject, by=lin, shown=shown)
    )
    assert [press.code for press in presses] == [0, 0]
    await house.settled()
    assert (await statuses()).count(ApprovalStatus.PENDING) == 1
    assert "1 个请求等您决定" in feishu.words(card)


async def test_a_refused_card_becomes_the_list(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    [answer] = await asks(agent, 120)
    await feishu.next_card(to=lin)
    await house.settled()
    feishu.fail_next("send", "answer", 1, code=230099, msg="Failed to create card content")
    await feishu.say(lin, "/pending")
    text = await feishu.next_text(to=lin)
    assert answer["code"] in text.text
    await house.settled()
    assert await OutboxMessage.filter(kind="queue_card", state="delivered").count() == 1


async def test_in_a_group_nobody_else_sees_it(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await asks(agent, 120)
    await feishu.next_card(to=lin)
    group = feishu.add_group("Team", [lin, feishu.admin])
    await feishu.say(lin, "/pending", chat=group)
    card = await feishu.next_card(to=lin)
    assert card.chat.kind == "p2p"
    await house.settled()
    assert all("120" not in message.content for message in feishu.messages(to=group))
    assert await CardCopy.all().count() == 1
