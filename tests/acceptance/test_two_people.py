"""Story: for some actions two people must agree, and whoever asked is none of them. Each card says how far it is."""

from __future__ import annotations

import asyncio

from bot.simulator.state import Person
from models.enums import Role
from tests.support.house_plans import write_plan
from tests.support.service import ExecutorServer, RunningHouse

TWO = {"default": {"approvals": 2, "steps": [{"after": "0m", "ask": ["creator", "admins"]}]}}


async def the_admin(house: RunningHouse) -> Person:
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    return house.feishu.admin


async def answer_to(house: RunningHouse, by: Person, text: str) -> str:
    await house.feishu.say(by, text)
    return (await house.feishu.next_text(to=by)).text


async def test_two_people_approve_and_the_waiting_agent_goes_ahead_once(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(), house.feishu.creator, await the_admin(house)
    await write_plan(house, TWO)
    waiting = asyncio.create_task(agent.asks(wait=60))
    lins, wangs = await house.feishu.next_card(to=lin), await house.feishu.next_card(to=wang)
    click = await house.feishu.click(lins, "approve", by=lin)
    assert click.toast.kind == "success"
    assert "还需要 1 个人" in click.toast.content
    assert "approve" not in house.feishu.buttons(lins)
    await house.feishu.card_until(wangs, lambda _: "还差 1 人" in house.feishu.words(wangs))
    assert not waiting.done()

    again = await house.feishu.click_again(click)
    assert again.code == 0
    last = await house.feishu.click(wangs, "approve", by=wang)
    assert last.toast.kind == "success"
    answer = await asyncio.wait_for(waiting, 15)
    assert (answer["allowed"], answer["status"]) == (True, "approved")
    for card in (lins, wangs):
        await house.feishu.card_until(card, lambda shown: shown["header"]["template"] == "green")


async def test_the_service_runs_nothing_before_the_second_approval(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    agent, lin, wang = await house.agent(executor=executor), house.feishu.creator, await the_admin(house)
    await write_plan(house, TWO)
    await agent.asks()
    lins, wangs = await house.feishu.next_card(to=lin), await house.feishu.next_card(to=wang)
    await house.feishu.click(lins, "approve", by=lin)
    await house.settled()
    assert executor.orders == []
    await asyncio.gather(*(house.feishu.click(wangs, "approve", by=wang) for _ in range(3)))
    await house.settled()
    assert len(executor.orders) == 1


async def test_one_rejection_is_enough_and_everybodys_card_closes(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(), house.feishu.creator, await the_admin(house)
    await write_plan(house, TWO)
    await agent.asks()
    lins, wangs = await house.feishu.next_card(to=lin), await house.feishu.next_card(to=wang)
    await house.feishu.click(lins, "approve", by=lin)
    await house.feishu.click(wangs, "reject", by=wang, reason="先等一等")
    answer = await agent.asks()
    assert (answer["status"], answer["reason"]) == ("rejected", "先等一等")
    await house.feishu.card_until(lins, lambda card: card["header"]["template"] == "red")


async def test_who_asked_is_none_of_those_who_approve(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(), house.feishu.creator, await the_admin(house)
    await write_plan(
        house, {"default": {"separate_duties": True, "steps": [{"after": "0m", "ask": ["creator", "admins"]}]}}
    )
    me = await house.person(lin)
    asked = await agent.asks(requested_by=str(me.id))
    card = await house.feishu.next_card(to=wang)
    assert not [one for one in house.feishu.messages() if lin in one.chat.people and one.msg_type == "interactive"]
    assert "请求人" in await answer_to(house, lin, f"/approve {asked['code']} {asked['code']}")
    await house.feishu.click(card, "approve", by=wang)
    assert (await agent.asks(requested_by=str(me.id)))["allowed"]


async def test_the_second_approval_by_command(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(), house.feishu.creator, await the_admin(house)
    await write_plan(house, TWO)
    asked = await agent.asks()
    await house.feishu.next_card(to=wang)
    assert "还需要 1 个人" in await answer_to(house, lin, f"/approve {asked['code']} {asked['code']}")
    assert "已经同意" in await answer_to(house, lin, f"/approve {asked['code']} {asked['code']}")
    await house.feishu.say(wang, f"/approve {asked['code']} {asked['code']}")
    await house.settled()
    assert (await agent.asks())["allowed"]


async def test_who_approves_beside_sees_what_the_other_changed(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(policy={"pay_*": "L3"}), house.feishu.creator, await the_admin(house)
    await write_plan(house, TWO)
    details = {"tool": "pay", "args": {"amount": 12000, "to": "li@example.com"}}
    asked = await agent.asks("pay_rent", details=details)
    assert "Waiting for a person to decide" in asked["message"]
    lins, wangs = await house.feishu.next_card(to=lin), await house.feishu.next_card(to=wang)
    await house.feishu.click(wangs, f"amend:{asked['approval_id']}", by=wang, form={"edit_0": "8000"})
    await house.settled()
    assert "王敏改了参数再同意" in house.feishu.words(lins)
    assert "amount: 12,000 → 8,000" in house.feishu.words(lins)
    pending = await agent.asks("pay_rent", details=details)
    assert pending["status"] == "pending"
    assert "changed the arguments" in pending["message"]
    shown = await answer_to(house, lin, f"/show {asked['approval_id']}")
    assert "需要 2 人同意，还差 1 人" in shown
    assert "王敏" in shown

    await house.feishu.click(lins, "approve", by=lin)
    await house.settled()
    assert "王敏改了参数再同意" in house.feishu.words(lins)
    assert "林小雨改了参数" not in house.feishu.words(lins)
