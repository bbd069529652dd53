"""Approved actions are started at most once, with exactly what was approved, and a lost answer is never repeated."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from bot.approvals import RESULT_LIMIT
from bot.directory import Caller
from bot.execution.executions import bounded
from bot.ports import Outcome, OutcomeKind
from models.approval import ApprovalRequest
from models.enums import AgentStatus, ExecutionStatus, OutboxKind, OutboxState
from models.tables import Agent, OutboxMessage
from tests.support.office import Office, facts_of, fresh


@pytest.fixture
async def approved(office: Office) -> ApprovalRequest:
    """Approved and not yet executed; its card was sent."""
    ann = await office.person("Ann")
    approval = await office.asked(ann, executor=True)
    await office.deliver()
    await office.resolve(approval, ann)
    return await fresh(approval)


async def test_the_executor_gets_exactly_what_was_approved_once(office: Office, approved: ApprovalRequest) -> None:
    await office.deliver()
    [order] = office.executor.orders
    assert (order.approval_id, order.tool, order.args) == (approved.id, "delete_file", {"path": "reports/2025"})
    assert order.action_digest == approved.action_digest
    assert office.executor.secrets == [["whsec_c2VjcmV0"]]
    done = await fresh(approved)
    assert done.execution is ExecutionStatus.SUCCEEDED
    assert json.loads(done.execution_result or "") == {"deleted": 3}
    facts = await facts_of(approved.id)
    assert facts.index("execution.started") < facts.index("execution.finished")
    await office.executions.run(approved.id)
    await office.deliver()
    assert len(office.executor.orders) == 1


async def test_two_workers_at_once_start_it_once(office: Office, approved: ApprovalRequest) -> None:
    await asyncio.gather(*(office.executions.run(approved.id) for _ in range(8)))
    assert len(office.executor.orders) == 1
    assert (await fresh(approved)).execution is ExecutionStatus.SUCCEEDED


async def test_the_start_is_committed_before_the_call(office: Office, approved: ApprovalRequest) -> None:
    office.executor.hold = asyncio.Event()
    running = asyncio.create_task(office.executions.run(approved.id))
    await office.executor.entered.wait()
    at = await fresh(approved)
    assert at.execution is ExecutionStatus.RUNNING
    assert at.execution_lease_until is not None and at.execution_lease_until > office.gate.clock.now()
    office.executor.hold.set()
    await running


async def test_a_crash_between_start_and_answer_is_unknown_and_never_repeated(
    office: Office, approved: ApprovalRequest
) -> None:
    office.executor.hold = asyncio.Event()
    running = asyncio.create_task(office.executions.run(approved.id))
    await office.executor.entered.wait()
    running.cancel()  # whoever ran it is gone
    await asyncio.gather(running, return_exceptions=True)
    office.executor.hold = None

    assert await office.executions.recover(office.gate.clock.now()) == 0  # the lease still stands
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.RUNNING
    office.gate.clock.move(minutes=3)
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.UNKNOWN
    assert len(office.executor.orders) == 1
    assert (await OutboxMessage.get(kind=OutboxKind.EXECUTE)).state is OutboxState.DELIVERED
    assert any(message.parent for message in office.gateway.messages)  # told to the creator, in the card's thread


async def test_recovery_finds_what_nobody_runs(office: Office, approved: ApprovalRequest) -> None:
    await ApprovalRequest.filter(id=approved.id).update(
        execution=ExecutionStatus.RUNNING, execution_lease_until=office.gate.clock.now() + timedelta(seconds=5)
    )
    office.gate.clock.move(seconds=6)
    counts = await asyncio.gather(*(office.executions.recover(office.gate.clock.now()) for _ in range(3)))
    assert sum(counts) == 1
    assert (await facts_of(approved.id)).count("execution.finished") == 1
    await office.deliver()
    assert office.executor.orders == []


async def test_an_answer_after_the_lease_changes_nothing_and_is_audited(
    office: Office, approved: ApprovalRequest
) -> None:
    office.executor.hold = asyncio.Event()
    running = asyncio.create_task(office.executions.run(approved.id))
    await office.executor.entered.wait()
    office.gate.clock.move(minutes=3)
    assert await office.executions.recover(office.gate.clock.now()) == 1
    office.executor.hold.set()
    await running
    assert (await fresh(approved)).execution is ExecutionStatus.UNKNOWN
    assert "execution.answer_too_late" in await facts_of(approved.id)


@pytest.mark.parametrize("status", [AgentStatus.PAUSED, AgentStatus.ARCHIVED])
async def test_an_agent_that_was_stopped_executes_nothing(
    office: Office, approved: ApprovalRequest, status: AgentStatus
) -> None:
    await Agent.filter(id=approved.agent_id).update(status=status)
    await office.deliver()
    stopped = await fresh(approved)
    assert stopped.execution is ExecutionStatus.FAILED
    assert status.value in (stopped.execution_error or "")
    assert office.executor.orders == []


async def test_a_policy_that_now_denies_executes_nothing(office: Office, approved: ApprovalRequest) -> None:
    agent = await Agent.get(id=approved.agent_id)
    await office.gate.write_policy(Caller(agent.id, agent.token_hash), {"delete_*": "DENY"})
    await office.deliver()
    denied = await fresh(approved)
    assert denied.execution is ExecutionStatus.FAILED
    assert "version 2 forbids" in (denied.execution_error or "")
    assert office.executor.orders == []


async def test_a_request_that_was_tampered_with_is_not_executed(office: Office, approved: ApprovalRequest) -> None:
    other = approved.request.replace("reports/2025", "reports")
    await ApprovalRequest.filter(id=approved.id).update(request=other)
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.FAILED
    assert "execution.refused" in await facts_of(approved.id)
    assert office.executor.orders == []


async def test_an_executor_without_a_readable_secret_is_not_called(office: Office, approved: ApprovalRequest) -> None:
    sealed = office.box.seal("whsec_c2VjcmV0", bound_to="another agent")
    await Agent.filter(id=approved.agent_id).update(executor_secret=sealed)
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.FAILED
    assert office.executor.orders == []


@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.UNKNOWN])
async def test_what_the_executor_says_is_recorded(office: Office, approved: ApprovalRequest, kind: OutcomeKind) -> None:
    office.executor.outcome = Outcome(kind, error="HTTP 500: \x00disk full")
    await office.deliver()
    ended = await fresh(approved)
    assert ended.execution.value == kind.value
    assert "disk full" in (ended.execution_error or "")
    office.gate.clock.move(hours=1)
    await office.deliver()
    assert len(office.executor.orders) == 1


async def test_a_fault_in_the_attempt_is_unknown(office: Office, approved: ApprovalRequest) -> None:
    office.executor.outcome = RuntimeError("the wire broke")
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.UNKNOWN
    assert len(office.executor.orders) == 1


async def test_an_outcome_outlives_a_database_that_is_away_for_a_moment(
    office: Office, approved: ApprovalRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, failures = office.gate.approvals.using.finish_execution, [ConnectionError("away"), ConnectionError("away")]

    async def flaky(*args: object, **kwargs: object) -> bool:
        if failures:
            raise failures.pop()
        return await finish(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(office.gate.approvals.using, "finish_execution", flaky)
    monkeypatch.setattr("bot.execution.executions._PAUSES", (0.0, 0.0, 0.0))
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.SUCCEEDED
    assert len(office.executor.orders) == 1


async def test_what_can_never_be_started_has_failed_visibly(
    office: Office, approved: ApprovalRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("the policy cannot be read")

    monkeypatch.setattr(office.gate.directory, "policy_of", broken)
    await office.deliver()
    assert (await fresh(approved)).execution is ExecutionStatus.NOT_STARTED
    await OutboxMessage.filter(kind=OutboxKind.EXECUTE).update(attempts=30)
    office.gate.clock.move(hours=1)
    await office.deliver()
    given_up = await fresh(approved)
    assert given_up.execution is ExecutionStatus.FAILED
    assert given_up.execution_started_at is None
    assert office.executor.orders == []
    assert "delivery.failed" in await facts_of(approved.id)


async def test_slow_executors_do_not_hold_up_cards(office: Office, approved: ApprovalRequest) -> None:
    office.executor.hold = asyncio.Event()
    worker = office.worker(executing=1, sending=1)
    running = asyncio.create_task(worker.run())
    await office.executor.entered.wait()
    before = len(office.gateway.messages)
    ben = await office.person("Ben")
    await office.say(ben, "meanwhile")
    await office.gateway.until(before + 1)
    office.executor.hold.set()
    worker.stop()
    await running
    assert (await fresh(approved)).execution is ExecutionStatus.SUCCEEDED


def test_a_huge_result_is_cut_and_says_so() -> None:
    assert bounded({"rows": ["x"] * 10}) == {"rows": ["x"] * 10}
    cut = bounded({"rows": "x" * RESULT_LIMIT})
    assert isinstance(cut, dict)
    assert cut["truncated"] is True
    assert len(json.dumps(cut)) < RESULT_LIMIT
