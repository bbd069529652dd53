"""Which check or approval request an id means, for somebody who may see it.

What the reader may not see does not exist for the reader: not in an answer, not in what makes a short id ambiguous.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from bot.administration.actors import Actor
from bot.administration.values import Declined, Why
from bot.consenting import seen_in_person
from bot.directory import Caller
from bot.people.joining import People
from models.agent import Agent
from models.approval import ApprovalRequest
from models.audit import AuditEntry
from models.enums import ApprovalStatus
from models.values import Refusal, RefusalKind

Reader: TypeAlias = Actor | Caller
"""A person, whoever runs the command line, or an agent that asks about itself."""

CHECK_PREFIX = 8
"""Digits that the beginning of a check's id must have: they fix its time to a minute, and so where to look."""

_ID = re.compile(r"[0-9a-f]{4,32}")
_CODE = re.compile(r"[0-9a-f]{6}")
_CANDIDATES = 50
_BEFORE, _AFTER = timedelta(minutes=10), timedelta(minutes=15)
"""How far the entry of a check may be from the time in its id: clocks differ, commits wait, waits are held."""

_LOOK_BACK = 20_000
"""Entries that are searched for a whole id whose time is not that of any entry, as after a clock was set."""


@dataclass(frozen=True, slots=True)
class Located:
    """The first entry of the check, and the approval request that answered it; one of them at least."""

    entry: AuditEntry | None
    approval: ApprovalRequest | None


async def locate(people: People, reader: Reader, text: str) -> Located | Refusal | Declined:
    """By a whole id, an unambiguous beginning of one, or the code on a card."""
    digits = text.strip().lower().replace("-", "")
    nothing = Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=text.strip()[:100])
    if not _ID.fullmatch(digits):
        return nothing
    sight = await _Sight.of(people, reader)
    approvals = await sight.approvals(digits)
    checks = await sight.checks(digits)
    known = {approval.id for approval in approvals}
    others = [entry for entry in checks if entry.approval_id not in known or len(digits) == 32]
    if len(digits) == 32 and others:
        return await _of_entry(others[0])
    if len(approvals) + len(others) > 1:
        return Declined(Why.AMBIGUOUS, text.strip())
    if approvals:
        return Located(await _opening(approvals[0]), approvals[0])
    if others:
        return await _of_entry(others[0])
    coded = await sight.with_code(digits) if _CODE.fullmatch(digits) else []
    if len(coded) == 1:
        return Located(await _opening(coded[0]), coded[0])
    return Declined(Why.AMBIGUOUS, text.strip()) if coded else nothing


async def _of_entry(entry: AuditEntry) -> Located:
    approval = await ApprovalRequest.get_or_none(id=entry.approval_id) if entry.approval_id else None
    return Located(entry, approval)


async def _opening(approval: ApprovalRequest) -> AuditEntry | None:
    """The check that opened the request."""
    own = AuditEntry.filter(approval_id=approval.id)
    return await own.filter(subject=f"check:{approval.check_id}").order_by("id").first()


class _Sight:
    """What one reader may see: the agent's creator, the requester, who was asked, admins, and the agent its own."""

    def __init__(self, people: People, reader: Reader, tenants: list[str], agents: list[UUID]) -> None:
        self._people = people
        self._reader = reader
        self._tenants = tenants
        self._agents = agents  # of which the reader sees everything

    @classmethod
    async def of(cls, people: People, reader: Reader) -> _Sight:
        if isinstance(reader, Caller):
            agent = await Agent.get(id=reader.agent_id)
            return cls(people, reader, [agent.tenant], [agent.id])
        own = Agent.all()
        if not reader.everywhere and reader.person is not None:
            mine = Q(creator_id=reader.person.id)
            own = own.filter(mine | Q(tenant=reader.tenant) if reader.administers(reader.tenant) else mine)
        agents = await own.values_list("id", "tenant")
        tenants = {tenant for _, tenant in agents} | {reader.tenant}
        return cls(people, reader, sorted(tenants), [agent_id for agent_id, _ in agents])

    async def approvals(self, digits: str) -> list[ApprovalRequest]:
        low, high = _range(digits)
        return await self._seen().filter(id__gte=low, id__lte=high).order_by("-id").limit(_CANDIDATES)

    async def with_code(self, code: str) -> list[ApprovalRequest]:
        """The one that waits, else the newest: a repeated action keeps its code."""
        alike = self._seen().filter(action_digest__startswith=f"sha256:{code}")
        found = await alike.order_by("-id").limit(_CANDIDATES)
        waiting = [row for row in found if row.status is ApprovalStatus.PENDING]
        same = len({row.action_digest for row in found}) == 1
        return waiting or (found[:1] if same else found)

    async def checks(self, digits: str) -> list[AuditEntry]:
        """The first entry of each check whose id begins so."""
        window = _window(digits)
        if window is None:
            return []
        subject = f"check:{_hyphenated(digits)}"
        named = self._entries().filter(at__gte=window[0], at__lte=window[1])
        rows = await named.filter(subject__startswith=subject).order_by("id").limit(_CANDIDATES)
        if not rows and len(digits) == 32:
            rows = await self._elsewhere(subject)
        first = {row.subject: row for row in reversed(rows)}
        return [row for row in reversed(first.values()) if await self._sees(row)]

    async def _elsewhere(self, subject: str) -> list[AuditEntry]:
        newest = self._entries().order_by("-at")
        begin = await newest.offset(_LOOK_BACK).limit(1).values_list("at", flat=True)
        within = self._entries().filter(at__gte=begin[0]) if begin else self._entries()
        return await within.filter(subject=subject).order_by("id").limit(_CANDIDATES)

    async def _sees(self, entry: AuditEntry) -> bool:
        if entry.agent_id in self._agents:
            return True
        person = None if isinstance(self._reader, Caller) else self._reader.person
        if person is None or entry.tenant != person.tenant:
            return False
        if entry.approval_id and await seen_in_person(person.id).filter(approval_id=entry.approval_id).exists():
            return True
        said = json.loads(entry.details).get("request", {}).get("requested_by")
        requester = await self._people.find(entry.tenant, said) if isinstance(said, str) else None
        return requester is not None and requester.id == person.id

    def _entries(self) -> QuerySet[AuditEntry]:
        if isinstance(self._reader, Caller):
            return AuditEntry.filter(agent_id=self._reader.agent_id)
        return AuditEntry.filter(tenant__in=self._tenants)

    def _seen(self) -> QuerySet[ApprovalRequest]:
        reader = self._reader
        if isinstance(reader, Caller):
            return ApprovalRequest.filter(agent_id=reader.agent_id)
        if reader.everywhere or reader.person is None:
            return ApprovalRequest.all()
        asked = Subquery(seen_in_person(reader.person.id).values("approval_id"))
        mine = Q(creator_id=reader.person.id) | Q(requester_id=reader.person.id) | Q(id__in=asked)
        return ApprovalRequest.filter(mine | Q(tenant=reader.tenant) if reader.administers(reader.tenant) else mine)


def _range(digits: str) -> tuple[UUID, UUID]:
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _window(digits: str) -> tuple[datetime, datetime] | None:
    """When checks with such ids were recorded: the ids begin with milliseconds since 1970 (RFC 9562, version 7)."""
    if len(digits) < CHECK_PREFIX:
        return None
    low, high = (bound.int >> 80 for bound in _range(digits))
    try:
        begin, end = (datetime.fromtimestamp(bound / 1000, UTC) for bound in (low, high))
        return begin - _BEFORE, end + _AFTER
    except (ValueError, OverflowError):  # no time of ours
        return None


def _hyphenated(digits: str) -> str:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(part for part in parts if part)
