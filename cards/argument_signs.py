"""What kinds of arguments there are, and what a person should notice in the text of one. Patterns; no wording."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import urlsplit

_LOOKED_AT = 4_000  # characters at either end in which something may stand out


class Kind(StrEnum):
    MONEY = "money"
    SQL = "sql"
    SHELL = "shell"
    PATH = "path"
    ADDRESS = "address"
    URL = "url"
    TIME = "time"
    TEXT = "text"  # of several lines
    JSON = "json"
    PLAIN = "plain"


class Sign(StrEnum):
    """What a person should notice. Seen by simple means: its absence proves nothing."""

    NO_WHERE = "no_where"
    DROPS = "drops"
    STATEMENTS = "statements"
    REMOVES = "removes"
    ELEVATED = "elevated"
    PIPED = "piped"  # what a download says is run
    FORCED = "forced"
    CLIMBS = "climbs"
    WILDCARD = "wildcard"
    LOOKALIKE = "lookalike"  # letters of two scripts in one word
    OTHER_HOST = "other_host"  # a name before the @ that is not the host


def signs(kind: Kind, text: str) -> Iterator[Sign]:
    if len(text) > 2 * _LOOKED_AT:
        text = f"{text[:_LOOKED_AT]}\n{text[-_LOOKED_AT:]}"
    for sign, pattern in _PATTERNS.get(kind, ()):
        if pattern.search(text):
            yield sign
    if kind is Kind.SQL:
        yield from _sql_signs(text)
    if kind is Kind.URL and _has_user(text):
        yield Sign.OTHER_HOST
    if kind in (Kind.URL, Kind.ADDRESS, Kind.PATH) and any(map(_is_mixed, re.findall(r"[^\W\d_]{2,}", text))):
        yield Sign.LOOKALIKE


_PATTERNS: dict[Kind, tuple[tuple[Sign, re.Pattern[str]], ...]] = {
    Kind.SHELL: (
        (Sign.REMOVES, re.compile(r"\b(rm|rmdir|shred|mkfs\S*|dd|truncate)\b")),
        (Sign.ELEVATED, re.compile(r"\b(sudo|doas|su)\b")),
        (Sign.PIPED, re.compile(r"\b(curl|wget)\b[^\n;]{0,400}\|\s*(sudo\s+)?\w*sh\b")),
        (Sign.FORCED, re.compile(r"--force\b|--hard\b|--no-verify\b|--yes\b")),
    ),
    Kind.PATH: (
        (Sign.CLIMBS, re.compile(r"(^|[/\\\s])\.\.($|[/\\\s])")),
        (Sign.WILDCARD, re.compile(r"[*?]")),
    ),
}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def _sql_signs(text: str) -> Iterator[Sign]:
    statements = [one.strip().lower() for one in _QUOTED.sub(" ", text).split(";") if one.strip()]
    if any(re.match(r"(delete|update)\b", one) and not re.search(r"\bwhere\b", one) for one in statements):
        yield Sign.NO_WHERE
    if any(re.match(r"(drop|truncate)\b", one) for one in statements):
        yield Sign.DROPS
    if len(statements) > 1:
        yield Sign.STATEMENTS


def _has_user(url: str) -> bool:
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return True


def _is_mixed(word: str) -> bool:
    """Whether Latin letters stand in one word with letters that look like them."""
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word[:200]}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
