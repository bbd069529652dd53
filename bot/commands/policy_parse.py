"""Readers of the commands about policies, freezes, grants, observation, limits and access tokens."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from bot.commands import policy_values as p
from bot.commands import taking as take
from bot.commands.json_tail import starts_json
from bot.commands.taking import Wrong
from bot.commands.values import Command, Problem
from bot.commands.words import Words, folded
from models.values import Json, JsonObject

GRANT_EXACT_FOR = timedelta(hours=1)
REPLAY_DAYS = 7
REPLAY_DAYS_LIMIT = 90
LABELS_LIMIT = 20

_FLOOR = frozenset({"floor", "底线"})
_ALL = frozenset({"all", "全部", "所有", "everything"})
_FOR = take.FOR
_TODAY = frozenset({"today", "今天", "今日", "当天"})
_FIX = frozenset({"fix", "固定"})
_USES = frozenset({"uses", "次数"})
_LIMITS = {"pending": "pending", "待审批": "pending", "rate": "rate", "频率": "rate"}
_DETAILS = frozenset({"tool", "args", "reason"})


def _policy(words: Words) -> str:
    """An agent's name, or the floor."""
    word = take.name(words)
    return p.FLOOR if folded(word) in _FLOOR else word


def _set_policy(words: Words) -> Command:
    agent, expected = _policy(words), None
    if words.tail().startswith(("@", "＠")):
        expected = take.version(take.required(words))
    if starts_json(words.tail()):
        return p.SetPolicy(agent, take.json_rest(words), expected)
    action = take.name(words)
    if folded(action) in take.DEFAULT:
        return p.SetDefaultLevel(agent, take.level(words), expected)
    return p.SetLevel(agent, action, take.level(words), expected)


def _try_policy(words: Words) -> Command:
    return p.TryPolicy(*try_words(words))


def try_words(words: Words) -> tuple[str, str, JsonObject, str | None]:
    """AGENT ACTION [for WHO] [{JSON}]: agent, action, details of the check, requester."""
    agent, action, requester = take.name(words), take.name(words), None
    details: JsonObject = {}
    if words.tail() and not starts_json(words.tail()):
        word = take.required(words)
        if folded(word) not in _FOR:
            raise Wrong(Problem.TOO_MANY_WORDS, word)
        requester = take.name(words)
    if words.tail():
        details = _details(take.json_rest(words))
    return agent, action, details, requester


def _details(written: Json) -> JsonObject:
    """The details of a check. Most people mean the tool's arguments; who writes all members gets all of them."""
    if not isinstance(written, dict):
        raise Wrong(Problem.BAD_JSON, "not an object")
    whole = written.keys() <= _DETAILS or isinstance(written.get("args"), dict)
    return written if written and whole else {"args": written}


def _replay(words: Words) -> Command:
    agent, days = _policy(words), REPLAY_DAYS
    if not starts_json(words.tail()):
        word = take.required(words)
        lasting = take.as_duration(word)
        if lasting is None or lasting > timedelta(days=REPLAY_DAYS_LIMIT):
            raise Wrong(Problem.BAD_DAYS, word)
        days = math.ceil(lasting / timedelta(days=1))
    if not words.tail():
        raise Wrong(Problem.MISSING_WORD)
    if not starts_json(words.tail()):
        raise Wrong(Problem.BAD_JSON, words.tail())
    return p.ReplayPolicy(agent, days, take.json_rest(words))


def _freeze(words: Words) -> Command:
    """Whatever is typed in a hurry stops something: nothing at all stops everything."""
    subject = p.ALL
    first = Words(words.tail()).take()
    if first is not None and folded(first) not in _FOR and take.as_duration(first) is None:
        subject = _frozen(words)
    lasting = _lasting(words)
    return p.Freeze(subject, lasting, take.rest(words))


def _lasting(words: Words) -> timedelta | None:
    """`for 2h`, or `2h` alone; None when the next word begins the reason."""
    ahead = Words(words.tail())
    word = ahead.take()
    if word is None:
        return None
    if folded(word) in _FOR:
        take.required(words)
        return take.duration(words)
    lasting = take.as_duration(word)
    if lasting is not None:
        take.required(words)
    return lasting


def _frozen(words: Words) -> str:
    word = take.name(words)
    return p.ALL if folded(word) in _ALL else word


def _grant_exact(words: Words) -> Command:
    approval = take.id_(words)
    return p.GrantExact(approval, _lasting_or_today(words) or GRANT_EXACT_FOR)


def _lasting_or_today(words: Words) -> timedelta | None:
    return take.duration_after_for(words) if words.tail() else None


def _grant_kind(words: Words) -> Command:
    approval, lasting, fixed, uses = take.id_(words), None, None, None
    while (word := words.take()) is not None:
        match take.option(word):
            case (key, value) if key in _FIX:
                fixed = frozenset(part.strip() for part in value.replace("，", ",").split(",") if part.strip())
            case (key, value) if key in _USES:
                uses = take.number(value)
            case None if folded(word) in _TODAY:
                lasting = None
            case None if folded(word) in _FOR:
                lasting = take.duration(words)
            case None:
                lasting = take.as_duration(word)
                if lasting is None:
                    raise Wrong(Problem.BAD_DURATION, word)
            case _:
                raise Wrong(Problem.BAD_OPTION, word)
    return p.GrantKindOf(approval, lasting, fixed, uses)


def _observe(words: Words) -> Command:
    agent = take.name(words)
    word = Words(words.tail()).take()
    if word is not None and folded(word) in take.OFF | {"stop", "停止", "结束"}:
        take.required(words)
        return p.Observe(agent, None)
    if word is not None and folded(word) in _FOR:
        take.required(words)
    return p.Observe(agent, take.duration(words))


def _labels(words: Words) -> Command:
    agent = take.name(words)
    labels: dict[str, str] = {}
    while (word := words.take()) is not None:
        key, equals, value = word.replace("＝", "=").partition("=")
        if not key or not equals or len(labels) >= LABELS_LIMIT:
            raise Wrong(Problem.BAD_OPTION, word)
        if value[:1] in {'"', "“", "'"}:  # a value with spaces in quotes is several words
            raise Wrong(Problem.BAD_OPTION, word)
        labels[take.as_name(key)] = take.as_name(value)
    if not labels:
        raise Wrong(Problem.MISSING_WORD)
    return p.SetLabels(agent, labels)


def _limits(words: Words) -> Command:
    agent = take.name(words)
    limits: dict[str, int | None] = {}
    while (word := words.take()) is not None:
        key, value = take.option(word) or ("", "")
        if key not in _LIMITS:
            raise Wrong(Problem.BAD_OPTION, word)
        limits[_LIMITS[key]] = None if folded(value) in take.DEFAULT else take.number(value)
    if not limits:
        raise Wrong(Problem.MISSING_WORD)
    return p.SetLimits(agent, limits)


def _create_token(words: Words) -> Command:
    name = take.name(words)
    return p.CreateAccessToken(name, take.duration_after_for(words) if words.tail() else None)


POLICY_READERS: dict[str, Callable[[Words], Command]] = {
    "policy show": lambda words: p.ShowPolicy(_policy(words)),
    "policy set": _set_policy,
    "policy test": _try_policy,
    "policy history": lambda words: p.ShowHistory(_policy(words)),
    "policy rollback": lambda words: p.RollBack(_policy(words), take.version(take.required(words))),
    "policy replay": _replay,
    "why": lambda words: p.AskWhy(take.id_(words)),
    "freeze": _freeze,
    "unfreeze": lambda words: p.Unfreeze(_frozen(words)) if words.tail() else p.Unfreeze(),
    "grant list": lambda words: p.ListGrants(take.name(words)) if words.tail() else p.ListGrants(),
    "grant exact": _grant_exact,
    "grant kind": _grant_kind,
    "grant revoke": lambda words: p.RevokeGrant(take.id_(words)),
    "observe": _observe,
    "agent label": _labels,
    "agent limit": _limits,
    "token create": _create_token,
    "token list": lambda _: p.ListAccessTokens(),
    "token revoke": lambda words: p.RevokeAccessToken(take.name(words)),
}
