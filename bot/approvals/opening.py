"""A new question to people."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bot.answers import asked_by
from bot.asking.parsing import as_json
from bot.database import is_postgres
from bot.digest import canonical
from bot.directory import KnownAgent
from bot.granting.bounds import shape_of
from bot.ledger import AuditFact, Work
from bot.people.joining import People
from bot.plans import QuestionPlan
from bot.plans import as_json as stored_plan
from bot.questioning import Questioning
from bot.quotas import TooManyPending
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, Executor
from models.user import User
from models.values import ActionRequest, Decision, JsonObject


class Opening:
    def __init__(self, people: People, questioning: Questioning) -> None:
        self._people = people
        self._questioning = questioning

    async def make_room(self, work: Work, known: KnownAgent, limit: int) -> None:
        """Fewer than `limit` of the agent's questions wait for people, until `work` ends. Raises TooManyPending."""
        if is_postgres():
            await Agent.select_for_update(no_key=True).get(id=known.facts.id)
        waiting = ApprovalRequest.filter(
            agent_id=known.facts.id, status=ApprovalStatus.PENDING, expires_at__gt=work.now
        )
        if await waiting.count() >= limit:
            raise TooManyPending(limit)

    async def one_decides(self, known: KnownAgent, request: ActionRequest, decision: Decision, now: datetime) -> bool:
        """Whether a single person's word is enough for this. Only such a question may a grant spare."""
        plan = await self._questioning.plan_for(known, request, decision, await self._requester(known, request), now)
        return plan.approvals == 1 and not plan.separate_duties

    async def _requester(self, known: KnownAgent, request: ActionRequest) -> User | None:
        return await self._people.find(known.facts.tenant, request.requested_by) if request.requested_by else None

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
        """A pending approval request, its cards on the way to whom the plan asks first, audited; all in `work`.

        Raises IntegrityError when another check opened the same rendezvous first.
        """
        now, agent = work.now, known.facts
        requester = await self._requester(known, request)
        plan = await self._questioning.plan_for(known, request, decision, requester, now)
        if requester is None and plan.separate_duties and request.requested_by is not None:
            requester = await self._people.meet(agent.tenant, request.requested_by, now)
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
            severity=plan.severity,
            plan=stored_plan(plan),
            plan_version=plan.version,
            approvals_needed=plan.approvals,
            duties_separated=plan.separate_duties,
            check_id=check_id,
            created_at=now,
            expires_at=now + plan.open_for,
            executor=Executor.SERVICE if agent.has_executor and request.tool else Executor.AGENT,
            next_due_at=now + min((step.after for step in plan.steps if step.after), default=plan.open_for),
        )
        await self._questioning.begin(work, approval, plan)
        work.audit(
            AuditFact(
                tenant=agent.tenant,
                actor=f"agent:{agent.id}",
                action="approval.requested",
                subject=f"approval:{approval.id}",
                details=_told(approval, request, decision, plan),
                agent_id=agent.id,
                approval_id=approval.id,
            )
        )
        return approval


def _told(approval: ApprovalRequest, request: ActionRequest, decision: Decision, plan: QuestionPlan) -> JsonObject:
    return {
        "check_id": str(approval.check_id),
        "action_digest": approval.action_digest,
        "level": decision.level.value,
        "rule": decision.rule,
        "policy_version": decision.policy_version,
        "reason": decision.reason,
        "layer": decision.layer.value,
        "request": as_json(request),
        "expires_at": approval.expires_at.isoformat(),
        "attempt": approval.attempt,
        "plan": plan.name,
        "plan_version": plan.version,
        "severity": plan.severity.value,
        "approvals": plan.approvals,
    }
