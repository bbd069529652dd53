"""Queue cards that must show something else than before: after a request came, changed, or was decided anywhere.

To follow only adds messages and changes no row: transactions that concern the same people cannot lock each other out.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F

from bot import outbox
from models.asking import QueueCard
from models.outbox import OutboxMessage

ALIVE = timedelta(days=13)
"""A card that was opened longer ago is left alone: after 14 days Feishu takes no update (feishu-protocol 2.6)."""


async def moved(people: Collection[UUID], tenant: str, now: datetime) -> None:
    """What these people's living queue cards show is drawn anew, with the caller's transaction."""
    living = QueueCard.filter(person_id__in=list(people), closed_at=None, created_at__gt=now - ALIVE)
    await outbox.add([update(card, tenant, now) for card in await living.order_by("id")])


async def close(card: QueueCard, tenant: str, now: datetime) -> bool:
    """Whether the card was closed by this call; it says so, as far as Feishu takes a change of it."""
    living = QueueCard.filter(id=card.id, closed_at=None)
    closed = await living.update(closed_at=now, revision=F("revision") + 1)
    if closed:
        await outbox.add([update(card, tenant, now)])
    return bool(closed)


def update(card: QueueCard, tenant: str, now: datetime, *, delay: timedelta | None = None) -> OutboxMessage:
    return outbox.queue_update(
        tenant=tenant, card_id=card.id, person_id=card.person_id, app_id=card.app_id, now=now, delay=delay
    )
