"""The level of an action request: a policy, a floor and a question in, a Decision out. Nothing is awaited or looked up.

A condition that cannot be evaluated counts as true and as false, and the stricter outcome stands: its rule matched and
decided, and the rules after it decided. Whatever an agent sends, `evaluate` answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.policy.conditions import Failure
from bot.policy.counters import Applies, Counters
from bot.policy.facts import Facts
from bot.policy.metering import Meter
from bot.policy.price import TOTAL
from bot.policy.rules import Floor, Policy, Rule
from models.enums import Layer, Level
from models.values import Decision, Question


@dataclass(frozen=True, slots=True)
class _Hit:
    """A rule that matched, or whose condition failed."""

    rule: Rule
    fault: str | None = None


def evaluate(policy: Policy, floor: Floor, question: Question, counters: Counters | None = None) -> Decision:
    """The stricter of what the policy gives and what the floor demands.

    `rule` and `policy_version` are always the policy's, `floor_*` always the floor's; `layer` says which of the two
    decided, and `matched` on what its rule matched. A tie is the policy's.
    """
    request = question.request
    action, tool = request.action_type, request.tool or ""
    first = next(iter(policy.candidates(action, tool)), None)
    if (first is None or first.decides_by_name) and not floor.candidates(action, tool):
        return _said(policy, first, floor.version)
    return _weighed(policy, floor, Facts(question), counters)


def _weighed(policy: Policy, floor: Floor, facts: Facts, counters: Counters | None) -> Decision:
    hits = _deciding(policy, facts, counters)
    level, rule = _strictest(hits, policy.default)
    demanded = _demanding(floor, facts, counters)
    least = min(demanded, key=lambda hit: (-hit.rule.level.strictness, hit.rule.name)).rule if demanded else None
    decision = replace(
        _said(policy, rule, floor.version),
        floor_rule=least.name if least else None,
        floor_level=least.level if least else Level.L1,
        faults=tuple(hit.fault for hit in (*hits, *demanded) if hit.fault is not None),
    )
    if least is None or least.level.strictness <= level.strictness:
        return decision
    reason = f'the floor\'s rule "{least.name}" demands {least.level}; {decision.reason}'
    return replace(decision, level=least.level, reason=reason, layer=Layer.FLOOR, matched=least.told)


def _said(policy: Policy, rule: Rule | None, floor_version: int) -> Decision:
    """What the policy says by one of its rules or by its default."""
    if rule is None:
        return _of_default(policy.default, policy.version, floor_version)
    return _of_rule(rule.name, rule.level, rule.told, policy.version, floor_version)


@lru_cache(4096)
def _of_rule(name: str, level: Level, told: tuple[str, ...], version: int, floor_version: int) -> Decision:
    said = f'rule "{name}" gives {level}'
    return Decision(level, name, version, said, floor_version=floor_version, matched=told)


@lru_cache(256)
def _of_default(level: Level, version: int, floor_version: int) -> Decision:
    return Decision(level, None, version, f"no rule matches; the default is {level}", Layer.DEFAULT, floor_version)


def metered(policy: Policy, floor: Floor, question: Question) -> bool:
    """Whether some rule that may decide counts past runs, so that evaluation needs counters."""
    return any(rule.when is not None and rule.when.metered for rule in _candidates(policy, question)) or any(
        rule.when is not None and rule.when.metered for rule in _candidates(floor, question)
    )


def asks_requester(policy: Policy, floor: Floor) -> bool:
    """Whether some rule depends on the requester, so that a question needs one."""
    return policy.asks_requester or floor.asks_requester


def explain(decision: Decision) -> str:
    """One English line for /why, logs and tests."""
    return f"{decision.level} under policy version {decision.policy_version}: {decision.reason}"


def _candidates(ground: Policy | Floor, question: Question) -> Iterable[Rule]:
    """The rules whose matchers all match, in order; for a policy up to the first without a condition."""
    folded = isinstance(ground, Floor)
    request = question.request
    for rule in ground.candidates(request.action_type, request.tool or ""):
        if rule.match.rest(question, folded=folded):
            yield rule
            if rule.when is None and not folded:
                return


def _deciding(policy: Policy, facts: Facts, counters: Counters | None) -> list[_Hit]:
    """The rules whose conditions failed, and the first that matched, if any."""
    hits: list[_Hit] = []
    share = _share(policy)
    for rule in _candidates(policy, facts.question):
        outcome = _holds(rule, facts, counters, rule.match.names, share)
        if outcome is True:
            return [*hits, _Hit(rule)]
        if isinstance(outcome, Failure):
            hits.append(_Hit(rule, f'rule "{rule.name}": {outcome.reason}'))
    return hits


def _demanding(floor: Floor, facts: Facts, counters: Counters | None) -> list[_Hit]:
    """All rules that match, or whose conditions failed: in a floor, matching is the stricter outcome. In no order."""
    hits: list[_Hit] = []
    share = _share(floor)
    for rule in _candidates(floor, facts.question):
        outcome = _holds(rule, facts, counters, rule.match.names_folded, share)
        if isinstance(outcome, Failure):
            hits.append(_Hit(rule, f'floor rule "{rule.name}": {outcome.reason}'))
        elif outcome:
            hits.append(_Hit(rule))
    return sorted(hits, key=lambda hit: hit.rule.name)


def _share(ground: Policy | Floor) -> int:
    """What each condition may cost, in whatever order they stand: all of them together cost no more than TOTAL."""
    return TOTAL // max(sum(rule.when is not None for rule in ground.rules), 1)


def _holds(rule: Rule, facts: Facts, counters: Counters | None, applies: Applies, share: int) -> bool | Failure:
    if rule.when is None:
        return True
    meter = Meter(facts.question, counters, applies) if rule.when.metered else None
    return rule.when.holds(facts, meter, share=share)


def _strictest(hits: list[_Hit], default: Level) -> tuple[Level, Rule | None]:
    """Of the rules that may have matched; the default too, when none surely did. The earliest of equals."""
    strictest: tuple[Level, Rule | None] | None = None
    for hit in hits:
        if strictest is None or hit.rule.level.strictness > strictest[0].strictness:
            strictest = (hit.rule.level, hit.rule)
    surely = bool(hits) and hits[-1].fault is None
    if strictest is None or (not surely and default.strictness > strictest[0].strictness):
        return default, None
    return strictest
