"""What the sample agents say about themselves: short lines in both languages, for the page and the terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime

_KEPT = 60  # lines


class Diary:
    def __init__(self, echo: Callable[[str], None]) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._echo = echo

    def note(self, who: str, zh: str, en: str) -> None:
        line = f"{datetime.now().astimezone():%H:%M:%S}  {who}  {zh} · {en}"
        self._lines.append(line)
        self._echo(line)

    async def newest_first(self) -> list[str]:
        return list(reversed(self._lines))
