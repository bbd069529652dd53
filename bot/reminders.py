"""What time does to approval requests: reminders, expiry, go-aheads that nobody used, outcomes that never came.

Called with every tick of the scheduler, on every replica; each row is handled in one transaction by whoever is first.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from tortoise.expressions import F

from bot import lifecycle
from bot.approvals import ApprovalService
from bot.ledger import Ledger, Work, approval_fact
from bot.nudging import queueing
from bot.plans import QuestionPlan, Usual
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import AgentStatus, ApprovalStatus, ExecutionStatus, Executor
from models.values import Json, JsonObject

log = structlog.get_logger(__name__)

BATCH = 50
MAX_BATCHES = 20
"""Of one tick: after a long pause the rest is left to the next, so that stopping never waits long."""

NEVER_REPORTED = "The agent took the go-ahead and did not report the outcome in time; the action may have run."


class Reminders:
    def __init__(self, ledger: Ledger, approvals: ApprovalService, usual: Usual) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._questioning = approvals.questioning
        self._usual = usual

    async def tick(self, now: datetime) -> int:
        """Everything that is due by `now` has happened; how many approvals it concerned."""
        handled = 0
        stuck: list[UUID] = []  # the oldest of every batch, if there are such: they keep no later one waiting
        for _ in range(MAX_BATCHES):
            due = ApprovalRequest.filter(next_due_at__lte=now).exclude(id__in=stuck).order_by("next_due_at", "id")
            batch = [approval.id for approval in await due.limit(BATCH)]
            moved = {approval_id: await self._one(approval_id) for approval_id in batch}
            stuck += [approval_id for approval_id, did in moved.items() if not did]
            handled += sum(moved.values())
            if len(batch) < BATCH:
                break
        return handled

    async def _one(self, approval_id: UUID) -> bool:
        """One that fails is left for the next tick and keeps no other from its reminder."""
        try:
            async with self._ledger.transaction() as work:
                due = ApprovalRequest.filter(id=approval_id, next_due_at__lte=work.now)
                approval = await due.select_for_update(skip_locked=True).first()
                if approval is None:  # another replica, or a resolution, was first
                    return False
                if not isinstance(await self._handle(work, approval), lifecycle.Expire):
                    return True
            return await self._approvals.settling.expire(approval_id)
        except Exception:
            log.exception("approval.tick_failed", approval=str(approval_id))
            return False

    async def _handle(self, work: Work, approval: ApprovalRequest) -> lifecycle.Due | None:
        """What was due was done, except an expiry, which is a use case with a transaction of its own."""
        if approval.status is ApprovalStatus.APPROVED:
            await self._approved(work, approval)
            return None
        if await Agent.exists(id=approval.agent_id, status=AgentStatus.ARCHIVED):
            await self._approvals.settling.withdraw(work, approval)
            return None
        plan = self._questioning.plan_of(approval)
        due = lifecycle.next_reminder(approval.facts(), [step.after for step in plan.steps[1:]], work.now)
        match due:
            case lifecycle.Remind():
                await self._step(work, approval, plan, due)
            case lifecycle.NotYet(at):
                await _look_again(approval, at)
            case lifecycle.Settled():
                await _look_again(approval, None)
            case lifecycle.Expire():
                pass
        return due

    async def _step(self, work: Work, approval: ApprovalRequest, plan: QuestionPlan, due: lifecycle.Remind) -> None:
        """Everyone asked so far is reminded once, and whom the steps name is asked, however many fell due at once."""
        first = approval.reminders_sent + 1
        untaken = ApprovalRequest.filter(
            id=approval.id, status=ApprovalStatus.PENDING, reminders_sent=approval.reminders_sent
        )
        if not await untaken.update(reminders_sent=due.step, next_due_at=due.next_at, revision=F("revision") + 1):
            return
        await approval.refresh_from_db()
        details: JsonObject = {"step": due.step, "waited_seconds": int(due.waited.total_seconds())}
        details |= await self._remind(work, approval, plan, range(first, due.step + 1))
        details["asked_too"] = await self._ask(work, approval, plan, range(first, due.step + 1))
        await self._approvals.telling.changed(work, approval)
        work.audit(approval_fact(approval, "system", "approval.reminded", details))

    async def _remind(self, work: Work, approval: ApprovalRequest, plan: QuestionPlan, steps: range) -> JsonObject:
        """In the hardest of the ways that these steps name; for the audit: how, whom, and who is left alone and why."""
        ways = [nudge for nudge in (plan.steps[step].nudge for step in steps) if nudge is not None]
        if not ways:
            return {"nudge": None, "reminded": [], "spared": []}
        how = max(ways, key=lambda way: way.hardness)
        reminded: list[Json] = []
        spared: list[Json] = []
        for copy in await CardCopy.filter(approval_id=approval.id).order_by("id"):
            why = await queueing.nudge(approval, copy, plan, how, steps[-1], self._usual, work.now)
            if why is None:
                reminded.append(str(copy.person_id))
            else:
                spared.append([str(copy.person_id), why.value])
        return {"nudge": how.value, "reminded": reminded, "spared": spared}

    async def _ask(self, work: Work, approval: ApprovalRequest, plan: QuestionPlan, steps: range) -> list[Json]:
        asked: list[Json] = []
        for step in steps:
            if plan.steps[step].ask:
                stepped = await self._questioning.step(work, approval, step)
                asked += [str(person) for person in stepped.asked]
        return asked

    async def _approved(self, work: Work, approval: ApprovalRequest) -> None:
        """A go-ahead is not kept for ever, and neither is the wait for its outcome."""
        if approval.executor is not Executor.AGENT or approval.execution.finished:
            await _look_again(approval, None)
        elif approval.execution is ExecutionStatus.RUNNING:
            await self._approvals.using.finish_execution(work, approval, ExecutionStatus.UNKNOWN, error=NEVER_REPORTED)
        elif lifecycle.claim_lapsed(approval.facts(), work.now):
            await self._lapse(work, approval)
        else:
            await _look_again(approval, approval.claim_expires_at)

    async def _lapse(self, work: Work, approval: ApprovalRequest) -> None:
        """The next repeat of the call asks anew."""
        unclaimed = ApprovalRequest.filter(id=approval.id, claimed_at=None)
        if await unclaimed.update(rendezvous=None, next_due_at=None, revision=F("revision") + 1):
            await approval.refresh_from_db()
            work.audit(
                approval_fact(approval, "system", "approval.claim_lapsed", {"action_digest": approval.action_digest})
            )
            await self._approvals.telling.changed(work, approval)


async def _look_again(approval: ApprovalRequest, at: datetime | None) -> None:
    await ApprovalRequest.filter(id=approval.id, next_due_at=approval.next_due_at).update(next_due_at=at)
