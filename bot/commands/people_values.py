"""The commands about oneself, one's absence, what waits, and whom to ask, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from bot.commands.preferring import Preference
from models.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class GoAway:
    """Until when, and perhaps who stands in: read in the person's own time zone (bot.commands.when)."""

    said: str


@dataclass(frozen=True, slots=True)
class ComeBack:
    pass


@dataclass(frozen=True, slots=True)
class ShowAway:
    pass


@dataclass(frozen=True, slots=True)
class OpenSettings:
    pass


@dataclass(frozen=True, slots=True)
class SetPreference:
    preference: Preference
    value: str | None  # as it is stored; None: the organisation's


@dataclass(frozen=True, slots=True)
class Snooze:
    approval: str  # an id or its beginning
    lasting: timedelta


@dataclass(frozen=True, slots=True)
class SetBackup:
    agent: str
    who: str | None  # None: nobody


@dataclass(frozen=True, slots=True)
class ShowPlan:
    pass


@dataclass(frozen=True, slots=True)
class SetPlan:
    document: Json  # not validated yet: bot.plans does
    expected: int | None = None  # the version that must still be in force


@dataclass(frozen=True, slots=True)
class ShowPlanHistory:
    pass


@dataclass(frozen=True, slots=True)
class RollBackPlan:
    version: int


@dataclass(frozen=True, slots=True)
class TryPlan:
    agent: str
    action: str
    details: JsonObject = field(default_factory=dict)  # as in a check
    requester: str | None = None


PersonalCommand: TypeAlias = GoAway | ComeBack | ShowAway | OpenSettings | SetPreference
PlanCommand: TypeAlias = ShowPlan | SetPlan | ShowPlanHistory | RollBackPlan | TryPlan
PeopleCommand: TypeAlias = PersonalCommand | Snooze | SetBackup | PlanCommand
