"""Stories: queued, sent, seen, acted, or why not; told to the waiting agent, in /show and on the page."""

from __future__ import annotations

import asyncio
import json

from models.enums import Delivery, Role
from models.tables import ApprovalRequest, AuditEntry, CardCopy
from tests.acceptance.test_two_apps import second_app
from tests.support.service import RunningHouse


async def test_a_question_is_queued_sent_seen_and_acted_on(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(), house.feishu.creator, house.feishu
    with feishu.outage("reset", "send"):
        asked = await agent.asks()
        assert asked["delivery"] == Delivery.QUEUED
        await feishu.called("send")
    await house.settled()
    await house.until_next_attempts()
    card = await feishu.next_card(to=lin)
    await house.settled()
    assert (await agent.looks(asked["approval_id"]))["delivery"]["state"] == Delivery.SENT

    await house.later(minutes=2)
    assert await feishu.notices(card, lin) is not None
    await house.settled()
    looked = await agent.looks(asked["approval_id"])
    assert looked["delivery"]["state"] == Delivery.SEEN
    assert looked["delivery"]["seen_at"] is not None
    again = await agent.asks()
    assert (again["delivery"], again["seen_at"]) == (Delivery.SEEN, looked["delivery"]["seen_at"])
    assert "who saw the question" in again["message"]
    assert len(await house.audited("delivery.seen")) == 1

    await feishu.say(lin, f"/show {asked['approval_id']}")
    shown = (await feishu.next_text(to=lin)).text
    assert "看过" in shown
    await feishu.click(card, "approve", by=lin)
    await house.settled()
    assert (await agent.looks(asked["approval_id"]))["delivery"]["state"] == Delivery.ACTED
    [copy] = await CardCopy.all()
    assert copy.acted_at is not None


async def test_seen_is_kept_once_and_only_of_the_person_who_was_asked(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(), house.feishu.creator, house.feishu
    asked = await agent.asks()
    card = await feishu.next_card(to=lin)
    await house.settled()
    push = await feishu.notices(card, lin)
    assert push is not None
    await feishu.redeliver(push)
    await house.settled()
    assert len(await house.audited("delivery.seen")) == 1
    first = (await CardCopy.get()).seen_at
    await house.later(minutes=10)
    await feishu.redeliver(push)
    assert (await CardCopy.get()).seen_at == first
    [entry] = await house.audited("delivery.seen")
    assert json.loads(entry.details)["message"] == card.message_id
    assert asked["code"]


async def test_receipts_of_other_messages_change_nothing(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(), house.feishu.creator, house.feishu
    await agent.asks()
    await feishu.next_card(to=lin)
    await house.settled()
    for reader, messages in ((feishu.stranger, ["om_unknown", "x" * 500, "\u0000"]), (lin, [])):
        ids = feishu.world.ids(feishu.app, reader)
        event = {
            "reader": {"reader_id": ids, "read_time": "1767225600000", "tenant_key": reader.tenant_key},
            "message_id_list": messages,
        }
        push = await feishu.simulator.tell(feishu.app, "im.message.message_read_v1", event)
        assert push.delivered
    assert await AuditEntry.filter(action="delivery.seen").count() == 0


async def test_somebody_who_cannot_be_reached_in_one_app_is_reached_in_another(house: RunningHouse) -> None:
    lin, feishu = house.feishu.creator, house.feishu
    agent, second = await house.agent(), await second_app(house)
    for each in (feishu.app, second):  # known through both, by having written to both bots
        await feishu.say(lin, "/whoami", app=each)
        await feishu.next_text(to=lin, app=each)
    feishu.app.availability = {feishu.admin}
    asked = await agent.asks()
    card = await feishu.next_card(to=lin)
    assert card.sender is second
    await house.settled()
    copy = await CardCopy.get()
    assert (copy.state, copy.app_id) == (Delivery.SENT, second.app_id)
    assert (await agent.looks(asked["approval_id"]))["delivery"]["state"] == Delivery.SENT


async def test_an_agent_whose_question_reaches_nobody_learns_it_at_once(house: RunningHouse) -> None:
    agent, feishu = await house.agent(), house.feishu
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    feishu.app.availability = set()
    answer = await asyncio.wait_for(agent.asks(wait=600), 30)
    assert (answer["status"], answer["allowed"], answer["delivery"]) == ("pending", False, Delivery.UNDELIVERABLE)
    assert "Nobody could be reached" in answer["message"]
    looked = await asyncio.wait_for(agent.looks(answer["approval_id"], wait=600), 30)
    assert looked["delivery"]["state"] == Delivery.UNDELIVERABLE
    assert "230013" in looked["delivery"]["detail"]
    assert {copy.state for copy in await CardCopy.all()} == {Delivery.UNDELIVERABLE}
    assert (await ApprovalRequest.get()).status == "pending"


async def test_a_refused_card_is_degraded_with_the_reason_and_still_seen(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(), house.feishu.creator, house.feishu
    feishu.fail_next("send", "answer", 1, code=230099, msg="Failed to create card content")
    asked = await agent.asks()
    text = await feishu.next_text(to=lin)
    assert "/approve" in text.text
    await house.settled()
    looked = await agent.looks(asked["approval_id"])
    assert looked["delivery"]["state"] == Delivery.DEGRADED
    assert "230099" in looked["delivery"]["detail"]
    await feishu.notices(text, lin)
    await house.settled()
    looked = await agent.looks(asked["approval_id"])
    assert looked["delivery"]["state"] == Delivery.SEEN
    assert "230099" in looked["delivery"]["detail"]
