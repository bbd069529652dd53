"""What is decided of an action request, from facts alone: pause, freeze, policy and floor, observation, grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.directory import KnownAgent
from bot.freezing.standstill import longest
from bot.granting.bounds import matches
from bot.policy.counters import Counters
from bot.policy.evaluate import evaluate
from models.enums import Layer, Level
from models.values import ActionRequest, AgentFacts, Decision, FreezeFacts, GrantFacts, Question


def decide(known: KnownAgent, question: Question, counters: Counters | None = None) -> Decision:
    """The level under which the action would run now. Grants come after it: they are spent, not only read."""
    if known.facts.paused:
        return Decision(Level.DENY, None, known.policy.version, "the agent is paused", Layer.PAUSE)
    if freeze_in_force(known, question.now) is not None:
        return Decision(Level.DENY, None, known.policy.version, "the agent is frozen", Layer.FREEZE)
    return _observed(known.facts, evaluate(known.policy, known.floor, question, counters), question.now)


def freeze_in_force(known: KnownAgent, now: datetime) -> FreezeFacts | None:
    """The freeze that holds, the longest where there are several."""
    return longest(known.freezes, now) if known.freezes else None


def sparing(
    known: KnownAgent, request: ActionRequest, digest: str, decision: Decision, now: datetime
) -> tuple[GrantFacts, ...]:
    """The grants that may spare this question, none where the floor asks it. Whether they still can, their use says."""
    if decision.level is not Level.L3 or decision.floor_level.strictness >= Level.L3.strictness:
        return ()
    return tuple(grant for grant in known.grants if matches(grant, request, digest, now))


def under_grant(decision: Decision, grant: GrantFacts) -> Decision:
    """The decision when `grant` was used: it runs, and the creator is told."""
    reason = f"{decision.reason}; a grant of {grant.giver_name} spares the question"
    return replace(
        decision, level=Level.L2, reason=reason, layer=Layer.GRANT, grant_id=grant.id, would_be=decision.level
    )


def _observed(agent: AgentFacts, decision: Decision, now: datetime) -> Decision:
    """An observed agent runs silently whatever the decision, which is kept as what it would have been."""
    if agent.observe_until is None or now >= agent.observe_until or decision.level is Level.L1:
        return decision
    reason = f"{decision.reason}; the agent is only observed"
    return replace(decision, level=Level.L1, reason=reason, layer=Layer.OBSERVE, would_be=decision.level)
