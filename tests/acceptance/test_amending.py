"""Story: "yes, but only 120": a person changes an argument on the card, and only what the person wrote is ever done."""

from __future__ import annotations

import asyncio
from typing import Any

from models.enums import Role
from tests.support.house_plans import write_plan
from tests.support.service import ExecutorServer, HookAgent, RunningHouse

PAY: dict[str, Any] = {"tool": "pay", "args": {"amount": 12000, "to": "li@example.com"}, "reason": "invoice 7"}
POLICY = {"pay_*": "L3"}


async def pays(agent: HookAgent, details: dict[str, Any] = PAY, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await agent.asks("pay_invoice", details=details, **more)
    return answer


def amend_button(asked: dict[str, Any]) -> str:
    return f"amend:{asked['approval_id']}"


async def test_the_waiting_agent_is_told_what_to_send_instead_and_may_do_that_once(house: RunningHouse) -> None:
    agent, lin = await house.agent(policy=POLICY), house.feishu.creator
    waiting = asyncio.create_task(pays(agent, wait=60))
    card = await house.feishu.next_card(to=lin)
    asked = await pays(agent)
    click = await house.feishu.click(card, amend_button(asked), by=lin, form={"edit_0": "120"})
    assert (click.code, click.toast.kind) == (0, "success")
    answer = await asyncio.wait_for(waiting, 15)
    assert (answer["allowed"], answer["status"]) == (False, "approved")
    amended = answer["amended"]
    assert amended["details"] == {**PAY, "args": {"amount": 120, "to": "li@example.com"}}
    assert not (await pays(agent))["allowed"]

    path = f"/v1/approvals/{answer['approval_id']}"
    status, problem = await agent.call("POST", f"{path}/claim", {"action_digest": asked["action_digest"]})
    assert (status, problem["code"]) == (409, "digest_mismatch")
    assert problem["amended_action_digest"] == amended["action_digest"]
    assert (await agent.looks(answer["approval_id"]))["amended"] == amended

    go = await pays(agent, amended["details"])
    assert (go["allowed"], go["approval_id"], go["action_digest"]) == (
        True, answer["approval_id"], amended["action_digest"]
    )  # fmt: skip
    assert (await pays(agent, amended["details"]))["status"] == "pending"
    await house.settled()
    words = house.feishu.words(card)
    assert "12000" in words.replace(",", "")
    assert "120" in words


async def test_the_service_does_what_the_person_wrote(house: RunningHouse, executor: ExecutorServer) -> None:
    agent, lin = await house.agent(policy=POLICY, executor=executor), house.feishu.creator
    asked = await pays(agent)
    card = await house.feishu.next_card(to=lin)
    await house.feishu.click(card, amend_button(asked), by=lin, form={"edit_0": "120.50", "edit_1": "wang@example.com"})
    await house.settled()
    [order] = executor.orders
    assert order["data"]["args"] == {"amount": 120.5, "to": "wang@example.com"}
    report = await pays(agent)
    assert (report["allowed"], report["execution"]["status"]) == (False, "succeeded")
    assert report["amended"]["details"]["args"]["amount"] == 120.5


async def test_the_wrong_button_on_a_changed_form_says_which_one_to_press(house: RunningHouse) -> None:
    agent, lin = await house.agent(policy=POLICY), house.feishu.creator
    asked = await pays(agent)
    card = await house.feishu.next_card(to=lin)
    click = await house.feishu.click(card, "approve", by=lin, form={"edit_0": "120"})
    assert click.toast.kind == "error"
    assert "按改后的参数同意" in click.toast.content
    assert click.card is None
    nonsense = await house.feishu.click(card, amend_button(asked), by=lin, form={"edit_0": "a lot"})
    assert nonsense.toast.kind == "error"
    assert (await pays(agent))["status"] == "pending"
    await house.feishu.click(card, amend_button(asked), by=lin, form={"edit_0": "120"}, omit_value=True)
    assert (await pays(agent))["amended"]["details"]["args"]["amount"] == 120


async def test_who_saw_the_card_before_the_change_must_look_again(house: RunningHouse) -> None:
    agent, lin, wang = await house.agent(policy=POLICY), house.feishu.creator, house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    await write_plan(house, {"default": {"approvals": 2, "steps": [{"after": "0m", "ask": ["creator", "admins"]}]}})
    asked = await pays(agent)
    lins, wangs = await house.feishu.next_card(to=lin), await house.feishu.next_card(to=wang)
    before = house.feishu.card_now(wangs)
    await house.feishu.click(lins, amend_button(asked), by=lin, form={"edit_0": "120"})
    stale = await house.feishu.click(wangs, "approve", by=wang, shown=before)
    assert stale.toast.kind == "error"
    assert "刚改了参数" in stale.toast.content
    assert (await pays(agent))["status"] == "pending"
    await house.settled()
    await house.feishu.click(wangs, "approve", by=wang)
    answer = await pays(agent)
    assert (answer["allowed"], answer["amended"]["details"]["args"]["amount"]) == (False, 120)
    assert (await pays(agent, answer["amended"]["details"]))["allowed"]
