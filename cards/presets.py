"""Prepared ways to say no: what the person taps, and what the agent is told. The keys are stored and never change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from cards.words import Bilingual


@dataclass(frozen=True, slots=True)
class Preset:
    label: Bilingual
    instruction: Bilingual


PRESETS: dict[str, Preset] = {
    "wrong_target": Preset(
        Bilingual("对象不对", "Wrong target"),
        Bilingual(
            "对象不对。请核对是对谁、对什么操作，确认后再问。",
            "Wrong target. Check whom or what this is for, and ask again once you are sure.",
        ),
    ),
    "too_much": Preset(
        Bilingual("范围或金额太大", "Too much"),
        Bilingual(
            "范围或金额太大。请缩小后再问，只做必要的部分。",
            "Too much. Reduce the scope or the amount to what is needed, and ask again.",
        ),
    ),
    "not_now": Preset(
        Bilingual("现在不行", "Not now"),
        Bilingual(
            "现在不行。先做其他部分，不要马上再问。",
            "Not now. Go on with the rest of your task, and do not ask for this again soon.",
        ),
    ),
    "do_it_differently": Preset(
        Bilingual("换个做法", "Do it differently"),
        Bilingual(
            "换个做法。请找影响更小、可以撤回的办法。",
            "Do it differently. Find a way that changes less and can be undone.",
        ),
    ),
    "never": Preset(
        Bilingual("永远不要这样做", "Never do this"),
        Bilingual(
            "永远不要这样做。放弃这一步，也不要绕道。",
            "Never do this. Drop this step, and do not look for a way around it.",
        ),
    ),
}


def preset(key: str | None) -> Preset | None:
    return PRESETS.get(key) if key else None


def instructed(key: str, words: str | None) -> str:
    """What is recorded and told to the agent: the instruction in English, then the person's own words."""
    return "\n".join(filter(None, (PRESETS[key].instruction.en, (words or "").strip())))


def own_words(recorded: str | None, key: str | None) -> str:
    """The person's own words out of what `instructed` made; all of it where there is no preset."""
    known = preset(key)
    said = (recorded or "").strip()
    return said.removeprefix(known.instruction.en).strip() if known else said


# The fields and buttons of the decision form. The clicks are read with the same functions by which they are drawn.

REASON = "reason"
"""The field with the person's own words."""
APPROVE = "approve"
REJECT = "reject"
_AMEND = "amend"
_EDIT = "edit_"
_REJECT_WITH = "reject_"


def edit_field(place: int) -> str:
    """The field that edits `view.editable[place]`."""
    return f"{_EDIT}{place}"


def edited_place(field: str) -> int | None:
    """The place that a field edits; None for any other field."""
    digits = field.removeprefix(_EDIT)
    return (
        int(digits) if field.startswith(_EDIT) and digits.isascii() and digits.isdigit() and len(digits) < 4 else None
    )


def amend_button(approval_id: UUID) -> str:
    return f"{_AMEND}:{approval_id}"


def reject_button(key: str, approval_id: UUID) -> str:
    return f"{_REJECT_WITH}{key}:{approval_id}"


def button_preset(button: str) -> str | None:
    """The preset that a button's name rejects with; a client may have lost the value."""
    act, _, _ = button.partition(":")
    key = act.removeprefix(_REJECT_WITH)
    return key if act.startswith(_REJECT_WITH) and key in PRESETS else None


def amends(button: str) -> bool:
    """Whether a button of this name approves what the person edited."""
    return button.partition(":")[0] == _AMEND
