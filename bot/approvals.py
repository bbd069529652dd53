"""Approval requests as use cases: opened, resolved, claimed, reported, cancelled, expired. One transaction each.

The rules are in bot.lifecycle; races are settled by conditional updates; nothing here waits for the network.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F

from bot import lifecycle, outbox
from bot.answers import asked_by
from bot.asking.parsing import as_json, from_json
from bot.database import is_postgres
from bot.digest import canonical
from bot.directory import KnownAgent
from bot.granting.bounds import shape_of
from bot.ledger import AuditFact, Ledger, Work, approval_fact
from bot.outbox import Bell
from bot.people.joining import People
from bot.quotas import TooManyPending
from bot.telling import Telling
from bot.views import Views
from bot.waiters.registry import Waiters
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import (
    ApprovalStatus,
    ExecutionStatus,
    Executor,
    Verdict,
    Via,
)
from models.inbound import InboundRecord
from models.values import ActionRequest, Decision, Json, JsonObject, Operator, Refusal, RefusalKind, Resolution

AGENT_GONE = "智能体已归档 · the agent was archived"

RESULT_LIMIT = 256 * 1024
"""Bytes of JSON that are kept of an execution's result; the hook's own body limit."""


@dataclass(frozen=True, slots=True)
class ApprovalTimes:
    """How long things may take (docs/configuration.md)."""

    ttl: timedelta
    reminders: tuple[timedelta, ...]
    claim_ttl: timedelta
    rejection_cooldown: timedelta


@dataclass(frozen=True, slots=True)
class Resolved:
    approval_id: UUID
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class Claimed:
    """The one go-ahead was given, at `at`."""

    approval_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """The same event was handled before; whoever asks again gets the present state."""

    approval_id: UUID


class ApprovalService:
    def __init__(
        self, ledger: Ledger, waiters: Waiters, bell: Bell, people: People, views: Views, times: ApprovalTimes
    ) -> None:
        self._ledger = ledger
        self._people = people
        self.telling = Telling(waiters, bell, people, views)
        self.times = times

    async def make_room(self, work: Work, known: KnownAgent, limit: int) -> None:
        """Fewer than `limit` of the agent's questions wait for people, until `work` ends. Raises TooManyPending."""
        if is_postgres():
            await Agent.select_for_update(no_key=True).get(id=known.facts.id)
        waiting = ApprovalRequest.filter(
            agent_id=known.facts.id, status=ApprovalStatus.PENDING, expires_at__gt=work.now
        )
        if await waiting.count() >= limit:
            raise TooManyPending(limit)

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
        """A pending approval request, its card on the way to the creator, audited; all in `work`.

        Raises IntegrityError when another check opened the same rendezvous first.
        """
        now, agent = work.now, known.facts
        requester = await self._people.find(agent.tenant, request.requested_by) if request.requested_by else None
        approval = await ApprovalRequest.create(
            tenant=agent.tenant,
            agent_id=agent.id,
            creator_id=agent.creator_id,
            requester_id=requester.id if requester else None,
            requested_by=request.requested_by,
            session=request.session or "",
            action_type=request.action_type,
            tool=request.tool,
            request=canonical(as_json(request)).decode(),
            action_digest=digest,
            rendezvous=rendezvous,
            rendezvous_key=rendezvous,
            attempt=attempt,
            rule=asked_by(decision),
            policy_version=decision.policy_version,
            layer=decision.layer,
            floor_version=decision.floor_version,
            shape=shape_of(request),
            check_id=check_id,
            created_at=now,
            expires_at=now + self.times.ttl,
            executor=Executor.SERVICE if agent.has_executor and request.tool else Executor.AGENT,
            next_due_at=min(now + step for step in (*self.times.reminders, self.times.ttl)),
        )
        await self.telling.ask(work, approval, [agent.creator_id], app_id=agent.app_id)
        work.audit(
            AuditFact(
                tenant=agent.tenant,
                actor=f"agent:{agent.id}",
                action="approval.requested",
                subject=f"approval:{approval.id}",
                details={
                    "check_id": str(check_id),
                    "action_digest": digest,
                    "level": decision.level.value,
                    "rule": decision.rule,
                    "policy_version": decision.policy_version,
                    "reason": decision.reason,
                    "layer": decision.layer.value,
                    "request": as_json(request),
                    "expires_at": approval.expires_at.isoformat(),
                    "attempt": attempt,
                },
                agent_id=agent.id,
                approval_id=approval.id,
            )
        )
        return approval

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
    ) -> Resolved | Refusal | AlreadyDone:
        """The approval is resolved once and for all by this operator, or the operator is refused; both are audited.

        An event that was seen before (`event_key`) changes nothing, even after a restart.
        """
        try:
            return await self._resolve(approval_id, verdict, operator, via, reason, code, clicked_message, event_key)
        except IntegrityError:  # the same event arrived twice at once, and the other one committed first
            return await self._resolve(approval_id, verdict, operator, via, reason, code, clicked_message, event_key)

    async def _resolve(
        self,
        approval_id: UUID,
        verdict: Verdict | None,
        operator: Operator,
        via: Via,
        reason: str | None,
        code: str | None,
        clicked_message: str | None,
        event_key: str | None,
    ) -> Resolved | Refusal | AlreadyDone:
        async with self._ledger.transaction() as work:
            seen = event_key is not None and await InboundRecord.exists(key=event_key)
            if event_key is not None and not seen:
                await InboundRecord.create(key=event_key, kind="card.action.trigger", received_at=work.now)
            approval = await ApprovalRequest.get_or_none(id=approval_id)
            if approval is None:
                return self._refused(work, operator, Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id)))
            outcome = lifecycle.resolve(
                approval.facts(), verdict, operator, work.now, via=via, reason=reason, code=code
            )
            if isinstance(outcome, Refusal) and outcome.kind is RefusalKind.NOT_YOURS:
                return self._refused(work, operator, outcome, approval)
            if seen:
                return AlreadyDone(approval_id)
            if isinstance(outcome, Resolution) and not await self._settle(work, approval, outcome, clicked_message):
                await approval.refresh_from_db()
                outcome = lifecycle.resolve(
                    approval.facts(), verdict, operator, work.now, via=via, reason=reason, code=code
                )
                if isinstance(outcome, Resolution):  # unreachable while `pending` is left once and for all
                    raise RuntimeError(f"approval {approval_id} was neither resolved nor resolvable")
            if isinstance(outcome, Refusal):
                return self._refused(work, operator, outcome, approval)
            return Resolved(approval.id, outcome)

    async def expire(self, approval_id: UUID) -> bool:
        """Whether this call closed the approval because its time was over."""
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get(id=approval_id)
            due = lifecycle.expiry(approval.facts(), work.now)
            return due is not None and await self._settle(work, approval, due)

    async def cancel(self, known: KnownAgent, approval_id: UUID, reason: str | None) -> ApprovalRequest | Refusal:
        """The agent withdraws its own pending request."""
        async with self._ledger.transaction() as work:
            approval = await self._own(known, approval_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            outcome = lifecycle.cancel(approval.facts(), work.now, reason=reason)
            if isinstance(outcome, Resolution) and not await self._settle(work, approval, outcome):
                await approval.refresh_from_db()
                outcome = lifecycle.cancel(approval.facts(), work.now, reason=reason)
            if isinstance(outcome, Refusal):
                self.audit_refusal(work, f"agent:{known.facts.id}", outcome, approval)
                return outcome
            await approval.refresh_from_db()
            return approval

    async def withdraw(self, work: Work, approval: ApprovalRequest) -> bool:
        """Whether this call closed the question of an agent that is archived, and whose go-ahead nobody could use."""
        outcome = lifecycle.cancel(approval.facts(), work.now, reason=AGENT_GONE)
        return isinstance(outcome, Resolution) and await self._settle(work, approval, outcome)

    async def claim_in(self, work: Work, approval: ApprovalRequest, digest: str) -> Claimed | Refusal:
        """The single go-ahead for exactly the action that was approved, within the caller's transaction."""
        ruled = lifecycle.claim(approval.facts(), digest, work.now)
        if isinstance(ruled, Refusal):
            return ruled
        changed = await ApprovalRequest.filter(
            id=approval.id, status=ApprovalStatus.APPROVED, claimed_at=None, claim_expires_at__gt=work.now
        ).update(
            claimed_at=work.now,
            rendezvous=None,
            execution=ExecutionStatus.RUNNING,
            execution_started_at=work.now,
            next_due_at=work.now + self.times.claim_ttl,
            revision=F("revision") + 1,
        )
        await approval.refresh_from_db()
        if not changed:
            refusal = lifecycle.claim(approval.facts(), digest, work.now)
            if isinstance(refusal, Refusal):
                return refusal
            raise RuntimeError(f"approval {approval.id} was neither claimed nor claimable")
        work.audit(approval_fact(approval, f"agent:{approval.agent_id}", "approval.claimed", {"action_digest": digest}))
        await self.telling.changed(work, approval)
        return Claimed(approval.id, work.now)

    async def report_outcome(
        self, known: KnownAgent, approval_id: UUID, status: ExecutionStatus, result: Json, error: str | None = None
    ) -> ApprovalRequest | Refusal:
        """What became of an action that the agent claimed; told to creator and requester, once."""
        async with self._ledger.transaction() as work:
            approval = await self._own(known, approval_id)
            if approval is None:
                return Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=str(approval_id))
            ruled = lifecycle.report_outcome(approval.facts(), status, work.now)
            if isinstance(ruled, lifecycle.Reported) and not await self.finish_execution(
                work, approval, status, result=result, error=error, actor=f"agent:{known.facts.id}"
            ):
                await approval.refresh_from_db()
                ruled = lifecycle.report_outcome(approval.facts(), status, work.now)
            if isinstance(ruled, Refusal):
                self.audit_refusal(work, f"agent:{known.facts.id}", ruled, approval)
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
        await self.telling.changed(work, approval)
        await self.telling.outcome(work, approval)
        return True

    def _collect_until(self, approval: ApprovalRequest, now: datetime) -> datetime | None:
        """A result that nobody collected must not answer the same call for ever, as if it had been executed again."""
        return now + self.times.claim_ttl if approval.executor is Executor.SERVICE else approval.claim_expires_at

    async def _settle(
        self, work: Work, approval: ApprovalRequest, resolution: Resolution, clicked_message: str | None = None
    ) -> bool:
        """Whether `pending` became the resolution by this call: the one conditional update that settles all races."""
        approved = resolution.status is ApprovalStatus.APPROVED
        claimable = approved and approval.executor is Executor.AGENT
        claim_expires_at = work.now + self.times.claim_ttl if claimable else None
        pending = ApprovalRequest.filter(id=approval.id, status=ApprovalStatus.PENDING)
        if resolution.verdict is not None:
            pending = pending.filter(expires_at__gt=work.now)
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
        await approval.refresh_from_db()
        actor = f"user:{resolution.by.id}" if resolution.by else "system"
        if resolution.via is Via.AGENT:
            actor = f"agent:{approval.agent_id}"
        details: JsonObject = {
            "status": resolution.status.value,
            "via": resolution.via.value,
            "reason": resolution.reason,
            "action_digest": approval.action_digest,
        }
        work.audit(approval_fact(approval, actor, "approval.resolved", details))
        if approved and approval.executor is Executor.SERVICE:
            await outbox.add([outbox.execution(approval, work.now)])
        await self.telling.changed(work, approval, clicked_message)
        await self.telling.resolution(work, approval)
        return True

    async def _own(self, known: KnownAgent, approval_id: UUID) -> ApprovalRequest | None:
        """An agent sees its own approvals only; another's is as unknown as one that does not exist."""
        return await ApprovalRequest.get_or_none(id=approval_id, agent_id=known.facts.id)

    async def refuse(self, tenant: str, actor: str, refusal: Refusal, approval_id: UUID | None) -> Refusal:
        """A press that never got as far as an approval is refused and audited like all others."""
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get_or_none(id=approval_id) if approval_id else None
            return self._audited(work, tenant, actor, refusal, approval)

    def _refused(
        self, work: Work, operator: Operator, refusal: Refusal, approval: ApprovalRequest | None = None
    ) -> Refusal:
        return self._audited(work, operator.tenant, f"user:{operator.id}", refusal, approval)

    def _audited(
        self, work: Work, tenant: str, actor: str, refusal: Refusal, approval: ApprovalRequest | None
    ) -> Refusal:
        if approval is not None:
            self.audit_refusal(work, actor, refusal, approval)
        else:
            details: JsonObject = {"refusal": refusal.kind.value, "detail": refusal.detail}
            work.audit(AuditFact(tenant, actor, "approval.refused", "approval:unknown", details))
        return refusal

    def audit_refusal(self, work: Work, actor: str, refusal: Refusal, approval: ApprovalRequest) -> None:
        work.audit(approval_fact(approval, actor, "approval.refused", {"refusal": refusal.kind.value}))


def rendezvous_of(agent_id: UUID, session: str | None, digest: str) -> str:
    """Where repeats of one call meet: the agent, the session and the action, not the call id."""
    return hashlib.sha256(f"{agent_id}\n{session or ''}\n{digest}".encode()).hexdigest()


def stored_request(approval: ApprovalRequest) -> ActionRequest:
    """Exactly what was hashed when the agent asked."""
    return from_json(json.loads(approval.request))
