"""The bot stands on top of a person's chats for as long as a question for which it was put there waits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from bot import outbox
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus


async def release(approval: ApprovalRequest, now: datetime) -> None:
    """Called with every change of an approval: whoever need not be held by this question any more is let go."""
    pinned = CardCopy.filter(approval_id=approval.id, pinned=True)
    if approval.status is ApprovalStatus.PENDING:
        pinned = pinned.filter(acted_at__isnull=False)
    for copy in await pinned:
        if await CardCopy.filter(id=copy.id, pinned=True).update(pinned=False):
            row = outbox.unpin(tenant=approval.tenant, person_id=copy.person_id, app_id=copy.app_id, now=now)
            await outbox.add([row])


async def settle(copy_id: UUID, now: datetime) -> None:
    """Feishu has pinned. Whoever was let go meanwhile is so again: that call may have overtaken this one."""
    copy = await CardCopy.get(id=copy_id)
    # Locked: whoever decides either has committed, and is seen here, or will find the pin.
    approval = await ApprovalRequest.select_for_update().get(id=copy.approval_id)
    await release(approval, now)
    if not copy.pinned:
        row = outbox.unpin(tenant=approval.tenant, person_id=copy.person_id, app_id=copy.app_id, now=now)
        await outbox.add([row])


async def is_held(person_id: UUID, app_id: str) -> bool:
    """Whether another question still holds the bot on top of this person's chats."""
    waiting = Q(approval__status=ApprovalStatus.PENDING)
    return await CardCopy.filter(waiting, person_id=person_id, app_id=app_id, pinned=True).exists()
