"""The form: what its buttons and fields are called, what they carry, and when there are which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.simulator.presses import Press, action
from cards.approval import approval_card
from cards.presets import (
    PRESETS,
    amend_button,
    amends,
    button_preset,
    edit_field,
    edited_place,
    instructed,
    own_words,
    preset,
    reject_button,
)
from cards.views import ApprovalView, EditableField
from models.enums import ApprovalStatus, ExecutionStatus, Executor, Severity, Verdict
from tests.support.card_samples import PENDING, SAMPLES
from tests.unit.test_cards_rules import nodes, texts

_EDITABLE = replace(
    PENDING, editable=(EditableField("path", "reports/2025"), EditableField("recursive", True), EditableField("n", 3))
)


def _buttons(view: ApprovalView) -> dict[str, Any]:
    return {str(one["name"]): one for one in nodes(approval_card(view)) if one["tag"] == "button" and "name" in one}


def _press(view: ApprovalView, button: str, **form: str) -> dict[str, Any]:
    return action(approval_card(view), Press(button, form=form))


def test_each_preset_rejects_with_one_tap_and_both_name_and_value_say_with_which() -> None:
    for key in PRESETS:
        button = reject_button(key, PENDING.approval_id)
        told = _press(PENDING, button, reason="别急")
        assert told["value"] == {"approval_id": str(PENDING.approval_id), "verdict": "reject", "preset": key}
        assert told["form_value"]["reason"] == "别急"
        assert button_preset(told["name"]) == key
    assert button_preset(f"reject_gladly:{PENDING.approval_id}") is None
    assert button_preset("reject") is None and button_preset("approve") is None


def test_the_edited_fields_come_with_the_button_that_approves_them() -> None:
    told = _press(_EDITABLE, amend_button(PENDING.approval_id), edit_0="reports/2024")
    assert told["value"]["edited"] is True and Verdict.parse(told["value"]["verdict"]) is Verdict.APPROVE
    assert amends(told["name"]) and not amends("approve")
    edits = {edited_place(name): text for name, text in told["form_value"].items() if edited_place(name) is not None}
    assert edits == {0: "reports/2024", 1: "true", 2: "3"}


@pytest.mark.parametrize("name", ["edit_", "edit_x", "edit_-1", "edit_１", "edit_99999", "reason", "0"])
def test_another_field_edits_nothing(name: str) -> None:
    assert edited_place(name) is None
    assert edited_place(edit_field(5)) == 5


def test_a_value_that_cannot_be_shown_whole_has_no_field_and_keeps_the_others_in_place() -> None:
    secret, hidden, long = EditableField("api_token", "5f2c9a7be1d04c3f"), "x\u202ey", "长" * 301
    view = replace(
        PENDING, editable=(secret, EditableField("b", hidden), EditableField("c", long), EditableField("d", "ok"))
    )
    fields = [str(one["name"]) for one in nodes(approval_card(view)) if one["tag"] == "input"]
    assert fields == ["reason", "edit_3"]
    assert hidden not in str(texts(approval_card(view)))


def test_where_nothing_can_be_edited_nothing_offers_it() -> None:
    assert amend_button(PENDING.approval_id) not in _buttons(PENDING)


def test_who_has_approved_may_still_reject_and_no_more() -> None:
    buttons = _buttons(replace(_EDITABLE, needed=2, consented=True))
    assert "approve" not in buttons and amend_button(PENDING.approval_id) not in buttons
    assert "reject" in buttons


def test_only_a_critical_question_asks_whether_one_is_sure() -> None:
    for severity in Severity:
        buttons = _buttons(replace(_EDITABLE, severity=severity))
        asks = {name for name, button in buttons.items() if "confirm" in button}
        expected = {"approve", amend_button(PENDING.approval_id)} if severity is Severity.CRITICAL else set()
        assert asks == expected


def test_only_a_question_has_buttons_that_decide() -> None:
    for state, view in SAMPLES.items():
        decides = {"approve", "reject"} & set(_buttons(view))
        assert bool(decides) == (view.status is ApprovalStatus.PENDING), state


@pytest.mark.parametrize("words", ["", "  ", "只删 2023 年的", "Never do this."])
@pytest.mark.parametrize("key", PRESETS)
def test_the_persons_own_words_come_back_out_of_what_the_agent_is_told(key: str, words: str) -> None:
    told = instructed(key, words)
    assert told.startswith(PRESETS[key].instruction.en)
    assert own_words(told, key) == words.strip()
    assert own_words("any", None) == "any" and own_words(None, key) == ""
    assert preset(key) is PRESETS[key] and preset("unknown") is None and preset(None) is None


def test_the_card_tells_the_instruction_in_the_readers_language_and_the_words_once() -> None:
    shown = texts(approval_card(SAMPLES["rejected_preset"]))
    assert PRESETS["too_much"].instruction.zh in shown and PRESETS["too_much"].instruction.en in shown
    assert shown.count("只删 2023 年的。") == 1


@pytest.mark.parametrize("executor", Executor)
def test_during_a_freeze_no_card_says_that_it_is_about_to_run(executor: Executor) -> None:
    view = replace(SAMPLES["approved_frozen"], executor=executor)
    shown = str(texts(approval_card(view)))
    assert "即将执行" not in shown and "Starting" not in shown and "等待解冻" in shown
    assert view.execution_status is ExecutionStatus.NOT_STARTED


def test_an_approval_that_nobody_can_use_any_more_says_so() -> None:
    shown = str(texts(approval_card(SAMPLES["approved_agent_archived"])))
    assert "已失效" in shown and "智能体已归档" in shown and "待智能体执行" not in shown
