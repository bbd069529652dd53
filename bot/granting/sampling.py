"""Which runs under a graduated grant a person looks at: a share that nobody can foresee without the service's key."""

from __future__ import annotations

import hmac
from uuid import UUID

from bot.secrecy.box import derive

_SPAN = 2**64


def review_key(secret_key: str) -> bytes:
    """The key that decides, of the installation's secret key."""
    return derive(secret_key, "reviews: sample")


def sampled(key: bytes, check_id: UUID, share: float) -> bool:
    """Whether this run is looked at; the same answer on every replica and after every restart."""
    drawn = int.from_bytes(hmac.digest(key, check_id.bytes, "sha256")[:8])
    return drawn < share * _SPAN
