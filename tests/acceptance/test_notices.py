"""Stories: what runs unasked is told so that it helps: one by one, then together; one tap to be asked; all failures."""

from __future__ import annotations

import json
from typing import Any

from bot.housekeeping import Housekeeping
from models.tables import Agent, NoticeHour, PolicyVersion
from tests.support.service import HookAgent, RunningHouse

NOTES = {"tool": "notes.write", "args": {"path": "notes/today.md"}, "reason": "the daily log"}
POLICY = {"write_*": "L2", "read_*": "L1", "delete_*": "L3"}
PER_HOUR = 6


async def writes(agent: HookAgent, path: str = "notes/today.md") -> Any:
    answer = await agent.asks("write_files", details={**NOTES, "args": {"path": path}})
    assert answer["allowed"], answer
    return answer


def button(house: RunningHouse, card: Any, act: str) -> str:
    [name] = [name for name in house.feishu.buttons(card) if name.partition(":")[0] == act]
    return name


async def level_of(agent_name: str, pattern: str) -> str:
    agent = await Agent.get(name=agent_name)
    version = await PolicyVersion.filter(agent_id=agent.id).order_by("-version").first()
    assert version is not None
    rules = json.loads(version.document)["rules"]
    return str(next(rule["level"] for rule in rules if rule.get("action") == pattern))


async def test_a_notice_says_what_and_why_and_one_tap_makes_the_rule_ask(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await writes(agent)
    card = await feishu.next_card(to=lin)
    said = feishu.words(card)
    assert "正在执行" in said
    assert "notes/today.md" in said
    assert "the daily log" in said
    assert "write_*" in said

    press = await feishu.click(card, button(house, card, "notice_stop"), by=lin)
    assert (press.code, press.toast.kind) == (0, "success")
    assert await level_of("Bookkeeper", "write_*") == "L3"
    assert "/policy rollback" in feishu.words(card)
    assert (await agent.asks("write_files", details={**NOTES, "args": {"path": "b"}}))["status"] == "pending"
    versions = await PolicyVersion.all().count()
    await feishu.click_again(press)
    assert await PolicyVersion.all().count() == versions
    assert len(await house.audited("run.stopped")) == 1


async def test_the_default_is_stopped_for_this_action_only(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy={"read_*": "L1"}), house.feishu.creator, house.feishu
    assert (await agent.asks("paint_fence", details={"args": {}}))["allowed"]
    card = await feishu.next_card(to=lin)
    await feishu.click(card, button(house, card, "notice_stop"), by=lin)
    assert await level_of("Bookkeeper", "paint_fence") == "L3"
    assert (await agent.asks("paint_shed", details={"args": {}}))["allowed"]


async def test_wrong_is_kept_and_shown_and_nobody_else_may_say_it(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await writes(agent)
    card = await feishu.next_card(to=lin)
    wrong = button(house, card, "notice_wrong")
    stranger = await feishu.click(card, wrong, by=feishu.stranger, unseen=True)
    assert (stranger.code, stranger.toast.kind, stranger.card) == (0, "error", None)
    assert await house.audited("run.flagged") == []
    assert len(await house.audited("run.refused")) == 1

    press = await feishu.click(card, wrong, by=lin)
    assert press.toast.kind == "success"
    [entry] = await house.audited("run.flagged")
    assert json.loads(entry.details)["action_type"] == "write_files"
    assert "已标记不对" in feishu.words(card)
    assert button(house, card, "notice_stop")


async def test_many_in_one_hour_become_one_summary(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    clock = house.clock.now()
    await house.later(minutes=60 - clock.minute)  # just after a full hour
    for number in range(PER_HOUR + 4):
        await writes(agent, f"notes/{number}.md")
    await house.settled()
    assert len(feishu.messages(to=lin)) == PER_HOUR
    [hour] = await NoticeHour.all()
    assert (hour.told, hour.held) == (PER_HOUR, 4)

    await house.later(minutes=61)
    await house.settled()
    summary = await feishu.next_text(to=lin)
    assert f"{PER_HOUR + 4} 次" in summary.text
    assert "write_files" in summary.text
    assert "/policy set Bookkeeper write_files L3" in summary.text
    await writes(agent, "notes/next-hour.md")
    await house.settled()
    assert len(feishu.messages(to=lin, type="interactive")) == PER_HOUR + 1


async def test_a_failure_of_what_ran_unasked_is_always_told_and_once(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    ran = await agent.asks("read_files", details={"args": {"path": "a"}})
    body = {"status": "failed", "error": "disk full"}
    path = f"/v1/checks/{ran['check_id']}/outcome"
    for _ in range(2):
        status, answer = await agent.call("POST", path, body)
        assert (status, answer["status"]) == (200, "failed")
    text = await feishu.next_text(to=lin)
    assert "执行失败" in text.text
    assert "disk full" in text.text
    await house.settled()
    assert feishu.nothing_new(to=lin)
    status, problem = await agent.call("POST", path, {"status": "succeeded"})
    assert (status, problem["code"]) == (409, "outcome_known")


async def test_one_outcome_is_taken_for_as_long_as_any_is(house: RunningHouse) -> None:
    agent = await house.agent(policy=POLICY)
    told, silent = [await agent.asks("read_files", details={"args": {"path": path}}) for path in ("a", "b")]
    paths = [f"/v1/checks/{ran['check_id']}/outcome" for ran in (told, silent)]
    assert (await agent.call("POST", paths[0], {"status": "succeeded"}))[0] == 200
    await house.later(days=29)
    await Housekeeping().tick(house.clock.now())
    status, problem = await agent.call("POST", paths[0], {"status": "failed"})
    assert (status, problem["code"]) == (409, "outcome_known")
    await house.later(days=2)
    await Housekeeping().tick(house.clock.now())
    for path in paths:
        status, problem = await agent.call("POST", path, {"status": "failed"})
        assert (status, problem["code"]) == (409, "outcome_late")
    assert len(await house.audited("run.finished")) == 1


async def test_outcomes_of_other_checks_are_refused(house: RunningHouse) -> None:
    agent, other = await house.agent(policy=POLICY), await house.agent(name="Other", policy=POLICY)
    ran, asked = await agent.asks("read_files", details={"args": {}}), await agent.asks()
    for caller, check, expected in (
        (other, ran["check_id"], (404, "not_found")),
        (agent, asked["check_id"], (409, "not_allowed")),
        (agent, "no-id", (404, "not_found")),
    ):
        status, problem = await caller.call("POST", f"/v1/checks/{check}/outcome", {"status": "failed"})
        assert (status, problem["code"]) == expected
    status, problem = await agent.call("POST", f"/v1/checks/{ran['check_id']}/outcome", {"status": "done"})
    assert (status, problem["field"]) == (400, "status")


async def test_what_asks_first_already_offers_neither_that_nor_a_wrong_way_back(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await writes(agent, "a")
    await writes(agent, "b")
    first, second = await feishu.next_card(to=lin), await feishu.next_card(to=lin)
    await feishu.click(first, button(house, first, "notice_stop"), by=lin)
    await feishu.click(second, button(house, second, "notice_stop"), by=lin)
    assert "/policy rollback Bookkeeper 1" in feishu.words(first)
    assert "/policy rollback" not in feishu.words(second)  # this press changed nothing: there is nothing to undo
    press = await feishu.click(second, button(house, second, "notice_wrong"), by=lin)
    assert press.toast.content == "已记录"


async def test_a_failure_says_of_what(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    ran = await writes(agent, "notes/monday.md")
    await feishu.next_card(to=lin)
    await agent.call("POST", f"/v1/checks/{ran['check_id']}/outcome", {"status": "failed", "error": "disk full"})
    told = (await feishu.next_text(to=lin)).text
    assert "notes/monday.md" in told
    assert "write_*" in told
