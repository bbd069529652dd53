"""The form by which a person decides: a reason, two large buttons, prepared rejections, editing before approving."""

from __future__ import annotations

from collections.abc import Iterator

from cards import elements as node
from cards.escape import json_bytes, plain
from cards.mask import mask_text, names_secret
from cards.presets import APPROVE, PRESETS, REASON, REJECT, amend_button, edit_field, reject_button
from cards.room import Room
from cards.shown import name
from cards.views import ApprovalView, EditableField
from cards.words import VERDICTS, Bilingual
from models.enums import Severity, Verdict
from models.values import JsonObject

REASON_LENGTH = 500  # characters that may be typed; Feishu's maximum is 1000
EDIT_LENGTH = 300
_LONGEST_CODE = 80  # a digest has 71 characters

_REASON = Bilingual("理由（选填）", "Reason (optional)")
_TOLD = Bilingual("会告诉智能体", "The agent will be told")
_SAY_WHY = Bilingual("拒绝，并告诉它怎么办", "Reject, saying what to do")
_AT_ONCE = Bilingual(
    "点一下就拒绝，智能体会收到相应的指示；上面写的理由一并转告。",
    "One tap rejects. The agent gets the instruction, and the reason from above.",
)
_EDIT = Bilingual("改参数，再同意", "Edit, then approve")
_EDITED = Bilingual("按改后的参数同意", "Approve as edited")
_RECORDED = Bilingual(
    "只执行改后的内容；原来的请求、您的改动都会留在审计里。",
    "Only what you wrote here runs. What was asked and what you changed stay in the audit.",
)
_KINDS: dict[type, Bilingual] = {
    bool: Bilingual("true 或 false", "true or false"),
    int: Bilingual("数字", "a number"),
    float: Bilingual("数字", "a number"),
    str: Bilingual("文字", "a text"),
}
_SURE = Bilingual("确认同意？", "Approve this?")
_CRITICAL = Bilingual("这个操作特别重要，请再看一遍参数。", "This is critical. Please look at the arguments once more.")


def decision_form(view: ApprovalView, room: Room) -> JsonObject:
    """One form: who has approved already may still reject."""
    return node.form("decision", _parts(view, room))


def _parts(view: ApprovalView, room: Room) -> Iterator[JsonObject]:
    yield node.text_input(REASON, _REASON, _TOLD, REASON_LENGTH)
    if view.consented:
        yield _verdict(view, Verdict.REJECT)
    else:
        yield node.columns((1, [_verdict(view, Verdict.APPROVE)]), (1, [_verdict(view, Verdict.REJECT)]))
    yield node.panel(_SAY_WHY, _prepared(view))
    fields = [*_fields(view, room.edits)]
    if fields and not view.consented:
        yield node.panel(_EDIT, [*fields, _amend(view), node.note(_RECORDED)])


def _verdict(view: ApprovalView, verdict: Verdict) -> JsonObject:
    value: JsonObject = {"approval_id": str(view.approval_id), "verdict": verdict.value}
    if verdict is Verdict.REJECT:
        return node.submit(REJECT, VERDICTS[verdict], "danger", value)
    return node.submit(APPROVE, VERDICTS[verdict], "primary_filled", value | _seen(view), confirm=_confirm(view))


def _confirm(view: ApprovalView) -> tuple[Bilingual, Bilingual] | None:
    return (_SURE, _CRITICAL) if view.severity is Severity.CRITICAL else None


def _prepared(view: ApprovalView) -> Iterator[JsonObject]:
    for key, known in PRESETS.items():
        value: JsonObject = {"approval_id": str(view.approval_id), "verdict": Verdict.REJECT.value, "preset": key}
        yield node.submit(reject_button(key, view.approval_id), known.label, "default", value, size="medium")
    yield node.note(_AT_ONCE)


def _fields(view: ApprovalView, room: int) -> Iterator[JsonObject]:
    """A field for each argument that may be shown whole; its name says which it is, also where others are left out."""
    for place, field in enumerate(view.editable):
        text = edit_text(field.value)
        room -= json_bytes(text)
        if room < 0:
            return
        if _is_plain(field, text):
            yield node.line_input(edit_field(place), name(field.name, 90), _KINDS[type(field.value)], text, EDIT_LENGTH)


def edit_text(value: str | int | float | bool) -> str:
    """The value as it stands in its field, and as it comes back untouched."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_plain(field: EditableField, text: str) -> bool:
    """Whether the field shows exactly the value: nothing hidden in it, no secret, not too long."""
    shown = plain(text, EDIT_LENGTH * 6, 1, size=json_bytes) == text == mask_text(text)
    return shown and len(text) <= EDIT_LENGTH and not names_secret(field.name)


def _amend(view: ApprovalView) -> JsonObject:
    value: JsonObject = {"approval_id": str(view.approval_id), "verdict": Verdict.APPROVE.value, "edited": True}
    return node.submit(amend_button(view.approval_id), _EDITED, "primary", value | _seen(view), confirm=_confirm(view))


def _seen(view: ApprovalView) -> JsonObject:
    """Which action is approved by this press, should somebody change the arguments meanwhile."""
    return {"code": (view.action_digest or view.code)[:_LONGEST_CODE]}
