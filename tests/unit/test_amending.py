"""What a person may change before approving, and the request that comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.amending import LONGEST_TEXT, MOST_FIELDS, Fault, amended, details_of, differs, editable
from bot.asking.parsing import as_json, from_json, parse_check
from bot.digest import action_digest, canonical
from bot.granting.bounds import shape_of
from models.values import ActionRequest, Json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcß密钥", max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ARGS = st.dictionaries(st.text("abc密_ token", max_size=10), JSON, max_size=9)


def request(**args: Json) -> ActionRequest:
    return ActionRequest("pay_invoice", "pay", dict(args))


def fields(**args: Json) -> dict[str, Any]:
    return {field.name: field.value for field in editable(request(**args))}


def test_short_texts_numbers_and_yes_or_no_can_be_changed_and_nothing_else() -> None:
    shown: dict[str, Json] = {"to": "li@example.com", "amount": 12000, "rate": 1.5, "urgent": True, "note": ""}
    hidden: dict[str, Json] = {
        "password": "hunter2", "phone": 13812345678, "body": "a\nb", "long": "x" * (LONGEST_TEXT + 1), "who": None,
        "list": [1], "map": {}, "trick": "a\u202eb", "invisible": "a\u200bb", "spaced": " x", "huge": 1e22,
        "key_of": "sk-live-1234567890abcdefghijkl", "tab": "a\tb", "wide": "a\u3000b ",
    }  # fmt: skip
    assert fields(**hidden) == {}
    assert fields(**shown) == shown


def test_the_name_of_a_secret_hides_its_value_beside_it() -> None:
    assert "value" not in fields(name="DB_PASSWORD", value="correct horse")


def test_at_most_six_in_the_order_of_the_request() -> None:
    many: dict[str, Json] = {f"a{n}": n for n in range(9)}
    assert [*fields(**many)] == [f"a{n}" for n in range(MOST_FIELDS)]


@pytest.mark.parametrize(
    ("old", "text", "new"),
    [
        (12000, "120", 120),
        (12000, " 120 ", 120),
        (12000, "120.50", 120.5),
        (12000, "-3", -3),
        (1.5, "2", 2),
        (1.5, "0.123456", 0.123456),
        ("li", "王 <b>", "王 <b>"),
        ("li", "", ""),
        (True, "否", False),
        (True, "FALSE", False),
        (False, "true", True),
    ],
)
def test_the_typed_value_takes_the_place_of_the_old_one(old: Json, text: str, new: Json) -> None:
    made = amended(request(amount=old), {0: text})
    assert isinstance(made, ActionRequest)
    assert made.args["amount"] == new
    assert isinstance(made.args["amount"], bool) is isinstance(new, bool)
    assert shape_of(made) == shape_of(request(amount=old))


@pytest.mark.parametrize(
    ("name", "old", "text"),
    [
        ("amount", 12000, "12,000"),
        ("amount", 12000, "12.000"),
        ("amount", 12000, "1e3"),
        ("amount", 12000, "0x10"),
        ("amount", 12000, "１２"),
        ("amount", 12000, ""),
        ("amount", 12000, "9007199254740993"),
        ("amount", 12000, "NaN"),
        ("amount", 1.5, "Infinity"),
        ("amount", 1.5, "1_0"),
        ("user_id", 7, "7.5"),
        ("ok", True, "1"),
        ("ok", True, "yes"),
        ("to", "li", "a\nb"),
        ("to", "li", "a\u202eb"),
        ("to", "li", "x" * (LONGEST_TEXT + 1)),
    ],
)
def test_what_is_not_surely_a_value_of_that_kind_is_refused(name: str, old: Json, text: str) -> None:
    assert amended(request(**{name: old}), {0: text}) == Fault(0, name)


@pytest.mark.parametrize("place", [-1, 1, 99])
def test_a_place_that_the_form_did_not_have_is_refused(place: int) -> None:
    assert amended(request(amount=1), {place: "1"}) == Fault(place)


@pytest.mark.parametrize(("old", "text"), [(12000, "12000"), (12000, "12000.00"), (True, "是"), ("li", "li ")])
def test_the_same_value_written_otherwise_changes_nothing(old: Json, text: str) -> None:
    asked = request(amount=old)
    assert amended(asked, {0: text}) is asked
    assert not differs(asked, {0: text})


@given(ARGS, st.dictionaries(st.integers(-1, 7), st.text(max_size=20), max_size=7))
def test_nothing_but_the_named_arguments_ever_changes(args: dict[str, Json], texts: dict[int, str]) -> None:
    asked = from_json(as_json(ActionRequest("x", "t", args, "why", "lin", "s", "c", {"ticket": 1})))
    places = editable(asked)
    made = amended(asked, texts)
    if isinstance(made, Fault):
        return
    touched = {places[place].name for place in texts}
    assert {name: value for name, value in made.args.items() if name not in touched} == {
        name: value for name, value in asked.args.items() if name not in touched
    }
    assert (made.action_type, made.tool, made.requested_by, made.session, made.extra, made.reason) == (
        asked.action_type, asked.tool, asked.requested_by, asked.session, asked.extra, asked.reason
    )  # fmt: skip
    assert (made is asked) is (action_digest(made) == action_digest(asked))
    assert shape_of(made) == shape_of(asked)


@given(ARGS, st.none() | st.just("lin@example.com"))
def test_the_details_that_the_agent_is_told_to_send_are_the_very_same_action(
    args: dict[str, Json], requested_by: str | None
) -> None:
    """Through JSON, the database's form and the hook's parser: the digest is that which was approved."""
    asked = ActionRequest("pay", "t", args, "because", requested_by, "s", None, {"ticket": "OPS-1"})
    stored = from_json(json.loads(canonical(as_json(asked))))
    body = {"action_type": stored.action_type, "details": details_of(stored), "session": stored.session}
    assert action_digest(parse_check(json.dumps(body).encode())) == action_digest(asked)
