"""Names as a floor compares them: what looks the same to a person, or to a lenient tool, is the same here."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero-width, bidi, tags), surrogate, private and unassigned characters."""

_BLANK = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)
"""Variation selectors, joiners and fillers: letters and marks by category, drawn as nothing (Default_Ignorable)."""


@lru_cache(1024)
def fold(text: str) -> str:
    """NFKC, case folded, without invisible characters; `fold(fold(text)) == fold(text)`."""
    if text.isascii():
        return text.lower() if text.isprintable() else _seen(text).lower()
    return _seen(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _seen(text)).casefold()))


def _seen(text: str) -> str:
    return "".join(c for c in text if ord(c) not in _BLANK and unicodedata.category(c) not in _INVISIBLE)
