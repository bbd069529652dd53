"""How often a person may be reminded in one way on one of the person's own days, counted for all questions together."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models.asking import NudgeDay
from models.enums import Nudge


async def spend(person_id: UUID, day: date, way: Nudge, budget: int) -> bool:
    """Whether there was something left, which is now one less. Of several at once no more succeed than `budget`."""
    if budget <= 0:
        return False
    row = NudgeDay(person_id=person_id, day=day, nudge=way)
    await NudgeDay.bulk_create([row], ignore_conflicts=True)
    return bool(await _day(person_id, day, way).filter(used__lt=budget).update(used=F("used") + 1))


async def give_back(person_id: UUID, day: date, way: Nudge) -> None:
    """Nothing was sent after all."""
    await _day(person_id, day, way).filter(used__gt=0).update(used=F("used") - 1)


def _day(person_id: UUID, day: date, way: Nudge) -> QuerySet[NudgeDay]:
    return NudgeDay.filter(person_id=person_id, day=day, nudge=way)
