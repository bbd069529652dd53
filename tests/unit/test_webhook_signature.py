"""Our Standard Webhooks signatures, judged by the reference library."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bot.execution.webhook_signature import key_of, secret_of, sign

SECRET = secret_of(bytes(range(32)))


def headers(signature: str, timestamp: int) -> dict[str, str]:
    return {"webhook-id": "a1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def test_the_published_example() -> None:
    """standardwebhooks.com, specification: the example of a symmetric signature."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


@given(st.binary(min_size=24, max_size=64), st.dictionaries(st.text(), st.integers()))
def test_the_reference_library_accepts_what_we_sign(key: bytes, content: dict[str, int]) -> None:
    now, body, secret = int(time.time()), json.dumps(content).encode(), secret_of(key)
    Webhook(secret).verify(body, headers(sign(secret, "a1", now, body), now))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers(sign(secret, "a1", now, body), now))


def test_either_secret_verifies_while_a_key_is_rotated() -> None:
    now, body, old = int(time.time()), b"{}", secret_of(b"o" * 24)
    both = f"{sign(SECRET, 'a1', now, body)} {sign(old, 'a1', now, body)}"
    for secret in (SECRET, old):
        Webhook(secret).verify(body, headers(both, now))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        SECRET.removeprefix("whsec_"),
        "whsec_***",
        "whsec_é",
        *("whsec_" + base64.b64encode(b"x" * length).decode() for length in (23, 65)),
    ],
)
def test_what_is_no_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        key_of(secret)
    assert len(secret) < 8 or secret not in str(caught.value)
