"""Policies and floors: each change a new version with its author, in force for every check that commits after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.grounds import FLOOR, AgentGround, FloorGround, Saved, author_name
from bot.administration.saving import Edit, faults_of, history_of, save, shown, version_of
from bot.administration.values import Declined, VersionLine, Why
from bot.directory import UNWRITTEN
from bot.ledger import Work
from bot.policy.parse import PolicyFault, parse_floor, parse_policy, with_default, with_floor_level, with_level
from bot.policy.rules import Floor, Policy
from models.agent import Agent
from models.enums import AgentStatus, Level
from models.values import Json, Refusal, RefusalKind

__all__ = ["FLOOR", "PolicyAdministration", "author_name"]

HISTORY = 20  # versions shown unless told otherwise

P = TypeVar("P", Policy, Floor)

WHOLE = "whole policy"
"""The note of a version whose author gave none and wrote all of it."""


class PolicyAdministration:
    """Wherever an agent is named, `floor` names the floor of `tenant` (None: the actor's).

    Everybody may read the floor of the own tenant, for all its agents stand on it; only its admins may write it.
    """

    def __init__(self, agents: AgentAdministration, *, default_level: Level) -> None:
        self._agents = agents
        self._default_level = default_level

    async def show(self, actor: Actor, name: str, *, tenant: str | None = None) -> Saved | Refusal | Declined:
        """What is in force, with who wrote it and when."""
        ground = await self._readable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        if isinstance(ground, AgentGround):  # told apart for the type checker, here and below
            return await shown(ground)
        return await shown(ground)

    async def version(
        self, actor: Actor, name: str, version: int | None, *, tenant: str | None = None
    ) -> Policy | Floor | Refusal | Declined:
        """What this version said; None: the one in force."""
        ground = await self._readable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        if isinstance(ground, AgentGround):
            return await version_of(ground, version)
        return await version_of(ground, version)

    async def set_level(
        self,
        work: Work,
        actor: Actor,
        name: str,
        action: str,
        level: Level,
        *,
        expected: int | None = None,
        note: str | None = None,
        tenant: str | None = None,
    ) -> Saved | Refusal | Declined:
        """One action type or pattern has this level."""
        edit = Edit(
            lambda policy: with_level(policy, action, level),
            lambda floor: with_floor_level(floor, action, level),
            note or f"{action} {level}",
        )
        return await self._save(work, actor, name, edit, expected, tenant)

    async def set_default(
        self,
        work: Work,
        actor: Actor,
        name: str,
        level: Level,
        *,
        expected: int | None = None,
        note: str | None = None,
        tenant: str | None = None,
    ) -> Saved | Refusal | Declined:
        edit = Edit(lambda policy: with_default(policy, level), _no_default, note or f"default {level}")
        return await self._save(work, actor, name, edit, expected, tenant)

    async def set_document(
        self,
        work: Work,
        actor: Actor,
        name: str,
        written: Json,
        *,
        note: str | None = None,
        expected: int | None = None,
        tenant: str | None = None,
    ) -> Saved | Refusal | Declined:
        """The whole policy, or floor, is what was written."""
        edit = self._whole(written, note or WHOLE)
        return await self._save(work, actor, name, edit, expected, tenant)

    async def rollback(
        self, work: Work, actor: Actor, name: str, to: int, *, expected: int | None = None, tenant: str | None = None
    ) -> Saved | Refusal | Declined:
        """A new version that says what version `to` said. Version 0 of a floor is the starter floor."""
        ground = await self._writable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        row = await ground.row(to) if 0 < to < 2**31 else None
        if row is not None:
            written: Json = json.loads(row.document)
        elif isinstance(ground, FloorGround) and to == UNWRITTEN:
            written = ground.document(ground.unwritten())
        else:
            return Declined(Why.NO_SUCH_VERSION, str(to)[:20])
        edit = replace(self._whole(written, f"rollback to v{to}"), rolled_back_to=to)
        return await self._save(work, actor, name, edit, expected, tenant)

    async def history(
        self, actor: Actor, name: str, *, limit: int = HISTORY, tenant: str | None = None
    ) -> list[VersionLine] | Refusal | Declined:
        """The versions, newest first, each with what it changed."""
        ground = await self._readable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        if isinstance(ground, AgentGround):
            return await history_of(ground, limit)
        return await history_of(ground, limit)

    def draft(self, written: Json) -> Policy | Declined:
        """The policy that would be saved, without saving it."""
        return _read(lambda: parse_policy(written, default=self._default_level))

    def draft_floor(self, written: Json) -> Floor | Declined:
        return _read(lambda: parse_floor(written))

    def _whole(self, written: Json, note: str) -> Edit:
        return Edit(lambda _: parse_policy(written, default=self._default_level), lambda _: parse_floor(written), note)

    async def _save(
        self, work: Work, actor: Actor, name: str, edit: Edit, expected: int | None, tenant: str | None
    ) -> Saved | Refusal | Declined:
        ground = await self._writable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        if isinstance(ground, AgentGround):
            return await save(work, actor, ground, edit, edit.policy, expected)
        return await save(work, actor, ground, edit, edit.floor, expected)

    async def _readable(
        self, actor: Actor, name: str, tenant: str | None
    ) -> AgentGround | FloorGround | Refusal | Declined:
        if is_floor(name):
            tenant = tenant or actor.tenant
            if actor.may_read(tenant):
                return FloorGround(tenant)
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR, admins_only=True)
        agent = await self._agents.named(actor, name)
        return AgentGround(agent, self._default_level) if isinstance(agent, Agent) else agent

    async def _writable(
        self, actor: Actor, name: str, tenant: str | None
    ) -> AgentGround | FloorGround | Refusal | Declined:
        if is_floor(name):
            tenant = tenant or actor.tenant
            if actor.administers(tenant):
                return FloorGround(tenant)
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR, admins_only=True)
        agent = await self._agents.named(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if agent.status is AgentStatus.ARCHIVED:
            return Declined(Why.ARCHIVED, agent.name)
        return AgentGround(agent, self._default_level)


def is_floor(name: str) -> bool:
    return name.strip().casefold() == FLOOR


def _read(parse: Callable[[], P]) -> P | Declined:
    try:
        return parse()
    except PolicyFault as fault:
        return Declined(Why.BAD_POLICY, faults=faults_of(fault))


def _no_default(floor: Floor) -> Floor:
    raise PolicyFault([("default", 'a floor has no default; a rule for "*" demands a level for everything')])
