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
        at = f"{datetime.now().astimezone():%H:%M:%S}"
        self._lines += [f"{at} {who} {zh}", f"         {en}"]
        self._echo(f"  {at}  {who}  {zh} · {en}")

    async def lines(self) -> list[str]:
        """Two for each entry, one in each language; the newest last."""
        return list(self._lines)
