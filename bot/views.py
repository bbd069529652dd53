"""What cards, texts and pages are drawn from: an approval request with the names of everyone it concerns, looked up.

Reads only. Whether it reads inside a transaction is its caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Protocol
from uuid import UUID

from bot import answers
from bot.amending import editable
from bot.comparing import changed_since, first_of_kind
from bot.consenting import consents_to
from bot.freezing.standstill import freeze_facts, freezes_of, longest
from bot.stored import original_request, stored_request
from cards.views import ApprovalView, ConsentView, CopyView, GrantView, OfferView
from cards.words import CHINA
from config.zones import zone_named
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import AgentStatus, ApprovalStatus, Delivery, ExecutionStatus
from models.user import User
from models.values import FreezeFacts


class ApprovalLinks(Protocol):
    """What is needed of bot.links: the signed address of an approval's full page."""

    def approval(self, approval_id: UUID, person_id: UUID, now: datetime) -> str: ...


class AsksLess(Protocol):
    """What is needed of bot.granting.offering: how the card of a request helps to be asked less."""

    async def on(self, approval: ApprovalRequest, now: datetime) -> OfferView | None: ...

    async def given(self, approval: ApprovalRequest, now: datetime) -> tuple[GrantView, ...]: ...


class Views:
    def __init__(self, links: ApprovalLinks, zone: tzinfo = CHINA, offers: AsksLess | None = None) -> None:
        """`zone`: in which people read times who chose none of their own (ASSENT_TIMEZONE)."""
        self._links = links
        self._offers = offers
        self.zone = zone

    async def card(self, approval: ApprovalRequest, now: datetime, *, person_id: UUID) -> ApprovalView:
        """As `of`, with what only the card shows: the grants that were given on it, and those that it offers."""
        view = await self.of(approval, now, person_id=person_id)
        if self._offers is None or approval.status is not ApprovalStatus.APPROVED:
            return view
        offer, given = await self._offers.on(approval, now), await self._offers.given(approval, now)
        return replace(view, offer=offer, grants=given)

    async def zone_for(self, person_id: UUID) -> tzinfo:
        """In which this person reads times."""
        return _zone(await User.get_or_none(id=person_id), self.zone)

    async def of(self, approval: ApprovalRequest, now: datetime, *, person_id: UUID | None = None) -> ApprovalView:
        """The approval at its present revision as `person_id` sees it; without a reader there is no link.

        It is compared with the last approved call of its kind only while it can be decided.
        """
        request, original = stored_request(approval), original_request(approval)
        agent = await Agent.get(id=approval.agent_id)
        copies = await CardCopy.filter(approval_id=approval.id).order_by("id")
        mine = next((copy for copy in copies if copy.person_id == person_id), None)
        asked = [copy.person_id for copy in copies if copy.state is not Delivery.UNDELIVERABLE]
        people = await _people(approval.creator_id, approval.requester_id, person_id, *asked)
        names = {person.id: person.name for person in people.values()}
        consents = await consents_to(approval)
        pending = approval.status is ApprovalStatus.PENDING
        changed = await changed_since(approval) if pending else None
        freeze = await _freeze(approval, now)
        return ApprovalView(
            approval_id=approval.id,
            code=approval.facts().code,
            agent=agent.name,
            creator=names[approval.creator_id],
            action_type=approval.action_type,
            args=request.args,
            policy_version=approval.policy_version,
            status=approval.status,
            executor=approval.executor,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            now=now,
            rule=approval.rule,
            tool=approval.tool,
            requester=names[approval.requester_id] if approval.requester_id else approval.requested_by,
            claimed_reason=request.reason,
            execution=answers.execution_of(approval),
            claimed_at=approval.claimed_at,
            claim_expires_at=approval.claim_expires_at,
            resolver=approval.resolver_name,
            resolved_at=approval.resolved_at,
            resolution_reason=approval.resolution_reason,
            via=approval.resolved_via,
            asked=tuple(names[one] for one in asked if one != person_id),
            attempt=approval.attempt,
            reminders=approval.reminders_sent,
            details_url=self._links.approval(approval.id, person_id, now) if person_id else None,
            severity=approval.severity,
            asked_as=mine.asked_as if mine else None,
            changed=changed,
            first_of_kind=pending and changed is None and await first_of_kind(approval),
            needed=approval.approvals_needed,
            consents=tuple(ConsentView(one.person_name, one.at) for one in consents),
            consented=any(one.person_id == person_id for one in consents),
            separated=approval.duties_separated,
            editable=editable(request) if pending else (),
            original_args=original.args if original else None,
            preset=approval.preset,
            seen_by=_seen_by(copies, names),
            snoozed_until=mine.snoozed_until if mine else None,
            frozen_by=freeze.frozen_by_name if freeze else None,
            frozen_until=freeze.until if freeze else None,
            agent_archived=agent.status is AgentStatus.ARCHIVED,
            zone=_zone(people.get(person_id) if person_id else None, self.zone),
            action_digest=approval.action_digest,
            rev=approval.revision,
        )


def _seen_by(copies: Sequence[CardCopy], names: dict[UUID, str]) -> tuple[tuple[str, datetime], ...]:
    """Who has seen it, the first first."""
    seen = [(copy.seen_at, copy.person_id) for copy in copies if copy.seen_at is not None]
    return tuple((names[person], at) for at, person in sorted(seen) if person in names)


async def _freeze(approval: ApprovalRequest, now: datetime) -> FreezeFacts | None:
    """What holds up a run that is still to come."""
    coming = approval.status is ApprovalStatus.APPROVED and approval.execution is ExecutionStatus.NOT_STARTED
    if not coming and approval.status is not ApprovalStatus.PENDING:
        return None
    standing = await freezes_of(approval.tenant, approval.agent_id)
    return longest([freeze_facts(row) for row in standing], now)


async def _people(*ids: UUID | None) -> dict[UUID, User]:
    return {person.id: person for person in await User.filter(id__in=[one for one in ids if one])}


def _zone(person: User | None, usual: tzinfo) -> tzinfo:
    return zone_named(person.time_zone if person else None, usual)


def copy_view(row: CardCopy) -> CopyView:
    """How one person's copy fared; its person must be fetched with it."""
    return CopyView(
        person=row.person.name,
        state=row.state,
        sent_at=row.sent_at,
        detail=row.fault,
        asked_as=row.asked_as,
        asked_at=row.asked_at,
        seen_at=row.seen_at,
        acted_at=row.acted_at,
    )
