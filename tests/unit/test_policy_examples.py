"""The policies in docs/policies say what their tables of decisions promise."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from bot.policy import parse_policy, starter_floor
from bot.policy.cases import BadCase, try_cases
from bot.policy.files import PolicyFile, as_yaml, read
from bot.policy.lint import lint
from bot.policy.schema import schema
from models.enums import Level
from models.values import Json

DIRECTORY = Path(__file__).parents[2] / "docs" / "policies"
POLICIES = sorted(path for path in DIRECTORY.glob("*.yaml") if ".decisions." not in path.name)


def _read(path: Path) -> PolicyFile:
    return read(path.read_bytes(), name=path.name)


def test_there_is_a_table_for_each_policy() -> None:
    tables = {path.name.replace(".decisions", "") for path in DIRECTORY.glob("*.decisions.yaml")}
    assert tables == {path.name for path in POLICIES}
    assert len(POLICIES) == 3


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_decision_is_as_the_table_says(path: Path) -> None:
    policy = parse_policy(_read(path).document, default=Level.L2)
    tried = list(try_cases(_read(path.with_suffix(".decisions.yaml")).document, policy, starter_floor()))
    wrong = [f"{one.path} {one.action}: {one.decision.level} by {one.deciding}" for one in tried if not one.holds]
    assert not wrong
    decided = {one.deciding for one in tried}
    assert {rule.name for rule in policy.rules} <= decided, "every rule decides some case"
    assert {one.expected for one in tried} == set(Level)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_examples_are_clean_valid_and_in_both_languages(path: Path) -> None:
    document, text = _read(path).document, path.read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(schema()).validate(document)
    findings = lint(parse_policy(document, default=Level.L2), starter_floor())
    assert {finding.rule for finding in findings} <= {"draft for finance"}, "which says so itself"
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert len(comments) > 15
    assert any("\u4e00" <= character <= "\u9fff" for character in text)


def test_a_wrong_decision_and_a_bad_table_are_noticed() -> None:
    policy = parse_policy({"pay_*": "L3"}, default=Level.L2)
    table: Json = {"cases": [{"action": "pay_x", "expect": "L1"}, {"action": "pay_x", "expect": "L3", "rule": "other"}]}
    assert [one.holds for one in try_cases(table, policy, starter_floor())] == [False, False]
    bad: list[tuple[Json, str]] = [
        ([], ""),
        ({"cases": []}, "cases"),
        ({"cases": [{"action": "a", "expect": "l1"}]}, "cases[0].expect"),
        ({"cases": [{"action": "a", "expect": "L1", "levle": 1}]}, "cases[0].levle"),
        ({"cases": [{"expect": "L1"}]}, "cases[0]"),
        ({"cases": [{"action": "a", "expect": "L1", "at": "2026-03-02T10:00:00"}]}, "cases[0].at"),
        ({"cases": [{"action": "a", "expect": "L1", "already": {"runs": True}}]}, "cases[0].already"),
        ({"agent": {"nmae": "x"}, "cases": [{"action": "a", "expect": "L1"}]}, "agent.nmae"),
    ]
    for written, path in bad:
        with pytest.raises(BadCase) as caught:
            list(try_cases(written, policy, starter_floor()))
        assert caught.value.path == path


def test_an_example_survives_being_written_and_read_again() -> None:
    for path in POLICIES:
        document = _read(path).document
        assert read(as_yaml(document).encode(), name="x.yaml").document == document
