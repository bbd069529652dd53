"""Policies and floors: each change a new version with its author, in force for every check that commits after it.

The epoch moves first in the transaction that changes something. Its row is then locked, so that whoever else changes
rules waits, reads this change, and either builds on it or, having named the version that was expected, is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.grounds import (
    FLOOR,
    AgentGround,
    FloorGround,
    Ground,
    Present,
    Saved,
    author_name,
    floor_in_force,
)
from bot.administration.values import Declined, FloorSaved, VersionLine, Why
from bot.digest import NotCanonical, canonical
from bot.directory import UNWRITTEN
from bot.epoch import move_epoch
from bot.ledger import AuditFact, Work
from bot.policy.diff import diff
from bot.policy.lint import Finding, lint
from bot.policy.parse import PolicyFault, parse_floor, parse_policy, with_default, with_floor_level, with_level
from bot.policy.rules import Floor, Policy
from models.agent import Agent
from models.enums import AgentStatus, Level
from models.values import Json, JsonObject, Refusal, RefusalKind

__all__ = ["FLOOR", "PolicyAdministration", "author_name"]

AUTHOR_LIMIT = 200
NOTE_LIMIT = 500
HISTORY = 20  # versions shown unless told otherwise
HISTORY_LIMIT = 500

P = TypeVar("P", Policy, Floor)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of whichever of the two is named."""

    policy: Callable[[Policy], Policy]
    floor: Callable[[Floor], Floor]
    note: str
    rolled_back_to: int | None = None


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
            return await _shown(ground)
        return await _shown(ground)

    async def version(
        self, actor: Actor, name: str, version: int | None, *, tenant: str | None = None
    ) -> Policy | Floor | Refusal | Declined:
        """What this version said; None: the one in force."""
        ground = await self._readable(actor, name, tenant)
        if isinstance(ground, Refusal | Declined):
            return ground
        if isinstance(ground, AgentGround):
            return await _version(ground, version)
        return await _version(ground, version)

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
        edit = self._whole(written, note or "whole policy")
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
            return await _history(ground, limit)
        return await _history(ground, limit)

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
            return await _save(work, actor, ground, edit, edit.policy, expected)
        return await _save(work, actor, ground, edit, edit.floor, expected)

    async def _readable(
        self, actor: Actor, name: str, tenant: str | None
    ) -> AgentGround | FloorGround | Refusal | Declined:
        if is_floor(name):
            tenant = tenant or actor.tenant
            if _may_read_floor(actor, tenant):
                return FloorGround(tenant)
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR)
        agent = await self._agents.named(actor, name)
        return AgentGround(agent, self._default_level) if isinstance(agent, Agent) else agent

    async def _writable(
        self, actor: Actor, name: str, tenant: str | None
    ) -> AgentGround | FloorGround | Refusal | Declined:
        if is_floor(name):
            tenant = tenant or actor.tenant
            if actor.administers(tenant):
                return FloorGround(tenant)
            return Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR)
        agent = await self._agents.named(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if agent.status is AgentStatus.ARCHIVED:
            return Declined(Why.ARCHIVED, agent.name)
        return AgentGround(agent, self._default_level)


def is_floor(name: str) -> bool:
    return name.strip().casefold() == FLOOR


async def _save(
    work: Work,
    actor: Actor,
    ground: Ground[P],
    edit: Edit,
    change: Callable[[P], P],
    expected: int | None,
) -> Saved | Refusal | Declined:
    """Judged once without waiting for anybody, so that what changes nothing moves nothing; then again, alone."""
    seen = await ground.present()
    drafted = await _judge(ground, seen, change, expected)
    if not isinstance(drafted, _Drafted):
        return drafted
    await move_epoch()
    present = await ground.present()
    if present.version != seen.version:
        drafted = await _judge(ground, present, change, expected)
        if not isinstance(drafted, _Drafted):
            return drafted
    rules = drafted.rules.with_version(present.version + 1)
    note, author = edit.note[:NOTE_LIMIT], actor.name[:AUTHOR_LIMIT]
    await ground.write(rules, drafted.text, author=author, note=note, at=work.now)
    await ground.forget_counts()
    changes = diff(present.rules, rules)
    work.audit(_fact(ground, actor, rules, edit))
    saved = Present(rules, author, work.now, note)
    return ground.saved(saved, await author_name(author), True, changes, await _findings(ground, rules))


@dataclass(frozen=True, slots=True)
class _Drafted(Generic[P]):
    rules: P
    text: str  # canonical JSON


async def _judge(
    ground: Ground[P], present: Present[P], change: Callable[[P], P], expected: int | None
) -> _Drafted[P] | Saved | Refusal | Declined:
    if expected is not None and expected != present.version:
        by = await author_name(present.author)
        return Refusal(RefusalKind.VERSION_MOVED, by=by, at=present.at, detail=str(present.version))
    try:
        rules = change(present.rules)
        text = canonical(ground.document(rules)).decode()
    except (PolicyFault, NotCanonical) as fault:
        return Declined(Why.BAD_POLICY, ground.name, _faults(fault))
    if present.version != UNWRITTEN and ground.document(rules) == ground.document(present.rules):
        return ground.saved(present, await author_name(present.author), False, (), await _findings(ground, rules))
    return _Drafted(rules, text)


async def _shown(ground: Ground[P]) -> Saved:
    present = await ground.present()
    findings = await _findings(ground, present.rules)
    return ground.saved(present, await author_name(present.author), False, (), findings)


async def _version(ground: Ground[P], version: int | None) -> P | Declined:
    if version is None:
        return (await ground.present()).rules
    row = await ground.row(version) if 0 < version < 2**31 else None
    if row is not None:
        return ground.parse(json.loads(row.document), version=row.version)
    if version == UNWRITTEN and isinstance(ground, FloorGround):
        return ground.unwritten()
    return Declined(Why.NO_SUCH_VERSION, str(version)[:20])


async def _history(ground: Ground[P], limit: int) -> list[VersionLine]:
    limit = min(max(limit, 1), HISTORY_LIMIT)
    rows = await ground.rows(limit=limit + 1)
    rules: list[P] = [ground.parse(json.loads(row.document), version=row.version) for row in rows]
    rules.append(ground.unwritten())
    return [
        VersionLine(
            row.version, await author_name(row.author), row.created_at, row.note, diff(rules[place + 1], rules[place])
        )
        for place, row in enumerate(rows[:limit])
    ]


async def _findings(ground: Ground[P], rules: Policy | Floor) -> tuple[Finding, ...]:
    return lint(rules, None if isinstance(rules, Floor) else await floor_in_force(ground.tenant))


def _read(parse: Callable[[], P]) -> P | Declined:
    try:
        return parse()
    except PolicyFault as fault:
        return Declined(Why.BAD_POLICY, faults=_faults(fault))


def _fact(ground: Ground[P], actor: Actor, rules: P, edit: Edit) -> AuditFact:
    details: JsonObject = {"name": ground.name, "version": rules.version, "note": edit.note}
    details["policy"] = ground.document(rules)
    if edit.rolled_back_to is not None:
        details["rolled_back_to"] = edit.rolled_back_to
    return AuditFact(
        tenant=ground.tenant,
        actor=actor.name,
        action=ground.saved_action,
        subject=ground.subject,
        details=details,
        agent_id=ground.agent_id,
    )


def _may_read_floor(actor: Actor, tenant: str) -> bool:
    return actor.everywhere or actor.tenant == tenant


def _no_default(floor: Floor) -> Floor:
    raise PolicyFault([("default", 'a floor has no default; a rule for "*" demands a level for everything')])


def _faults(fault: PolicyFault | NotCanonical) -> tuple[str, ...]:
    if isinstance(fault, PolicyFault):
        return tuple(f"{path or 'policy'}: {detail}" for path, detail in fault.faults)
    return (str(fault),)
