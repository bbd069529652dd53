"""What a press on an approval's card says, read from what the client sent. Pure; nothing of who."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from bot.amending import Edits
from cards.presets import REASON, amends, button_preset, edited_place, preset
from models.enums import Verdict
from models.values import CardClick, Json

REASON_LIMIT = 1000
"""Characters; the card's input has the same limit."""

TEXT_LIMIT = 2000
"""Characters of one edited field that are looked at; far more than any field may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of the decision form. `verdict` None: one that nobody knows."""

    verdict: Verdict | None
    approval_id: UUID | None = None
    reason: str | None = None
    preset: str | None = None
    code: str | None = None
    edits: Edits | None = None


def read_button(click: CardClick) -> Button:
    """From the button's value, or from its name where the client stripped the value (feishu-protocol 2.1)."""
    name = click.name or ""
    if click.value.get("verdict") is not None:
        verdict = Verdict.parse(click.value["verdict"])
        chosen, edited = click.value.get("preset"), click.value.get("edited") is True
    else:
        verdict, chosen, edited = _by_name(name)
    if chosen is not None and (verdict is not Verdict.REJECT or not isinstance(chosen, str) or not preset(chosen)):
        verdict = None  # a prepared answer that we do not know: never taken for a plain rejection
    return Button(
        verdict=verdict,
        approval_id=_uuid(click.value.get("approval_id")) or _uuid(name.partition(":")[2]),
        reason=_reason(click.form.get(REASON)),
        preset=chosen if isinstance(chosen, str) and verdict is not None else None,
        code=_code(click.value.get("code")) if verdict is Verdict.APPROVE else None,
        edits=_edits(click.form, meant=edited) if verdict is Verdict.APPROVE else None,
    )


def _by_name(name: str) -> tuple[Verdict | None, str | None, bool]:
    if amends(name):
        return Verdict.APPROVE, None, True
    if (key := button_preset(name)) is not None:
        return Verdict.REJECT, key, False
    return Verdict.parse(name.partition(":")[0]), None, False


def _edits(form: Mapping[str, Json], *, meant: bool) -> Edits | None:
    """The edited fields by their places; None where the form has none and its button means none."""
    texts = {
        place: _text(value)
        for field, value in form.items()
        if (place := edited_place(field)) is not None and value is not None
    }
    return Edits(texts, meant) if texts or meant else None


def _text(value: Json) -> str:
    """What was typed; anything but text reads as what no argument can be."""
    return value[:TEXT_LIMIT] if isinstance(value, str) else json.dumps(value)[:TEXT_LIMIT]


def _code(carried: Json) -> str | None:
    """None only where the client lost it: a broken one fits nothing."""
    return None if carried is None else carried if isinstance(carried, str) else ""


def _reason(reason: Json) -> str | None:
    return reason.strip()[:REASON_LIMIT] or None if isinstance(reason, str) else None


def _uuid(text: Json) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
