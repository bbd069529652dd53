"""Which approval request a person means by an id or the beginning of one. People see only what concerns them."""

from __future__ import annotations

import re
from uuid import UUID

from tortoise.expressions import Q, Subquery

from bot.administration import Declined, Why
from bot.consenting import seen_in_person
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, Role
from models.values import Operator, Refusal, RefusalKind, short_code

_CANDIDATES = 50
"""Ids begin with their time, so a short beginning fits everything of some hours; then more of it must be written."""


_CODE = re.compile(r"[0-9a-f]{6}")


async def find_approval(
    operator: Operator, prefix: str, *, code: str | None = None, open_only: bool = False
) -> ApprovalRequest | Refusal | Declined:
    """The one request that this person may see and whose id begins so, or whose card shows this as its code.

    Where several do, the code of a typed /approve tells them apart, and for a verdict (`open_only`) that one waits.
    """
    low, high = _range(prefix)
    begins = ApprovalRequest.filter(id__gte=low, id__lte=high)
    seen = await begins.filter(_seen_by(operator)).order_by("-id").limit(_CANDIDATES)
    if not seen:
        seen = await _with_code(operator, prefix)
    if not seen:
        return await _nothing(operator, low, high, prefix)
    if len(seen) > 1 and code is not None:
        seen = [row for row in seen if short_code(row.action_digest) == code] or seen
    if len(seen) > 1 and open_only:
        seen = [row for row in seen if row.status is ApprovalStatus.PENDING] or seen
    return seen[0] if len(seen) == 1 else Declined(Why.AMBIGUOUS, prefix)


async def _with_code(operator: Operator, code: str) -> list[ApprovalRequest]:
    """By what stands on the card: the one that waits, else the newest, for a repeated action keeps its code."""
    if not _CODE.fullmatch(code):
        return []
    alike = ApprovalRequest.filter(_seen_by(operator), action_digest__startswith=f"sha256:{code}").order_by("-id")
    found = await alike.limit(_CANDIDATES)
    waiting = [row for row in found if row.status is ApprovalStatus.PENDING]
    same = len({row.action_digest for row in found}) == 1
    return waiting or (found[:1] if same else found)


async def _nothing(operator: Operator, low: UUID, high: UUID, prefix: str) -> Refusal:
    """A colleague's request is not theirs; another tenant's does not exist."""
    whole = low == high and await ApprovalRequest.exists(id=low, tenant=operator.tenant)
    return Refusal(RefusalKind.NOT_YOURS if whole else RefusalKind.UNKNOWN_APPROVAL, detail=prefix)


def _seen_by(operator: Operator) -> Q:
    """As bot.reading.may_see, for the database."""
    asked = Subquery(seen_in_person(operator.id).values("approval_id"))
    concerns = Q(creator_id=operator.id) | Q(requester_id=operator.id) | Q(id__in=asked)
    match operator.role:
        case Role.PLATFORM_ADMIN:
            return Q()
        case Role.ORG_ADMIN:
            return Q(tenant=operator.tenant) | concerns
        case Role.MEMBER:
            return concerns


def _range(prefix: str) -> tuple[UUID, UUID]:
    digits = prefix.replace("-", "")
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
