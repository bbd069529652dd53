"""Checks and runs of the past, read from the audit in the order in which they happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from time import perf_counter
from typing import Any, TypeAlias
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot.asking.parsing import from_json
from bot.policy.history import amounts_of, midnight_before
from bot.policy.parse import parse_floor, parse_policy
from bot.policy.replay import Recorded, recorded
from bot.policy.rules import Floor, Policy
from bot.policy.starter import starter_floor
from models.approval import ApprovalRequest
from models.audit import AuditEntry
from models.enums import Level
from models.policy import FloorVersion, PolicyVersion
from models.values import ActionRequest

BATCH = 250  # entries: their rows take a few milliseconds
OUTLINE = 500  # entries without their details

_ALLOWED = "check.allowed"
_CHECK = "check."
_CLAIMED = "approval.claimed"
_STARTED = "execution.started"
_WINDOW = timedelta(hours=25)
"""No condition looks back further than that, or than midnight."""

SLICE = 0.005
"""Seconds of work after which others get their turn."""


class Turns:
    """Gives the event loop back often enough that nobody notices the work."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def give_way(self) -> None:
        if perf_counter() - self._since > SLICE:
            await asyncio.sleep(0)
            self._since = perf_counter()


@dataclass(frozen=True, slots=True)
class Scope:
    """One agent's entries, or those of all the agents of a tenant."""

    tenant: str
    agent_id: UUID | None = None

    def within(self, since: datetime, until: datetime) -> QuerySet[AuditEntry]:
        own = AuditEntry.filter(agent_id=self.agent_id) if self.agent_id else AuditEntry.filter(tenant=self.tenant)
        return own.filter(at__gte=since, at__lte=until)


@dataclass(frozen=True, slots=True)
class Begin:
    """Where the replay begins, and how many entries of checks follow."""

    at: datetime
    id: int
    checks: int
    limited: bool


async def begin_of(scope: Scope, since: datetime, until: datetime, limit: int) -> Begin:
    """The newest `limit` checks of the period, found backwards without their details."""
    checks, at, first = 0, until, 0
    newest: tuple[datetime, int] | None = None
    while True:
        part = scope.within(since, until).filter(action__startswith=_CHECK)
        if newest is not None:
            part = part.filter(Q(at__lt=newest[0]) | Q(at=newest[0], id__lt=newest[1]), at__lte=newest[0])
        rows = await part.order_by("-at", "-id").limit(OUTLINE).values_list("at", "id")
        if checks + len(rows) > limit:
            at, first = rows[limit - checks - 1]
            return Begin(at, first, limit, limited=True)
        checks += len(rows)
        if len(rows) < OUTLINE:
            return Begin(since, 0, checks, limited=False)
        newest = rows[-1]


@dataclass(frozen=True, slots=True)
class Run:
    """Something that an agent did, as counters see it."""

    agent_id: UUID
    action: str
    tool: str
    at: datetime
    amounts: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """One check of the period, as it was recorded first; `run` is what it allowed at once."""

    check_id: UUID
    at: datetime
    agent_id: UUID
    request: ActionRequest
    action_digest: str
    recorded: Recorded
    run: Run | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """Another entry of a check that was held, or one that cannot be read."""

    readable: bool


Step: TypeAlias = CheckEntry | Repeated | Run
Batch: TypeAlias = Iterator[Step]


async def batches(scope: Scope, begin: Begin, until: datetime, zone: tzinfo) -> AsyncIterator[Batch]:
    """What happened, oldest first; before the period only runs, as far back as conditions can look."""
    since = min(begin.at - _WINDOW, midnight_before(begin.at, zone)).replace(second=0, microsecond=0)
    reader, last = _Reader(begin), (since, 0)
    while True:
        after = Q(at__gt=last[0]) | Q(at=last[0], id__gt=last[1])
        entries = scope.within(last[0], until).filter(
            after, Q(action__startswith=_CHECK) | Q(action__in=[_CLAIMED, _STARTED]), agent_id__isnull=False
        )
        rows = await entries.order_by("at", "id").limit(BATCH).values_list(*_COLUMNS)
        approved = await _approved([row[_APPROVAL] for row in rows if not row[_ACTION].startswith(_CHECK)])
        yield reader.steps(rows, approved)
        if len(rows) < BATCH:
            yield reader.rest()
            return
        last = rows[-1][0], rows[-1][1]


_COLUMNS = ("at", "id", "action", "subject", "agent_id", "approval_id", "details")
_ACTION, _APPROVAL = _COLUMNS.index("action"), _COLUMNS.index("approval_id")


async def _approved(approvals: list[UUID]) -> dict[UUID, str]:
    """The stored requests of approvals that were claimed or executed."""
    if not approvals:
        return {}
    return dict(await ApprovalRequest.filter(id__in=approvals).values_list("id", "request"))


class _Reader:
    """Decodes rows one at a time, whenever the next step is wanted."""

    def __init__(self, begin: Begin) -> None:
        self._begin = (begin.at, begin.id)
        self._seen: set[str] = set()
        self._claim: tuple[Any, Run] | None = None  # its approval, and the claim of it

    def steps(self, rows: list[tuple[Any, ...]], approved: dict[UUID, str]) -> Iterator[Step]:
        for row in rows:
            at, number, action, subject, agent_id, approval_id, details = row
            if not action.startswith(_CHECK):
                yield from self.rest()
                if (text := approved.get(approval_id)) is not None:
                    run = _run(agent_id, at, from_json(json.loads(text)))
                    if action == _CLAIMED:
                        self._claim = approval_id, run
                    else:
                        yield run
                continue
            # A repeat that claims is decided before the claim that its own transaction records first.
            claimed = None
            if self._claim is not None and self._claim[0] == approval_id and self._claim[1].at == at:
                claimed, self._claim = self._claim[1], None
            yield from self.rest()
            yield from self._check((at, number), action, subject, agent_id, approval_id, details)
            if claimed is not None:
                yield claimed

    def rest(self) -> Iterator[Step]:
        """The claim that waited for the check that it might belong to."""
        if self._claim is not None:
            run, self._claim = self._claim[1], None
            yield run

    def _check(
        self,
        place: tuple[datetime, int],
        action: str,
        subject: str,
        agent_id: UUID,
        approval_id: UUID | None,
        details: str,
    ) -> Iterator[Step]:
        at = place[0]
        allowed = action == _ALLOWED and approval_id is None
        if place < self._begin:
            if allowed and (run := _run_of(agent_id, at, details)) is not None:
                yield run
            return
        if approval_id is not None:
            if subject in self._seen:
                yield Repeated(readable=True)
                return
            self._seen.add(subject)
        try:
            body = json.loads(details)
            request = from_json(body["request"])
            run = _run(agent_id, at, request) if allowed else None
            digest, was = str(body["action_digest"]), recorded(body)
            yield CheckEntry(UUID(subject.partition(":")[2]), at, agent_id, request, digest, was, run)
        except (ValueError, KeyError, TypeError):  # not what a check writes
            yield Repeated(readable=False)


def _run_of(agent_id: UUID, at: datetime, details: str) -> Run | None:
    try:
        return _run(agent_id, at, from_json(json.loads(details)["request"]))
    except (ValueError, KeyError, TypeError):
        return None


def _run(agent_id: UUID, at: datetime, request: ActionRequest) -> Run:
    return Run(agent_id, request.action_type, request.tool or "", at, amounts_of(request.args))


class PinnedRules:
    """Policies and floors as they were, each looked up once."""

    def __init__(self) -> None:
        self._policies: dict[tuple[UUID, int], Policy] = {}
        self._floors: dict[str, list[tuple[datetime, Floor]]] = {}

    async def policy(self, agent_id: UUID, version: int) -> Policy:
        """The version that is named by a check. ValueError where it was never written or cannot be read."""
        if (known := self._policies.get((agent_id, version))) is None:
            written = await PolicyVersion.get_or_none(agent_id=agent_id, version=version)
            if written is None:
                raise ValueError(f"no policy version {version}")
            known = parse_policy(json.loads(written.document), default=Level.DENY, version=version)
            self._policies[agent_id, version] = known
        return known

    async def floor(self, tenant: str, at: datetime) -> Floor:
        """The floor that was in force at that time."""
        if (versions := self._floors.get(tenant)) is None:
            rows = await FloorVersion.filter(tenant=tenant).order_by("-version")
            versions = [(row.created_at, parse_floor(json.loads(row.document), version=row.version)) for row in rows]
            self._floors[tenant] = versions
        return next((floor for written, floor in versions if written <= at), _STARTER_FLOOR)


_STARTER_FLOOR = starter_floor()
