"""The terms of one kind of question as people write them. What is left out is taken from other terms."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from bot.plans.limits import APPROVALS_LIMIT, ASK_LIMIT, GROUP_NAME, LONGEST, STEPS_LIMIT
from bot.plans.values import Step, Terms
from bot.policy.reading import Fault, kind
from config.durations import parse_duration
from models.enums import Ending, Nudge, Severity
from models.values import JsonObject

MEMBERS = frozenset({"severity", "approvals", "separate_duties", "open_for", "ending", "steps"})
ROLES = ("creator", "backup", "leader", "admins", "role:org_admin")
_EMAIL = re.compile(r"[^@\s:,]{1,64}@[^@\s:,]{1,189}")
_WORDS = "creator, backup, leader, admins, role:org_admin, group:NAME or person:EMAIL"
_E = TypeVar("_E", bound=StrEnum)


def read_terms(
    entry: dict[object, object], path: str, others: Terms, groups: Collection[str], faults: list[Fault]
) -> Terms:
    """The terms that `entry` writes, with the rest from `others`; steps from there that come too late are left out."""
    open_for = _open_for(entry, path, others, faults)
    steps = tuple(step for step in others.steps if step.after < open_for)
    if "steps" in entry:
        steps = _steps(entry["steps"], _under(path, "steps"), groups, open_for, faults)
    severity = _one_of(entry, "severity", path, Severity, faults) if "severity" in entry else others.severity
    ending = _one_of(entry, "ending", path, Ending, faults) if "ending" in entry else others.ending
    approvals = _number(entry, "approvals", path, 1, APPROVALS_LIMIT, faults) if "approvals" in entry else None
    return Terms(
        steps=steps,
        open_for=open_for,
        severity=severity,
        approvals=approvals or others.approvals,
        separate_duties=read_flag(entry, "separate_duties", path, others.separate_duties, faults),
        ending=ending or Ending.EXPIRE,
    )


def written_terms(terms: Terms) -> JsonObject:
    """As `read_terms` reads them, with nothing left out; a severity that depends on the question has no word."""
    written: JsonObject = {} if terms.severity is None else {"severity": terms.severity.value}
    return written | {
        "approvals": terms.approvals,
        "separate_duties": terms.separate_duties,
        "open_for": written_length(terms.open_for),
        "ending": terms.ending.value,
        "steps": [_written_step(step) for step in terms.steps],
    }


def written_length(length: timedelta) -> str:
    """As `parse_duration` reads it: "0m", "2h", "1h30m"."""
    left = int(length.total_seconds())
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0m"


def read_flag(entry: dict[object, object], member: str, path: str, otherwise: bool, faults: list[Fault]) -> bool:
    written = entry.get(member, otherwise)
    if isinstance(written, bool):
        return written
    faults.append((_under(path, member), f"true or false, not {kind(written)}"))
    return otherwise


def is_email(written: object) -> bool:
    return isinstance(written, str) and written.isprintable() and _EMAIL.fullmatch(written) is not None


def _open_for(entry: dict[object, object], path: str, others: Terms, faults: list[Fault]) -> timedelta:
    if "open_for" not in entry:
        return others.open_for
    where = _under(path, "open_for")
    length = _length(entry["open_for"], where, faults)
    if length is None:
        return others.open_for
    if not timedelta() < length < LONGEST:
        faults.append((where, f"longer than zero and shorter than {LONGEST.days}d: an older card cannot be updated"))
        return others.open_for
    return length


def _steps(
    written: object, path: str, groups: Collection[str], open_for: timedelta, faults: list[Fault]
) -> tuple[Step, ...]:
    if not isinstance(written, list) or not written:
        faults.append((path, f'a list of steps such as {{"after": "0m", "ask": ["creator"]}}, not {kind(written)}'))
        return ()
    if len(written) > STEPS_LIMIT:
        faults.append((path, f"more than {STEPS_LIMIT} steps"))
        return ()
    before = len(faults)
    steps = [_step(entry, f"{path}[{place}]", groups, faults) for place, entry in enumerate(written)]
    if len(faults) == before:
        _refuse_disorder(steps, path, open_for, faults)
    return tuple(steps)


def _step(entry: object, path: str, groups: Collection[str], faults: list[Fault]) -> Step:
    if not isinstance(entry, dict):
        faults.append((path, f'a step is {{"after": …, "ask": …, "nudge": …}}, not {kind(entry)}'))
        return Step(timedelta())
    for member in entry.keys() - {"after", "ask", "nudge"}:
        faults.append((f"{path}.{str(member)[:40]}", "no such member of a step"))
    after = None
    if "after" in entry:
        after = _length(entry["after"], f"{path}.after", faults)
    else:
        faults.append((f"{path}.after", 'a step says when it comes, such as "30m"'))
    ask = _ask(entry["ask"], f"{path}.ask", groups, faults) if "ask" in entry else ()
    nudge = _one_of(entry, "nudge", path, Nudge, faults) if "nudge" in entry else None
    if not entry.keys() & {"ask", "nudge"}:
        faults.append((path, "a step asks somebody or reminds: ask, nudge or both"))
    return Step(after or timedelta(), ask, nudge)


def _ask(written: object, path: str, groups: Collection[str], faults: list[Fault]) -> tuple[str, ...]:
    if not isinstance(written, list) or not written:
        faults.append((path, f"a list of whom to ask: {_WORDS}; not {kind(written)}"))
        return ()
    if len(written) > ASK_LIMIT:
        faults.append((path, f"more than {ASK_LIMIT} at once"))
        return ()
    refs = [_ref(ref, f"{path}[{place}]", groups, faults) for place, ref in enumerate(written)]
    if len(set(refs)) < len(refs):
        faults.append((path, "the same is asked twice"))
    return tuple(refs)


def _ref(written: object, path: str, groups: Collection[str], faults: list[Fault]) -> str:
    if not isinstance(written, str):
        faults.append((path, f"{_WORDS}; not {kind(written)}"))
        return ""
    if written in ROLES:
        return written
    word, _, named = written.partition(":")
    if word == "person" and is_email(named):
        return f"person:{named.lower()}"
    if word == "group" and re.fullmatch(GROUP_NAME, named):
        if named not in groups:
            faults.append((path, f'no group is called "{named}"; list its people under groups'))
        return written
    faults.append((path, f"{kind(written)} is nobody to ask; write {_WORDS}"))
    return written


def _refuse_disorder(steps: list[Step], path: str, open_for: timedelta, faults: list[Fault]) -> None:
    first = steps[0]
    if first.after or not first.ask:
        faults.append((f"{path}[0]", 'the first step asks somebody at once: "after": "0m", "ask": [...]'))
    if first.nudge is not None:
        faults.append((f"{path}[0].nudge", "nobody needs reminding of what was just asked; take a later step"))
    for place, (one, other) in enumerate(pairwise(steps), start=1):
        if one.after >= other.after:
            faults.append((f"{path}[{place}].after", "later than the step before"))
    for place, step in enumerate(steps):
        if step.after >= open_for:
            faults.append((f"{path}[{place}].after", f"the question ends before, after {written_length(open_for)}"))


def _length(written: object, path: str, faults: list[Fault]) -> timedelta | None:
    try:
        if not isinstance(written, str):
            raise ValueError("must be a length of time such as 90s, 30m, 72h or 3d")
        return parse_duration(written)
    except ValueError as fault:
        faults.append((path, f"{fault}, not {kind(written)}"))
        return None


def _one_of(entry: dict[object, object], member: str, path: str, words: type[_E], faults: list[Fault]) -> _E | None:
    """Exactly as written in the glossary."""
    written = entry[member]
    for word in words:
        if written == word.value:
            return word
    faults.append((_under(path, member), f"{kind(written)} is none of {', '.join(words)}"))
    return None


def _number(
    entry: dict[object, object], member: str, path: str, least: int, most: int, faults: list[Fault]
) -> int | None:
    written = entry[member]
    if isinstance(written, int) and not isinstance(written, bool) and least <= written <= most:
        return written
    faults.append((_under(path, member), f"a whole number from {least} to {most}, not {kind(written)}"))
    return None


def _written_step(step: Step) -> JsonObject:
    written: JsonObject = {"after": written_length(step.after)}
    if step.ask:
        written["ask"] = list(step.ask)
    if step.nudge is not None:
        written["nudge"] = step.nudge.value
    return written


def _under(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member
