"""What policies and floors are made of. Which rule decides stands in evaluate.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from bot.policy.conditions import Condition
from bot.policy.globs import PATTERN_LIMIT, Glob
from bot.policy.matching import Match
from models.enums import Level

__all__ = ["PATTERN_LIMIT", "Floor", "Glob", "Match", "Policy", "Rule"]

_REMEMBERED = 256
"""Pairs of action type and tool for which a policy remembers its candidates: agents repeat a few dozen."""

Candidates = Callable[[str, str], "tuple[Rule, ...]"]


@dataclass(frozen=True)
class Rule:
    """If the action request matches, and the condition holds, this is its level."""

    name: str  # what decisions, cards and the audit call it; unique within its document
    match: Match
    when: Condition | None
    level: Level
    note: str | None = None
    named: bool = False  # by its author; else the name was derived from the matchers

    @cached_property
    def told(self) -> tuple[str, ...]:
        """What it matches on, in words of the language: "action pay_*", "when args.amount > 100"."""
        matched = tuple(f"{name} {glob.pattern}" for name, glob in self.match.globs())
        return matched if self.when is None else (*matched, f"when {self.when.text}")

    @property
    def is_plain(self) -> bool:
        """Whether it matches on nothing but the action type."""
        return self.when is None and self.match.is_action_only

    @cached_property
    def decides_by_name(self) -> bool:
        """Whether action type and tool alone say that it matches."""
        return self.when is None and self.match.is_names_only

    @property
    def asks_requester(self) -> bool:
        return self.match.requester is not None or (self.when is not None and self.when.asks_requester)


@dataclass(frozen=True)
class Policy:
    """Ordered rules; the first that matches decides, and when none does, the default."""

    version: int
    rules: tuple[Rule, ...]
    default: Level

    def with_version(self, version: int) -> Policy:
        return replace(self, version=version)

    @cached_property
    def candidates(self) -> Candidates:
        """The rules that may decide for an action type and tool, in order, up to the first that must."""

        @lru_cache(_REMEMBERED)
        def of(action: str, tool: str) -> tuple[Rule, ...]:
            found: list[Rule] = []
            for rule in self.rules:
                if rule.match.names(action, tool):
                    found.append(rule)
                    if rule.decides_by_name:
                        break
            return tuple(found)

        return of

    @cached_property
    def asks_requester(self) -> bool:
        return any(rule.asks_requester for rule in self.rules)


@dataclass(frozen=True)
class Floor:
    """Rules of a tenant that all apply: the strictest that matches is the least that an action request gets."""

    version: int
    rules: tuple[Rule, ...] = field(default=())

    def with_version(self, version: int) -> Floor:
        return replace(self, version=version)

    @cached_property
    def candidates(self) -> Candidates:
        """The rules whose action and tool matchers apply, names being compared folded."""

        @lru_cache(_REMEMBERED)
        def of(action: str, tool: str) -> tuple[Rule, ...]:
            return tuple(rule for rule in self.rules if rule.match.names_folded(action, tool))

        return of

    @cached_property
    def asks_requester(self) -> bool:
        return any(rule.asks_requester for rule in self.rules)
