"""When a person may be disturbed: outside the quiet hours of the person's working days, by the person's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.plans.values import Quiet
from config.quiet_hours import parse_days, parse_hours
from config.zones import zone_named

_HORIZON = 16
"""Days that are searched: a week, and one more where a zone's calendar leaves a day out."""

_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds for everybody who said nothing else: the installation's settings."""

    zone: tzinfo
    hours: str
    days: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person said; None for what the person left open."""

    time_zone: str | None = None
    quiet_hours: str | None = None
    working_days: str | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """One person's hours. `quiet` begins and ends at these local times, perhaps over midnight."""

    zone: tzinfo
    quiet: tuple[time, time] | None
    days: frozenset[int]  # ISO weekdays

    def allows(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        return local.isoweekday() in self.days and not self._is_quiet(local.time())

    def day(self, at: datetime) -> date:
        """The person's own day, by which budgets are counted."""
        return at.astimezone(self.zone).date()

    def next_allowed(self, at: datetime) -> datetime:
        """`at` itself when it is allowed, else the first moment after it that is."""
        if self.allows(at):
            return at
        later = sorted(moment for moment in self._openings(at) if moment > at)
        return next((moment for moment in later if self.allows(moment)), at)

    def _is_quiet(self, local: time) -> bool:
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= local < end if begin < end else local >= begin or local < end

    def _openings(self, at: datetime) -> Iterator[datetime]:
        """When something forbidden may become allowed: at midnight, as quiet ends, as the clock is changed."""
        first = self.day(at)
        times = (_MIDNIGHT,) if self.quiet is None else (_MIDNIGHT, self.quiet[1])
        for number in range(-1, _HORIZON):
            day = first + timedelta(days=number)
            for wall in times:
                for fold in (0, 1):
                    yield datetime.combine(day, wall.replace(fold=fold), self.zone).astimezone(UTC)
            if (change := self._clock_change(day)) is not None:
                yield change

    def _clock_change(self, day: date) -> datetime | None:
        """When the zone's clock is put forward or back on this day. A zone that changes twice a day is not of Earth."""
        low = int(datetime.combine(day, _MIDNIGHT, self.zone).timestamp())
        high = int(datetime.combine(day + timedelta(days=1), _MIDNIGHT, self.zone).timestamp())
        before = self._offset(low)
        if self._offset(high) == before:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        return datetime.fromtimestamp(high, UTC)

    def _offset(self, stamp: int) -> timedelta | None:
        return datetime.fromtimestamp(stamp, self.zone).utcoffset()


def hours_of(person: Wishes, plan: Quiet, usual: Usual) -> Hours:
    """The person's own word stands over the tenant's plan, and that over the installation's settings."""
    hours = person.quiet_hours or plan.hours or usual.hours
    days = person.working_days or plan.days or usual.days
    return Hours(zone_named(person.time_zone, usual.zone), parse_hours(hours), parse_days(days))
