"""Story: a team steers its policy from the chat: tries it, changes it, sees what changed, and goes back."""

from __future__ import annotations

import json
import re

from models.enums import Language, Level, OutboxKind, Role
from models.tables import FloorVersion, OutboxMessage, PolicyVersion, User
from tests.acceptance.test_slash_commands import answer_to
from tests.support.service import RunningHouse


async def in_english(house: RunningHouse) -> None:
    lin = await house.person(house.feishu.creator)
    await User.filter(id=lin.id).update(language=Language.EN_US)


async def test_a_change_shows_its_difference_and_what_the_floor_overrides(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    said = await answer_to(house, lin, "/policy set Bookkeeper delete_* L2")
    assert "v2 已生效" in said
    assert "修改 delete_*: L3 → L2" in said
    assert "不起作用：底线" in said
    assert "/policy rollback Bookkeeper 1" in said
    assert (await agent.asks())["level"] == Level.L3  # the floor asks all the same


async def test_two_people_who_change_at_once_do_not_overwrite_each_other(house: RunningHouse) -> None:
    await house.agent()
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    assert "v2" in await answer_to(house, wang, "/policy set Bookkeeper @1 read_* L2")
    refused = await answer_to(house, lin, '/policy set Bookkeeper @1 {"read_*": "L1"}')
    assert "没有改动" in refused
    assert "v2" in refused
    assert (await house.person(wang)).name in refused
    assert await PolicyVersion.all().count() == 2
    assert "v3" in await answer_to(house, lin, '/policy set Bookkeeper @2 {"read_*": "L1"}')


async def test_history_tells_who_changed_what_and_rollback_goes_back(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    await answer_to(house, lin, "/policy set Bookkeeper read_* DENY")
    assert (await agent.asks("read_files"))["status"] == "denied"
    told = await answer_to(house, lin, "/policy history Bookkeeper")
    assert "· v2" in told
    assert "修改 read_*: L1 → DENY" in told
    assert (await house.person(lin)).name in told
    back = await answer_to(house, lin, "/policy rollback Bookkeeper 1")
    assert "恢复为 v1，作为 v3 生效" in back
    assert (await agent.asks("read_files"))["allowed"]
    assert "没有版本 v9" in await answer_to(house, lin, "/policy rollback Bookkeeper 9")


async def test_a_dry_run_explains_and_leaves_no_trace(house: RunningHouse) -> None:
    await in_english(house)
    await house.agent(policy={"rules": [{"action": "pay_*", "when": "args.amount > 100", "level": "DENY"}]})
    lin = house.feishu.creator
    over = await answer_to(house, lin, '/policy test Bookkeeper pay_invoice {"amount": 200}')
    assert "pay_invoice (“Bookkeeper”): DENY" in over
    assert "when args.amount > 100" in over
    assert "nobody was asked" in over
    missing = await answer_to(house, lin, '/policy test Bookkeeper pay_invoice {"tool": "bank.pay", "args": {}}')
    assert "Tool: bank.pay" in missing
    assert "Could not be evaluated" in missing
    floored = await answer_to(house, lin, "/policy test Bookkeeper delete_files")
    assert "L3" in floored
    assert "the floor is stricter" in floored
    await house.settled()
    assert [entry.action for entry in await house.audited("check.denied")] == []
    assert house.feishu.nothing_new(to=lin)


async def test_an_expression_that_is_wrong_is_shown_with_its_place(house: RunningHouse) -> None:
    await house.agent()
    lin = house.feishu.creator
    draft = {"rules": [{"action": "pay_*", "when": "args.amount > amuont", "level": "L3"}]}
    said = await answer_to(house, lin, f"/policy set Bookkeeper {json.dumps(draft)}")
    assert "第 1 行第 15 列" in said
    assert "args.amount > amuont\n" in said
    assert await PolicyVersion.all().count() == 1


async def test_the_floor_is_everybodys_to_read_and_an_admins_to_change(house: RunningHouse) -> None:
    agent = await house.agent()
    lin, wang = house.feishu.creator, house.feishu.admin
    await house.person(wang, role=Role.ORG_ADMIN)
    shown = await answer_to(house, lin, "/policy show floor")
    assert "底线（初始）" in shown
    assert "删除" in shown
    assert len(shown.encode()) < 6_000
    assert "没有权限" in await answer_to(house, lin, "/policy set floor read_* L3")
    assert not await FloorVersion.exists()
    assert "对所有智能体" in await answer_to(house, wang, "/policy set floor read_* L3")
    assert (await agent.asks("read_files"))["level"] == Level.L3
    assert "新增 read_*: L3" in await answer_to(house, wang, "/policy history floor")
    assert "作为 v2 生效" in await answer_to(house, wang, "/policy rollback floor 0")
    assert (await agent.asks("read_files"))["allowed"]
    refused = [entry for entry in await house.audited("command.refused") if "SetLevel" in entry.subject]
    assert len(refused) == 1


async def test_a_replay_says_what_a_draft_would_change(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    for number in range(3):
        details = {"tool": "read", "args": {"path": f"reports/{number}"}}
        assert (await agent.asks("read_files", details=details))["allowed"]
    await house.settled()
    begun = await answer_to(house, lin, '/policy replay Bookkeeper 7d {"read_*": "L3", "delete_*": "L3"}')
    assert "什么都不会改变" in begun
    told = (await house.feishu.next_text(to=lin)).text
    assert "多问 3 次" in told
    assert await PolicyVersion.all().count() == 1
    wrong = await answer_to(house, lin, '/policy replay Bookkeeper {"read_*": "L9"}')
    assert "不是级别" in wrong
    assert await OutboxMessage.filter(kind=OutboxKind.REPLAY).count() == 1


async def test_others_learn_nothing_of_my_policy(house: RunningHouse) -> None:
    await house.agent()
    for text in ("test Bookkeeper delete_files", "history Bookkeeper", "rollback Bookkeeper 1", "replay Bookkeeper {}"):
        assert "没有权限" in await answer_to(house, house.feishu.stranger, f"/policy {text}")
    group = house.feishu.add_group("财务群", [house.feishu.creator, house.feishu.stranger])
    await house.feishu.say(house.feishu.creator, "/policy test Bookkeeper delete_files", chat=group)
    await house.settled()
    said = json.dumps([message.content for message in house.feishu.messages(to=group)], ensure_ascii=False)
    assert "Bookkeeper" not in said.replace("/policy test Bookkeeper", "")


async def test_why_explains_a_check_and_an_approval(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = house.feishu.creator
    asked = await agent.asks()
    card = await house.feishu.next_card(to=lin)
    await house.feishu.click(card, "approve", by=lin)
    await house.settled()
    for subject in (asked["check_id"], asked["approval_id"], asked["code"]):
        said = await answer_to(house, lin, f"/why {subject}")
        assert "删除文件" in said, said
        assert "规则：delete_*（策略 v1）" in said
        assert "匹配：action delete_*" in said
        assert "审批：已同意" in said
        assert "审批卡片 → " in said
        assert asked["action_digest"] in said
    await in_english(house)
    ran = await agent.asks("read_files")
    said = await answer_to(house, lin, f"/why {ran['check_id']}")
    assert "Level: L1, it runs" in said
    assert not re.search("[\u4e00-\u9fff]{4,}", said)
    unknown = await answer_to(house, house.feishu.stranger, f"/why {asked['check_id']}")
    assert "reports/2025" not in unknown
