"""Whom to ask about an approval request: when it is opened, at each step of its plan, and when somebody becomes absent.

The rules are in bot.people.recipients; every question keeps the plan with which it was opened. Everything happens in
the transaction of the caller, who holds the approval's row or has just made it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.expressions import F, Q

from bot import outbox
from bot.database import is_postgres
from bot.directory import KnownAgent
from bot.ledger import Work, approval_fact
from bot.people.circle import Asked, Circles, Concern, asked_about, hold_still
from bot.people.facts import person_facts
from bot.people.joining import People
from bot.people.recipients import Chosen, Circle, Skipped, choose
from bot.plans import AskingPlan, QuestionPlan, from_json, parse_plan, plan_for
from bot.telling import Telling
from cards.arguments import risk
from models.approval import ApprovalRequest, CardCopy
from models.asking import AskingPlanVersion
from models.enums import ApprovalStatus, AskedAs, Delivery, Layer, Level, OutboxKind, OutboxState
from models.outbox import OutboxMessage
from models.user import User
from models.values import ActionRequest, Decision, Json, JsonObject, Question, Requester

LOOK_UP_AFTER = timedelta(hours=24)
"""How old what Feishu said of a person may be when the person is asked."""

NOBODY = "nobody could be asked"


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step did: who was newly asked, and which of its names led to nobody who can answer."""

    asked: tuple[UUID, ...]
    skipped: tuple[tuple[str, Skipped], ...]


class Questioning:
    def __init__(self, telling: Telling, people: People, starter: AskingPlan) -> None:
        """`starter` is in force in tenants that wrote no plan."""
        self._telling = telling
        self._people = people
        self._circles = Circles(people)
        self._starter = starter
        self._plans: dict[str, AskingPlan] = {}  # of each tenant the one seen last; versions never change

    async def asking_plan(self, tenant: str) -> AskingPlan:
        """The tenant's plan in force; parsed and compiled once."""
        written = await AskingPlanVersion.filter(tenant=tenant).order_by("-version").first()
        if written is None:
            return self._starter
        known = self._plans.get(tenant)
        if known is None or known.version != written.version:
            known = parse_plan(json.loads(written.document), standard=self._starter.default, version=written.version)
            self._plans[tenant] = known
        return known

    async def plan_for(
        self,
        known: KnownAgent,
        request: ActionRequest,
        decision: Decision,
        requester: User | None,
        now: datetime,
        *,
        draft: AskingPlan | None = None,
    ) -> QuestionPlan:
        """How this question is to be asked, by the tenant's plan or by a draft."""
        plan = draft or await self.asking_plan(known.facts.tenant)
        said = None
        if plan.asks_requester and request.requested_by is not None:
            said = Requester(request.requested_by, await person_facts(requester) if requester else None)
        question = Question(request, known.facts, now, said)
        return plan_for(plan, question, grave=is_grave(request, decision))

    def plan_of(self, approval: ApprovalRequest) -> QuestionPlan:
        """The plan that the question was opened with; those from before there were plans go by the starter."""
        if approval.plan:
            return from_json(approval.plan)
        terms = self._starter.default
        return QuestionPlan(
            name="default",
            severity=approval.severity,
            approvals=approval.approvals_needed,
            separate_duties=approval.duties_separated,
            open_for=approval.expires_at - approval.created_at,
            ending=terms.ending,
            steps=terms.steps,
        )

    async def begin(self, work: Work, approval: ApprovalRequest, plan: QuestionPlan) -> list[UUID]:
        """The people of the first step are asked. Where there is nobody at all, the question says so at once."""
        await hold_still(await self._named_at_once(work, approval, plan))
        asked, chosen = await self._ask(work, approval, plan, 0, Asked())
        if not chosen.recipients:
            approval.delivery, approval.delivery_detail = Delivery.UNDELIVERABLE, NOBODY
            await approval.save(update_fields=["delivery", "delivery_detail"])
        if [(one.person_id, one.asked_as) for one in chosen.recipients] != [(approval.creator_id, AskedAs.CREATOR)]:
            _record(work, approval, "opened", chosen)  # the creator alone is what approval.requested says
        return asked

    async def step(self, work: Work, approval: ApprovalRequest, index: int) -> Stepped:
        """The people of this step of the question's plan are asked, or whoever replaces them."""
        plan = self.plan_of(approval)
        asked, chosen = await self._ask(work, approval, plan, index, await asked_about(approval))
        if chosen.recipients or chosen.skipped:
            _record(work, approval, f"step {index}", chosen)
        return Stepped(tuple(asked), chosen.skipped)

    async def enough(self, work: Work, approval: ApprovalRequest) -> list[UUID]:
        """More people must approve than when the question was opened: where too few could, the admins are asked too."""
        return await self._draw_in(work, approval, "more are needed")

    async def foresee(self, concern: Concern, plan: QuestionPlan, now: datetime) -> list[Chosen]:
        """Whom each step of the plan would ask if the question were opened now and nothing changed. Changes nothing."""
        refs = [ref for step in plan.steps for ref in step.ask]
        circle = await self._circles.around(concern, refs, plan.groups, Asked())
        asked: dict[UUID, AskedAs] = {}
        foreseen = []
        for place, step in enumerate(plan.steps):
            later = [ref for other in plan.steps[place + 1 :] for ref in other.ask]
            chosen = choose(step.ask, circle, now, asked=asked, later=later)
            asked |= {one.person_id: one.asked_as for one in chosen.recipients}
            foreseen.append(chosen if step.ask else Chosen())
        return foreseen

    async def person_changed(self, work: Work, person_id: UUID) -> list[UUID]:
        """This person went away, left or was frozen, or is back: no open question waits for absent people alone.

        A delegate gets all that waits for the person; everything else is handed on only where nobody else is there.
        Returns the approvals about which somebody was newly asked.
        """
        handed: list[UUID] = []
        waiting = ApprovalRequest.filter(
            status=ApprovalStatus.PENDING, expires_at__gt=work.now, copies__person_id=person_id
        )
        for approval_id in [row.id for row in await waiting.order_by("id").only("id")]:
            approval = (
                await ApprovalRequest.filter(id=approval_id, status=ApprovalStatus.PENDING).select_for_update().first()
            )
            if approval is not None and await self._hand_on(work, approval, person_id):
                handed.append(approval.id)
        return handed

    async def unreachable(self, work: Work, approval: ApprovalRequest, person_id: UUID) -> list[UUID]:
        """Feishu delivers nothing to this person, as the copy says: the admins are asked, or whoever else there is."""
        return await self._draw_in(work, approval, "unreachable", refs=("admins",), absent=person_id)

    async def _hand_on(self, work: Work, approval: ApprovalRequest, person_id: UUID) -> bool:
        if not await self._draw_in(work, approval, "absent", absent=person_id):
            return False
        await ApprovalRequest.filter(id=approval.id).update(revision=F("revision") + 1)
        await approval.refresh_from_db()
        await self._telling.changed(work, approval)
        return True

    async def _draw_in(
        self,
        work: Work,
        approval: ApprovalRequest,
        why: str,
        *,
        refs: Sequence[str] = (),
        absent: UUID | None = None,
    ) -> list[UUID]:
        """Outside the steps of the plan. Returns who was newly asked."""
        asked = await asked_about(approval)
        circle = await self._circles.around(await self._circles.concern_of(approval), (), {}, asked)
        chosen = choose(refs, circle, work.now, asked=asked.reasons, absent=[absent] if absent else ())
        if chosen.recipients:
            _record(work, approval, why, chosen, absent)
        return await self._telling.ask(work, approval, chosen.recipients, app_id=circle.app_id)

    async def _ask(
        self, work: Work, approval: ApprovalRequest, plan: QuestionPlan, index: int, asked: Asked
    ) -> tuple[list[UUID], Chosen]:
        refs = plan.steps[index].ask
        later = [ref for step in plan.steps[index + 1 :] for ref in step.ask] if plan.approvals > 1 else []
        concern = await self._circles.concern_of(approval)
        circle = await self._circles.around(concern, (*refs, *later), plan.groups, asked, met_at=work.now)
        chosen = choose(refs, circle, work.now, asked=asked.reasons, later=later)
        await _keep(approval, chosen, asked)
        newly = await self._telling.ask(work, approval, chosen.recipients, app_id=circle.app_id)
        await self._look_up(work, approval, circle, chosen)  # behind the cards, which come first
        return newly, chosen

    async def _named_at_once(self, work: Work, approval: ApprovalRequest, plan: QuestionPlan) -> frozenset[UUID]:
        """Everybody whom the first step names and who may have to stand in, as far as is known."""
        if not is_postgres():  # there is one writer at a time anyway
            return frozenset()
        concern = await self._circles.concern_of(approval)
        circle = await self._circles.around(concern, plan.steps[0].ask, plan.groups, Asked(), met_at=work.now)
        return frozenset(person.id for person in circle.people.values())

    async def _look_up(self, work: Work, approval: ApprovalRequest, circle: Circle, chosen: Chosen) -> None:
        """Feishu is asked about the creator, for the leader, and about who is asked, for the employment; once a day."""
        app_id = circle.app_id or self._people.default_app_id
        wanted = {circle.creator, *(one.person_id for one in chosen.recipients)}
        old = Q(looked_up_at=None) | Q(looked_up_at__lt=work.now - LOOK_UP_AFTER)
        stale = {person.id for person in await User.filter(old, id__in=list(wanted)).only("id")} if app_id else set()
        if not stale:
            return
        under_way = OutboxMessage.filter(
            kind=OutboxKind.LOOK_UP, person_id__in=list(stale), state__in=[OutboxState.WAITING, OutboxState.SENDING]
        )
        stale -= {message.person_id for message in await under_way.only("id", "person_id")}
        await outbox.add(
            outbox.look_up(tenant=approval.tenant, person_id=person_id, app_id=app_id, now=work.now)
            for person_id in sorted(stale)
        )


def is_grave(request: ActionRequest, decision: Decision) -> bool:
    """Whether the floor asks, or the action's name says that it deletes, pays or sends."""
    floored = decision.layer is Layer.FLOOR or decision.floor_level is Level.L3
    return floored or risk(request.action_type, request.tool) is not None


async def _keep(approval: ApprovalRequest, chosen: Chosen, asked: Asked) -> None:
    """Who was asked as an admin, and is now named by the plan, may decide even without the role."""
    for one in chosen.confirmed:
        if asked.reasons.get(one.person_id) is AskedAs.ADMIN:
            await CardCopy.filter(approval_id=approval.id, person_id=one.person_id).update(asked_as=one.asked_as)


def _record(work: Work, approval: ApprovalRequest, why: str, chosen: Chosen, person_id: UUID | None = None) -> None:
    asked: list[Json] = [
        {
            "person": str(one.person_id),
            "as": one.asked_as.value,
            "instead_of": str(one.instead_of) if one.instead_of else None,
        }
        for one in chosen.recipients
    ]
    skipped: list[Json] = [[ref, fault.value] for ref, fault in chosen.skipped]
    details: JsonObject = {"why": why, "asked": asked, "skipped": skipped}
    if person_id is not None:
        details["absent"] = str(person_id)
    work.audit(approval_fact(approval, "system", "approval.asked", details))
