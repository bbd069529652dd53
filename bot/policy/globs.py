"""Patterns on names: `*` stands for any characters, also none; all else for itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bot.policy.folding import fold

PATTERN_LIMIT = 100  # characters, as an action type has
STARS_LIMIT = 8
"""A pattern takes time with their number, and 500 rules are compared in 125,000 pairs when they are written."""


@dataclass(frozen=True)
class Glob:
    """A pattern on the whole of a text, case included."""

    pattern: str

    @classmethod
    def of(cls, text: str) -> Glob:
        """The pattern, several `*` in a row being one."""
        while "**" in text:
            text = text.replace("**", "*")
        return cls(text)

    @cached_property
    def folded(self) -> Glob:
        """The pattern for texts that were folded (bot.policy.folding). Matches at least what this one does."""
        return Glob.of(fold(self.pattern))

    @cached_property
    def _literals(self) -> list[str]:
        return self.pattern.split("*")

    @property
    def looseness(self) -> tuple[int, int]:
        """Smaller is more specific: no `*` first, then more literal characters, then fewer `*`."""
        stars = self.pattern.count("*")
        return (0, 0) if not stars else (1 + PATTERN_LIMIT - (len(self.pattern) - stars), stars)

    def matches(self, text: str) -> bool:
        """Linear in the text for every pattern; a regular expression would not be."""
        first, *middle = self._literals
        if not middle:
            return text == first
        last = middle.pop()
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return False
        position, end = len(first), len(text) - len(last)
        for literal in middle:
            found = text.find(literal, position, end)
            if found < 0:
                return False
            position = found + len(literal)
        return True

    def covers(self, other: Glob) -> bool:
        """Whether everything that `other` matches is matched here too: its `*` must fall within one of ours."""
        return self.matches(other.pattern)

    def overlaps(self, other: Glob) -> bool:
        """Whether some text matches both. Takes time with the product of their lengths."""
        mine, theirs = self.pattern, other.pattern
        reached = {0}  # places in `theirs` that texts matching the first part of `mine` can reach
        for character in mine:
            reached = _after(character, theirs, reached)
        return any(set(theirs[place:]) <= {"*"} for place in reached)


def _after(character: str, pattern: str, places: set[int]) -> set[int]:
    """The places that can be reached in `pattern` by a text for one more character of the other pattern."""
    if character == "*":
        return set(range(min(places), len(pattern) + 1)) if places else set()
    found, left = set[int](), list(places)
    while left:
        place = left.pop()
        if place < len(pattern) and pattern[place] == "*":
            found.add(place)
            left.append(place + 1)
        elif place < len(pattern) and pattern[place] == character:
            found.add(place + 1)
    return found
