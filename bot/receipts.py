"""Who has seen a question: told by Feishu's read events, or found when somebody looks. Seen once is seen for good."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

from tortoise.expressions import Q

from bot.ledger import Ledger, Work, approval_fact
from bot.people.joining import People
from bot.ports import Clock
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest, CardCopy
from models.enums import Delivery
from models.values import AppCredentials, MessagesRead

_ARRIVED = (Delivery.SENT, Delivery.DEGRADED, Delivery.SEEN, Delivery.ACTED)
_BEFORE_SEEN = (Delivery.QUEUED, Delivery.SENT, Delivery.DEGRADED, Delivery.UNDELIVERABLE)


class Receipts:
    def __init__(self, ledger: Ledger, people: People, waiters: Waiters, clock: Clock) -> None:
        self._ledger = ledger
        self._people = people
        self._waiters = waiters
        self._clock = clock

    async def read(self, app: AppCredentials, read: MessagesRead) -> int:
        """How many questions were first seen so. What others read, or what is no question, counts nothing."""
        unseen = CardCopy.filter(app_id=app.app_id, message_id__in=list(read.message_ids), seen_at=None)
        copies = await unseen.order_by("id")
        if not copies:
            return 0
        reader = await self._people.operator(app.in_company(read.reader.tenant_key), read.reader, self._clock.now())
        if reader is None:
            return 0
        own = [copy for copy in copies if (await self._people.user(copy.person_id)).id == reader.id]
        news = 0
        for copy in own:
            async with self._ledger.transaction() as work:
                news += await self.seen(work, copy, read.at)
        return news

    async def seen(self, work: Work, copy: CardCopy, at: datetime) -> bool:
        """Whether this was news: the copy's own person has seen the question, at the latest now."""
        at = min(at, work.now)
        # The approval first, as whoever decides does: the news that it was read often comes along with the press.
        approval = await ApprovalRequest.select_for_update().get(id=copy.approval_id)
        first = await CardCopy.filter(id=copy.id, seen_at=None).update(seen_at=at)
        if not first:
            return False
        await CardCopy.filter(id=copy.id, state__in=_BEFORE_SEEN).update(state=Delivery.SEEN)
        earlier = ApprovalRequest.filter(Q(seen_at=None) | Q(seen_at__gt=at), id=approval.id)
        await earlier.update(seen_at=at)
        details = {"person": str(copy.person_id), "message": copy.message_id, "at": at.isoformat()}
        work.audit(approval_fact(approval, "system", "delivery.seen", {**details}))
        await reached(work, approval, self._waiters)
        return True


async def reached(work: Work, approval: ApprovalRequest, waiters: Waiters) -> Delivery:
    """The approval says how far its question got; whoever waits for it may look."""
    asked = await CardCopy.filter(approval_id=approval.id).order_by("id")
    furthest = _furthest([copy.state for copy in asked]) if asked else approval.delivery
    detail = next((copy.fault for copy in asked if copy.fault), None)
    if (furthest, detail) == (approval.delivery, approval.delivery_detail):
        return furthest
    await ApprovalRequest.filter(id=approval.id).update(delivery=furthest, delivery_detail=detail)
    approval.delivery, approval.delivery_detail = furthest, detail
    if furthest is Delivery.UNDELIVERABLE:  # rare, so that it may cost a NOTIFY (design.md 4.3)
        await waiters.notify(approval.id)
    work.after_commit(partial(waiters.wake, [approval.id]))
    return furthest


async def people_reached(approval_id: UUID) -> int:
    """How many people have the question in their chat, as a card or as a text."""
    return await CardCopy.filter(approval_id=approval_id, state__in=_ARRIVED).count()


def _furthest(states: Collection[Delivery]) -> Delivery:
    order = (
        *(Delivery.ACTED, Delivery.SEEN, Delivery.SENT),
        *(Delivery.DEGRADED, Delivery.QUEUED, Delivery.UNDELIVERABLE),
    )
    return next(state for state in order if state in states)
