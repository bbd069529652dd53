"""What the rules would say of an action request, in force or in a draft. Nothing is recorded, nobody is asked.

Only the rules: whether the agent is paused, frozen, observed or holds a grant is not looked at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.grounds import FLOOR
from bot.administration.policies import is_floor
from bot.administration.values import Declined, Why
from bot.directory import Directory, facts_of
from bot.metering import Measures, Metering
from bot.people.facts import person_facts, requester_of
from bot.people.joining import People
from bot.policy.evaluate import evaluate, metered
from bot.policy.parse import PolicyFault, parse_floor, parse_policy
from bot.policy.rules import Floor, Policy
from bot.ports import Clock
from models.agent import Agent
from models.enums import Level
from models.user import User
from models.values import ActionRequest, AgentFacts, Decision, Json, Question, Refusal, RefusalKind

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Tried:
    """`counted` tells that budgets were looked up; they count what ran until now."""

    subject: str  # the agent's name, or "floor"
    decision: Decision
    counted: bool


class Trials:
    def __init__(
        self,
        agents: AgentAdministration,
        directory: Directory,
        people: People,
        metering: Metering,
        clock: Clock,
        *,
        default_level: Level,
    ) -> None:
        self._agents = agents
        self._directory = directory
        self._people = people
        self._clock = clock
        self._default_level = default_level
        self._metering = metering
        self._counting = asyncio.Lock()  # one at a time: it reads up to a day of the audit

    async def test(
        self, actor: Actor, name: str, request: ActionRequest, *, written: Json = None, tenant: str | None = None
    ) -> Tried | Refusal | Declined:
        """Under the rules in force, or under the draft that is written. `floor` asks the floor of `tenant` alone."""
        try:
            if is_floor(name):
                return await self._of_floor(actor, request, written, tenant or actor.tenant)
            agent = await self._agents.named(actor, name)
            return await self._of_agent(agent, request, written) if isinstance(agent, Agent) else agent
        except PolicyFault as fault:
            faults = tuple(f"{path or 'policy'}: {detail}" for path, detail in fault.faults)
            return Declined(Why.BAD_POLICY, name, faults)

    async def _of_agent(self, agent: Agent, request: ActionRequest, written: Json) -> Tried:
        policy = await self._directory.policy_of(agent.id)
        if written is not None:
            policy = parse_policy(written, default=self._default_level)
        creator = await person_facts(await User.get(id=agent.creator_id))
        return await self._tried(
            agent.name, facts_of(agent, creator), policy, await self._directory.floor_of(agent.tenant), request
        )

    async def _of_floor(self, actor: Actor, request: ActionRequest, written: Json, tenant: str) -> Tried | Refusal:
        if not actor.everywhere and actor.tenant != tenant:
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR, admins_only=True)
        floor = await self._directory.floor_of(tenant) if written is None else parse_floor(written)
        return await self._tried(FLOOR, stand_in(tenant), Policy(0, (), Level.L1), floor, request)

    async def _tried(
        self, subject: str, agent: AgentFacts, policy: Policy, floor: Floor, request: ActionRequest
    ) -> Tried:
        now = self._clock.now()
        requester = await requester_of(self._people, agent.tenant, request.requested_by)
        question = Question(request, agent, now, requester)
        if not metered(policy, floor, question):
            return Tried(subject, evaluate(policy, floor, question), counted=False)
        async with self._counting:
            counters = await self._metering.from_audit(agent.id, Measures.of(policy, floor), now)
        return Tried(subject, evaluate(policy, floor, question, counters), counted=True)


def stand_in(tenant: str) -> AgentFacts:
    """An agent that nobody has, for rules that are tried without one."""
    return AgentFacts(NOBODY, tenant, "", NOBODY, None, has_executor=False, paused=False)
