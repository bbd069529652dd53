"""Two engines with memories of their own on one database, and the people and agents that their tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.database import Database
from tests.support.clock import MovableClock
from tests.support.gate import Gate, open_gate


@dataclass(frozen=True)
class Replicas:
    one: Gate
    two: Gate

    @property
    def both(self) -> tuple[Gate, Gate]:
        return self.one, self.two

    @property
    def clock(self) -> MovableClock:
        return self.one.clock


@asynccontextmanager
async def open_replicas(database: Database) -> AsyncIterator[Replicas]:
    async with open_gate(database) as one, open_gate(database, one.clock) as two:
        yield Replicas(one, two)
