"""How the Feishu client judges the answer to a card callback: a toast, a card, or a code that the person sees. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.simulator.rules import card_fault, schema_of
from bot.simulator.state import Json
from bot.simulator.wire import NotJson, compact, parse_object

NO_URL = 200340
TOO_LATE = 200341
NO_CONNECTION = 200342
NO_HOST = 200343
BROKEN = 200080
NOT_200 = 200671
WRONG_SHAPE = 200672
WRONG_CARD = 200673
WRONG_SCHEMA = 200830

_TOAST_KINDS = frozenset({"info", "success", "error", "warning"})


@dataclass(frozen=True, slots=True)
class Toast:
    """The short line that the person who pressed sees."""

    kind: str
    content: str
    i18n: dict[str, str]

    def said(self, language: str) -> str:
        return self.i18n.get(language) or self.content


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """`code` 0, or what the client shows instead of an effect; `why` is for whoever debugs the bot."""

    code: int = 0
    why: str = ""
    toast: Toast | None = None
    card: Json | None = None


class _Wrong(Exception):
    def __init__(self, code: int, why: str) -> None:
        self.answer = CallbackAnswer(code, why)


def judge(status: int, content_type: str, body: bytes, knows_person: Callable[[str], bool]) -> CallbackAnswer:
    """What an answer that arrived in time does to the clicker's client."""
    try:
        if status != 200:
            raise _Wrong(NOT_200, f"HTTP {status}")
        if content_type != "application/json":
            raise _Wrong(WRONG_SHAPE, f"content type {content_type}")
        try:
            answer = parse_object(body)
        except NotJson as error:
            raise _Wrong(WRONG_SHAPE, f"not a JSON object: {error}") from None
        if unknown := set(answer) - {"toast", "card"}:
            raise _Wrong(WRONG_SHAPE, f"only toast and card may stand there, not {sorted(unknown)[0]}")
        return CallbackAnswer(toast=_toast(answer.get("toast")), card=_card(answer, knows_person))
    except _Wrong as wrong:
        return wrong.answer


def _toast(toast: Any) -> Toast | None:
    if toast is None:
        return None
    if not isinstance(toast, dict) or not set(toast) <= {"type", "content", "i18n"}:
        raise _Wrong(WRONG_SHAPE, "a toast has type, content and i18n")
    kind, content, i18n = toast.get("type", "info"), toast.get("content"), toast.get("i18n", {})
    if kind not in _TOAST_KINDS:
        raise _Wrong(WRONG_SHAPE, f"unknown type of toast {kind}")
    if not isinstance(content, str) or not content:
        raise _Wrong(WRONG_SHAPE, "a toast has a content")
    if not isinstance(i18n, dict) or not all(isinstance(text, str) for text in i18n.values()):
        raise _Wrong(WRONG_SHAPE, "i18n of a toast is an object of texts")
    return Toast(kind, content, i18n)


def _card(answer: Json, knows_person: Callable[[str], bool]) -> Json | None:
    if "card" not in answer:
        return None
    card = answer["card"]
    if not isinstance(card, dict) or set(card) != {"type", "data"}:
        raise _Wrong(WRONG_SHAPE, "a card has type and data")
    if card["type"] != "raw":
        raise _Wrong(WRONG_CARD, f"card type {card['type']} is not simulated")
    if not isinstance(card["data"], dict):
        raise _Wrong(WRONG_SHAPE, "data is the card object, not its text")
    data: Json = card["data"]
    if schema_of(data) != "2.0":
        raise _Wrong(WRONG_SCHEMA, "a card of schema 2.0 cannot be replaced by one of 1.0")
    if fault := card_fault(compact(data), knows_person):
        raise _Wrong(WRONG_CARD, fault.ext)
    return data
