"""What the use cases of approval requests pass on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.values import Resolution

AGENT_GONE = "智能体已归档 · the agent was archived"

RESULT_LIMIT = 256 * 1024
"""Bytes of JSON that are kept of an execution's result; the hook's own body limit."""


@dataclass(frozen=True, slots=True)
class ApprovalTimes:
    """How long things may take (docs/configuration.md)."""

    ttl: timedelta
    reminders: tuple[timedelta, ...]
    claim_ttl: timedelta
    rejection_cooldown: timedelta


@dataclass(frozen=True, slots=True)
class Resolved:
    approval_id: UUID
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class Consenting:
    """This person's approval is recorded; further people must approve."""

    approval_id: UUID
    at: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """The one go-ahead was given, at `at`."""

    approval_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """The same event was handled before; whoever asks again gets the present state."""

    approval_id: UUID
