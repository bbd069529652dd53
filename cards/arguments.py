"""What an action does, read from its arguments: the most telling one, the rows, the risk. Masked and cut, unworded."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from itertools import islice

from cards.argument_signs import Kind, Sign
from cards.argument_types import AMOUNTS, COMMANDS, Told, grouped, told, told_as
from cards.escape import Size, both_ends, json_bytes, one_line, utf8_bytes
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
    kind: Kind = Kind.PLAIN
    signs: tuple[Sign, ...] = ()
    whole: int = 0  # bytes of the whole text
    cut: bool = False

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
_TELLING: dict[Risk | None, tuple[tuple[str, ...], ...]] = {
    Risk.PAY: (AMOUNTS, _WHO, _WHAT),
    Risk.SEND: (_WHO, _WHAT),
    Risk.DELETE: (_WHAT, _WHO),
    None: (_WHAT, AMOUNTS, _WHO),
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
    members = _masked(args, most)
    plain = [(name, Told(Kind.PLAIN, told(value))) for name, value in members.items()]
    return shared_out(plain, max_bytes, size=size), len(args) - len(members)


def read(args: JsonObject, most: int, zone: tzinfo = UTC) -> list[tuple[str, Told]]:
    """The arguments by their masked names, each told as what it is. A currency stands with its amount."""
    members = _masked(args, most)
    beside = {name.lower(): value for name, value in members.items()}
    typed = [(name, told_as(name, value, beside, zone)) for name, value in members.items()]
    with_currency = any(one.kind is Kind.MONEY and one.text[-1:].isalpha() for _, one in typed)
    return [(name, one) for name, one in typed if not (with_currency and name.lower() == "currency")]


def _masked(args: JsonObject, most: int) -> JsonObject:
    masked = mask(dict(islice(args.items(), most)))
    return masked if isinstance(masked, dict) else {}


def shared_out(
    members: Sequence[tuple[str, Told]], max_bytes: int, max_lines: int = 60, *, size: Size = json_bytes
) -> list[Row]:
    """A row for each. Each gets its share of the bytes; what is unused goes to the next."""
    shown: list[Row] = []
    for place, (name, one) in enumerate(members):
        share = max_bytes // (len(members) - place)
        label = one_line(name, min(120, share // 4), size=size)
        text, cut = both_ends(one.text, share - size(label), max_lines, size=size)
        max_bytes -= size(label) + size(text)
        whole = len(one.text.encode(errors="surrogatepass"))
        shown.append(Row(label or "␣", text, one.kind, one.signs, whole, cut))
    return shown


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
            return (_money(name, members) or text) if name in AMOUNTS else text
    return None


def _money(name: str, members: dict[str, Json]) -> str | None:
    [masked] = _members(mask({name: members[name]})).values()
    return grouped(masked, members.get("currency"))


def _brief(name: str, value: Json) -> str | None:
    """The value as a few masked words; None when it has none, or too many."""
    if isinstance(value, list):
        texts = [item for item in _items(value[:200]) if isinstance(item, str)]
        joined = shlex.join(texts) if name in COMMANDS else ", ".join(texts)
        value = joined if texts and len(texts) == len(value[:200]) else None
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
