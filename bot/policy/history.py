"""The counters of the past, simulated: what conditions would have counted at each moment of a replay. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from decimal import Context, Decimal
from functools import lru_cache

from bot.policy.counters import Applies
from models.values import Json, JsonObject

_EXACT = Context(prec=2000)
"""Enough digits that a difference of two sums is exact, whatever numbers JSON may hold."""


@dataclass(slots=True)
class _Sums:
    """Sums by minute, each with all before it, so that any window is one subtraction."""

    minutes: list[datetime] = field(default_factory=list)
    until: list[Decimal] = field(default_factory=list)

    def add(self, minute: datetime, amount: Decimal) -> None:
        total = _EXACT.add(self.until[-1], amount) if self.until else amount
        if self.minutes and self.minutes[-1] >= minute:  # a clock that stepped back counts for the later minute
            self.until[-1] = total
        else:
            self.minutes.append(minute)
            self.until.append(total)

    def since(self, minute: datetime) -> Decimal:
        first = bisect_left(self.minutes, minute)
        if first == len(self.minutes):
            return Decimal()
        before = self.until[first - 1] if first else Decimal()
        return _EXACT.subtract(self.until[-1], before)


_ONE = Decimal(1)


@dataclass(slots=True)
class _Action:
    """One action with one tool."""

    runs: _Sums = field(default_factory=_Sums)
    amounts: dict[str, _Sums] = field(default_factory=dict)


class History:
    """The runs of one agent in the order in which they happened."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._actions: dict[tuple[str, str], _Action] = {}

    def ran(self, action: str, tool: str, at: datetime, amounts: Mapping[str, Decimal]) -> None:
        """One more run; `amounts` are the numbers above zero among its arguments, by dotted path."""
        one = self._actions.setdefault((action, tool), _Action())
        minute = _minute(at)
        one.runs.add(minute, _ONE)
        for path, amount in amounts.items():
            one.amounts.setdefault(path, _Sums()).add(minute, amount)

    def until(self, now: datetime) -> CountersThen:
        """What has been counted by now."""
        return CountersThen(self, midnight_before(now, self._zone))

    def sums(self, applies: Applies, since: datetime, path: str | None) -> Decimal:
        """How many runs there were, or with a path the sum of that argument."""
        minute, total = _minute(since), Decimal()
        for (action, tool), one in self._actions.items():
            sums = one.runs if path is None else one.amounts.get(path)
            if sums is not None and applies(action, tool):
                total = _EXACT.add(total, sums.since(minute))
        return total


@dataclass(frozen=True, slots=True)
class CountersThen:
    """Implements bot.policy.counters.Counters for one moment of the past."""

    _history: History
    midnight: datetime

    def count(self, applies: Applies, since: datetime) -> int:
        return int(self._history.sums(applies, since, None))

    def total(self, applies: Applies, since: datetime, path: str) -> Decimal:
        return self._history.sums(applies, since, path)


def amounts_of(args: JsonObject) -> dict[str, Decimal]:
    """The numbers above zero among the arguments, by the dotted path under which `today` finds them."""
    return dict(_amounts(args, ""))


def _amounts(value: Json, path: str) -> Iterator[tuple[str, Decimal]]:
    match value:
        case bool():
            return
        case dict():
            for name, member in value.items():
                if name and "." not in name:  # no path leads to such a member
                    yield from _amounts(member, f"{path}.{name}" if path else name)
        case int() | float() if value > 0 and (amount := Decimal(str(value))).is_finite():
            yield path, amount


def midnight_before(now: datetime, zone: tzinfo) -> datetime:
    """When the local day began."""
    return _midnight(now.astimezone(zone).date().toordinal(), zone)


@lru_cache(64)
def _midnight(day: int, zone: tzinfo) -> datetime:
    date = datetime.fromordinal(day).date()
    return datetime.combine(date, time(), zone).astimezone(UTC)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
