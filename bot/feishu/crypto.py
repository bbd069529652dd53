"""The arithmetic of Feishu's webhook: SHA-256 signature and AES-256-CBC. Pure; decides nothing.

Rules: open.feishu.cn, "Receive events through webhooks", steps 3 (decryption) and 4 (signature).
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


def signature(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """Lower-case hex SHA-256 over the header texts, the key and the raw body, exactly as received."""
    return hashlib.sha256(_raw(timestamp + nonce + encrypt_key) + body).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether both are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(_raw(one), _raw(other))


def decrypt(encrypt: str, encrypt_key: str) -> bytes:
    """The plaintext of an `encrypt` member; ValueError for whatever is wrong with it."""
    raw = base64.b64decode(encrypt, validate=True)
    if len(raw) < 2 * _BLOCK or len(raw) % _BLOCK:
        raise ValueError("length")
    key = hashlib.sha256(_raw(encrypt_key)).digest()
    decryptor = Cipher(algorithms.AES(key), modes.CBC(raw[:_BLOCK])).decryptor()
    return _unpad(decryptor.update(raw[_BLOCK:]) + decryptor.finalize())


def _unpad(padded: bytes) -> bytes:
    count = padded[-1]
    if not 1 <= count <= _BLOCK or padded[-count:] != bytes([count]) * count:
        raise ValueError("padding")
    return padded[:-count]


def _raw(text: str) -> bytes:
    """The bytes that stood on the wire: aiohttp decodes header bytes beyond UTF-8 into lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
