"""Pending lines and audit lines: each person reads what concerns that person, and no secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.database import Database
from bot.ledger import AuditFact
from bot.queueing.reading import items_of, queue_of
from bot.reading import Reading
from cards.views import PendingItem
from models.enums import ApprovalStatus
from models.tables import Agent, CardCopy, User
from models.values import Operator
from tests.support.approval_rows import PASSWORD, Town, settle_town
from tests.support.clock import MovableClock


@pytest.fixture
async def town(database: Database) -> Town:
    return await settle_town(MovableClock())


def operator(user: User) -> Operator:
    return Operator(user.id, user.tenant, user.role, user.name, user.language)


async def lines(town: Town, person: User) -> tuple[PendingItem, ...]:
    """What waits for the person; no more and no less is counted."""
    waiting = await items_of(await queue_of(person.id, town.clock.now()))
    assert len(waiting) == await Reading(town.clock).pending_count(operator(person))
    return waiting


async def test_pending_lines_are_the_persons_own_and_open_oldest_first(town: Town) -> None:
    first = await town.approval()
    town.clock.move(minutes=1)
    second = await town.approval()
    resolved = await town.approval()
    await town.resolve(resolved, ApprovalStatus.APPROVED)
    await town.approval(expires_at=town.clock.now() - timedelta(seconds=1))
    mine = await lines(town, town.creator)
    assert [item.approval_id for item in mine] == [first.id, second.id]
    assert mine[0].code == first.facts().code
    assert await lines(town, town.admin) == ()
    await CardCopy.create(approval_id=second.id, person_id=town.admin.id, app_id="cli_x")
    assert [item.approval_id for item in await lines(town, town.admin)] == [second.id]


async def test_audit_lines_keep_to_what_the_person_may_see(town: Town) -> None:
    reading = Reading(town.clock)
    row = await town.approval()
    await town.audit(row, f"user:{town.colleague.id}", "approval.refused", refusal="not_yours")
    async with town.ledger.transaction() as work:
        work.audit(AuditFact("other", "system", "check.allowed", "check:1"))
        work.audit(AuditFact("acme", "system", "policy.written", "agent:other"))

    async def seen(user: User) -> list[str]:
        return [line.action for line in await reading.audit_lines(operator(user))]

    own = ["approval.refused", "approval.requested"]
    assert await seen(town.creator) == own
    assert await seen(town.colleague) == ["approval.refused"]
    assert await seen(town.stranger) == []
    assert await seen(town.admin) == ["policy.written", *own]
    assert await seen(town.foreign_admin) == ["check.allowed"]
    assert await seen(town.platform_admin) == ["policy.written", "check.allowed", *own]


async def test_audit_lines_can_be_narrowed_and_tell_no_secret(town: Town) -> None:
    reading, row = Reading(town.clock), await town.approval()
    await town.approval()
    await town.audit(row, "system", "execution.finished", execution="failed", error="password=hunter2hunter2")
    other = await Agent.create(
        tenant="acme", name="B", creator_id=town.creator.id, token_hash="0" * 64, created_at=town.clock.now()
    )
    lines = await reading.audit_lines(operator(town.creator), approval_id=row.id, limit=5)
    assert [line.action for line in lines] == ["execution.finished", "approval.requested"]
    assert lines[0].detail is not None
    assert lines[0].detail.startswith("execution=failed error=password=●●●●")
    assert lines[1].actor == "账房助手"
    assert PASSWORD not in str(lines)
    assert await reading.audit_lines(operator(town.creator), agent_id=other.id) == []
    assert len(await reading.audit_lines(operator(town.creator), limit=1)) == 1
