"""One L2 run as the audit has it: what ran, under which rule, and what its creator made of it since."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from bot.asking.parsing import from_json
from bot.ledger import AuditFact
from cards.views import L2View, RunView
from models.agent import Agent
from models.audit import AuditEntry
from models.values import ActionRequest, JsonObject

STOPPED, WRONG = "run.stopped", "run.flagged"

_BEFORE, _AFTER = timedelta(minutes=1), timedelta(minutes=10)
"""How far the entry of a check may be from the time in its notice: a commit may wait for the database."""


@dataclass(frozen=True, slots=True)
class Run:
    """A check that was allowed."""

    agent: Agent
    check_id: UUID
    at: datetime
    request: ActionRequest
    rule: str | None
    layer: str | None

    def fact(self, actor: str, action: str, details: JsonObject) -> AuditFact:
        """A fact about this run, found again by it."""
        return AuditFact(
            tenant=self.agent.tenant,
            actor=actor,
            action=action,
            subject=f"check:{self.check_id}",
            details={"action_type": self.request.action_type, "rule": self.rule, **details},
            agent_id=self.agent.id,
        )


async def run_of(agent: Agent, check_id: UUID, near: datetime) -> Run | None:
    """The run that this agent's check became; None for one that was not allowed, or is of another agent."""
    entries = AuditEntry.filter(agent_id=agent.id, at__gte=near - _BEFORE, at__lte=near + _AFTER)
    entry = await entries.filter(action="check.allowed", subject=f"check:{check_id}").order_by("id").first()
    if entry is None:
        return None
    return as_run(agent, check_id, entry)


def as_run(agent: Agent, check_id: UUID, entry: AuditEntry) -> Run:
    """The run that the entry of an allowed check tells of."""
    details = json.loads(entry.details)
    return Run(agent, check_id, entry.at, from_json(details["request"]), details.get("rule"), details.get("layer"))


async def view_of(run: Run, now: datetime, zone: tzinfo) -> RunView:
    """The notice as it stands now."""
    made = AuditEntry.filter(agent_id=run.agent.id, at__gte=run.at, subject=f"check:{run.check_id}")
    stopped = await made.filter(action=STOPPED).order_by("id").first()
    wrong = await made.filter(action=WRONG).order_by("id").first()
    details = json.loads(stopped.details) if stopped else {}
    flagged = json.loads(wrong.details) if wrong else {}
    return RunView(
        run=L2View(
            agent=run.agent.name,
            action_type=run.request.action_type,
            args=run.request.args,
            at=run.at,
            tool=run.request.tool,
            requester=run.request.requested_by,
            claimed_reason=run.request.reason,
            rule=run.rule,
            zone=zone,
        ),
        agent_id=run.agent.id,
        check_id=run.check_id,
        now=now,
        stopped_by=details.get("by"),
        stopped_at=stopped.at if stopped else None,
        stopped_rule=details.get("stopped"),
        stopped_version=details.get("before"),
        wrong_by=flagged.get("by"),
        wrong_at=wrong.at if wrong else None,
    )
