"""What waits for one person, and which of it may be approved together. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from uuid import UUID

from tortoise.expressions import Q

from bot.lifecycle import entitled
from bot.queueing.following import ALIVE
from bot.stored import stored_request
from bot.views import Views
from cards.queue import MOST_ALIKE
from cards.views import AlikeItem, PendingItem, QueueOver, QueueView
from models.approval import ApprovalRequest, CardCopy, Consent
from models.asking import QueueCard
from models.enums import ApprovalStatus, AskedAs, Severity
from models.user import User
from models.values import ApprovalFacts, Operator

MOST_WAITING = 1_000
"""Requests of one person that are counted and paged through; quotas keep real queues far shorter."""

_HEAVY = {"request", "plan", "original_request", "execution_result", "execution_error"}
"""Not read: a queue is read at each change of it, and a request may be as large as a quarter of a MB."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request in somebody's queue, without its content."""

    id: UUID
    agent_id: UUID
    shape: str
    severity: Severity
    separated: bool
    needed: int
    created_at: datetime
    snoozed: bool

    def is_alike(self, other: Waiting) -> bool:
        return bool(self.shape) and (self.agent_id, self.shape) == (other.agent_id, other.shape)

    @property
    def is_batchable(self) -> bool:
        """Whether it may be approved with one press among others."""
        return batchable(self.severity, self.needed, separated=self.separated)


def batchable(severity: Severity, needed: int, *, separated: bool) -> bool:
    """What matters that much is looked at on its own."""
    return severity is not Severity.CRITICAL and needed == 1 and not separated


@dataclass(frozen=True, slots=True)
class _Asked:
    """How one person was asked, as the own copy of the card says."""

    asked_as: AskedAs
    snoozed_until: datetime | None


@cache
def _light() -> tuple[str, ...]:
    """The other columns; before the database is open, foreign keys have none."""
    return tuple(name for name in ApprovalRequest._meta.db_fields if name not in _HEAVY)


async def queue_of(person_id: UUID, now: datetime) -> list[Waiting]:
    """What this person was asked, or owns, and may still decide: the oldest first, behind it what was put off."""
    person = await User.get(id=person_id)
    operator = Operator(person.id, person.tenant, person.role, person.name, person.language)
    copies = CardCopy.filter(person_id=person.id, approval__status=ApprovalStatus.PENDING)
    asked = {
        approval_id: _Asked(AskedAs(asked_as), until)
        for approval_id, asked_as, until in await copies.values_list("approval_id", "asked_as", "snoozed_until")
    }
    rows = await (
        ApprovalRequest.filter(Q(creator_id=person.id) | Q(id__in=list(asked)))
        .filter(status=ApprovalStatus.PENDING, expires_at__gt=now)
        .order_by("created_at", "id")
        .limit(MOST_WAITING)
        .only(*_light())
    )
    given = await _given(rows, person.id)
    found = [
        _waiting(row, asked.get(row.id), now)
        for row in rows
        if row.id not in given and _may_decide(row.facts(), asked.get(row.id), operator)
    ]
    return sorted(found, key=lambda one: one.snoozed)


async def items_of(waiting: Sequence[Waiting]) -> tuple[PendingItem, ...]:
    """These as lines of a list, in their order."""
    ids = [one.id for one in waiting]
    rows = {row.id: row for row in await ApprovalRequest.filter(id__in=ids).select_related("agent")}
    return tuple(
        PendingItem(
            approval_id=one.id,
            code=one.facts().code,
            agent=one.agent.name,
            action_type=one.action_type,
            created_at=one.created_at,
            expires_at=one.expires_at,
        )
        for one in (rows[id_] for id_ in ids)
    )


def _waiting(row: ApprovalRequest, asked: _Asked | None, now: datetime) -> Waiting:
    snoozed = asked is not None and asked.snoozed_until is not None and asked.snoozed_until > now
    return Waiting(
        id=row.id,
        agent_id=row.agent_id,
        shape=row.shape,
        severity=row.severity,
        separated=row.duties_separated,
        needed=row.approvals_needed,
        created_at=row.created_at,
        snoozed=snoozed,
    )


def _may_decide(facts: ApprovalFacts, asked: _Asked | None, operator: Operator) -> bool:
    """By the rule of every decision; who asked for the action where others must decide has nothing to do here."""
    if facts.duties_separated and facts.requester_id == operator.id:
        return False
    return entitled(replace(facts, asked={operator.id: asked.asked_as} if asked else {}), operator)


async def _given(rows: Sequence[ApprovalRequest], person_id: UUID) -> set[UUID]:
    """What this person approved already, and others have to approve as well."""
    several = {one.id: one.action_digest for one in rows if one.approvals_needed > 1}
    if not several:
        return set()
    consents = await Consent.filter(approval_id__in=list(several), person_id=person_id)
    return {one.approval_id for one in consents if several[one.approval_id] == one.action_digest}


def alike(shown: Waiting, waiting: Sequence[Waiting]) -> list[Waiting]:
    """The requests of the same agent and kind that may be approved with it, itself first; none where none are."""
    others = [one for one in waiting if one.id != shown.id and one.is_batchable and one.is_alike(shown)]
    return [shown, *others] if others and shown.is_batchable else []


async def view_of(card: QueueCard, views: Views, now: datetime) -> QueueView:
    """The card as it must look now; it shows its request while that waits, else the first that does."""
    empty = QueueView(queue_id=card.id, total=0, now=now, over=_over(card), zone=views.zone)
    waiting = [] if empty.over else await queue_of(card.person_id, now)
    if not waiting:
        return empty
    place = place_of(card.approval_id, waiting)
    shown = waiting[place]
    together = alike(shown, waiting)
    opened = await views.of(await ApprovalRequest.get(id=shown.id), now, person_id=card.person_id)
    return replace(
        empty,
        zone=opened.zone,
        total=len(waiting),
        position=place + 1,
        shown=opened,
        oldest=min(one.created_at for one in waiting),
        snoozed=sum(one.snoozed for one in waiting),
        alike=await _items(together[:MOST_ALIKE]),
        alike_total=len(together),
    )


def _over(card: QueueCard) -> QueueOver | None:
    if card.closed_at is None:
        return None
    return QueueOver.MOVED if card.closed_at - card.created_at < ALIVE else QueueOver.OLD


async def _items(together: Sequence[Waiting]) -> tuple[AlikeItem, ...]:
    rows = {row.id: row for row in await ApprovalRequest.filter(id__in=[one.id for one in together])}
    return tuple(
        AlikeItem(
            approval_id=one.id,
            code=one.facts().code,
            args=stored_request(one).args,
            created_at=one.created_at,
        )
        for one in (rows[each.id] for each in together)
    )


def place_of(approval_id: UUID | None, waiting: Sequence[Waiting]) -> int:
    """Where the request stands in the queue; the front where it waits no more."""
    return next((place for place, one in enumerate(waiting) if one.id == approval_id), 0)
