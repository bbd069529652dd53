"""How much one agent may ask: so many checks a minute, so many questions waiting. Nothing here is stored.

Checks are counted by each process for itself, in a bucket for each agent that fills evenly and holds one minute's
worth: a burst is let through, a flood is not. With several replicas an agent may therefore ask that often of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from models.values import AgentFacts

MAX_PENDING = 100
CHECKS_PER_MINUTE = 600

REMEMBERED = 10_000
"""Agents; beyond that those whose bucket is full again are forgotten, which changes nothing for them."""


class QuotaExceeded(Exception):
    """The check is refused (429), recorded nowhere, and may be repeated after `retry_after` seconds."""

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"limit {limit}")
        self.limit = limit
        self.retry_after = retry_after


class TooManyChecks(QuotaExceeded):
    """The agent asked more often than it may."""


class TooManyPending(QuotaExceeded):
    """So many of the agent's questions wait for people already that no other is opened."""

    def __init__(self, limit: int, retry_after: float = 60.0) -> None:
        super().__init__(limit, retry_after)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Quotas:
    def __init__(
        self,
        *,
        checks_per_minute: int = CHECKS_PER_MINUTE,
        max_pending: int = MAX_PENDING,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """The installation's limits; an agent's own come before them. `monotonic`: seconds that never run backwards."""
        self._checks_per_minute = checks_per_minute
        self._max_pending = max_pending
        self._monotonic = monotonic
        self._buckets: dict[UUID, _Bucket] = {}

    def checks_per_minute(self, agent: AgentFacts) -> int:
        return self._checks_per_minute if agent.checks_per_minute is None else agent.checks_per_minute

    def max_pending(self, agent: AgentFacts) -> int:
        return self._max_pending if agent.max_pending is None else agent.max_pending

    def take(self, agent: AgentFacts) -> float | None:
        """None when the agent may ask now, which is counted; else the seconds until it may ask again."""
        limit = self.checks_per_minute(agent)
        if limit <= 0:
            return 60.0
        bucket = self._filled(agent.id, limit)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return (1 - bucket.tokens) * 60 / limit

    def _filled(self, agent_id: UUID, limit: int) -> _Bucket:
        """The agent's bucket as it is by now. A limit that was changed counts at once."""
        now = self._monotonic()
        bucket = self._buckets.get(agent_id)
        if bucket is None:
            if len(self._buckets) >= REMEMBERED:
                self._forget(now)
            bucket = self._buckets[agent_id] = _Bucket(float(limit), now)
        bucket.tokens = min(float(limit), bucket.tokens + (now - bucket.at) * limit / 60)
        bucket.at = now
        return bucket

    def _forget(self, now: float) -> None:
        """Every bucket is full after a minute, whatever its limit."""
        for agent_id in [key for key, bucket in self._buckets.items() if now - bucket.at >= 60]:
            del self._buckets[agent_id]
