"""Performing approved actions: started at most once, never inside a transaction, never repeated after a lost answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from tortoise.expressions import F

from bot import lifecycle
from bot.approvals import RESULT_LIMIT, ApprovalService, stored_request
from bot.checking.binding import Binding, Bound
from bot.digest import action_digest
from bot.directory import Directory, KnownAgent
from bot.epoch import hold_epoch
from bot.foreign_json import storable_text
from bot.freezing.standstill import longest
from bot.ledger import Ledger, Work, approval_fact
from bot.ports import ActionExecutor, ExecutionOrder, Outcome, OutcomeKind
from bot.secrecy.box import SealBroken
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import AgentStatus, ApprovalStatus, ExecutionStatus, Executor, Layer, Level
from models.values import Decision, Json, JsonObject

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
"""Longer than any executor may take. Once it is over without an answer, the outcome is unknown for good."""

MARGIN = timedelta(seconds=20)
"""Of the lease, kept for writing the outcome down."""

FREEZE_LOOK = timedelta(minutes=1)
"""How soon what a freeze put off is looked at again, unless the freeze ends or is lifted before."""

_PAUSES = (0.2, 1.0, 3.0, 8.0)  # seconds between attempts to write an outcome down, within MARGIN

ERROR_LIMIT = 4000  # characters
HEAD_LIMIT = 8 * 1024  # characters that are kept of a result beyond RESULT_LIMIT

_LOST = "The service stopped, or its lease ran out, before the executor's answer was recorded; the action may have run."


class Unseal(Protocol):
    """bot.secrecy.box.SecretBox.open. Raises SealBroken."""

    def __call__(self, sealed: str, *, bound_to: str) -> str: ...


@dataclass(frozen=True, slots=True)
class _Start:
    """The one start is committed; from here on the order is given once."""

    url: str
    secrets: list[str]
    order: ExecutionOrder


class Executions:
    def __init__(
        self,
        ledger: Ledger,
        approvals: ApprovalService,
        directory: Directory,
        binding: Binding,
        executor: ActionExecutor,
        unseal: Unseal,
        *,
        lease: timedelta = LEASE,
    ) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._directory = directory
        self._binding = binding
        self._executor = executor
        self._unseal = unseal
        self._lease = lease

    async def run(self, approval_id: UUID) -> datetime | None:
        """The approved action was performed, by this call or another; else when to look again.

        That is the end of another's lease, or a time during a freeze, which puts every start off and loses none.
        """
        begun = await self._begin(approval_id)
        if not isinstance(begun, _Start):
            return begun
        await self._record(approval_id, await self._execute(begun))
        return None

    async def abandon(self, work: Work, approval_id: UUID, why: str) -> None:
        """An execution that could never be started has failed, visibly; one that was started is left to its lease."""
        approval = await ApprovalRequest.get(id=approval_id)
        if await self._enter(work, approval, started=False):
            await self._approvals.using.finish_execution(work, approval, ExecutionStatus.FAILED, error=why)

    async def recover(self, now: datetime) -> int:
        """How many executions became `unknown` because whoever ran them is gone."""
        lost = ApprovalRequest.filter(
            executor=Executor.SERVICE, execution=ExecutionStatus.RUNNING, execution_lease_until__lte=now
        )
        count = 0
        for one in await lost.order_by("execution_lease_until").limit(100):
            try:
                async with self._ledger.transaction() as work:
                    count += await self._recover(work, await ApprovalRequest.get(id=one.id))
            except Exception:  # one that cannot be told must not keep the others from it
                log.exception("execution.not_recovered", approval=str(one.id))
        return count

    async def _begin(self, approval_id: UUID) -> _Start | datetime | None:
        await self._prepare(approval_id)
        async with self._ledger.transaction() as work:
            # The first of all locks. What stops the agent either is seen here, or comes after the start.
            await hold_epoch()
            approval = await ApprovalRequest.get(id=approval_id)
            match lifecycle.execution_recovery(approval.facts(), approval.execution_lease_until, work.now):
                case lifecycle.LeaveRunning(until):
                    return until
                case lifecycle.MarkUnknown():
                    await self._recover(work, approval)
                    return None
                case lifecycle.NothingToDo():
                    return None
                case lifecycle.Start():
                    return await self._start(work, approval)

    async def _prepare(self, approval_id: UUID) -> None:
        """What the start has to count is counted before it holds anything."""
        approval = await ApprovalRequest.get(id=approval_id)
        known = await self._directory.present(approval.agent_id)
        try:
            await self._binding.prepare(known, stored_request(approval), self._ledger.now())
        except ValueError:  # a request that cannot be read; the start says so
            return

    async def _start(self, work: Work, approval: ApprovalRequest) -> _Start | datetime | None:
        known = await self._directory.present(approval.agent_id)
        if (freeze := longest(known.freezes, work.now)) is not None:
            look = work.now + FREEZE_LOOK
            return look if freeze.until is None else min(look, freeze.until)
        permitted = await self._permitted(approval, known, work.now)
        if not await self._enter(work, approval, started=not isinstance(permitted, str)):
            return approval.execution_lease_until if approval.execution is ExecutionStatus.RUNNING else None
        if isinstance(permitted, str):
            work.audit(approval_fact(approval, "system", "execution.refused", {"reason": permitted}))
            await self._approvals.using.finish_execution(work, approval, ExecutionStatus.FAILED, error=permitted)
            return None
        start, bound = permitted
        work.audit(
            approval_fact(
                approval, "system", "execution.started", {"action_digest": approval.action_digest, "url": start.url}
            )
        )
        await bound.ran()
        await self._approvals.telling.changed(work, approval)
        return start

    async def _enter(self, work: Work, approval: ApprovalRequest, *, started: bool) -> bool:
        """Whether this call, and no other ever, took the execution out of `not_started`."""
        waiting = ApprovalRequest.filter(
            id=approval.id, status=ApprovalStatus.APPROVED, execution=ExecutionStatus.NOT_STARTED
        )
        changed = await waiting.update(
            execution=ExecutionStatus.RUNNING,
            execution_started_at=work.now if started else None,
            execution_lease_until=work.now + self._lease,
            revision=F("revision") + 1,
        )
        await approval.refresh_from_db()
        return bool(changed)

    async def _permitted(
        self, approval: ApprovalRequest, known: KnownAgent, now: datetime
    ) -> tuple[_Start, Bound] | str:
        """The order for exactly what was approved, or why it must not be given after all."""
        agent = await Agent.get(id=approval.agent_id)
        if agent.status is not AgentStatus.ACTIVE:
            return f"The agent is {agent.status.value}; nothing was executed."
        try:
            request = stored_request(approval)
        except ValueError:
            return "The stored request cannot be read; nothing was executed."
        if action_digest(request) != approval.action_digest:
            return "The stored request is not the one that was approved; nothing was executed."
        bound = await self._binding.decide(known, request, now)
        if bound.decision.level is Level.DENY:
            return f"{_lawgiver(bound.decision)} forbids the action now; nothing was executed."
        if agent.executor_url is None or agent.executor_secret is None or request.tool is None:
            return "The agent has no executor any more; nothing was executed."
        try:
            secret = self._unseal(agent.executor_secret, bound_to=str(agent.id))
        except SealBroken:
            return "The executor's secret cannot be opened; nothing was executed."
        order = ExecutionOrder(
            approval_id=approval.id,
            agent=agent.name,
            action_type=request.action_type,
            tool=request.tool,
            args=request.args,
            action_digest=approval.action_digest,
        )
        return _Start(agent.executor_url, [secret], order), bound

    async def _execute(self, start: _Start) -> Outcome:
        """The executor's outcome. Whatever else happens, the order may have been carried out."""
        try:
            async with asyncio.timeout((self._lease - MARGIN).total_seconds()):
                return await self._executor.execute(start.url, start.secrets, start.order)
        except TimeoutError:
            return Outcome(OutcomeKind.UNKNOWN, error="The executor did not answer in time.")
        except Exception as fault:
            log.exception("execution.fault", approval=str(start.order.approval_id))
            return Outcome(OutcomeKind.UNKNOWN, error=f"The attempt broke off: {type(fault).__name__}.")

    async def _record(self, approval_id: UUID, outcome: Outcome) -> None:
        """The outcome is written down, even after some seconds without a database: it cannot be asked for again."""
        for pause in _PAUSES:
            try:
                await self._finish(approval_id, outcome)
                return
            except Exception:
                log.exception("execution.outcome_not_recorded", approval=str(approval_id), outcome=outcome.kind.value)
                await asyncio.sleep(pause)
        await self._finish(approval_id, outcome)

    async def _finish(self, approval_id: UUID, outcome: Outcome) -> None:
        async with self._ledger.transaction() as work:
            approval = await ApprovalRequest.get(id=approval_id)
            status = ExecutionStatus(outcome.kind.value)
            result, error = bounded(outcome.result), _bounded_error(outcome.error)
            if not await self._approvals.using.finish_execution(work, approval, status, result=result, error=error):
                details: JsonObject = {"execution": status.value, "result": result, "error": error}
                work.audit(approval_fact(approval, "system", "execution.answer_too_late", details))

    async def _recover(self, work: Work, approval: ApprovalRequest) -> bool:
        due = lifecycle.execution_recovery(approval.facts(), approval.execution_lease_until, work.now)
        if not isinstance(due, lifecycle.MarkUnknown):
            return False
        return await self._approvals.using.finish_execution(work, approval, ExecutionStatus.UNKNOWN, error=_LOST)


def _lawgiver(decision: Decision) -> str:
    if decision.layer is Layer.FLOOR:
        return f"Floor version {decision.floor_version}"
    return f"Policy version {decision.policy_version}"


def bounded(result: Json) -> Json:
    """The result whole up to RESULT_LIMIT; beyond, its beginning and its size, said to be cut."""
    text = json.dumps(result, ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size <= RESULT_LIMIT:
        return result
    return {"truncated": True, "bytes": size, "head": storable_text(text[:HEAD_LIMIT])}


def _bounded_error(error: str | None) -> str | None:
    return storable_text(error)[:ERROR_LIMIT] if error else None
