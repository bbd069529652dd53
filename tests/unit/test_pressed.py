"""What a press on an approval's card says, whatever the client sent of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.amending import Edits
from bot.approvals.pressed import Button, read_button
from cards.presets import PRESETS, amend_button, reject_button
from models.enums import Verdict
from models.values import CardClick, PersonIds

ID = UUID(int=7)
DIGEST = "sha256:" + "a" * 64


def press(value: dict[str, Any] | None = None, name: str | None = None, **form: Any) -> Button:
    return read_button(CardClick("e", "cli", PersonIds("ou"), None, None, value or {}, name, form, None))


def carried(**more: Any) -> dict[str, Any]:
    return {"approval_id": str(ID), **more}


def test_the_value_says_it_all() -> None:
    button = press(carried(verdict="approve", code=DIGEST), "approve", reason=" ok ")
    assert button == Button(verdict=Verdict.APPROVE, approval_id=ID, reason="ok", code=DIGEST)
    assert press(carried(verdict="reject"), "reject") == Button(verdict=Verdict.REJECT, approval_id=ID)


def test_edited_fields_come_with_either_button_and_only_one_means_them() -> None:
    plain = press(carried(verdict="approve"), "approve", edit_0="120", edit_1=None, reason=None, other="x")
    assert plain.edits == Edits({0: "120"}, meant=False)
    edited = press(carried(verdict="approve", edited=True), amend_button(ID), edit_0="120")
    assert edited.edits == Edits({0: "120"}, meant=True)
    assert press(carried(verdict="reject"), edit_0="120").edits is None
    assert press(carried(verdict="approve", edited=True)).edits == Edits({}, meant=True)


@pytest.mark.parametrize("edited", ["true", 1, {}, None])
def test_only_a_true_means_the_edits(edited: Any) -> None:
    edits = press(carried(verdict="approve", edited=edited), edit_0="1").edits
    assert edits == Edits({0: "1"}, meant=False)


def test_a_name_stands_in_for_a_lost_value() -> None:
    assert press(name="approve") == Button(verdict=Verdict.APPROVE)
    amended = press(name=amend_button(ID), edit_0="1")
    assert (amended.verdict, amended.approval_id, amended.edits) == (Verdict.APPROVE, ID, Edits({0: "1"}, meant=True))
    for key in PRESETS:
        assert press(name=reject_button(key, ID)) == Button(verdict=Verdict.REJECT, approval_id=ID, preset=key)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"verdict": "delete"}, "approve"),
        ({"verdict": "reject", "preset": "burn_it"}, "reject"),
        ({"verdict": "reject", "preset": 7}, "reject"),
        ({"verdict": "approve", "preset": "never"}, "approve"),
        ({}, "reject_burn_it:x"),
        ({}, None),
        ({}, "amended"),
    ],
)
def test_what_nobody_knows_is_no_verdict(value: dict[str, Any], name: str | None) -> None:
    assert press(value, name).verdict is None


def test_a_broken_code_is_not_a_lost_one() -> None:
    assert press(carried(verdict="approve", code=7)).code == ""
    assert press(carried(verdict="approve")).code is None


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)


@given(
    st.dictionaries(st.sampled_from(["verdict", "preset", "edited", "code", "approval_id"]), JSON),
    st.none() | st.text(max_size=40),
    st.dictionaries(st.sampled_from(["reason", "edit_0", "edit_99999", "edit_²", "edit_-1"]), JSON),
)
def test_nothing_that_a_client_may_send_breaks_it(
    value: dict[str, Any], name: str | None, form: dict[str, Any]
) -> None:
    button = press(value, name, **form)
    assert button.verdict in (None, *Verdict)
    assert button.edits is None or set(button.edits.texts) <= {0}
