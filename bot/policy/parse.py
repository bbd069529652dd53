"""Policies are validated when they are written; what has been written always evaluates.

Short form, a map from pattern to level: `{"read_files": "L1", "pay_*": "L3", "*": "L2"}`. Its order carries no meaning
to people, so the more specific pattern wins: an exact one before any with `*`, then more literal characters, then fewer
`*`, then the one written first. The key `default` is the policy's default, not an action type.

Long form: `{"default": "L2", "rules": …}`, where `rules` is such a map, or a list of `{"action": …, "level": …}` in
which the first match wins. A rule that an earlier one keeps from ever matching is refused.
"""

from __future__ import annotations

from bot.policy.rules import PATTERN_LIMIT, ActionGlob, Policy, Rule
from models.enums import Level
from models.values import Json, JsonObject

RULES_LIMIT = 500

Fault = tuple[str, str]  # path, what is wrong there


class PolicyFault(ValueError):
    """The document is no policy. `faults` names everything that is wrong, each with its path."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{path or 'policy'}: {detail}" for path, detail in faults))
        self.faults = tuple(faults)


def parse_policy(written: object, *, default: Level, version: int = 0) -> Policy:
    """The policy that the document describes; `default` holds where the document names none, and is stored with it."""
    faults: list[Fault] = []
    policy = _policy(written, default, version, faults)
    if faults:
        raise PolicyFault(faults)
    return policy


def document(policy: Policy) -> JsonObject:
    """The canonical long form, to be stored: `parse_policy` gives the same rules in the same order."""
    rules: list[Json] = [{"action": rule.action.pattern, "level": rule.level.value} for rule in policy.rules]
    return {"default": policy.default.value, "rules": rules}


def effective(policy: Policy) -> JsonObject:
    """What GET /v1/policy answers."""
    return {"version": policy.version, **document(policy)}


def with_level(policy: Policy, action: str, level: Level) -> Policy:
    """The policy with this pattern at this level, in its old place or before the first less specific rule."""
    faults: list[Fault] = []
    glob = _glob(action, action, faults)
    if faults:
        raise PolicyFault(faults)
    changed = Rule(glob, level)
    if any(rule.action == glob for rule in policy.rules):
        rules = [changed if rule.action == glob else rule for rule in policy.rules]
    else:
        place = next((i for i, rule in enumerate(policy.rules) if rule.action.looseness > glob.looseness), None)
        place = len(policy.rules) if place is None else place
        rules = [*policy.rules[:place], changed, *policy.rules[place:]]
    return parse_policy(
        document(Policy(0, tuple(rules), policy.default)), default=policy.default, version=policy.version
    )


def with_default(policy: Policy, level: Level) -> Policy:
    return Policy(policy.version, policy.rules, level)


def _policy(written: object, default: Level, version: int, faults: list[Fault]) -> Policy:
    if not isinstance(written, dict):
        faults.append(("", f"a policy is a map from action to level, not {_kind(written)}"))
        return Policy(version, (), default)
    if "default" in written:
        default = _level(written["default"], "default", faults)
    if "rules" not in written:
        return Policy(version, _from_map({k: v for k, v in written.items() if k != "default"}, "", faults), default)
    for name in written.keys() - {"default", "rules"}:
        faults.append((str(name), "stands beside rules; put it into rules"))
    return Policy(version, _rules(written["rules"], faults), default)


def _rules(written: object, faults: list[Fault]) -> tuple[Rule, ...]:
    match written:
        case dict():
            return _from_map(written, "rules.", faults)
        case list():
            return _from_list(written, faults)
        case _:
            faults.append(("rules", f"a map from action to level or a list of rules, not {_kind(written)}"))
            return ()


def _from_map(written: dict[object, object], prefix: str, faults: list[Fault]) -> tuple[Rule, ...]:
    rules = []
    for action, level in written.items():
        path = f"{prefix}{action}"
        rules.append(Rule(_glob(action, path, faults), _level(level, path, faults)))
    rules.sort(key=lambda rule: rule.action.looseness)
    return _reachable(rules, [f"{prefix}{rule.action.pattern}" for rule in rules], faults)


def _from_list(written: list[object], faults: list[Fault]) -> tuple[Rule, ...]:
    rules, paths = [], []
    for position, entry in enumerate(written):
        path = f"rules[{position}]"
        if not isinstance(entry, dict):
            faults.append((path, f'a rule is {{"action": …, "level": …}}, not {_kind(entry)}'))
            continue
        for name in entry.keys() - {"action", "level"}:
            faults.append((f"{path}.{name}", "no such member of a rule"))
        glob = _glob(entry.get("action"), f"{path}.action", faults)
        rules.append(Rule(glob, _level(entry.get("level"), f"{path}.level", faults)))
        paths.append(path)
    return _reachable(rules, paths, faults)


def _reachable(rules: list[Rule], paths: list[str], faults: list[Fault]) -> tuple[Rule, ...]:
    """A rule that can never match is a misunderstanding, and a dangerous one when it is the stricter."""
    if len(rules) > RULES_LIMIT:
        faults.append(("rules", f"more than {RULES_LIMIT} rules"))
        return ()
    for later, rule in enumerate(rules):
        earlier = next((earlier for earlier in rules[:later] if earlier.action.covers(rule.action)), None)
        if earlier and not faults:
            faults.append((paths[later], f'never reached: "{earlier.name}" matches first'))
    return tuple(rules)


def _glob(written: object, path: str, faults: list[Fault]) -> ActionGlob:
    if not isinstance(written, str) or not written:
        faults.append((path, f"an action is a text such as delete_files or pay_*, not {_kind(written)}"))
    elif len(written) > PATTERN_LIMIT:
        faults.append((path[:PATTERN_LIMIT], f"longer than {PATTERN_LIMIT} characters"))
    elif not written.isprintable() or written != written.strip():
        faults.append((ascii(path)[1:-1], "control, invisible or surrounding space characters"))
    else:
        return ActionGlob.of(written)
    return ActionGlob("")


def _level(written: object, path: str, faults: list[Fault]) -> Level:
    """Exactly as written in the glossary; "l3" is a fault, never a guess."""
    for level in Level:
        if written == level.value:
            return level
    hint = f"; did you mean {written.upper()}?" if isinstance(written, str) and written.upper() in list(Level) else ""
    faults.append((path, f"{_kind(written)} is not a level; write L1, L2, L3 or DENY{hint}"))
    return Level.DENY


def _kind(written: object) -> str:
    match written:
        case None:
            return "null"
        case bool():
            return str(written).lower()
        case str():
            return f'"{written[:40]}"'
        case list():
            return "a list"
        case dict():
            return "a map"
        case _:
            return str(written)[:40]
