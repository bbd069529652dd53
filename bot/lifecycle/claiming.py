"""The single use of an approval by its agent, and the agent's word on how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.enums import ApprovalStatus, ExecutionStatus, Executor
from models.values import ApprovalFacts, Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class Claimed:
    """The single go-ahead, given at this time. The execution is `running` from here on."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """How the agent says that its action ended."""

    execution: ExecutionStatus
    at: datetime


def claim(facts: ApprovalFacts, action_digest: str, now: datetime) -> Claimed | Refusal:
    """The go-ahead, once, for exactly the action that was approved.

    Where a person changed the arguments, the refusal of what the agent had asked carries the digest that was approved.
    """
    if facts.executor is Executor.SERVICE:
        return Refusal(RefusalKind.SERVICE_EXECUTES)
    if action_digest != facts.action_digest:
        amended = action_digest == facts.original_digest
        return Refusal(RefusalKind.DIGEST_MISMATCH, detail=facts.action_digest if amended else None)
    if facts.status is not ApprovalStatus.APPROVED:
        return _not_approved(facts)
    if facts.claimed_at is not None:
        return Refusal(RefusalKind.ALREADY_CLAIMED, by=facts.resolver, at=facts.claimed_at, status=facts.status)
    if claim_lapsed(facts, now):
        return Refusal(RefusalKind.CLAIM_LAPSED, by=facts.resolver, at=facts.claim_expires_at, status=facts.status)
    return Claimed(max(now, facts.resolved_at or now))


def report_outcome(facts: ApprovalFacts, execution: ExecutionStatus, now: datetime) -> Reported | Refusal:
    """The agent's word on the action it claimed: succeeded or failed, once. It may still settle an `unknown`.

    OUTCOME_KNOWN carries the known execution status in `detail`: a repeated report can be told from a different one.
    """
    if facts.executor is Executor.SERVICE:
        return Refusal(RefusalKind.SERVICE_EXECUTES)
    if execution not in (ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED):
        return Refusal(RefusalKind.INVALID, detail=execution)
    if facts.status is not ApprovalStatus.APPROVED:
        return _not_approved(facts)
    if facts.claimed_at is None:
        return Refusal(RefusalKind.NOT_CLAIMED, status=facts.status)
    if facts.execution in (ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED):
        return Refusal(RefusalKind.OUTCOME_KNOWN, status=facts.status, detail=facts.execution)
    return Reported(execution, max(now, facts.claimed_at))


def _not_approved(facts: ApprovalFacts) -> Refusal:
    return Refusal(RefusalKind.NOT_APPROVED, by=facts.resolver, at=facts.resolved_at, status=facts.status)


def claim_lapsed(facts: ApprovalFacts, now: datetime) -> bool:
    return facts.claim_expires_at is not None and now >= facts.claim_expires_at
