"""Reviews as a use case: a person says whether a sampled run was right; one no ends the grant it ran under."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from bot.administration.actors import Actor
from bot.asking.parsing import from_json
from bot.directory import move_epoch
from bot.granting.grants import Grants
from bot.granting.showing import grant_view, use_view
from bot.granting.values import Reviewed
from bot.ledger import AuditFact, Work
from cards.views import ReviewView
from models.agent import Agent
from models.enums import ReviewAnswer
from models.grant import Grant, Review
from models.values import JsonObject, Operator, Refusal, RefusalKind


class Reviews:
    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def answer(self, work: Work, operator: Operator, review_id: UUID, answer: ReviewAnswer) -> Reviewed | Refusal:
        """The first answer counts. WRONG revokes the grant in the same transaction."""
        actor, review = Actor.of(operator), await Review.get_or_none(id=review_id)
        if review is None:
            return self._refused(work, actor, RefusalKind.UNKNOWN_SUBJECT, operator.tenant, f"review:{review_id}")
        grant = await Grant.get(id=review.grant_id)
        agent = await Agent.get(id=grant.agent_id)
        if not actor.may_change_agent(agent.tenant, agent.creator_id):
            return self._refused(work, actor, RefusalKind.NOT_YOURS, review.tenant, f"review:{review.id}", agent.id)
        if answer is ReviewAnswer.WRONG:  # before any row: everyone locks the epoch first
            await move_epoch()
        changed = await Review.filter(id=review.id, answer=None).update(
            answer=answer, answered_at=work.now, answered_by_name=operator.name[:200]
        )
        await review.refresh_from_db()
        if changed:
            details: JsonObject = {"answer": answer.value, "grant_id": str(grant.id), "check_id": str(review.check_id)}
            work.audit(
                AuditFact(
                    review.tenant, actor.name, "review.answered", f"review:{review.id}", details, agent_id=agent.id
                )
            )
            if answer is ReviewAnswer.WRONG:
                await self._grants.revoke(work, actor, grant.id, why=f"review:{review.id}")
        return Reviewed(await self.view(review, work.now), review.answer or answer, again=not changed)

    async def view(self, review: Review, now: datetime) -> ReviewView:
        """The review as it stands in this row, and its grant as it stands now."""
        grant = await grant_view(await Grant.get(id=review.grant_id), now, self._grants.terms.zone)
        return ReviewView(
            review_id=review.id,
            use=use_view(grant, from_json(json.loads(review.request)), review.check_id, review.ran_at),
            answer=review.answer,
            answered_by=review.answered_by_name,
            answered_at=review.answered_at,
        )

    @staticmethod
    def _refused(
        work: Work, actor: Actor, kind: RefusalKind, tenant: str, subject: str, agent_id: UUID | None = None
    ) -> Refusal:
        details: JsonObject = {"refusal": kind.value}
        work.audit(AuditFact(tenant, actor.name, "review.refused", subject, details, agent_id=agent_id))
        return Refusal(kind)
