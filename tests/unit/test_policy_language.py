"""The long form: every matcher, names, notes, what is stored, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bot.policy import (
    PolicyFault,
    asks_requester,
    document,
    evaluate,
    floor_document,
    metered,
    parse_floor,
    parse_policy,
    starter_floor,
    with_floor_level,
    with_level,
)
from models.enums import Layer, Level, Role
from models.values import PersonFacts, Requester
from tests.support.policies import BOT, LIN, NOTHING, asks, floored, ruled, written

L1, L2, L3, DENY = Level
ZHAO = PersonFacts(UUID(int=9), "Zhao", "zhao@example.com", Role.MEMBER, ("ou_zhao",))


def faults(policy: object) -> dict[str, str]:
    with pytest.raises(PolicyFault) as refused:
        written(policy)
    return dict(refused.value.faults)


@pytest.mark.parametrize(
    ("rule", "question", "matches"),
    [
        ({"tool": "bank.*"}, asks(tool="bank.pay"), True),
        ({"tool": "bank.*"}, asks(tool="Bank.pay"), False),
        ({"tool": "bank.*"}, asks(), False),
        ({"tool": "*"}, asks(), True),
        ({"action": "pay_*", "tool": "bank.*"}, asks("pay_x", tool="bank.pay"), True),
        ({"action": "pay_*", "tool": "bank.*"}, asks("read", tool="bank.pay"), False),
        ({"agent": "Book*"}, asks(), True),
        ({"agent": str(BOT.id)}, asks(), True),
        ({"agent": "Other"}, asks(), False),
        ({"creator": str(LIN.id)}, asks(), True),
        ({"creator": "*@example.com"}, asks(), True),
        ({"creator": "ou_lin"}, asks(), True),
        ({"creator": "Lin"}, asks(), False),  # a name is no id
        ({"creator": str(LIN.id)}, asks(agent=replace(BOT, creator=None)), True),
        ({"creator": "ou_lin"}, asks(agent=replace(BOT, creator=None)), False),
        ({"requester": "zhao@*"}, asks(requester=Requester("ou_zhao", ZHAO)), True),
        ({"requester": "ou_zhao"}, asks(requester=Requester("zhao@example.com", ZHAO)), True),
        ({"requester": "boss"}, asks(requester=Requester("boss", ZHAO)), False),  # known: the text counts no more
        ({"requester": "boss"}, asks(requester=Requester("boss")), True),
        ({"requester": "boss"}, asks(), False),
        ({"requester": "*"}, asks(), True),
        ({"tenant": "acme"}, asks(), True),
        ({"tenant": "other"}, asks(), False),
        ({"session": "night-*"}, asks(session="night-1"), True),
        ({"session": "night-*"}, asks(), False),
        ({"labels": {"env": "prod"}}, asks(), True),
        ({"labels": {"env": "prod", "region": "cn"}}, asks(), False),
        ({"labels": {"region": "*"}}, asks(), True),
        ({"when": 'action == "pay_rent"'}, asks(), True),
        ({"when": 'action == "pay_rent"'}, asks("other"), False),
    ],
)
def test_a_rule_is_about_what_all_its_matchers_match(rule: dict[str, Any], question: Any, matches: bool) -> None:
    decision = evaluate(ruled({**rule, "level": "DENY"}), NOTHING, question)
    assert decision.level is (DENY if matches else L2)
    assert decision.layer is (Layer.POLICY if matches else Layer.DEFAULT)


def test_a_decision_says_on_what_its_rule_matched() -> None:
    rule = {"action": "pay_*", "tool": "*", "labels": {"env": "prod"}, "when": "args.amount > 5", "level": "L3"}
    decision = evaluate(ruled(rule), NOTHING, asks(args={"amount": 6}))
    assert decision.matched == ("action pay_*", "tool *", "labels.env prod", "when args.amount > 5")
    assert decision.faults == ()


def test_rules_get_names_from_their_matchers() -> None:
    policy = ruled(
        {"action": "pay_*", "when": "args.n > 1", "level": "L3"},
        {"action": "pay_*", "when": "args.n > 0", "level": "L2"},
        {"action": "pay_*", "tool": "bank.*", "level": "L2"},
        {"name": "pay_* #3", "action": "pay_*", "level": "L2"},
        {"when": "now  >  now", "level": "L1"},
        {"labels": {"b": "2", "a": "1"}, "level": "L1"},
        {"when": "true || args." + "x" * 200 + " == 1", "level": "L1"},
    )
    names = [rule.name for rule in policy.rules]
    assert names[:4] == ["pay_*", "pay_* #2", "pay_* · tool bank.*", "pay_* #3"]
    assert names[4:6] == ["when now > now", "labels.a 1 · labels.b 2"]
    assert len(names[6]) == 100
    assert names[6].endswith("…")
    assert len(set(names)) == len(names)


def test_a_derived_name_never_takes_a_written_one() -> None:
    policy = ruled({"action": "a", "when": "true", "level": "L3"}, {"name": "a", "action": "*", "level": "L1"})
    assert [rule.name for rule in policy.rules] == ["a #2", "a"]


LONG = {
    "default": "L3",
    "rules": [
        {"name": "big", "action": "pay_*", "when": "args.amount > 1000", "level": "DENY", "note": "ask finance\nfirst"},
        {"tool": "bank.*", "agent": "B*", "creator": "a*", "requester": "b*", "tenant": "c", "session": "d",
         "labels": {"env": "prod", "x": "*"}, "level": "L2"},
        {"action": "**a**", "level": "L1"},
    ],
}  # fmt: skip


def test_what_is_stored_is_what_was_written() -> None:
    policy = written(LONG)
    stored = document(policy)
    rules = LONG["rules"]
    assert isinstance(rules, list)
    assert stored == {"default": "L3", "rules": [rules[0], rules[1], {"action": "*a*", "level": "L1"}]}
    assert parse_policy(stored, default=DENY, version=7) == policy
    floor = parse_floor({"rules": rules}, version=2)
    assert parse_floor(floor_document(floor), version=2) == floor


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"level": "L3"}, "action"),
        ({"action": "", "level": "L3"}, "action"),
        ({"tool": "a\u202e", "level": "L3"}, "tool"),
        ({"tool": None, "level": "L3"}, "tool"),
        ({"agent": "x" * 101, "level": "L3"}, "agent"),
        ({"labels": {}, "level": "L3"}, "labels"),
        ({"labels": ["env"], "level": "L3"}, "labels"),
        ({"labels": {"env": 3}, "level": "L3"}, "labels.env"),
        ({"labels": {"a\u200b": "x"}, "level": "L3"}, "labels"),
        ({"labels": {f"l{n}": "x" for n in range(21)}, "level": "L3"}, "labels"),
        ({"when": 3, "level": "L3"}, "when"),
        ({"when": "", "level": "L3"}, "when"),
        ({"when": "args.amount", "level": "L3"}, "when"),
        ({"when": "true || " * 300 + "true", "level": "L3"}, "when"),
        ({"name": "", "action": "a", "level": "L3"}, "name"),
        ({"name": "x" * 101, "action": "a", "level": "L3"}, "name"),
        ({"name": "a\nb", "action": "a", "level": "L3"}, "name"),
        ({"name": 3, "action": "a", "level": "L3"}, "name"),
        ({"note": "", "action": "a", "level": "L3"}, "note"),
        ({"note": "\u2066", "action": "a", "level": "L3"}, "note"),
        ({"action": "a", "level": "l3"}, "level"),
        ({"action": "a"}, "level"),
        ({"action": "a", "level": "L3", "Tool": "x"}, "Tool"),
        ({"action": "a", "level": "L3", 3: "x"}, "3"),
    ],
)
def test_a_wrong_rule_is_refused_and_the_place_named(rule: dict[str, Any], path: str) -> None:
    assert list(faults({"rules": [rule]})) == [f"rules[0].{path}"]


def test_two_rules_cannot_have_one_name() -> None:
    rules = [{"name": "x", "action": "a", "level": "L1"}, {"name": "x", "action": "b", "level": "L1"}]
    assert list(faults({"rules": rules})) == ["rules[1].name"]


def test_a_wrong_condition_is_shown_with_its_place() -> None:
    detail = faults({"rules": [{"action": "a", "when": "args.n > 1 &&\n  agent.nme == 'x'", "level": "L3"}]})
    assert detail == {
        "rules[0].when": "line 2, column 8: undeclared reference to 'agent.nme'\n  agent.nme == 'x'\n.......^"
    }


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        ({"action": "pay_*"}, {"action": "pay_x", "tool": "a"}, False),
        ({"action": "pay_*"}, {"action": "pay_x", "when": "args.n > 1"}, False),
        ({"action": "pay_*", "when": "args.n > 1"}, {"action": "pay_x"}, True),
        ({"action": "pay_*", "tool": "a"}, {"action": "pay_x"}, True),
        ({"action": "*", "tool": "a*"}, {"tool": "ab"}, False),
        ({"tool": "*"}, {"action": "x"}, False),
        ({"labels": {"env": "p*"}}, {"labels": {"env": "prod", "x": "1"}}, False),
        ({"labels": {"env": "p*"}}, {"labels": {"x": "1"}}, True),
        ({"requester": "a*"}, {"requester": "ab", "session": "s"}, False),
        ({"requester": "a*"}, {"creator": "ab"}, True),
    ],
)
def test_a_rule_that_can_never_match_is_refused(first: dict[str, Any], second: dict[str, Any], reached: bool) -> None:
    rules = {"rules": [{**first, "level": "L1"}, {**second, "level": "L3"}]}
    if reached:
        assert len(written(rules).rules) == 2
    else:
        assert "never reached" in faults(rules)["rules[1]"]
    assert len(parse_floor(rules).rules) == 2  # in a floor all apply


@pytest.mark.parametrize(
    "floor",
    [
        {"default": "L3"},
        {"default": "L3", "rules": []},
        [],
        None,
        "L3",
        {"rules": None},
        {"a": "l3"},
        {"rules": [], "x": 1},
    ],
)
def test_a_wrong_floor_is_refused(floor: object) -> None:
    with pytest.raises(PolicyFault):
        parse_floor(floor)


def test_a_floor_may_be_a_map() -> None:
    floor = parse_floor({"pay_*": "L3", "*": "L2"}, version=4)
    assert (floor.version, [rule.name for rule in floor.rules]) == (4, ["pay_*", "*"])
    assert parse_floor({"rules": {"pay_*": "L3", "*": "L2"}}, version=4) == floor


def test_one_level_is_set_among_rules_that_ask_for_more() -> None:
    policy = ruled(
        {"action": "pay_*", "when": "args.amount > 100", "level": "DENY"},
        {"labels": {"env": "prod"}, "tool": "rm", "level": "L3"},
        {"action": "*", "level": "L1"},
    )
    changed = with_level(policy, "pay_*", L3)
    assert [rule.name for rule in changed.rules] == ["pay_*", "tool rm · labels.env prod", "pay_* #2", "*"]
    assert evaluate(changed, NOTHING, asks(args={"amount": 101})).level is DENY
    assert evaluate(changed, NOTHING, asks(args={"amount": 1})).level is L3
    again = with_level(changed, "pay_*", L2)
    assert len(again.rules) == 4
    assert evaluate(again, NOTHING, asks(args={"amount": 1})).level is L2


def test_one_level_of_a_floor_is_set() -> None:
    floor = with_floor_level(starter_floor(), "read_diary", DENY)
    assert len(floor.rules) == len(starter_floor().rules) + 1
    assert evaluate(written({}), floor, asks("READ_DIARY")).level is DENY
    assert with_floor_level(floor, "read_diary", L2).rules[-1].level is L2
    with pytest.raises(PolicyFault):
        with_floor_level(floor, " ", L2)


def test_counting_rules_are_known_before_evaluation() -> None:
    policy = ruled(
        {"action": "pay_*", "when": 'today("amount") > 5', "level": "L3"},
        {"action": "pay_tea", "when": 'rate("1h") > 5', "level": "L3"},
        {"action": "read", "level": "L1"},
        {"tool": "t", "when": 'rate("1h") > 5', "level": "L3"},
    )
    assert metered(policy, NOTHING, asks("pay_x"))
    assert not metered(policy, NOTHING, asks("other"))
    assert metered(policy, NOTHING, asks("other", tool="t"))
    assert not metered(policy, NOTHING, asks("read", tool="t"))  # decided before
    floor = floored({"tool": "t", "when": 'rate("1h") > 5', "level": "L3"})
    assert metered(policy, floor, asks("read", tool="T"))
    assert not metered(written({}), NOTHING, asks())


def test_who_needs_the_requester_is_known_before_evaluation() -> None:
    by_match, by_condition = {"requester": "a"}, {"when": "!requester.known"}
    assert asks_requester(ruled({**by_match, "level": "L3"}), NOTHING)
    assert asks_requester(ruled({**by_condition, "level": "L3"}), NOTHING)
    assert asks_requester(written({}), floored({**by_condition, "level": "L3"}))
    assert not asks_requester(ruled({"when": 'args.requester == "x"', "level": "L3"}), starter_floor())
