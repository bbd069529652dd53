"""A queue in which everybody gets a turn: one after the other by owner, however many one of them has put in. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out for each owner; the owners take turns, so nobody waits for more than one item of each other.

    It holds `capacity` items. Once it is full, whoever holds the most gives way: while n owners are waiting, each of
    them is sure of an n-th of the capacity.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lanes: dict[Hashable, deque[T]] = {}
        self._turns: deque[Hashable] = deque()  # every owner with a lane, once
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def held(self, owner: Hashable) -> int:
        """How many of the owner's items wait."""
        return len(self._lanes.get(owner, ()))

    def put(self, owner: Hashable, item: T) -> T | None:
        """The item waits; returns the one that had to leave for it: the last of the longest lane, perhaps itself."""
        if self._length < self.capacity:
            self._append(owner, item)
            return None
        longest = max(self._lanes, key=lambda one: len(self._lanes[one]), default=owner)
        if self.held(owner) >= self.held(longest):
            return item
        displaced = self._lanes[longest].pop()
        self._length -= 1
        self._close_if_empty(longest)
        self._append(owner, item)
        return displaced

    def take(self) -> tuple[Hashable, T]:
        """The next item and its owner, who then stands behind all others. Raises IndexError when nothing waits."""
        owner = self._turns.popleft()
        lane = self._lanes[owner]
        item = lane.popleft()
        self._length -= 1
        if lane:
            self._turns.append(owner)
        else:
            del self._lanes[owner]
        return owner, item

    def put_back(self, owner: Hashable, item: T) -> None:
        """What was taken waits again, before everything else of its owner; it keeps its place even in a full queue."""
        self._lane(owner).appendleft(item)
        self._length += 1

    def _append(self, owner: Hashable, item: T) -> None:
        self._lane(owner).append(item)
        self._length += 1

    def _lane(self, owner: Hashable) -> deque[T]:
        lane = self._lanes.get(owner)
        if lane is None:
            lane = self._lanes[owner] = deque()
            self._turns.append(owner)
        return lane

    def _close_if_empty(self, owner: Hashable) -> None:
        if not self._lanes[owner]:
            del self._lanes[owner]
            self._turns.remove(owner)
