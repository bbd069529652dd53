"""Who may ask, and under which policy: agents and policies, cached for one gate epoch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from tortoise.connection import get_connections
from tortoise.expressions import F

from bot.database import is_postgres
from bot.policy.parse import parse_policy
from bot.policy.rules import Policy
from models.agent import Agent
from models.enums import AgentStatus, Level
from models.policy import GateEpoch, PolicyVersion
from models.values import AgentFacts

UNWRITTEN = 0
"""The version of the policy of an agent for which none was written: its default applies to everything."""


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
    """An agent and its policy as they were at `epoch`."""

    epoch: int
    facts: AgentFacts
    token_hash: str
    policy: Policy
    executor_url: str | None


class CredentialRefused(Exception):
    """The token names no agent that may ask (unknown, rotated, archived)."""


class Directory:
    """Answers from memory while the gate epoch stands; a commit under another epoch is refused by the database."""

    def __init__(self, *, default_level: Level) -> None:
        self._default_level = default_level
        self._epoch: int | None = None
        self._by_hash: dict[str, KnownAgent] = {}

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
        return KnownAgent(epoch, facts_of(agent), hashed, await self.policy_of(agent.id), agent.executor_url)

    async def policy_of(self, agent_id: UUID) -> Policy:
        """The policy in force, from the database."""
        written = await PolicyVersion.filter(agent_id=agent_id).order_by("-version").first()
        if written is None:
            return Policy(version=UNWRITTEN, rules=(), default=self._default_level)
        return parse_policy(json.loads(written.document), default=self._default_level, version=written.version)


def facts_of(agent: Agent) -> AgentFacts:
    return AgentFacts(
        id=agent.id,
        tenant=agent.tenant,
        name=agent.name,
        creator_id=agent.creator_id,
        app_id=agent.app_id,
        has_executor=agent.executor_url is not None,
        paused=agent.status is AgentStatus.PAUSED,
    )


async def current_epoch() -> int:
    epoch: int = (await GateEpoch.get(id=1)).epoch
    return epoch


async def hold_epoch() -> int:
    """The epoch, which cannot move before the caller's transaction ends (on SQLite it is the only writer)."""
    connection = get_connections().get("default")
    lock = " FOR SHARE" if is_postgres() else ""
    rows = await connection.execute_query_dict(f"SELECT epoch FROM gate_epoch WHERE id = 1{lock}")  # noqa: S608
    epoch: int = rows[0]["epoch"]
    return epoch


async def move_epoch() -> None:
    """To be called in the transaction that changes an agent or a policy."""
    await GateEpoch.filter(id=1).update(epoch=F("epoch") + 1)
