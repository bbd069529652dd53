"""JSON that Feishu and executors send us, mended where a database could not hold it. Pure.

An agent's own input is refused instead (bot.strict_json): here there is nobody who could send it again better.
"""

from __future__ import annotations

import json
import math
from typing import Never

from models.values import Json, JsonObject

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class NotJson(ValueError):
    """The text is not JSON that we take. Carries nothing of the text."""


def parse(text: bytes | str) -> Json:
    """The value in `text`, or NotJson: for NaN, infinities, duplicate keys and absurd depth too.

    NUL and lone surrogates inside strings become U+FFFD, because PostgreSQL and UTF-8 cannot hold them.
    """
    try:
        value: Json = json.loads(
            text if isinstance(text, str) else text.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
        return storable(value)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise NotJson from None


def parse_object(text: bytes | str) -> JsonObject:
    """As `parse`, and only an object will do."""
    value = parse(text)
    if not isinstance(value, dict):
        raise NotJson
    return value


def storable(value: Json) -> Json:
    """`value` with each character that a database cannot hold replaced."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): storable(item) for key, item in value.items()}
    return value


def storable_text(text: str) -> str:
    if "\x00" in text:
        text = text.replace("\x00", _REPLACEMENT)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def _refuse_constant(name: str) -> Never:
    raise NotJson


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJson
    return number


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson
    return members
