"""What the answers about asking plans are drawn from: facts, already looked up. No wording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from models.enums import AskedAs, Ending, Level, Nudge, Severity


@dataclass(frozen=True, slots=True)
class StepView:
    """`ask` are the words of the plan: creator, backup, group:finance, person:li@example.com …"""

    after: timedelta
    ask: tuple[str, ...] = ()
    nudge: Nudge | None = None


@dataclass(frozen=True, slots=True)
class TermsView:
    steps: tuple[StepView, ...]
    open_for: timedelta
    ending: Ending
    severity: Severity | None = None
    approvals: int = 1
    separate_duties: bool = False


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One rule of the plan: `told` is what it matches on, where its name does not say it."""

    name: str
    told: tuple[str, ...]
    terms: TermsView
    when_grave: TermsView | None = None  # where the terms of its severity make it another question then


@dataclass(frozen=True, slots=True)
class PlanView:
    version: int
    default: TermsView
    questions: tuple[QuestionView, ...] = ()
    severities: tuple[TermsView, ...] = ()  # each with its severity: what holds for those that say nothing else
    groups: tuple[tuple[str, int], ...] = ()  # name and how many people
    quiet_hours: str | None = None  # None, here and below: the installation's
    working_days: str | None = None
    critical_passes: bool = True
    rings: tuple[tuple[Nudge, int], ...] = ()  # how often a day, where it was opted in
    author: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """Somebody whom a step would ask. `instead_of` is away or has left."""

    name: str
    asked_as: AskedAs
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class ForeseenStep:
    at: timedelta
    people: tuple[PersonAsked, ...]
    unreached: tuple[str, ...] = ()  # words of the plan that lead to nobody who is there
    unknown: tuple[str, ...] = ()  # words that name addresses of people who are not known yet
    nudge: Nudge | None = None


@dataclass(frozen=True, slots=True)
class ForeseenView:
    agent: str
    action_type: str
    level: Level  # what a check would get now
    question: str  # the rule's name, "default"
    version: int
    severity: Severity
    terms: TermsView
    steps: tuple[ForeseenStep, ...]
