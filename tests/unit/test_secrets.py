"""Secrets at rest: what was sealed opens, for its own row and with a known key only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.secrecy.box import SealBroken, SecretBox, derive

OLD, NEW = "old key " * 4, "new key " * 4
BOX = SecretBox([NEW, OLD])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(texts, texts)
def test_what_was_sealed_opens_for_the_same_row(plaintext: str, row: str) -> None:
    assert BOX.open(BOX.seal(plaintext, bound_to=row), bound_to=row) == plaintext


@given(texts, texts, texts)
def test_a_ciphertext_moved_to_another_row_stays_shut(plaintext: str, row: str, other: str) -> None:
    sealed = BOX.seal(plaintext, bound_to=row)
    if row != other:
        with pytest.raises(SealBroken):
            BOX.open(sealed, bound_to=other)


@given(texts, st.data())
def test_an_altered_ciphertext_stays_shut(plaintext: str, data: st.DataObject) -> None:
    sealed = BOX.seal(plaintext, bound_to="row")
    place = data.draw(st.integers(0, len(sealed.rstrip("=")) - 2))
    letter = "B" if sealed[place] == "A" else "A"  # drawn from nothing: every sealed text is another one
    with pytest.raises(SealBroken):
        BOX.open(sealed[:place] + letter + sealed[place + 1 :], bound_to="row")


@given(st.text(max_size=200))
def test_anything_else_is_refused_without_another_fault(noise: str) -> None:
    for text in (noise, f"s1.{noise}", f"{BOX.seal('x', bound_to='r')[:12]}{noise}"):
        with pytest.raises(SealBroken):
            BOX.open(text, bound_to="r")


def test_a_rotated_key_still_opens_and_no_longer_seals() -> None:
    before = SecretBox([OLD]).seal("secret", bound_to="row")
    assert BOX.open(before, bound_to="row") == "secret"
    after = BOX.seal("secret", bound_to="row")
    assert SecretBox([NEW]).open(after, bound_to="row") == "secret"
    with pytest.raises(SealBroken, match="not among the current ones"):
        SecretBox([OLD]).open(after, bound_to="row")


def test_the_same_secret_never_looks_the_same_twice() -> None:
    assert BOX.seal("secret", bound_to="row") != BOX.seal("secret", bound_to="row")
    assert "secret" not in BOX.seal("secret", bound_to="row")


def test_no_key_and_no_secret_in_a_repr_or_an_error() -> None:
    assert OLD.strip() not in repr(BOX)
    assert NEW.strip() not in repr(BOX)
    sealed = BOX.seal("hunter2", bound_to="row")
    with pytest.raises(SealBroken) as fault:
        SecretBox([OLD]).open(sealed, bound_to="row")
    assert "key " * 2 not in str(fault.value)
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize("keys", [[], [""], ["  "], ["good key", ""]])
def test_a_missing_key_is_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="secret key"):
        SecretBox(keys)


def test_two_purposes_share_no_bytes() -> None:
    assert derive(OLD, "one") != derive(OLD, "another")
    assert len(derive(OLD, "one")) == 32
