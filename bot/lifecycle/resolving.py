"""How an approval request leaves `pending`: by one person or several, by its agent, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.enums import ApprovalStatus, AskedAs, Ending, Verdict, Via
from models.values import ApprovalFacts, Operator, Refusal, RefusalKind, Resolution

REASON_LIMIT = 2000  # characters kept of a person's or an agent's reason

BY_TIME = "没有人在规定时间内决定 · nobody decided in time"
"""Why a question was rejected whose plan ends so. Agents read it too."""

BY_RIGHT = (AskedAs.CREATOR, AskedAs.ADMIN)
"""Asked for what they are, and entitled by that alone, for as long as they are it."""


@dataclass(frozen=True, slots=True)
class Consented:
    """One of the approvals that are needed was given by this press; the question stays open for the others."""

    at: datetime
    by: Operator
    missing: int  # further people


def entitled(facts: ApprovalFacts, operator: Operator) -> bool:
    """Whether this person may decide: the creator, an admin of the tenant, or who was asked by the plan."""
    if operator.id == facts.creator_id or operator.administers(facts.tenant):
        return True
    asked_as = facts.asked.get(operator.id)
    if asked_as is AskedAs.DELEGATE and facts.needed > 1:  # asked before an edit made several necessary
        return False  # the second pair of eyes is never picked by the first
    return operator.tenant == facts.tenant and asked_as is not None and asked_as not in BY_RIGHT


def resolve(
    facts: ApprovalFacts,
    verdict: Verdict | None,
    operator: Operator,
    now: datetime,
    *,
    via: Via,
    reason: str | None = None,
    code: str | None = None,
) -> Resolution | Consented | Refusal:
    """The outcome of what `operator` pressed or typed. A stranger learns nothing but that it is not theirs.

    `code` is what was typed or what the card carried: the short code or the whole digest. It must fit when given,
    and there must be one to approve by command, so that nobody approves what they have not seen; rejecting needs none.
    One person rejects; where several must approve, each does once, and where duties are separated never the requester.
    """
    if not entitled(facts, operator):
        return Refusal(RefusalKind.NOT_YOURS)
    if verdict is None:
        return Refusal(RefusalKind.UNKNOWN_VERDICT)
    if closed := _closed(facts, now):
        return closed
    approves = verdict is Verdict.APPROVE
    if approves and facts.duties_separated and operator.id == facts.requester_id:
        return Refusal(RefusalKind.SEPARATED)
    if _wrong_code(facts, code, required=via is Via.COMMAND and approves):
        return Refusal(RefusalKind.WRONG_CODE, detail=code)
    at = _not_before_creation(facts, now)
    if approves and (missing := facts.needed - len(facts.consents | {operator.id})) > 0:
        return Refusal(RefusalKind.CONSENTED) if operator.id in facts.consents else Consented(at, operator, missing)
    status = ApprovalStatus.APPROVED if approves else ApprovalStatus.REJECTED
    return Resolution(status, at, via, verdict, operator, tidy_reason(reason))


def cancel(facts: ApprovalFacts, now: datetime, *, reason: str | None = None) -> Resolution | Refusal:
    """The agent withdraws a question that nobody has answered."""
    if facts.status is not ApprovalStatus.PENDING:
        return Refusal(RefusalKind.NOT_PENDING, by=facts.resolver, at=facts.resolved_at, status=facts.status)
    if closed := _closed(facts, now):
        return closed
    at = _not_before_creation(facts, now)
    return Resolution(ApprovalStatus.CANCELLED, at, Via.AGENT, reason=tidy_reason(reason))


def expiry(facts: ApprovalFacts, now: datetime, ending: Ending = Ending.EXPIRE) -> Resolution | None:
    """The resolution by time, once it is due. Whatever the plan says, time never approves."""
    if facts.status is not ApprovalStatus.PENDING or now < facts.expires_at:
        return None
    match ending:
        case Ending.EXPIRE:
            return Resolution(ApprovalStatus.EXPIRED, now, Via.EXPIRY)
        case Ending.REJECT:
            return Resolution(ApprovalStatus.REJECTED, now, Via.EXPIRY, reason=BY_TIME)


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
