"""One agent after the other: each has at most one of its own checks in, or before, a transaction.

A process has few transactions at once, and whoever needs one waits in line. Without turns an agent that asks a hundred
things at once would stand in it a hundred times.
"""

from __future__ import annotations

import asyncio
from uuid import UUID
from weakref import WeakValueDictionary


class Turns:
    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def of(self, agent_id: UUID) -> asyncio.Lock:
        """Held around the agent's transaction; first come, first served. Must not be taken twice by one task."""
        return self._locks.setdefault(agent_id, asyncio.Lock())
