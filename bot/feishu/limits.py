"""Feishu's rate limits, kept before it has to enforce them.

Per app 50 calls a second and 1000 a minute, 5 a second to one receiver, 5 a second on one message
(open.feishu.cn, "Frequency control" and "Send message"). Counted per process: several replicas share Feishu's limit,
and the loser of that gets FeishuUnavailable and tries again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from bot.ports import FeishuUnavailable

MAX_WAIT = 10.0
"""Seconds that a call may stand in line. Longer queues belong into the outbox, which survives a restart."""

_SLACK = 1.1  # a window is this much longer than Feishu's, since calls do not take equally long to arrive
_MANY = 4096  # idle windows are forgotten beyond this number


class Window:
    """At most `limit` departures in any `period` seconds, in the order in which they were asked for."""

    def __init__(self, limit: int, period: float) -> None:
        self._period = period
        self._departures: deque[float] = deque(maxlen=limit)

    def next_departure(self, now: float) -> float:
        if len(self._departures) < (self._departures.maxlen or 0):
            return max(now, self._departures[-1]) if self._departures else now
        return max(now, self._departures[-1], self._departures[0] + self._period)

    def book(self, at: float) -> None:
        self._departures.append(at)

    def idle(self, now: float) -> bool:
        return not self._departures or self._departures[-1] + self._period < now


class RateLimits:
    """The line in front of every call of one process."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._windows: dict[tuple[str, ...], Window] = {}
        self._paused_until: dict[str, float] = {}

    def pause(self, app: str, seconds: float) -> None:
        """Holds back every call of `app` for so long, because Feishu said so."""
        self._paused_until[app] = max(self._paused_until.get(app, 0.0), self._monotonic() + seconds)

    async def paused(self, app: str) -> None:
        """Returns once `app` may call again; FeishuUnavailable at once when that takes too long."""
        while (wait := self._pause_left(app)) > 0:
            await self._wait(wait)

    async def turn(self, app: str, target: str) -> None:
        """Returns when `app` may send one more message to `target`, a receiver or a sent message."""
        while True:
            await self.paused(app)
            await self._depart(("target", app, target), 5, 1.0)
            await self._depart(("minute", app), 1000, 60.0)
            await self._depart(("second", app), 50, 1.0)
            if self._pause_left(app) <= 0:
                return  # else everybody in line would start together when the pause ends: line up again

    async def _depart(self, key: tuple[str, ...], limit: int, period: float) -> None:
        window = self._window(key, limit, period)
        now = self._monotonic()
        at = window.next_departure(now)
        if at - now > MAX_WAIT:
            raise FeishuUnavailable("too many calls are in line", retry_after=at - now)
        window.book(at)
        if at > now:
            await self._wait(at - now)

    def _pause_left(self, app: str) -> float:
        return self._paused_until.get(app, 0.0) - self._monotonic()

    async def _wait(self, seconds: float) -> None:
        if seconds > MAX_WAIT:
            raise FeishuUnavailable("Feishu asked for a pause", retry_after=seconds)
        await self._sleep(seconds)

    def _window(self, key: tuple[str, ...], limit: int, period: float) -> Window:
        if len(self._windows) > _MANY:
            now = self._monotonic()
            self._windows = {key: window for key, window in self._windows.items() if not window.idle(now)}
        return self._windows.setdefault(key, Window(limit, period * _SLACK))
