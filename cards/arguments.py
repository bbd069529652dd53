"""What an action does, read from its arguments: the most telling one, the rows, the risk. Masked and cut, unworded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from cards.escape import Size, head_tail, json_bytes, one_line, utf8_bytes
from cards.mask import mask, names_secret
from models.values import Json, JsonObject

_LONGEST_READ = 4_000  # characters of a telling argument that are looked at; far more than its line shows
_SHORT = 90  # bytes that fit beside the name on a phone


class Risk(StrEnum):
    """Families of actions that cannot be taken back."""

    DELETE = "delete"
    PAY = "pay"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Row:
    """One argument, ready to show."""

    name: str
    text: str

    @property
    def is_short(self) -> bool:
        return "\n" not in self.text and utf8_bytes(self.text) <= _SHORT


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RISKS: tuple[tuple[Risk, frozenset[str]], ...] = (
    (Risk.DELETE, _words("delete remove drop purge destroy erase wipe truncate rm rmdir unlink 删除 清空")),
    (Risk.PAY, _words("pay payment transfer refund purchase buy withdraw financial 付款 支付 转账 退款")),
    (Risk.SEND, _words("send publish email mail sms post tweet broadcast 发送 发布")),
)
_WHO = ("to", "recipient", "recipients", "receiver", "payee", "account", "email", "phone", "chat_id", "user", "收款方")
_WHAT = (
    *("path", "paths", "file", "files", "filename", "file_path", "directory", "folder", "url", "uri", "endpoint"),
    *("command", "cmd", "script", "sql", "query", "table", "resource", "repo", "branch"),
    *("subject", "title", "name", "summary", "key", "id"),
)
_HOW_MUCH = ("amount", "total", "price", "sum", "金额")
_TELLING: dict[Risk | None, tuple[tuple[str, ...], ...]] = {
    Risk.PAY: (_HOW_MUCH, _WHO, _WHAT),
    Risk.SEND: (_WHO, _WHAT),
    Risk.DELETE: (_WHAT, _WHO),
    None: (_WHAT, _HOW_MUCH, _WHO),
}


def risk(action_type: str, tool: str | None) -> Risk | None:
    """The family that the action's or the tool's name puts it in, the gravest first."""
    text = f"{action_type} {tool or ''}"[:400]
    words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)}
    for family, signs in _RISKS:
        if words & signs or any(sign in text for sign in signs if not sign.isascii()):
            return family
    return None


def target(args: JsonObject, family: Risk | None, max_bytes: int, size: Size = utf8_bytes) -> str | None:
    """The one or two arguments that tell most: what is deleted, how much goes to whom. On one line."""
    members = _members(args)
    tiers = (_first(members, names) for names in _TELLING[family])
    telling = [text for text in tiers if text is not None][:2] or list(islice(_scalars(members), 1))
    room = (max_bytes - 8) // max(1, len(telling))
    return " · ".join(one_line(text, room, size=size) for text in telling) or None


def sole(args: JsonObject, headline: str | None, max_bytes: int, size: Size = json_bytes) -> str | None:
    """The shown name of the one argument whose whole text the headline is; None when a row would tell more."""
    if len(args) != 1:
        return None
    [row], _ = rows(args, max_bytes, 1, size)
    return row.name if row.text == headline else None


def rows(args: JsonObject, max_bytes: int, most: int, size: Size = json_bytes) -> tuple[list[Row], int]:
    """The arguments in their order, and how many had no room. Each gets its share; what is unused goes to the next."""
    masked = mask(dict(islice(args.items(), most)))
    members = list(masked.items()) if isinstance(masked, dict) else []
    shown: list[Row] = []
    for place, (name, value) in enumerate(members):
        share = max_bytes // (len(members) - place)
        label = one_line(name, min(120, share // 4), size=size)
        text = head_tail(told(value), share - size(label), max_lines=60, size=size)
        max_bytes -= size(label) + size(text)
        shown.append(Row(label or "␣", text))
    return shown, len(args) - len(shown)


def told(value: Json) -> str:
    """The (already masked) value as text. A text that reads like another type keeps its quotes."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False) if _reads_otherwise(value) else value
        case list() if value and all(_is_line(item) for item in value):
            return "\n".join(f"• {told(item)}" for item in value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, indent=2)
        case _:
            return json.dumps(value)


def _reads_otherwise(text: str) -> bool:
    return len(text) < 40 and (text != text.strip() or bool(re.fullmatch(r"|true|false|null|[-+]?[0-9.]+", text)))


def _is_line(value: Json) -> bool:
    return not isinstance(value, (list, dict)) and "\n" not in str(value)


def _members(args: Json) -> dict[str, Json]:
    """The members by lower-case name, then those one level down, so that {"file": {"path": …}} tells its path.

    What stands below a secret's name is a secret, whatever it is called there.
    """
    members: dict[str, Json] = {}
    outer = args if isinstance(args, dict) else {}
    inner = (value for name, value in outer.items() if isinstance(value, dict) and not names_secret(name))
    for level in (outer, *inner):
        for name, value in level.items():
            members.setdefault(name.lower(), value)
    return members


def _first(members: dict[str, Json], names: Sequence[str]) -> str | None:
    for name in names:
        text = _brief(name, members.get(name))
        if text is not None:
            return f"{text} {members['currency']}" if name in _HOW_MUCH and _has_currency(members) else text
    return None


def _has_currency(members: dict[str, Json]) -> bool:
    currency = members.get("currency")
    return isinstance(currency, str) and 0 < len(currency) <= 8


def _brief(name: str, value: Json) -> str | None:
    """The value as a few masked words; None when it has none, or too many."""
    if isinstance(value, list):
        texts = [item for item in _items(value[:200]) if isinstance(item, str)]
        value = ", ".join(texts) if texts and len(texts) == len(value[:200]) else None
    if isinstance(value, str):
        value = value[:_LONGEST_READ].strip().replace("\n", " ⏎ ")
    if isinstance(value, (bool, dict)) or value is None or value == "":
        return None
    [masked] = _members(mask({name: value})).values()
    return masked if isinstance(masked, str) else f"{masked:,}"


def _items(values: list[Json]) -> list[Json]:
    """Masked while each still has its neighbours: in ["--password", "x"] only they tell what x is."""
    masked = mask(values)
    return masked if isinstance(masked, list) else []


def _scalars(members: dict[str, Json]) -> Iterator[str]:
    return (text for name, value in members.items() if (text := _brief(name, value)) is not None)
