"""Who would be asked about an action request, and when, as things are now. Nothing is recorded, nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.plans import PlanAdministration
from bot.administration.trials import Trials
from bot.administration.values import Declined
from bot.directory import Directory, KnownAgent
from bot.people.circle import Concern
from bot.people.joining import People
from bot.people.recipients import Chosen, Recipient, Skipped, is_away
from bot.plans import AskingPlan, QuestionPlan
from bot.ports import Clock
from bot.questioning import Questioning
from models.agent import Agent
from models.enums import AskedAs, Level, Nudge
from models.user import User
from models.values import ActionRequest, Decision, Json, Refusal


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One person who would be asked."""

    name: str
    asked_as: AskedAs
    instead_of: str | None = None
    away_until: datetime | None = None  # gets a copy and no reminders


@dataclass(frozen=True, slots=True)
class ForeseenStep:
    after: timedelta
    nudge: Nudge | None
    asked: tuple[Foreseen, ...]
    skipped: tuple[tuple[str, Skipped], ...]


@dataclass(frozen=True, slots=True)
class PlanTried:
    """`decision` tells whether anybody would be asked at all: only at L3."""

    agent: str
    decision: Decision
    plan: QuestionPlan
    steps: tuple[ForeseenStep, ...]

    @property
    def asks(self) -> bool:
        return self.decision.level is Level.L3


class PlanTrials:
    def __init__(
        self,
        agents: AgentAdministration,
        plans: PlanAdministration,
        trials: Trials,
        questioning: Questioning,
        directory: Directory,
        people: People,
        clock: Clock,
    ) -> None:
        self._agents = agents
        self._plans = plans
        self._trials = trials
        self._questioning = questioning
        self._directory = directory
        self._people = people
        self._clock = clock

    async def test(
        self, actor: Actor, name: str, request: ActionRequest, *, written: Json = None
    ) -> PlanTried | Refusal | Declined:
        """Under the plan in force, or under the draft that is written."""
        draft = None if written is None else self._plans.draft(written)
        if isinstance(draft, Declined):
            return draft
        agent = await self._agents.named(actor, name)
        if not isinstance(agent, Agent):
            return agent
        tried = await self._trials.test(actor, str(agent.id), request)
        if isinstance(tried, Refusal | Declined):
            return tried
        return await self._foresee(agent, request, tried.decision, draft)

    async def _foresee(
        self, agent: Agent, request: ActionRequest, decision: Decision, draft: AskingPlan | None
    ) -> PlanTried:
        now = self._clock.now()
        known = await self._directory.present(agent.id)
        plan, foreseen = await foresee(self._questioning, self._people, known, request, decision, now, draft=draft)
        rows = {person.id: person for person in await User.filter(id__in=everybody(foreseen))}
        steps = tuple(
            ForeseenStep(
                step.after, step.nudge, tuple(_told(one, rows, now) for one in chosen.recipients), chosen.skipped
            )
            for step, chosen in zip(plan.steps, foreseen, strict=True)
        )
        return PlanTried(agent.name, decision, plan, steps)


async def foresee(
    questioning: Questioning,
    people: People,
    known: KnownAgent,
    request: ActionRequest,
    decision: Decision,
    now: datetime,
    *,
    draft: AskingPlan | None = None,
) -> tuple[QuestionPlan, list[Chosen]]:
    """The plan of this request, under the draft or the plan in force, and for each of its steps who would be asked."""
    agent, said = known.facts, request.requested_by
    requester = await people.find(agent.tenant, said) if said else None
    plan = await questioning.plan_for(known, request, decision, requester, now, draft=draft)
    concern = Concern(
        tenant=agent.tenant,
        agent_id=agent.id,
        creator_id=agent.creator_id,
        requester_id=requester.id if requester and plan.separate_duties else None,
        needed=plan.approvals,
    )
    return plan, await questioning.foresee(concern, plan, now)


def everybody(foreseen: Iterable[Chosen]) -> list[UUID]:
    """Whoever would be asked, and for whom."""
    people = [one for chosen in foreseen for one in chosen.recipients]
    return list({one.person_id for one in people} | {one.instead_of for one in people if one.instead_of})


def _told(one: Recipient, rows: dict[UUID, User], now: datetime) -> Foreseen:
    person = rows[one.person_id]
    instead_of = rows[one.instead_of].name if one.instead_of else None
    away_until = person.away_until if is_away(person.away_until, now) else None
    return Foreseen(person.name, one.asked_as, instead_of, away_until)
