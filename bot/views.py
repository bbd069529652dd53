"""What cards, texts and pages are drawn from: an approval request with the names of everyone it concerns, looked up.

Reads only. Whether it reads inside a transaction is its caller's business.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Protocol
from uuid import UUID

from bot import answers
from bot.asking.parsing import from_json
from cards.views import ApprovalView, GrantView, OfferView
from cards.words import CHINA
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery
from models.user import User


class ApprovalLinks(Protocol):
    """What is needed of bot.links: the signed address of an approval's full page."""

    def approval(self, approval_id: UUID, person_id: UUID, now: datetime) -> str: ...


class AsksLess(Protocol):
    """What is needed of bot.granting.offering: how the card of a request helps to be asked less."""

    async def on(self, approval: ApprovalRequest, now: datetime) -> OfferView | None: ...

    async def given(self, approval: ApprovalRequest, now: datetime) -> tuple[GrantView, ...]: ...


class Views:
    def __init__(self, links: ApprovalLinks, zone: tzinfo = CHINA, offers: AsksLess | None = None) -> None:
        """`zone`: in which people read times (ASSENT_TIMEZONE)."""
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

    async def of(self, approval: ApprovalRequest, now: datetime, *, person_id: UUID | None = None) -> ApprovalView:
        """The approval at its present revision as `person_id` sees it; without a reader there is no link."""
        request = from_json(json.loads(approval.request))
        agent = await Agent.get(id=approval.agent_id)
        asked = await _asked(approval.id)
        names = await _names(approval.creator_id, approval.requester_id, *asked)
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
            zone=self.zone,
            rev=approval.revision,
        )


async def _asked(approval_id: UUID) -> list[UUID]:
    """Who has, or is about to have, a copy; in the order in which they were asked."""
    reached = CardCopy.filter(approval_id=approval_id).exclude(state=Delivery.UNDELIVERABLE)
    return [copy.person_id for copy in await reached.order_by("id")]


async def _names(*people: UUID | None) -> dict[UUID, str]:
    return {person.id: person.name for person in await User.filter(id__in=[one for one in people if one])}
