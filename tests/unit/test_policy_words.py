"""What people read of policies: faults in plain words, the starter floor without its regular expressions, who may."""

from __future__ import annotations

import pytest

from bot.administration.values import VersionLine
from bot.commands.values import Problem, Usage
from bot.commands.wording import say
from bot.conversation.policy_views import change_views, version_view
from bot.policy.conditions import ConditionFault, compile_condition
from bot.policy.diff import diff
from bot.policy.lint import lint
from bot.policy.parse import PolicyFault, parse_floor, parse_policy
from bot.policy.starter import starter_floor
from cards.faults import fault_words, placed_fault
from cards.policies import change_words
from cards.refusals import refusal_text
from cards.tried import matched_words, version_note
from models.enums import Language, Level
from models.values import Refusal, RefusalKind
from tests.unit.test_cards_golden import ASKED

ZH, EN = Language.ZH_CN, Language.EN_US


@pytest.mark.parametrize(
    ("condition", "english", "chinese"),
    [
        ("args.amount >", "it ends too early", "表达式没有写完"),
        ("args.amount > 1 and true", "'and' is not expected here; write &&", "不能写 'and'，请写 &&"),
        ("args.amount = 1", "'=' is not expected here; write ==", "不能写 '='，请写 =="),
        ('"a" > 1', "found no matching overload for '>'", "类型不符：> 不能用于 (string, int)"),
        ('rate("2d") > 1', "a window is", '时间段应写成 "1m" 到 "24h"'),
        ('today("") > 1', "a path is", '字段应写成 "amount" 或 "order.total" 这样'),
        ("args.path.matches('(')", "invalid regular expression", "正则表达式有误"),
    ],
)
def test_a_wrong_condition_is_told_in_plain_words(condition: str, english: str, chinese: str) -> None:
    with pytest.raises(ConditionFault) as raised:
        compile_condition(condition)
    assert english in raised.value.detail
    told = fault_words(f"rules[0].when: {raised.value}", ZH)
    assert chinese in told
    assert "第 1 行第" in told
    assert "expecting" not in raised.value.detail


def test_a_rule_is_counted_as_people_count_and_a_missing_level_is_called_missing() -> None:
    with pytest.raises(PolicyFault) as raised:
        parse_policy({"rules": [{"action": "a", "level": "L1"}, {"action": "b", "levle": "L1"}]}, default=Level.L2)
    told = [placed_fault(f"{path}: {detail}", ZH) for path, detail in raised.value.faults]
    assert "第 2 条规则的 levle：规则里没有这一项" in told
    assert "第 2 条规则的 level：规则要写明级别 level：L1、L2、L3 或 DENY" in told
    assert placed_fault("rules[1].level: odd", EN) == "rule 2, level: odd"
    assert placed_fault("default: odd", EN) == "default: odd"


@pytest.mark.parametrize(
    ("action", "words"),
    [("pay_tea", "has no effect"), ("pay_*", "may have no effect"), ("delete_and_read", "has no effect")],
)
def test_a_name_that_the_floor_holds_is_told_without_a_perhaps(action: str, words: str) -> None:
    [found] = lint(parse_policy({action: "L1"}, default=Level.L2), starter_floor())
    assert found.words.startswith(f"L1 {words}")


def test_the_starter_floors_exception_is_never_shown_as_a_regular_expression() -> None:
    floor = starter_floor()
    for rule in floor.rules:
        shown = matched_words(rule.told)
        assert shown is not None
        assert shown.zh.endswith("只读的名称除外")
        assert "matches" not in shown.en
    lines = change_words(change_views(diff(floor, parse_floor({"x": "L3"}))), ZH)
    assert len(lines) == 9  # a family on one line: four of actions, four of tools, and what is new
    assert not any("matches" in line for line in lines)
    assert "*delete*, *remove*" in lines[0]
    assert "（9 条）" in lines[0]


def test_a_note_of_the_services_own_says_nothing_twice() -> None:
    old, new = (parse_policy({"pay_tea": level}, default=Level.L2, version=1) for level in ("L1", "L3"))

    def noted(note: str) -> str | None:
        return version_view(VersionLine(2, "lin", ASKED, note, diff(old, new))).note

    assert noted("pay_tea L3") is None
    assert noted("whole policy") is None
    assert noted("month's end") == "month's end"
    back = version_note("rollback to v4")
    assert back is not None
    assert (back.zh, back.en) == ("恢复为 v4", "rollback to v4")


def test_who_may_not_learns_who_may() -> None:
    assert refusal_text(Refusal(RefusalKind.NOT_PERMITTED), ZH, ASKED).endswith("需要智能体的创建者或组织管理员。")
    admins = Refusal(RefusalKind.NOT_PERMITTED, by="王敏", at=ASKED, admins_only=True)
    assert refusal_text(admins, ZH, ASKED) == "您没有权限这样做（王敏 于 3月5日 14:32 所为），需要组织管理员。"
    assert "Who may: an admin of the organisation." in refusal_text(admins, EN, ASKED)


def test_json_that_ends_too_early_says_so_and_two_usages_stand_below_each_other() -> None:
    told = say(
        Usage(Problem.BAD_JSON, "the document: Input data was truncated", usage="/policy set A, /policy set B"), ZH
    )
    assert told == "JSON 有误：没有写完，少了括号或引号。\n用法：\n/policy set A\n/policy set B"
