"""How an approval request leaves `pending`: by a person, by its agent, or by time."""

from __future__ import annotations

from datetime import datetime

from models.enums import ApprovalStatus, Verdict, Via
from models.values import ApprovalFacts, Operator, Refusal, RefusalKind, Resolution

REASON_LIMIT = 2000  # characters kept of a person's or an agent's reason


def resolve(
    facts: ApprovalFacts,
    verdict: Verdict | None,
    operator: Operator,
    now: datetime,
    *,
    via: Via,
    reason: str | None = None,
    code: str | None = None,
) -> Resolution | Refusal:
    """The outcome of what `operator` pressed or typed. A stranger learns nothing but that it is not theirs.

    `code` is what was typed or what the card carried: the short code or the whole digest. It must fit when given,
    and there must be one to approve by command, so that nobody approves what they have not seen; rejecting needs none.
    """
    if not (operator.id == facts.creator_id or operator.administers(facts.tenant)):
        return Refusal(RefusalKind.NOT_YOURS)
    if verdict is None:
        return Refusal(RefusalKind.UNKNOWN_VERDICT)
    if closed := _closed(facts, now):
        return closed
    if _wrong_code(facts, code, required=via is Via.COMMAND and verdict is Verdict.APPROVE):
        return Refusal(RefusalKind.WRONG_CODE, detail=code)
    status = ApprovalStatus.APPROVED if verdict is Verdict.APPROVE else ApprovalStatus.REJECTED
    return Resolution(status, _not_before_creation(facts, now), via, verdict, operator, tidy_reason(reason))


def cancel(facts: ApprovalFacts, now: datetime, *, reason: str | None = None) -> Resolution | Refusal:
    """The agent withdraws a question that nobody has answered."""
    if facts.status is not ApprovalStatus.PENDING:
        return Refusal(RefusalKind.NOT_PENDING, by=facts.resolver, at=facts.resolved_at, status=facts.status)
    if closed := _closed(facts, now):
        return closed
    at = _not_before_creation(facts, now)
    return Resolution(ApprovalStatus.CANCELLED, at, Via.AGENT, reason=tidy_reason(reason))


def expiry(facts: ApprovalFacts, now: datetime) -> Resolution | None:
    """The resolution by time, once it is due."""
    if facts.status is not ApprovalStatus.PENDING or now < facts.expires_at:
        return None
    return Resolution(ApprovalStatus.EXPIRED, now, Via.EXPIRY)


def tidy_reason(reason: str | None) -> str | None:
    """As it was typed but storable (no NUL, no half surrogate pairs), trimmed, at most REASON_LIMIT characters."""
    storable = (reason or "").replace("\0", "").encode("utf-8", "ignore").decode()
    return storable.strip()[:REASON_LIMIT] or None


def _closed(facts: ApprovalFacts, now: datetime) -> Refusal | None:
    if facts.status is ApprovalStatus.EXPIRED:
        return Refusal(RefusalKind.EXPIRED, at=facts.resolved_at or facts.expires_at, status=facts.status)
    if facts.status is not ApprovalStatus.PENDING:
        return Refusal(RefusalKind.ALREADY_RESOLVED, by=facts.resolver, at=facts.resolved_at, status=facts.status)
    if now >= facts.expires_at:  # due; the tick has not got to it yet
        return Refusal(RefusalKind.EXPIRED, at=facts.expires_at, status=ApprovalStatus.EXPIRED)
    return None


def _wrong_code(facts: ApprovalFacts, code: str | None, *, required: bool) -> bool:
    if code is None:
        return required
    return code.strip().lower() not in (facts.code, facts.action_digest)


def _not_before_creation(facts: ApprovalFacts, now: datetime) -> datetime:
    return max(now, facts.created_at)
