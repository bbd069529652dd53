"""When a reminder or the expiry of an approval request is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from bot.lifecycle.resolving import expiry
from models.enums import ApprovalStatus
from models.values import ApprovalFacts, Resolution


@dataclass(frozen=True, slots=True)
class Remind:
    """Take all steps up to `step` (1 is the first) now; `reminders_sent` becomes `step`, `next_at` is the next look."""

    step: int
    waited: timedelta
    next_at: datetime


@dataclass(frozen=True, slots=True)
class NotYet:
    at: datetime


@dataclass(frozen=True, slots=True)
class Expire:
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody has decided; nothing is ever due again."""


Due: TypeAlias = Remind | NotYet | Expire | Settled


def next_reminder(facts: ApprovalFacts, schedule: Sequence[timedelta], now: datetime) -> Due:
    """What is due for an approval request; `schedule`, the steps of its plan after the first, counts from its creation.

    Steps missed in a pause fall due together. Steps at or after the expiry never come.
    When the clock steps back, what was sent stays sent.
    """
    if facts.status is not ApprovalStatus.PENDING:
        return Settled()
    if resolution := expiry(facts, now):
        return Expire(resolution)
    times = [facts.created_at + wait for wait in sorted(set(schedule)) if facts.created_at + wait < facts.expires_at]
    due = sum(time <= now for time in times)
    step = max(due, facts.reminders_sent)
    next_at = times[step] if step < len(times) else facts.expires_at
    if due > facts.reminders_sent:
        return Remind(due, now - facts.created_at, next_at)
    return NotYet(next_at)
