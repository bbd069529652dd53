"""What asking plans are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """How one kind of question is asked. `severity` None: high when it is grave, else normal."""

    steps: tuple[Step, ...]
    open_for: timedelta
    severity: Severity | None = None
    approvals: int = 1  # distinct people
    separate_duties: bool = False  # the requester is none of them
    ending: Ending = Ending.EXPIRE


@dataclass(frozen=True, slots=True)
class AskingRule:
    """If the action request matches, and the condition holds, it is asked on these terms."""

    name: str
    match: Match
    when: Condition | None
    terms: Terms
    named: bool = False  # by its author; else the name was derived from the matchers


@dataclass(frozen=True, slots=True)
class AskingPlan:
    """One tenant's plan; the first rule that matches decides, else the default. Version 0: the starter."""

    version: int
    default: Terms
    questions: tuple[AskingRule, ...] = ()
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
