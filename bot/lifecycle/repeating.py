"""What a repeated check means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from bot.lifecycle.claiming import claim_lapsed
from bot.lifecycle.resolving import expiry
from models.enums import ApprovalStatus, ExecutionStatus, Executor
from models.values import ApprovalFacts, Resolution


@dataclass(frozen=True, slots=True)
class Fresh:
    """Ask anew. `expire` ends the request that still holds the rendezvous key; record it in the same transaction."""

    expire: Resolution | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Wait on the same request; no new card."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The approval has not been used: claim it, then the check is allowed."""


@dataclass(frozen=True, slots=True)
class Report:
    """The service executes: answer with the execution. `collects`: it is over, so this answer uses the approval up."""

    execution: ExecutionStatus
    collects: bool


@dataclass(frozen=True, slots=True)
class Reject:
    """A person said no a moment ago; the same answer again, without asking again before `until`."""

    until: datetime
    by: str | None = None
    reason: str | None = None


Rendezvous: TypeAlias = Fresh | Join | Claim | Report | Reject


def rendezvous(facts: ApprovalFacts | None, now: datetime, cooldown: timedelta) -> Rendezvous:
    """What a check means that repeats an earlier one (same agent, session and digest); `facts` are of the latest such.

    For the executor SERVICE, `claimed_at` says when the finished execution was first told to the agent.
    """
    if facts is None:
        return Fresh()
    match facts.status:
        case ApprovalStatus.PENDING:
            due = expiry(facts, now)
            return Fresh(expire=due) if due else Join()
        case ApprovalStatus.APPROVED if facts.executor is Executor.SERVICE:
            return _repeat_of_executed(facts, now)
        case ApprovalStatus.APPROVED:
            used = facts.claimed_at is not None or claim_lapsed(facts, now)
            return Fresh() if used else Claim()
        case ApprovalStatus.REJECTED:
            until = (facts.resolved_at or facts.created_at) + cooldown
            return Reject(until, facts.resolver, facts.resolution_reason) if now < until else Fresh()
        case ApprovalStatus.EXPIRED | ApprovalStatus.CANCELLED:
            return Fresh()


def _repeat_of_executed(facts: ApprovalFacts, now: datetime) -> Fresh | Report:
    """An execution that is not over is never started a second time, however late it is."""
    over = facts.execution.finished
    if over and (facts.claimed_at is not None or claim_lapsed(facts, now)):
        return Fresh()
    return Report(facts.execution, collects=over)
