"""Places in a text, and characters that make a text look like another one."""

from __future__ import annotations

import re
from dataclasses import dataclass

HIDDEN = re.compile("[\u0085\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Line ends that only some readers see, and the direction marks of CVE-2021-42574."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Both count from 1, columns in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class FileFault(ValueError):
    """The text cannot be read as it must be read; the first place at which it cannot."""

    def __init__(self, place: Place, detail: str) -> None:
        super().__init__(f"{place}: {detail}")
        self.place = place
        self.detail = detail


def place_at(text: str, index: int) -> Place:
    """The place of a character."""
    start = text.rfind("\n", 0, index) + 1
    return Place(text.count("\n", 0, index) + 1, index - start + 1)


def refuse_hidden(text: str) -> None:
    """A line that begins where no editor shows it could be a rule inside a comment."""
    if found := HIDDEN.search(text):
        raise FileFault(place_at(text, found.start()), f"U+{ord(found[0]):04X} does not belong here; write \\u escapes")
