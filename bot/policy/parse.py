"""Policies and floors are validated when they are written; what has been written always evaluates.

Short form, a map from pattern to level: `{"read_files": "L1", "pay_*": "L3", "*": "L2"}`. Its order carries no meaning
to people, so the more specific pattern wins: an exact one before any with `*`, then more literal characters, then fewer
`*`, then the one written first. The key `default` is the policy's default, not an action type.

Long form: `{"default": "L2", "rules": …}`, where `rules` is such a map, or a list of rules in which the first match
wins. A rule that an earlier one keeps from ever matching is refused. docs/policy.md specifies the whole language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.policy.globs import Glob
from bot.policy.matching import Match
from bot.policy.reading import (
    RULES_LIMIT,
    Fault,
    PolicyFault,
    kind,
    read_glob,
    read_level,
    read_list,
    read_map,
    written_condition,
)
from bot.policy.rules import Floor, Policy, Rule
from models.enums import Level
from models.values import Json, JsonObject

__all__ = [
    "PolicyFault",
    "document",
    "effective",
    "floor_document",
    "parse_floor",
    "parse_policy",
    "with_default",
    "with_floor_level",
    "with_level",
]


def parse_policy(written: object, *, default: Level, version: int = 0) -> Policy:
    """The policy that the document describes; `default` holds where the document names none, and is stored with it."""
    faults: list[Fault] = []
    if isinstance(written, dict) and "default" in written:
        default = read_level(written["default"], "default", faults)
    rules, paths = _read(written, "a policy", {"default"}, faults)
    if not faults:
        _refuse_unreachable(rules, paths, faults)
    if faults:
        raise PolicyFault(faults)
    return Policy(version, tuple(rules), default)


def parse_floor(written: object, *, version: int = 0) -> Floor:
    """The floor that the document describes. It has no default: what no rule matches is left to the policies."""
    faults: list[Fault] = []
    if isinstance(written, dict) and "default" in written:
        faults.append(("default", 'a floor has no default; a rule for "*" demands a level for everything'))
    rules, _ = _read(written, "a floor", {"default"}, faults)
    if faults:
        raise PolicyFault(faults)
    return Floor(version, tuple(rules))


def document(policy: Policy) -> JsonObject:
    """The canonical long form, to be stored: `parse_policy` gives the same rules in the same order."""
    return {"default": policy.default.value, "rules": [_written(rule) for rule in policy.rules]}


def floor_document(floor: Floor) -> JsonObject:
    """As `document`, for `parse_floor`."""
    return {"rules": [_written(rule) for rule in floor.rules]}


def effective(policy: Policy) -> JsonObject:
    """What GET /v1/policy answers."""
    return {"version": policy.version, **document(policy)}


def with_level(policy: Policy, action: str, level: Level) -> Policy:
    """The policy with this pattern at this level, in its old place or before the first less specific rule.

    Rules that ask for more than the action type keep their places: they go on deciding before it where they did.
    """
    rules = _with_level(policy.rules, _pattern(action), level)
    changed = document(Policy(policy.version, tuple(rules), policy.default))
    return parse_policy(changed, default=policy.default, version=policy.version)


def with_floor_level(floor: Floor, action: str, level: Level) -> Floor:
    """The floor with this pattern at this level. Other rules that match the same still demand theirs."""
    rules = _with_level(floor.rules, _pattern(action), level)
    return parse_floor(floor_document(Floor(floor.version, tuple(rules))), version=floor.version)


def with_default(policy: Policy, level: Level) -> Policy:
    return Policy(policy.version, policy.rules, level)


def _read(written: object, what: str, beside: set[str], faults: list[Fault]) -> tuple[list[Rule], list[str]]:
    if not isinstance(written, dict):
        faults.append(("", f"{what} is a map from action to level, not {kind(written)}"))
        return [], []
    if "rules" not in written:
        return _limited(*read_map({k: v for k, v in written.items() if k not in beside}, "", faults), faults)
    for name in written.keys() - beside - {"rules"}:
        faults.append((str(name), "stands beside rules; put it into rules"))
    match written["rules"]:
        case dict() as rules:
            return _limited(*read_map(rules, "rules.", faults), faults)
        case list() as rules if len(rules) <= RULES_LIMIT:
            return read_list(rules, faults)
        case list():
            faults.append(("rules", f"more than {RULES_LIMIT} rules"))
        case other:
            faults.append(("rules", f"a map from action to level or a list of rules, not {kind(other)}"))
    return [], []


def _limited(rules: list[Rule], paths: list[str], faults: list[Fault]) -> tuple[list[Rule], list[str]]:
    if len(rules) > RULES_LIMIT:
        faults.append(("rules", f"more than {RULES_LIMIT} rules"))
    if not faults and len({rule.name for rule in rules}) < len(rules):
        faults.extend(_twice(rules, paths))
    return rules, paths


def _twice(rules: list[Rule], paths: list[str]) -> list[Fault]:
    """`a*` and `a**` are one pattern."""
    seen: set[str] = set()
    found: list[Fault] = []
    for rule, path in zip(rules, paths, strict=True):
        if rule.name in seen:
            found.append((path, f'never reached: "{rule.name}" matches first'))
        seen.add(rule.name)
    return found


def _refuse_unreachable(rules: list[Rule], paths: list[str], faults: list[Fault]) -> None:
    """A rule that can never match is a misunderstanding, and a dangerous one when it is the stricter."""
    sure: list[Rule] = []
    for place, rule in enumerate(rules):
        for earlier in sure:
            if earlier.match.covers(rule.match):
                faults.append((paths[place], f'never reached: "{earlier.name}" matches first'))
                return
        if rule.when is None:
            sure.append(rule)


def _written(rule: Rule) -> Json:
    written = written_condition(rule.name if rule.named else None, rule.match, rule.when)
    written["level"] = rule.level.value
    if rule.note is not None:
        written["note"] = rule.note
    return written


def _pattern(action: str) -> Glob:
    faults: list[Fault] = []
    glob = read_glob(action, action, faults)
    if faults:
        raise PolicyFault(faults)
    return glob


def _with_level(rules: Sequence[Rule], glob: Glob, level: Level) -> list[Rule]:
    if any(rule.is_plain and rule.match.action == glob for rule in rules):
        return [replace(r, level=level) if r.is_plain and r.match.action == glob else r for r in rules]
    place = next((at for at, rule in enumerate(rules) if rule.is_plain and _looser(rule, glob)), len(rules))
    return [*rules[:place], Rule("", Match(action=glob), None, level), *rules[place:]]


def _looser(rule: Rule, glob: Glob) -> bool:
    return rule.match.action is not None and rule.match.action.looseness > glob.looseness
