"""What people learn of grants and reviews, written in the transaction that causes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F

from bot import outbox
from bot.administration.actors import Actor
from bot.ledger import AuditFact, Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.ports import Clock
from bot.telling import TITLE_LIMIT, Telling
from cards import granting, reviewing
from cards.views import GrantUseView, GrantView, Notice, ReviewView
from models.agent import Agent
from models.approval import ApprovalRequest
from models.grant import Grant, Review
from models.notification import Notification
from models.user import User
from models.values import AgentFacts, JsonObject

REVIEW_AFTER = timedelta(hours=1)
"""A run is looked at when its effects can be seen; the notice of it, which can revoke, goes out at once."""


class GrantTelling:
    def __init__(self, people: People, telling: Telling, bell: Bell, clock: Clock) -> None:
        self._people = people
        self._telling = telling
        self._bell = bell
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    async def given(
        self, work: Work, grant: Grant, agent: Agent, view: GrantView, actor: Actor, clicked_message: str | None
    ) -> None:
        """The card says so; a creator whose admin gave it is told."""
        await self._card_follows(work, grant, clicked_message)
        for person in await self._concerned(agent.creator_id, actor=actor):
            await self._say(work, agent, person, "grant.given", granting.given_notice(view, person.language), grant)

    async def revoked(
        self, work: Work, grant: Grant, agent: Agent, view: GrantView, actor: Actor, clicked_message: str | None
    ) -> None:
        """The card says so; creator and giver are told, unless they did it themselves."""
        await self._card_follows(work, grant, clicked_message)
        for person in await self._concerned(agent.creator_id, grant.giver_id, actor=actor):
            await self._say(work, agent, person, "grant.revoked", granting.revoked_notice(view, person.language), grant)

    async def put_up(self, work: Work, agent: AgentFacts, grant: Grant, view: GrantUseView, stored: str) -> None:
        """The giver will be asked whether this run was right. `stored`: the action request, as it is kept."""
        review = await Review.create(
            tenant=grant.tenant,
            grant_id=grant.id,
            person_id=grant.giver_id,
            check_id=view.check_id,
            request=stored,
            ran_at=work.now,
        )
        giver = await User.get(id=grant.giver_id)
        shown = ReviewView(review_id=review.id, use=view)
        message = outbox.card(
            tenant=grant.tenant,
            person_id=giver.id,
            app_id=agent.app_id or self._people.default_app_id,
            card=reviewing.review_card(shown),
            fallback=reviewing.review_text(shown, giver.language),
            now=work.now,
            dedupe=f"review:{review.id}",
        )
        message.lane, message.due_at = f"review:{giver.id}", work.now + REVIEW_AFTER
        await outbox.add([message])
        details: JsonObject = {"grant_id": str(grant.id), "check_id": str(view.check_id), "person": str(giver.id)}
        work.audit(
            AuditFact(grant.tenant, "system", "review.asked", f"review:{review.id}", details, agent_id=grant.agent_id)
        )

    async def _card_follows(self, work: Work, grant: Grant, clicked_message: str | None) -> None:
        """Every copy of the card on which the grant was given shows how it stands now."""
        if grant.approval_id is None:
            return
        await ApprovalRequest.filter(id=grant.approval_id).update(revision=F("revision") + 1)
        approval = await ApprovalRequest.get(id=grant.approval_id)
        await self._telling.changed(work, approval, clicked_message)

    @staticmethod
    async def _concerned(*people: UUID, actor: Actor) -> list[User]:
        himself = actor.person.id if actor.person else None
        return await User.filter(id__in=[one for one in set(people) if one != himself])

    async def _say(self, work: Work, agent: Agent, person: User, step: str, notice: Notice, grant: Grant) -> None:
        message = outbox.text(
            tenant=agent.tenant,
            person_id=person.id,
            app_id=agent.app_id or self._people.default_app_id,
            text=notice.text,
            now=work.now,
            dedupe=f"{step}:{grant.id}:{person.id}",
        )
        message.lane = f"notice:{person.id}"
        await outbox.add([message])
        await self._line(work, agent.tenant, person, step, notice)

    async def _line(self, work: Work, tenant: str, person: User, step: str, notice: Notice) -> None:
        """The notice as a line in the person's web inbox."""
        await Notification.create(
            tenant=tenant,
            person_id=person.id,
            type=step,
            title=notice.title[:TITLE_LIMIT],
            body=notice.body,
            created_at=work.now,
        )
        work.after_commit(self._bell.ring)
