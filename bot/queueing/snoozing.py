"""A person puts one question off: no reminders before, and behind the others in the queue. Nothing else waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from tortoise.expressions import F

from bot import outbox
from bot.consenting import deciding_facts
from bot.ledger import Work, approval_fact
from bot.lifecycle import entitled
from bot.receipts import Receipts
from bot.telling import Telling
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus
from models.values import JsonObject, Operator, Refusal, RefusalKind

SNOOZE_FOR = timedelta(hours=1)
LONGEST_SNOOZE = timedelta(hours=24)
BEFORE_THE_END = timedelta(minutes=15)
"""A question that is put off comes back so long before it expires."""


class Snoozing:
    def __init__(self, telling: Telling, receipts: Receipts) -> None:
        self._telling = telling
        self._receipts = receipts

    async def snooze(
        self, work: Work, operator: Operator, approval: ApprovalRequest, for_: timedelta = SNOOZE_FOR
    ) -> datetime | Refusal:
        """Until when this person is left alone with it; then it comes back. Escalation and expiry go on; audited.

        Who puts a question off has seen it.
        """
        approval = await ApprovalRequest.filter(id=approval.id).select_for_update().get()
        copy = await CardCopy.get_or_none(approval_id=approval.id, person_id=operator.id)
        if copy is None or not entitled(await deciding_facts(approval), operator):
            return Refusal(RefusalKind.NOT_YOURS)
        if approval.status is not ApprovalStatus.PENDING or approval.expires_at <= work.now:
            by, at, status = approval.resolver_name, approval.resolved_at, approval.status
            return Refusal(RefusalKind.ALREADY_RESOLVED, by=by, at=at, status=status)
        until = min(work.now + min(for_, LONGEST_SNOOZE), approval.expires_at - BEFORE_THE_END)
        if until <= work.now:
            return Refusal(RefusalKind.EXPIRED, at=approval.expires_at, status=approval.status)
        await CardCopy.filter(id=copy.id).update(snoozed_until=until)
        await self._receipts.seen(work, copy, work.now)
        await ApprovalRequest.filter(id=approval.id).update(revision=F("revision") + 1)
        await approval.refresh_from_db()
        details: JsonObject = {"until": until.isoformat()}
        work.audit(approval_fact(approval, f"user:{operator.id}", "approval.snoozed", details))
        await outbox.add([outbox.come_back(approval, copy, until, work.now)])
        await self._telling.changed(work, approval)
        return until
