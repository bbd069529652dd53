"""Reading what arrives, strictly: JSON as the RFC has it, and objects where objects are due."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class NotJson(ValueError):
    """The bytes are not one JSON value."""


def parse(text: str | bytes) -> Any:
    """The value; no NaN, no name twice, no broken UTF-8."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None


def parse_object(text: str | bytes) -> dict[str, Any]:
    value = parse(text)
    if not isinstance(value, dict):
        raise NotJson("not an object")
    return value


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value
