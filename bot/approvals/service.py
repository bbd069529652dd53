"""All that happens to an approval request, put together. One transaction each; nothing here waits for the network.

The rules are in bot.lifecycle; races are settled by locks and conditional updates.
"""

from __future__ import annotations

from uuid import UUID

from bot.amending import Edits
from bot.approvals.changing import Changing, Law
from bot.approvals.deciding import Deciding, Word
from bot.approvals.opening import Opening
from bot.approvals.refusing import audited
from bot.approvals.settling import Settling
from bot.approvals.using import Using
from bot.approvals.values import AlreadyDone, ApprovalTimes, Consenting, Resolved
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.people.joining import People
from bot.plans import starter_plan
from bot.questioning import Questioning
from bot.telling import Telling
from bot.views import Views
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest
from models.enums import Verdict, Via
from models.values import Operator, Refusal


class ApprovalService:
    def __init__(
        self,
        ledger: Ledger,
        waiters: Waiters,
        bell: Bell,
        people: People,
        views: Views,
        times: ApprovalTimes,
        *,
        law: Law | None = None,
    ) -> None:
        """Without a `law` nobody can change arguments before approving."""
        self._ledger = ledger
        self.times = times
        self.telling = Telling(waiters, bell, people, views)
        self.questioning = Questioning(self.telling, people, starter_plan(times.reminders, times.ttl))
        self.opening = Opening(people, self.questioning)
        self.settling = Settling(ledger, self.telling, times)
        self.using = Using(ledger, self.telling, times)
        changing = Changing(law, people, self.questioning)
        self._deciding = Deciding(ledger, self.telling, self.settling, changing)

    async def resolve(
        self,
        approval_id: UUID,
        verdict: Verdict | None,
        operator: Operator,
        *,
        via: Via,
        reason: str | None = None,
        clicked_message: str | None = None,
        code: str | None = None,
        event_key: str | None = None,
        preset: str | None = None,
        edits: Edits | None = None,
    ) -> Resolved | Consenting | Refusal | AlreadyDone:
        """The approval is resolved once and for all by this operator, or consented to, or the operator is refused.

        `preset`: a prepared instruction (cards.presets) to reject with. `edits`: what the form held of the arguments.
        An event that was seen before (`event_key`) changes nothing, even after a restart.
        """
        word = Word(
            approval_id=approval_id,
            verdict=verdict,
            operator=operator,
            via=via,
            reason=reason,
            code=code,
            clicked_message=clicked_message,
            event_key=event_key,
            preset=preset,
            edits=edits,
        )
        return await self._deciding.hear(word)

    async def refuse(self, tenant: str, actor: str, refusal: Refusal, approval_id: UUID | None) -> Refusal:
        """A press that never got as far as an approval is refused and audited like all others."""
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get_or_none(id=approval_id) if approval_id else None
            return audited(work, tenant, actor, refusal, approval)
