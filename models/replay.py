"""What a draft policy would have changed in the past: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.enums import Layer, Level
from models.values import JsonObject


class Change(StrEnum):
    """How one check's level would differ. Every check has exactly one."""

    SAME = "same"
    MORE_ASKED = "more_asked"  # ran, would ask
    FEWER_ASKED = "fewer_asked"  # asked, would run
    NEWLY_DENIED = "newly_denied"
    NO_LONGER_DENIED = "no_longer_denied"  # was denied, would run or ask
    LOUDER = "louder"  # L1, would be L2
    QUIETER = "quieter"  # L2, would be L1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayExample:
    """One check that the draft would have decided otherwise; secrets in its arguments are hidden."""

    check_id: UUID
    at: datetime
    agent: str
    action_type: str
    tool: str | None
    args: JsonObject
    old: Level
    old_rule: str | None
    new: Level
    new_rule: str | None
    new_layer: Layer
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """Past checks as they were decided against the same checks under a draft.

    A question is one action of one session, however often it was repeated or joined; a check is every single call.
    """

    subject: str  # the agent's name, or "floor"
    since: datetime
    until: datetime
    checks: int
    counts: Mapping[Change, int]
    questions_before: int
    questions_after: int
    more_questions: int
    fewer_questions: int
    faults: int = 0  # checks for which a condition of the draft could not be evaluated
    fault_words: tuple[tuple[str, int], ...] = ()  # the most frequent, each with how often
    by_policy: int = 0  # checks under a freeze, pause, observation or grant, compared by what the policy said
    unreadable: int = 0  # entries that could not be replayed
    limited: bool = False  # the period has more checks than were replayed; the newest were
    metered: bool = False  # the draft counts, and its counters were simulated
    examples: Mapping[Change, tuple[ReplayExample, ...]] = field(default_factory=dict)

    def of(self, change: Change) -> int:
        return self.counts.get(change, 0)

    @property
    def changed(self) -> int:
        return self.checks - self.of(Change.SAME)
