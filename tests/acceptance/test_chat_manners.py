"""Story: the bot greets, helps by role, guesses what was meant, and says nothing private in groups."""

from __future__ import annotations

import json
import re

import pytest

from models.enums import Language, OutboxKind, OutboxState, Role
from models.tables import OutboxMessage, User
from tests.support.feishu import Chat, Person
from tests.support.service import RunningHouse, house_running

CHINESE = re.compile("[\u4e00-\u9fff]")


async def says(house: RunningHouse, by: Person, text: str) -> str:
    push = await house.feishu.say(by, text)
    assert push.delivered
    return (await house.feishu.next_text(to=by)).text


async def in_english(house: RunningHouse, who: Person, role: Role = Role.MEMBER) -> None:
    person = await house.person(who)
    await User.filter(id=person.id).update(language=Language.EN_US, role=role)


async def heard_in(house: RunningHouse, group: Chat) -> str:
    await house.settled()
    return json.dumps([message.content for message in house.feishu.messages(to=group)], ensure_ascii=False)


async def test_the_first_contact_is_a_welcome_that_names_the_settings(house: RunningHouse) -> None:
    zhao = house.feishu.stranger
    await house.feishu.enter_chat(zhao)
    welcome = (await house.feishu.next_text(to=zhao)).text
    assert "/help" in welcome
    assert "/settings" in welcome
    await house.feishu.enter_chat(zhao)
    await house.settled()
    assert house.feishu.nothing_new(to=zhao)


async def test_help_offers_each_role_what_it_may_do(house: RunningHouse) -> None:
    lin, zhao, wang = house.feishu.creator, house.feishu.stranger, house.feishu.admin
    await house.agent()
    for person, role in ((lin, Role.MEMBER), (zhao, Role.MEMBER), (wang, Role.ORG_ADMIN)):
        await in_english(house, person, role)
    member, creator, admin = [await says(house, who, "/help") for who in (zhao, lin, wang)]
    for text in (member, creator, admin):
        assert "/away" in text
        assert "/settings" in text
        assert not CHINESE.search(text)
    assert "/agent backup" not in member
    assert "/agent backup" in creator
    assert "/plan set" not in creator
    assert "/plan set" in admin


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/pendin", "/pending"),
        ("/待审", "/待审批"),
        ("/pause Bookkeeper", "/agent pause"),
        ("/智能体暂停 记账员", "/智能体 暂停"),
        ("/策略 查着 记账员", "/策略 查看"),
        ("/setings", "/settings"),
        ("/plan shwo", "/plan show"),
    ],
)
async def test_a_slip_of_the_finger_is_guessed(house: RunningHouse, typed: str, meant: str) -> None:
    assert f"您是不是想输入 {meant}？" in await says(house, house.feishu.creator, typed)


async def test_a_group_never_reads_what_concerns_one_person(house: RunningHouse) -> None:
    lin, zhao = house.feishu.creator, house.feishu.stranger
    agent = await house.agent()
    asked = await agent.asks()
    await house.feishu.next_card(to=lin)
    group = house.feishu.add_group("财务群", [lin, zhao])
    commands = ("/pending", f"/show {asked['approval_id']}", "/settings", "/away", "/plan show", "/audit", "/agents")
    for command in commands:
        for person in (lin, zhao):
            assert (await house.feishu.say(person, command, chat=group)).delivered
    said = await heard_in(house, group)
    for secret in (asked["code"], asked["approval_id"], "reports/2025", "Bookkeeper"):
        assert secret not in said.replace(f"/show {asked['approval_id']}", "")


async def test_a_group_is_answered_in_the_thread(house: RunningHouse) -> None:
    lin = house.feishu.creator
    group = house.feishu.add_group("财务群", [lin, house.feishu.stranger])
    await house.feishu.say(lin, "/help", chat=group)
    await house.settled()
    [answer] = house.feishu.messages(to=group)
    asked = next(each for each in house.feishu.messages(to=group, from_people=True) if each.sender is lin)
    assert answer.relation.parent_id == asked.message_id
    assert answer.relation.thread_id


async def test_plan_test_names_whom_it_would_ask(house: RunningHouse) -> None:
    lin, wang = house.feishu.creator, house.feishu.admin
    await in_english(house, lin)
    await in_english(house, wang, Role.ORG_ADMIN)
    await house.agent()
    await says(house, lin, "/whoami")
    assert "is the backup of “Bookkeeper” now" in await says(
        house, lin, f"/agent backup Bookkeeper {house.feishu.open_id(wang)}"
    )
    refused = await says(house, lin, '/plan set {"default": {"steps": [{"after": "0m", "ask": ["creator"]}]}}')
    assert "admin" in refused
    plan = {
        "default": {
            "open_for": "24h",
            "ending": "reject",
            "steps": [{"after": "0m", "ask": ["creator"]}, {"after": "30m", "ask": ["backup"], "nudge": "thread"}],
        }
    }
    saved = await says(house, wang, f"/plan set {json.dumps(plan)}")
    assert "Asking plan v1 is in force" in saved
    assert "nobody answers within 1 d: rejected" in await says(house, lin, "/plan show")
    tried = await says(house, lin, "/plan test Bookkeeper delete_files")
    names = [(await house.person(who)).name for who in (lin, wang)]
    assert f"at once: ask {names[0]} (creator)" in tried
    assert f"after 30 min: ask {names[1]} (backup)" in tried
    await says(house, lin, "/away 2d")
    assert f"at once: ask {names[0]} (creator), {names[1]} (for {names[0]})" in await says(
        house, lin, "/plan test Bookkeeper delete_files"
    )
    wrong = await says(house, wang, '/plan set {"default": {"steps": []}}')
    assert "was not changed" in wrong
    assert "v1" in await says(house, wang, "/plan history")
    assert "It says what v0 said" in await says(house, wang, "/plan rollback 0")


async def test_the_clients_complete_our_commands(database_url: str) -> None:
    async with house_running(database_url, native_commands="true") as house:
        await house.settled()
        registered = {one["command"]: one for one in house.feishu.app.slash_commands.values()}
        assert {"pending", "away", "settings", "agent", "plan"} <= set(registered)
        assert registered["pending"]["description"]["i18n"]["zh_cn"] == "列出等我审批的请求"


async def test_without_the_scope_everything_works_but_the_completion(database_url: str) -> None:
    async with house_running(database_url, native_commands="true") as house:
        await house.settled()
        [row] = await OutboxMessage.filter(kind=OutboxKind.COMMANDS)
        await OutboxMessage.filter(id=row.id).update(payload='{"table": "of an older version"}')
        fault = house.feishu.fail_next("slash_commands", "answer", None, code=99991672, status=400)
        await house.house.native_commands.ensure(house.clock.now())
        await house.feishu.met(fault)
        await house.settled()
        [row] = await OutboxMessage.filter(kind=OutboxKind.COMMANDS)
        assert row.state is OutboxState.SUPERSEDED
        assert (row.fault or "").startswith("FeishuMisconfigured")
        assert "/pending" in await says(house, house.feishu.creator, "/help")
        assert not await house.audited("delivery.failed")


async def test_a_refused_change_of_the_plan_says_where_to_look(house: RunningHouse) -> None:
    """Not at the policy's versions: the plan has its own."""
    wang = house.feishu.admin
    await in_english(house, wang, Role.ORG_ADMIN)
    gone = await says(house, wang, "/plan rollback 9")
    written = await says(house, wang, '/plan set {"default": {"steps": [{"after": "0m", "ask": ["creator"]}]}}')
    assert "v1" in written
    moved = await says(house, wang, "/plan set @0 {}")
    assert "v1" in moved
    for answer in (gone, moved):
        assert "/plan history" in answer
        assert "/policy" not in answer


async def test_a_plan_that_reminds_in_a_way_nobody_opted_in_to_says_so(house: RunningHouse) -> None:
    wang = house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    steps = '[{"after": "0m", "ask": ["creator"]}, {"after": "1h", "nudge": "urgent_app"}]'
    assert "budgets 里没有 urgent_app" in await says(house, wang, '/plan set {"default": {"steps": ' + steps + "}}")
    paid = '/plan set {"budgets": {"urgent_app": 2}, "default": {"steps": ' + steps + "}}"
    assert "budgets 里没有" not in await says(house, wang, paid)


async def test_nobody_is_greeted_by_an_id(house: RunningHouse) -> None:
    zhao = house.feishu.stranger
    await house.feishu.enter_chat(zhao)
    assert (await house.feishu.next_text(to=zhao)).text.startswith("您好！")
    await house.settled()  # by now Feishu has told the name
    await house.later(days=1)
    await house.feishu.enter_chat(zhao)
    assert (await house.feishu.next_text(to=zhao)).text.startswith(f"您好，{zhao.name}！")


async def test_a_name_that_nobody_has_is_answered_with_how_to_name_people(house: RunningHouse) -> None:
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.agent()
    await house.person(wang)
    for command in ("/away 7d wan@example.com", "/agent backup Bookkeeper wan@example.com"):
        assert "给机器人发过消息" in await says(house, lin, command)
    assert wang.name in await says(house, lin, f"/agent backup Bookkeeper {wang.name}")
    assert f"后备审批人：{wang.name}" in await says(house, lin, "/agent show Bookkeeper")


async def test_a_delegate_who_left_is_not_named_any_more(house: RunningHouse) -> None:
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.agent()
    await house.person(wang)
    assert wang.name in await says(house, lin, f"/away 7d {wang.name}")
    await house.feishu.leave(wang)
    await house.settled()
    told = await says(house, lin, "/away")
    assert wang.name not in told
    assert "没有代理人" in told
