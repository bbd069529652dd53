"""Asking plans: what they may say, what they say about one question, and how a question keeps its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.plans import (
    BUDGETS,
    AskingPlan,
    PlanFault,
    QuestionPlan,
    Quiet,
    Step,
    as_json,
    from_json,
    parse_plan,
    plan_document,
    plan_for,
    starter_plan,
    starter_terms,
)
from bot.plans.terms import written_length
from config.durations import parse_duration
from models.enums import Ending, Nudge, Severity
from models.values import ActionRequest, AgentFacts, PersonFacts, Question, Requester

STANDARD = starter_terms((timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8)), timedelta(hours=72))
AGENT = AgentFacts(UUID(int=1), "default", "Bookkeeper", UUID(int=2), None, False, False, labels={"env": "prod"})
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "quiet": {"hours": "21:30-07:00", "days": "12345", "critical_passes": False},
    "budgets": {"thread": 5, "pin": 2, "urgent_app": 3, "urgent_sms": 1, "urgent_phone": 0},
    "groups": {"finance": ["li@example.com", "Wang@Example.com"]},
    "questions": [
        {
            "name": "large payments",
            "action": "pay_*",
            "when": "args.amount > 10000",
            "severity": "critical",
            "approvals": 2,
            "separate_duties": True,
            "open_for": "24h",
            "ending": "reject",
            "steps": [
                {"after": "0m", "ask": ["creator"]},
                {"after": "30m", "nudge": "thread"},
                {"after": "2h", "ask": ["backup", "leader"], "nudge": "urgent_app"},
                {"after": "8h", "ask": ["admins", "group:finance", "person:Li@example.com"]},
            ],
        },
        {"action": "delete_*", "labels": {"env": "prod"}, "open_for": "1h"},
    ],
    "default": {"open_for": "48h", "steps": [{"after": "0m", "ask": ["creator"]}, {"after": "90m", "nudge": "pin"}]},
}


def read(document: Any) -> AskingPlan:
    return parse_plan(document, standard=STANDARD, version=7)


def faults(document: Any) -> dict[str, str]:
    with pytest.raises(PlanFault) as found:
        read(document)
    return dict(found.value.faults)


def question(action: str = "pay_invoice", *, requester: Requester | None = None, **args: Any) -> Question:
    return Question(ActionRequest(action, args=args), AGENT, NOON, requester)


def asked(plan: AskingPlan, action: str = "pay_invoice", *, grave: bool = False, **args: Any) -> QuestionPlan:
    return plan_for(plan, question(action, **args), grave=grave)


def test_a_question_that_matches_has_its_own_terms() -> None:
    plan = asked(read(WHOLE), amount=20_000)
    assert plan == QuestionPlan(
        name="large payments",
        severity=Severity.CRITICAL,
        approvals=2,
        separate_duties=True,
        open_for=timedelta(hours=24),
        ending=Ending.REJECT,
        steps=(
            Step(timedelta(), ("creator",)),
            Step(timedelta(minutes=30), (), Nudge.THREAD),
            Step(timedelta(hours=2), ("backup", "leader"), Nudge.URGENT_APP),
            Step(timedelta(hours=8), ("admins", "group:finance", "person:li@example.com")),
        ),
        version=7,
        groups={"finance": ("li@example.com", "wang@example.com")},
        budgets={
            Nudge.THREAD: 5,
            Nudge.PIN: 2,
            Nudge.URGENT_APP: 3,
            Nudge.URGENT_SMS: 1,
            Nudge.URGENT_PHONE: 0,
        },
        quiet=Quiet("21:30-07:00", "12345", critical_passes=False),
    )


def test_what_matches_nothing_is_asked_by_the_default() -> None:
    plan = asked(read(WHOLE), "read_mail")
    assert (plan.name, plan.open_for, plan.approvals, plan.groups) == ("default", timedelta(hours=48), 1, {})
    assert plan.steps[1:] == (Step(timedelta(minutes=90), (), Nudge.PIN),)


def test_a_question_takes_what_it_leaves_out_from_the_default_as_far_as_there_is_time() -> None:
    plan = asked(read(WHOLE), "delete_files")
    assert plan.name == "delete_* · labels.env prod"
    assert plan.steps == (Step(timedelta(), ("creator",)),)  # the 90 minutes of the default never come within one hour
    assert plan.ending is Ending.EXPIRE


BY_SEVERITY: dict[str, Any] = {
    "questions": [
        {"action": "pay_*", "approvals": 2},
        {"action": "wipe_*", "severity": "critical", "ending": "expire"},
        {"action": "send_*", "steps": [{"after": "0m", "ask": ["admins"]}]},
    ],
    "severities": {
        "high": {"steps": [{"after": "0m", "ask": ["creator"]}, {"after": "10m", "nudge": "pin"}], "open_for": "12h"},
        "critical": {"steps": [{"after": "0m", "ask": ["creator", "admins"]}], "approvals": 2, "ending": "reject"},
    },
    "default": {"steps": [{"after": "0m", "ask": ["creator"]}], "open_for": "48h"},
}


def test_what_a_question_leaves_out_is_that_of_its_severity_and_then_of_the_default() -> None:
    plan = read(BY_SEVERITY)
    steps = plan.severities[Severity.HIGH].terms.steps
    plain, grave = asked(plan, "pay_rent"), asked(plan, "pay_rent", grave=True)
    assert (plain.severity, plain.approvals, plain.open_for) == (Severity.NORMAL, 2, timedelta(hours=48))
    assert (grave.severity, grave.approvals, grave.open_for) == (Severity.HIGH, 2, timedelta(hours=12))
    assert (plain.steps, grave.steps) == (plan.default.steps, steps)
    wipe = asked(plan, "wipe_disk")
    assert (wipe.severity, wipe.approvals, wipe.ending) == (Severity.CRITICAL, 2, Ending.EXPIRE)
    assert wipe.open_for == timedelta(hours=48)
    sent = asked(plan, "send_mail", grave=True)
    assert (sent.steps, sent.open_for) == ((Step(timedelta(), ("admins",)),), timedelta(hours=12))


def test_what_matches_nothing_is_asked_by_its_severity_too() -> None:
    plan = read(BY_SEVERITY)
    assert asked(plan, "read_mail").open_for == timedelta(hours=48)
    grave = asked(plan, "read_mail", grave=True)
    assert (grave.name, grave.open_for) == ("default", timedelta(hours=12))
    always = read({**BY_SEVERITY, "default": {"severity": "critical"}})
    assert asked(always, "read_mail").ending is Ending.REJECT


def test_what_is_left_out_is_not_written_down() -> None:
    """A later version of the default holds for it as well."""
    document = plan_document(read(BY_SEVERITY))
    assert document["questions"] == [
        {"action": "pay_*", "approvals": 2},
        {"action": "wipe_*", "severity": "critical", "ending": "expire"},
        {"action": "send_*", "steps": [{"after": "0m", "ask": ["admins"]}]},
    ]
    assert document["severities"] == BY_SEVERITY["severities"]
    assert read(document) == read(BY_SEVERITY)


def test_what_is_wrong_in_whichever_severity_is_said_once() -> None:
    document = {"questions": [{"action": "x", "approvals": 9}], "severities": BY_SEVERITY["severities"]}
    with pytest.raises(PlanFault) as found:
        read(document)
    assert [path for path, _ in found.value.faults] == ["questions[0].approvals"]


def test_the_first_that_matches_decides() -> None:
    plan = read({"questions": [{"action": "pay_small", "approvals": 1}, {"action": "pay_*", "approvals": 3}]})
    assert asked(plan, "pay_small").approvals == 1
    assert asked(plan, "pay_large").approvals == 3


def test_an_empty_document_is_the_starter() -> None:
    plan = read({})
    assert plan.default == STANDARD
    assert (plan.questions, plan.groups, plan.budgets, plan.quiet) == ((), {}, BUDGETS, Quiet())


@pytest.mark.parametrize(
    ("grave", "severity"), [(False, Severity.NORMAL), (True, Severity.HIGH)], ids=["plain", "grave"]
)
def test_without_a_severity_it_is_high_where_grave(grave: bool, severity: Severity) -> None:
    assert asked(starter_plan((), timedelta(hours=1)), grave=grave).severity is severity
    written = read({"default": {"severity": "normal"}})
    assert asked(written, grave=grave).severity is Severity.NORMAL


@pytest.mark.parametrize("amount", ["20000", None, [20_000]], ids=["text", "null", "list"])
def test_a_condition_that_cannot_be_evaluated_never_lets_it_off_lightly(amount: Any) -> None:
    strict_first = read({"questions": [{"when": "args.amount > 10000", "approvals": 2}]})
    lax_first = read({"questions": [{"when": "args.amount < 100", "approvals": 1}], "default": {"approvals": 2}})
    assert asked(strict_first, amount=amount).approvals == 2
    assert asked(lax_first, amount=amount).approvals == 2


def test_no_spelling_of_a_name_slips_through() -> None:
    plan = read({"questions": [{"action": "pay_invoice", "approvals": 2}]})
    assert asked(plan, "PAY_Invoice").approvals == 2
    assert asked(plan, "ｐay_invoice").approvals == 2
    lax = read({"questions": [{"action": "pay_invoice", "approvals": 1}], "default": {"approvals": 2}})
    assert asked(lax, "PAY_invoice").approvals == 2


def test_the_requester_may_decide_whom_to_ask() -> None:
    plan = read({"questions": [{"requester": "li@example.com", "approvals": 2}]})
    assert plan.asks_requester
    li = Requester("li", PersonFacts(UUID(int=9), "Li", email="li@example.com"))
    assert plan_for(plan, question(requester=li), grave=False).approvals == 2
    assert plan_for(plan, question(), grave=False).approvals == 1
    assert not read(WHOLE).asks_requester


def test_starter_reminds_in_the_thread_and_asks_the_admins_last() -> None:
    assert STANDARD.steps == (
        Step(timedelta(), ("creator",)),
        Step(timedelta(minutes=30), (), Nudge.THREAD),
        Step(timedelta(hours=2), (), Nudge.THREAD),
        Step(timedelta(hours=8), ("admins",), Nudge.THREAD),
    )
    assert starter_terms((timedelta(hours=9),), timedelta(hours=8)).steps == (Step(timedelta(), ("creator",)),)


def test_what_is_stored_is_read_as_the_same_plan() -> None:
    plan = read(WHOLE)
    assert read(json.loads(json.dumps(plan_document(plan)))) == plan
    assert plan_document(read(plan_document(plan))) == plan_document(plan)


def test_a_stored_plan_leaves_nothing_to_settings_that_may_change() -> None:
    plan = read({"questions": [{"action": "pay_*"}]})
    other = starter_terms((), timedelta(hours=1))
    assert parse_plan(plan_document(plan), standard=other, version=7) == plan


def test_a_question_keeps_its_own_plan() -> None:
    for action in ("pay_invoice", "delete_files", "read_mail"):
        plan = asked(read(WHOLE), action, amount=20_000)
        assert from_json(as_json(plan)) == plan
        assert as_json(from_json(as_json(plan))) == as_json(plan)


ONE = [{"after": "0m", "ask": ["creator"]}]


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ([], "", "a plan is a map"),
        ({"question": []}, "question", "no such member"),
        ({"questions": {}}, "questions", "a list"),
        ({"questions": ["x"]}, "questions[0]", "a question is"),
        ({"questions": [{"action": "x", "level": "L3"}]}, "questions[0].level", "no such member"),
        ({"questions": [{"approvals": 2}]}, "questions[0].action", "says what it matches"),
        ({"questions": [{"action": "x", "approvals": 0}]}, "questions[0].approvals", "from 1 to 3"),
        ({"questions": [{"action": "x", "approvals": True}]}, "questions[0].approvals", "from 1 to 3"),
        ({"questions": [{"action": "x", "approvals": 4}]}, "questions[0].approvals", "from 1 to 3"),
        ({"questions": [{"action": "x", "separate_duties": "yes"}]}, "questions[0].separate_duties", "true or false"),
        ({"questions": [{"action": "x", "severity": "High"}]}, "questions[0].severity", "none of normal, high"),
        ({"questions": [{"action": "x", "ending": "approve"}]}, "questions[0].ending", "none of expire, reject"),
        ({"questions": [{"action": "x", "open_for": "14d"}]}, "questions[0].open_for", "shorter than 14d"),
        ({"questions": [{"action": "x", "open_for": "0m"}]}, "questions[0].open_for", "longer than zero"),
        ({"questions": [{"action": "x", "open_for": 24}]}, "questions[0].open_for", "a length of time"),
        ({"questions": [{"when": "args.amount >"}]}, "questions[0].when", ""),
        ({"questions": [{"when": "rate('1h') > 3"}]}, "questions[0].when", "only a policy can"),
        ({"questions": [{"action": "*"}, {"action": "x"}]}, "questions[1]", "never reached"),
        ({"questions": [{"action": "x", "name": "a"}, {"action": "y", "name": "a"}]}, "questions[1].name", "another"),
        ({"default": {"action": "x"}}, "default.action", "no such member"),
        ({"default": {"steps": []}}, "default.steps", "a list of steps"),
        ({"default": {"steps": [{"after": "5m", "ask": ["creator"]}]}}, "default.steps[0]", "at once"),
        ({"default": {"steps": [{"after": "0m", "nudge": "thread"}]}}, "default.steps[0]", "at once"),
        ({"default": {"steps": [{**ONE[0], "nudge": "pin"}]}}, "default.steps[0].nudge", "later step"),
        ({"default": {"steps": [*ONE, {"after": "0m", "nudge": "pin"}]}}, "default.steps[1].after", "later than"),
        ({"default": {"steps": [*ONE, {"after": "72h", "nudge": "pin"}]}}, "default.steps[1].after", "ends before"),
        ({"default": {"steps": [*ONE, {"after": "1h"}]}}, "default.steps[1]", "asks somebody or reminds"),
        ({"default": {"steps": [*ONE, {"nudge": "pin"}]}}, "default.steps[1].after", "says when"),
        ({"default": {"steps": [*ONE, {"after": "1h", "nudge": "fax"}]}}, "default.steps[1].nudge", "none of thread"),
        ({"default": {"steps": [*ONE, {"after": "1h", "nudge": []}]}}, "default.steps[1].nudge", "none of thread"),
        ({"default": {"steps": [{"after": "0m", "ask": ["boss"]}]}}, "default.steps[0].ask[0]", "nobody to ask"),
        ({"default": {"steps": [{"after": "0m", "ask": [7]}]}}, "default.steps[0].ask[0]", "not 7"),
        ({"default": {"steps": [{"after": "0m", "ask": ["group:x"]}]}}, "default.steps[0].ask[0]", "no group"),
        ({"default": {"steps": [{"after": "0m", "ask": ["person:li"]}]}}, "default.steps[0].ask[0]", "nobody to ask"),
        ({"default": {"steps": [{"after": "0m", "ask": ["creator", "creator"]}]}}, "default.steps[0].ask", "twice"),
        ({"default": {"steps": [{"after": "0m", "ask": "creator"}]}}, "default.steps[0].ask", "a list of whom"),
        ({"severities": []}, "severities", "a map from a severity"),
        ({"severities": {"urgent": {}}}, "severities.urgent", "no such severity"),
        ({"severities": {"high": "2h"}}, "severities.high", "a map of terms"),
        ({"severities": {"high": {"severity": "high"}}}, "severities.high.severity", "no such member"),
        ({"severities": {"high": {"steps": []}}}, "severities.high.steps", "a list of steps"),
        ({"groups": {"a b": ["li@example.com"]}}, "groups.a b", "a name of"),
        ({"groups": {"finance": []}}, "groups.finance", "1 to 50"),
        ({"groups": {"finance": ["li"]}}, "groups.finance[0]", "e-mail"),
        ({"budgets": {"fax": 1}}, "budgets.fax", "no such way"),
        ({"budgets": {"pin": -1}}, "budgets.pin", "from 0 to 100"),
        ({"budgets": {"pin": True}}, "budgets.pin", "from 0 to 100"),
        ({"quiet": {"hours": "22-8"}}, "quiet.hours", "22:00-08:00"),
        ({"quiet": {"hours": "08:00-08:00"}}, "quiet.hours", "different times"),
        ({"quiet": {"days": "51"}}, "quiet.days", "in order"),
        ({"quiet": {"days": ""}}, "quiet.days", "in order"),
        ({"quiet": {"days": 12345}}, "quiet.days", "a text"),
        ({"quiet": {"critical_passes": 1}}, "quiet.critical_passes", "true or false"),
        ({"quiet": {"zone": "UTC"}}, "quiet.zone", "no such member"),
    ],
)
def test_every_fault_is_named_with_its_path(document: Any, path: str, said: str) -> None:
    found = faults(document)
    assert path in found
    assert said in found[path]


def test_all_faults_are_found_at_once() -> None:
    document = {"budgets": {"fax": 1}, "quiet": {"days": "9"}, "questions": [{"action": "x", "approvals": 9}]}
    assert set(faults(document)) == {"budgets.fax", "quiet.days", "questions[0].approvals"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.sampled_from(["0m", "1h", "creator", "pin", "22:00-08:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*WHOLE, *WHOLE["questions"][0], "severities", *Severity, "after", "ask", "nudge"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_is_written_is_a_plan_or_faults_with_paths(document: Any) -> None:
    try:
        plan = read(document)
    except PlanFault as fault:
        assert fault.faults
        assert all(isinstance(path, str) and detail for path, detail in fault.faults)
    else:
        assert read(plan_document(plan)) == plan
        told = [rule.terms_of(grave=grave) for rule in plan.questions for grave in (False, True)]
        for terms in (plan.default, plan.otherwise(grave=False), plan.otherwise(grave=True), *told):
            assert terms.steps[0].after == timedelta()
            assert terms.steps[0].ask
            assert terms.steps[-1].after < terms.open_for


@given(st.integers(0, 14 * 86_400))
def test_a_length_is_written_as_it_is_read(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(written_length(length)) == length
