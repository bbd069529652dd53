"""Hours of the day and days of the week as people write them: 22:00-08:00, never, 12345 (Monday is 1)."""

from __future__ import annotations

import re
from datetime import time

NEVER = "never"
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_HOURS_WORDS = "must be hours such as 22:00-08:00 that begin and end at different times, or never"
_DAYS_WORDS = "must be the working days in order, such as 12345 (Monday is 1, Sunday is 7)"


def parse_hours(text: str) -> tuple[time, time] | None:
    """When the hours begin and end; None for never. Raises ValueError with a sentence that does not repeat the text."""
    if text == NEVER:
        return None
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(_HOURS_WORDS)
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if begin == end:
        raise ValueError(_HOURS_WORDS)
    return begin, end


def parse_days(text: str) -> frozenset[int]:
    """The ISO weekdays. Raises ValueError likewise."""
    if not text or any(digit not in "1234567" for digit in text) or "".join(sorted(set(text))) != text:
        raise ValueError(_DAYS_WORDS)
    return frozenset(map(int, text))
