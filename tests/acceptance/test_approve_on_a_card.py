"""Story: the agent asks, the creator presses a card; the action goes ahead exactly once and everybody learns it."""

from __future__ import annotations

import asyncio

from models.enums import Role
from tests.support.service import ExecutorServer, RunningHouse


async def test_creator_approves_and_the_repeating_agent_goes_ahead_once(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    asked = await agent.asks()
    card = await house.feishu.next_card(to=lin)
    assert asked["code"] in house.feishu.words(card)
    assert "reports/2025" in house.feishu.words(card)
    click = await house.feishu.click(card, "approve", by=lin)
    assert (click.code, click.toast.kind) == (0, "success")
    assert not {"approve", "reject"} & set(house.feishu.buttons(card))
    first, second = await agent.asks(), await agent.asks()
    assert (first["allowed"], first["status"]) == (True, "approved")
    assert second["status"] == "pending"


async def test_waiting_agent_wakes_with_the_go_ahead_and_its_outcome_reaches_the_card(house: RunningHouse) -> None:
    agent = await house.agent()
    waiting = asyncio.create_task(agent.asks(wait=60))
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    answer = await asyncio.wait_for(waiting, 15)
    assert answer["allowed"]
    await agent.reports(answer["approval_id"], "succeeded", {"deleted": 3})
    shown = await house.feishu.card_until(card, lambda _: "deleted" in house.feishu.words(card))
    assert shown["header"]["template"] == "green"
    text = await house.feishu.next_text(to=house.feishu.creator)
    assert "deleted" in text.text


async def test_rejection_with_a_reason_reaches_the_agent(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "reject", by=house.feishu.creator, reason="先备份再删")
    assert house.feishu.card_now(card)["header"]["template"] == "red"
    answer = await agent.asks()
    assert (answer["allowed"], answer["status"], answer["reason"]) == (False, "rejected", "先备份再删")


async def test_service_executes_once_and_tells_agent_creator_and_card(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    agent = await house.agent(executor=executor)
    waiting = asyncio.create_task(agent.asks(wait=60))
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    answer = await asyncio.wait_for(waiting, 15)
    assert (answer["allowed"], answer["status"]) == (False, "approved")
    assert (answer["execution"]["status"], answer["execution"]["result"]) == ("succeeded", {"deleted": 3})
    [order] = executor.orders
    assert order["data"]["args"] == {"path": "reports/2025"}
    assert executor.headers[0]["webhook-id"] == answer["approval_id"]
    await house.feishu.card_until(card, lambda _: "deleted" in house.feishu.words(card))
    status, problem = await agent.call(
        "POST", f"/v1/approvals/{answer['approval_id']}/claim", {"action_digest": answer["action_digest"]}
    )
    assert (status, problem["code"]) == (409, "service_executes")
    assert len(executor.orders) == 1


async def test_failed_execution_is_told_as_failed(house: RunningHouse, executor: ExecutorServer) -> None:
    """Defect 12: an approved request whose execution failed does not read as done."""
    executor.status, executor.answer = 500, {"error": "disk full"}
    agent = await house.agent(executor=executor)
    waiting = asyncio.create_task(agent.asks(wait=60))
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    answer = await asyncio.wait_for(waiting, 15)
    assert answer["execution"]["status"] == "failed"
    await house.feishu.card_until(card, lambda shown: shown["header"]["template"] in ("red", "orange"))


async def test_second_click_and_admins_click_are_refused_by_name(house: RunningHouse) -> None:
    agent = await house.agent()
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    before = house.feishu.card_now(card)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    late = await house.feishu.click(card, "reject", by=house.feishu.admin, shown=before, unseen=True)
    assert late.code == 0
    assert house.feishu.creator.name in late.toast.content
    assert late.toast.kind != "success"


async def test_stranger_is_refused_and_the_card_stays(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    click = await house.feishu.click(card, "approve", by=house.feishu.stranger, unseen=True)
    assert (click.code, click.toast.kind) == (0, "error")
    assert "approve" in house.feishu.buttons(card)
    assert len(await house.audited("approval.refused")) == 1


async def test_redelivered_click_gets_the_same_answer_again(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    first = await house.feishu.click(card, "approve", by=house.feishu.creator)
    again = await house.feishu.click_again(first)
    assert (again.code, again.toast.kind) == (0, "success")
    assert len(await house.audited("approval.resolved")) == 1


async def test_url_verification_is_answered_without_signature_headers(house: RunningHouse) -> None:
    assert await house.feishu.verify_url()


async def test_l2_tells_the_creator_and_goes_ahead(house: RunningHouse) -> None:
    agent = await house.agent()
    assert (await agent.asks("write_files"))["allowed"]
    notice = await house.feishu.next_card(to=house.feishu.creator)
    assert "Bookkeeper" in house.feishu.words(notice)
