"""Time-ordered ids (RFC 9562 UUID version 7), so that new rows land at the end of every index."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_COUNTER_BITS = 74  # rand_a and rand_b of the RFC together
_latest = (0, 0)  # milliseconds and counter of the latest id of this process


def new_id() -> UUID:
    """A fresh UUIDv7, greater than every earlier one of this process, also when the clock steps back.

    Within one millisecond the random part counts up by a random step (RFC 9562, 6.2, method 2): outbox messages of one
    lane go out in the order of their ids.
    """
    global _latest
    milliseconds = time.time_ns() // 1_000_000
    earlier, counter = _latest
    if milliseconds > earlier:
        counter = secrets.randbits(_COUNTER_BITS - 1)  # the highest bit stays free, so that counting never overflows
    else:
        milliseconds, counter = earlier, counter + 1 + secrets.randbits(32)
    _latest = (milliseconds, counter)
    rand_a, rand_b = counter >> 62, counter & (1 << 62) - 1
    return UUID(int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)
