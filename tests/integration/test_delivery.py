"""What each kind of message does: asking, updating, saying, and what happens when Feishu does not comply."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot import outbox
from bot.database import transaction
from bot.ledger import Work
from bot.ports import FeishuMisconfigured, FeishuUnavailable, MessageGone, PayloadRefused, ReceiverType
from bot.receipts import reached
from bot.waiters.registry import Waiters
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery, OutboxKind, OutboxState, Role, Verdict
from models.tables import FeishuIdentity, Notification, OutboxMessage, User
from tests.support.gate import APP_ID
from tests.support.office import Office, copies, facts_of, fresh, state_of


async def test_the_creator_gets_a_card_and_the_copy_is_recorded(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    [card] = office.gateway.cards
    [message] = await OutboxMessage.filter(kind=OutboxKind.APPROVAL_CARD)
    [copy] = await copies(approval)
    assert card.to is not None and (card.to.type, card.to.id) == (ReceiverType.USER_ID, "u_ann")
    assert card.uuid == str(message.id)
    assert (copy.message_id, copy.state, copy.shown_revision) == (card.message_id, Delivery.SENT, 1)
    assert (await fresh(approval)).delivery is Delivery.SENT
    assert message.state is OutboxState.DELIVERED


async def test_a_refused_id_is_followed_by_the_next_with_its_own_type(office: Office) -> None:
    await office.asked(await office.person("Ann"))
    office.gateway.unreachable.add("u_ann")
    await office.deliver()
    assert [(to.type, to.id) for to in office.gateway.tried] == [
        (ReceiverType.USER_ID, "u_ann"),
        (ReceiverType.OPEN_ID, "ou_ann"),
    ]
    assert len(office.gateway.cards) == 1


async def test_a_person_whose_ids_are_refused_is_found_by_the_address(office: Office) -> None:
    ann = await office.person("Ann", email="ann@example.com")
    office.gateway.unreachable |= {"u_ann", "ou_ann"}
    office.gateway.emails["ann@example.com"] = "ou_new"
    await office.asked(ann)
    await office.deliver()
    [card] = office.gateway.cards
    assert card.to is not None and card.to.id == "ou_new"
    assert (await FeishuIdentity.get(app_id=APP_ID, person_id=ann.id)).open_id == "ou_new"


async def test_an_unreachable_creator_is_visible_audited_and_the_admins_are_asked(office: Office) -> None:
    ann, root = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
    office.gateway.unreachable |= {"u_ann", "ou_ann"}
    approval = await office.asked(ann)
    await office.deliver()
    [to_ann, to_root] = await copies(approval)
    assert (to_ann.state, to_ann.message_id) == (Delivery.UNDELIVERABLE, None)
    assert "NO availability" in (to_ann.fault or "")
    assert (to_root.person_id, to_root.state) == (root.id, Delivery.SENT)
    now = await fresh(approval)
    assert now.delivery is Delivery.SENT
    assert "NO availability" in (now.delivery_detail or "")
    assert "delivery.failed" in await facts_of(approval.id)
    assert len(office.gateway.cards) == 1
    [alert] = office.gateway.texts
    assert "Ann" in alert and str(approval.id) in alert
    await office.resolve(approval, root)  # so somebody can decide
    assert (await fresh(approval)).status is ApprovalStatus.APPROVED


async def test_when_nobody_can_be_reached_the_approval_says_so(office: Office) -> None:
    office.gateway.unreachable |= {"u_ann", "ou_ann", "u_root", "ou_root"}
    await office.person("Root", role=Role.ORG_ADMIN)
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    assert (await fresh(approval)).delivery is Delivery.UNDELIVERABLE
    assert (await facts_of(approval.id)).count("delivery.failed") == 3  # Ann's card, Root's card, Root's alert
    assert await OutboxMessage.filter(state=OutboxState.WAITING).count() == 0
    assert await Notification.filter(type="delivery.failed").count() == 1


async def test_a_refused_card_becomes_a_text_with_id_and_code(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    office.gateway.faults["send"].append(PayloadRefused("ext=ErrCode: 200861", code=230099))
    await office.deliver()
    [copy] = await copies(approval)
    [text] = office.gateway.texts
    assert f"/approve {approval.id} {approval.facts().code}" in text
    assert (copy.is_card, copy.state) == (False, Delivery.DEGRADED)
    assert (await fresh(approval)).delivery is Delivery.DEGRADED
    assert "delivery.degraded" in await facts_of(approval.id)


async def test_a_card_that_cannot_be_drawn_becomes_a_text_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ValueError("hostile arguments")

    monkeypatch.setattr("bot.delivery.asking.approval_card", broken)
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    assert str(approval.id) in office.gateway.texts[0]
    assert (await fresh(approval)).delivery is Delivery.DEGRADED


async def test_a_lost_answer_sends_no_second_card(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    office.gateway.lost = 1
    await office.deliver()
    assert (await copies(approval))[0].message_id is None
    office.gate.clock.move(seconds=2)
    await office.deliver()
    [card] = office.gateway.cards
    assert (await copies(approval))[0].message_id == card.message_id
    assert office.gateway.calls.count("send") == 2


async def test_a_lost_answer_and_a_resolution_end_with_the_closed_card(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    office.gateway.lost = 1
    await office.deliver()
    await office.resolve(approval, ann, Verdict.REJECT)
    office.gate.clock.move(seconds=2)
    await office.deliver()
    [card] = office.gateway.cards
    [copy] = await copies(approval)
    assert len(card.patches) == 1  # the card that had arrived showed the open question
    assert copy.shown_revision == (await fresh(approval)).revision


async def test_a_resolution_during_the_send_is_followed_by_an_update(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    office.gateway.hold = asyncio.Event()
    worker = office.worker()
    running = asyncio.create_task(worker.run())
    await office.gateway.entered.wait()
    await office.resolve(approval, ann, Verdict.REJECT)
    office.gateway.hold.set()
    worker.stop()
    await running
    await office.deliver()
    [card] = office.gateway.cards
    assert len(card.patches) == 1
    assert (await copies(approval))[0].shown_revision == (await fresh(approval)).revision == 2
    assert await OutboxMessage.filter(state=OutboxState.WAITING).count() == 0


async def test_no_update_is_ever_lost_between_sends_and_resolutions(office: Office) -> None:
    approvals = []
    for number in range(20):
        creator = await office.person(f"P{number}")
        await User.filter(id=creator.id).update(looked_up_at=office.gate.clock.now())  # else that takes the slots
        caller = await office.gate.agent(creator, name=f"Agent {number}")
        answer = await office.gate.check(caller)
        approvals.append((await ApprovalRequest.get(id=answer.approval_id), creator))
    office.gateway.hold = asyncio.Event()
    workers = [office.worker(), office.worker()]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    await office.gateway.until_called("send", 20)  # every card is drawn, none is recorded
    deciding = [asyncio.create_task(office.resolve(*pair, Verdict.REJECT)) for pair in approvals]
    await deciding[0]
    office.gateway.hold.set()  # the others race with the records of their sends
    await asyncio.gather(*deciding)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    office.gate.clock.move(seconds=2)
    await office.deliver()
    for approval, _ in approvals:
        for copy in await copies(approval):
            assert copy.shown_revision == (await fresh(approval)).revision
    assert all(card.patches for card in office.gateway.cards)
    assert await OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING]).count() == 0


async def test_a_resolution_waits_for_the_record_of_a_send(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its update would find no message id, and the record no newer revision: the open card would stay."""
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    recording, go_on = asyncio.Event(), asyncio.Event()

    async def paused(work: Work, approval: ApprovalRequest, waiters: Waiters) -> Delivery:
        recording.set()
        await go_on.wait()
        return await reached(work, approval, waiters)

    monkeypatch.setattr("bot.delivery.asking.reached", paused)
    sending = asyncio.create_task(office.deliver())
    await recording.wait()
    resolving = asyncio.create_task(office.resolve(approval, ann, Verdict.REJECT))
    await asyncio.wait([resolving], timeout=0.5)
    if resolving.done():  # it did not wait: its update is now delivered before the record is committed
        await office.deliver()
    go_on.set()
    await asyncio.gather(sending, resolving)
    await office.deliver()
    [copy] = await copies(approval)
    assert copy.shown_revision == (await fresh(approval)).revision == 2


async def test_a_question_that_is_closed_before_it_was_sent_is_not_asked(office: Office) -> None:
    ann, root = await office.person("Ann"), await office.person("Root", role=Role.ORG_ADMIN)
    approval = await office.asked(ann)
    await office.resolve(approval, root)
    await office.deliver()
    assert office.gateway.cards == []
    assert await copies(approval) == []
    assert (await OutboxMessage.get(kind=OutboxKind.APPROVAL_CARD)).state is OutboxState.SUPERSEDED
    assert len(office.gateway.texts) == 1  # the outcome is told all the same


async def test_the_newest_state_wins_over_older_updates(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    for _ in range(3):
        async with office.gate.ledger.transaction() as work:
            await type(approval).filter(id=approval.id).update(revision=(await fresh(approval)).revision + 1)
            await office.gate.approvals.telling.changed(work, await fresh(approval))
    await office.deliver()
    [card] = office.gateway.cards
    assert len(card.patches) == 1
    assert (await copies(approval))[0].shown_revision == 4
    states = [message.state for message in await OutboxMessage.filter(kind=OutboxKind.CARD_UPDATE).order_by("id")]
    assert states == [OutboxState.DELIVERED, OutboxState.SUPERSEDED, OutboxState.SUPERSEDED]


async def test_the_shown_revision_never_goes_back(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    await office.resolve(approval, ann)
    office.gateway.hold = asyncio.Event()
    office.gateway.entered.clear()
    worker = office.worker()
    running = asyncio.create_task(worker.run())
    await office.gateway.entered.wait()
    await CardCopy.filter(approval_id=approval.id).update(shown_revision=9)
    office.gateway.hold.set()
    worker.stop()
    await running
    assert (await copies(approval))[0].shown_revision == 9


async def test_a_recalled_card_is_let_go_quietly(office: Office) -> None:
    ann = await office.person("Ann")
    await office.person("Root", role=Role.ORG_ADMIN)
    approval = await office.asked(ann)
    await office.deliver()
    await office.resolve(approval, ann)
    office.gateway.faults["patch"].append(MessageGone("recalled", code=230011))
    await office.deliver()
    assert (await OutboxMessage.get(kind=OutboxKind.CARD_UPDATE)).state is OutboxState.DISCARDED
    assert "card.gone" in await facts_of(approval.id)
    assert all(message.to is None or message.to.id != "u_root" for message in office.gateway.messages)


async def test_a_misconfigured_app_shows_on_the_approval_until_it_is_mended(office: Office) -> None:
    approval = await office.asked(await office.person("Ann"))
    office.gateway.faults["send"].append(FeishuMisconfigured("scope missing: im:message", code=230027))
    await office.deliver()
    now = await fresh(approval)
    assert (now.delivery, now.delivery_detail) == (Delivery.QUEUED, "FeishuMisconfigured: scope missing: im:message")
    office.gate.clock.move(minutes=5)
    await office.deliver()
    mended = await fresh(approval)
    assert (mended.delivery, mended.delivery_detail) == (Delivery.SENT, None)


async def test_giving_up_on_a_card_asks_the_admins(office: Office) -> None:
    ann = await office.person("Ann")
    root = await office.person("Root", role=Role.PLATFORM_ADMIN)
    approval = await office.asked(ann)
    await OutboxMessage.filter(kind=OutboxKind.APPROVAL_CARD).update(attempts=30)
    office.gateway.at["u_ann"] = FeishuUnavailable("HTTP 502")
    await office.deliver()
    assert [copy.state for copy in await copies(approval)] == [Delivery.UNDELIVERABLE, Delivery.SENT]
    assert (await copies(approval))[1].person_id == root.id


async def test_a_text_goes_into_the_thread_of_the_card(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    [copy] = await copies(approval)
    await office.say(ann, "still waiting", approval_id=approval.id, thread_of=copy.id)
    await office.deliver()
    assert office.gateway.messages[-1].parent == copy.message_id


async def test_a_text_whose_card_was_recalled_goes_to_the_person(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await office.asked(ann)
    await office.deliver()
    [copy] = await copies(approval)
    office.gateway.faults["reply"].append(MessageGone("recalled", code=230011))
    await office.say(ann, "still waiting", approval_id=approval.id, thread_of=copy.id)
    await office.deliver()
    last = office.gateway.messages[-1]
    assert (last.text, last.to and last.to.id) == ("still waiting", "u_ann")


async def test_a_refused_text_is_discarded_audited_and_told(office: Office) -> None:
    ann = await office.person("Ann")
    await office.person("Root", role=Role.ORG_ADMIN)
    office.gateway.at["u_ann"] = PayloadRefused("sensitive", code=230028)
    text = await office.say(ann, "sensitive words")
    await office.deliver()
    assert (await state_of(text)).state is OutboxState.DISCARDED
    assert len(await office.gate.audited("delivery.failed")) == 1
    assert len(office.gateway.texts) == 1
    assert "sensitive words" not in office.gateway.texts[0]


async def test_a_reply_answers_its_message(office: Office) -> None:
    ann = await office.person("Ann")
    answer = outbox.reply(
        tenant="default",
        app_id=APP_ID,
        message_id="om_question",
        chat_id="oc_1",
        text="here",
        now=office.gate.clock.now(),
        person_id=ann.id,
    )
    async with transaction():
        await outbox.add([answer])
    await office.deliver()
    assert (office.gateway.messages[0].parent, office.gateway.messages[0].text) == ("om_question", "here")


async def test_an_identity_is_learnt_or_the_admins_are_told_once(office: Office) -> None:
    ann, bob = await office.gate.person("Ann"), await office.gate.person("Bob")
    await office.person("Root", role=Role.ORG_ADMIN)
    for person in (ann, bob):
        await type(person).filter(id=person.id).update(email=f"{person.name.lower()}@example.com")
    office.gateway.emails["ann@example.com"] = "ou_ann"
    now = office.gate.clock.now()
    await outbox.add(
        [outbox.identity(tenant="default", person_id=one.id, app_id=APP_ID, now=now) for one in (ann, bob, bob)]
    )
    await office.deliver()
    assert (await FeishuIdentity.get(person_id=ann.id)).open_id == "ou_ann"
    assert not await FeishuIdentity.exists(person_id=bob.id)
    assert len(await office.gate.audited("delivery.failed")) == 2
    assert len(office.gateway.texts) == 1


async def test_an_outage_never_touches_a_check(office: Office) -> None:
    office.gateway.always["send"] = FeishuUnavailable("HTTP 502")
    approval = await office.asked(await office.person("Ann"))
    await office.deliver()
    assert (await fresh(approval)).status is ApprovalStatus.PENDING
    assert (await fresh(approval)).delivery is Delivery.QUEUED
    office.gateway.always.clear()
    office.gate.clock.move(seconds=2)
    await office.deliver()
    assert (await fresh(approval)).delivery is Delivery.SENT
    payload = json.loads((await OutboxMessage.get(kind=OutboxKind.APPROVAL_CARD)).payload)
    assert payload["unsure"] is True
