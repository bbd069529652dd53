"""A second opinion on policies: slow, plain, and written without looking at bot/policy.

Globs by recursion, the order of the short form by explicit comparison, floors by trying every rule, and failing
conditions by trying every reading of them. Conditions run on another CEL implementation (cel-python), which agrees with
ours on a part of the language only. Where they differ, and tests must not go: cel-python orders and equals booleans as
numbers (`true > 0`), fails on `==` between values of different types (ours says false), knows no `in` on mixed lists,
and types nothing when written.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

from models.values import Question

ORDER = ["L1", "L2", "L3", "DENY"]
_CEL = celpy.Environment()


@dataclass(frozen=True)
class Run:
    """Something that the agent did before."""

    action: str
    tool: str
    args: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Past:
    runs: Sequence[Run]
    midnight: datetime


class Undecided(Exception):
    """The condition cannot be evaluated."""


def level(
    policy: Mapping[str, Any], floor: Mapping[str, Any], question: Question, past: Past | None, default: str
) -> str:
    """The level that the documents give; `default` where the policy names none."""
    own = _of_policy(_rules(policy), policy.get("default", default), question, past)
    demanded = [rule["level"] for rule in _rules(floor) if _demands(rule, question, past)]
    return _strictest([own, *demanded])


def glob(pattern: str, text: str) -> bool:
    """Every way of spreading the text over the pattern is tried."""

    @functools.cache
    def match(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return match(p + 1, t) or (t < len(text) and match(p, t + 1))
        return t < len(text) and pattern[p] == text[t] and match(p + 1, t + 1)

    return match(0, 0)


def plain(text: str) -> str:
    """As a floor reads names: compatibility forms, case and invisible characters make no difference."""
    kept = [c for c in text if unicodedata.category(c)[0] != "C"]
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", "".join(kept)).casefold())


def _of_policy(rules: Sequence[Mapping[str, Any]], default: str, question: Question, past: Past | None) -> str:
    """The strictest outcome over all readings of the conditions that fail."""
    readings = [_readings(rule, question, past) for rule in rules]
    outcomes = []
    for reading in itertools.product(*readings):
        outcomes.append(next((rule["level"] for rule, held in zip(rules, reading, strict=True) if held), default))
    return _strictest(outcomes)


def _readings(rule: Mapping[str, Any], question: Question, past: Past | None) -> tuple[bool, ...]:
    if not _matches(rule, question, str):
        return (False,)
    try:
        return (_holds(rule, question, past, str),)
    except Undecided:
        return (True, False)


def _demands(rule: Mapping[str, Any], question: Question, past: Past | None) -> bool:
    try:
        return _matches(rule, question, plain) and _holds(rule, question, past, plain)
    except Undecided:
        return True


def _rules(written: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = written.get("rules")
    if isinstance(rules, list):
        return rules
    flat = rules if rules is not None else {k: v for k, v in written.items() if k != "default"}
    ordered: list[str] = []
    for pattern in flat:
        place = next((i for i, other in enumerate(ordered) if _more_specific(pattern, other)), len(ordered))
        ordered.insert(place, pattern)
    return [{"action": pattern, "level": flat[pattern]} for pattern in ordered]


def _more_specific(one: str, other: str) -> bool:
    if ("*" in one) != ("*" in other):
        return "*" not in one
    if "*" not in one:
        return False
    one, other = _single_stars(one), _single_stars(other)
    literal, others = len(one.replace("*", "")), len(other.replace("*", ""))
    return literal > others or (literal == others and one.count("*") < other.count("*"))


def _single_stars(pattern: str) -> str:
    return "".join(c for i, c in enumerate(pattern) if c != "*" or pattern[i - 1 : i] != "*")


def _matches(rule: Mapping[str, Any], question: Question, read: Any) -> bool:
    known = dict(_texts(question))
    for matcher in ("action", "tool", "agent", "creator", "requester", "tenant", "session"):
        if matcher in rule and not any(glob(read(rule[matcher]), read(text)) for text in known[matcher]):
            return False
    labels = question.agent.labels
    return all(glob(read(pattern), read(labels.get(label, ""))) for label, pattern in rule.get("labels", {}).items())


def _texts(question: Question) -> Iterator[tuple[str, list[str]]]:
    request, agent, requester = question.request, question.agent, question.requester
    yield "action", [request.action_type]
    yield "tool", [request.tool or ""]
    yield "session", [request.session or ""]
    yield "tenant", [agent.tenant]
    yield "agent", [agent.name, str(agent.id)]
    creator = agent.creator
    yield "creator", [str(agent.creator_id), *([creator.email or "\0", *creator.feishu_ids] if creator else [])]
    if requester is None:
        yield "requester", [""]
    elif requester.person is None:
        yield "requester", [requester.said]
    else:
        person = requester.person
        yield "requester", [str(person.id), person.email or "\0", *person.feishu_ids]


def _holds(rule: Mapping[str, Any], question: Question, past: Past | None, read: Any) -> bool:
    if "when" not in rule:
        return True

    def runs() -> list[Run]:
        if past is None:
            raise CELEvalError("no past")
        this = Run(question.request.action_type, question.request.tool or "", question.request.args, question.now)
        return [
            run
            for run in [*past.runs, this]
            if glob(read(rule.get("action", "*")), read(run.action))
            and glob(read(rule.get("tool", "*")), read(run.tool))
        ]

    def rate(window: celtypes.StringType) -> celtypes.IntType:
        number, unit = int(window[:-1]), window[-1]
        since = question.now - timedelta(hours=number if unit == "h" else 0, minutes=number if unit == "m" else 0)
        return celtypes.IntType(len([run for run in runs() if run.at >= since]))

    def today(name: celtypes.StringType) -> celtypes.IntType:
        amounts = [run.args.get(str(name)) for run in runs() if past is None or run.at >= past.midnight]
        if not _is_number(amounts[-1]):
            raise CELEvalError("no number")
        return celtypes.IntType(sum(max(int(amount or 0), 0) for amount in amounts if _is_number(amount)))

    try:
        program = _CEL.program(_CEL.compile(rule["when"]), functions={"rate": rate, "today": today})
        value = program.evaluate({name: json_to_cel(v) for name, v in _variables(question).items()})
    except (CELEvalError, TypeError, ValueError):
        raise Undecided from None
    if not isinstance(value, celtypes.BoolType | bool):
        raise Undecided
    return bool(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _variables(question: Question) -> dict[str, Any]:
    request, agent, requester = question.request, question.agent, question.requester
    person = requester.person if requester else None
    return {
        "action": request.action_type,
        "tool": request.tool or "",
        "session": request.session or "",
        "args": request.args,
        "agent": {"name": agent.name, "tenant": agent.tenant, "labels": dict(agent.labels)},
        "requester": {
            "known": person is not None,
            "email": (person.email or "") if person else "",
            "said": requester.said if requester else "",
        },
    }


def _strictest(levels: Sequence[str]) -> str:
    return max(levels, key=ORDER.index)
