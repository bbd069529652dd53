"""What people may look at, read from the tables as values: an approval's page, an inbox, pending lines, audit lines.

Nothing is masked or worded here (cards.mask and the pages do), and nothing is decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from bot import answers
from bot.asking.parsing import from_json
from bot.ports import Clock
from cards.mask import mask_text
from cards.views import AuditLine, CopyView, PendingItem
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.audit import AuditEntry
from models.enums import ApprovalStatus, Delivery, Executor, Role, Via
from models.notification import Notification
from models.user import User
from models.values import ActionRequest, ExecutionView, JsonObject, Operator, short_code

INBOX_LINES = 50
PENDING_LINES = 50
TIMELINE_STEPS = 200
AUDIT_ENTRIES = 200
"""Newest first; a page says how many there are in all."""


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """Something that happened to an approval request, as its audit entry tells it."""

    at: datetime
    actor: str  # display name
    actor_kind: str  # agent, user, system, cli, link
    action: str
    details: JsonObject


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """Where an audit entry stands in its chain."""

    at: datetime
    writer: str
    seq: int
    hash: str
    actor: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPage:
    """All there is to know of one approval request. Arguments, reason and result are whole and unmasked."""

    reader: Operator
    now: datetime
    approval_id: UUID
    check_id: UUID
    action_digest: str
    agent: str
    creator: str
    creator_reads: bool  # the reader is the creator
    requester: str | None
    request: ActionRequest
    rule: str | None
    policy_version: int
    status: ApprovalStatus
    executor: Executor
    created_at: datetime
    expires_at: datetime
    attempt: int
    reminders: int
    resolver: str | None
    resolved_at: datetime | None
    resolved_via: Via | None
    resolution_reason: str | None
    claimed_at: datetime | None
    claim_expires_at: datetime | None
    execution: ExecutionView
    delivery: Delivery
    delivery_detail: str | None
    copies: tuple[CopyView, ...]
    timeline: tuple[TimelineStep, ...]  # oldest first
    entries: tuple[ChainedEntry, ...]  # oldest first
    entries_total: int

    @property
    def code(self) -> str:
        return short_code(self.action_digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxLine:
    id: UUID
    type: str
    title: str
    body: str
    approval_id: UUID | None
    read_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """A person's inbox, newest first from `before` on; `older` continues it."""

    reader: Operator
    now: datetime
    lines: tuple[InboxLine, ...]
    unread: int
    older: UUID | None
    pending: tuple[PendingItem, ...]  # oldest first


def may_see(reader: Operator, *, tenant: str, creator_id: UUID, requester_id: UUID | None) -> bool:
    """Whether an approval's page is shown to this person."""
    return reader.id in (creator_id, requester_id) or reader.administers(tenant)


class Reading:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def reader(self, person_id: UUID) -> Operator | None:
        """Who reads; whoever was joined with another person is that other."""
        person = await User.get_or_none(id=person_id)
        while person is not None and person.joined_with is not None:
            person = await User.get_or_none(id=person.joined_with)
        if person is None:
            return None
        return Operator(person.id, person.tenant, person.role, person.name, person.language)

    async def approval_page(self, approval_id: UUID, person_id: UUID) -> ApprovalPage | None:
        """The whole page; None for who may not see it, just as for an approval that does not exist."""
        reader = await self.reader(person_id)
        approval = await ApprovalRequest.get_or_none(id=approval_id).select_related("agent", "creator", "requester")
        if reader is None or approval is None:
            return None
        if not may_see(
            reader, tenant=approval.tenant, creator_id=approval.creator_id, requester_id=approval.requester_id
        ):
            return None
        steps, entries, total = await self._entries(approval.id)
        return ApprovalPage(
            reader=reader,
            now=self._clock.now(),
            approval_id=approval.id,
            check_id=approval.check_id,
            action_digest=approval.action_digest,
            agent=approval.agent.name,
            creator=approval.creator.name,
            creator_reads=reader.id == approval.creator_id,
            requester=approval.requester.name if approval.requester else None,
            request=from_json(json.loads(approval.request)),
            rule=approval.rule,
            policy_version=approval.policy_version,
            status=approval.status,
            executor=approval.executor,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            attempt=approval.attempt,
            reminders=approval.reminders_sent,
            resolver=approval.resolver_name,
            resolved_at=approval.resolved_at,
            resolved_via=approval.resolved_via,
            resolution_reason=approval.resolution_reason,
            claimed_at=approval.claimed_at,
            claim_expires_at=approval.claim_expires_at,
            execution=answers.execution_of(approval),
            delivery=approval.delivery,
            delivery_detail=approval.delivery_detail,
            copies=await self._copies(approval.id),
            timeline=steps,
            entries=entries,
            entries_total=total,
        )

    async def inbox(self, person_id: UUID, *, before: UUID | None = None) -> InboxPage | None:
        """The person's inbox from the line after `before` on; None for a person who does not exist."""
        reader = await self.reader(person_id)
        if reader is None:
            return None
        own = Notification.filter(person_id=reader.id)
        # Ids are time-ordered, so they are both the order and the place to continue from.
        rows = await (own.filter(id__lt=before) if before else own).order_by("-id").limit(INBOX_LINES + 1)
        shown = rows[:INBOX_LINES]
        return InboxPage(
            reader=reader,
            now=self._clock.now(),
            lines=tuple(_inbox_line(row) for row in shown),
            unread=await own.filter(read_at__isnull=True).count(),
            older=shown[-1].id if len(rows) > INBOX_LINES else None,
            pending=tuple(await self.pending_for(reader)),
        )

    async def mark_read(self, person_id: UUID, line: UUID | None = None) -> int:
        """How many lines of the person's inbox are now read by this call: one, or all. The only thing written here."""
        reader = await self.reader(person_id)
        if reader is None:
            return 0
        unread = Notification.filter(person_id=reader.id, read_at__isnull=True)
        return await (unread.filter(id=line) if line else unread).update(read_at=self._clock.now())

    async def pending_for(self, operator: Operator, *, limit: int = PENDING_LINES) -> list[PendingItem]:
        """What waits for this person: as the creator, or because the person was asked too. Oldest first."""
        asked = await CardCopy.filter(person_id=operator.id, approval__status=ApprovalStatus.PENDING).values_list(
            "approval_id", flat=True
        )
        waiting = (
            ApprovalRequest.filter(Q(creator_id=operator.id) | Q(id__in=list(asked)))
            .filter(status=ApprovalStatus.PENDING, expires_at__gt=self._clock.now())
            .order_by("created_at", "id")
            .limit(limit)
            .select_related("agent")
        )
        return [
            PendingItem(
                approval_id=row.id,
                code=short_code(row.action_digest),
                agent=row.agent.name,
                action_type=row.action_type,
                created_at=row.created_at,
                expires_at=row.expires_at,
            )
            for row in await waiting
        ]

    async def audit_lines(
        self, operator: Operator, *, agent_id: UUID | None = None, approval_id: UUID | None = None, limit: int = 20
    ) -> list[AuditLine]:
        """The newest audit entries that this person may see, newest first.

        A platform admin sees all, an org admin the tenant's, anyone else those of the own agents and of the own acts.
        """
        entries = AuditEntry.all()
        if operator.role is Role.ORG_ADMIN:
            entries = entries.filter(tenant=operator.tenant)
        elif operator.role is not Role.PLATFORM_ADMIN:
            own = await Agent.filter(creator_id=operator.id).values_list("id", flat=True)
            entries = entries.filter(Q(agent_id__in=list(own)) | Q(actor=f"user:{operator.id}"))
        if agent_id is not None:
            entries = entries.filter(agent_id=agent_id)
        if approval_id is not None:
            entries = entries.filter(approval_id=approval_id)
        rows = await entries.order_by("-id").limit(limit)
        names = await _names(row.actor for row in rows)
        return [
            AuditLine(
                at=row.at,
                actor=names.get(row.actor, row.actor),
                action=row.action,
                subject=row.subject,
                detail=_summary(json.loads(row.details)),
            )
            for row in rows
        ]

    async def _copies(self, approval_id: UUID) -> tuple[CopyView, ...]:
        rows = await CardCopy.filter(approval_id=approval_id).order_by("id").select_related("person")
        return tuple(
            CopyView(person=row.person.name, state=row.state, sent_at=row.sent_at, detail=row.fault) for row in rows
        )

    async def _entries(self, approval_id: UUID) -> tuple[tuple[TimelineStep, ...], tuple[ChainedEntry, ...], int]:
        """The timeline, the newest chained entries, and how many there are.

        Every check repeats the whole request in its details, so the details of checks are not even loaded.
        """
        own = AuditEntry.filter(approval_id=approval_id)
        told = await own.exclude(action__startswith="check.").order_by("-id").limit(TIMELINE_STEPS)
        rows = (
            await own.only("id", "at", "writer", "seq", "hash", "actor", "action").order_by("-id").limit(AUDIT_ENTRIES)
        )
        names = await _names([row.actor for row in (*told, *rows)])
        steps = tuple(_step(row, names) for row in reversed(told))
        entries = tuple(
            ChainedEntry(row.at, row.writer, row.seq, row.hash, names.get(row.actor, row.actor), row.action)
            for row in reversed(rows)
        )
        return steps, entries, await own.count()


def _step(row: AuditEntry, names: dict[str, str]) -> TimelineStep:
    kind = row.actor.partition(":")[0]
    return TimelineStep(row.at, names.get(row.actor, row.actor), kind, row.action, json.loads(row.details))


def _inbox_line(row: Notification) -> InboxLine:
    return InboxLine(
        id=row.id,
        type=row.type,
        title=row.title,
        body=row.body,
        approval_id=row.approval_id,
        read_at=row.read_at,
        created_at=row.created_at,
    )


async def _names(actors: Iterable[str]) -> dict[str, str]:
    """The display name of every actor that is an agent or a person."""
    ids: dict[str, set[UUID]] = {"agent": set(), "user": set()}
    for actor in set(actors):
        kind, _, name = actor.partition(":")
        if kind in ids and (found := _uuid(name)):
            ids[kind].add(found)
    agents = await Agent.filter(id__in=list(ids["agent"])).values_list("id", "name") if ids["agent"] else []
    people = await User.filter(id__in=list(ids["user"])).values_list("id", "name") if ids["user"] else []
    return {f"agent:{id_}": name for id_, name in agents} | {f"user:{id_}": name for id_, name in people}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


_TELLING = ("level", "rule", "status", "refusal", "execution", "via", "reason", "error")


def _summary(details: JsonObject) -> str | None:
    """The telling members of an entry's details on one line, secrets masked."""
    request = details.get("request")
    told = [f"action_type={request['action_type']}"] if isinstance(request, dict) and "action_type" in request else []
    told += [f"{name}={details[name]}" for name in _TELLING if details.get(name) not in (None, "")]
    return mask_text(" ".join(told))[:300] or None
