"""Standard Webhooks signatures (standardwebhooks.com, specification 1.0, symmetric "v1"). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One entry of `webhook-signature`; several, for a key being rotated, are joined by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode("ascii")


def key_of(secret: str) -> bytes:
    """The key in a `whsec_` secret; ValueError, without a word of the secret, when it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError("a webhook secret is whsec_ and the Base64 of 24 to 64 bytes")
    return key


def secret_of(key: bytes) -> str:
    """The `whsec_` form of 24 to 64 random bytes."""
    if len(key) not in _KEY_BYTES:
        raise ValueError("a webhook key has 24 to 64 bytes")
    return PREFIX + base64.b64encode(key).decode("ascii")
