"""Feishu's rate limits as sliding windows over real time, whatever the world's clock says."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.simulator.errors import ApiError


@dataclass(slots=True)
class Limits:
    """Calls per window; 0 switches a limit off."""

    per_receiver_second: int = 5
    """To one person, through all chats of one app, or to one group by all apps."""
    per_message_second: int = 5
    """PATCHes of one message."""
    per_app_second: int = 50
    per_app_minute: int = 1000


class RateLimiter:
    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self.limits = limits
        self.monotonic = monotonic
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def app_call(self, app_id: str) -> None:
        """One call of the message API by an app; over the limit it is HTTP 429 with 99991400."""
        for limit, period in ((self.limits.per_app_second, 1.0), (self.limits.per_app_minute, 60.0)):
            wait = self._take((f"app/{period}", app_id), limit, period)
            if wait is not None:
                raise gateway_limit(limit, wait)

    def to_receiver(self, receiver: str) -> None:
        if self._take(("receiver", receiver), self.limits.per_receiver_second, 1.0) is not None:
            raise message_limit()

    def to_message(self, message_id: str) -> None:
        if self._take(("message", message_id), self.limits.per_message_second, 1.0) is not None:
            raise message_limit()

    def _take(self, key: tuple[str, str], limit: int, period: float) -> float | None:
        """Seconds until a call would be let through; None when this one is. A refused call does not count."""
        now, calls = self.monotonic(), self._calls[key]
        while calls and calls[0] <= now - period:
            calls.popleft()
        if limit and len(calls) >= limit:
            return calls[0] + period - now
        calls.append(now)
        return None


def gateway_limit(limit: int = 50, wait: float = 1.0, status: int = 429) -> ApiError:
    headers = {"x-ogw-ratelimit-limit": str(limit), "x-ogw-ratelimit-reset": str(max(1, math.ceil(wait)))}
    return ApiError(99991400, "request trigger frequency limit", status=status, headers=headers)


def message_limit() -> ApiError:
    return ApiError(230020, "This operation triggers the frequency limit.")
