"""What time does to approval requests: once for each step, on however many replicas, whatever the clock does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot import reminders
from bot.approvals import ApprovalService
from bot.directory import Caller
from bot.ledger import Ledger
from bot.reminders import Reminders
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, ExecutionStatus, Role
from models.tables import Agent, OutboxMessage
from tests.support.office import ANY_TIME, Office, copies, facts_of, fresh


async def tick(office: Office) -> int:
    handled = await office.reminders.tick(office.gate.clock.now())
    await office.deliver()
    return handled


def replica(office: Office) -> Reminders:
    """Another process's reminders, as far as one process can be two: chains of its own, the same database."""
    gate = office.gate
    ledger = Ledger(gate.clock)
    approvals = ApprovalService(ledger, gate.waiters, gate.bell, gate.people, gate.views, gate.approvals.times)
    return Reminders(ledger, approvals, ANY_TIME)


async def test_a_reminder_is_a_text_in_the_thread_and_a_newer_card(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    office.gate.clock.move(minutes=29)
    assert await tick(office) == 0
    office.gate.clock.move(minutes=1)
    assert await tick(office) == 1
    [card] = office.gateway.cards
    [reminder] = [message for message in office.gateway.messages if message.text]
    assert reminder.parent == card.message_id
    assert len(card.patches) == 1
    now = await fresh(approval)
    assert (now.reminders_sent, now.next_due_at) == (1, approval.created_at + timedelta(hours=2))
    assert "approval.reminded" in await facts_of(approval.id)
    assert await tick(office) == 0


async def test_three_replicas_remind_once(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    office.gate.clock.move(minutes=31)
    now = office.gate.clock.now()
    await asyncio.gather(*(replica(office).tick(now) for _ in range(3)))
    await office.deliver()
    assert len(office.gateway.texts) == 1
    assert (await facts_of(approval.id)).count("approval.reminded") == 1


async def test_missed_ticks_make_one_reminder(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    office.gate.clock.move(hours=9)
    assert await tick(office) == 1
    assert await tick(office) == 0
    assert len(office.gateway.texts) == 1
    assert (await fresh(approval)).reminders_sent == 3


async def test_the_last_reminder_asks_the_admins_too(office: Office) -> None:
    ann, root = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
    approval = await office.asked(ann)
    await office.deliver()
    for hours in (1, 2):
        office.gate.clock.move(hours=hours)
        await tick(office)
    assert len(office.gateway.cards) == 1
    office.gate.clock.move(hours=6)
    await tick(office)
    assert [copy.person_id for copy in await copies(approval)] == [ann.id, root.id]
    assert len(office.gateway.cards) == 2
    await office.resolve(approval, root)
    assert (await fresh(approval)).status is ApprovalStatus.APPROVED


async def test_nobody_is_reminded_of_a_card_that_has_not_arrived(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    office.gate.clock.move(minutes=31)
    assert await office.reminders.tick(office.gate.clock.now()) == 1
    await office.deliver()
    assert office.gateway.texts == []
    assert len(office.gateway.cards) == 1
    assert (await fresh(approval)).reminders_sent == 1


async def test_a_reminder_of_what_was_decided_meanwhile_is_not_sent(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    office.gate.clock.move(minutes=31)
    await office.reminders.tick(office.gate.clock.now())
    await office.resolve(approval, ann)
    await office.deliver()
    assert office.gateway.texts == []


async def test_an_approval_that_nobody_decides_expires_and_the_card_is_closed(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    office.gate.clock.move(hours=72)
    await tick(office)
    expired = await fresh(approval)
    assert (expired.status, expired.next_due_at, expired.rendezvous) == (ApprovalStatus.EXPIRED, None, None)
    [card] = office.gateway.cards
    assert len(card.patches) == 1
    assert await tick(office) == 0
    assert (await facts_of(approval.id)).count("approval.resolved") == 1


async def test_replicas_expire_once(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    office.gate.clock.move(hours=73)
    now = office.gate.clock.now()
    await asyncio.gather(*(replica(office).tick(now) for _ in range(3)))
    assert (await facts_of(approval.id)).count("approval.resolved") == 1


async def test_a_waiting_agent_is_woken_by_the_expiry(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))

    async def closed() -> ApprovalStatus | None:
        status = (await fresh(approval)).status
        return status if status is not ApprovalStatus.PENDING else None

    waiting = asyncio.create_task(office.gate.waiters.wait(approval.id, closed, timeout=20))
    office.gate.clock.move(hours=73)
    await office.reminders.tick(office.gate.clock.now())
    assert await waiting is ApprovalStatus.EXPIRED


async def test_a_go_ahead_that_nobody_took_lapses_and_the_next_call_asks_anew(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    await office.resolve(approval, ann)
    office.gate.clock.move(hours=25)
    assert await tick(office) == 1
    lapsed = await fresh(approval)
    assert (lapsed.rendezvous, lapsed.next_due_at) == (None, None)
    assert "approval.claim_lapsed" in await facts_of(approval.id)
    assert (await copies(approval))[0].shown_revision == lapsed.revision
    agent = await Agent.get(id=approval.agent_id)
    again = await office.gate.check(Caller(agent.id, agent.token_hash))
    assert again.approval_id != approval.id


async def test_a_claim_without_an_outcome_ends_unknown(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    await office.resolve(approval, ann)
    agent = await Agent.get(id=approval.agent_id)
    answer = await office.gate.check(Caller(agent.id, agent.token_hash))
    assert answer.allowed
    office.gate.clock.move(hours=23)
    assert await tick(office) == 0
    office.gate.clock.move(hours=2)
    assert await tick(office) == 1
    assert (await fresh(approval)).execution is ExecutionStatus.UNKNOWN
    assert await tick(office) == 0


async def test_a_backward_clock_step_does_no_harm(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    office.gate.clock.move(minutes=31)
    await tick(office)
    office.gate.clock.move(hours=-3)
    assert await tick(office) == 0
    office.gate.clock.move(hours=3)
    assert await tick(office) == 0
    assert len(office.gateway.texts) == 1
    assert (await fresh(approval)).reminders_sent == 1


async def test_one_that_fails_keeps_no_other_from_its_reminder(office: Office) -> None:
    ann = await office.person("Ann")
    broken = await office.asked(ann)
    agent = await Agent.get(id=broken.agent_id)
    await office.gate.check(Caller(agent.id, agent.token_hash), details={"tool": "delete_file", "args": {"path": "b"}})
    await office.deliver()
    await ApprovalRequest.filter(id=broken.id).update(plan="{")
    office.gate.clock.move(minutes=31)
    assert await office.reminders.tick(office.gate.clock.now()) == 1
    await office.deliver()
    assert len(office.gateway.texts) == 1


async def test_many_that_fail_keep_no_later_one_waiting(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the oldest of each tick, and more than are looked at together."""
    monkeypatch.setattr(reminders, "BATCH", 3)
    first = await office.asked(await office.person("Ann"))
    agent = await Agent.get(id=first.agent_id)
    for number in range(reminders.BATCH + 1):
        details = {"tool": "delete_file", "args": {"path": str(number)}}
        await office.gate.check(Caller(agent.id, agent.token_hash), details=details)
    last = await ApprovalRequest.all().order_by("-created_at", "-id").first()
    assert last is not None
    await ApprovalRequest.exclude(id=last.id).update(plan="{")
    office.gate.clock.move(minutes=31)
    assert await office.reminders.tick(office.gate.clock.now()) == 1
    assert (await fresh(last)).reminders_sent == 1


async def test_many_due_at_once_are_all_handled(office: Office) -> None:
    ann = await office.person("Ann")
    first = await office.asked(ann)
    agent = await Agent.get(id=first.agent_id)
    for number in range(60):
        details = {"tool": "delete_file", "args": {"path": str(number)}}
        await office.gate.check(Caller(agent.id, agent.token_hash), details=details)
    office.gate.clock.move(hours=73)
    assert await office.reminders.tick(office.gate.clock.now()) == 61
    assert await ApprovalRequest.filter(status=ApprovalStatus.EXPIRED).count() == 61
    assert await OutboxMessage.filter(dedupe__startswith="nudge:").count() == 0
