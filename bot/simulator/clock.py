"""The world's time: real time plus an offset that a test or the page may move, or any source that is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def real_time() -> datetime:
    return datetime.now(UTC)


class WorldClock:
    """Signatures, tokens, message ages and the retry schedule follow this clock; rate limits and deadlines do not."""

    def __init__(self, source: Callable[[], datetime] = real_time) -> None:
        self._source = source
        self._offset = timedelta()
        self.on_move: list[Callable[[], None]] = []
        """Called after every jump, so that whoever sleeps until a due time looks again."""

    def now(self) -> datetime:
        return self._source() + self._offset

    def advance(self, by: timedelta) -> None:
        self._offset += by
        for moved in self.on_move:
            moved()

    def set(self, at: datetime) -> None:
        self.advance(at - self.now())


def milliseconds(at: datetime) -> str:
    """As Feishu writes the times of messages and of most events."""
    return str(int(at.timestamp() * 1000))


def microseconds(at: datetime) -> str:
    """As Feishu writes the time of a card callback."""
    return str(int(at.timestamp() * 1_000_000))


def header_time(at: datetime, style: str) -> str:
    """The timestamp header: `unix` (documented), `ms`, or `go` (a Go time string, as seen from live tenants)."""
    if style == "unix":
        return str(int(at.timestamp()))
    if style == "ms":
        return milliseconds(at)
    if style != "go":
        raise ValueError(f"timestamp style {style!r}")
    china = at.astimezone(UTC) + timedelta(hours=8)
    return f"{china:%Y-%m-%d %H:%M:%S}.{china.microsecond:06d}676 +0800 CST m=+72889.432249819"
