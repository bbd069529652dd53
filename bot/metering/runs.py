"""Every run of one agent that the audit tells of: allowed checks, claims, executions started by the service.

The audit grows while it is read. What was read is therefore marked by the heads of its chains, and not by times or ids,
which do not follow the order of commits: whoever goes on from a mark misses no run and meets none twice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot.asking.parsing import from_json
from models.approval import ApprovalRequest
from models.audit import AuditEntry, AuditWriter
from models.values import ActionRequest, JsonObject

ALLOWED = "check.allowed"
OF_AN_APPROVAL = ("approval.claimed", "execution.started")
PAGE = 1000
"""Entries that are read and parsed at once: some 20 ms in which the process does nothing else."""

Heads: TypeAlias = Mapping[str, int]
"""Of each chain of the audit the number of its last entry."""

_COLUMNS = ("id", "at", "writer", "seq", "action", "approval_id", "details")


@dataclass(frozen=True, slots=True)
class Run:
    action_type: str
    tool: str
    args: JsonObject
    at: datetime


async def heads() -> Heads:
    """How far the audit goes by now."""
    return dict(await AuditWriter.all().values_list("id", "seq"))


async def runs(agent_id: UUID, since: datetime, upto: Heads) -> AsyncIterator[Run]:
    """The runs from `since` on, as far as `upto`."""
    entries = _entries(agent_id).order_by("at", "id")
    rows = await _page(entries.filter(at__gte=since))
    while rows:
        for run in await _runs([row for row in rows if row[3] <= upto.get(row[2], 0)]):
            yield run
        last_id, last_at = rows[-1][:2]
        rows = await _page(entries.filter(Q(at__gt=last_at) | Q(id__gt=last_id), at__gte=last_at))


async def runs_after(agent_id: UUID, before: Heads, upto: Heads) -> AsyncIterator[Run]:
    """The runs that entered the audit between the two marks, whatever their time."""
    for writer, seq in upto.items():
        if seq > before.get(writer, 0):
            entries = _entries(agent_id).filter(writer=writer, seq__lte=seq).order_by("seq")
            last = before.get(writer, 0)
            while rows := await _page(entries.filter(seq__gt=last)):
                for run in await _runs(rows):
                    yield run
                last = rows[-1][3]


def _entries(agent_id: UUID) -> QuerySet[AuditEntry]:
    return AuditEntry.filter(agent_id=agent_id, action__in=[ALLOWED, *OF_AN_APPROVAL])


async def _page(entries: QuerySet[AuditEntry]) -> list[Any]:
    return list(await entries.limit(PAGE).values_list(*_COLUMNS))


async def _runs(rows: Sequence[Any]) -> list[Run]:
    approved = await _requests([row[5] for row in rows if row[4] in OF_AN_APPROVAL])
    found = []
    for _, at, _, _, action, approval_id, details in rows:
        request = approved.get(approval_id) if action in OF_AN_APPROVAL else _own(approval_id, details)
        if request is not None:
            found.append(Run(request.action_type, request.tool or "", request.args, at))
    return found


def _own(approval_id: UUID | None, details: str) -> ActionRequest | None:
    """The request of a check that no approval allowed; an approved one is counted by its claim."""
    return None if approval_id is not None else from_json(json.loads(details)["request"])


async def _requests(approvals: list[Any]) -> dict[UUID, ActionRequest]:
    rows = await ApprovalRequest.filter(id__in=approvals).values_list("id", "request") if approvals else []
    return {approval_id: from_json(json.loads(request)) for approval_id, request in rows}
