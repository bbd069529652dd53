"""Further attempts at something outside, and executions that a crash left behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Final, TypeAlias

from models.enums import ApprovalStatus, ExecutionStatus, Executor
from models.values import ApprovalFacts

_MINUTE, _HOUR = 60.0, 3600.0
DELAYS: Final = (1.0, 5.0, 15.0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, *(_HOUR,) * 23)  # seconds
RETRY_AFTER_LIMIT = _HOUR  # a broken or hostile header must not park a message for ever
_SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class GiveUp:
    attempts: int


def next_attempt(
    attempts: int, now: datetime, *, retry_after: float | None = None, jitter: float = 0.0
) -> datetime | GiveUp:
    """When to try again after `attempts` failed ones.

    Delays: 1 s, 5 s, 15 s, 1 min, 5 min, 15 min, 30 min, then 1 h each; after 31 attempts in about 24 hours, give up.
    `jitter` (0 to 1, drawn by the caller) adds up to a fifth; `retry_after` (seconds) lengthens a delay, up to an hour.
    """
    if attempts > len(DELAYS):
        return GiveUp(attempts)
    delay = DELAYS[max(attempts, 1) - 1]
    if retry_after is not None and isfinite(retry_after):
        delay = max(delay, min(retry_after, RETRY_AFTER_LIMIT))
    return now + timedelta(seconds=delay * (1 + _SPREAD * min(max(0.0, jitter), 1.0)))


@dataclass(frozen=True, slots=True)
class Start:
    """Approved and never begun: begin."""


@dataclass(frozen=True, slots=True)
class LeaveRunning:
    """Somebody holds the lease; look again at this time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class MarkUnknown:
    """The attempt's holder is gone and so is its answer: tell the creator, never repeat it."""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    pass


Recovery: TypeAlias = Start | LeaveRunning | MarkUnknown | NothingToDo


def execution_recovery(facts: ApprovalFacts, lease_until: datetime | None, now: datetime) -> Recovery:
    """What to do about an execution by the service, on start and on every tick."""
    if facts.executor is not Executor.SERVICE or facts.status is not ApprovalStatus.APPROVED:
        return NothingToDo()
    if facts.execution is ExecutionStatus.NOT_STARTED:
        return Start()
    if facts.execution is not ExecutionStatus.RUNNING:
        return NothingToDo()
    return LeaveRunning(lease_until) if lease_until is not None and now < lease_until else MarkUnknown()
