"""Secrets at rest: sealed with AES-GCM, bound to the row that holds them, opened by any key still in rotation."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORM = "s1"  # moves when the form of a sealed secret changes
_NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2: random 96-bit nonces, good for 2^32 secrets per key


class SealBroken(Exception):
    """The sealed text was not sealed here, not for this row, or with a key that is no longer known."""


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    cipher: AESGCM


class SecretBox:
    """The first key seals; every key opens what it sealed, so a new one is put in front and the old one kept."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(_key(text) for text in usable(keys))

    def seal(self, plaintext: str, *, bound_to: str) -> str:
        """The ciphertext, which opens only with the same `bound_to` (the id of the row it is stored in)."""
        key, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        box = nonce + key.cipher.encrypt(nonce, plaintext.encode(), _context(key.id, bound_to))
        return f"{_FORM}.{key.id}.{base64.urlsafe_b64encode(box).decode()}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """What was sealed. Raises SealBroken."""
        form, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        if form != _FORM:
            raise SealBroken("not a sealed secret")
        key = next((key for key in self._keys if key.id == key_id), None)
        if key is None:
            raise SealBroken("sealed with a key that is not among the current ones")
        try:
            box = base64.b64decode(body, altchars=b"-_", validate=True)
            return key.cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _context(key.id, bound_to)).decode()
        except (binascii.Error, ValueError, InvalidTag):
            raise SealBroken("altered, or bound to something else") from None

    def __repr__(self) -> str:
        return f"SecretBox(keys={[key.id for key in self._keys]})"


def usable(keys: Sequence[str]) -> list[str]:
    """The keys without surrounding blanks. Raises ValueError when there is none, or an empty one."""
    stripped = [key.strip() for key in keys]
    if not stripped or not all(stripped):
        raise ValueError("at least one secret key is needed, and none may be empty")
    return stripped


def derive(key: str, purpose: str) -> bytes:
    """32 bytes for one purpose only (RFC 5869), so that no two uses of a secret key share bytes."""
    return HKDF(algorithm=SHA256(), length=32, salt=b"assent", info=purpose.encode()).derive(key.encode())


def _key(text: str) -> _Key:
    return _Key(derive(text, "secret box: id")[:4].hex(), AESGCM(derive(text, "secret box: aes-256-gcm")))


def _context(key_id: str, bound_to: str) -> bytes:
    return f"{_FORM}.{key_id}.{bound_to}".encode()
