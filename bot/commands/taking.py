"""One word of a command after the other, each read as what must stand there, or Wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

from bot.asking.strict_json import NotStrict
from bot.commands.json_tail import read_json
from bot.commands.values import Problem
from bot.commands.words import Words, folded
from config.durations import parse_duration
from models.enums import Level, Role
from models.values import Json

NAME_LIMIT = 100  # characters of a name
OFF = frozenset({"off", "none", "关闭", "关"})
DEFAULT = frozenset({"default", "默认"})
FOR = frozenset({"for", "持续", "为期", "代表", "为"})

_ID = re.compile(r"[0-9a-f]{6,32}")
_DASHED = (8, 12, 16, 20)  # where a UUID has its dashes, in digits
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_URL_LIMIT = 500
_VERSION = re.compile(r"v?([0-9]{1,9})")
_CHINESE_UNITS = (("小时", "h"), ("分钟", "m"), ("分", "m"), ("天", "d"), ("日", "d"), ("周", "w"))
_WEEKS = re.compile(r"([0-9]{1,4})w")
_OPTION = re.compile(r"\s*[=＝]\s*")


class Wrong(Exception):
    """Ends a reading; becomes a Usage."""

    def __init__(self, problem: Problem, given: str = "") -> None:
        self.problem = problem
        self.given = given


def required(words: Words) -> str:
    word = words.take()
    if word is None:
        raise Wrong(Problem.MISSING_WORD)
    return word


def name(words: Words) -> str:
    return as_name(required(words))


def as_name(word: str) -> str:
    if len(word) > NAME_LIMIT or not word.isprintable():
        raise Wrong(Problem.BAD_NAME, word)
    return word


def id_(words: Words) -> str:
    word = required(words)
    found = as_id(word)
    if found is None:
        raise Wrong(Problem.BAD_ID, word)
    return found


def as_id(word: str) -> str | None:
    """An id or its first 6 digits or more, in the form in which ids are stored; None when it is no such thing."""
    digits = folded(word).strip("#.…<>[]").replace("-", "")
    if not _ID.fullmatch(digits):
        return None
    bounds = (0, *(at for at in _DASHED if at < len(digits)), len(digits))
    return "-".join(digits[start:end] for start, end in pairwise(bounds))


def level(words: Words) -> Level:
    word = required(words)
    try:
        return Level(folded(word).upper())
    except ValueError:
        raise Wrong(Problem.BAD_LEVEL, word) from None


def role(words: Words) -> Role:
    word = required(words)
    try:
        return Role(folded(word).replace("-", "_"))
    except ValueError:
        raise Wrong(Problem.BAD_ROLE, word) from None


def url(words: Words) -> str | None:
    word = required(words)
    if folded(word) in OFF:
        return None
    written = word.strip("<>")
    if len(written) > _URL_LIMIT or not written.isprintable() or not _URL.fullmatch(written):
        raise Wrong(Problem.BAD_URL, word)
    return written


def version(word: str) -> int:
    """5, v5 or @5; versions count from 1, and 0 is what holds while nothing was written."""
    match = _VERSION.fullmatch(folded(word).removeprefix("@"))
    if match is None:
        raise Wrong(Problem.BAD_VERSION, word)
    return int(match[1])


def as_duration(word: str) -> timedelta | None:
    """A length of time as people write it, 2h, 7d, 2小时; None when it is no such thing, or nothing at all."""
    compact = folded(word)
    for chinese, unit in _CHINESE_UNITS:
        compact = compact.replace(chinese, unit)
    if weeks := _WEEKS.fullmatch(compact):
        compact = f"{7 * int(weeks[1])}d"
    try:
        lasting = parse_duration(compact)
    except ValueError:
        return None
    return lasting if timedelta() < lasting <= _LONGEST else None


_LONGEST = timedelta(days=3660)


def duration(words: Words) -> timedelta:
    word = required(words)
    lasting = as_duration(word)
    if lasting is None:
        raise Wrong(Problem.BAD_DURATION, word)
    return lasting


def duration_after_for(words: Words) -> timedelta:
    """`2h`, or `for 2h`."""
    if folded(Words(words.tail()).take() or "") in FOR:
        required(words)
    return duration(words)


def option(word: str) -> tuple[str, str] | None:
    """`key=value` with the key folded; None when there is no equals sign."""
    parts = _OPTION.split(word, maxsplit=1)
    return (folded(parts[0]), parts[1]) if len(parts) == 2 and parts[0] else None


def number(text: str) -> int:
    """A whole number above zero."""
    digits = folded(text)
    if not digits.isascii() or not digits.isdigit() or not 0 < len(digits) <= 9 or int(digits) == 0:
        raise Wrong(Problem.BAD_NUMBER, text)
    return int(digits)


def json_rest(words: Words) -> Json:
    """The JSON value that the rest is."""
    tail = words.tail()
    rest(words)
    try:
        return read_json(tail)
    except NotStrict as fault:
        raise Wrong(Problem.BAD_JSON, str(fault)) from None


def rest(words: Words) -> str | None:
    """All that is left, as typed; it is read then."""
    text = words.tail()
    while words.take() is not None:
        pass
    return text or None
