"""When much waits for one person, one card with all of it is worth more than a text for each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.queueing.reading import queue_of

CROWD = 3
"""So many questions that wait for one person are told as one."""

SLOT = timedelta(minutes=30)
"""Within one slot a person gets one such card."""


async def is_crowd(person_id: UUID, now: datetime) -> bool:
    """Whether the person's queue is so long, without what was put off."""
    return sum(not one.snoozed for one in await queue_of(person_id, now)) >= CROWD


def slot_of(at: datetime) -> datetime:
    """The beginning of the slot in which `at` lies; the same on every replica."""
    since = at.astimezone(UTC) - datetime.min.replace(tzinfo=UTC)
    return at.astimezone(UTC) - since % SLOT
