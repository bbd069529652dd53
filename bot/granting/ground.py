"""Whether a grant may spare a question at all: never past the tenant's floor, never what is denied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.approvals import stored_request
from bot.directory import Directory, KnownAgent
from bot.people.facts import requester_of
from bot.people.joining import People
from bot.policy.evaluate import evaluate
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import AgentStatus, ApprovalStatus, Level
from models.values import ActionRequest, Question, Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class Ground:
    """An approved request and what binds its agent now."""

    approval: ApprovalRequest
    agent: Agent
    request: ActionRequest
    known: KnownAgent


class Grounds:
    def __init__(self, directory: Directory, people: People) -> None:
        self._directory = directory
        self._people = people

    async def under(self, approval: ApprovalRequest, now: datetime) -> Ground | Refusal:
        """What a grant for this request would stand on, or why there can be none.

        Conditions that count runs are taken as their stricter outcome: a grant is no place for a guess.
        """
        if approval.status is not ApprovalStatus.APPROVED:
            return Refusal(RefusalKind.NOT_APPROVED, status=approval.status)
        if approval.approvals_needed > 1 or approval.duties_separated:  # one person's grant spares no question for two
            return Refusal(RefusalKind.BELOW_FLOOR)
        agent, request = await Agent.get(id=approval.agent_id), stored_request(approval)
        if agent.status is AgentStatus.ARCHIVED:
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=agent.name)
        known = await self._directory.present(agent.id)
        requester = await requester_of(self._people, agent.tenant, request.requested_by)
        decision = evaluate(known.policy, known.floor, Question(request, known.facts, now, requester), None)
        if decision.floor_level.strictness >= Level.L3.strictness:
            return Refusal(RefusalKind.BELOW_FLOOR, detail=decision.floor_rule)
        if decision.level is Level.DENY:
            return Refusal(RefusalKind.DENIED_NOW)
        return Ground(approval, agent, request, known)
