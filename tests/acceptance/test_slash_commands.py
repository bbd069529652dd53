"""Story: people steer by text; every command, who may use it, and what must never be in the chat."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest

from models.enums import AgentStatus, ApprovalStatus, Level, Role
from models.tables import Agent, User
from tests.support.feishu import Person
from tests.support.service import RunningHouse


async def answer_to(house: RunningHouse, by: Person, text: str) -> str:
    """What the bot answers to a text in the private chat."""
    push = await house.feishu.say(by, text)
    assert push.delivered
    return (await house.feishu.next_text(to=by)).text


async def test_first_contact_makes_a_member_and_help_fits_the_role(house: RunningHouse) -> None:
    said = await answer_to(house, house.feishu.stranger, "/help")
    assert "/pending" in said
    assert "/user" not in said
    whoami = await answer_to(house, house.feishu.stranger, "/whoami")
    assert house.feishu.stranger.name in whoami or "成员" in whoami


@pytest.mark.parametrize("typed", ["／help", "/ help", " /help ", "/HELP", "\u00a0/help", "/帮助"])
async def test_commands_survive_mobile_keyboards(house: RunningHouse, typed: str) -> None:
    assert "/pending" in await answer_to(house, house.feishu.creator, typed)


async def test_unknown_command_gets_a_suggestion(house: RunningHouse) -> None:
    assert "/pending" in await answer_to(house, house.feishu.creator, "/pendin")


async def test_pending_show_approve_by_id_and_code(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    await house.feishu.next_card(to=house.feishu.creator)
    assert (await house.feishu.say(house.feishu.creator, "/pending")).delivered
    assert asked["code"] in (await house.feishu.next_card(to=house.feishu.creator)).content
    shown = await answer_to(house, house.feishu.creator, f"/show {asked['approval_id']}")
    assert "reports/2025" in shown
    wrong = await answer_to(house, house.feishu.creator, f"/approve {asked['approval_id']} 000000")
    assert (await house.approval(asked)).status is ApprovalStatus.PENDING
    assert wrong
    await answer_to(house, house.feishu.creator, f"/approve {asked['approval_id']} {asked['code']}")
    assert (await house.approval(asked)).status is ApprovalStatus.APPROVED
    assert (await agent.asks())["allowed"]


async def test_reject_with_a_reason_and_the_card_follows(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    await answer_to(house, house.feishu.creator, f"/reject {asked['approval_id']} 先备份 “全部”")
    assert (await agent.asks())["reason"] == "先备份 “全部”"
    await house.feishu.card_until(card, lambda shown: shown["header"]["template"] == "red")


async def test_strangers_can_neither_see_nor_decide(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    shown = await answer_to(house, house.feishu.stranger, f"/show {asked['approval_id']}")
    assert "reports/2025" not in shown
    await answer_to(house, house.feishu.stranger, f"/approve {asked['approval_id']} {asked['code']}")
    assert (await house.approval(asked)).status is ApprovalStatus.PENDING
    assert (await house.feishu.say(house.feishu.stranger, "/pending")).delivered
    assert asked["code"] not in (await house.feishu.next_card(to=house.feishu.stranger)).content


async def test_agent_create_gives_the_token_by_a_one_time_link_only(house: RunningHouse) -> None:
    said = await answer_to(house, house.feishu.creator, "/agent create 文件管家")
    assert "ast_" not in said
    url = re.search(r"http://\S+", said)
    assert url is not None
    link = url.group().replace("http://127.0.0.1:8787", house.base_url)
    async with aiohttp.ClientSession() as browser:
        for _ in range(2):  # a chat client's preview must not use it up
            async with browser.get(link) as page:
                assert "ast_" not in await page.text()
        async with browser.post(link) as page:
            token = re.search(r"ast_[\w-]{20,}", await page.text())
        async with browser.post(link) as page:
            assert "ast_" not in await page.text()
    assert token is not None
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {token.group()}"}
        async with session.get(f"{house.base_url}/v1/policy", headers=headers) as response:
            policy = await response.json()
    assert policy["agent"] == "文件管家"


async def test_agent_pause_resume_rotate_and_executor(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    assert "Bookkeeper" in await answer_to(house, lin, "/agents")
    await answer_to(house, lin, "/agent pause Bookkeeper")
    assert (await agent.asks("read_files"))["status"] == "denied"
    await answer_to(house, lin, "/agent resume Bookkeeper")
    assert (await agent.asks("read_files"))["allowed"]
    await answer_to(house, lin, "/agent set-executor Bookkeeper http://127.0.0.1:9/execute")
    assert (await Agent.get(name="Bookkeeper")).executor_url == "http://127.0.0.1:9/execute"
    assert "Bookkeeper" in await answer_to(house, lin, "/agent show Bookkeeper")
    await answer_to(house, lin, "/agent rotate-token Bookkeeper")
    status, _ = await agent.call("POST", "/v1/check", {"action_type": "read_files"})
    assert status == 401
    assert (await Agent.get(name="Bookkeeper")).status is AgentStatus.ACTIVE


async def test_others_cannot_change_my_agent(house: RunningHouse) -> None:
    agent = await house.agent()
    await answer_to(house, house.feishu.stranger, "/agent pause Bookkeeper")
    await answer_to(house, house.feishu.stranger, "/policy set Bookkeeper delete_files L1")
    assert (await agent.asks())["status"] == "pending"


async def test_policy_show_and_set(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    assert "delete_*" in await answer_to(house, lin, "/policy show Bookkeeper")
    await answer_to(house, lin, "/policy set Bookkeeper pay_* L3")
    assert (await agent.asks("pay_invoice"))["level"] == Level.L3
    await answer_to(house, lin, "/policy set Bookkeeper default DENY")
    assert (await agent.asks("paint"))["status"] == "denied"
    before = (await agent.asks("read_files"))["policy_version"]
    refused = await answer_to(house, lin, '/policy set Bookkeeper {"pay": "l9"}')
    assert "pay" in refused
    assert (await agent.asks("read_files"))["policy_version"] == before


async def test_audit_shows_the_last_entries(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks("read_files")
    assert "check.allowed" in await answer_to(house, house.feishu.creator, "/audit Bookkeeper")


async def test_claim_code_makes_the_first_admin_once(house: RunningHouse) -> None:
    code = house.house.claim_code
    assert code is not None
    await answer_to(house, house.feishu.stranger, "/claim WRON-GCOD-EWRO-NGCO")
    assert not await User.filter(role=Role.PLATFORM_ADMIN).exists()
    await answer_to(house, house.feishu.admin, f"/claim {code}")
    await answer_to(house, house.feishu.stranger, f"/claim {code}")
    await house.settled()
    [admin] = await User.filter(role=Role.PLATFORM_ADMIN)
    assert await User.filter(role=Role.PLATFORM_ADMIN).count() == 1
    listed = await answer_to(house, house.feishu.admin, "/user list")
    assert admin.name in listed


async def test_user_role_is_for_admins(house: RunningHouse) -> None:
    await answer_to(house, house.feishu.stranger, "/whoami")
    stranger = await house.person(house.feishu.stranger)
    await answer_to(house, house.feishu.stranger, f"/user role {stranger.id} platform_admin")
    assert (await User.get(id=stranger.id)).role is Role.MEMBER
    await answer_to(house, house.feishu.admin, f"/claim {house.house.claim_code}")
    await answer_to(house, house.feishu.admin, f"/user role {stranger.id} org_admin")
    assert (await User.get(id=stranger.id)).role is Role.ORG_ADMIN


async def test_a_stale_command_is_refused_not_run(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    await house.feishu.next_card(to=house.feishu.creator)
    webhook = house.feishu.app.callback_url
    house.feishu.connect("http://127.0.0.1:9/nobody-listens")
    push = await house.feishu.say(house.feishu.creator, f"/approve {asked['approval_id']} {asked['code']}")
    assert not push.delivered
    house.feishu.connect(str(webhook))
    await house.later(minutes=30)  # Feishu delivers again, with the time at which it was typed
    assert push.delivered
    await house.feishu.next_text(to=house.feishu.creator, containing="30 分钟")
    assert (await house.approval(asked)).status is ApprovalStatus.PENDING


async def test_a_redelivered_command_runs_and_answers_once(house: RunningHouse) -> None:
    await house.agent()
    push = await house.feishu.say(house.feishu.creator, "/agent create Clerk")
    await house.feishu.redeliver(push)
    await house.feishu.redeliver(push)
    await house.feishu.next_text(to=house.feishu.creator)
    await house.settled()
    assert await Agent.filter(name="Clerk").count() == 1
    assert house.feishu.nothing_new(to=house.feishu.creator)


async def test_in_a_group_nothing_private_is_said(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    group = house.feishu.add_group("财务群", [house.feishu.creator, house.feishu.stranger])
    await house.feishu.say(house.feishu.creator, "/pending", chat=group)
    await house.settled()
    said = json.dumps([message.content for message in house.feishu.messages(to=group)], ensure_ascii=False)
    assert asked["code"] not in said
    assert "reports/2025" not in said


async def test_answers_are_in_the_readers_language(house: RunningHouse) -> None:
    lin = await house.person(house.feishu.creator)
    await User.filter(id=lin.id).update(language="en_us")
    said = await answer_to(house, house.feishu.creator, "/help")
    assert "Commands" in said or "commands" in said or "pending" in said
    assert not re.search(r"[\u4e00-\u9fff]{4,}", said)


async def test_people_are_called_as_in_feishu_and_by_their_id_where_the_app_may_not_know(house: RunningHouse) -> None:
    await answer_to(house, house.feishu.stranger, "/whoami")
    await house.settled()
    assert await User.filter(name=house.feishu.stranger.name).exists()
    house.feishu.fail_next("user", "answer", None, code=99991672, status=400)
    await answer_to(house, house.feishu.admin, "/whoami")
    await house.settled()
    assert not await User.filter(name=house.feishu.admin.name).exists()
    assert "/pending" in await answer_to(house, house.feishu.admin, "/help")
