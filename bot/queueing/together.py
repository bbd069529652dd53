"""Requests of one kind approved with one press: exactly those that the card listed, each by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from bot.approvals import AlreadyDone, ApprovalService, Consenting, Resolved
from bot.queueing.reading import batchable
from cards.queue_toasts import Batch
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, Verdict, Via
from models.values import Operator, Refusal, RefusalKind


class Together:
    def __init__(self, approvals: ApprovalService) -> None:
        self._approvals = approvals

    async def approve(
        self, seen: UUID | None, listed: Sequence[tuple[UUID, str]], operator: Operator, event_key: str
    ) -> Batch:
        """How many were approved, and why not the rest: whatever was decided or changed since stays as it is.

        `seen`: the request in view, of whose kind they must all be. Each has an event key, a refusal or an audit entry
        of its own, so that a repeated press changes nothing, also when the first broke off in the middle.
        """
        shown = await ApprovalRequest.get_or_none(id=seen) if seen else None
        others: Counter[RefusalKind] = Counter()
        approved = 0
        for approval_id, code in listed:
            approval = await ApprovalRequest.get_or_none(id=approval_id)
            refused = await self._one(approval, shown, code, operator, f"{event_key}:{approval_id}")
            others.update([refused] if refused else [])
            approved += refused is None
        return Batch(approved, dict(others))

    async def _one(
        self, approval: ApprovalRequest | None, shown: ApprovalRequest | None, code: str, operator: Operator, key: str
    ) -> RefusalKind | None:
        if approval is None or shown is None or (approval.agent_id, approval.shape) != (shown.agent_id, shown.shape):
            return RefusalKind.UNKNOWN_APPROVAL
        if not batchable(approval.severity, approval.approvals_needed, separated=approval.duties_separated):
            return RefusalKind.CRITICAL
        outcome = await self._approvals.resolve(
            approval.id, Verdict.APPROVE, operator, via=Via.CARD, code=code, event_key=key
        )
        match outcome:
            case Resolved():
                return None
            case AlreadyDone():
                return await _as_before(approval, operator)
            case Refusal(kind=kind):
                return kind
            case Consenting():
                return RefusalKind.CONSENTED


async def _as_before(approval: ApprovalRequest, operator: Operator) -> RefusalKind | None:
    """What a repeated press is told: that it approved the request, if it did."""
    await approval.refresh_from_db()
    mine = approval.status is ApprovalStatus.APPROVED and approval.resolved_by_id == operator.id
    return None if mine else RefusalKind.ALREADY_RESOLVED
