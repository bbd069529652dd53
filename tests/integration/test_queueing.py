"""The queue on both databases: whose it is, what races it, and that the card shown last is what the database says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from bot.database import Database
from bot.directory import Caller
from bot.ports import PayloadRefused, ReceiverRefused
from bot.pressing import Shown
from bot.queueing.opening import Queueing
from bot.queueing.presses import QueuePresses
from bot.queueing.reading import items_of, queue_of, view_of
from bot.queueing.retiring import RetireQueues
from bot.queueing.snoozing import Snoozing
from bot.receipts import Receipts
from cards.queue import queue_card
from cards.views import QueueOver, QueueView
from models.enums import ApprovalStatus, AskedAs, Delivery, OutboxKind, OutboxState, Role, Verdict, Via
from models.ids import new_id
from models.tables import (
    ApprovalRequest,
    AuditEntry,
    CardCopy,
    FeishuApp,
    FeishuIdentity,
    OutboxMessage,
    QueueCard,
    User,
)
from models.values import AppCredentials, CardClick, Json, JsonObject, PersonIds, Refusal
from tests.support.deciding import write_plan
from tests.support.gate import APP_ID, Gate, operator
from tests.support.gateway import Arrived
from tests.support.office import Office, open_office

APP = AppCredentials(APP_ID, "default", "http://127.0.0.1:9", "s", "e", "v")
ROUNDS = 12
_events = count()


@dataclass
class Desk:
    """One person with an agent whose questions wait, and the queue cards in the person's chat."""

    office: Office
    queueing: Queueing
    snoozing: Snoozing
    presses: QueuePresses
    lin: User
    agent: Caller

    @property
    def gate(self) -> Gate:
        return self.office.gate

    async def asks(self, *paths: str, agent: Caller | None = None, **more: Any) -> list[ApprovalRequest]:
        """Questions about deleting, each a second after the other."""
        asked = []
        for path in paths:
            self.gate.clock.move(seconds=1)
            details = {"tool": "delete_file", "args": {"path": path}}
            answer = await self.gate.check(agent or self.agent, details=details, **more)
            asked.append(await ApprovalRequest.get(id=answer.approval_id))
        return asked

    async def opens(self, person: User | None = None) -> QueueCard:
        """The newest queue card of the person, sent."""
        person = person or self.lin
        async with self.gate.ledger.transaction() as work:
            await self.queueing.open(work, operator(person), APP_ID)
        await self.office.deliver()
        return await self.living(person)

    async def living(self, person: User | None = None) -> QueueCard:
        [card] = await QueueCard.filter(person_id=(person or self.lin).id, closed_at=None)
        return card

    async def settled(self) -> None:
        """Also what follows shortly after the answer to a press has been delivered."""
        await self.office.deliver()
        self.gate.clock.move(seconds=2)
        await self.office.deliver()

    async def press(self, card: QueueCard, act: str, *, event: str | None = None, **more: Any) -> Shown:
        """As the card shows it now, or as `shown` is."""
        shown = more.pop("shown", None) or self.drawn(card)
        button = next(one for one in _buttons(shown) if str(one["name"]).startswith(f"{act}:"))
        return await self.presses.press(
            APP,
            operator(more.pop("by", self.lin)),
            act,
            click(button, card.message_id, **more),
            event or f"{APP_ID}:e{next(_events)}",
        )

    def arrived(self, card: QueueCard) -> Arrived:
        [found] = [one for one in self.office.gateway.cards if one.message_id == card.message_id]
        return found

    def drawn(self, card: QueueCard) -> JsonObject:
        """What the card in the chat shows now."""
        shown = self.arrived(card).card
        assert shown is not None
        return shown

    async def in_order(self, card: QueueCard) -> None:
        """The card in the chat says what the database says."""
        card = await QueueCard.get(id=card.id)
        view = await view_of(card, self.gate.views, self.gate.clock.now())
        assert _told(self.drawn(card)) == _told(queue_card(view))


def _told(card: JsonObject) -> list[str]:
    """Title and buttons, without times."""
    assert isinstance(card["header"], dict)
    return [
        json.dumps(card["header"]["title"]),
        *(json.dumps([one["name"], one["behaviors"]]) for one in _buttons(card)),
    ]


def _buttons(value: Json) -> list[JsonObject]:
    if isinstance(value, dict):
        own = [value] if value.get("tag") == "button" and "name" in value else []
        return own + [button for member in value.values() for button in _buttons(member)]
    return [button for member in value for button in _buttons(member)] if isinstance(value, list) else []


def click(button: JsonObject, message_id: str | None, *, stripped: bool = False, **form: Json) -> CardClick:
    carried = json.loads(json.dumps(button["behaviors"]))[0]["value"]
    value = {} if stripped else carried
    return CardClick("e", APP_ID, PersonIds(open_id="ou_lin"), message_id, None, value, str(button["name"]), form, None)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_office(database) as office:
        gate = office.gate
        lin = await office.person("Lin")
        snoozing = Snoozing(gate.approvals.telling, Receipts(gate.ledger, gate.people, gate.waiters, gate.clock))
        presses = QueuePresses(gate.ledger, gate.people, gate.approvals, gate.views, snoozing, gate.clock)
        yield Desk(office, Queueing(gate.bell), snoozing, presses, lin, await gate.agent(lin))


async def ids_of(person: User, now: datetime) -> list[UUID]:
    return [one.id for one in await queue_of(person.id, now)]


async def statuses() -> list[ApprovalStatus]:
    return [row.status for row in await ApprovalRequest.all().order_by("created_at", "id")]


# -- whose it is -------------------------------------------------------------------------------------------------------


async def test_the_queue_is_what_the_person_may_still_decide_oldest_first(desk: Desk) -> None:
    gate, lin = desk.gate, desk.lin
    first, second, resolved = await desk.asks("a", "b", "c")
    [other] = await desk.asks("d", agent=await gate.agent(await gate.person("Wang"), name="Other"))
    await desk.office.resolve(resolved, lin)
    assert await ids_of(lin, gate.clock.now()) == [first.id, second.id]
    await CardCopy.filter(approval_id=first.id).update(snoozed_until=gate.clock.now() + timedelta(hours=1))
    assert await ids_of(lin, gate.clock.now()) == [second.id, first.id]
    assert await ids_of(lin, gate.clock.now() + timedelta(hours=1)) == [first.id, second.id]
    assert await ids_of(lin, first.expires_at + timedelta(hours=1)) == []
    await CardCopy.create(approval_id=other.id, person_id=lin.id, app_id=APP_ID, asked_as=AskedAs.BACKUP)
    assert await ids_of(lin, gate.clock.now()) == [second.id, other.id, first.id]
    pending = await items_of(await queue_of(lin.id, gate.clock.now()))
    assert [one.approval_id for one in pending] == [second.id, other.id, first.id]


async def test_a_former_admin_has_nothing_to_decide(desk: Desk) -> None:
    gate = desk.gate
    [asked] = await desk.asks("a")
    admin = await gate.person("Zhao", role=Role.ORG_ADMIN)
    await CardCopy.create(approval_id=asked.id, person_id=admin.id, app_id=APP_ID, asked_as=AskedAs.ADMIN)
    assert await ids_of(admin, gate.clock.now()) == [asked.id]
    await User.filter(id=admin.id).update(role=Role.MEMBER)
    assert await ids_of(admin, gate.clock.now()) == []
    elsewhere = await gate.person("Elsewhere", tenant="globex")
    await CardCopy.create(approval_id=asked.id, person_id=elsewhere.id, app_id=APP_ID, asked_as=AskedAs.GROUP)
    assert await ids_of(elsewhere, gate.clock.now()) == []


async def test_who_approved_one_of_two_or_asked_for_it_waits_for_others(desk: Desk) -> None:
    gate, lin = desk.gate, desk.lin
    wang = await gate.person("Wang", role=Role.ORG_ADMIN)
    steps = [{"after": "0m", "ask": ["creator", "admins"]}]
    await write_plan(gate, {"default": {"approvals": 2, "separate_duties": True, "steps": steps}})
    [asked] = await desk.asks("a")
    now = gate.clock.now()
    assert await ids_of(lin, now) == await ids_of(wang, now) == [asked.id]
    await gate.approvals.resolve(asked.id, Verdict.APPROVE, operator(lin), via=Via.CARD, code=asked.action_digest)
    assert (await ids_of(lin, now), await ids_of(wang, now)) == ([], [asked.id])
    [own] = await desk.asks("b", requested_by=str(wang.id))
    await CardCopy.get_or_create(
        approval_id=own.id, person_id=wang.id, defaults={"app_id": APP_ID, "asked_as": AskedAs.ADMIN}
    )
    assert await ids_of(wang, now) == [asked.id]


async def test_a_creator_who_was_not_asked_may_decide_but_puts_nothing_off(desk: Desk) -> None:
    [asked] = await desk.asks("a")
    await CardCopy.filter(approval_id=asked.id).delete()
    card = await desk.opens()
    assert [str(one["name"]).partition(":")[0] for one in _buttons(desk.drawn(card))] == [
        "queue_approve",
        "queue_reject",
    ]
    async with desk.gate.ledger.transaction() as work:
        assert isinstance(await desk.snoozing.snooze(work, operator(desk.lin), asked), Refusal)


async def test_a_large_request_does_not_travel_with_the_queue(desk: Desk) -> None:
    await desk.asks("x" * 100_000)
    [one] = await queue_of(desk.lin.id, desk.gate.clock.now())
    assert "x" * 100 not in repr(one)


# -- opening and following ---------------------------------------------------------------------------------------------


async def test_the_card_follows_whatever_happens_to_what_waits(desk: Desk) -> None:
    first, second = await desk.asks("a", "b")
    card = await desk.opens()
    await desk.in_order(card)
    [third] = await desk.asks("c")
    await desk.office.deliver()
    await desk.in_order(card)
    assert "3 个请求等您决定" in json.dumps(desk.drawn(card), ensure_ascii=False)
    await desk.office.resolve(first, desk.lin)
    await desk.office.deliver()
    await desk.in_order(card)
    desk.gate.clock.move(hours=80)
    for left in (second, third):
        await desk.gate.approvals.settling.expire(left.id)
    await desk.office.deliver()
    await desk.in_order(card)
    assert "都处理完了" in json.dumps(desk.drawn(card), ensure_ascii=False)


async def test_many_changes_at_once_are_few_updates(desk: Desk) -> None:
    asked = await desk.asks(*"abcdefghij")
    card = await desk.opens()
    for one in asked:
        await desk.office.resolve(one, desk.lin)
    await desk.office.deliver()
    await desk.in_order(card)
    assert len(desk.arrived(card).patches) == 1


async def test_what_changes_while_the_card_is_being_sent_is_on_it_afterwards(desk: Desk) -> None:
    first, _ = await desk.asks("a", "b")
    await desk.office.deliver()
    gateway = desk.office.gateway
    gateway.hold = asyncio.Event()
    sent = gateway.calls.count("send")
    async with desk.gate.ledger.transaction() as work:
        await desk.queueing.open(work, operator(desk.lin), APP_ID)
    sending = asyncio.create_task(desk.office.deliver())
    await gateway.until_called("send", sent + 1)
    await desk.office.resolve(first, desk.lin)
    gateway.hold.set()
    gateway.hold = None
    await sending
    await desk.office.deliver()
    await desk.in_order(await desk.living())


async def test_a_card_that_is_too_old_to_follow_says_so_while_feishu_takes_a_change(desk: Desk) -> None:
    """Its questions may end when nothing can be drawn there any more."""
    old = await desk.opens()
    queues = RetireQueues(desk.gate.ledger, desk.gate.bell)
    desk.gate.clock.move(days=12, hours=23)
    await desk.asks("a")
    await desk.office.deliver()
    assert await queues.tick(desk.gate.clock.now()) == 0
    assert "queue_approve" in json.dumps(desk.drawn(old))
    desk.gate.clock.move(hours=2)
    assert [await queues.tick(desk.gate.clock.now()) for _ in range(2)] == [1, 0]
    await desk.office.deliver()
    assert "/pending" in json.dumps(desk.drawn(old))
    assert _buttons(desk.drawn(old)) == []
    new = await desk.opens()
    await desk.in_order(new)
    await desk.in_order(await QueueCard.get(id=old.id))


async def test_only_the_newest_card_lives_however_many_are_opened_at_once(desk: Desk) -> None:
    await desk.asks("a")
    old = await desk.opens()
    new = await desk.opens()
    assert _told(desk.drawn(old)) == _told(
        queue_card(QueueView(queue_id=old.id, total=0, now=old.created_at, over=QueueOver.MOVED))
    )
    await desk.in_order(new)

    async def again() -> None:
        async with desk.gate.ledger.transaction() as work:
            await desk.queueing.open(work, operator(desk.lin), APP_ID)

    await asyncio.gather(*(again() for _ in range(4)))
    await desk.office.deliver()
    await desk.opens()
    assert await QueueCard.filter(person_id=desk.lin.id, closed_at=None).count() == 1
    for card in await QueueCard.filter(person_id=desk.lin.id, message_id__isnull=False):
        await desk.in_order(card)


async def test_a_digest_is_sent_once_in_its_slot_and_not_at_all_when_nothing_waits(desk: Desk) -> None:
    gate, slot = desk.gate, desk.gate.clock.now()
    [asked] = await desk.asks("a")

    async def digest() -> bool:
        async with gate.ledger.transaction() as work:
            return await desk.queueing.digest(work, desk.lin.id, APP_ID, work.now, slot)

    assert sorted(await asyncio.gather(*(digest() for _ in range(3)))) == [False, False, True]
    await desk.office.deliver()
    await desk.in_order(await desk.living())
    await desk.office.resolve(asked, desk.lin)
    before = len(desk.office.gateway.cards)
    slot += timedelta(minutes=30)
    assert await digest()
    await desk.office.deliver()
    assert len(desk.office.gateway.cards) == before
    assert not await QueueCard.filter(closed_at=None).exists()


async def test_a_refused_card_is_a_list_and_a_recalled_one_is_over(desk: Desk) -> None:
    [asked] = await desk.asks("a")
    await desk.office.deliver()
    desk.office.gateway.faults["send"].append(PayloadRefused("no", code=230099))
    async with desk.gate.ledger.transaction() as work:
        await desk.queueing.open(work, operator(desk.lin), APP_ID)
    await desk.office.deliver()
    assert asked.facts().code in desk.office.gateway.texts[-1]
    assert not await QueueCard.filter(closed_at=None).exists()
    card = await desk.opens()
    desk.office.gateway.messages = [one for one in desk.office.gateway.messages if one.message_id != card.message_id]
    await desk.office.resolve(asked, desk.lin)
    await desk.office.deliver()
    assert (await QueueCard.get(id=card.id)).closed_at is not None


async def test_through_whatever_app_it_went_it_is_followed_there(desk: Desk) -> None:
    [asked] = await desk.asks("a")
    first = await FeishuApp.get(app_id=APP_ID)
    first.app_id, first.is_default = "cli_second", False
    await first.save(force_create=True)
    await FeishuIdentity.create(
        app_id="cli_second", person_id=desk.lin.id, open_id="ou_lin2", updated_at=desk.gate.clock.now()
    )
    desk.office.gateway.apps[APP_ID] = ReceiverRefused("no availability", code=230013)
    card = await desk.opens()
    assert (card.app_id, desk.arrived(card).app_id) == ("cli_second", "cli_second")
    desk.office.gateway.apps.clear()
    await desk.office.resolve(asked, desk.lin)
    await desk.office.deliver()
    await desk.in_order(card)


# -- presses -----------------------------------------------------------------------------------------------------------


async def test_a_press_that_overtakes_the_record_of_the_send_counts(desk: Desk) -> None:
    first, second = await desk.asks("a", "b")
    card = await desk.opens()
    await QueueCard.filter(id=card.id).update(message_id=None, shown_revision=0, sent_at=None)
    shown = await desk.press(card, "queue_approve", shown=desk.drawn(card))
    assert shown.card is not None
    assert await statuses() == [ApprovalStatus.APPROVED, ApprovalStatus.PENDING]
    assert (await desk.living()).message_id == card.message_id
    await desk.settled()
    await desk.in_order(card)
    assert {first.id, second.id} == {row.id for row in await ApprovalRequest.all()}


async def test_a_press_on_an_older_card_decides_what_was_seen_there(desk: Desk) -> None:
    first, _ = await desk.asks("a", "b")
    old = await desk.opens()
    stale = desk.drawn(old)
    await desk.opens()
    shown = await desk.press(old, "queue_reject", shown=stale, reason="no")
    assert "移到新卡片" in json.dumps(shown.card, ensure_ascii=False)
    assert (await ApprovalRequest.get(id=first.id)).resolution_reason == "no"
    await desk.settled()
    await desk.in_order(await desk.living())
    await desk.in_order(old)


async def test_without_the_value_the_name_says_which_request_was_in_view(desk: Desk) -> None:
    first, second = await desk.asks("a", "b")
    card = await desk.opens()
    stale = desk.drawn(card)
    await desk.press(card, "queue_next")
    await desk.press(card, "queue_approve", shown=stale, stripped=True)
    assert [(await ApprovalRequest.get(id=one.id)).status for one in (first, second)] == [
        ApprovalStatus.APPROVED, ApprovalStatus.PENDING
    ]  # fmt: skip
    nothing = await desk.press(card, "queue_batch", shown=_with_batch(stale), stripped=True)
    assert nothing.toast["type"] == "warning"
    assert (await statuses()).count(ApprovalStatus.PENDING) == 1


def _with_batch(card: JsonObject) -> JsonObject:
    assert any(str(one["name"]).startswith("queue_batch:") for one in _buttons(card))
    return card


async def test_nobody_else_presses_and_no_forged_button_reaches_another_card(desk: Desk) -> None:
    await desk.asks("a")
    card = await desk.opens()
    wang = await desk.office.person("Wang", role=Role.PLATFORM_ADMIN)
    shown = await desk.press(card, "queue_approve", by=wang)
    assert (shown.card, shown.word) == (None, "not_yours")
    theirs = await desk.opens(wang)
    [button] = [one for one in _buttons(desk.drawn(card)) if str(one["name"]).startswith("queue_approve:")]
    mixed = await desk.presses.press(APP, operator(wang), "queue_approve", click(button, theirs.message_id), "e:mixed")
    assert mixed.word == "not_yours"
    assert await statuses() == [ApprovalStatus.PENDING]
    assert len(await desk.gate.audited("queue.refused")) == 2


async def test_two_devices_decide_the_same_request_once(desk: Desk) -> None:
    card: QueueCard | None = None
    for place in range(ROUNDS):
        asked, _ = await desk.asks(f"{place}a", f"{place}b")
        card = card or await desk.opens()
        await desk.settled()
        shown = desk.drawn(card)
        pressed = await asyncio.gather(
            desk.press(card, "queue_approve", shown=shown),
            desk.press(card, "queue_reject", shown=shown),
            desk.press(card, "queue_next", shown=shown),
        )
        assert all(one.card is not None for one in pressed)
        await desk.settled()
        await desk.in_order(card)
    resolved = await desk.gate.audited("approval.resolved")
    assert len(resolved) == len({entry.subject for entry in resolved}) == ROUNDS
    assert (await statuses()).count(ApprovalStatus.PENDING) == ROUNDS
    assert asked is not None


async def test_the_same_event_twice_at_once_is_one_press(desk: Desk) -> None:
    await desk.asks(*"abcde")
    card = await desk.opens()
    shown = desk.drawn(card)
    for act, event in (("queue_next", "n"), ("queue_snooze", "s"), ("queue_approve", "a")):
        await asyncio.gather(*(desk.press(card, act, shown=shown, event=f"{APP_ID}:{event}") for _ in range(4)))
        if act == "queue_next":
            waiting = await queue_of(desk.lin.id, desk.gate.clock.now())
            assert (await desk.living()).approval_id == waiting[1].id
    assert len(await desk.gate.audited("approval.snoozed")) == 1
    assert len(await desk.gate.audited("approval.resolved")) == 1
    await desk.settled()
    await desk.in_order(card)


async def test_what_is_decided_elsewhere_meanwhile_is_refused_and_gone(desk: Desk) -> None:
    wang = await desk.office.person("Wang", role=Role.ORG_ADMIN)
    await desk.asks("keep")
    card = await desk.opens()
    for place in range(ROUNDS):
        [asked] = await desk.asks(f"{place}")
        await desk.settled()
        await QueueCard.filter(id=card.id).update(approval_id=asked.id)
        shown = queue_card(await view_of(await desk.living(), desk.gate.views, desk.gate.clock.now()))
        await asyncio.gather(
            desk.press(card, "queue_approve", shown=shown),
            desk.gate.approvals.resolve(asked.id, Verdict.REJECT, operator(wang), via=Via.COMMAND),
            desk.press(card, "queue_snooze", shown=shown),
        )
        await desk.settled()
        await desk.in_order(card)
        assert len(await AuditEntry.filter(approval_id=asked.id, action="approval.resolved")) == 1
    assert (await statuses()).count(ApprovalStatus.PENDING) == 1


async def test_an_overdue_request_is_closed_by_the_press(desk: Desk) -> None:
    asked, _ = await desk.asks("a", "b")
    card = await desk.opens()
    desk.gate.clock.move(hours=71, minutes=59, seconds=59)
    assert await ids_of(desk.lin, desk.gate.clock.now()) != []
    desk.gate.clock.move(seconds=1)
    shown = await desk.press(card, "queue_approve")
    assert shown.toast["type"] == "info"
    assert (await ApprovalRequest.get(id=asked.id)).status is ApprovalStatus.EXPIRED
    await desk.settled()
    await desk.in_order(card)


async def test_who_changed_the_arguments_meanwhile_is_told_and_the_request_stays(desk: Desk) -> None:
    asked, _ = await desk.asks("a", "b")
    card = await desk.opens()
    shown = desk.drawn(card)
    await ApprovalRequest.filter(id=asked.id).update(action_digest="sha256:" + "7" * 64)
    pressed = await desk.press(card, "queue_approve", shown=shown)
    assert pressed.toast["type"] == "error"
    assert (await desk.living()).approval_id == asked.id
    assert await statuses() == [ApprovalStatus.PENDING] * 2


# -- together ----------------------------------------------------------------------------------------------------------


async def test_a_batch_decides_each_once_whatever_was_decided_meanwhile(desk: Desk) -> None:
    wang = await desk.office.person("Wang", role=Role.ORG_ADMIN)
    for place in range(3):
        asked = await desk.asks(*(f"{place}{letter}" for letter in "abcdef"))
        card = await desk.opens()
        shown = _with_batch(desk.drawn(card))
        event = f"{APP_ID}:batch{place}"
        await asyncio.gather(
            desk.press(card, "queue_batch", shown=shown, event=event),
            desk.press(card, "queue_batch", shown=shown, event=event),
            *(
                desk.gate.approvals.resolve(one.id, Verdict.REJECT, operator(wang), via=Via.COMMAND)
                for one in reversed(asked[3:])
            ),
        )
        await desk.settled()
        await desk.in_order(card)
        for one in asked:
            entries = await AuditEntry.filter(approval_id=one.id, action="approval.resolved")
            assert len(entries) == 1
        untouched = await ApprovalRequest.filter(id__in=[one.id for one in asked[:3]]).order_by("id")
        assert [one.status for one in untouched] == [ApprovalStatus.APPROVED] * 3
    assert ApprovalStatus.PENDING not in await statuses()


async def test_a_batch_says_how_many_of_how_many_and_why_not_the_rest(desk: Desk) -> None:
    asked = await desk.asks(*"abcd")
    card = await desk.opens()
    shown = _with_batch(desk.drawn(card))
    await desk.office.resolve(asked[1], desk.lin, Verdict.REJECT)
    await ApprovalRequest.filter(id=asked[2].id).update(action_digest="sha256:" + "7" * 64)
    pressed = await desk.press(card, "queue_batch", shown=shown)
    assert pressed.toast["content"] == "已同意 2/4 个，1 个已有结论，1 个参数有改动"
    assert [entry.details for entry in await desk.gate.audited("approval.resolved")] != []
    again = await desk.press(card, "queue_batch", shown=shown)
    assert str(again.toast["content"]).startswith("已同意 0/4 个")
    await desk.settled()
    await desk.in_order(card)


async def test_no_batch_is_offered_or_taken_of_what_matters_more(desk: Desk) -> None:
    asked = await desk.asks(*"abc")
    card = await desk.opens()
    shown = _with_batch(desk.drawn(card))
    await ApprovalRequest.filter(id=asked[0].id).update(severity="critical")
    await ApprovalRequest.filter(id=asked[1].id).update(approvals_needed=2)
    await ApprovalRequest.filter(id=asked[2].id).update(duties_separated=True)
    pressed = await desk.press(card, "queue_batch", shown=shown)
    assert pressed.toast["content"] == "已同意 0/3 个，3 个须单独决定"
    assert not any(str(one["name"]).startswith("queue_batch:") for one in _buttons(pressed.card))
    assert await statuses() == [ApprovalStatus.PENDING] * 3


async def test_no_other_kind_is_slipped_into_a_batch(desk: Desk) -> None:
    await desk.asks("a", "b")
    [other] = await desk.asks("c", agent=await desk.gate.agent(desk.lin, name="Other"))
    card = await desk.opens()
    [button] = [one for one in _buttons(desk.drawn(card)) if str(one["name"]).startswith("queue_batch:")]
    forged = json.loads(json.dumps(button))
    forged["behaviors"][0]["value"]["ids"] = [f"{other.id} {other.facts().code}"]
    pressed = await desk.presses.press(APP, operator(desk.lin), "queue_batch", click(forged, card.message_id), "e:f")
    assert pressed.toast["content"] == "已同意 0/1 个，1 个不能一起同意"
    assert await statuses() == [ApprovalStatus.PENDING] * 3


# -- putting off -------------------------------------------------------------------------------------------------------


async def test_what_was_put_off_was_seen_and_comes_back_once_with_the_card_open_on_it(desk: Desk) -> None:
    first, second = await desk.asks("a", "b")
    card = await desk.opens()
    await desk.press(card, "queue_snooze")
    copy = await CardCopy.get(approval_id=first.id)
    assert (copy.state, copy.snoozed_until) == (Delivery.SEEN, desk.gate.clock.now() + timedelta(hours=1))
    assert (await desk.living()).approval_id == second.id
    await desk.settled()
    await desk.in_order(card)
    before = len(desk.office.gateway.cards)
    desk.gate.clock.move(hours=1)
    await desk.settled()
    assert len(desk.office.gateway.cards) == before + 1
    back = await desk.living()
    assert (back.approval_id, back.id == card.id) == (first.id, False)
    await desk.in_order(back)
    await desk.in_order(card)
    desk.gate.clock.move(hours=2)
    await desk.settled()
    assert len(desk.office.gateway.cards) == before + 1


async def test_several_that_come_back_in_one_slot_are_one_card(desk: Desk) -> None:
    await desk.asks("a", "b", "c")
    card = await desk.opens()
    for _ in range(2):
        await desk.press(card, "queue_snooze")
        await desk.settled()
    before = len(desk.office.gateway.cards)
    desk.gate.clock.move(hours=1)
    await desk.settled()
    assert len(desk.office.gateway.cards) == before + 1
    await desk.in_order(await desk.living())


@pytest.mark.parametrize("meanwhile", ["decided", "put off again", "away", "left"])
async def test_nothing_comes_back_that_waits_no_more_or_to_nobody(desk: Desk, meanwhile: str) -> None:
    [asked] = await desk.asks("a")
    card = await desk.opens()
    await desk.press(card, "queue_snooze")
    match meanwhile:
        case "decided":
            await desk.office.resolve(asked, desk.lin)
        case "put off again":
            async with desk.gate.ledger.transaction() as work:
                await desk.snoozing.snooze(work, operator(desk.lin), asked, timedelta(hours=5))
        case "away":
            await User.filter(id=desk.lin.id).update(away_until=desk.gate.clock.now() + timedelta(days=2))
        case _:
            await User.filter(id=desk.lin.id).update(employment="left")
    await desk.settled()
    before = len(desk.office.gateway.cards)
    desk.gate.clock.move(hours=1)
    await desk.settled()
    assert len(desk.office.gateway.cards) == before
    await desk.in_order(card)


async def test_nothing_is_put_off_beyond_its_end_or_for_ever(desk: Desk) -> None:
    [asked] = await desk.asks("a")
    gate = desk.gate

    async def snooze(lasting: timedelta) -> datetime | Refusal:
        async with gate.ledger.transaction() as work:
            return await desk.snoozing.snooze(work, operator(desk.lin), asked, lasting)

    assert await snooze(timedelta(days=9)) == gate.clock.now() + timedelta(hours=24)
    gate.clock.move(hours=71)
    assert await snooze(timedelta(hours=2)) == asked.expires_at - timedelta(minutes=15)
    gate.clock.move(minutes=50)
    assert isinstance(await snooze(timedelta(hours=1)), Refusal)
    stranger = await gate.person("Someone")
    async with gate.ledger.transaction() as work:
        assert isinstance(await desk.snoozing.snooze(work, operator(stranger), asked), Refusal)
    assert len(await gate.audited("approval.snoozed")) == 2


# -- everything at once ------------------------------------------------------------------------------------------------


async def test_under_many_hands_every_card_ends_as_the_database_says(desk: Desk) -> None:
    """Two people, three cards, deciding, turning, snoozing, opening and asking all at once: no fault, no stale card."""
    wang = await desk.office.person("Wang", role=Role.ORG_ADMIN)
    plan = {"default": {"steps": [{"after": "0m", "ask": ["creator", "admins"]}]}}
    await write_plan(desk.gate, plan)
    agents = [await desk.gate.agent(desk.lin, name=f"Agent {place}") for place in range(3)]
    cards = {person.id: (person, await desk.opens(person)) for person in (desk.lin, wang)}
    for place in range(6):
        asked = [one for agent in agents for one in await desk.asks(f"{place}a", f"{place}b", agent=agent)]
        await desk.settled()
        doing = []
        for person, card in cards.values():
            shown = desk.drawn(card)
            for act in ("queue_approve", "queue_next", "queue_snooze", "queue_batch", "queue_reject"):
                if any(str(one["name"]).startswith(f"{act}:") for one in _buttons(shown)):
                    doing.append(desk.press(card, act, shown=shown, by=person))
        other = desk.gate.approvals.resolve(asked[-1].id, Verdict.REJECT, operator(wang), via=Via.COMMAND)
        await asyncio.gather(*doing, other, desk.gate.check(agents[0], session=str(new_id())))
        await desk.settled()
        for _, card in cards.values():
            await desk.in_order(card)
    resolved = await desk.gate.audited("approval.resolved")
    assert len(resolved) == len({entry.subject for entry in resolved})
    broken = OutboxMessage.filter(kind__in=[OutboxKind.QUEUE_CARD, OutboxKind.QUEUE_UPDATE])
    assert not await broken.filter(state=OutboxState.DISCARDED).exists()
