"""Runs of one agent as counts and sums for each action, tool and minute. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal

EXACT = Context(prec=2000)
"""Enough digits that the sum of any numbers of JSON is exact, so that the order of adding them means nothing."""


@dataclass(slots=True)
class Cell:
    """One action with one tool in one minute."""

    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)


Names = tuple[str, str]
"""Of an action type and a tool ("" for none)."""


class Counting:
    """Implements bot.policy.counters.Counters. The minute in which a window begins counts whole: never too little.

    Names of one kind, which no rule tells apart, are counted under the first of them that came: an agent that calls its
    tools ever anew makes nothing grow.
    """

    def __init__(self, midnight: datetime, kind: Callable[[str, str], Hashable] = lambda *names: names) -> None:
        self.midnight = midnight
        self._kind = kind
        self._first: dict[Hashable, Names] = {}
        self._minutes: dict[Names, dict[datetime, Cell]] = {}

    def names(self, action_type: str, tool: str) -> Names:
        """Under which names such a run is counted."""
        return self._first.setdefault(self._kind(action_type, tool), (action_type, tool))

    def put(self, action_type: str, tool: str, minute: datetime, cell: Cell) -> None:
        self.names(action_type, tool)
        self._minutes.setdefault((action_type, tool), {})[minute] = cell

    def add(self, action_type: str, tool: str, at: datetime, amounts: Mapping[str, Decimal]) -> Cell:
        """One more run; the cell that now holds it."""
        cell = self._minutes.setdefault(self.names(action_type, tool), {}).setdefault(minute_of(at), Cell())
        cell.count += 1
        for path, amount in amounts.items():
            cell.sums[path] = EXACT.add(cell.sums.get(path, Decimal()), amount)
        return cell

    def remove(self, action_type: str, tool: str, at: datetime, amounts: Mapping[str, Decimal]) -> None:
        """One run less, where it was counted."""
        cell = self._minutes.get(self.names(action_type, tool), {}).get(minute_of(at))
        if cell is None:
            return
        cell.count -= 1
        for path, amount in amounts.items():
            cell.sums[path] = EXACT.subtract(cell.sums.get(path, Decimal()), amount)

    def cells(self) -> dict[tuple[str, str, datetime], Cell]:
        return {
            (action, tool, minute): cell
            for (action, tool), minutes in self._minutes.items()
            for minute, cell in minutes.items()
        }

    def count(self, applies: Callable[[str, str], bool], since: datetime) -> int:
        return sum(cell.count for cell in self._within(applies, since))

    def total(self, applies: Callable[[str, str], bool], since: datetime, path: str) -> Decimal:
        total = Decimal()
        for cell in self._within(applies, since):
            total = EXACT.add(total, cell.sums.get(path, Decimal()))
        return total

    def _within(self, applies: Callable[[str, str], bool], since: datetime) -> list[Cell]:
        first = minute_of(since)
        return [
            cell
            for (action, tool), minutes in self._minutes.items()
            if applies(action, tool)
            for minute, cell in minutes.items()
            if minute >= first
        ]


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
