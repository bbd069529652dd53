"""During a freeze no approved action is started, and none is lost: after it each one runs, once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.database import open_database
from bot.delivery import lanes
from bot.directory import Caller
from bot.execution.executions import FREEZE_LOOK
from bot.freezing.freezes import Freezing, Frozen, Lifted
from bot.freezing.notices import FreezeNotices
from bot.secrecy.box import SecretBox
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, ExecutionStatus, Level, OutboxKind, OutboxState
from models.tables import Agent, OutboxMessage, User
from tests.support.gate import operator
from tests.support.office import Office, facts_of, fresh, open_office


@pytest.fixture
async def ann(office: Office) -> User:
    return await office.person("Ann")


@pytest.fixture
async def asked(office: Office, ann: User) -> ApprovalRequest:
    """Pending; its card was sent."""
    approval = await office.asked(ann, executor=True)
    await office.deliver()
    return approval


def freezing(office: Office) -> Freezing:
    agents = AgentAdministration(SecretBox(["s" * 32]), default_level=Level.L2)
    return Freezing(agents, FreezeNotices(office.gate.people), office.gate.ledger, office.gate.bell)


async def freeze(office: Office, by: User, subject: str = "Bookkeeper", until: datetime | None = None) -> None:
    async with office.gate.ledger.transaction() as work:
        frozen = await freezing(office).freeze(work, Actor.of(operator(by)), subject, until=until)
    assert isinstance(frozen, Frozen), frozen


async def unfreeze(office: Office, by: User, subject: str = "Bookkeeper") -> None:
    async with office.gate.ledger.transaction() as work:
        lifted = await freezing(office).unfreeze(work, Actor.of(operator(by)), subject)
    assert isinstance(lifted, Lifted), lifted


async def order(approval: ApprovalRequest) -> OutboxMessage:
    return await OutboxMessage.get(kind=OutboxKind.EXECUTE, approval_id=approval.id)


async def test_what_was_approved_before_the_freeze_waits_for_its_end(
    office: Office, ann: User, asked: ApprovalRequest
) -> None:
    await office.resolve(asked, ann)
    await freeze(office, ann)
    for _ in range(40):  # more often than a failing delivery is tried
        await office.deliver()
        office.gate.clock.move(minutes=30)
    waiting = await order(asked)
    assert (waiting.state, waiting.fault) == (OutboxState.WAITING, None)
    assert (await fresh(asked)).execution is ExecutionStatus.NOT_STARTED
    assert office.executor.orders == []
    await unfreeze(office, ann)
    await office.deliver()
    assert len(office.executor.orders) == 1
    assert (await fresh(asked)).execution is ExecutionStatus.SUCCEEDED
    assert (await order(asked)).state is OutboxState.DELIVERED


async def test_an_approval_during_the_freeze_is_recorded_and_runs_at_once_after_it(
    office: Office, ann: User, asked: ApprovalRequest
) -> None:
    await freeze(office, ann)
    await office.resolve(asked, ann)
    await office.deliver()
    decided = await fresh(asked)
    assert (decided.status, decided.execution) == (ApprovalStatus.APPROVED, ExecutionStatus.NOT_STARTED)
    assert (await order(asked)).due_at == office.gate.clock.now() + FREEZE_LOOK
    await unfreeze(office, ann)
    await office.deliver()  # at the same moment: nobody waits for the next look
    assert len(office.executor.orders) == 1


async def test_it_runs_as_soon_as_the_time_of_the_freeze_is_over(
    office: Office, ann: User, asked: ApprovalRequest
) -> None:
    """Also when nobody ticks."""
    await office.resolve(asked, ann)
    end = office.gate.clock.now() + timedelta(seconds=40)
    await freeze(office, ann, until=end)
    await office.deliver()
    assert (await order(asked)).due_at == end
    office.gate.clock.move(seconds=39)
    await office.deliver()
    assert office.executor.orders == []
    office.gate.clock.move(seconds=1)
    await office.deliver()
    assert len(office.executor.orders) == 1


async def test_the_tick_that_lifts_a_timed_freeze_starts_what_waits(
    office: Office, ann: User, asked: ApprovalRequest
) -> None:
    await office.resolve(asked, ann)
    await freeze(office, ann, until=office.gate.clock.now() + timedelta(hours=1))
    office.gate.clock.move(minutes=59, seconds=30)
    await office.deliver()
    await OutboxMessage.filter(kind=OutboxKind.EXECUTE).update(due_at=office.gate.clock.now() + timedelta(hours=9))
    office.gate.clock.move(seconds=30)
    assert await freezing(office).lift_due(office.gate.clock.now()) == 1
    await office.deliver()
    assert len(office.executor.orders) == 1


async def test_the_end_of_one_freeze_starts_nothing_while_another_holds(office: Office, asked: ApprovalRequest) -> None:
    ann = await User.get(name="Ann")
    mia = await office.person("Mia")
    await User.filter(id=mia.id).update(role="org_admin")
    mia = await User.get(id=mia.id)
    await office.resolve(asked, ann)
    await freeze(office, ann)
    await freeze(office, mia, "all")
    await unfreeze(office, ann)
    await office.deliver()
    assert office.executor.orders == []
    await unfreeze(office, mia, "all")
    await office.deliver()
    assert len(office.executor.orders) == 1


async def test_a_worker_that_dies_in_a_freeze_loses_nothing(office: Office, ann: User, asked: ApprovalRequest) -> None:
    """It held the order; its lease runs out, and after the freeze another worker carries it out, once."""
    await office.resolve(asked, ann)
    await freeze(office, ann)
    clock = office.gate.clock
    [held] = await lanes.claim(
        "worker:gone", clock.now(), lease=timedelta(seconds=60), kinds=[OutboxKind.EXECUTE], limit=5
    )
    assert held.approval_id == asked.id
    await unfreeze(office, ann)  # what a worker holds is not touched
    clock.move(seconds=61)
    assert await lanes.take_back(clock.now()) == 1
    await office.deliver()
    await office.deliver()
    assert len(office.executor.orders) == 1
    assert (await fresh(asked)).execution is ExecutionStatus.SUCCEEDED


async def test_a_restart_in_the_middle_of_a_freeze_loses_nothing(database_url: str) -> None:
    async with open_database(database_url) as database, open_office(database) as office:
        ann = await office.person("Ann")
        approval = await office.asked(ann, executor=True)
        await office.deliver()
        await freeze(office, ann)
        await office.resolve(approval, ann)
        await office.deliver()
        stopped_at = office.gate.clock.now()
    async with open_database(database_url) as database, open_office(database) as office:
        office.gate.clock.move(seconds=(stopped_at - office.gate.clock.now()).total_seconds(), hours=1)
        await office.executions.recover(office.gate.clock.now())
        await office.deliver()
        assert office.executor.orders == []
        await unfreeze(office, await User.get(name="Ann"))
        await office.deliver()
        assert len(office.executor.orders) == 1
        assert (await facts_of(approval.id)).count("execution.started") == 1


async def test_what_runs_already_ends_as_it_would(office: Office, ann: User, asked: ApprovalRequest) -> None:
    """The order was given before the freeze; its answer is still written down."""
    await office.resolve(asked, ann)
    office.executor.hold = asyncio.Event()
    running = asyncio.create_task(office.executions.run(asked.id))
    await office.executor.entered.wait()
    await freeze(office, ann)
    office.executor.hold.set()
    assert await running is None
    assert (await fresh(asked)).execution is ExecutionStatus.SUCCEEDED


async def test_a_freeze_that_comes_with_the_start_is_before_it_or_after_it(postgres_url: str) -> None:
    """Whichever comes first: after the freeze's commit no start is committed."""
    async with open_database(postgres_url) as database, open_office(database) as office:
        ann = await office.person("Ann")
        agent = await Agent.get(id=(await office.asked(ann, executor=True)).agent_id)
        for number in range(11):
            await office.gate.check(Caller(agent.id, agent.token_hash), session=str(number))
        for approval in await ApprovalRequest.all():
            await office.resolve(approval, ann)
        approvals = await ApprovalRequest.all()
        mia = await office.person("Mia")
        await User.filter(id=mia.id).update(role="org_admin")
        mia = await User.get(id=mia.id)

        async def freeze_all() -> int:
            async with office.gate.ledger.transaction() as work:
                await freezing(office).freeze(work, Actor.of(operator(mia)), "all")
                return await ApprovalRequest.exclude(execution=ExecutionStatus.NOT_STARTED).count()

        runs = [asyncio.create_task(office.executions.run(one.id)) for one in approvals]
        before, *_ = await asyncio.gather(freeze_all(), *runs)
        assert len(office.executor.orders) == before
