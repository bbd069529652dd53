"""What a policy or a floor says that its author may not mean. Nothing here keeps it from being saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cel_expr_python import cel  # type: ignore[import-untyped]

from bot.policy import cel_text
from bot.policy.conditions import Condition
from bot.policy.matching import ANYTHING, Match
from bot.policy.rules import Floor, Policy, Rule
from models.enums import Level

_COMPARED = 2_000
"""Pairs of patterns that are compared closely; a policy of 500 rules has 125,000."""

_LOOKS_LIKE_REGEX = re.compile(r"(?<![A-Za-z0-9])\.\*|[\^$\[\]()|?+\\]")
_CLOCK = frozenset(
    {"getHours", "getMinutes", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getMonth", "getFullYear"}
)
_VARIABLES = ("action", "tool", "session", "args", "now", "agent", "creator", "requester", "rate", "today")


class Severity(StrEnum):
    ERROR = "error"  # the rule can never do what it says
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is the place in the canonical document; `code` is for programs, `words` are English for people."""

    severity: Severity
    path: str
    words: str
    code: str
    rule: str | None = None


def lint(ground: Policy | Floor, floor: Floor | None = None) -> tuple[Finding, ...]:
    """What is worth a look, in the order of the rules. A policy is held against the floor above it."""
    found: list[Finding] = []
    for place, rule in enumerate(ground.rules):
        earlier = ground.rules[:place] if isinstance(ground, Policy) else ()
        for severity, code, words in _of_rule(rule):
            found.append(Finding(severity, f"rules[{place}]", words, code, rule.name))
        against = _in_policy(rule, earlier, floor) if isinstance(ground, Policy) else _in_floor(rule, ground)
        for severity, code, words in against:
            found.append(Finding(severity, f"rules[{place}]", words, code, rule.name))
    if isinstance(ground, Policy):
        found += _overlaps(ground.rules)
        found += _default(ground, floor)
    return tuple(sorted(found, key=_place))


_Said = tuple[Severity, str, str]  # severity, code, words


def _of_rule(rule: Rule) -> Iterator[_Said]:
    for matcher, glob in rule.match.globs():
        if _LOOKS_LIKE_REGEX.search(glob.pattern):
            words = f'{matcher} "{glob.pattern}" looks like a regular expression; only * has a meaning'
            yield Severity.WARNING, "looks_like_regex", words
    if rule.asks_requester or rule.match.session is not None:
        who = "the requester" if rule.asks_requester else "the session"
        loose = rule.level.strictness < Level.L3.strictness
        consequence = "a claim may loosen the level here" if loose else "another claim avoids this rule"
        yield Severity.WARNING, "claimed", f"the agent itself names {who}: {consequence}"
    if rule.when is not None:
        yield from _of_condition(rule.when)


def _of_condition(when: Condition) -> Iterator[_Said]:
    read = cel_text.tokens(when.text)
    if not any(cel_text.mentions(read, name) for name in _VARIABLES):
        yield Severity.WARNING, "constant", "the condition does not depend on the request"
    for call in cel_text.calls(read, "matches"):
        pattern = call.literal.text.strip("rRbB\"'") if call.literal else ""
        if not pattern.startswith(("^", "(?i)^", r"\\A", r"\A")) and not pattern.startswith(".*"):
            words = f'matches("{pattern}") looks anywhere in the text; begin it with ^ to mean the start'
            yield Severity.WARNING, "unanchored", words
    for place, token in enumerate(read[:-2]):
        if token.text in _CLOCK and read[place + 1].text == "(" and read[place + 2].text == ")":
            yield Severity.WARNING, "utc", f'{token.text}() is UTC; name the zone: {token.text}("Asia/Shanghai")'
    if when.rounds:
        yield (
            Severity.WARNING,
            "large_args",
            "it relates values of args to each other: with large args it fails strictly",
        )


def _in_policy(rule: Rule, earlier: tuple[Rule, ...], floor: Floor | None) -> Iterator[_Said]:
    for before in earlier:
        if (before.when is None or before.when == rule.when) and before.match.covers(rule.match):
            if before.when is None:  # a policy read by parse_policy has none
                yield Severity.ERROR, "unreachable", f'never reached: "{before.name}" matches first'
                return
            yield Severity.ERROR, "unreachable", f'never reached: "{before.name}" matches under the same condition'
            return
    above = _strictest(floor, rule.match) if floor else None
    if above is not None and above.level.strictness > rule.level.strictness:
        sure = "has no effect" if _surely(above, rule.match) else "may have no effect"
        words = f'{rule.level} {sure}: the floor\'s rule "{above.name}" demands {above.level}'
        yield Severity.WARNING, "below_floor", words


def _in_floor(rule: Rule, floor: Floor) -> Iterator[_Said]:
    if rule.level is Level.L1:
        yield Severity.WARNING, "no_effect", "a floor that demands L1 demands nothing"
        return
    for other in floor.rules:
        stricter = other.level.strictness > rule.level.strictness
        if stricter and other.when is None and other.match.folded.covers(rule.match.folded):
            yield Severity.WARNING, "no_effect", f'"{other.name}" always demands more'
            return


def _default(policy: Policy, floor: Floor | None) -> Iterator[Finding]:
    above = _strictest(floor, Match(action=ANYTHING)) if floor else None
    if above is not None and above.when is None and above.level.strictness > policy.default.strictness:
        words = f'the default {policy.default} has no effect: the floor\'s rule "{above.name}" demands {above.level}'
        yield Finding(Severity.WARNING, "default", words, "below_floor")
    elif policy.default is Level.L1:
        words = "whatever no rule names runs without anyone being told at once"
        yield Finding(Severity.WARNING, "default", words, "silent_default")


def _overlaps(rules: tuple[Rule, ...]) -> Iterator[Finding]:
    """A looser pattern before a stricter one with which it shares names: there the order decides."""
    plain = [(place, rule, rule.match.action) for place, rule in enumerate(rules) if rule.is_plain]
    compared = 0
    for place, rule, glob in plain:
        for earlier, before, other in plain:
            if earlier >= place or compared >= _COMPARED:
                break
            if before.level.strictness >= rule.level.strictness or glob is None or other is None:
                continue
            compared += 1
            if other.overlaps(glob) and not glob.covers(other):
                words = f'names that match "{before.name}" too get {before.level}: it stands before this rule'
                yield Finding(Severity.WARNING, f"rules[{place}]", words, "overlap", rule.name)
                break


def _strictest(floor: Floor, match: Match) -> Rule | None:
    """The strictest rule of the floor that applies to everything that is matched; a sure one before a conditional."""
    folded = match.folded
    above = [rule for rule in floor.rules if rule.match.folded.covers(folded)]
    return max(above, key=lambda rule: (rule.level.strictness, rule.when is None), default=None)


def _surely(above: Rule, match: Match) -> bool:
    """Whether the rule of the floor holds for all that is matched: it asks nothing, or only names written out here."""
    if above.when is None:
        return True
    read = cel_text.tokens(above.when.text)
    names = {"action": match.action, "tool": match.tool}
    asked = {name for name in _VARIABLES if cel_text.mentions(read, name)}
    if not asked or asked - names.keys() or any(names[one] is None or "*" in names[one].pattern for one in asked):  # type: ignore[union-attr]
        return False
    written = {name: glob.pattern if glob else "" for name, glob in names.items()}
    held = above.when.program.eval(data=written)
    return held.type() == cel.Type.BOOL and bool(held.value())


def _place(finding: Finding) -> tuple[int, str]:
    number = finding.path.removeprefix("rules[").removesuffix("]")
    return (int(number), finding.code) if number.isdigit() else (-1, finding.code)
