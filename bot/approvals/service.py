"""All that happens to an approval request, under one name. One transaction each; nothing here waits for the network.

The rules are in bot.lifecycle; races are settled by locks and conditional updates.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bot.amending import Edits
from bot.approvals.changing import Changing, Law
from bot.approvals.deciding import Deciding, Word
from bot.approvals.opening import Opening
from bot.approvals.refusing import audit_refusal, audited
from bot.approvals.settling import Settling
from bot.approvals.using import Using
from bot.approvals.values import AlreadyDone, ApprovalTimes, Claimed, Consenting, Resolved
from bot.directory import KnownAgent
from bot.ledger import Ledger, Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.plans import starter_plan
from bot.questioning import Questioning
from bot.telling import Telling
from bot.views import Views
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest
from models.enums import ExecutionStatus, Verdict, Via
from models.values import ActionRequest, Decision, Json, Operator, Refusal


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
        self._opening = Opening(people, self.questioning)
        self._settling = Settling(ledger, self.telling, times)
        self._using = Using(ledger, self.telling, times)
        changing = Changing(law, people, self.questioning)
        self._deciding = Deciding(ledger, self.telling, self._settling, changing)

    async def make_room(self, work: Work, known: KnownAgent, limit: int) -> None:
        """Fewer than `limit` of the agent's questions wait for people, until `work` ends. Raises TooManyPending."""
        await self._opening.make_room(work, known, limit)

    async def one_decides(self, known: KnownAgent, request: ActionRequest, decision: Decision, now: datetime) -> bool:
        """Whether the asking plan leaves this to a single person, whoever that is."""
        return await self._opening.one_decides(known, request, decision, now)

    async def open(
        self,
        work: Work,
        known: KnownAgent,
        request: ActionRequest,
        decision: Decision,
        *,
        digest: str,
        check_id: UUID,
        rendezvous: str,
        attempt: int,
    ) -> ApprovalRequest:
        """A pending approval request; whom the plan asks first is asked. Raises IntegrityError as Opening.open does."""
        return await self._opening.open(
            work, known, request, decision, digest=digest, check_id=check_id, rendezvous=rendezvous, attempt=attempt
        )

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

    async def expire(self, approval_id: UUID) -> bool:
        """Whether this call closed the approval because its time was over."""
        return await self._settling.expire(approval_id)

    async def cancel(self, known: KnownAgent, approval_id: UUID, reason: str | None) -> ApprovalRequest | Refusal:
        """The agent withdraws its own pending request."""
        return await self._settling.cancel(known, approval_id, reason)

    async def withdraw(self, work: Work, approval: ApprovalRequest) -> bool:
        """Whether this call closed the question of an agent that is archived."""
        return await self._settling.withdraw(work, approval)

    async def claim_in(self, work: Work, approval: ApprovalRequest, digest: str) -> Claimed | Refusal:
        """The single go-ahead for exactly the action that was approved, within the caller's transaction."""
        return await self._using.claim_in(work, approval, digest)

    async def report_outcome(
        self, known: KnownAgent, approval_id: UUID, status: ExecutionStatus, result: Json, error: str | None = None
    ) -> ApprovalRequest | Refusal:
        """What became of an action that the agent claimed; told to creator and requester, once."""
        return await self._using.report_outcome(known, approval_id, status, result, error)

    async def finish_execution(
        self,
        work: Work,
        approval: ApprovalRequest,
        status: ExecutionStatus,
        *,
        result: Json = None,
        error: str | None = None,
        actor: str = "system",
    ) -> bool:
        """Whether the execution became `status` by this call. Agent, creator and requester learn it."""
        return await self._using.finish_execution(work, approval, status, result=result, error=error, actor=actor)

    async def refuse(self, tenant: str, actor: str, refusal: Refusal, approval_id: UUID | None) -> Refusal:
        """A press that never got as far as an approval is refused and audited like all others."""
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get_or_none(id=approval_id) if approval_id else None
            return audited(work, tenant, actor, refusal, approval)

    def audit_refusal(self, work: Work, actor: str, refusal: Refusal, approval: ApprovalRequest) -> None:
        audit_refusal(work, actor, refusal, approval)
