"""Extra panes on the page, such as the scratch folder of a demo: a title, and lines asked for once a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    provider: Callable[[], Awaitable[list[str]]]
    """Called about once a second while a page is open."""
    title_en: str | None = None
