"""Arguments that a person changed before approving: what comes of them, by the rules in force, and their writing down.

What the agent had asked stays on record and never runs; its repeats are told what to send instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tortoise.expressions import F

from bot.amending import Edits, Fault, amended, differs, editable
from bot.asking.parsing import as_json
from bot.digest import action_digest, canonical
from bot.directory import KnownAgent
from bot.epoch import hold_epoch
from bot.granting.bounds import shape_of
from bot.ledger import Work, approval_fact
from bot.people.joining import People
from bot.plans import QuestionPlan
from bot.plans import as_json as stored_plan
from bot.questioning import Questioning
from bot.stored import rendezvous_of, stored_request
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery, Level, Severity
from models.values import ActionRequest, ApprovalFacts, Decision, Json, Operator, Refusal, RefusalKind


class Law(Protocol):
    """What is needed of bot.checking.ruling: what the rules in force say of an action that nobody asked for yet."""

    async def on(self, agent_id: UUID, request: ActionRequest, now: datetime) -> tuple[KnownAgent, Decision]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """A changed request that the rules let a person approve, and how many people that takes."""

    before: ActionRequest
    after: ActionRequest
    digest: str
    plan: QuestionPlan
    requester_id: UUID | None

    def of(self, facts: ApprovalFacts) -> ApprovalFacts:
        """The approval as it will be: nobody has consented to this yet."""
        return replace(
            facts,
            action_digest=self.digest,
            requester_id=facts.requester_id or self.requester_id,
            consents=frozenset(),
            needed=self.plan.approvals,
            duties_separated=self.plan.separate_duties,
        )


class Changing:
    def __init__(self, law: Law | None, people: People, questioning: Questioning) -> None:
        """Without a law nothing may be changed."""
        self._law = law
        self._people = people
        self._questioning = questioning

    async def hold(self, edits: Edits | None) -> None:
        """The rules stay as they are until the transaction ends. To be called before any other lock is taken."""
        if edits is not None and edits.meant:
            await hold_epoch()

    async def propose(self, approval: ApprovalRequest, edits: Edits, now: datetime) -> Change | Refusal | None:
        """What the form makes of the request; None where it changes nothing.

        Refused where the plain button was pressed on a changed form, so that nobody approves what they meant to change.
        """
        before = stored_request(approval)
        if not edits.meant:
            return Refusal(RefusalKind.EDITED) if differs(before, edits.texts) else None
        if not edits.texts:  # the client lost them: what stands on the card now is not what the person wants
            return Refusal(RefusalKind.NOT_EDITABLE)
        after = amended(before, edits.texts)
        if isinstance(after, Fault):
            return Refusal(RefusalKind.NOT_EDITABLE, detail=after.name)
        return None if after is before else await self._judge(approval, before, after, now)

    async def apply(self, work: Work, approval: ApprovalRequest, change: Change, operator: Operator) -> bool:
        """Whether the pending request became the changed one by this call; nobody has answered that yet.

        Raises IntegrityError when another request for the same action was opened meanwhile.
        """
        meeting = rendezvous_of(approval.agent_id, change.after.session, change.digest)
        pending = ApprovalRequest.filter(
            id=approval.id,
            status=ApprovalStatus.PENDING,
            action_digest=approval.action_digest,
            expires_at__gt=work.now,
        )
        changed = await pending.update(
            request=canonical(as_json(change.after)).decode(),
            action_digest=change.digest,
            requester_id=change.requester_id,
            shape=shape_of(change.after),
            rendezvous=meeting,
            rendezvous_key=meeting,
            original_request=approval.original_request or approval.request,
            original_digest=approval.original_digest or approval.action_digest,
            original_rendezvous=approval.original_rendezvous or approval.rendezvous_key,
            severity=change.plan.severity,
            plan=stored_plan(change.plan),
            approvals_needed=change.plan.approvals,
            duties_separated=change.plan.separate_duties,
            revision=F("revision") + 1,
        )
        if not changed:
            return False
        await CardCopy.filter(approval_id=approval.id, state=Delivery.ACTED).update(state=Delivery.SEEN, acted_at=None)
        _record(work, approval, change, operator)
        more = change.plan.approvals > approval.approvals_needed
        await approval.refresh_from_db()
        if more:
            await self._questioning.enough(work, approval)
        return True

    async def _judge(
        self, approval: ApprovalRequest, before: ActionRequest, after: ActionRequest, now: datetime
    ) -> Change | Refusal:
        if self._law is None:
            return Refusal(RefusalKind.NOT_EDITABLE)
        digest = action_digest(after)
        meeting = rendezvous_of(approval.agent_id, after.session, digest)
        twin = await ApprovalRequest.filter(rendezvous=meeting).exclude(id=approval.id).first()
        if twin is not None:
            return Refusal(RefusalKind.NOT_EDITABLE, detail=twin.facts().code, status=twin.status)
        known, decision = await self._law.on(approval.agent_id, after, now)
        if decision.level is Level.DENY:
            return Refusal(RefusalKind.DENIED_NOW)
        asked = await self._people.find(approval.tenant, after.requested_by) if after.requested_by else None
        wanted = await self._questioning.plan_for(known, after, decision, asked, now)
        plan = _stricter(self._questioning.plan_of(approval), wanted)
        unknown = after.requested_by if asked is None and plan.separate_duties else None
        if unknown is not None and await self._people.meet(approval.tenant, unknown, now) is not None:
            return Refusal(RefusalKind.NOT_EDITABLE)  # until Feishu tells who that is: perhaps who edits
        return Change(before, after, digest, plan, approval.requester_id or (asked.id if asked else None))


def _stricter(opened: QuestionPlan, wanted: QuestionPlan) -> QuestionPlan:
    """The plan that the question was opened with, and what the changed one asks beyond it: an edit loosens nothing."""
    severity = max(opened.severity, wanted.severity, key=list(Severity).index)
    return replace(
        opened,
        severity=severity,
        approvals=max(opened.approvals, wanted.approvals),
        separate_duties=opened.separate_duties or wanted.separate_duties,
    )


def _record(work: Work, approval: ApprovalRequest, change: Change, operator: Operator) -> None:
    names: list[Json] = [
        field.name for field in editable(change.before) if change.after.args[field.name] != field.value
    ]
    work.audit(
        approval_fact(
            approval,
            f"user:{operator.id}",
            "approval.amended",
            {
                "arguments": names,
                "before": as_json(change.before),
                "after": as_json(change.after),
                "digest_before": approval.action_digest,
                "action_digest": change.digest,
                "approvals": change.plan.approvals,
            },
        )
    )
