"""The simulator's arithmetic makes the reference vectors again, byte for byte."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.clock import header_time, microseconds, milliseconds
from bot.simulator.crypto import encrypt, sign

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "feishu-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["decrypt"], ids=lambda vector: vector["name"])
def test_the_ciphertext_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    iv = base64.b64decode(vector["encrypt"])[:16]
    assert encrypt(vector["plaintext"].encode(), vector["encrypt_key"], iv) == vector["encrypt"]
    assert encrypt(vector["plaintext"].encode(), vector["encrypt_key"]) != vector["encrypt"], "a fresh IV each time"


@pytest.mark.parametrize("vector", VECTORS["signed_requests"], ids=lambda vector: vector["name"])
def test_the_signature_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    headers = vector["headers"]
    timestamp, nonce = headers["X-Lark-Request-Timestamp"], headers["X-Lark-Request-Nonce"]
    made = sign(timestamp, nonce, VECTORS["encrypt_key"], vector["body"].encode())
    assert made == headers["X-Lark-Signature"]


def test_times_have_feishus_units() -> None:
    at = datetime(2026, 7, 30, 6, 55, 43, 67598, tzinfo=UTC)
    assert milliseconds(at) == "1785394543067"
    assert microseconds(at) == "1785394543067598"
    assert header_time(at, "unix") == "1785394543"
    assert header_time(at, "go").startswith("2026-07-30 14:55:43.067598676 +0800 CST m=+")
