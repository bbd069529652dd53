"""Feishu's error numbers, read as one of the five faults of bot.ports. Pure.

Sources: open.feishu.cn, the error tables of "Send message", "Reply", "Update card" and "Generic error codes".
A number we do not know is judged by the HTTP status alone: 408, 425, 429 and 5xx may pass (FeishuUnavailable), 401
and 403 are the app's (FeishuMisconfigured), everything else is taken for a payload that Feishu does not like
(PayloadRefused): the caller then sends a reduced text once, and gives up with an alert rather than trying for ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.ports import (
    FeishuFault,
    FeishuMisconfigured,
    FeishuUnavailable,
    MessageGone,
    PayloadRefused,
    ReceiverRefused,
)
from models.values import Json, JsonObject

TOKEN_REJECTED: Final = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991671, 99991677})
"""The access token is not (or no longer) taken: fetch another one, once."""

_TOKEN_INVALID = 99991663
_RATE = frozenset({99991400, 230020, 11232, 11233, 11247})
_SCOPE = frozenset({99991672, 99991679, 230027})
_MISCONFIGURED = frozenset({10003, 10014, 10015, 99991401, 99991662, 99991673, 230006}) | _SCOPE
_RECEIVER = frozenset({230002, 230013, 230023, 230029, 230034, 230035, 230038, 230053, 232009})
_RECEIVER |= {41012, 41050}  # the directory's: no such id, or not for this app to see
_RECEIVER |= frozenset(range(99992350, 99992366))  # ids that are unknown, malformed, of another app or tenant
_PAYLOAD = frozenset({230001, 230022, 230025, 230028, 230099})
_GONE = frozenset({230011, 230012, 230019, 230031, 230054, 230110})
_STILL_SENDING = 230049
_CARD_FAILED = 230099
_RETRY_SOON = 1.0  # seconds; the obstacle is another call or a finger on the card
_TRANSIENT_STATUS = frozenset({408, 425, 429})
_MAX_DETAIL = 300


def fault(status: int, code: int, msg: str, body: JsonObject, headers: Mapping[str, str]) -> FeishuFault:
    """The fault that an unsuccessful answer stands for. `code` is 0 when the body held none."""
    log_id = log_id_of(headers, body)
    detail = f"{msg[:_MAX_DETAIL]} (code {code}, HTTP {status})"
    if is_rate_limit(status, code):
        return FeishuUnavailable(detail, code=code, log_id=log_id, retry_after=reset_after(headers))
    if code == _STILL_SENDING or (code == _CARD_FAILED and _locked(msg)):
        return FeishuUnavailable(detail, code=code, log_id=log_id, retry_after=_RETRY_SOON)
    if code in _SCOPE:
        detail = f"scope missing: {', '.join(scopes_in(msg, body)) or 'not named'}; {detail}"
    return _kind(status, code)(detail, code=code, log_id=log_id)


def is_rate_limit(status: int, code: int) -> bool:
    return status == 429 or code in _RATE


def reset_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until Feishu takes calls again, where it says so."""
    text = headers.get("x-ogw-ratelimit-reset", "")
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else None


def log_id_of(headers: Mapping[str, str], body: JsonObject) -> str | None:
    """What Feishu's support asks for first."""
    error = body.get("error")
    in_body = error.get("log_id") if isinstance(error, dict) else None
    return headers.get("X-Tt-Logid") or (in_body if isinstance(in_body, str) else None)


def scopes_in(msg: str, body: JsonObject) -> list[str]:
    """The scopes that Feishu names as missing, one of which the app needs."""
    error = body.get("error")
    violations = error.get("permission_violations") if isinstance(error, dict) else None
    named = [_subject(each) for each in violations] if isinstance(violations, list) else []
    if not any(named):
        named = [part.strip() for group in re.findall(r"\[([a-z][\w:.,\s]*)\]", msg) for part in group.split(",")]
    return list(dict.fromkeys(name for name in named if name))


def _subject(violation: Json) -> str:
    subject = violation.get("subject") if isinstance(violation, dict) else None
    return subject if isinstance(subject, str) else ""


def _locked(msg: str) -> bool:
    """Of the reasons behind 230099 only this one passes: somebody is using the card (sub-code 11310)."""
    return "11310" in msg and "lock" in msg.lower()


def _kind(status: int, code: int) -> type[FeishuFault]:
    if code == _TOKEN_INVALID:  # a token fetched this moment was refused: theirs to settle
        return FeishuUnavailable
    if code in _MISCONFIGURED or code in TOKEN_REJECTED:
        return FeishuMisconfigured
    if code in _RECEIVER:
        return ReceiverRefused
    if code in _GONE:
        return MessageGone
    if code in _PAYLOAD:
        return PayloadRefused
    return _kind_by_status(status)


def _kind_by_status(status: int) -> type[FeishuFault]:
    if status >= 500 or status in _TRANSIENT_STATUS or 300 <= status < 400:
        return FeishuUnavailable
    return FeishuMisconfigured if status in (401, 403) else PayloadRefused
