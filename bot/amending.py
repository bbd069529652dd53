"""What a person may change of an action request before approving it, and the request that comes of it. Pure.

Only what stands on the card whole and readable can be edited: short texts on one line, numbers, yes and no. A text
stays a text, a number a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.asking.strict_json import SAFE_INTEGER
from bot.granting.bounds import default_fixed
from cards.escape import plain
from cards.mask import mask
from cards.views import EditableField
from models.values import ActionRequest, Json, JsonObject

MOST_FIELDS = 6

LONGEST_TEXT = 300
"""Characters; what is longer is not read on a phone, let alone edited."""

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,12})?")
_MONEY = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,2}")
_YES_NO = {"true": True, "是": True, "false": False, "否": False}


@dataclass(frozen=True, slots=True)
class Fault:
    """Nothing can be made of what was typed into the field at this place."""

    place: int
    name: str | None = None  # the argument; None where there is none at that place


@dataclass(frozen=True, slots=True)
class Edits:
    """What a decision form held, by the places of its fields, and whether its button was the one that applies it."""

    texts: Mapping[int, str]
    meant: bool


def editable(request: ActionRequest) -> tuple[EditableField, ...]:
    """The arguments that a person may change, in the order of the request; their places name them in the form."""
    masked = mask(request.args)
    if not isinstance(masked, dict):
        return ()
    fields = (
        EditableField(name, value)
        for name, value in request.args.items()
        if isinstance(value, str | int | float) and _shown_whole(name, value, masked)
    )
    return tuple(field for field in fields if _readable(field.value))[:MOST_FIELDS]


def amended(request: ActionRequest, texts: Mapping[int, str]) -> ActionRequest | Fault:
    """The request with the typed values in the place of the old ones; the same one where nothing differs."""
    fields, args, fixed = editable(request), dict(request.args), default_fixed(request)
    for place, text in texts.items():
        if not 0 <= place < len(fields):
            return Fault(place)
        field = fields[place]
        value = _read(field.value, text.strip(), is_amount=field.name not in fixed)
        if value is None:
            return Fault(place, field.name)
        if not _same(field.value, value):
            args[field.name] = value
    return request if args == request.args else replace(request, args=args)


def differs(request: ActionRequest, texts: Mapping[int, str]) -> bool:
    """Whether the form holds other values than the request; what cannot be read is another value too."""
    made = amended(request, texts)
    return isinstance(made, Fault) or made is not request


def details_of(request: ActionRequest) -> JsonObject:
    """The request as the `details` of a check, so that the agent can send exactly this."""
    ours: JsonObject = {
        "tool": request.tool,
        "args": request.args,
        "reason": request.reason,
        "requested_by": request.requested_by,
    }
    return {**request.extra, **{name: value for name, value in ours.items() if value is not None}}


def _shown_whole(name: str, value: Json, masked: JsonObject) -> bool:
    """Whether neither the name nor the value is hidden, wholly or in part."""
    return plain(name, 4 * LONGEST_TEXT) == name and name in masked and _same(masked[name], value)


def _readable(value: Json) -> bool:
    match value:
        case bool():
            return True
        case int() | float():
            return _DECIMAL.fullmatch(str(value)) is not None and abs(value) <= SAFE_INTEGER
        case str():
            return _one_line(value)
        case _:
            return False


def _one_line(text: str) -> bool:
    """Whether the text is short and stands on the card exactly as it is: nothing invisible, nothing that turns it."""
    if len(text) > LONGEST_TEXT or "\n" in text or "\t" in text or text != text.strip():
        return False
    return plain(text, 8 * LONGEST_TEXT) == text


def _read(old: Json, text: str, *, is_amount: bool) -> str | int | float | bool | None:
    """The typed text as a value of the old one's type; None where it is none. Numbers are read strictly.

    What was stored as 12000 may have been sent as 12000.00, so an amount may get cents; 12.000 is refused there, for
    it is not sure what is meant.
    """
    match old:
        case bool():
            return _YES_NO.get(text.lower())
        case int() | float():
            return _number(old, text, is_amount=is_amount)
        case _:
            return text if _one_line(text) else None


def _number(old: int | float, text: str, *, is_amount: bool) -> int | float | None:
    if _WHOLE.fullmatch(text):
        number: int | float = int(text)
    elif (_DECIMAL if isinstance(old, float) else _MONEY).fullmatch(text) and (is_amount or isinstance(old, float)):
        number = float(text)
    else:
        return None
    return number if abs(number) <= SAFE_INTEGER else None


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON: 1 and 1.0 are, true and 1 are not."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other
