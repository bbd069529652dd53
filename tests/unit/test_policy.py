"""Policies: validated when written, and then every action request has exactly one level."""

from __future__ import annotations

import fnmatch
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import (
    Glob,
    Policy,
    PolicyFault,
    document,
    effective,
    evaluate,
    explain,
    parse_policy,
    starter_policy,
    with_default,
    with_level,
)
from models.enums import Layer, Level
from models.values import Decision
from tests.support.policies import NOTHING, asks, written

L1, L2, L3, DENY = Level


def level(policy: Policy, action_type: str) -> Level:
    return evaluate(policy, NOTHING, asks(action_type)).level


def faults(policy: object) -> dict[str, str]:
    with pytest.raises(PolicyFault) as refused:
        written(policy)
    assert all(path in str(refused.value) for path, _ in refused.value.faults)
    return dict(refused.value.faults)


SEED = {
    "read_files": L1,
    "write_workspace_files": L2,
    "send_feishu_message": L2,
    "send_external_message": L3,
    "modify_soul": L3,
    "access_business_system_read": L2,
    "access_business_system_write": L3,
    "delete_files": L3,
    "create_calendar_event": L2,
    "financial_operations": L3,
    "anything_else": L2,
    "READ_FILES": L2,  # the case counts
}


@pytest.mark.parametrize(("action_type", "expected"), SEED.items())
def test_starter_policy(action_type: str, expected: Level) -> None:
    assert level(starter_policy(), action_type) is expected


def test_starter_policy_takes_the_configured_default() -> None:
    assert level(starter_policy(L3), "anything_else") is L3


@pytest.mark.parametrize(
    ("policy", "action_type", "expected", "rule"),
    [
        ({}, "a", L2, None),
        ({"default": "DENY"}, "a", DENY, None),
        ({"pay_*": "L3", "*": "L1", "pay_tea": "L1"}, "pay_tea", L1, "pay_tea"),
        ({"pay_*": "L3", "*": "L1", "pay_tea": "L1"}, "pay_rent", L3, "pay_*"),
        ({"*": "L1", "pay_*": "L3"}, "read", L1, "*"),
        ({"p*": "L1", "pay_*": "L2", "*_rent": "L3"}, "pay_rent", L3, "*_rent"),  # five literals against four
        ({"a*b": "L1", "a*b*": "L3"}, "axb", L1, "a*b"),  # fewer stars
        ({"ab*": "L1", "*ba": "L3"}, "aba", L1, "ab*"),  # written first
        ({"*ba": "L3", "ab*": "L1"}, "aba", L3, "*ba"),
        ({"rules": {"pay_*": "L3"}}, "pay_x", L3, "pay_*"),
        ({"default": "L3", "rules": {}}, "a", L3, None),
        ({"rules": [{"action": "pay_*", "level": "DENY"}, {"action": "*", "level": "L1"}]}, "pay_x", DENY, "pay_*"),
        ({"rules": [{"action": "*_x", "level": "L1"}, {"action": "pay_*", "level": "L3"}]}, "pay_x", L1, "*_x"),
    ],
)
def test_which_rule_decides(policy: Any, action_type: str, expected: Level, rule: str | None) -> None:
    decision = evaluate(written(policy, version=7), NOTHING, asks(action_type))
    assert (decision.level, decision.rule, decision.policy_version) == (expected, rule, 7)


def test_decision_explains_itself() -> None:
    policy = parse_policy({"pay_*": "L3"}, default=L2, version=4)
    decision = evaluate(policy, NOTHING, asks("pay_x"))
    assert decision == Decision(
        L3, "pay_*", 4, 'rule "pay_*" gives L3', Layer.POLICY, floor_version=0, matched=("action pay_*",)
    )
    assert explain(decision) == 'L3 under policy version 4: rule "pay_*" gives L3'
    by_default = evaluate(policy, NOTHING, asks("x"))
    assert (by_default.layer, by_default.matched, by_default.floor_level) == (Layer.DEFAULT, (), L1)
    assert explain(by_default).endswith("no rule matches; the default is L2")


@pytest.mark.parametrize("wrong", ["l3", None, "deny", "L4", "", " L3", 3, True, ["L3"], {"level": "L3"}, "allow"])
def test_defect_17_unknown_level_is_named_when_written(wrong: object) -> None:
    assert list(faults({"read_files": "L1", "delete_files": wrong})) == ["delete_files"]
    assert list(faults({"default": wrong})) == ["default"]
    assert list(faults({"rules": {"a": wrong}})) == ["rules.a"]
    assert list(faults({"rules": [{"action": "a", "level": wrong}]})) == ["rules[0].level"]


def test_level_in_wrong_case_gets_a_hint() -> None:
    assert faults({"a": "l3"})["a"].endswith("did you mean L3?")


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ([], ""),
        (None, ""),
        ("L3", ""),
        ([{"action": "a", "level": "L1"}], ""),
        ({"rules": None}, "rules"),
        ({"rules": "L3"}, "rules"),
        ({"rules": ["L3"]}, "rules[0]"),
        ({"rules": [{"level": "L3"}]}, "rules[0].action"),
        ({"rules": [{"action": ["a"], "level": "L3"}]}, "rules[0].action"),
        ({"rules": [{"action": "a"}]}, "rules[0].level"),
        ({"rules": [{"action": "a", "level": "L3", "if": "args.x > 1"}]}, "rules[0].if"),
        ({"rules": {}, "delete_*": "L3"}, "delete_*"),
        ({"": "L1"}, ""),
        ({"x" * 101: "L1"}, "x" * 100),
        ({"a\u200b": "L1"}, "a\\u200b"),
        ({" a": "L1"}, " a"),
        ({7: "L1"}, "7"),
        ({"a*": "L1", "a**": "L3"}, "a*"),
        ({"rules": [{"action": "*", "level": "L1"}, {"action": "delete_*", "level": "L3"}]}, "rules[1]"),
        ({"rules": [{"action": "a", "level": "L1"}, {"action": "a", "level": "L3"}]}, "rules[1]"),
        ({"rules": [{"action": "a*c*", "level": "L1"}, {"action": "ab*c", "level": "L3"}]}, "rules[1]"),
        ({f"a{n}": "L1" for n in range(501)}, "rules"),
    ],
)
def test_malformed_policy_is_refused_and_the_place_named(policy: object, path: str) -> None:
    assert list(faults(policy)) == [path]


def test_all_faults_are_named_at_once() -> None:
    assert set(faults({"default": "x", "rules": [3, {"action": "a", "level": None}, {"no": 1}]})) == {
        "default",
        "rules[0]",
        "rules[1].level",
        "rules[2].no",
        "rules[2].action",
        "rules[2].level",
    }


def test_setting_a_level_keeps_it_reachable() -> None:
    policy = written({"pay_tea": "L1", "pay_*": "L2", "*": "L1"})
    changed = with_level(policy, "pay_*", L3)
    assert [level(changed, a) for a in ("pay_tea", "pay_x", "x")] == [L1, L3, L1]
    assert level(with_level(policy, "delete_*", DENY), "delete_all") is DENY
    assert level(with_level(policy, "pay_tea_*", DENY), "pay_tea_cup") is DENY
    assert level(with_default(written({}), DENY), "x") is DENY
    assert with_level(parse_policy({}, default=L2, version=3), "a", L1).version == 3
    with pytest.raises(PolicyFault):
        with_level(policy, "a\nb", L1)


def test_stored_form_is_stable() -> None:
    policy = parse_policy({"*": "L1", "pay_*": "L3"}, default=L2, version=5)
    stored = {"default": "L2", "rules": [{"action": "pay_*", "level": "L3"}, {"action": "*", "level": "L1"}]}
    assert document(policy) == stored
    assert effective(policy) == {"version": 5, **stored}
    assert parse_policy(document(policy), default=DENY, version=5) == policy


# --- properties

patterns = st.text(alphabet="ab*", min_size=1, max_size=6) | st.text(alphabet="a*._[]?", min_size=1, max_size=6)
actions = st.text(alphabet="ab", min_size=1, max_size=6) | st.text(alphabet="a._[]?", min_size=1, max_size=8)
levels = st.sampled_from([level.value for level in Level])
maps = st.dictionaries(patterns, levels, max_size=6)


@given(patterns, actions)
def test_star_is_the_only_metacharacter(pattern: str, action: str) -> None:
    """Compared with an independent matcher in which all else is escaped."""
    escaped = pattern.replace("[", "[[]").replace("?", "[?]")
    assert Glob.of(pattern).matches(action) == fnmatch.fnmatchcase(action, escaped)


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [("*a*a", "ba", False), ("*a*a", "baa", True), ("a*a", "a", False), ("*b*b*", "ab", False), ("**", "", True)],
)
def test_no_character_is_matched_twice(pattern: str, action: str, matches: bool) -> None:
    assert Glob.of(pattern).matches(action) is matches


def test_matching_is_linear() -> None:
    assert not Glob.of("*a" * 49 + "*b").matches("a" * 100)


@given(patterns, patterns)
def test_a_covering_pattern_matches_all_that_the_other_does(one: str, other: str) -> None:
    covering, covered = Glob.of(one), Glob.of(other)
    if covering.covers(covered):
        for filling in itertools.product(["", "a", "b.", "]"], repeat=covered.pattern.count("*")):
            parts = iter(filling)
            text = "".join(next(parts) if character == "*" else character for character in covered.pattern)
            assert covered.matches(text)
            assert covering.matches(text)


@given(maps, actions)
def test_short_form_takes_the_most_specific_pattern(policy: dict[str, str], action: str) -> None:
    try:
        parsed = written(policy)
    except PolicyFault:
        return  # a* beside a**
    matching = [p for p in policy if Glob.of(p).matches(action)]
    decision = evaluate(parsed, NOTHING, asks(action))
    if not matching:
        assert decision.rule is None
    elif action in policy:
        assert decision.rule == action
    else:
        assert decision.rule is not None
        assert len(decision.rule.replace("*", "")) == max(len(p.replace("*", "")) for p in matching)


@given(maps, actions)
def test_what_is_stored_decides_the_same(policy: dict[str, str], action: str) -> None:
    try:
        parsed = written(policy)
    except PolicyFault:
        return
    assert written(document(parsed)) == parsed
    assert level(written(document(parsed)), action) is level(parsed, action)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | patterns | levels | st.sampled_from(["default", "rules", "action"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["default", "rules", "action", "level", "a", "b*"]), inner, max_size=4)
    ),
)


@given(anything)
def test_whatever_is_written_is_a_policy_or_a_fault(policy: object) -> None:
    try:
        parsed = written(policy)
    except PolicyFault as refused:
        assert refused.faults
    else:
        assert isinstance(level(parsed, "a"), Level)


@given(maps, patterns, levels)
def test_setting_a_level_is_seen_or_refused(policy: dict[str, str], pattern: str, chosen: str) -> None:
    try:
        changed = with_level(written(policy), pattern, Level(chosen))
    except PolicyFault:
        return
    assert any(r.name == Glob.of(pattern).pattern and r.level == chosen for r in changed.rules)
