"""What a policy is made of. Later matches (conditions, tool, requester) join `Rule` beside `action`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from models.enums import Level

PATTERN_LIMIT = 100  # characters, as an action type has


@dataclass(frozen=True)
class ActionGlob:
    """A pattern on the action type: `*` stands for any characters, also none; all else for itself, case included."""

    pattern: str

    @classmethod
    def of(cls, text: str) -> ActionGlob:
        """The pattern, several `*` in a row being one."""
        while "**" in text:
            text = text.replace("**", "*")
        return cls(text)

    @cached_property
    def _literals(self) -> list[str]:
        return self.pattern.split("*")

    @property
    def is_exact(self) -> bool:
        return "*" not in self.pattern

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

    def covers(self, other: ActionGlob) -> bool:
        """Whether everything that `other` matches is matched here too: its `*` must fall within one of ours."""
        return self.matches(other.pattern)


@dataclass(frozen=True, slots=True)
class Rule:
    """If the action request matches, this is its level."""

    action: ActionGlob
    level: Level

    @property
    def name(self) -> str:
        """What decisions, cards and the audit call this rule."""
        return self.action.pattern


@dataclass(frozen=True, slots=True)
class Policy:
    """Ordered rules; the first that matches decides, and when none does, the default."""

    version: int
    rules: tuple[Rule, ...]
    default: Level

    def with_version(self, version: int) -> Policy:
        return replace(self, version=version)
