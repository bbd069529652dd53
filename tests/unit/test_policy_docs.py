"""docs/policy.md specifies the language that the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.policy import compile_condition, parse_policy, starter_floor
from bot.policy.facts import VARIABLES
from bot.policy.matching import MATCHERS
from bot.policy.starter import IRREVERSIBLE
from models.enums import Layer, Level

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(found[1], found[2]) for found in _BLOCK.finditer(PAGE)]
CONDITIONS = next(text for kind, text in BLOCKS if kind == "text" and "today(" in text).splitlines()


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "json"])
def test_every_example_is_a_policy(text: str) -> None:
    written = json.loads(text)
    assert parse_policy({"rules": written} if isinstance(written, list) else written, default=Level.L2).rules


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_example_of_a_condition_compiles(condition: str) -> None:
    assert compile_condition(condition).text == condition


def test_every_word_of_the_language_is_described() -> None:
    described = set(re.findall(r"`([a-z.]+)`", PAGE))
    assert set(VARIABLES) <= described
    assert {*MATCHERS, "labels", "when", "name", "note", "level", "default"} <= described
    assert {layer.value for layer in Layer} <= described


def test_the_starter_floor_is_listed() -> None:
    rows = {family: patterns.split() for family, patterns in re.findall(r"^\| ([a-z ]+) \| (`[^|]*`) \|$", PAGE, re.M)}
    listed = {family: tuple(pattern.strip("`") for pattern in rows[family]) for family in IRREVERSIBLE}
    assert listed == IRREVERSIBLE
    assert len(starter_floor().rules) == 2 * sum(map(len, IRREVERSIBLE.values()))
