"""Past checks decided again under a draft: read from the audit in small batches, outside any transaction.

Nothing is written, nobody is asked, and the service goes on: the event loop is given back every few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, tzinfo
from uuid import UUID

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.grounds import FLOOR
from bot.administration.values import Declined, Why
from bot.directory import Directory
from bot.hindsight.rereading import Batch, CheckEntry, PinnedRules, Repeated, Run, Scope, Turns, batches, begin_of
from bot.metering.measures import Measures
from bot.people.facts import requester_of
from bot.people.joining import People
from bot.policy.evaluate import asks_requester, evaluate
from bot.policy.history import History
from bot.policy.parse import PolicyFault, parse_floor, parse_policy
from bot.policy.replay import Comparison, PastCheck, Recorded
from bot.policy.rules import Floor, Policy
from bot.ports import Clock
from models.agent import Agent
from models.enums import Layer, Level
from models.replay import ReplayReport
from models.values import AgentFacts, Decision, Json, Question, Refusal, RefusalKind, Requester

LIMIT = 100_000  # checks, the newest
DAYS = 7
MOST_DAYS = 366

Progress = Callable[[int, int], None]
"""Called after each batch with the checks done and how many there are."""


def quietly(_done: int, _total: int) -> None:
    """Tells nobody."""


class Replaying:
    def __init__(
        self,
        agents: AgentAdministration,
        directory: Directory,
        people: People,
        clock: Clock,
        *,
        default_level: Level,
        zone: tzinfo,
    ) -> None:
        self._agents = agents
        self._directory = directory
        self._people = people
        self._clock = clock
        self._default_level = default_level
        self._zone = zone

    async def under(
        self,
        actor: Actor,
        name: str,
        written: Json = None,
        *,
        days: int = DAYS,
        limit: int = LIMIT,
        progress: Progress = quietly,
    ) -> ReplayReport | Refusal | Declined:
        """What the written draft would have changed; without one, what the rules in force by now would have.

        `name` is an agent that this actor administers, or "floor" for an admin's tenant and all its agents.
        """
        if not 1 <= days <= MOST_DAYS or not 1 <= limit <= LIMIT:
            return Refusal(RefusalKind.INVALID, detail=str(days if not 1 <= days <= MOST_DAYS else limit))
        try:
            if name.strip() == FLOOR:
                return await self._floor_under(actor, written, days, limit, progress)
            agent = await self._agents.named(actor, name)
            if not isinstance(agent, Agent):
                return agent
            draft = await self._draft(agent, written)
        except PolicyFault as fault:
            return Declined(Why.BAD_POLICY, name, tuple(f"{path or 'policy'}: {text}" for path, text in fault.faults))
        return await self.replay(agent, draft, days=days, limit=limit, progress=progress)

    async def replay(
        self,
        agent: Agent,
        draft: Policy,
        floor: Floor | None = None,
        *,
        days: int = DAYS,
        limit: int = LIMIT,
        progress: Progress = quietly,
    ) -> ReplayReport:
        """One agent's checks of the last days under `draft`, above `floor` or the floor in force."""
        floor = floor or await self._directory.floor_of(agent.tenant)
        rules = _Rules(self._directory, self._people, floor, {agent.id: draft})
        return await self._run(Scope(agent.tenant, agent.id), agent.name, rules, days, limit, progress)

    async def replay_floor(
        self,
        tenant: str,
        draft: Floor,
        *,
        days: int = DAYS,
        limit: int = LIMIT,
        progress: Progress = quietly,
    ) -> ReplayReport:
        """The checks of all the tenant's agents under their policies of now and `draft` as the floor."""
        rules = _Rules(self._directory, self._people, draft, {})
        return await self._run(Scope(tenant), FLOOR, rules, days, limit, progress)

    async def _floor_under(
        self, actor: Actor, written: Json, days: int, limit: int, progress: Progress
    ) -> ReplayReport | Refusal:
        if not actor.administers(actor.tenant):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR, admins_only=True)
        draft = await self._directory.floor_of(actor.tenant) if written is None else parse_floor(written)
        return await self.replay_floor(actor.tenant, draft, days=days, limit=limit, progress=progress)

    async def _draft(self, agent: Agent, written: Json) -> Policy:
        if written is None:
            return await self._directory.policy_of(agent.id)
        return parse_policy(written, default=self._default_level)

    async def _run(
        self, scope: Scope, subject: str, rules: _Rules, days: int, limit: int, progress: Progress
    ) -> ReplayReport:
        until = self._clock.now()
        begin = await begin_of(scope, until - timedelta(days=days), until, limit)
        comparison, past, turns = Comparison(), _Past(rules, self._zone), Turns()
        done = 0
        progress(done, begin.checks)
        async for batch in batches(scope, begin, until, self._zone):
            done += await _compare(batch, past, comparison, turns)
            progress(done, begin.checks)
        return comparison.report(subject, since=begin.at, until=until, limited=begin.limited, metered=rules.metered)


async def _compare(batch: Batch, past: _Past, comparison: Comparison, turns: Turns) -> int:
    """How many entries of checks the batch had."""
    done = 0
    for step in batch:
        await turns.give_way()
        match step:
            case Run():
                past.ran(step)
            case Repeated():
                done += 1
                comparison.unreadable += not step.readable
            case CheckEntry():
                done += 1
                try:
                    comparison.add(*await past.decided_again(step))
                except ValueError:  # the version that it names is gone
                    comparison.unreadable += 1
                if step.run is not None:
                    past.ran(step.run)
    return done


class _Rules:
    """Which policy and floor are tried on which agent, with the facts that they look at, each looked up once."""

    def __init__(self, directory: Directory, people: People, floor: Floor, drafts: dict[UUID, Policy]) -> None:
        self.floor = floor
        self.metered = not Measures.of(Policy(0, (), Level.L1), floor).none
        self._directory = directory
        self._people = people
        self._drafts = drafts
        self._agents: dict[UUID, tuple[AgentFacts, Policy]] = {}
        self._requesters: dict[tuple[str, str], Requester | None] = {}

    async def of(self, agent_id: UUID) -> tuple[AgentFacts, Policy]:
        if (known := self._agents.get(agent_id)) is None:
            present = await self._directory.present(agent_id)
            known = present.facts, self._drafts.get(agent_id, present.policy)
            self.metered |= not Measures.of(known[1], self.floor).none
            self._agents[agent_id] = known
        return known

    async def requester(self, tenant: str, said: str | None) -> Requester | None:
        if said is None:
            return None
        if (tenant, said) not in self._requesters:
            self._requesters[tenant, said] = await requester_of(self._people, tenant, said)
        return self._requesters[tenant, said]


class _Past:
    """The agents' history so far, and each check decided again in it."""

    def __init__(self, rules: _Rules, zone: tzinfo) -> None:
        self._rules = rules
        self._zone = zone
        self._histories: dict[UUID, History] = {}
        self._pinned = PinnedRules()

    def ran(self, run: Run) -> None:
        self._history(run.agent_id).ran(run.action, run.tool, run.at, run.amounts)

    async def decided_again(self, entry: CheckEntry) -> tuple[PastCheck, Decision]:
        """The check as it was decided, and the draft's decision."""
        facts, policy = await self._rules.of(entry.agent_id)
        decision = await self._decide(entry, facts, policy, self._rules.floor)
        old = entry.recorded
        if old.says_nothing:
            old = await self._as_of_then(entry, facts)
        past = PastCheck(
            check_id=entry.check_id,
            at=entry.at,
            agent_id=entry.agent_id,
            agent=facts.name,
            request=entry.request,
            action_digest=entry.action_digest,
            old=old.level,
            old_rule=old.rule,
            set_aside=entry.recorded.set_aside,
        )
        return past, decision

    async def _as_of_then(self, entry: CheckEntry, facts: AgentFacts) -> Recorded:
        """What the policy and the floor of that time would have said, had the agent not been paused or frozen."""
        policy = await self._pinned.policy(entry.agent_id, entry.recorded.policy_version)
        floor = await self._pinned.floor(facts.tenant, entry.at)
        decision = await self._decide(entry, facts, policy, floor)
        rule = decision.floor_rule if decision.layer is Layer.FLOOR else decision.rule
        return Recorded(decision.level, rule, policy.version, floor.version, decision.layer)

    async def _decide(self, entry: CheckEntry, facts: AgentFacts, policy: Policy, floor: Floor) -> Decision:
        requester = None
        if asks_requester(policy, floor):
            requester = await self._rules.requester(facts.tenant, entry.request.requested_by)
        question = Question(entry.request, facts, entry.at, requester)
        return evaluate(policy, floor, question, self._history(entry.agent_id).until(entry.at))

    def _history(self, agent_id: UUID) -> History:
        return self._histories.setdefault(agent_id, History(self._zone))
