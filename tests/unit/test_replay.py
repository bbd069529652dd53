"""Comparing past checks with a draft: kinds of change, questions, examples, counters of the past, and their words."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from bot.metering.counting import Counting
from bot.metering.measures import Measures
from bot.policy import Floor, parse_policy
from bot.policy.history import History, amounts_of
from bot.policy.replay import EXAMPLES, Comparison, PastCheck, change_of, compare, recorded
from cards.replays import CHANGES, draft_invalid, replay_headline, replay_json, replay_text
from models.enums import Language, Layer, Level
from models.ids import new_id
from models.replay import Change, ReplayReport
from models.values import ActionRequest, Decision, JsonObject

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
AGENT = new_id()


def past(
    old: Level = Level.L2, *, session: str = "s", path: str = "a", action: str = "write", rule: str = "w"
) -> PastCheck:
    request = ActionRequest(action, "edit", {"path": path, "password": "correct horse battery"}, session=session)
    return PastCheck(new_id(), AT, AGENT, "Bookkeeper", request, f"sha256:{path:0>64}", old, rule)


def gives(level: Level, *, rule: str | None = "new", faults: tuple[str, ...] = ()) -> Decision:
    return Decision(level, rule, 2, "", faults=faults)


def report_of(*pairs: tuple[PastCheck, Decision]) -> ReplayReport:
    return compare(pairs).report("Bookkeeper", since=AT - timedelta(days=7), until=AT)


def test_every_pair_of_levels_is_one_kind_of_change() -> None:
    table = {(old, new): change_of(old, new) for old, new in product(Level, Level)}

    assert [pair for pair, change in table.items() if change is Change.SAME] == [(level, level) for level in Level]
    assert table[Level.L1, Level.L3] is table[Level.L2, Level.L3] is Change.MORE_ASKED
    assert table[Level.L3, Level.L1] is table[Level.L3, Level.L2] is Change.FEWER_ASKED
    assert {table[old, Level.DENY] for old in Level if old is not Level.DENY} == {Change.NEWLY_DENIED}
    assert {table[Level.DENY, new] for new in Level if new is not Level.DENY} == {Change.NO_LONGER_DENIED}
    assert (table[Level.L1, Level.L2], table[Level.L2, Level.L1]) == (Change.LOUDER, Change.QUIETER)
    assert set(table.values()) == set(Change) == {Change.SAME, *CHANGES}


def test_the_kinds_add_up_to_the_checks() -> None:
    pairs = [(past(old), gives(new)) for old, new in product(Level, Level)]

    report = report_of(*pairs)

    assert report.checks == sum(report.counts.values()) == 16
    assert report.changed == 12


def test_a_repeat_in_the_same_session_is_one_question_and_in_another_session_another() -> None:
    report = report_of(
        (past(session="a"), gives(Level.L3)),
        (past(session="a"), gives(Level.L3)),
        (past(session="b"), gives(Level.L3)),
        (past(session="a", path="other"), gives(Level.L3)),
    )

    assert (report.of(Change.MORE_ASKED), report.more_questions, report.fewer_questions) == (4, 3, 0)


def test_a_question_that_would_be_asked_all_the_same_is_neither_more_nor_fewer() -> None:
    report = report_of(
        (past(Level.L3, path="both"), gives(Level.L3)),
        (past(Level.L3, path="both"), gives(Level.L2)),
        (past(Level.L3, path="gone"), gives(Level.L2)),
        (past(Level.L3, path="denied"), gives(Level.DENY)),
    )

    assert (report.questions_before, report.questions_after) == (3, 1)
    assert (report.more_questions, report.fewer_questions) == (0, 2)


def test_examples_are_few_masked_and_prefer_what_is_not_shown_yet() -> None:
    same = [(past(path=str(n)), gives(Level.L3)) for n in range(20)]
    report = report_of(*same, (past(action="pay"), gives(Level.L3)), (past(rule="other"), gives(Level.L3)))

    shown = report.examples[Change.MORE_ASKED]
    assert len(shown) == EXAMPLES
    assert {(one.action_type, one.old_rule) for one in shown} == {("write", "w"), ("pay", "w"), ("write", "other")}
    assert shown[0].args["path"] == "0"
    assert not any("correct horse" in str(one.args) for one in shown)
    assert set(report.examples) == {Change.MORE_ASKED}


def test_faults_are_counted_by_check_and_told_by_frequency() -> None:
    often, once = 'rule "pay": no such key: amount', 'rule "x": overflow'
    report = report_of(
        (past(), gives(Level.L3, faults=(often, once))),
        (past(), gives(Level.L3, faults=(often,))),
        (past(), gives(Level.L2)),
    )

    assert (report.faults, report.fault_words) == (2, ((often, 2), (once, 1)))


DETAILS = {"level": "L2", "rule": "w", "policy_version": 4, "reason": "", "layer": "policy", "floor_version": 2}


@pytest.mark.parametrize(
    ("more", "level", "rule", "set_aside", "says_nothing"),
    [
        ({}, Level.L2, "w", False, False),
        ({"layer": "grant", "would_be": "L3"}, Level.L3, "w", True, False),
        ({"layer": "observe", "level": "L1", "would_be": "DENY"}, Level.DENY, "w", True, False),
        ({"layer": "floor", "level": "L3", "floor_rule": "pay_*"}, Level.L3, "pay_*", False, False),
        ({"layer": "freeze", "level": "DENY", "rule": None}, Level.DENY, None, True, True),
        ({"layer": "pause", "level": "DENY", "rule": None}, Level.DENY, None, True, True),
    ],
)
def test_what_is_recorded_is_the_word_of_policy_and_floor(
    more: dict[str, object], level: Level, rule: str | None, set_aside: bool, says_nothing: bool
) -> None:
    said = recorded({**DETAILS, **more})  # type: ignore[dict-item]

    assert (said.level, said.rule, said.set_aside, said.says_nothing) == (level, rule, set_aside, says_nothing)
    assert (said.policy_version, said.floor_version) == (4, 2)


def test_entries_from_before_there_were_layers_are_read_too() -> None:
    old: JsonObject = {"level": "L3", "rule": "delete_*", "policy_version": 1, "reason": ""}

    assert recorded(dict(old)).level is Level.L3
    assert not recorded(dict(old)).set_aside
    assert recorded({**old, "level": "DENY", "reason": "the agent is paused"}).says_nothing


def test_counters_of_the_past_are_those_that_the_service_had() -> None:
    chance = random.Random(3)
    history, counting = History(ZONE), Counting(AT)
    now, read = AT, []
    for _ in range(400):
        now += timedelta(seconds=chance.randrange(400))
        action, tool = chance.choice(["pay", "read"]), chance.choice(["", "bank"])
        amounts = {"amount": Decimal(repr(chance.choice([0.1, 3, 1e20, 7.25])))} if chance.random() < 0.7 else {}
        then = history.until(now)
        since = now - timedelta(minutes=chance.randrange(1, 1440))
        applies = chance.choice([lambda a, t: a == "pay", lambda a, t: t == "bank", lambda a, t: True])
        assert then.count(applies, since) == counting.count(applies, since)
        assert then.total(applies, since, "amount") == counting.total(applies, since, "amount")
        read.append(then.total(applies, since, "amount"))
        history.ran(action, tool, now, amounts)
        counting.add(action, tool, now, amounts)
    assert len(set(read)) > 50


@pytest.mark.parametrize(
    "args",
    [
        {"amount": 5, "order": {"total": 7.25, "lines": [1, 2]}, "big": 1e300},
        {"amount": -5, "order": {"total": True}, "order.total": 9},
        {"amount": "5", "order": "total", "": {"total": 3}},
        {"amount": 0.1, "order": {"total": {"deep": 2}}},
    ],
)
def test_the_amounts_of_a_run_are_those_that_the_service_sums(args: JsonObject) -> None:
    paths = ("amount", "order.total", "order.total.deep", "big", "order.lines")
    rules = [{"action": "*", "when": f'today("{path}") > 1', "level": "L3"} for path in paths]
    measures = Measures.of(parse_policy({"rules": rules}, default=Level.L2), Floor(0))

    assert {path: amount for path, amount in amounts_of(args).items() if path in paths} == measures.amounts(args)


def test_today_begins_at_the_local_midnight() -> None:
    history = History(ZONE)

    assert history.until(AT).midnight == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert history.until(AT + timedelta(hours=7)).midnight == datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "fewer", "zh", "en"),
    [
        (12, 41, "会多问 12 次，少问 41 次", "would ask 12 more, 41 fewer"),
        (12, 0, "会多问 12 次", "would ask 12 more"),
        (0, 41, "会少问 41 次", "would ask 41 fewer"),
        (0, 0, "询问次数不变", "would ask neither more nor less"),
    ],
)
def test_the_headline_says_how_many_questions_more_and_fewer(more: int, fewer: int, zh: str, en: str) -> None:
    pairs = [(past(path=f"m{n}"), gives(Level.L3)) for n in range(more)]
    pairs += [(past(Level.L3, path=f"f{n}"), gives(Level.L2)) for n in range(fewer)]

    headline = replay_headline(report_of(*pairs, (past(), gives(Level.L2))))

    assert (headline.zh, headline.en) == (zh, en)


def test_the_text_tells_the_period_the_changes_and_an_example_of_each() -> None:
    comparison = Comparison(by_policy=0)
    comparison.add(past(), gives(Level.L3, faults=("rule x: \u202ebad",)))
    comparison.add(past(Level.L3, path="reports/2025", action="delete_files"), gives(Level.DENY, rule=None))
    report = comparison.report("Book\nkeeper", since=AT - timedelta(days=7), until=AT, limited=True, metered=True)

    assert replay_text(report, Language.EN_US, now=AT).splitlines() == [
        "Replay · “Book keeper”: would ask 1 more, 1 fewer",
        "Feb 23, 17:30 to Mar 2, 17:30, 2 checks",
        "Questions: 1 → 1",
        "Decided the same: 0",
        "newly denied: 1",
        "· delete files reports/2025: L3 (w) → DENY (default)",
        "would ask, ran before: 1",
        "· write a: L2 (w) → L3 (new)",
        "Checks with a condition that could not be evaluated: 1",
        "· rule x: ␣U+202Ebad ×1",
        "Only the newest checks were replayed.",
        "Counters were simulated over what ran then.",
    ]
    chinese = replay_text(report, Language.ZH_CN, now=AT)
    assert chinese.startswith("回放 · 「Book keeper」：会多问 1 次，少问 1 次\n")
    assert "改为禁止：1" in chinese
    assert "\u202e" not in chinese


def test_no_checks_is_said_plainly() -> None:
    empty = Comparison().report("floor", since=AT, until=AT)

    assert replay_text(empty, Language.EN_US, now=AT) == (
        "Replay · The floor: would ask neither more nor less\nThere were no checks in this time."
    )


def test_an_example_under_the_floor_names_the_rule_of_the_floor() -> None:
    floor = Decision(Level.L3, "w", 2, "", Layer.FLOOR, 1, "pay_*", Level.L3)
    report = report_of((past(), floor))

    assert report.examples[Change.MORE_ASKED][0].new_rule == "pay_*"
    assert "L3 (floor pay_*)" in replay_text(report, Language.EN_US, now=AT)


def test_the_plain_data_holds_every_number_and_example() -> None:
    report = report_of((past(), gives(Level.L3)), (past(Level.L3), gives(Level.L3)))

    body = replay_json(report)

    assert body["changes"] == {**{change.value: 0 for change in Change}, "same": 1, "more_asked": 1}
    assert body["questions"] == {"before": 1, "after": 1, "more": 0, "fewer": 0}
    [example] = json.loads(json.dumps(body))["examples"]["more_asked"]
    assert example["check_id"] == str(report.examples[Change.MORE_ASKED][0].check_id)
    assert example["new"] == {"level": "L3", "rule": "new", "layer": "policy"}
    assert "correct horse" not in str(body)


def test_the_faults_of_a_draft_are_all_told() -> None:
    text = draft_invalid(['rules[0].level: "l3" is not a level; write L1, L2, L3 or DENY'], Language.ZH_CN)

    assert text.startswith("草稿不是有效的策略")
    assert '"l3" 不是级别' in text
