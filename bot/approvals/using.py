"""The single use of an approval, and what became of the action."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from tortoise.expressions import F

from bot import lifecycle
from bot.approvals.refusing import audit_refusal
from bot.approvals.settling import own
from bot.approvals.values import ApprovalTimes, Claimed
from bot.directory import KnownAgent
from bot.ledger import Ledger, Work, approval_fact
from bot.telling import Telling
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, ExecutionStatus, Executor
from models.values import Json, JsonObject, Refusal, RefusalKind


class Using:
    def __init__(self, ledger: Ledger, telling: Telling, times: ApprovalTimes) -> None:
        self._ledger = ledger
        self._telling = telling
        self._times = times

    async def claim_in(self, work: Work, approval: ApprovalRequest, digest: str) -> Claimed | Refusal:
        """The single go-ahead for exactly the action that was approved, within the caller's transaction."""
        ruled = lifecycle.claim(approval.facts(), digest, work.now)
        if isinstance(ruled, Refusal):
            return ruled
        changed = await ApprovalRequest.filter(
            id=approval.id,
            status=ApprovalStatus.APPROVED,
            action_digest=digest,
            claimed_at=None,
            claim_expires_at__gt=work.now,
        ).update(
            claimed_at=work.now,
            rendezvous=None,
            execution=ExecutionStatus.RUNNING,
            execution_started_at=work.now,
            next_due_at=work.now + self._times.claim_ttl,
            revision=F("revision") + 1,
        )
        await approval.refresh_from_db()
        if not changed:
            refusal = lifecycle.claim(approval.facts(), digest, work.now)
            if isinstance(refusal, Refusal):
                return refusal
            raise RuntimeError(f"approval {approval.id} was neither claimed nor claimable")
        work.audit(approval_fact(approval, f"agent:{approval.agent_id}", "approval.claimed", {"action_digest": digest}))
        await self._telling.changed(work, approval)
        return Claimed(approval.id, work.now)

    async def report_outcome(
        self, known: KnownAgent, approval_id: UUID, status: ExecutionStatus, result: Json, error: str | None = None
    ) -> ApprovalRequest | Refusal:
        """What became of an action that the agent claimed; told to creator and requester, once."""
        async with self._ledger.transaction() as work:
            approval = await own(known, approval_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            ruled = lifecycle.report_outcome(approval.facts(), status, work.now)
            if isinstance(ruled, lifecycle.Reported) and not await self.finish_execution(
                work, approval, status, result=result, error=error, actor=f"agent:{known.facts.id}"
            ):
                await approval.refresh_from_db()
                ruled = lifecycle.report_outcome(approval.facts(), status, work.now)
            if isinstance(ruled, Refusal):
                audit_refusal(work, f"agent:{known.facts.id}", ruled, approval)
                return ruled
            await approval.refresh_from_db()
            return approval

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
        """Whether the execution became `status` by this call. Agent, creator and requester learn it.

        `unknown` may still be settled by the agent's own report; a finished execution never changes again.
        """
        open_states = [ExecutionStatus.RUNNING]
        if status is not ExecutionStatus.UNKNOWN and approval.executor is Executor.AGENT:
            open_states.append(ExecutionStatus.UNKNOWN)
        changed = await ApprovalRequest.filter(id=approval.id, execution__in=open_states).update(
            execution=status,
            execution_finished_at=work.now,
            execution_lease_until=None,
            execution_result=json.dumps(result, ensure_ascii=False),
            execution_error=error,
            claim_expires_at=self._collect_until(approval, work.now),
            next_due_at=None,
            revision=F("revision") + 1,
        )
        if not changed:
            return False
        await approval.refresh_from_db()
        details: JsonObject = {"execution": status.value, "result": result, "error": error}
        work.audit(approval_fact(approval, actor, "execution.finished", details))
        await self._telling.changed(work, approval)
        await self._telling.outcome(work, approval)
        return True

    def _collect_until(self, approval: ApprovalRequest, now: datetime) -> datetime | None:
        """A result that nobody collected must not answer the same call for ever, as if it had been executed again."""
        return now + self._times.claim_ttl if approval.executor is Executor.SERVICE else approval.claim_expires_at
