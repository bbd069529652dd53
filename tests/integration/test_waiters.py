"""Whoever waits for an approval hears of its change, in this process and in others."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import uvloop
from tortoise.connection import get_connection

from bot.database import Database, open_database, transaction
from bot.ledger import Ledger
from bot.ports import SystemClock
from bot.waiters.registry import Waiters
from config.database import postgres_credentials
from models.enums import ApprovalStatus
from models.ids import new_id
from models.tables import Agent, ApprovalRequest, User
from tests.support.facts import NOON

SOON = 5.0
"""Far more than the 100 ms of the promise: the machine may be busy. A sweep alone would take longer still."""


@pytest.fixture
async def approval(database: Database) -> ApprovalRequest:
    return await an_approval()


async def an_approval() -> ApprovalRequest:
    lin = await User.create(tenant="acme", name="Lin", created_at=NOON)
    agent = await Agent.create(tenant="acme", name="a", creator=lin, token_hash="h", created_at=NOON)
    return await ApprovalRequest.create(
        tenant="acme", agent=agent, creator=lin, action_type="delete_files", request="{}", action_digest="sha256:0",
        rendezvous_key="k", policy_version=1, check_id=new_id(), created_at=NOON, expires_at=NOON,
    )  # fmt: skip


@pytest.fixture
async def waiters(database: Database) -> AsyncIterator[Waiters]:
    """Swept so rarely that only a wake can be heard."""
    async with Waiters(database, sweep_every=3600) as opened:
        yield opened


class Reader:
    """Reads the approval as a long poll does, and lets the test wait until it has read."""

    def __init__(self, approval_id: UUID) -> None:
        self.id = approval_id
        self.reads = 0
        self.has_read = asyncio.Event()

    async def __call__(self) -> ApprovalStatus | None:
        approval = await ApprovalRequest.get(id=self.id)
        self.reads += 1
        self.has_read.set()
        return None if approval.status is ApprovalStatus.PENDING else approval.status


async def approve(approval: ApprovalRequest) -> None:
    await ApprovalRequest.filter(id=approval.id).update(status=ApprovalStatus.APPROVED, revision=2)


async def test_a_wake_after_the_commit_is_heard(approval: ApprovalRequest, waiters: Waiters) -> None:
    reader = Reader(approval.id)
    waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
    await reader.has_read.wait()
    async with Ledger(SystemClock()).transaction() as work:
        await approve(approval)
        work.after_commit(lambda: waiters.wake([approval.id]))
    async with asyncio.timeout(SOON):
        assert await waiting is ApprovalStatus.APPROVED
    assert reader.reads == 2
    assert len(waiters) == 0


async def test_a_change_between_the_read_and_the_wait_is_not_lost(approval: ApprovalRequest, waiters: Waiters) -> None:
    reader = Reader(approval.id)

    async def changes_while_reading() -> ApprovalStatus | None:
        status = await reader()
        if reader.reads == 1:
            await approve(approval)
            waiters.wake([approval.id])
        return status

    async with asyncio.timeout(SOON):
        assert await waiters.wait(approval.id, changes_while_reading, 60) is ApprovalStatus.APPROVED


async def test_without_a_change_the_wait_ends_with_its_time(approval: ApprovalRequest, waiters: Waiters) -> None:
    reader = Reader(approval.id)
    assert await waiters.wait(approval.id, reader, 0) is None
    assert reader.reads == 1
    assert await waiters.wait(approval.id, reader, 0.05) is None
    assert len(waiters) == 0


def test_the_end_of_the_time_is_never_missed_by_a_clock_that_rounds(sqlite_url: str) -> None:
    """uvloop rings up to a millisecond early: a wait that then looked at the clock would wait for ever."""

    async def many_waits() -> None:
        async def nothing() -> None:
            return None

        async with open_database(sqlite_url) as database, Waiters(database, sweep_every=3600) as waiters:
            async with asyncio.timeout(60):
                for number in range(300):
                    assert await waiters.wait(new_id(), nothing, 0.001 + number * 0.0000137) is None  # type: ignore[func-returns-value]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(many_waits())


async def test_what_is_decided_already_is_told_at_once(approval: ApprovalRequest, waiters: Waiters) -> None:
    await approve(approval)
    assert await waiters.wait(approval.id, Reader(approval.id), 60) is ApprovalStatus.APPROVED


async def test_the_sweep_finds_what_no_wake_told(database: Database, approval: ApprovalRequest) -> None:
    """As when another process on SQLite decides, or a notification is lost; without a read per waiter and sweep."""
    async with Waiters(database, sweep_every=0.05) as waiters:
        readers = [Reader(approval.id) for _ in range(5)]
        waiting = [asyncio.create_task(waiters.wait(approval.id, reader, 60)) for reader in readers]
        await asyncio.gather(*(reader.has_read.wait() for reader in readers))
        await asyncio.sleep(0.5)  # several sweeps with nothing new
        assert max(reader.reads for reader in readers) <= 2
        await approve(approval)
        async with asyncio.timeout(SOON):
            assert await asyncio.gather(*waiting) == [ApprovalStatus.APPROVED] * 5


async def test_closing_lets_everybody_go(database: Database, approval: ApprovalRequest) -> None:
    waiters = Waiters(database, sweep_every=3600)
    await waiters.open()
    reader = Reader(approval.id)
    waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
    await reader.has_read.wait()
    await waiters.close()
    async with asyncio.timeout(SOON):
        assert await waiting is None


async def test_a_cancelled_wait_leaves_nothing_behind(approval: ApprovalRequest, waiters: Waiters) -> None:
    reader = Reader(approval.id)
    waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
    await reader.has_read.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert len(waiters) == 0


async def test_a_decision_in_another_process_is_heard_through_postgres(postgres_url: str) -> None:
    """The other process is a connection of its own that commits an update and a notification, as `notify` sends it."""
    async with open_database(postgres_url) as database, Waiters(database, sweep_every=3600) as waiters:
        approval = await an_approval()
        reader = Reader(approval.id)
        waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
        await reader.has_read.wait()
        other = await asyncpg.connect(**postgres_credentials(postgres_url))
        async with other.transaction():
            await other.execute("UPDATE approval_requests SET status = 'approved', revision = 2")
            await other.execute("SELECT pg_notify('assent_approval', $1)", str(approval.id))
        await other.close()
        async with asyncio.timeout(SOON):
            assert await waiting is ApprovalStatus.APPROVED


async def test_notify_is_heard_when_its_transaction_commits_and_not_before(postgres_url: str) -> None:
    async with open_database(postgres_url) as database, Waiters(database, sweep_every=3600) as waiters:
        approval = await an_approval()
        reader = Reader(approval.id)
        waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
        await reader.has_read.wait()
        with pytest.raises(LookupError):
            async with transaction():
                await waiters.notify(approval.id)
                raise LookupError
        async with transaction():
            await approve(approval)
            await waiters.notify(approval.id, new_id())
        async with asyncio.timeout(SOON):
            assert await waiting is ApprovalStatus.APPROVED
        assert reader.reads == 2


async def test_a_listener_that_was_cut_off_comes_back_and_everybody_looks_again(postgres_url: str) -> None:
    async with open_database(postgres_url) as database, Waiters(database, sweep_every=3600) as waiters:
        approval = await an_approval()
        reader = Reader(approval.id)
        waiting = asyncio.create_task(waiters.wait(approval.id, reader, 60))
        await reader.has_read.wait()
        await approve(approval)  # nobody is told
        cut = await get_connection("default").execute_query_dict(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert len(cut) == 1
        async with asyncio.timeout(SOON):
            assert await waiting is ApprovalStatus.APPROVED


async def test_a_waiter_is_cheap(database: Database) -> None:
    """At most 16 KiB each, of which the database sees nothing while they wait."""
    async with Waiters(database, sweep_every=3600) as waiters:

        async def nothing() -> None:
            return None

        before = _resident_bytes()
        waiting = [asyncio.create_task(waiters.wait(new_id(), nothing, 600)) for _ in range(5_000)]
        while len(waiters) < 5_000:
            await asyncio.sleep(0)
        each = (_resident_bytes() - before) / 5_000
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert each < 16 * 1024


def _resident_bytes() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize()


async def test_a_database_that_is_away_does_not_keep_the_process_from_starting(postgres_url: str) -> None:
    gone = Database(postgres_url.replace("/t_", "/t_not_there_"), is_postgres=True)
    async with asyncio.timeout(SOON):
        async with Waiters(gone):
            assert os.getpid()
