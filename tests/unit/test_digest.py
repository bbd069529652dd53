"""The digest names exactly what would be executed."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from bot.digest import NotCanonical, action_digest, canonical
from models.values import ActionRequest, Json, short_code

ASKED = ActionRequest("delete_files", tool="delete_file", args={"path": "reports/2025"}, requested_by="lin")

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4)
)


@given(json_values)
def test_canonical_is_what_the_rfc8785_library_writes(value: Json) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_canonical_escapes_and_sorts_as_rfc8785() -> None:
    awkward: Json = {"b": "".join(map(chr, range(0x25))) + '\x7f\\"/\u2028é😀', "A": [True, None, -5], "a": {}}
    assert canonical(awkward) == rfc8785.dumps(awkward)
    assert canonical({"😀": 1, "\ufb33": 2}) == '{"😀":1,"\ufb33":2}'.encode()  # by UTF-16, not by code point


def test_digest_is_fixed_for_ever() -> None:
    """Stored approvals and agents depend on it; a change here needs a new prefix."""
    expected = (
        b'{"action_type":"delete_files","args":{"path":"reports/2025"},"extra":{},'
        b'"requested_by":"lin","tool":"delete_file"}'
    )
    assert action_digest(ASKED) == f"sha256:{hashlib.sha256(expected).hexdigest()}"
    assert short_code(action_digest(ASKED)) == hashlib.sha256(expected).hexdigest()[:6]


def test_retry_with_new_call_id_reason_or_session_has_the_same_digest() -> None:
    retried = replace(ASKED, call_id="other", reason="in other words", session="another")
    assert action_digest(retried) == action_digest(ASKED)


@pytest.mark.parametrize(
    "change",
    [
        {"action_type": "delete_file"},
        {"tool": None},
        {"args": {"path": "reports"}},
        {"args": {"path": "reports/2025", "force": True}},
        {"requested_by": "wang"},
        {"extra": {"level": "L1"}},
    ],
)
def test_what_changes_the_action_changes_the_digest(change: dict[str, object]) -> None:
    assert action_digest(replace(ASKED, **change)) != action_digest(ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, 2**53]}, "a[1]"),
        ({"a": {"b": float("nan")}}, "a.b"),
        ({"a": float("-inf")}, "a"),
        ({"a": "\ud800"}, "a"),
        ({"\udc00": 1}, "\\udc00"),
        ({"n": "\0", "z": 2**60}, "z"),  # NUL has a canonical form
        ({"a": {1, 2}}, "a"),
        ({1: "a"}, ""),
    ],
)
def test_what_has_no_canonical_form_is_named(value: Json, path: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical(value)
    assert refused.value.path == path
    assert refused.value.why


def test_bottomless_nesting_is_refused_not_a_crash() -> None:
    value: Json = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical(value)
