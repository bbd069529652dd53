"""What an argument is, by its name and value: money, SQL, a command, a path; and how it is told.

Works on masked values. Tables and pure functions; no wording (cards.action has it), and nothing is cut here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation

from cards.argument_signs import Kind, Sign, signs
from models.values import Json

_DEEPEST_OUTLINE = 4


@dataclass(frozen=True, slots=True)
class Told:
    kind: Kind
    text: str  # whole
    signs: tuple[Sign, ...] = ()


def told_as(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo = UTC) -> Told:
    """The masked value with its kind. `beside`: the other arguments by lower-case name, for an amount's currency."""
    for kind, tell in _TELLERS:
        text = tell(name.lower(), value, beside, zone)
        if text is not None:
            return Told(kind, text, tuple(signs(kind, text)))
    return Told(Kind.PLAIN, told(value))


def told(value: Json) -> str:
    """The value as text. A text that reads like another type keeps its quotes."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False) if _reads_otherwise(value) else value
        case list() if value and all(_is_line(item) for item in value):
            return "\n".join(f"• {told(item)}" for item in value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, indent=2)
        case _:
            return json.dumps(value)


def grouped(value: Json, currency: Json = None) -> str | None:
    """12,000.00 CNY; None for what is no number. Digits are only ever added, never rounded away."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?", value.strip()):
        return None
    if isinstance(value, int) and abs(value) >= 10**40:
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not amount.is_finite() or not -60 < amount.adjusted() < 60:
        return None
    code = currency.strip() if isinstance(currency, str) and re.fullmatch(r"\s*[^\W\d_]{1,8}\s*", currency) else ""
    least = 2 if code and code.upper() not in _WHOLE_CURRENCIES else 0
    exponent = amount.as_tuple().exponent
    digits = max(least, -exponent if isinstance(exponent, int) and exponent < 0 else 0)
    return f"{amount:,.{digits}f} {code}".strip()


AMOUNTS = ("amount", "total", "price", "sum", "fee", "budget", "金额")
_WHOLE_CURRENCIES = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
COMMANDS = frozenset({"command", "cmd", "script", "shell", "bash", "argv"})
_PATHS = frozenset({"path", "paths", "file", "files", "filename", "dir", "directory", "folder", "src", "dst"})
_ADDRESSES = frozenset({"to", "cc", "bcc", "from", "recipient", "recipients", "receiver", "email", "emails"})
_TIMES = frozenset({"at", "time", "date", "deadline", "until", "timestamp", "start", "end", "expires", "due", "when"})
_SQL = re.compile(
    r"\s*(?:select\b.{0,2000}?\bfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|with\s+\S+\s+as|merge\s+into|"
    r"(?:drop|alter|create|truncate)\s+(?:table|database|schema|index|view)|truncate\s+\S+|grant\s+.{1,200}?\bto)\b",
    re.IGNORECASE | re.DOTALL,
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_EPOCHS = (10**9, 4 * 10**9)  # seconds: 2001 to 2096


def _money(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    return grouped(value, beside.get("currency")) if name in AMOUNTS else None


def _sql(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    return value if isinstance(value, str) and (name == "sql" or _SQL.match(value[:4_000])) else None


def _shell(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    if name not in COMMANDS:
        return None
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return shlex.join(str(item) for item in value)
    return value if isinstance(value, str) and value else None


def _path(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    return _lines(value) if _PATHS & set(re.findall(r"[a-z]+", name)) else None


def _address(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    text = _lines(value) if name in _ADDRESSES else None
    return text if text and "@" in text else None


def _lines(value: Json) -> str | None:
    """One text of one line, or a list of such."""
    if isinstance(value, list) and value and all(isinstance(item, str) and _is_line(item) for item in value):
        return told(value) if len(value) > 1 else str(value[0])
    return value if isinstance(value, str) and value and _is_line(value) and not _reads_otherwise(value) else None


def _url(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    return value if isinstance(value, str) and re.match(r"https?://\S+$", value[:4_000], re.IGNORECASE) else None


def _time(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    """As it is, and what the reader's clock shows then."""
    at = None
    if isinstance(value, str) and _ISO.fullmatch(value):
        at = _read_iso(value)
    elif isinstance(value, int) and not isinstance(value, bool) and _TIMES & set(re.findall(r"[a-z]+", name)):
        seconds = value // 1000 if value >= _EPOCHS[1] else value
        at = datetime.fromtimestamp(seconds, UTC) if _EPOCHS[0] <= seconds < _EPOCHS[1] else None
    return f"{value} → {at.astimezone(zone):%Y-%m-%d %H:%M} ({_offset(at, zone)})" if at else None


def _read_iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if 1900 < at.year < 9000 else None


def _offset(at: datetime, zone: tzinfo) -> str:
    text = f"{at.astimezone(zone):%z}"
    return f"UTC{text[:3]}:{text[3:5]}"


def _text(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    return value if isinstance(value, str) and "\n" in value.strip() else None


def _json(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> str | None:
    if not isinstance(value, (dict, list)) or not value:
        return None
    if isinstance(value, list) and all(_is_line(item) for item in value):
        return None
    return "\n".join(outline(value)) if _depth(value) <= _DEEPEST_OUTLINE else told(value)


_Teller = Callable[[str, Json, Mapping[str, Json], tzinfo], str | None]
_TELLERS: tuple[tuple[Kind, _Teller], ...] = (
    (Kind.MONEY, _money),
    (Kind.SQL, _sql),
    (Kind.SHELL, _shell),
    (Kind.URL, _url),
    (Kind.PATH, _path),
    (Kind.ADDRESS, _address),
    (Kind.TIME, _time),
    (Kind.TEXT, _text),
    (Kind.JSON, _json),
)


def outline(value: Json, indent: str = "") -> Iterator[str]:
    """Nested members as indented lines, without braces. A text with line breaks is quoted: it cannot fake a member."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _member(f"{indent}{_on_a_line(name)}:", member, indent)
    elif isinstance(value, list):
        for item in value:
            yield from _member(f"{indent}•", item, indent)


def _member(head: str, value: Json, indent: str) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield head
        yield from outline(value, indent + "  ")
    else:
        yield f"{head} {_on_a_line(value) if isinstance(value, str) else json.dumps(value)}"


def _on_a_line(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _reads_otherwise(text) or not _is_line(text) else text


def _depth(value: Json, limit: int = _DEEPEST_OUTLINE + 1) -> int:
    """How deep it is nested; not counted beyond the limit."""
    if limit == 0 or not isinstance(value, (dict, list)):
        return 0
    members = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(member, limit - 1) for member in members), default=0)


def _reads_otherwise(text: str) -> bool:
    return len(text) < 40 and (text != text.strip() or bool(re.fullmatch(r"|true|false|null|[-+]?[0-9.]+", text)))


def _is_line(value: Json) -> bool:
    return not isinstance(value, (list, dict)) and "\n" not in str(value)
