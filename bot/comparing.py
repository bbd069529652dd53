"""How a question differs from the last one of its kind that was approved. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tortoise.queryset import QuerySet

from bot.granting.bounds import same
from bot.stored import stored_request
from cards.views import ChangedView, Difference
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, ExecutionStatus
from models.values import JsonObject


async def changed_since(approval: ApprovalRequest) -> ChangedView | None:
    """Against the last request of this agent and shape that was approved before this one was asked, and did not fail.

    None when there is none: it is the first of its kind.
    """
    unfailed = _approved_before(approval).exclude(execution=ExecutionStatus.FAILED)
    last = await unfailed.order_by("-resolved_at", "-id").first()
    return None if last is None else _compared(last, stored_request(last).args, stored_request(approval).args)


async def first_of_kind(approval: ApprovalRequest) -> bool:
    """Whether nothing of this kind was ever approved for this agent, as far as was known when it asked."""
    return bool(approval.shape) and not await _approved_before(approval).exists()


def _approved_before(approval: ApprovalRequest) -> QuerySet[ApprovalRequest]:
    """Of the same agent and shape; where the shape is not known, none."""
    alike = ApprovalRequest.filter(agent_id=approval.agent_id, shape=approval.shape or "unknown")
    return alike.filter(status=ApprovalStatus.APPROVED, resolved_at__lte=approval.created_at).exclude(id=approval.id)


def _compared(last: ApprovalRequest, before: JsonObject, after: JsonObject) -> ChangedView:
    at: datetime = last.resolved_at or last.created_at
    return ChangedView(
        last_at=at,
        last_by=last.resolver_name,
        differences=tuple(differences(before, after)),
        same=tuple(name for name in after if name in before and same(before[name], after[name])),
    )


def differences(before: JsonObject, after: JsonObject) -> Iterator[Difference]:
    """One for each argument that is not equal as it would be hashed: the present ones, then those that are gone."""
    for name, value in after.items():
        if name not in before:
            yield Difference(name, after=value, had=False)
        elif not same(before[name], value):
            yield Difference(name, before=before[name], after=value)
    for name, value in before.items():
        if name not in after:
            yield Difference(name, before=value, has=False)
