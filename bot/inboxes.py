"""A person's inbox: what waits for the person, with what is needed to tell it apart, and the notifications. Reads only.

Nothing is masked or worded here (cards.mask and the pages do).
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bot.consenting import stands
from bot.queueing.reading import queue_of
from bot.stored import stored_request
from models.approval import ApprovalRequest, CardCopy, Consent
from models.enums import AskedAs, Delivery, Severity
from models.notification import Notification
from models.values import JsonObject, Operator, short_code

INBOX_LINES = 50
WAITING_LINES = 50


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
class WaitingLine:
    """One request that waits for the person. Arguments are whole and unmasked."""

    approval_id: UUID
    code: str
    agent: str
    action_type: str
    tool: str | None
    args: JsonObject
    severity: Severity
    created_at: datetime
    expires_at: datetime
    asked_as: AskedAs | None  # None: the creator, who was not asked at all
    asked: tuple[str, ...]  # who else was
    needed: int
    given: int  # approvals so far
    snoozed_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """A person's inbox, newest first from `before` on; `older` continues it."""

    reader: Operator
    now: datetime
    lines: tuple[InboxLine, ...]
    unread: int
    older: UUID | None
    waiting: tuple[WaitingLine, ...]  # in the order of the queue card: oldest first, behind it what was put off
    waiting_total: int


async def inbox_of(reader: Operator, now: datetime, *, before: UUID | None = None) -> InboxPage:
    """The inbox from the line after `before` on."""
    own = Notification.filter(person_id=reader.id)
    # Ids are time-ordered, so they are both the order and the place to continue from.
    rows = await (own.filter(id__lt=before) if before else own).order_by("-id").limit(INBOX_LINES + 1)
    shown = rows[:INBOX_LINES]
    queue = await queue_of(reader.id, now)
    return InboxPage(
        reader=reader,
        now=now,
        lines=tuple(_line(row) for row in shown),
        unread=await own.filter(read_at__isnull=True).count(),
        older=shown[-1].id if len(rows) > INBOX_LINES else None,
        waiting=await _waiting([one.id for one in queue[:WAITING_LINES]], reader, now),
        waiting_total=len(queue),
    )


async def _waiting(ids: Sequence[UUID], reader: Operator, now: datetime) -> tuple[WaitingLine, ...]:
    found = await ApprovalRequest.filter(id__in=ids).select_related("agent")
    rows = {row.id: row for row in found}
    copies: defaultdict[UUID, list[CardCopy]] = defaultdict(list)
    for copy in await CardCopy.filter(approval_id__in=ids).order_by("id").select_related("person"):
        copies[copy.approval_id].append(copy)
    consents = [(one, rows[one.approval_id]) for one in await Consent.filter(approval_id__in=ids)]
    given = Counter([row.id for one, row in consents if stands(one, row, row.requester_id)])
    here = [rows[id_] for id_ in ids if id_ in rows]
    # Reading fifty requests of up to 256 KiB takes long enough to be noticed by every other request.
    return await asyncio.to_thread(
        lambda: tuple(_told(row, copies[row.id], given[row.id], reader, now) for row in here)
    )


def _told(row: ApprovalRequest, copies: Sequence[CardCopy], given: int, reader: Operator, now: datetime) -> WaitingLine:
    mine = next((copy for copy in copies if copy.person_id == reader.id), None)
    reached = [copy for copy in copies if copy.person_id != reader.id and copy.state is not Delivery.UNDELIVERABLE]
    until = mine.snoozed_until if mine else None
    return WaitingLine(
        approval_id=row.id,
        code=short_code(row.action_digest),
        agent=row.agent.name,
        action_type=row.action_type,
        tool=row.tool,
        args=stored_request(row).args,
        severity=row.severity,
        created_at=row.created_at,
        expires_at=row.expires_at,
        asked_as=mine.asked_as if mine else None,
        asked=tuple(copy.person.name for copy in reached),
        needed=row.approvals_needed,
        given=given,
        snoozed_until=until if until and until > now else None,
    )


def _line(row: Notification) -> InboxLine:
    return InboxLine(
        id=row.id,
        type=row.type,
        title=row.title,
        body=row.body,
        approval_id=row.approval_id,
        read_at=row.read_at,
        created_at=row.created_at,
    )
