"""What changed between two versions, and what a document says that its author may not mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import Floor, Glob, Policy, parse_floor, starter_floor, starter_policy
from bot.policy.diff import Change, ChangeKind, diff
from bot.policy.lint import Severity, lint
from models.enums import Level
from tests.support import slow_policy
from tests.support.policies import NOTHING, floored, ruled, written

A = {"action": "a", "level": "L1"}
B = {"action": "b", "when": "args.n > 1", "level": "L2"}
C = {"name": "c", "tool": "t", "level": "L3", "note": "ask\nfirst"}
D = {"action": "d", "level": "L1"}


def test_nothing_changed() -> None:
    assert diff(ruled(A, B, C), ruled(A, B, C)) == ()


def test_the_first_version_adds_everything() -> None:
    assert diff(None, ruled(A, C)) == (
        Change(ChangeKind.DEFAULT, None, None, "L2"),
        Change(ChangeKind.ADDED, "a", None, "L1 (action a)"),
        Change(ChangeKind.ADDED, "c", None, "L3 (tool t, note ask first)"),
    )


def test_each_kind_of_change_is_told() -> None:
    changed = diff(ruled(A, B, C, D), ruled({**A, "level": "DENY"}, {**B, "when": "args.n > 2"}, D, default="L3"))
    assert changed == (
        Change(ChangeKind.DEFAULT, None, "L2", "L3"),
        Change(ChangeKind.REMOVED, "c", "L3 (tool t, note ask first)"),
        Change(ChangeKind.CHANGED, "a", "L1", "DENY"),
        Change(ChangeKind.CHANGED, "b", "L2 (action b, when args.n > 1)", "L2 (action b, when args.n > 2)"),
    )


def test_the_fewest_moves_are_told() -> None:
    assert diff(ruled(A, B, C, D), ruled(D, A, B, C)) == (Change(ChangeKind.MOVED, "d", "4", "1"),)
    assert diff(ruled(A, B, C, D), ruled(B, C, D, A)) == (Change(ChangeKind.MOVED, "a", "1", "4"),)
    assert diff(ruled(A, B, C), ruled(B, {"action": "x", "level": "L1"}, C)) == (
        Change(ChangeKind.REMOVED, "a", "L1 (action a)"),
        Change(ChangeKind.ADDED, "x", None, "L1 (action x)"),
    )


def test_moves_within_a_floor_change_nothing() -> None:
    assert diff(floored(A, B), floored(B, A)) == ()
    assert diff(floored(A), floored({**A, "level": "L2"})) == (Change(ChangeKind.CHANGED, "a", "L1", "L2"),)
    assert diff(None, floored(A)) == (Change(ChangeKind.ADDED, "a", None, "L1 (action a)"),)


def replayed(old: Policy, new: Policy, changes: tuple[Change, ...]) -> list[str]:
    """The names in the new order, made from the old one and the changes."""
    touched = {change.rule for change in changes if change.kind in (ChangeKind.MOVED, ChangeKind.REMOVED)}
    left = [rule.name for rule in old.rules if rule.name not in touched]
    back = {change.rule for change in changes if change.kind in (ChangeKind.MOVED, ChangeKind.ADDED)}
    return [rule.name if rule.name in back else left.pop(0) for rule in new.rules]


@given(st.lists(st.sampled_from("abcdefg"), unique=True), st.lists(st.sampled_from("abcdefg"), unique=True))
def test_the_changes_lead_from_the_old_version_to_the_new(old: list[str], new: list[str]) -> None:
    before, after = (ruled(*({"action": name, "level": "L3"} for name in names)) for names in (old, new))
    changes = diff(before, after)
    assert replayed(before, after, changes) == new
    assert {change.rule for change in changes if change.kind is ChangeKind.REMOVED} == set(old) - set(new)
    assert {change.rule for change in changes if change.kind is ChangeKind.ADDED} == set(new) - set(old)


# --- lint


def codes(ground: Policy | Floor, floor: Floor = NOTHING) -> list[tuple[str, str]]:
    return [(finding.path, finding.code) for finding in lint(ground, floor)]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"action": "pay_.*", "level": "L3"}, "looks_like_regex"),
        ({"tool": "^bank$", "level": "L3"}, "looks_like_regex"),
        ({"requester": "boss@example.com", "level": "L2"}, "claimed"),
        ({"action": "a", "when": "requester.known", "level": "L3"}, "claimed"),
        ({"session": "night", "level": "L3"}, "claimed"),
        ({"action": "a", "when": "1 < 2", "level": "L3"}, "constant"),
        ({"action": "a", "when": 'args.to.matches("example.com$")', "level": "L3"}, "unanchored"),
        ({"action": "a", "when": "now.getHours() < 9", "level": "L3"}, "utc"),
        ({"action": "a", "when": "args.l.map(x, x).size() > 3", "level": "L3"}, "large_args"),
    ],
)
def test_a_rule_that_may_mean_something_else(rule: dict[str, Any], code: str) -> None:
    assert codes(ruled(rule)) == [("rules[0]", code)]
    assert codes(parse_floor({"rules": [rule]})) == [("rules[0]", code)]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "pay_*", "level": "L3"},
        {"tool": "bank.*", "level": "L3"},
        {"action": "a", "when": 'args.to.matches("^.*@example.com$")', "level": "L3"},
        {"action": "a", "when": 'now.getHours("Asia/Shanghai") < 9', "level": "L3"},
        {"action": "a", "when": "args.l.all(x, x > 3)", "level": "L3"},
    ],
)
def test_a_plain_rule_is_no_finding(rule: dict[str, Any]) -> None:
    assert codes(ruled(rule)) == []


def test_claims_are_told_by_what_they_do() -> None:
    words = [
        finding.words for finding in lint(ruled({"requester": "a", "level": "L1"}, {"session": "b", "level": "L3"}))
    ]
    assert words == [
        "the agent itself names the requester: a claim may loosen the level here",
        "the agent itself names the session: another claim avoids this rule",
    ]


def test_a_rule_under_the_same_condition_is_never_reached() -> None:
    rule = {"action": "pay_*", "when": "args.n > 1", "level": "L3"}
    findings = lint(ruled(rule, {**rule, "action": "pay_x", "level": "DENY"}))
    assert [(finding.severity, finding.path, finding.code) for finding in findings] == [
        (Severity.ERROR, "rules[1]", "unreachable")
    ]


def test_a_rule_below_the_floor_has_no_effect() -> None:
    floor = floored({"action": "PAY_*", "level": "L3"}, {"tool": "t", "when": "args.n > 1", "level": "DENY"})
    policy = ruled(
        {"action": "pay_tea", "level": "L1"}, {"tool": "t", "level": "L3"}, {"action": "pay_*", "level": "L3"}
    )
    assert [(finding.path, finding.words) for finding in lint(policy, floor)] == [
        ("rules[0]", 'L1 has no effect: the floor\'s rule "PAY_*" demands L3'),
        ("rules[1]", 'L3 may have no effect: the floor\'s rule "tool t" demands DENY'),
    ]


def test_the_default_is_held_against_the_floor() -> None:
    assert codes(written({}), floored({"action": "*", "level": "L3"})) == [("default", "below_floor")]
    assert codes(ruled(default="L1")) == [("default", "silent_default")]
    assert codes(ruled(default="L3"), floored({"action": "*", "level": "L3"})) == []


def test_a_looser_pattern_before_a_stricter_one_is_told() -> None:
    rules = [{"action": "pay_*", "level": "L1"}, {"action": "*_external", "level": "L3"}]
    assert codes(ruled(*rules)) == [("rules[1]", "overlap")]
    assert codes(ruled(*reversed(rules))) == []
    assert codes(written({"pay_tea": "L1", "pay_*": "L3"})) == []  # an exception on purpose
    assert codes(ruled({"action": "a*", "level": "L1"}, {"action": "b*", "level": "L3"})) == []


def test_a_floor_that_demands_nothing_is_told() -> None:
    floor = floored(
        {"action": "a", "level": "L1"}, {"action": "pay_x", "level": "L2"}, {"action": "PAY_*", "level": "L3"}
    )
    assert codes(floor) == [("rules[0]", "no_effect"), ("rules[1]", "no_effect")]


def test_what_comes_with_the_product_is_clean() -> None:
    assert codes(starter_policy(), starter_floor()) == []
    assert codes(starter_floor()) == []


def test_a_long_policy_is_read_in_reasonable_steps() -> None:
    rules = [{"action": f"*{n:03}a*b*", "level": "L1"} for n in range(250)]
    rules += [{"action": f"a*{n:03}c*b", "level": "L3"} for n in range(250)]
    assert len(lint(ruled(*rules), starter_floor())) <= 500


@given(st.text(alphabet="ab*", max_size=5), st.text(alphabet="ab*", max_size=5))
def test_patterns_overlap_when_some_text_matches_both(one: str, other: str) -> None:
    """Two patterns of n and m characters that overlap at all share a text of at most n + m."""
    shared = any(
        slow_policy.glob(one, text) and slow_policy.glob(other, text)
        for length in range(6)
        for text in _texts("ab", length)
    ) or (len(one) + len(other) > 5 and Glob.of(one).overlaps(Glob.of(other)) and _long(one, other))
    assert Glob.of(one).overlaps(Glob.of(other)) is shared


def _texts(alphabet: str, length: int) -> list[str]:
    return [""] if length == 0 else [text + c for text in _texts(alphabet, length - 1) for c in alphabet]


def _long(one: str, other: str) -> bool:
    return any(
        slow_policy.glob(one, text) and slow_policy.glob(other, text)
        for length in range(6, 9)
        for text in _texts("ab", length)
    )


def test_levels_of_findings_and_changes_are_words() -> None:
    assert [kind.value for kind in ChangeKind] == ["added", "removed", "changed", "moved", "default"]
    assert diff(written({}), ruled(default="DENY"))[0].after == Level.DENY.value
