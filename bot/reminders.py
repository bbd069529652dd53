"""What time does to approval requests: reminders, expiry, go-aheads that nobody used, outcomes that never came.

Called with every tick of the scheduler, on every replica; each row is handled in one transaction by whoever is first.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from tortoise.expressions import F

from bot import lifecycle, outbox
from bot.approvals import ApprovalService
from bot.ledger import Ledger, Work, approval_fact
from bot.people.joining import People
from bot.views import Views
from cards import messages
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import AgentStatus, ApprovalStatus, ExecutionStatus, Executor
from models.user import User
from models.values import JsonObject

log = structlog.get_logger(__name__)

BATCH = 50
MAX_BATCHES = 20
"""Of one tick: after a long pause the rest is left to the next, so that stopping never waits long."""

NEVER_REPORTED = "The agent took the go-ahead and did not report the outcome in time; the action may have run."


class Reminders:
    def __init__(self, ledger: Ledger, approvals: ApprovalService, people: People, views: Views) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._people = people
        self._views = views

    async def tick(self, now: datetime) -> int:
        """Everything that is due by `now` has happened; how many approvals it concerned."""
        handled = 0
        for _ in range(MAX_BATCHES):
            due = await ApprovalRequest.filter(next_due_at__lte=now).order_by("next_due_at", "id").limit(BATCH)
            moved = sum([await self._one(approval.id) for approval in due])
            handled += moved
            if len(due) < BATCH or not moved:
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
            return await self._approvals.expire(approval_id)
        except Exception:
            log.exception("approval.tick_failed", approval=str(approval_id))
            return False

    async def _handle(self, work: Work, approval: ApprovalRequest) -> lifecycle.Due | None:
        """What was due was done, except an expiry, which is a use case with a transaction of its own."""
        if approval.status is ApprovalStatus.APPROVED:
            await self._approved(work, approval)
            return None
        if await Agent.exists(id=approval.agent_id, status=AgentStatus.ARCHIVED):
            await self._approvals.withdraw(work, approval)
            return None
        due = lifecycle.next_reminder(approval.facts(), self._approvals.times.reminders, work.now)
        match due:
            case lifecycle.Remind():
                await self._remind(work, approval, due)
            case lifecycle.NotYet(at):
                await _look_again(approval, at)
            case lifecycle.Settled():
                await _look_again(approval, None)
            case lifecycle.Expire():
                pass
        return due

    async def _remind(self, work: Work, approval: ApprovalRequest, due: lifecycle.Remind) -> None:
        """Everyone asked is reminded once for this step; with the last step the tenant's admins are asked too."""
        step = ApprovalRequest.filter(
            id=approval.id, status=ApprovalStatus.PENDING, reminders_sent=approval.reminders_sent
        )
        if not await step.update(reminders_sent=due.step, next_due_at=due.next_at, revision=F("revision") + 1):
            return
        await approval.refresh_from_db()
        copies = await CardCopy.filter(approval_id=approval.id, message_id__not_isnull=True)
        for copy in copies:
            await self._remind_person(work, approval, copy, due.step)
        admins = await self._escalate(work, approval) if due.next_at >= approval.expires_at else []
        await self._approvals.telling.changed(work, approval)
        details: JsonObject = {
            "step": due.step,
            "waited_seconds": int(due.waited.total_seconds()),
            "reminded": [str(copy.person_id) for copy in copies],
            "asked_too": [str(admin) for admin in admins],
        }
        work.audit(approval_fact(approval, "system", "approval.reminded", details))

    async def _remind_person(self, work: Work, approval: ApprovalRequest, copy: CardCopy, step: int) -> None:
        person = await User.get(id=copy.person_id)
        view = await self._views.of(approval, work.now, person_id=person.id)
        reminder = outbox.text(
            tenant=approval.tenant,
            person_id=person.id,
            app_id=copy.app_id,
            text=messages.reminder_text(view, person.language).text,
            now=work.now,
            approval_id=approval.id,
            dedupe=f"reminder:{approval.id}:{step}:{person.id}",
            thread_of=copy.id,
            only_while=ApprovalStatus.PENDING,
        )
        await outbox.add([reminder])

    async def _escalate(self, work: Work, approval: ApprovalRequest) -> list[UUID]:
        admins = [admin.id for admin in await self._people.admins(approval.tenant)]
        return await self._approvals.telling.ask(work, approval, admins, app_id=None)

    async def _approved(self, work: Work, approval: ApprovalRequest) -> None:
        """A go-ahead is not kept for ever, and neither is the wait for its outcome."""
        if approval.executor is not Executor.AGENT or approval.execution.finished:
            await _look_again(approval, None)
        elif approval.execution is ExecutionStatus.RUNNING:
            await self._approvals.finish_execution(work, approval, ExecutionStatus.UNKNOWN, error=NEVER_REPORTED)
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
