"""What asking plans are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeAlias

from bot.policy import Condition, Match
from models.enums import Ending, Nudge, Severity

Budgets: TypeAlias = Mapping[Nudge, int]
"""How often one person may be reminded in each way on one of the person's own days. 0: not opted in."""

BUDGETS: Budgets = {
    Nudge.THREAD: 20,
    Nudge.PIN: 0,
    Nudge.URGENT_APP: 0,
    Nudge.URGENT_SMS: 0,
    Nudge.URGENT_PHONE: 0,
}
"""Where a plan says nothing: everything that rings is opt-in."""


def usual_severity(*, grave: bool) -> Severity:
    """Of what says none itself."""
    return Severity.HIGH if grave else Severity.NORMAL


@dataclass(frozen=True, slots=True)
class Quiet:
    """When people are left alone, as the tenant wrote it. None: the installation's; a person's own stands over both."""

    hours: str | None = None  # local "22:00-08:00", or "never"
    days: str | None = None  # the working days, ISO weekdays: "12345"
    critical_passes: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """`after` the question was opened these people are asked too, and all who have not answered are reminded."""

    after: timedelta
    ask: tuple[str, ...] = ()  # creator, backup, leader, admins, role:org_admin, group:NAME, person:EMAIL
    nudge: Nudge | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How one kind of question is asked. `severity` None: high when it is grave, else normal (only in a default)."""

    steps: tuple[Step, ...]
    open_for: timedelta
    severity: Severity | None = None
    approvals: int = 1  # distinct people
    separate_duties: bool = False  # the requester is none of them
    ending: Ending = Ending.EXPIRE


@dataclass(frozen=True, slots=True)
class SeverityTerms:
    """What questions of one severity take that say nothing else. `own`: the members that are written there."""

    terms: Terms
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class AskingRule:
    """If the action request matches, and the condition holds, it is asked on these terms."""

    name: str
    match: Match
    when: Condition | None
    terms: Mapping[Severity, Terms]  # for each severity that the question may have
    own: frozenset[str] = frozenset()  # the members of the terms that are written there; the others are taken over
    named: bool = False  # by its author; else the name was derived from the matchers

    def terms_of(self, *, grave: bool) -> Terms:
        return self.terms.get(usual_severity(grave=grave)) or next(iter(self.terms.values()))


@dataclass(frozen=True, slots=True)
class AskingPlan:
    """One tenant's plan; the first rule that matches decides, else the default. Version 0: the starter."""

    version: int
    default: Terms
    questions: tuple[AskingRule, ...] = ()
    severities: Mapping[Severity, SeverityTerms] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name → e-mail addresses, lower case
    budgets: Budgets = field(default_factory=lambda: dict(BUDGETS))
    quiet: Quiet = field(default_factory=Quiet)

    @property
    def asks_requester(self) -> bool:
        """Whether some rule depends on the requester."""
        return any(
            rule.match.requester is not None or (rule.when is not None and rule.when.asks_requester)
            for rule in self.questions
        )

    def otherwise(self, *, grave: bool) -> Terms:
        """For a question that no rule matches."""
        severity = self.default.severity or usual_severity(grave=grave)
        return self.over_default(severity)

    def over_default(self, severity: Severity) -> Terms:
        """What a question of this severity takes that says nothing else."""
        told = self.severities.get(severity)
        return replace(told.terms if told else self.default, severity=severity)

    def written_steps(self) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """Every list of steps that is written in the plan, with its path."""
        yield "default.steps", self.default.steps
        for severity, told in self.severities.items():
            if "steps" in told.own:
                yield f"severities.{severity.value}.steps", told.terms.steps
        for place, rule in enumerate(self.questions):
            if "steps" in rule.own:
                yield f"questions[{place}].steps", next(iter(rule.terms.values())).steps


@dataclass(frozen=True, slots=True)
class QuestionPlan:
    """How one question is asked: what its row keeps, so that a plan written later changes nothing about it."""

    name: str  # of the rule, or "default"
    severity: Severity
    approvals: int
    separate_duties: bool
    open_for: timedelta
    ending: Ending
    steps: tuple[Step, ...]
    version: int = 0
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # those that the steps name
    budgets: Budgets = field(default_factory=lambda: dict(BUDGETS))
    quiet: Quiet = field(default_factory=Quiet)
