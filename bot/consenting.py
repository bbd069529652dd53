"""An approval request as the rules of deciding see it: with who was asked and who consented. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from tortoise.queryset import QuerySet

from bot.lifecycle.resolving import BY_RIGHT
from bot.people.joining import find_person
from models.approval import ApprovalRequest, CardCopy, Consent
from models.enums import AskedAs
from models.user import User
from models.values import ApprovalFacts


async def deciding_facts(approval: ApprovalRequest) -> ApprovalFacts:
    """Whoever was joined with another person counts as that other: two accounts of one person are one."""
    copies = await CardCopy.filter(approval_id=approval.id).order_by("id").values_list("person_id", "asked_as")
    consents = await consents_to(approval)
    now_called = await _joined([*(person_id for person_id, _ in copies), *(one.person_id for one in consents)])
    asked: dict[UUID, AskedAs] = {}
    for person_id, asked_as in copies:
        asked.setdefault(now_called.get(person_id, person_id), AskedAs(asked_as))
    return replace(
        approval.facts(),
        requester_id=await _requester(approval),
        asked=asked,
        consents=frozenset(now_called.get(one.person_id, one.person_id) for one in consents),
    )


async def _requester(approval: ApprovalRequest) -> UUID | None:
    """For whom the agent acts; where that matters, also somebody who became known only after the question was asked."""
    if approval.requester_id is not None or not approval.duties_separated or approval.requested_by is None:
        return approval.requester_id
    met = await find_person(approval.tenant, approval.requested_by)
    return met.id if met is not None else None


async def consents_to(approval: ApprovalRequest) -> list[Consent]:
    """Who approved the action as it now stands, the first first. Consents to what it was before count no longer.

    Nor does that of somebody who turned out since to be the requester, where duties are separated.
    """
    given = await Consent.filter(approval_id=approval.id, action_digest=approval.action_digest).order_by("id")
    requester_id = await _requester(approval) if given and approval.duties_separated else None
    return [one for one in given if stands(one, approval, requester_id)]


def stands(consent: Consent, approval: ApprovalRequest, requester_id: UUID | None) -> bool:
    """Whether this is a consent to the action as it now is, and not the requester's where duties are separated."""
    barred = requester_id if approval.duties_separated else None
    return consent.action_digest == approval.action_digest and consent.person_id != barred


def seen_in_person(person_id: UUID) -> QuerySet[CardCopy]:
    """Copies that let this person see the question. Who was asked for a role sees by the role, while it lasts."""
    return CardCopy.filter(person_id=person_id).exclude(asked_as__in=list(BY_RIGHT))


async def _joined(people: Iterable[UUID]) -> dict[UUID, UUID]:
    rows = await User.filter(id__in=set(people), joined_with__isnull=False).values_list("id", "joined_with")
    return dict(rows)
