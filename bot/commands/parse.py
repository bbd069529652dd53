"""Text → Command, Usage or NotACommand. Never raises; decides nothing about who may do what."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

from bot.asking.strict_json import NotStrict
from bot.commands import values as v
from bot.commands.json_tail import read_json, starts_json
from bot.commands.table import FIRST_WORDS, GROUPS, SECOND_WORDS, SPECS
from bot.commands.words import ENUMERATION_COMMA, SLASHES, Words, folded, visible
from models.enums import Level, Role

NAME_LIMIT = 100  # characters of a name
_SHOWN_LIMIT = 60
_CODE_LIMIT = 71  # a whole digest may be pasted; any other word is a wrong code, said so by the rules
_ID = re.compile(r"[0-9a-f]{6,32}")
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_URL_LIMIT = 500
_OFF = frozenset({"off", "none", "关闭", "关"})
_DEFAULT = frozenset({"default", "默认"})
_DASHED = (8, 12, 16, 20)  # where a UUID has its dashes, in digits


class _Wrong(Exception):
    """Ends a reading; becomes a Usage."""

    def __init__(self, problem: v.Problem, given: str = "") -> None:
        self.problem = problem
        self.given = given


def parse(text: str) -> v.Parsed:
    """The command in a text, mentions of the bot already taken out (strip_mentions)."""
    words = Words(text)
    slash = words.drop(SLASHES)
    if not slash and not words.drop(ENUMERATION_COMMA):
        return v.NotACommand()
    first = folded(words.take() or "")
    name = FIRST_WORDS.get(first)
    if name is None:
        return _unknown(first) if slash else v.NotACommand()
    if name == "agents" and words.tail():
        name = "agent"  # "/agents pause X" must not pass for a list
    if name in GROUPS:
        return _in_group(name, words)
    return _read(name, words)


def _in_group(group: str, words: Words) -> v.Command | v.Usage:
    second = folded(words.take() or "")
    name = SECOND_WORDS[group].get(second)
    if name is not None:
        return _read(name, words)
    usage = " | ".join(SPECS[known].usage for known in dict.fromkeys(SECOND_WORDS[group].values()))
    if not second:
        return v.Usage(v.Problem.MISSING_WORD, usage=usage)
    nearest = difflib.get_close_matches(second, SECOND_WORDS[group], n=1, cutoff=0.5)
    suggestion = f"/{SECOND_WORDS[group][nearest[0]]}" if nearest else None
    return v.Usage(v.Problem.UNKNOWN_SUBCOMMAND, _cut(second), usage, suggestion)


def _unknown(first: str) -> v.Usage:
    nearest = difflib.get_close_matches(first[:NAME_LIMIT], FIRST_WORDS, n=1, cutoff=0.5)
    suggestion = f"/{FIRST_WORDS[nearest[0]]}" if nearest else "/help"
    return v.Usage(v.Problem.UNKNOWN_COMMAND, _cut(first), suggestion=suggestion)


def _read(name: str, words: Words) -> v.Command | v.Usage:
    try:
        command = _READERS[name](words)
        if rest := words.tail():
            raise _Wrong(v.Problem.TOO_MANY_WORDS, rest)
        return command
    except _Wrong as wrong:
        return v.Usage(wrong.problem, _cut(wrong.given), SPECS[name].usage)


# --- the words of a command


def _required(words: Words) -> str:
    word = words.take()
    if word is None:
        raise _Wrong(v.Problem.MISSING_WORD)
    return word


def _name(words: Words) -> str:
    word = _required(words)
    if len(word) > NAME_LIMIT or not word.isprintable():
        raise _Wrong(v.Problem.BAD_NAME, word)
    return word


def _id(words: Words) -> str:
    word = _required(words)
    found = as_id(word)
    if found is None:
        raise _Wrong(v.Problem.BAD_ID, word)
    return found


def as_id(word: str) -> str | None:
    """An id or its first 6 digits or more, in the form in which ids are stored; None when it is no such thing."""
    digits = folded(word).strip("#.…<>[]").replace("-", "")
    if not _ID.fullmatch(digits):
        return None
    bounds = (0, *(at for at in _DASHED if at < len(digits)), len(digits))
    return "-".join(digits[start:end] for start, end in pairwise(bounds))


def _level(words: Words) -> Level:
    word = _required(words)
    try:
        return Level(folded(word).upper())
    except ValueError:
        raise _Wrong(v.Problem.BAD_LEVEL, word) from None


def _role(words: Words) -> Role:
    word = _required(words)
    try:
        return Role(folded(word).replace("-", "_"))
    except ValueError:
        raise _Wrong(v.Problem.BAD_ROLE, word) from None


def _url(words: Words) -> str | None:
    word = _required(words)
    if folded(word) in _OFF:
        return None
    url = word.strip("<>")
    if len(url) > _URL_LIMIT or not url.isprintable() or not _URL.fullmatch(url):
        raise _Wrong(v.Problem.BAD_URL, word)
    return url


def _reason(words: Words) -> str | None:
    reason = words.tail()
    while words.take() is not None:  # it is all read
        pass
    return reason or None


# --- one reader per command


def _help(words: Words) -> v.Command:
    topic = " ".join(folded(word).lstrip(SLASHES) for word in words.tail().split()[:2])
    _reason(words)
    return v.Help(topic or None)


def _set_policy(words: Words) -> v.Command:
    agent = _name(words)
    tail = words.tail()
    if starts_json(tail):
        _reason(words)
        try:
            return v.SetPolicy(agent, read_json(tail))
        except NotStrict as fault:
            raise _Wrong(v.Problem.BAD_JSON, str(fault)) from None
    action = _name(words)
    if folded(action) in _DEFAULT:
        return v.SetDefaultLevel(agent, _level(words))
    return v.SetLevel(agent, action, _level(words))


def _audit(words: Words) -> v.Command:
    if not words.tail():
        return v.ShowAudit()
    subject = _name(words)
    return v.ShowAudit(subject, as_id(subject))


_Reader: TypeAlias = Callable[[Words], v.Command]

_READERS: dict[str, _Reader] = {
    "help": _help,
    "whoami": lambda _: v.WhoAmI(),
    "pending": lambda _: v.Pending(),
    "show": lambda words: v.Show(_id(words)),
    "approve": lambda words: v.Approve(_id(words), folded(_required(words))[:_CODE_LIMIT]),
    "reject": lambda words: v.Reject(_id(words), _reason(words)),
    "agents": lambda _: v.ListAgents(),
    "agent create": lambda words: v.CreateAgent(_name(words)),
    "agent show": lambda words: v.ShowAgent(_name(words)),
    "agent pause": lambda words: v.PauseAgent(_name(words)),
    "agent resume": lambda words: v.ResumeAgent(_name(words)),
    "agent rotate-token": lambda words: v.RotateToken(_name(words)),
    "agent set-executor": lambda words: v.SetExecutor(_name(words), _url(words)),
    "policy show": lambda words: v.ShowPolicy(_name(words)),
    "policy set": _set_policy,
    "audit": _audit,
    "claim": lambda words: v.ClaimAdmin(_required(words)),
    "user list": lambda _: v.ListUsers(),
    "user role": lambda words: v.SetRole(_name(words), _role(words)),
}


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _SHOWN_LIMIT else f"{text[: _SHOWN_LIMIT - 1]}…"
