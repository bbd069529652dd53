"""Points in time as Feishu writes them: seconds, milli-, micro- or nanoseconds, or a Go time string. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from models.values import Json

_DIGITS = re.compile(r"[0-9]{1,19}")
# Go's time.Time.String(): trailing zeros of the fraction are gone, the zone (CST) is ambiguous, "m=" is monotonic.
_GO = re.compile(
    r"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r" (?P<offset>[+-][0-9]{4})(?: [A-Z]{1,6}| [+-][0-9]{2,4})?(?: m=[+-][0-9.]+)?"
)
_SCALES = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (0, 1))  # from this magnitude on, so many per second


def instant(value: Json) -> datetime | None:
    """The UTC time that `value` names, None for anything that names none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    try:
        if _DIGITS.fullmatch(text):
            return _from_epoch(int(text))
        if match := _GO.fullmatch(text):
            return _from_go(match)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _from_epoch(number: int) -> datetime:
    per_second = next(scale for magnitude, scale in _SCALES if number >= magnitude)
    seconds, rest = divmod(number, per_second)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 10**6 // per_second)


def _from_go(match: re.Match[str]) -> datetime:
    fraction = (match["fraction"] or "0")[:6]
    text = f"{match['second']}.{fraction} {match['offset']}"
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %z").astimezone(UTC)
