"""docs/asking.md specifies the language that the code has."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.plans import BUDGETS, parse_plan, starter_terms
from bot.plans.terms import MEMBERS, ROLES
from config.settings import Settings
from models.enums import Ending, Nudge, Severity

PAGE = (Path(__file__).parents[2] / "docs" / "asking.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
STANDARD = starter_terms((timedelta(minutes=30),), timedelta(hours=72))


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_plan(text: str) -> None:
    assert parse_plan(json.loads(text), standard=STANDARD).default.steps


def test_every_word_is_described() -> None:
    described = set(re.findall(r"`([a-z_.:]+)`", PAGE))
    assert described >= MEMBERS | {"name", "nudge", "ask", "after"}
    assert described >= {*ROLES, *Ending, *Severity, *Nudge, "quiet", "groups", "when", "labels", "critical_passes"}


def test_the_settings_that_hold_without_a_plan_are_those_of_the_page() -> None:
    fields = Settings.model_fields
    assert [timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8)] == list(fields["reminders"].default)
    assert fields["approval_ttl"].default == timedelta(hours=72)
    assert [way for way, budget in BUDGETS.items() if budget] == [Nudge.THREAD]
    assert f"`thread` ({BUDGETS[Nudge.THREAD]})" in PAGE
