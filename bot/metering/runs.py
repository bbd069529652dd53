"""Every run of one agent that the audit tells of: allowed checks, claims, executions started by the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.asking.parsing import from_json
from models.approval import ApprovalRequest
from models.audit import AuditEntry
from models.values import ActionRequest, JsonObject

ALLOWED = "check.allowed"
OF_AN_APPROVAL = ("approval.claimed", "execution.started")
SLICE = timedelta(hours=1)
"""What is read at once."""


@dataclass(frozen=True, slots=True)
class Run:
    action_type: str
    tool: str
    args: JsonObject
    at: datetime


async def runs(
    agent_id: UUID, since: datetime, now: datetime, counts: Callable[[str, str], bool]
) -> AsyncIterator[Run]:
    """The runs from `since` on of the actions and tools that count."""
    entries = AuditEntry.filter(agent_id=agent_id, action__in=[ALLOWED, *OF_AN_APPROVAL])
    while True:
        part = entries.filter(at__gte=since)
        last = since + SLICE > now
        if not last:
            part = part.filter(at__lt=since + SLICE)
        rows = await part.values_list("action", "at", "approval_id", "details")
        approved = await _requests([approval for action, _, approval, _ in rows if action in OF_AN_APPROVAL])
        for action, at, approval_id, details in rows:
            request = approved.get(approval_id) if action in OF_AN_APPROVAL else _own(approval_id, details)
            if request is not None and counts(request.action_type, request.tool or ""):
                yield Run(request.action_type, request.tool or "", request.args, at)
        if last:
            return
        since += SLICE


def _own(approval_id: UUID | None, details: str) -> ActionRequest | None:
    """The request of a check that no approval allowed; an approved one is counted by its claim."""
    return None if approval_id is not None else from_json(json.loads(details)["request"])


async def _requests(approvals: list[Any]) -> dict[UUID, ActionRequest]:
    rows = await ApprovalRequest.filter(id__in=approvals).values_list("id", "request") if approvals else []
    return {approval_id: from_json(json.loads(request)) for approval_id, request in rows}
