"""Feishu's side of the webhook arithmetic: encrypts and signs what the simulator posts. Shares no line with the bot."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def encrypt(plaintext: bytes, encrypt_key: str, iv: bytes | None = None) -> str:
    """Base64 of the IV and the AES-256-CBC ciphertext under SHA-256 of the key (Feishu, "Encrypt Key")."""
    iv = os.urandom(16) if iv is None else iv
    padder = PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def sign(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """The X-Lark-Signature of an event or of a `card.action.trigger` callback."""
    return hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()
