"""Whether a person is reminded at all, and not before when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bot.people.recipients import is_away
from bot.plans import Hours, QuestionPlan, Usual, Wishes, hours_of
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery, Employment, Severity
from models.user import User


class Spared(StrEnum):
    """Why somebody is not reminded."""

    CLOSED = "closed"  # nothing waits any more
    ANSWERED = "answered"  # this person did, and others are waited for
    AWAY = "away"
    GONE = "gone"  # left, or frozen
    TWICE = "twice"  # another name of somebody who has a copy too
    UNREACHED = "unreached"  # there is no card of which to remind
    NEW = "new"  # the card came after the reminder was due, and is one itself
    SEEN = "seen"  # a soft way only
    BUDGET = "budget"  # nothing affordable
    DIGEST = "digest"  # one card with everything instead


def spared(approval: ApprovalRequest, copy: CardCopy, person: User, now: datetime) -> Spared | None:
    """Why this person is left alone about this question, by what is known now; None: remind."""
    if approval.status is not ApprovalStatus.PENDING or approval.expires_at <= now:
        return Spared.CLOSED
    if copy.acted_at is not None or copy.state is Delivery.ACTED:
        return Spared.ANSWERED
    if person.joined_with is not None:
        return Spared.TWICE
    if person.employment is not Employment.ACTIVE:
        return Spared.GONE
    if is_away(person.away_until, now):
        return Spared.AWAY
    return Spared.UNREACHED if copy.state is Delivery.UNDELIVERABLE else None


def not_before(copy: CardCopy, person: User, plan: QuestionPlan, usual: Usual, now: datetime) -> datetime:
    """When this person may be reminded: now, or once the snooze and the quiet hours are over."""
    at = max(now, copy.snoozed_until) if copy.snoozed_until is not None else now
    if plan.severity is Severity.CRITICAL and plan.quiet.critical_passes:
        return at
    return person_hours(person, plan, usual).next_allowed(at)


def person_hours(person: User, plan: QuestionPlan, usual: Usual) -> Hours:
    return hours_of(Wishes(person.time_zone, person.quiet_hours, person.working_days), plan.quiet, usual)
