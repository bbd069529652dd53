"""How to be asked less: what the card of an approval offers, and the grants that were given on it. Reads only."""

from __future__ import annotations

from datetime import datetime

from bot.granting.bounds import default_fixed, matches
from bot.granting.graduation import streak
from bot.granting.ground import Ground, Grounds
from bot.granting.showing import grant_view
from bot.granting.values import EXACT_FOR, GrantTerms
from cards.views import GrantView, OfferedField, OfferView
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus
from models.grant import Grant
from models.values import Refusal

MOST_FIELDS = 8
"""Arguments of which a person may choose; any further ones stay fixed."""

_MOST_SHOWN = 1  # grant of one card; older ones were used up or revoked


class Offers:
    def __init__(self, grounds: Grounds, terms: GrantTerms) -> None:
        self._grounds = grounds
        self._terms = terms

    async def on(self, approval: ApprovalRequest, now: datetime) -> OfferView | None:
        """What may be given on the card of this request; None where the floor asks, or a grant covers it already."""
        if approval.status is not ApprovalStatus.APPROVED:
            return None
        ground = await self._grounds.under(approval, now)
        if isinstance(ground, Refusal) or _covered(ground, now):
            return None
        names = list(ground.request.args)[:MOST_FIELDS]
        fixed = default_fixed(ground.request)
        row = await streak(approval, self._terms.graduation_after)
        return OfferView(
            exact_for=EXACT_FOR,
            kind_until=self._terms.midnight(now) if names else None,
            fields=tuple(OfferedField(name, ground.request.args[name], name in fixed) for name in names),
            graduate_for=self._terms.graduation_for if row else None,
            streak=len(row),
        )

    async def given(self, approval: ApprovalRequest, now: datetime) -> tuple[GrantView, ...]:
        """The grants that were given on this card, the newest first."""
        rows = await Grant.filter(approval_id=approval.id).order_by("-id").limit(_MOST_SHOWN)
        return tuple([await grant_view(row, now, self._terms.zone) for row in rows])


def _covered(ground: Ground, now: datetime) -> bool:
    digest = ground.approval.action_digest
    return any(matches(grant, ground.request, digest, now) for grant in ground.known.grants)
