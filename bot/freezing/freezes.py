"""Freezing: everything of one agent, or of a whole tenant, stands still from one commit on, on every replica.

A freeze is lifted by whoever put it, or by an admin; one that an admin put is not its agent's creator's to lift. So
freezes of several people may hold one agent at once, and it runs again when the last of them is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from tortoise.expressions import Subquery

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.values import Declined, Why
from bot.epoch import move_epoch
from bot.foreign_json import storable_text
from bot.freezing.notices import FreezeNotices
from bot.freezing.standstill import freeze_facts, freezes_of
from bot.ledger import AuditFact, Ledger, Work
from bot.outbox import Bell
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import AgentStatus, ExecutionStatus, OutboxKind, OutboxState
from models.outbox import OutboxMessage
from models.policy import Freeze
from models.values import FreezeFacts, JsonObject, Refusal, RefusalKind

log = structlog.get_logger(__name__)

ALL = "all"
"""The subject that names every agent of a tenant; an agent of this name goes by its id."""

REASON_LIMIT = 500  # characters
BATCH = 100  # freezes whose time is over that are lifted in one tick


@dataclass(frozen=True, slots=True)
class Standing:
    """A freeze that holds. `agent` is the agent's name; None: all agents of the tenant."""

    tenant: str
    agent: str | None
    freeze: FreezeFacts


@dataclass(frozen=True, slots=True)
class Frozen:
    """`standing` holds from the commit on, in place of `replaced`; `also` are the others that hold."""

    standing: Standing
    replaced: tuple[Standing, ...]
    also: tuple[Standing, ...]
    told: int  # how many people get the card


@dataclass(frozen=True, slots=True)
class Lifted:
    """`lifted` no longer hold (none: nothing was frozen); `still` hold some or all of it nevertheless."""

    tenant: str
    agent: str | None  # the name of the agent; None: all
    lifted: tuple[Standing, ...]
    still: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    tenant: str
    agent: Agent | None

    @property
    def agent_id(self) -> UUID | None:
        return self.agent.id if self.agent else None

    @property
    def name(self) -> str | None:
        return self.agent.name if self.agent else None

    @property
    def audited(self) -> str:
        return f"agent:{self.agent.id}" if self.agent else f"tenant:{self.tenant}"


class Freezing:
    def __init__(self, agents: AgentAdministration, notices: FreezeNotices, ledger: Ledger, bell: Bell) -> None:
        self._agents = agents
        self._notices = notices
        self._ledger = ledger
        self._bell = bell

    async def freeze(
        self,
        work: Work,
        actor: Actor,
        subject: str,
        *,
        tenant: str | None = None,
        until: datetime | None = None,
        reason: str | None = None,
    ) -> Frozen | Refusal | Declined:
        """Nothing of the subject (an agent's name or id, or `all`) is allowed from the commit on, until lifted.

        A freeze of the same subject that this actor may lift is replaced; another's holds beside the new one.
        """
        found = await self._subject(actor, subject, tenant)
        if not isinstance(found, _Subject):
            return found
        if found.agent is not None and found.agent.status is AgentStatus.ARCHIVED:
            return Declined(Why.ARCHIVED, found.agent.name)
        if until is not None and until <= work.now:
            return Refusal(RefusalKind.INVALID, detail="until")
        await move_epoch()  # first: whoever holds the epoch is waited for, and whoever freezes next waits for us
        replaced = [one for one in await self._of_subject(found) if _may_lift(actor, one)]
        for one in replaced:
            await _end(one, work.now, actor.name)
        freeze = await Freeze.create(
            tenant=found.tenant,
            agent_id=found.agent_id,
            reason=storable_text(reason.strip())[:REASON_LIMIT] if reason and reason.strip() else None,
            frozen_by=actor.name,
            frozen_by_name=_called(actor),
            frozen_at=work.now,
            until=until,
        )
        _audit(work, found, actor.name, "freeze.set", freeze, replaces=[str(one.id) for one in replaced])
        standing = Standing(found.tenant, found.name, freeze_facts(freeze))
        told = await self._notices.frozen(work, standing.tenant, found.agent, standing.freeze)
        work.after_commit(self._bell.ring)
        return Frozen(
            standing,
            tuple(Standing(found.tenant, found.name, freeze_facts(one)) for one in replaced if _holds(one, work.now)),
            tuple(one for one in await self._overlapping(found, work.now) if one.freeze.id != freeze.id),
            told,
        )

    async def unfreeze(
        self, work: Work, actor: Actor, subject: str, *, tenant: str | None = None
    ) -> Lifted | Refusal | Declined:
        """The freezes of just this subject are over: `all` lifts the tenant's, not those of single agents.

        Refused when all that stand are somebody else's, who is named.
        """
        found = await self._subject(actor, subject, tenant)
        if not isinstance(found, _Subject):
            return found
        await move_epoch()
        standing = [one for one in await self._of_subject(found) if _holds(one, work.now)]
        mine = [one for one in standing if _may_lift(actor, one)]
        if standing and not mine:
            other = standing[-1]
            return Refusal(
                RefusalKind.NOT_PERMITTED,
                by=other.frozen_by_name,
                at=other.frozen_at,
                detail=found.name or ALL,
                admins_only=True,
            )
        for one in mine:
            await self._lift(work, found, one, actor.name, _called(actor))
        if mine:
            work.after_commit(self._bell.ring)
        return Lifted(
            found.tenant,
            found.name,
            tuple(Standing(found.tenant, found.name, freeze_facts(one)) for one in mine),
            tuple(await self._overlapping(found, work.now)),
        )

    async def standing(self, actor: Actor, now: datetime, *, tenant: str | None = None) -> list[Standing]:
        """What stands still of all that this actor may freeze or has agents in."""
        tenant = tenant or actor.tenant
        every = await self._overlapping(_Subject(tenant, None), now)
        if actor.administers(tenant):
            return every
        own = {agent.id for agent in await self._agents.mine(actor, tenant=tenant)}
        return [one for one in every if one.freeze.agent_id is None or one.freeze.agent_id in own]

    async def lift_due(self, now: datetime) -> int:
        """Freezes whose time is over are written down as lifted, and people told; they held nothing any more."""
        due = await Freeze.filter(lifted_at=None, until__lte=now).order_by("until", "id").limit(BATCH)
        return sum([await self._lift_one(one.id) for one in due])

    async def _lift_one(self, freeze_id: UUID) -> bool:
        """One that fails is left for the next tick and holds up no other."""
        try:
            async with self._ledger.transaction() as work:
                freeze = await Freeze.get(id=freeze_id)
                agent = await Agent.get_or_none(id=freeze.agent_id) if freeze.agent_id else None
                lifted = await self._lift(work, _Subject(freeze.tenant, agent), freeze, "system", None)
                work.after_commit(self._bell.ring)
            return lifted
        except Exception:
            log.exception("freeze.not_lifted", freeze=str(freeze_id))
            return False

    async def _lift(self, work: Work, found: _Subject, freeze: Freeze, actor: str, name: str | None) -> bool:
        """Whether this call ended it. `name` None: it ended by its time."""
        if not await _end(freeze, work.now, actor):
            return False
        _audit(work, found, actor, "freeze.lifted" if name else "freeze.ended", freeze)
        await _start_again(found, work.now)
        still = await self._overlapping(found, work.now)
        shown = [(one.agent, one.freeze) for one in still if one.freeze.agent_id in (None, freeze.agent_id)]
        await self._notices.lifted(work, found.tenant, found.agent, freeze_facts(freeze), name, shown)
        return True

    async def _subject(self, actor: Actor, subject: str, tenant: str | None) -> _Subject | Refusal | Declined:
        if subject.strip().casefold() == ALL:
            tenant = tenant or actor.tenant
            if not actor.administers(tenant):
                return Refusal(RefusalKind.NOT_PERMITTED, detail=ALL, admins_only=True)
            return _Subject(tenant, None)
        agent = await self._agents.named(actor, subject)
        return _Subject(agent.tenant, agent) if isinstance(agent, Agent) else agent

    async def _of_subject(self, found: _Subject) -> list[Freeze]:
        return [one for one in await freezes_of(found.tenant, found.agent_id) if one.agent_id == found.agent_id]

    async def _overlapping(self, found: _Subject, now: datetime) -> list[Standing]:
        """All that hold the agent; for a tenant all of its freezes, those of single agents too."""
        holding = [one for one in await freezes_of(found.tenant, found.agent_id) if _holds(one, now)]
        ids = [one.agent_id for one in holding if one.agent_id]
        names = dict(await Agent.filter(id__in=ids).values_list("id", "name")) if ids else {}
        return [
            Standing(one.tenant, names.get(one.agent_id) if one.agent_id else None, freeze_facts(one))
            for one in holding
        ]


def _may_lift(actor: Actor, freeze: Freeze) -> bool:
    return actor.administers(freeze.tenant) or freeze.frozen_by == actor.name


def _holds(freeze: Freeze, now: datetime) -> bool:
    return freeze_facts(freeze).holds(now)


def _called(actor: Actor) -> str:
    return (actor.person.name if actor.person else actor.name)[:200]


async def _end(freeze: Freeze, now: datetime, by: str) -> bool:
    return bool(await Freeze.filter(id=freeze.id, lifted_at=None).update(lifted_at=now, lifted_by=by[:200]))


async def _start_again(found: _Subject, now: datetime) -> None:
    """Executions that were put off are looked at at once; one that another freeze holds is put off again."""
    put_off = OutboxMessage.filter(kind=OutboxKind.EXECUTE, state=OutboxState.WAITING, tenant=found.tenant)
    if found.agent_id:
        own = ApprovalRequest.filter(agent_id=found.agent_id, execution=ExecutionStatus.NOT_STARTED)
        put_off = put_off.filter(approval_id__in=Subquery(own.values("id")))
    await put_off.filter(due_at__gt=now).update(due_at=now)


def _audit(
    work: Work, found: _Subject, actor: str, action: str, freeze: Freeze, replaces: Sequence[str] | None = None
) -> None:
    details: JsonObject = {
        "freeze": str(freeze.id),
        "name": found.name or ALL,
        "until": freeze.until.isoformat() if freeze.until else None,
        "reason": freeze.reason,
    }
    if replaces:
        details["replaces"] = list(replaces)
    work.audit(AuditFact(found.tenant, actor, action, found.audited, details, agent_id=found.agent_id))
