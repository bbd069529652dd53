"""The one way in which a question ends, whoever ends it: a person, its agent, or time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise.expressions import F

from bot import lifecycle, outbox
from bot.approvals.refusing import audit_refusal
from bot.approvals.values import AGENT_GONE, ApprovalTimes
from bot.directory import KnownAgent
from bot.ledger import Ledger, Work, approval_fact
from bot.plans import from_json
from bot.telling import Telling
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery, Ending, Executor, Via
from models.values import JsonObject, Operator, Refusal, RefusalKind, Resolution


class Settling:
    def __init__(self, ledger: Ledger, telling: Telling, times: ApprovalTimes) -> None:
        self._ledger = ledger
        self._telling = telling
        self._times = times

    async def settle(
        self, work: Work, approval: ApprovalRequest, resolution: Resolution, clicked_message: str | None = None
    ) -> bool:
        """Whether `pending` became the resolution by this call: the one conditional update that settles all races.

        A person's word holds only for the action as it stood when it was given.
        """
        approved = resolution.status is ApprovalStatus.APPROVED
        claimable = approved and approval.executor is Executor.AGENT
        claim_expires_at = work.now + self._times.claim_ttl if claimable else None
        pending = ApprovalRequest.filter(id=approval.id, status=ApprovalStatus.PENDING)
        if resolution.verdict is not None:
            pending = pending.filter(expires_at__gt=work.now, action_digest=approval.action_digest)
        changed = await pending.update(
            status=resolution.status,
            resolved_at=resolution.at,
            resolved_by_id=resolution.by.id if resolution.by else None,
            resolver_name=resolution.by.name if resolution.by else None,
            resolved_via=resolution.via,
            resolution_reason=resolution.reason,
            claim_expires_at=claim_expires_at,
            next_due_at=claim_expires_at,
            revision=F("revision") + 1,
            **({} if approved else {"rendezvous": None}),
        )
        if not changed:
            return False
        if resolution.by is not None:
            await acted(approval, resolution.by, work.now)
        await approval.refresh_from_db()
        work.audit(approval_fact(approval, _actor(approval, resolution), "approval.resolved", _told(approval)))
        if approved and approval.executor is Executor.SERVICE:
            await outbox.add([outbox.execution(approval, work.now)])
        await self._telling.changed(work, approval, clicked_message)
        await self._telling.resolution(work, approval)
        return True

    async def expire(self, approval_id: UUID) -> bool:
        """Whether this call closed the approval because its time was over, in the way that its plan says."""
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get(id=approval_id)
            due = lifecycle.expiry(approval.facts(), work.now, ending_of(approval))
            return due is not None and await self.settle(work, approval, due)

    async def cancel(self, known: KnownAgent, approval_id: UUID, reason: str | None) -> ApprovalRequest | Refusal:
        """The agent withdraws its own pending request."""
        async with self._ledger.transaction() as work:
            approval = await own(known, approval_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            outcome = lifecycle.cancel(approval.facts(), work.now, reason=reason)
            if isinstance(outcome, Resolution) and not await self.settle(work, approval, outcome):
                await approval.refresh_from_db()
                outcome = lifecycle.cancel(approval.facts(), work.now, reason=reason)
            if isinstance(outcome, Refusal):
                audit_refusal(work, f"agent:{known.facts.id}", outcome, approval)
                return outcome
            await approval.refresh_from_db()
            return approval

    async def withdraw(self, work: Work, approval: ApprovalRequest) -> bool:
        """Whether this call closed the question of an agent that is archived, and whose go-ahead nobody could use."""
        outcome = lifecycle.cancel(approval.facts(), work.now, reason=AGENT_GONE)
        return isinstance(outcome, Resolution) and await self.settle(work, approval, outcome)


async def acted(approval: ApprovalRequest, operator: Operator, now: datetime) -> None:
    """This person's copy was answered, and with it the question reached as far as it can."""
    own_copy = CardCopy.filter(approval_id=approval.id, person_id=operator.id)
    if await own_copy.update(state=Delivery.ACTED, acted_at=now):
        await ApprovalRequest.filter(id=approval.id).update(delivery=Delivery.ACTED)


async def own(known: KnownAgent, approval_id: UUID) -> ApprovalRequest | None:
    """An agent sees its own approvals only; another's is as unknown as one that does not exist."""
    return await ApprovalRequest.get_or_none(id=approval_id, agent_id=known.facts.id)


def ending_of(approval: ApprovalRequest) -> Ending:
    """What happens to this question when nobody answers in time."""
    return from_json(approval.plan).ending if approval.plan else Ending.EXPIRE


def _actor(approval: ApprovalRequest, resolution: Resolution) -> str:
    if resolution.via is Via.AGENT:
        return f"agent:{approval.agent_id}"
    return f"user:{resolution.by.id}" if resolution.by else "system"


def _told(approval: ApprovalRequest) -> JsonObject:
    details: JsonObject = {
        "status": approval.status.value,
        "via": approval.resolved_via.value if approval.resolved_via else None,
        "reason": approval.resolution_reason,
        "action_digest": approval.action_digest,
    }
    if approval.preset is not None:
        details["preset"] = approval.preset
    if approval.facts().amended:
        details["original_digest"] = approval.original_digest
    return details
