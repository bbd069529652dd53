"""What must be true when all lives are over: each has ended as it may, nobody was spammed, no card lies."""

from __future__ import annotations

import json
from collections import Counter
from uuid import UUID

from bot.audit.verifying import Verified, verify
from models.enums import ApprovalStatus, ExecutionStatus, Executor, OutboxState, Role
from models.tables import ApprovalRequest, CardCopy, Consent, OutboxMessage, User
from tests.lives.broken import Broken, demand
from tests.lives.shown import nothing_left_to_press, true_cards, true_queues
from tests.lives.spared import spared
from tests.lives.town import Town

__all__ = ["Broken", "judge"]


async def judge(town: Town) -> Counter[str]:
    """How many of what there were. Raises Broken, naming the law and the request."""
    counted = await _ended(town)
    await _rightly_decided()
    await _ran_once(town)
    await _told_to_agents(town)
    await _delivered()
    counted.update(await spared(town))
    counted["cards compared"] = await true_cards(town)
    counted["queues compared"] = await true_queues(town)
    await nothing_left_to_press(town)
    audit = await verify()
    if not isinstance(audit, Verified):
        raise Broken(f"the audit is broken: {audit}")
    return counted


async def _ended(town: Town) -> Counter[str]:
    counted: Counter[str] = Counter()
    known = {life.approval_id for life in town.lives}
    for approval in await ApprovalRequest.all():
        counted[approval.status.value] += 1
        demand(str(approval.id) in known, "a request that no agent knows", approval)
        demand(approval.status is not ApprovalStatus.PENDING, "a question is still open", approval)
        demand(approval.next_due_at is None, "something is still due", approval)
        if approval.execution is not ExecutionStatus.NOT_STARTED:
            demand(approval.execution.finished, "an execution never ended", approval)
    return counted


async def _rightly_decided() -> None:
    """By whoever was asked or owns it; by two people where two are needed; by others where duties are separated."""
    admins = {user.id for user in await User.filter(role=Role.ORG_ADMIN)}
    asked: dict[UUID, set[UUID]] = {}
    for approval_id, person_id in await CardCopy.all().values_list("approval_id", "person_id"):
        asked.setdefault(approval_id, set()).add(person_id)
    consents: dict[tuple[UUID, str], set[UUID]] = {}
    for consent in await Consent.all():
        consents.setdefault((consent.approval_id, consent.action_digest), set()).add(consent.person_id)
    for approval in await ApprovalRequest.filter(resolved_by_id__not_isnull=True):
        deciders = {approval.resolved_by_id} if approval.resolved_by_id else set()
        if approval.status is ApprovalStatus.APPROVED:
            deciders |= consents.get((approval.id, approval.action_digest), set())
            demand(len(deciders) >= approval.approvals_needed, "too few agreed", approval)
            separated = approval.duties_separated and approval.requester_id in deciders
            demand(not separated, "the requester approved alone what others must", approval)
        entitled = asked.get(approval.id, set()) | admins | {approval.creator_id}
        demand(deciders <= entitled, "somebody decided who was never asked", approval)


async def _ran_once(town: Town) -> None:
    rows = {str(approval.id): approval for approval in await ApprovalRequest.all()}
    for life in town.lives:
        approval = rows[life.approval_id]
        demand(life.go_aheads <= 1, f"{life.go_aheads} go-aheads", approval)
        if life.go_aheads:
            demand(approval.status is ApprovalStatus.APPROVED, "a go-ahead without approval", approval)
            demand(approval.executor is Executor.AGENT, "a go-ahead beside the service's execution", approval)
    orders = Counter(headers["webhook-id"] for headers in town.executor.headers)
    for order, headers in zip(town.executor.orders, town.executor.headers, strict=True):
        approval = rows[headers["webhook-id"]]
        demand(orders[headers["webhook-id"]] == 1, "executed more than once", approval)
        demand(approval.status is ApprovalStatus.APPROVED, "executed without approval", approval)
        demand(order["data"]["args"] == json.loads(approval.request)["args"], "other arguments ran", approval)
    for approval in rows.values():
        ordered = orders[str(approval.id)] > 0
        started = approval.executor is Executor.SERVICE and approval.execution is ExecutionStatus.SUCCEEDED
        demand(ordered or not started, "told as done, though nothing ran", approval)


async def _told_to_agents(town: Town) -> None:
    """Every agent that asks learns what the database says."""
    for life in town.lives:
        status, answer = await life.agent.call("GET", f"/v1/approvals/{life.approval_id}")
        approval = await ApprovalRequest.get(id=life.approval_id)
        demand(status == 200 and answer["status"] != "pending", f"the agent is told {answer.get('status')}", approval)
        refused = approval.status in (ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED, ApprovalStatus.CANCELLED)
        demand(not (refused and answer.get("allowed")), "the agent is told that it may", approval)


async def _delivered() -> None:
    left = await OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING])
    if left:
        raise Broken(f"{len(left)} messages are still in the outbox: {Counter(str(row.kind) for row in left)}")
