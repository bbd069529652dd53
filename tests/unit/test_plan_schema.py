"""The schema of asking plans accepts what the reader accepts, refuses what is plainly wrong, and is published."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.plans import PlanFault, parse_plan, plan_document, starter_plan, starter_terms
from bot.plans.schema import schema
from cards.faults import fault_words
from models.enums import Language

COMMITTED = Path(__file__).parents[2] / "docs" / "asking-plan.schema.json"
STANDARD = starter_terms((timedelta(minutes=30),), timedelta(hours=72))
VALIDATOR = jsonschema.Draft202012Validator(schema())


def reads(document: Any) -> bool:
    try:
        parse_plan(document, standard=STANDARD)
    except PlanFault:
        return False
    return True


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == schema(), (
        "assent plan schema > docs/asking-plan.schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(schema())


STEPS: list[Any] = [{"after": "0m", "ask": ["creator"]}]
GOOD: list[Any] = [
    {},
    {"default": {}},
    {"quiet": {"hours": "never", "days": "1234567", "critical_passes": False}},
    {"quiet": {"hours": "22:00-08:00", "days": "7"}},
    {"budgets": {"thread": 0, "pin": 100}},
    {"groups": {"finance_1": ["Li@Example.com"]}, "default": {"steps": [{"after": "0s", "ask": ["group:finance_1"]}]}},
    {"questions": [{"action": "pay_*", "when": "args.amount > 100", "approvals": 3, "name": "pay"}]},
    {"questions": [{"labels": {"env": "prod"}, "open_for": " 1h 30m ", "ending": "reject", "severity": "critical"}]},
    {"default": {"steps": [*STEPS, {"after": "1 0m", "nudge": "urgent_phone"}], "separate_duties": True}},
    {"default": {"steps": [{"after": "0m", "ask": ["role:org_admin", "person:li@example.com", "admins"]}]}},
    {"severities": {"critical": {"steps": STEPS, "approvals": 2}, "normal": {}}},
    plan_document(starter_plan((timedelta(minutes=30), timedelta(hours=2)), timedelta(hours=72))),
]

BAD: list[Any] = [
    None,
    [],
    {"rules": []},
    {"default": []},
    {"default": {"approvals": 0}},
    {"default": {"approvals": 4}},
    {"default": {"approvals": True}},
    {"default": {"ending": "approve"}},
    {"default": {"open_for": 24}},
    {"default": {"open_for": "tomorrow"}},
    {"default": {"severity": "HIGH"}},
    {"default": {"steps": []}},
    {"default": {"steps": [{"ask": ["creator"]}]}},
    {"default": {"steps": [{"after": "0m"}]}},
    {"default": {"steps": [{"after": "0m", "ask": []}]}},
    {"default": {"steps": [{"after": "0m", "ask": ["everybody"]}]}},
    {"default": {"steps": [{"after": "0m", "ask": ["creator", "creator"]}]}},
    {"default": {"steps": [{"after": "0m", "ask": ["person:nobody"]}]}},
    {"default": {"steps": [*STEPS, {"after": "1h", "nudge": "fax"}]}},
    {"default": {"action": "pay_*"}},
    {"severities": []},
    {"severities": {"urgent": {}}},
    {"severities": {"high": []}},
    {"severities": {"high": {"severity": "high"}}},
    {"questions": [{"approvals": 2}]},
    {"questions": [{"action": ""}]},
    {"questions": [{"action": "a", "level": "L3"}]},
    {"questions": {}},
    {"groups": {"a b": ["li@example.com"]}},
    {"groups": {"finance": []}},
    {"groups": {"finance": ["li"]}},
    {"budgets": {"thread": -1}},
    {"budgets": {"fax": 1}},
    {"budgets": {"thread": "5"}},
    {"quiet": {"hours": "22-8"}},
    {"quiet": {"days": "54321"}},
    {"quiet": {"days": ""}},
    {"quiet": {"zone": "UTC"}},
    {"quiet": []},
    {"quiet": {"hours": 5}},
    {"budgets": []},
    {"groups": []},
    {"groups": {"finance": [5]}},
    {"questions": ["pay_*"]},
    {"questions": [{"action": "a"}] * 201},
    {"default": {"separate_duties": "yes"}},
    {"default": {"steps": {}}},
    {"default": {"steps": ["creator"]}},
    {"default": {"steps": [{"after": "0m", "ask": "creator"}]}},
    {"default": {"steps": [{"after": "0m", "ask": [5]}]}},
    {"default": {"steps": [{"after": "0m", "ask": ["creator"]}] * 13}},
]

MISTAKEN: list[Any] = [
    {"default": {"steps": [{"after": "5m", "ask": ["creator"]}]}},
    {"default": {"steps": [{"after": "0m", "ask": ["creator"], "nudge": "pin"}]}},
    {"default": {"steps": [*STEPS, {"after": "1h", "nudge": "pin"}, {"after": "1h", "nudge": "pin"}]}},
    {"default": {"open_for": "1h", "steps": [*STEPS, {"after": "2h", "nudge": "pin"}]}},
    {"default": {"open_for": "14d"}},
    {"default": {"steps": [{"after": "0m", "ask": ["group:finance"]}]}},
    {"questions": [{"action": "a*"}, {"action": "ab"}]},
    {"questions": [{"action": "a", "name": "x"}, {"action": "b", "name": "x"}]},
    {"questions": [{"action": "a", "when": 'rate("1h") > 5'}]},
]
"""What no schema can see."""


@pytest.mark.parametrize("document", GOOD, ids=lambda document: json.dumps(document)[:60])
def test_what_is_good_is_good_for_both(document: Any) -> None:
    assert reads(document)
    VALIDATOR.validate(document)


@pytest.mark.parametrize("document", BAD, ids=lambda document: json.dumps(document)[:60])
def test_what_is_plainly_wrong_is_wrong_for_both(document: Any) -> None:
    assert not reads(document)
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("document", BAD + MISTAKEN, ids=lambda document: json.dumps(document)[:60])
def test_every_fault_is_told_in_chinese_too(document: Any) -> None:
    with pytest.raises(PlanFault) as found:
        parse_plan(document, standard=STANDARD)
    for _, detail in found.value.faults:
        told = fault_words(detail, Language.ZH_CN)
        assert told != detail, detail
        assert fault_words(detail, Language.EN_US) == detail


LENGTHS = st.sampled_from(["0m", "1m", "30m", "2h", "1d12h", "13d", "14d", "x", "", 5])
REFS = st.sampled_from(
    ["creator", "backup", "leader", "admins", "role:org_admin", "group:g", "group:h", "person:a@b.c", "person:", "", 1]
)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "after": LENGTHS,
        "ask": st.lists(REFS, max_size=3),
        "nudge": st.sampled_from(["thread", "pin", "urgent_app", "fax", None]),
        "more": st.none(),
    },
)
TERMS: dict[str, Any] = {
    "severity": st.sampled_from(["normal", "high", "critical", "low", None]),
    "approvals": st.sampled_from([1, 2, 3, 0, 4, "1", True, 1.5]),
    "separate_duties": st.sampled_from([True, False, 0, "yes"]),
    "open_for": LENGTHS,
    "ending": st.sampled_from(["expire", "reject", "approve", None]),
    "steps": st.lists(STEP, max_size=3) | st.just([{"after": "0m", "ask": ["creator"]}]),
}
QUESTION = st.fixed_dictionaries(
    {},
    optional={
        **TERMS,
        "action": st.sampled_from(["pay_*", "delete_files", "", 5]),
        "when": st.sampled_from(["args.amount > 1", "rate(args.amount) > 1", "(", 5]),
        "labels": st.sampled_from([{"env": "prod"}, {}, {"env": 1}]),
        "name": st.sampled_from(["a", "", "x" * 101]),
    },
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "quiet": st.fixed_dictionaries(
            {},
            optional={
                "hours": st.sampled_from(["never", "22:00-08:00", "22:00-22:00", "24:00-08:00", "", 5]),
                "days": st.sampled_from(["12345", "7", "", "11", "21", 12345]),
                "critical_passes": st.sampled_from([True, False, None]),
            },
        ),
        "budgets": st.dictionaries(st.sampled_from(["thread", "pin", "x"]), st.sampled_from([0, 5, 100, 101, "1"])),
        "groups": st.dictionaries(
            st.sampled_from(["g", "h", "a b"]), st.lists(st.sampled_from(["a@b.c", "A@b.c", "no", 1]), max_size=2)
        ),
        "questions": st.lists(QUESTION, max_size=2),
        "severities": st.dictionaries(
            st.sampled_from(["normal", "high", "critical", "urgent"]),
            st.fixed_dictionaries({}, optional={name: TERMS[name] for name in ("approvals", "open_for", "steps")}),
            max_size=2,
        ),
        "default": st.fixed_dictionaries({}, optional=TERMS),
    },
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENT)
def test_the_schema_accepts_whatever_the_reader_accepts(document: Any) -> None:
    """And what the reader writes back; so that an editor never underlines a plan that is in force."""
    try:
        plan = parse_plan(document, standard=STANDARD)
    except PlanFault:
        return
    VALIDATOR.validate(document)
    VALIDATOR.validate(plan_document(plan))
    assert parse_plan(plan_document(plan), standard=STANDARD) == plan
