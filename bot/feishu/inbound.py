"""The gate for whatever arrives at the webhook: bytes become one authentic event, or nothing. Pure.

The order of the checks is feishu's documented one, made so that nothing is parsed or decrypted before the signature
holds. A repeated event passes here: de-duplication needs the database, and is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.feishu.answers import Toast, ToastKind, answer
from bot.feishu.crypto import decrypt, same, signature
from bot.feishu.events import CARD_CLICK, decode_plain, header_of
from bot.feishu.timestamps import instant
from bot.foreign_json import NotJson, parse_object
from models.values import AppCredentials, InboundEvent, Json, JsonObject, UrlChallenge

__all__ = ["MAX_BODY", "Toast", "ToastKind", "Unauthentic", "answer", "decode", "decode_plain"]

MAX_BODY = 1024 * 1024
"""Bytes. Feishu's largest events have some tens of KiB."""

_MAX_CHALLENGE = 1024
_MAX_UNSIGNED = 8 * 1024  # bytes; strangers must not have us decrypt and parse more
_SIGNED = ("x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature")


@dataclass(frozen=True, slots=True)
class Unauthentic:
    """Not from Feishu, or not provably. `reason` is for the log only: to the sender all refusals look alike."""

    reason: str


class _Refused(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason


def decode(
    headers: Mapping[str, str],
    body: bytes,
    credentials: AppCredentials,
    now: datetime,
    *,
    window: timedelta = timedelta(minutes=5),
    allow_challenge: bool = True,
) -> InboundEvent | Unauthentic:
    """The event that Feishu sent to the app of `credentials`. Never raises, whatever was sent.

    `window` is how far the signed time may lie from `now`. `allow_challenge` lets the url_verification of the
    developer console through, which comes without signature headers; switch it off once the URL is saved.
    """
    try:
        return _decode(headers, body, credentials, now, window, allow_challenge)
    except _Refused as refused:
        return Unauthentic(refused.reason)


def _decode(
    headers: Mapping[str, str],
    body: bytes,
    credentials: AppCredentials,
    now: datetime,
    window: timedelta,
    allow_challenge: bool,
) -> InboundEvent:
    if len(body) > MAX_BODY:
        raise _Refused("body too large")
    if not credentials.encrypt_key or not credentials.verification_token:
        raise _Refused("app has no encrypt key or verification token")
    signed = _signature_headers(headers)
    if signed is None:
        if not allow_challenge:
            raise _Refused("signature headers absent")
        if len(body) > _MAX_UNSIGNED:
            raise _Refused("unsigned, and too large for a url_verification")
        return _challenge(_open(body, credentials), credentials)
    timestamp, nonce, given = signed
    if not same(given, signature(timestamp, nonce, credentials.encrypt_key, body)):
        raise _Refused("signature")
    sent_at = instant(timestamp)
    if sent_at is not None:
        _within(window, now, sent_at)
    return _event(_open(body, credentials), credentials, now, window, time_is_known=sent_at is not None)


def _signature_headers(headers: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Timestamp, nonce and signature; None when all three are absent."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        if key in _SIGNED and found.setdefault(key, value) != value:
            raise _Refused("signature headers contradict each other")
    if not found:
        return None
    try:
        timestamp, nonce, given = (found[name] for name in _SIGNED)
    except KeyError:
        raise _Refused("signature headers incomplete") from None
    return timestamp, nonce, given


def _open(body: bytes, credentials: AppCredentials) -> JsonObject:
    """What is inside the encrypted body; an unencrypted one is refused, since every app here has a key."""
    try:
        encrypt = parse_object(body).get("encrypt")
    except NotJson:
        raise _Refused("body is not a JSON object") from None
    if not isinstance(encrypt, str):
        raise _Refused("body is not encrypted")
    try:
        return parse_object(decrypt(encrypt, credentials.encrypt_key))
    except ValueError:  # NotJson too: one reason for both, lest the decryptor become an oracle
        raise _Refused("decryption") from None


def _challenge(envelope: JsonObject, credentials: AppCredentials) -> UrlChallenge:
    challenge = envelope.get("challenge")
    if envelope.get("type") != "url_verification" or not _matches(
        envelope.get("token"), credentials.verification_token
    ):
        raise _Refused("unsigned, and no authentic url_verification")
    if not isinstance(challenge, str) or not 0 < len(challenge) <= _MAX_CHALLENGE:
        raise _Refused("challenge is not a short text")
    return UrlChallenge(challenge)


def _event(
    envelope: JsonObject, credentials: AppCredentials, now: datetime, window: timedelta, *, time_is_known: bool
) -> InboundEvent:
    if envelope.get("type") == "url_verification":
        return _challenge(envelope, credentials)
    header = header_of(envelope)
    if not _matches(header.get("token"), credentials.verification_token):
        raise _Refused("verification token")
    if not _matches(header.get("app_id"), credentials.app_id):
        raise _Refused("app id")
    if header.get("event_type") == CARD_CLICK:
        _check_click_time(header, now, window, time_is_known=time_is_known)
    return decode_plain(envelope, credentials.app_id)


def _check_click_time(header: JsonObject, now: datetime, window: timedelta, *, time_is_known: bool) -> None:
    """A click is pushed once and at once, so that its own time is held to the window as well.

    The time of other events is not: Feishu repeats them for seven hours with the first `create_time`.
    """
    clicked_at = instant(header.get("create_time"))
    if clicked_at is not None:
        _within(window, now, clicked_at)
    elif not time_is_known:
        raise _Refused("card callback without a readable time")


def _within(window: timedelta, now: datetime, at: datetime) -> None:
    if abs(now - at) > window:
        raise _Refused("outside the time window")


def _matches(given: Json, expected: str) -> bool:
    return isinstance(given, str) and same(given, expected)
