"""What holds for every policy, floor and request, whatever is wrong with them."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.policy import (
    Floor,
    Policy,
    PolicyFault,
    document,
    evaluate,
    floor_document,
    metered,
    parse_floor,
    parse_policy,
)
from models.enums import Layer, Level
from models.values import ActionRequest, Question
from tests.support import policy_strategies as some
from tests.support import slow_policy
from tests.support.policies import BOT, MIDNIGHT, NOTHING, NOW, Remembered

runs = st.lists(some.runs, max_size=6)


def parsed(policy: dict[str, Any]) -> Policy:
    try:
        return parse_policy(policy, default=Level.L2, version=3)
    except PolicyFault:
        assume(False)
        raise


def parsed_floor(floor: dict[str, Any]) -> Floor:
    try:
        return parse_floor(floor, version=5)
    except PolicyFault:
        assume(False)
        raise


@given(some.policies, some.floors, some.questions, st.none() | runs)
@settings(max_examples=400, deadline=None)
def test_two_evaluators_agree(policy: Any, floor: Any, question: Question, past: list[slow_policy.Run] | None) -> None:
    counters = None if past is None else Remembered(past)
    told = None if past is None else slow_policy.Past(past, MIDNIGHT)
    ours = evaluate(parsed(policy), parsed_floor(floor), question, counters)
    assert ours.level == slow_policy.level(policy, floor, question, told, "L2")
    nothing: dict[str, Any] = {"default": "L1"}
    assert ours.floor_level == slow_policy.level(nothing, floor, question, told, "L1")


@given(some.policies, some.floors, some.questions, st.none() | runs)
@settings(max_examples=300, deadline=None)
def test_no_level_is_below_the_floor(policy: Any, floor: Any, question: Question, past: Any) -> None:
    counters = None if past is None else Remembered(past)
    above = parsed_floor(floor)
    decision = evaluate(parsed(policy), above, question, counters)
    free = evaluate(parse_policy({}, default=Level.L1), above, question, counters)
    alone = evaluate(parsed(policy), NOTHING, question, counters)
    assert decision.level.strictness >= decision.floor_level.strictness
    assert decision.floor_level is free.level
    assert decision.level is max(alone.level, free.level, key=lambda level: level.strictness)
    assert (decision.layer is Layer.FLOOR) is (decision.level is not alone.level)
    assert (decision.rule, decision.policy_version, decision.floor_version) == (alone.rule, 3, 5)


@given(some.policies, some.floors, some.questions, runs, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_a_floor_changes_nothing(
    policy: Any, floor: Any, question: Question, past: Any, chance: Any
) -> None:
    above = parsed_floor(floor)
    shuffled = list(above.rules)
    chance.shuffle(shuffled)
    counters = Remembered(past)
    assert evaluate(parsed(policy), above, question, counters) == evaluate(
        parsed(policy), Floor(5, tuple(shuffled)), question, counters
    )


@given(some.policies, some.rules, some.floors, some.questions)
@settings(max_examples=200, deadline=None)
def test_one_rule_more_never_loosens_a_floor(policy: Any, rule: Any, floor: Any, question: Question) -> None:
    above = parsed_floor(floor)
    more = Floor(5, (*above.rules, *parsed_floor({"rules": [rule]}).rules))
    before, after = (evaluate(parsed(policy), each, question) for each in (above, more))
    assert after.level.strictness >= before.level.strictness


FAILS = "args.no.such.member == 1"


@given(st.lists(some.rules, max_size=4), st.integers(0, 4), some.rules, some.levels, some.questions)
@settings(max_examples=300, deadline=None)
def test_a_failing_condition_is_never_looser_than_either_reading(
    rules: list[Any], place: int, rule: Any, default: str, question: Question
) -> None:
    def level(when: str) -> Level:
        changed = [*rules[:place], {**rule, "when": when}, *rules[place:]]
        return evaluate(parsed({"default": default, "rules": changed}), NOTHING, question).level

    failed, matched, passed = level(FAILS), level("args == args"), level("args != args")
    assert failed.strictness == max(matched.strictness, passed.strictness)


@given(some.policies, some.floors)
@settings(max_examples=200, deadline=None)
def test_what_is_stored_is_what_was_written(policy: Any, floor: Any) -> None:
    read, above = parsed(policy), parsed_floor(floor)
    assert parse_policy(document(read), default=Level.DENY, version=3) == read
    assert document(parse_policy(document(read), default=Level.DENY)) == document(read)
    assert parse_floor(floor_document(above), version=5) == above
    assert len({rule.name for rule in read.rules}) == len(read.rules)
    assert len({rule.name for rule in above.rules}) == len(above.rules)


@given(some.policies, some.floors, some.questions, runs)
@settings(max_examples=200, deadline=None)
def test_what_is_not_metered_needs_no_counters(policy: Any, floor: Any, question: Question, past: Any) -> None:
    read, above = parsed(policy), parsed_floor(floor)
    if not metered(read, above, question):
        assert evaluate(read, above, question) == evaluate(read, above, question, Remembered(past))


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53, 2**80)
    | st.floats()
    | st.text(max_size=5)
    | st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
any_args = st.dictionaries(st.sampled_from(["n", "s", "list", "amount", "x"]) | st.text(max_size=3), json, max_size=5)


@given(some.policies, some.floors, st.text(min_size=1, max_size=8), st.none() | st.text(max_size=5), any_args, runs)
@settings(max_examples=400, deadline=None)
def test_whatever_an_agent_sends_is_answered(
    policy: Any, floor: Any, action: str, tool: str | None, args: Any, past: Any
) -> None:
    question = Question(ActionRequest(action, tool, args, session=tool), BOT, NOW)
    decision = evaluate(parsed(policy), parsed_floor(floor), question, Remembered(past))
    assert decision.level.strictness >= decision.floor_level.strictness
    assert all(fault.isprintable() for fault in decision.faults)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | some.patterns | some.levels | some.conditions | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "default",
                    "rules",
                    "action",
                    "tool",
                    "labels",
                    "level",
                    "when",
                    "name",
                    "note",
                    "a",
                    "b*",
                    "requester",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
)


@given(anything)
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_is_a_policy_or_a_fault(written: Any) -> None:
    try:
        policy = parse_policy(written, default=Level.L2)
        floor = parse_floor(written if "default" not in written else {})
    except PolicyFault as refused:
        assert refused.faults
        assert all(detail for _, detail in refused.faults)
    else:
        assert isinstance(evaluate(policy, floor, Question(ActionRequest("a"), BOT, NOW)).level, Level)
