"""Where versions are kept: of an agent's policy, and of a tenant's floor. Both are written and read alike."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from bot.administration.values import FloorSaved, PolicySaved
from bot.directory import UNWRITTEN
from bot.metering import forget
from bot.policy.diff import Change
from bot.policy.lint import Finding
from bot.policy.parse import document, floor_document, parse_floor, parse_policy
from bot.policy.rules import Floor, Policy
from bot.policy.starter import starter_floor
from models.agent import Agent
from models.enums import Level
from models.policy import FloorVersion, PolicyVersion
from models.user import User
from models.values import JsonObject

FLOOR = "floor"
"""Stands for the tenant's floor wherever a policy command takes an agent's name."""

P = TypeVar("P", Policy, Floor)
Row = PolicyVersion | FloorVersion
Saved = PolicySaved | FloorSaved


@dataclass(frozen=True, slots=True)
class Present(Generic[P]):
    """The version in force."""

    rules: P
    author: str  # as the audit names the actor
    at: datetime | None  # None: nobody wrote it
    note: str | None = None

    @property
    def version(self) -> int:
        return self.rules.version


class Ground(ABC, Generic[P]):
    """One history of versions. The highest is in force; versions are never changed."""

    name: str  # as people name it
    tenant: str
    agent_id: UUID | None
    subject: str  # as the audit names it
    saved_action: str

    @abstractmethod
    async def rows(self, *, limit: int) -> list[Row]:
        """The newest first."""

    @abstractmethod
    async def row(self, version: int) -> Row | None: ...

    @abstractmethod
    async def write(self, rules: P, text: str, *, author: str, note: str, at: datetime) -> None: ...

    @abstractmethod
    def parse(self, written: object, *, version: int = 0) -> P: ...

    @abstractmethod
    def document(self, rules: P) -> JsonObject: ...

    @abstractmethod
    def unwritten(self) -> P:
        """What is in force before anything was written."""

    @abstractmethod
    async def forget_counts(self) -> None: ...

    @abstractmethod
    def saved(
        self,
        present: Present[P],
        author: str,
        changed: bool,
        changes: tuple[Change, ...],
        findings: tuple[Finding, ...],
    ) -> Saved: ...

    async def present(self) -> Present[P]:
        newest = await self.rows(limit=1)
        if not newest:
            return Present(self.unwritten(), "system", None)
        row = newest[0]
        return Present(self.parse(json.loads(row.document), version=row.version), row.author, row.created_at, row.note)


class AgentGround(Ground[Policy]):
    def __init__(self, agent: Agent, default_level: Level) -> None:
        self.name, self.tenant, self.agent_id = agent.name, agent.tenant, agent.id
        self.subject, self.saved_action = f"agent:{agent.id}", "policy.saved"
        self._created_at = agent.created_at
        self._default_level = default_level
        self._id = agent.id

    async def rows(self, *, limit: int) -> list[Row]:
        return list(await PolicyVersion.filter(agent_id=self._id).order_by("-version").limit(limit))

    async def row(self, version: int) -> Row | None:
        return await PolicyVersion.get_or_none(agent_id=self._id, version=version)

    async def write(self, rules: Policy, text: str, *, author: str, note: str, at: datetime) -> None:
        await PolicyVersion.create(
            agent_id=self._id, version=rules.version, document=text, author=author, note=note, created_at=at
        )

    def parse(self, written: object, *, version: int = 0) -> Policy:
        return parse_policy(written, default=self._default_level, version=version)

    def document(self, rules: Policy) -> JsonObject:
        return document(rules)

    def unwritten(self) -> Policy:
        return Policy(UNWRITTEN, (), self._default_level)

    async def forget_counts(self) -> None:
        await forget([self._id])

    def saved(
        self,
        present: Present[Policy],
        author: str,
        changed: bool,
        changes: tuple[Change, ...],
        findings: tuple[Finding, ...],
    ) -> PolicySaved:
        return PolicySaved(
            agent=self.name,
            policy=present.rules,
            author=author,
            at=present.at or self._created_at,
            changed=changed,
            changes=changes,
            findings=findings,
            note=present.note,
        )


class FloorGround(Ground[Floor]):
    def __init__(self, tenant: str) -> None:
        self.name, self.tenant, self.agent_id = FLOOR, tenant, None
        self.subject, self.saved_action = f"tenant:{tenant}", "floor.saved"

    async def rows(self, *, limit: int) -> list[Row]:
        return list(await FloorVersion.filter(tenant=self.tenant).order_by("-version").limit(limit))

    async def row(self, version: int) -> Row | None:
        return await FloorVersion.get_or_none(tenant=self.tenant, version=version)

    async def write(self, rules: Floor, text: str, *, author: str, note: str, at: datetime) -> None:
        await FloorVersion.create(
            tenant=self.tenant, version=rules.version, document=text, author=author, note=note, created_at=at
        )

    def parse(self, written: object, *, version: int = 0) -> Floor:
        return parse_floor(written, version=version)

    def document(self, rules: Floor) -> JsonObject:
        return floor_document(rules)

    def unwritten(self) -> Floor:
        return starter_floor()

    async def forget_counts(self) -> None:
        await forget(self.tenant)

    def saved(
        self,
        present: Present[Floor],
        author: str,
        changed: bool,
        changes: tuple[Change, ...],
        findings: tuple[Finding, ...],
    ) -> FloorSaved:
        return FloorSaved(
            tenant=self.tenant,
            floor=present.rules,
            author=author,
            at=present.at,
            changed=changed,
            changes=changes,
            findings=findings,
            note=present.note,
        )


async def floor_in_force(tenant: str) -> Floor:
    return (await FloorGround(tenant).present()).rules


async def author_name(author: str) -> str:
    """The name of the person behind "user:<id>"; anything else as it is."""
    kind, _, rest = author.partition(":")
    person = await User.get_or_none(id=rest) if kind == "user" else None
    return person.name if person else author
