"""Policies: each change a new version with its author, in force for every check that commits after it."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.values import Declined, PolicySaved, Why
from bot.digest import NotCanonical, canonical
from bot.directory import UNWRITTEN, move_epoch
from bot.ledger import AuditFact, Work
from bot.policy.parse import PolicyFault, document, parse_policy, with_default, with_level
from bot.policy.rules import Policy
from models.agent import Agent
from models.enums import AgentStatus, Level
from models.policy import PolicyVersion
from models.user import User
from models.values import Json, Refusal

AUTHOR_LIMIT = 200
NOTE_LIMIT = 500


class PolicyAdministration:
    def __init__(self, agents: AgentAdministration, *, default_level: Level) -> None:
        self._agents = agents
        self._default_level = default_level

    async def show(self, actor: Actor, agent: str) -> PolicySaved | Refusal | Declined:
        """The policy in force, with who wrote it and when."""
        named = await self._agents.named(actor, agent)
        if not isinstance(named, Agent):
            return named
        return await self._in_force(named)

    async def set_level(
        self, work: Work, actor: Actor, agent: str, action: str, level: Level
    ) -> PolicySaved | Refusal | Declined:
        """One action type or pattern has this level."""
        return await self._save(
            work, actor, agent, lambda policy: with_level(policy, action, level), f"{action} {level}"
        )

    async def set_default(self, work: Work, actor: Actor, agent: str, level: Level) -> PolicySaved | Refusal | Declined:
        return await self._save(work, actor, agent, lambda policy: with_default(policy, level), f"default {level}")

    async def set_document(
        self, work: Work, actor: Actor, agent: str, written: Json, *, note: str = "whole policy"
    ) -> PolicySaved | Refusal | Declined:
        """The whole policy is what was written."""
        return await self._save(work, actor, agent, lambda _: parse_policy(written, default=self._default_level), note)

    async def _save(
        self, work: Work, actor: Actor, name: str, change: Callable[[Policy], Policy], note: str
    ) -> PolicySaved | Refusal | Declined:
        agent = await self._agents.named(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if agent.status is AgentStatus.ARCHIVED:
            return Declined(Why.ARCHIVED, agent.name)
        present = await self._in_force(agent)
        try:
            policy = change(present.policy)
            text = canonical(document(policy)).decode()
        except (PolicyFault, NotCanonical) as fault:
            return Declined(Why.BAD_POLICY, agent.name, _faults(fault))
        if present.policy.version != UNWRITTEN and document(policy) == document(present.policy):
            return PolicySaved(agent.name, present.policy, present.author, present.at, changed=False)
        policy = policy.with_version(present.policy.version + 1)
        await move_epoch()
        await PolicyVersion.create(
            agent_id=agent.id,
            version=policy.version,
            document=text,
            author=actor.name[:AUTHOR_LIMIT],
            note=note[:NOTE_LIMIT],
            created_at=work.now,
        )
        work.audit(
            AuditFact(
                tenant=agent.tenant,
                actor=actor.name,
                action="policy.saved",
                subject=f"agent:{agent.id}",
                details={"name": agent.name, "version": policy.version, "note": note, "policy": document(policy)},
                agent_id=agent.id,
            )
        )
        return PolicySaved(agent.name, policy, await author_name(actor.name), work.now)

    async def _in_force(self, agent: Agent) -> PolicySaved:
        written = await PolicyVersion.filter(agent_id=agent.id).order_by("-version").first()
        if written is None:
            return PolicySaved(agent.name, Policy(UNWRITTEN, (), self._default_level), "system", agent.created_at)
        policy = parse_policy(json.loads(written.document), default=self._default_level, version=written.version)
        return PolicySaved(agent.name, policy, await author_name(written.author), written.created_at)


async def author_name(author: str) -> str:
    """The name of the person behind "user:<id>"; anything else as it is."""
    kind, _, rest = author.partition(":")
    person = await User.get_or_none(id=rest) if kind == "user" else None
    return person.name if person else author


def _faults(fault: PolicyFault | NotCanonical) -> tuple[str, ...]:
    if isinstance(fault, PolicyFault):
        return tuple(f"{path or 'policy'}: {detail}" for path, detail in fault.faults)
    return (str(fault),)
