"""When an action has been approved so often, untouched, that asking again teaches nobody anything. Reads only."""

from __future__ import annotations

from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, ExecutionStatus, GrantKind
from models.grant import Grant

_ANSWERED = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED)
"""A request that the agent withdrew says nothing about what people want."""

_TROUBLE = (ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN)


def untouched(approval: ApprovalRequest) -> bool:
    """Whether it was approved as it was asked and without a word, and as far as is known nothing went wrong."""
    return (
        approval.status is ApprovalStatus.APPROVED
        and approval.resolution_reason is None
        and approval.original_digest is None
        and approval.execution not in _TROUBLE
    )


async def streak(approval: ApprovalRequest, needed: int) -> list[ApprovalRequest]:
    """The last `needed` answers to requests of this agent and shape, newest first, when all are untouched approvals.

    Empty otherwise, and when this approval is not among them. A graduated grant that was revoked begins a new count.
    """
    if not approval.shape:
        return []
    answered = ApprovalRequest.filter(agent_id=approval.agent_id, shape=approval.shape, status__in=_ANSWERED)
    ended = Grant.filter(
        agent_id=approval.agent_id,
        kind=GrantKind.GRADUATED,
        action_type=approval.action_type,
        tool=approval.tool,
        revoked_at__isnull=False,
    )
    last = await ended.order_by("-revoked_at").first()
    if last is not None:
        answered = answered.filter(resolved_at__gt=last.revoked_at)
    newest = await answered.order_by("-resolved_at", "-id").limit(needed)
    whole = len(newest) == needed and all(untouched(one) for one in newest)
    return newest if whole and any(one.id == approval.id for one in newest) else []
