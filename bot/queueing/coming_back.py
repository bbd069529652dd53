"""What was put off comes back: at the end of the snooze the person gets the queue again, with that request open."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bot.ledger import Work
from bot.nudging.crowd import slot_of
from bot.nudging.sparing import spared
from bot.queueing.following import moved
from bot.queueing.opening import open_unasked
from models.approval import ApprovalRequest, CardCopy
from models.user import User


async def come_back(copy_id: UUID, until: datetime, work: Work) -> None:
    """One card at most in a slot; what comes back besides appears on that one. Nothing where it waits no more."""
    copy = await CardCopy.get(id=copy_id)
    if copy.snoozed_until != until:  # put off again meanwhile
        return
    approval = await ApprovalRequest.get(id=copy.approval_id)
    alone = spared(approval, copy, await User.get(id=copy.person_id), work.now) is not None
    slot = slot_of(work.now)
    if alone or not await open_unasked(work, copy.person_id, copy.app_id, work.now, slot, first=approval.id):
        await moved([copy.person_id], approval.tenant, work.now)
