"""Text → Command, Usage or NotACommand. Never raises; decides nothing about who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bot.commands import taking as take
from bot.commands import values as v
from bot.commands.people_parse import PEOPLE_READERS
from bot.commands.policy_parse import POLICY_READERS
from bot.commands.suggesting import first_word, second_word
from bot.commands.table import FIRST_WORDS, GROUPS, SECOND_WORDS, SPECS
from bot.commands.taking import Wrong, as_id
from bot.commands.words import ENUMERATION_COMMA, SLASHES, Words, folded, visible

__all__ = ["as_id", "parse"]

_SHOWN_LIMIT = 60
_CODE_LIMIT = 71  # a whole digest may be pasted; any other word is a wrong code, said so by the rules


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
        return _in_group(name, words, first)
    return _read(name, words)


def _in_group(group: str, words: Words, written: str) -> v.Command | v.Usage:
    second = folded(words.take() or "")
    name = SECOND_WORDS[group].get(second)
    if name is not None:
        return _read(name, words)
    usage = " | ".join(SPECS[known].usage for known in dict.fromkeys(SECOND_WORDS[group].values()))
    if not second:
        return v.Usage(v.Problem.MISSING_WORD, usage=usage)
    suggestion = second_word(group, second, written=written)
    return v.Usage(v.Problem.UNKNOWN_SUBCOMMAND, _cut(second), usage, suggestion)


def _unknown(first: str) -> v.Usage:
    return v.Usage(v.Problem.UNKNOWN_COMMAND, _cut(first), suggestion=first_word(first))


def _read(name: str, words: Words) -> v.Command | v.Usage:
    try:
        command = _READERS[name](words)
        if rest := words.tail():
            raise Wrong(v.Problem.TOO_MANY_WORDS, rest)
        return command
    except Wrong as wrong:
        return v.Usage(wrong.problem, _cut(wrong.given), SPECS[name].usage)


# --- one reader per command


def _help(words: Words) -> v.Command:
    topic = " ".join(folded(word).lstrip(SLASHES) for word in words.tail().split()[:2])
    take.rest(words)
    return v.Help(topic or None)


def _audit(words: Words) -> v.Command:
    if not words.tail():
        return v.ShowAudit()
    subject = take.name(words)
    return v.ShowAudit(subject, as_id(subject))


_Reader: TypeAlias = Callable[[Words], v.Command]

_READERS: dict[str, _Reader] = (
    POLICY_READERS
    | PEOPLE_READERS
    | {
        "help": _help,
        "whoami": lambda _: v.WhoAmI(),
        "pending": lambda _: v.Pending(),
        "show": lambda words: v.Show(take.id_(words)),
        "approve": lambda words: v.Approve(take.id_(words), folded(take.required(words))[:_CODE_LIMIT]),
        "reject": lambda words: v.Reject(take.id_(words), take.rest(words)),
        "agents": lambda _: v.ListAgents(),
        "agent create": lambda words: v.CreateAgent(take.name(words)),
        "agent show": lambda words: v.ShowAgent(take.name(words)),
        "agent pause": lambda words: v.PauseAgent(take.name(words)),
        "agent resume": lambda words: v.ResumeAgent(take.name(words)),
        "agent rotate-token": lambda words: v.RotateToken(take.name(words)),
        "agent set-executor": lambda words: v.SetExecutor(take.name(words), take.url(words)),
        "audit": _audit,
        "claim": lambda words: v.ClaimAdmin(take.required(words)),
        "user list": lambda _: v.ListUsers(),
        "user role": lambda words: v.SetRole(take.name(words), take.role(words)),
    }
)


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _SHOWN_LIMIT else f"{text[: _SHOWN_LIMIT - 1]}…"
