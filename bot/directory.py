"""Who may ask, and under which rules: agents with all that binds them, cached for one gate epoch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from tortoise.expressions import F

from bot.epoch import current_epoch, hold_epoch, move_epoch
from bot.freezing.standstill import freeze_facts, freezes_of
from bot.metering.measures import Measures
from bot.people.facts import person_facts
from bot.policy.evaluate import asks_requester
from bot.policy.parse import parse_floor, parse_policy
from bot.policy.rules import Floor, Policy
from bot.policy.starter import starter_floor
from models.agent import Agent
from models.enums import AgentStatus, Level
from models.grant import Grant
from models.policy import FloorVersion, PolicyVersion
from models.user import User
from models.values import AgentFacts, FreezeFacts, GrantFacts, PersonFacts

__all__ = [
    "UNWRITTEN",
    "Caller",
    "CredentialRefused",
    "Directory",
    "KnownAgent",
    "current_epoch",
    "facts_of",
    "hold_epoch",
    "move_epoch",
    "token_hash",
]

UNWRITTEN = 0
"""The version of what nobody wrote: a policy whose default applies to everything, the floor that every tenant has."""


def token_hash(token: str) -> str:
    """What is stored of an agent token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated agent. A rotated token ends the caller, even in the middle of a check."""

    agent_id: UUID
    token_hash: str


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent and all that binds it as they were at `epoch`."""

    epoch: int
    facts: AgentFacts
    token_hash: str
    policy: Policy
    executor_url: str | None
    floor: Floor
    grants: tuple[GrantFacts, ...]  # not revoked; whether one is over or used up is seen when it is used
    freezes: tuple[FreezeFacts, ...]  # its own and the tenant's, not lifted
    measures: Measures
    asks_requester: bool  # whether the rules look at whom the agent acts for


class CredentialRefused(Exception):
    """The token names no agent that may ask (unknown, rotated, archived)."""


class Directory:
    """Answers from memory while the gate epoch stands; a commit under another epoch is refused by the database."""

    def __init__(self, *, default_level: Level) -> None:
        self._default_level = default_level
        self._epoch: int | None = None
        self._by_hash: dict[str, KnownAgent] = {}
        self._starter_floor = starter_floor()
        self._policies: dict[UUID, Policy] = {}  # of each agent the one seen last; versions never change
        self._floors: dict[str, Floor] = {}

    async def authenticate(self, token: str, *, fresh: bool = False) -> Caller:
        """The caller behind a bearer token. With `fresh` the epoch is compared first (for calls that commit nothing).

        Raises CredentialRefused.
        """
        if fresh:
            await self.refresh()
        known = await self._known(token_hash(token))
        return Caller(known.facts.id, known.token_hash)

    async def agent(self, caller: Caller) -> KnownAgent:
        """The caller's agent and policy under the current epoch. Raises CredentialRefused."""
        known = await self._known(caller.token_hash)
        if known.facts.id != caller.agent_id:
            raise CredentialRefused
        return known

    async def refresh(self) -> None:
        """Forgets everything when the epoch has moved."""
        self._reach(await current_epoch())

    def forget(self) -> None:
        """The next question is answered from the database."""
        self._epoch = None
        self._by_hash.clear()

    async def _known(self, hashed: str) -> KnownAgent:
        if self._epoch is None:
            await self.refresh()
        known = self._by_hash.get(hashed)
        if known is None:
            known = await self._load(hashed)
            self._reach(known.epoch)
            if known.epoch == self._epoch:
                self._by_hash[hashed] = known
        return known

    def _reach(self, epoch: int) -> None:
        """What is remembered belongs to this epoch."""
        if epoch != self._epoch:
            self._by_hash.clear()
            self._epoch = epoch

    async def _load(self, hashed: str) -> KnownAgent:
        # The epoch is read before the rows: if it moves in between, the commit under the older epoch is refused.
        epoch = await current_epoch()
        agent = await Agent.get_or_none(token_hash=hashed)
        if agent is None or agent.status is AgentStatus.ARCHIVED:
            raise CredentialRefused
        return await self._known_as(agent, epoch)

    async def present(self, agent_id: UUID) -> KnownAgent:
        """The agent as the database has it, whatever its status; inside a transaction that holds the epoch, for good.

        Raises DoesNotExist.
        """
        return await self._known_as(await Agent.get(id=agent_id), await current_epoch())

    async def _known_as(self, agent: Agent, epoch: int) -> KnownAgent:
        policy, floor = await self.policy_of(agent.id), await self.floor_of(agent.tenant)
        return KnownAgent(
            epoch=epoch,
            facts=facts_of(agent, await _person(agent.creator_id)),
            token_hash=agent.token_hash,
            policy=policy,
            executor_url=agent.executor_url,
            floor=floor,
            grants=await _grants(agent.id),
            freezes=tuple([freeze_facts(row) for row in await freezes_of(agent.tenant, agent.id)]),
            measures=Measures.of(policy, floor),
            asks_requester=asks_requester(policy, floor),
        )

    async def policy_of(self, agent_id: UUID) -> Policy:
        """The policy in force, from the database; parsed and compiled once."""
        written = await PolicyVersion.filter(agent_id=agent_id).order_by("-version").first()
        if written is None:
            return Policy(version=UNWRITTEN, rules=(), default=self._default_level)
        known = self._policies.get(agent_id)
        if known is None or known.version != written.version:
            known = parse_policy(json.loads(written.document), default=self._default_level, version=written.version)
            self._policies[agent_id] = known
        return known

    async def floor_of(self, tenant: str) -> Floor:
        """The floor in force, from the database; parsed and compiled once."""
        written = await FloorVersion.filter(tenant=tenant).order_by("-version").first()
        if written is None:
            return self._starter_floor
        known = self._floors.get(tenant)
        if known is None or known.version != written.version:
            known = parse_floor(json.loads(written.document), version=written.version)
            self._floors[tenant] = known
        return known


def facts_of(agent: Agent, creator: PersonFacts | None = None) -> AgentFacts:
    return AgentFacts(
        id=agent.id,
        tenant=agent.tenant,
        name=agent.name,
        creator_id=agent.creator_id,
        app_id=agent.app_id,
        has_executor=agent.executor_url is not None,
        paused=agent.status is AgentStatus.PAUSED,
        creator=creator,
        labels=json.loads(agent.labels),
        observe_until=agent.observe_until,
        max_pending=agent.max_pending,
        checks_per_minute=agent.checks_per_minute,
    )


async def _person(person_id: UUID) -> PersonFacts:
    return await person_facts(await User.get(id=person_id))


MOST_GRANTS = 500
"""Of one agent, at once. Further ones spare nothing; those that are over make room first, without a clock here."""


async def _grants(agent_id: UUID) -> tuple[GrantFacts, ...]:
    standing = Grant.filter(agent_id=agent_id, revoked_at=None, uses__lt=F("max_uses"))
    latest = await standing.order_by("-expires_at", "-id").limit(MOST_GRANTS).select_related("giver")
    return tuple(
        GrantFacts(
            id=grant.id,
            kind=grant.kind,
            action_type=grant.action_type,
            tool=grant.tool,
            bounds=json.loads(grant.bounds),
            session=grant.session,
            expires_at=grant.expires_at,
            max_uses=grant.max_uses,
            giver_id=grant.giver_id,
            giver_name=grant.giver.name,
        )
        for grant in sorted(latest, key=lambda grant: grant.id)
    )
