"""Request headers that the hook understands: Prefer (RFC 7240) and Idempotency-Key (draft-ietf-httpapi)."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_WAIT = 600
"""Seconds. A longer `wait` is a longer wish, and is granted as far as this."""

_WAIT = re.compile(r'^\s*wait\s*=\s*"?(\d{1,6})"?\s*$', re.IGNORECASE)
_QUOTED = re.compile(r'^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$')
_BARE = re.compile(r"^[\x21\x23-\x7e]+$")
KEY_LIMIT = 255


class BadHeader(ValueError):
    """A header that cannot be understood; `name` is the header."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


def wait_preference(values: Sequence[str]) -> int | None:
    """Seconds of the first `wait` preference, at most MAX_WAIT. What is malformed is ignored (RFC 7240 section 2)."""
    for part in ",".join(values).split(","):
        if found := _WAIT.match(part.split(";")[0]):
            return min(int(found.group(1)), MAX_WAIT)
    return None


def wait_parameter(text: str | None) -> int | None:
    """`?wait=N` in seconds, at most MAX_WAIT. Raises BadHeader for anything but a whole number."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise BadHeader("wait", "wait is a whole number of seconds")
    return min(int(text), MAX_WAIT)


def idempotency_key(values: Sequence[str]) -> str | None:
    """The key: a quoted string as the draft has it, or a bare token as most clients send it. Raises BadHeader."""
    if not values:
        return None
    if len(values) > 1:
        raise BadHeader("Idempotency-Key", "send Idempotency-Key once")
    text = values[0].strip()
    quoted = _QUOTED.match(text)
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else text if _BARE.match(text) else None
    if not key or len(key) > KEY_LIMIT:
        raise BadHeader("Idempotency-Key", f"Idempotency-Key is 1 to {KEY_LIMIT} printable ASCII characters")
    return key
