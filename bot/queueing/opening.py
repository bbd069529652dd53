"""A queue card is opened: by /pending, by the bot menu, or instead of many reminders. The person's older ones close."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bot import outbox
from bot.ledger import Work
from bot.outbox import Bell
from bot.queueing.following import close
from models.asking import QueueCard
from models.ids import new_id
from models.outbox import OutboxMessage
from models.user import User
from models.values import Operator


class Queueing:
    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    async def open(self, work: Work, operator: Operator, app_id: str, *, dedupe: str | None = None) -> None:
        """The person gets one card with all that waits, in private; the older ones say that it moved."""
        await _open(work, operator.id, app_id, due_at=work.now, dedupe=dedupe)
        work.after_commit(self._bell.ring)

    async def digest(self, work: Work, person_id: UUID, app_id: str, due_at: datetime, slot: datetime) -> bool:
        """One card with all that waits for the person is on its way, at most one in each slot; whether by this call."""
        opened = await open_unasked(work, person_id, app_id, due_at, slot)
        work.after_commit(self._bell.ring)
        return opened


async def open_unasked(
    work: Work, person_id: UUID, app_id: str, due_at: datetime, slot: datetime, *, first: UUID | None = None
) -> bool:
    """As Queueing.digest; the card shows `first`, and is not sent when nothing waits by then."""
    dedupe = f"queue:{person_id}:{slot.isoformat()}"
    return await _open(work, person_id, app_id, due_at=due_at, dedupe=dedupe, first=first, silent_when_empty=True)


async def _open(
    work: Work,
    person_id: UUID,
    app_id: str,
    *,
    due_at: datetime,
    dedupe: str | None,
    first: UUID | None = None,
    silent_when_empty: bool = False,
) -> bool:
    """False, and nothing, where a card for the same reason is on its way already."""
    person = await User.get(id=person_id)
    card = QueueCard(id=new_id(), person_id=person.id, app_id=app_id, approval_id=first, created_at=work.now)
    message = outbox.queue_card(
        tenant=person.tenant,
        card_id=card.id,
        person_id=person.id,
        app_id=app_id,
        due_at=due_at,
        now=work.now,
        dedupe=dedupe or f"queue:{card.id}",
        silent_when_empty=silent_when_empty,
    )
    await OutboxMessage.bulk_create([message], ignore_conflicts=True)
    if not await OutboxMessage.exists(id=message.id):
        return False
    await _close_older(work, person)
    await card.save(force_create=True)
    return True


async def _close_older(work: Work, person: User) -> None:
    """Only the newest queue card of a person lives."""
    for card in await QueueCard.filter(person_id=person.id, closed_at=None).order_by("id"):
        await close(card, person.tenant, work.now)
