"""Conditions: checked when written, with the place; evaluated on anything that an agent may send."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.policy import Applies, ConditionFault, compile_condition, evaluate
from bot.policy.cel_text import rounds, tokens
from bot.policy.metering import METER
from models.enums import Level
from models.values import Json, Requester
from tests.support.policies import LIN, MIDNIGHT, NOTHING, NOW, Remembered, asks, floored, ruled, written
from tests.support.slow_policy import Run

L1, L2, L3, DENY = Level


def fault(text: str) -> ConditionFault:
    with pytest.raises(ConditionFault) as refused:
        compile_condition(text)
    return refused.value


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("agent.nme == 'x'", 1, 6, "undeclared reference to 'agent.nme'"),
        ("args.amount >", 1, 14, "Syntax error"),
        ("args.amount > 1 &&\n  args.b ==", 2, 12, "Syntax error"),
        ("'中文' > 1", 1, 6, "no matching overload"),
        ("action > 1", 1, 8, "no matching overload"),
        ("args.amount", 1, 1, "compare it"),
        ("1 + 1", 1, 1, "this gives int"),
        ("   ", 1, 1, "not an empty text"),
        ("a\u200b == 1", 1, 2, "U+200B"),
        ("true // \u202e", 1, 9, "U+202E"),
        ("true\x00", 1, 5, "U+0000"),
        ("action == '\ud800'", 1, 12, "U+D800"),
        ("x" * 2001, 1, 1, "longer than 2000"),
        ("(" * 500 + "true" + ")" * 500, 1, 1, "recursion limit"),
        ("args" + ".a" * 500 + " == 1", 1, 1, "recursion depth"),
        ("rate(args.w) > 1", 1, 1, "written out"),
        ("rate('1' + 'h') > 1", 1, 1, "written out"),
        ("rate('25h') > 1", 1, 6, "window"),
        ("rate('0m') > 1", 1, 6, "window"),
        ("rate('1 h') > 1", 1, 6, "window"),
        ("rate('90s') > 1", 1, 6, "window"),
        ("rate(1) > 1", 1, 5, "no matching overload"),
        ("today('') > 1", 1, 7, "path"),
        ("today('a..b') > 1", 1, 7, "path"),
        ("today(action) > 1", 1, 1, "written out"),
        ("action.matches('(')", 1, 16, "invalid regular expression"),
        ("action.matches(args.pattern)", 1, 8, "written out"),
        ("matches(action, args.pattern)", 1, 1, "written out"),
        ("true && rate(tool) > 1", 1, 9, "written out"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_place(text: str, line: int, column: int, words: str) -> None:
    refused = fault(text)
    assert (refused.line, refused.column) == (line, column)
    assert words in refused.detail


def test_the_place_is_marked_below_the_line() -> None:
    assert fault("agent.nme == 'x'").caret == "agent.nme == 'x'\n.....^"
    assert fault("'中文' > 1").caret == "'中文' > 1\n.．．..^"
    cut = fault("true && " * 30 + "agent.nme == 'x'").caret.split("\n")
    assert cut[0][len(cut[1]) - 1 :].startswith(".nme")
    assert len(cut[0]) <= 80


@pytest.mark.parametrize(
    "text",
    ["rate('1m') > 1", 'rate("24h") > 1', "rate(r'90m') > 1", "rate('''1440m''') > 1", "today('a b.c') >= 100.5"],
)
def test_literals_may_be_written_in_every_way_of_cel(text: str) -> None:
    assert compile_condition(text).metered


def test_a_condition_tells_what_it_needs() -> None:
    condition = compile_condition('rate("1h") > 5 && today("a.b") > 3 && rate("1h") < 9 && requester.known')
    assert condition.metered
    assert condition.asks_requester
    assert (condition.windows, condition.paths) == (("1h",), ("a.b",))
    other = compile_condition('args.rate > 5 && args.requester == "rate(1)" && args.today == "today()"')
    assert not other.metered
    assert not other.asks_requester


@pytest.mark.parametrize(
    ("text", "args", "holds"),
    [
        ("args.amount > 100", {"amount": 101}, True),
        ("args.amount > 100", {"amount": 100.5}, True),
        ("args.amount > 100", {"amount": -1}, False),
        ("args.amount > 100.5", {"amount": 101}, True),
        ('args.to.endsWith("@example.com")', {"to": "a@example.com"}, True),
        ('args.to.all(to, to.endsWith("@example.com"))', {"to": ["a@example.com", "b@x.org"]}, False),
        ('args.path.matches("^/srv/[a-z]+$")', {"path": "/srv/ab"}, True),
        ("has(args.force) && args.force == true", {}, False),
        ('args.a["b"].c[1] == "x"', {"a": {"b": {"c": [0, "x"]}}}, True),
        ('agent.name == "Bookkeeper" && agent.tenant == "acme" && agent.labels.env == "prod"', {}, True),
        ('creator.email == "lin@example.com" && creator.id != "" && agent.id != ""', {}, True),
        ('tool == "" && session == "" && requester.said == "" && !requester.known', {}, True),
        ('now.getHours("Asia/Shanghai") == 20 && now < timestamp("2027-01-01T00:00:00Z")', {}, True),
        ("args.missing == 1 || true", {}, True),
    ],
)
def test_conditions_read_the_request(text: str, args: dict[str, Any], holds: bool) -> None:
    decision = evaluate(ruled({"when": text, "level": "L3"}), NOTHING, asks(args=args))
    assert decision.level is (L3 if holds else L2)
    assert decision.faults == ()


def test_a_requester_we_know_has_a_role() -> None:
    policy = ruled({"when": 'requester.known && requester.role == "org_admin"', "level": "L1"})
    assert evaluate(policy, NOTHING, asks(requester=Requester("lin@example.com", LIN))).level is L1
    assert evaluate(policy, NOTHING, asks(requester=Requester("org_admin"))).level is L2


DEEP: Json = 0
for _ in range(30):
    DEEP = {"a": DEEP}

FAILING: list[tuple[str, dict[str, Any]]] = [
    ("args.amount > 100", {}),
    ("args.amount > 100", {"amount": "1000"}),
    ("args.amount > 100", {"amount": None}),
    ("args.amount > 100", {"amount": True}),
    ("args.amount > 100", {"amount": [1000]}),
    ("args.amount > 100", {"amount": 2**70}),
    ("args.amount > 100", {"amount": 1, "elsewhere": -(2**63) - 1}),
    ("args.amount > 100", {"amount": 1, "deep": [{"x": [2**64]}]}),
    ("args.amount > 100", {"amount": 1, "\ud800": 1}),
    ("args.amount > 100", {"amount": 1, "text": "\udfff"}),
    ("args.amount * args.amount > 1", {"amount": 2**62}),
    ("1 / args.amount > 1", {"amount": 0}),
    ("args.list.exists(x, x > 1)", {"list": [0] * 12_000}),
    ("args.list.exists(x, x > 1)", {"list": 3}),
    ('timestamp(args.at) > timestamp("2026-01-01T00:00:00Z")', {"at": "tomorrow"}),
    ("int(args.n) > 1", {"n": "one"}),
    ("args.a.a.a.b == 1", {"a": DEEP}),
    ('agent.labels["none"] == "x"', {}),
]


@pytest.mark.parametrize(("text", "args"), FAILING)
def test_a_failing_condition_gives_the_stricter_of_both_readings(text: str, args: dict[str, Any]) -> None:
    failing = {"name": "fails", "when": text}
    strict_rule = ruled({**failing, "level": "L3"}, {"action": "*", "level": "L1"})
    loose_rule = ruled({**failing, "level": "L1"}, {"action": "*", "level": "L3"})
    by_default = ruled({**failing, "level": "L1"}, default="DENY")
    for policy, expected, rule in ((strict_rule, L3, "fails"), (loose_rule, L3, "*"), (by_default, DENY, None)):
        decision = evaluate(policy, NOTHING, asks(args=args))
        assert (decision.level, decision.rule) == (expected, rule)
        assert len(decision.faults) == 1
        assert decision.faults[0].startswith('rule "fails": ')
        assert decision.faults[0].isprintable()
    demanded = evaluate(written({"*": "L1"}), floored({**failing, "level": "L3"}), asks(args=args))
    assert (demanded.level, demanded.floor_level) == (L3, L3)
    assert demanded.faults[0].startswith('floor rule "fails": ')


def test_all_failing_rules_are_weighed_until_one_surely_matches() -> None:
    policy = ruled(
        {"name": "one", "when": "args.n > 1", "level": "L2"},
        {"name": "two", "when": "args.n > 2", "level": "DENY"},
        {"name": "no", "when": "false", "level": "DENY"},
        {"name": "sure", "action": "pay_*", "level": "L1"},
        {"name": "later", "when": "args.n > 3", "level": "DENY"},
    )
    decision = evaluate(policy, NOTHING, asks())
    assert (decision.level, decision.rule) == (DENY, "two")
    assert [told.split(":")[0] for told in decision.faults] == ['rule "one"', 'rule "two"']


def test_a_reason_is_short_and_printable() -> None:
    policy = ruled({"when": "args.re == 1 || duration(args.t) > duration('1h')", "level": "L3"})
    decision = evaluate(policy, NOTHING, asks(args={"re": 2, "t": "\u202e\n" * 5000}))
    assert len(decision.faults[0]) < 300
    assert decision.faults[0].isprintable()


BIG: dict[str, Any] = {"amount": 5, "text": "x" * 100_000, "list": [{"a": n, "s": "y" * 10} for n in range(4_500)]}


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("args.amount > 100", False),
        ('args.text.contains("z") || args.text.matches("(x+x+)+z")', False),
        ("args.list.exists(x, x.a > 100000)", False),
        ('["rm", "dd"].exists(word, args.text.contains(word))', False),
        ("args.list.exists(x, args.text.contains(x.s))", True),
        ("args.list.map(x, x.a).size() > 9000", True),
        ("args.list.filter(x, x.a > 3).size() > 9000", True),
        ("[args.text].exists(t, args.list.exists(x, t.contains(x.s)))", True),
        ("args.list.exists(x, args.list.exists(y, x.a > y.a + 10000))", True),
    ],
)
def test_large_args_cost_little_or_fail(text: str, fails: bool) -> None:
    """What would take seconds is not begun: see cel_text.rounds."""
    decision = evaluate(ruled({"when": text, "level": "L3"}), NOTHING, asks(args=BIG))
    assert bool(decision.faults) is fails
    assert decision.level is (L3 if fails else L2)


@pytest.mark.parametrize(("length", "fails"), [(400, False), (600, True)])
def test_lists_are_built_up_to_a_length(length: int, fails: bool) -> None:
    policy = ruled({"when": "args.list.map(x, x).size() > 9000", "level": "L3"})
    assert bool(evaluate(policy, NOTHING, asks(args={"list": [1] * length})).faults) is fails


@pytest.mark.parametrize(
    ("text", "args", "holds"),
    [
        ("args.to.exists(x, args.blocked.exists(y, x == y))", {"to": ["a", "b"], "blocked": ["b"]}, True),
        ("args.to.map(x, x + 1).exists(x, x == 3)", {"to": [1, 2]}, True),
    ],
)
def test_small_args_may_be_related_to_each_other(text: str, args: dict[str, Any], holds: bool) -> None:
    decision = evaluate(ruled({"when": text, "level": "L3"}), NOTHING, asks(args=args))
    assert (decision.level is L3, decision.faults) == (holds, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("args.n > 1", 0),
        ("args.l.exists(x, x > 1)", 0),
        ('args.l.exists(x, x == "args.l")', 0),
        ("args.l.exists(x, x > args.n)", 1),
        ("args.l.map(x, x).size() > 1", 1),
        ("args.l.exists(x, x.exists(y, y > 1))", 1),
        ("args.l.exists(x, x.exists(y, y > args.n))", 2),
        ("args.l.exists(x, x.all(y, args.m.exists(z, z == args.n)))", 3),
        ('["a", "b"].exists(x, args.t.contains(x))', 0),
        ('[["a"], ["b"]].exists(x, args.t.contains(x[0]))', 1),
        ('["a"].exists(x, args.l.exists(y, x == y))', 0),
        ("args.l[0].exists(x, args.t.contains(x))", 1),
        ("[args.t].exists(x, args.t.contains(x))", 1),
        ("args.map == 1 && args.exists.size() > 1", 0),
        ("(args.l).exists(x, (args.t).contains(x))", 1),
    ],
)
def test_the_cost_of_a_condition_is_seen_in_its_text(text: str, expected: int) -> None:
    assert rounds(tokens(text)) == expected


def test_text_in_quotes_and_comments_is_no_code() -> None:
    text = "action == 'a.map(' // args.l.exists(x, args)\n"
    text += ' && tool == r\'\\\' && session == """a"b.map(c)""" && b\'x\' == b\'y\''
    assert rounds(tokens(text)) == 0
    strings = [token.text for token in tokens(text) if token.kind == "string"]
    assert strings == ["'a.map('", "r'\\'", '"""a"b.map(c)"""', "b'x'", "b'y'"]


# --- counters


def runs(*hours_ago: float, action: str = "pay_rent", tool: str = "", **args: Any) -> list[Run]:
    return [Run(action, tool, args, NOW - timedelta(hours=hours)) for hours in hours_ago]


def level(when: str, past: list[Run], args: dict[str, Any] | None = None, **matchers: str) -> Level:
    policy = ruled({"action": "pay_*", **matchers, "when": when, "level": "L3"})
    decision = evaluate(policy, NOTHING, asks(args=args), Remembered(past))
    assert decision.faults == ()
    return decision.level


@pytest.mark.parametrize(("past", "expected"), [(runs(0.5, 0.9), L3), (runs(0.5, 1.1), L2), (runs(0.5), L2), ([], L2)])
def test_rate_counts_this_request_too(past: list[Run], expected: Level) -> None:
    assert level('rate("1h") > 2', past) is expected


def test_only_runs_that_the_rule_is_about_count() -> None:
    past = runs(0.1, 0.2, action="read") + runs(0.1, action="pay_tea", tool="bank")
    assert level('rate("1h") >= 3', past) is L2
    assert level('rate("1h") >= 2', past) is L3
    assert level('rate("1h") >= 2', past, tool="*") is L3
    elsewhere = ruled({"tool": "cash", "when": 'rate("1h") > 1', "level": "L3"})
    assert evaluate(elsewhere, NOTHING, asks(tool="cash"), Remembered(past)).level is L2
    floor = floored({"action": "PAY_*", "when": 'rate("1h") >= 2', "level": "L3"})
    assert evaluate(written({}), floor, asks(), Remembered(past)).level is L3  # folded, as it matches


@pytest.mark.parametrize(
    ("past", "args", "expected"),
    [
        (runs(1, 2, amount=40), {"amount": 21}, L3),
        (runs(1, 2, amount=40), {"amount": 20}, L2),
        (runs(1, 2, amount=40), {"amount": 20.5}, L3),
        (runs(1, 24, amount=90), {"amount": 10}, L2),  # yesterday
        (runs(1, amount=-900) + runs(1, amount=90), {"amount": 11}, L3),
        (runs(1, amount="900") + runs(1, other=900), {"amount": 10}, L2),
        (runs(1, amount=True), {"amount": 100}, L2),
        (runs(1, amount=101), {"amount": -50}, L3),
    ],
)
def test_today_sums_the_day_with_this_request(past: list[Run], args: dict[str, Any], expected: Level) -> None:
    assert level('today("amount") > 100', past, args) is expected


def test_today_goes_down_a_path() -> None:
    past = [Run("pay_x", "", {"order": {"total": 0.1}}, NOW)] * 2
    assert level('today("order.total") > 0.3', past, {"order": {"total": 0.1}}) is L2  # exact, not 0.30000000000000004
    assert level('today("order.total") >= 0.3', past, {"order": {"total": 0.1}}) is L3


class Broken:
    midnight = MIDNIGHT

    def count(self, applies: Applies, since: object) -> int:
        raise LookupError("no counters")

    def total(self, applies: Applies, since: object, path: str) -> Decimal:
        return Decimal("Infinity")


@pytest.mark.parametrize(
    ("when", "args", "counters", "words"),
    [
        ('today("amount") > 100', {}, Remembered(), "args.amount is missing"),
        ('today("amount") > 100', {"amount": "5"}, Remembered(), "args.amount is no number"),
        ('today("amount") > 100', {"amount": True}, Remembered(), "args.amount is no number"),
        ('today("a.b") > 100', {"a": [1]}, Remembered(), "args.a.b is missing"),
        ('today("amount") > 100', {"amount": 10.0**300}, Remembered(), "beyond what can be compared"),
        ('today("amount") > 100', {"amount": 5}, Broken(), "beyond what can be compared"),
        ('today("amount") > 100', {"amount": 5}, None, "not counted"),
        ('rate("1h") > 100', {}, Broken(), "no counters"),
        ('rate("1h") > 100', {}, None, "not counted"),
    ],
)
def test_what_cannot_be_counted_decides_strictly(when: str, args: dict[str, Any], counters: Any, words: str) -> None:
    policy = ruled({"when": when, "level": "L3"})
    decision = evaluate(policy, NOTHING, asks(args=args), counters)
    assert decision.level is L3
    assert words in decision.faults[0]


class Counted(Remembered):
    asked = 0

    def count(self, applies: Applies, since: Any) -> int:
        Counted.asked += 1
        return super().count(applies, since)


def test_counters_are_asked_once_however_often_the_condition_asks() -> None:
    policy = ruled({"when": 'args.list.exists(x, rate("1h") > 5 || rate("1h") > 6)', "level": "L3"})
    Counted.asked = 0
    assert evaluate(policy, NOTHING, asks(args={"list": [1] * 2_000}), Counted()).level is L2
    assert Counted.asked == 1


def test_a_meter_serves_no_other_evaluation() -> None:
    """The counters of a condition end with it, also when it failed."""
    counting = ruled({"when": 'rate("1h") > 0 && args.none > 1', "level": "L3"})
    assert evaluate(counting, NOTHING, asks(), Remembered(runs(0.1))).faults
    assert METER.get() is None
    assert "not counted" in evaluate(ruled({"when": 'rate("1h") > 0', "level": "L3"}), NOTHING, asks()).faults[0]
