"""Lengths of time as people write them: 30s, 72h, 1h30m, 14d."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"([0-9]{1,9})([dhms])")


def parse_duration(text: str) -> timedelta:
    """The length of time that `text` names. Raises ValueError with a sentence that does not repeat the text."""
    compact = text.strip().lower().replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError("must be a length of time such as 90s, 30m, 72h or 3d")
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError("must be a length of time that a person could wait") from None


def parse_durations(text: str) -> tuple[timedelta, ...]:
    """The comma-separated lengths of time; none for an empty text."""
    return tuple(parse_duration(part) for part in text.split(",") if part.strip())
