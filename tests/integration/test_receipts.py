"""Who has seen a question: told once, of the person who was asked, and never against what happened later."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from bot.approvals import settling
from bot.approvals.settling import acted
from bot.ports import PayloadRefused, ReceiverRefused
from bot.receipts import Receipts, people_reached
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, AskedAs, Delivery, Role, Verdict
from models.tables import AuditEntry, User
from models.values import AppCredentials, MessagesRead, Operator, PersonIds
from tests.support.gate import APP_ID
from tests.support.office import Office, copies, facts_of, fresh

APP = AppCredentials(APP_ID, "default", "https://open.feishu.cn", "s", "ek", "vt", tenant_key="t1")


def receipts(office: Office) -> Receipts:
    return Receipts(office.gate.ledger, office.gate.people, office.gate.waiters, office.gate.clock)


async def sent_to(office: Office, who: User) -> tuple[ApprovalRequest, CardCopy]:
    approval = await office.asked(who)
    await office.deliver()
    [copy] = await copies(approval)
    return approval, copy


async def reads(
    office: Office, open_id: str, *message_ids: str | None, app: AppCredentials = APP, later: float = 0, key: str = "t1"
) -> int:
    """Feishu tells of somebody who read these messages; how many questions were first seen so."""
    at = office.gate.clock.now() + timedelta(minutes=later)
    read = MessagesRead("ev", app.app_id, PersonIds(open_id=open_id, tenant_key=key), _ids(message_ids), at)
    return await receipts(office).read(app, read)


def _ids(message_ids: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(one for one in message_ids if one is not None)


async def test_what_was_read_is_seen_once_and_the_first_time_stays(office: Office) -> None:
    approval, copy = await sent_to(office, await office.person("Ann"))
    office.gate.clock.move(minutes=5)
    first = office.gate.clock.now()
    assert await reads(office, "ou_ann", copy.message_id) == 1
    office.gate.clock.move(minutes=5)
    assert await reads(office, "ou_ann", copy.message_id) == 0
    row, told = await CardCopy.get(id=copy.id), await fresh(approval)
    assert (row.state, row.seen_at, told.delivery, told.seen_at) == (Delivery.SEEN, first, Delivery.SEEN, first)
    assert (await facts_of(approval.id)).count("delivery.seen") == 1
    entry = await AuditEntry.get(approval_id=approval.id, action="delivery.seen")
    assert json.loads(entry.details)["person"] == str(copy.person_id)


async def test_the_same_news_many_times_at_once_is_one_fact(office: Office) -> None:
    approval, copy = await sent_to(office, await office.person("Ann"))
    news = await asyncio.gather(*(reads(office, "ou_ann", copy.message_id) for _ in range(8)))
    assert sum(news) == 1
    assert (await facts_of(approval.id)).count("delivery.seen") == 1


async def test_a_clock_that_runs_ahead_at_feishu_sees_nothing_in_the_future(office: Office) -> None:
    approval, copy = await sent_to(office, await office.person("Ann"))
    await reads(office, "ou_ann", copy.message_id, later=30)
    assert (await fresh(approval)).seen_at == office.gate.clock.now()


async def test_only_the_person_who_was_asked_counts(office: Office) -> None:
    approval, copy = await sent_to(office, await office.person("Ann"))
    await office.person("Bob")
    other_app = AppCredentials("cli_other", "default", "https://open.feishu.cn", "s", "ek", "vt")
    assert await reads(office, "ou_bob", copy.message_id) == 0
    assert await reads(office, "ou_nobody", copy.message_id) == 0
    assert await reads(office, "ou_ann", copy.message_id, key="another company") == 0
    assert await reads(office, "ou_ann", copy.message_id, app=other_app) == 0
    assert await reads(office, "ou_ann", "om_unknown") == 0
    assert await reads(office, "ou_ann") == 0
    row = await fresh(approval)
    assert (row.delivery, row.seen_at) == (Delivery.SENT, None)


async def test_news_that_comes_after_the_decision_takes_nothing_back(office: Office) -> None:
    ann = await office.person("Ann")
    approval, copy = await sent_to(office, ann)
    await office.resolve(approval, ann)
    office.gate.clock.move(minutes=1)
    assert await reads(office, "ou_ann", copy.message_id) == 1
    row, told = await CardCopy.get(id=copy.id), await fresh(approval)
    assert (row.state, told.delivery, told.status) == (Delivery.ACTED, Delivery.ACTED, ApprovalStatus.APPROVED)
    assert row.seen_at is not None
    assert row.acted_at is not None


async def test_the_news_comes_while_the_press_is_being_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads presses: both lock the request first, else PostgreSQL would end one of them as a deadlock."""
    ann = await office.person("Ann")
    approval, copy = await sent_to(office, ann)
    pressing, go_on, presses = asyncio.Event(), asyncio.Event(), 0

    async def paused(approval: ApprovalRequest, operator: Operator, now: datetime) -> None:
        nonlocal presses
        presses += 1
        pressing.set()
        await go_on.wait()
        await acted(approval, operator, now)

    monkeypatch.setattr(settling, "acted", paused)
    resolving = asyncio.create_task(office.resolve(approval, ann))
    await pressing.wait()
    reading = asyncio.create_task(reads(office, "ou_ann", copy.message_id))
    await asyncio.wait([reading], timeout=0.5)
    go_on.set()
    await asyncio.gather(resolving, reading)
    row, told = await CardCopy.get(id=copy.id), await fresh(approval)
    assert presses == 1  # none was ended and tried again
    assert (row.state, told.delivery, told.status) == (Delivery.ACTED, Delivery.ACTED, ApprovalStatus.APPROVED)
    assert row.seen_at is not None
    assert told.seen_at == row.seen_at


async def test_the_first_of_several_people_is_when_it_was_seen_and_the_furthest_counts(office: Office) -> None:
    ann, bob = await office.person("Ann"), await office.person("Bob", role=Role.ORG_ADMIN)
    approval, copy = await sent_to(office, ann)
    office.gate.clock.move(minutes=1)
    other = await CardCopy.create(
        approval_id=approval.id,
        person_id=bob.id,
        app_id=APP_ID,
        asked_as=AskedAs.ADMIN,
        asked_at=office.gate.clock.now(),
        message_id="om_bob",
        chat_id="oc_bob",
        state=Delivery.SENT,
        sent_at=office.gate.clock.now(),
    )
    first = office.gate.clock.now()
    assert await reads(office, "ou_bob", other.message_id, copy.message_id) == 1  # the other card is not Bob's
    office.gate.clock.move(minutes=1)
    assert await reads(office, "ou_ann", copy.message_id) == 1
    assert (await fresh(approval)).seen_at == first
    assert await people_reached(approval.id) == 2
    await office.resolve(approval, bob, Verdict.REJECT)
    assert [one.state for one in await copies(approval)] == [Delivery.SEEN, Delivery.ACTED]
    assert (await fresh(approval)).delivery is Delivery.ACTED


async def test_a_text_that_stood_in_for_the_card_is_seen_and_still_says_why(office: Office) -> None:
    office.gateway.faults["send"].append(PayloadRefused("card refused", code=230099))
    approval, copy = await sent_to(office, await office.person("Ann"))
    assert (await fresh(approval)).delivery is Delivery.DEGRADED
    await reads(office, "ou_ann", copy.message_id)
    row = await fresh(approval)
    assert row.delivery is Delivery.SEEN
    assert row.delivery_detail == "PayloadRefused: card refused"


async def test_nobody_is_reached_until_a_question_stands_in_a_chat(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    assert await people_reached(approval.id) == 0
    office.gateway.always["send"] = ReceiverRefused("gone", code=230013)
    await office.deliver()
    assert await people_reached(approval.id) == 0
    assert (await fresh(approval)).delivery is Delivery.UNDELIVERABLE
