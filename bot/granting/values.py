"""What came of giving, using and revoking a grant, and the terms under which grants are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from cards.views import GrantUseView, GrantView, ReviewView
from models.enums import ReviewAnswer

EXACT_FOR = timedelta(hours=1)
EXACT_USES = 20
KIND_USES = 50
GRADUATED_USES = 1000

LONGEST = timedelta(days=30)
"""Of a grant that is given by hand; a graduated one lasts as long as the settings say."""

MOST_USES = 1000


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What the operator sets (docs/configuration.md)."""

    zone: tzinfo
    review_key: bytes = field(repr=False)  # whoever does not hold it cannot tell which runs are looked at
    graduation_after: int = 25  # untouched approvals in a row
    graduation_for: timedelta = timedelta(days=30)
    review_sample: float = 0.1

    def midnight(self, now: datetime) -> datetime:
        """When today ends where people live."""
        tomorrow = (now.astimezone(self.zone) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return tomorrow.astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class Given:
    """The grant stands. `again`: it, or one that is as good, stood already, and nothing was changed."""

    grant: GrantView
    again: bool = False


@dataclass(frozen=True, slots=True)
class Revoked:
    """The grant spares no question any more. `again`: it was revoked before, by whom it says."""

    grant: GrantView
    again: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """One use was taken from the grant, and the action may run. `view` is what the creator is shown."""

    grant_id: UUID
    view: GrantUseView


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The answer is recorded; a wrong one revoked the grant. `again`: somebody answered before."""

    review: ReviewView
    answer: ReviewAnswer
    again: bool = False
