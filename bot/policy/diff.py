"""What changed between two versions of a policy or a floor, rule by rule. Rules are known by their names."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum

from bot.policy.rules import Floor, Policy, Rule


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # to another place among the rules that stayed
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `after` are what the rule says, its level alone where nothing else differs."""

    kind: ChangeKind
    rule: str | None  # None for the default
    before: str | None = None
    after: str | None = None


def diff(old: Policy | Floor | None, new: Policy | Floor) -> tuple[Change, ...]:
    """In the order of the new version, what is gone first. With nothing before, everything is added."""
    before = old.rules if old is not None else ()
    was, now = {rule.name: rule for rule in before}, {rule.name: rule for rule in new.rules}
    changes = [*_default(old, new)]
    changes += [Change(ChangeKind.REMOVED, rule.name, before=words(rule)) for rule in before if rule.name not in now]
    moved = _moved(list(was), list(now)) if isinstance(new, Policy) else {}
    for name, rule in now.items():
        if name not in was:
            changes.append(Change(ChangeKind.ADDED, name, after=words(rule)))
        elif was[name] != rule:
            changes.append(_changed(was[name], rule))
        if name in moved:
            changes.append(Change(ChangeKind.MOVED, name, *moved[name]))
    return tuple(changes)


def words(rule: Rule) -> str:
    """The rule on one line: "L3 (action pay_*, when args.amount > 100)"."""
    note = (f"note {' '.join(rule.note.split())}",) if rule.note else ()
    return f"{rule.level} ({', '.join((*rule.told, *note))})"


def _default(old: Policy | Floor | None, new: Policy | Floor) -> list[Change]:
    before = old.default if isinstance(old, Policy) else None
    after = new.default if isinstance(new, Policy) else None
    if before is after:
        return []
    return [Change(ChangeKind.DEFAULT, None, before and before.value, after and after.value)]


def _changed(old: Rule, new: Rule) -> Change:
    if (old.match, old.when, old.note) == (new.match, new.when, new.note) and old.level is not new.level:
        return Change(ChangeKind.CHANGED, new.name, old.level.value, new.level.value)
    return Change(ChangeKind.CHANGED, new.name, words(old), words(new))


def _moved(old: list[str], new: list[str]) -> dict[str, tuple[str, str]]:
    """The fewest rules that must be taken out and put back, each with its old and new place, from 1."""
    was = {name: place for place, name in enumerate(old)}
    stayed = [name for name in new if name in was]
    kept = _longest_rising([was[name] for name in stayed])
    places = {name: place for place, name in enumerate(new)}
    return {name: (str(was[name] + 1), str(places[name] + 1)) for name in stayed if was[name] not in kept}


def _longest_rising(numbers: list[int]) -> set[int]:
    """One longest rising subsequence of distinct numbers."""
    ends: list[int] = []  # the smallest end of a rising sequence of each length
    before: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        before[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    kept: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept
