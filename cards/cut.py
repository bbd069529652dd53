"""A long answer kept to what a person reads in a chat, with a word on where the rest is."""

from __future__ import annotations

from collections.abc import Sequence

from cards.words import Bilingual
from models.enums import Language

MOST_LINES = 40
MOST_BYTES = 6_000  # of the lines together; Feishu takes 150 KB, nobody reads it


def shortened(
    entries: Sequence[str], language: Language, rest: Bilingual, *, most: int = MOST_LINES, **values: str
) -> list[str]:
    """The first entries, and where some are left out `rest`: how many (`{n}`), and where they are."""
    kept: list[str] = []
    size = 0
    for entry in entries:
        size += len(entry.encode())
        if kept and (len(kept) == most or size > MOST_BYTES):
            break
        kept.append(entry)
    left = len(entries) - len(kept)
    return [*kept, rest.format(n=left, **values).in_(language)] if left else kept
