"""Time that passes only when somebody moves it: a clock that stands still, and waiting that takes no time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tests.support.service import TravellingClock

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""A Monday, nine in the morning in China: the same days, nights and daily budgets in every run."""


class StillClock(TravellingClock):
    """Each look is a microsecond later than the one before, so that what happens has an order."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def now(self) -> datetime:
        self._looks += 1
        return START + self.offset + timedelta(microseconds=self._looks)


class Hurry:
    """The seconds in which Feishu's rate limits are counted: whoever waits for a turn has it at once."""

    def __init__(self, clock: TravellingClock) -> None:
        self._clock = clock
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._clock.offset.total_seconds() + self._seconds

    async def sleep(self, seconds: float) -> None:
        self._seconds += max(seconds, 0.0)
        await asyncio.sleep(0)
