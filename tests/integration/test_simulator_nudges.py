"""The simulator's ways to press harder, and its receipts: buzzes, the pinned bot, who has read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.simulator.state import Buzz, Message
from tests.support.feishu import Feishu
from tests.support.little_bot import LittleBot, approval_card

MESSAGES = "/open-apis/im/v1/messages"
PIN = "/open-apis/im/v2/feed_cards/bot_time_sentive"
BY_OPEN_ID = {"user_id_type": "open_id"}
SCOPES = {
    "urgent_app": "im:message.urgent",
    "urgent_sms": "im:message.urgent:sms",
    "urgent_phone": "im:message.urgent:phone",
}


@pytest.fixture
async def card(feishu: Feishu, bot: LittleBot) -> Message:
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    return await feishu.next_card(to=feishu.creator)


async def buzz(bot: LittleBot, card: Message, ids: Any, how: str = "urgent_app", **more: Any) -> dict[str, Any]:
    more.setdefault("params", BY_OPEN_ID)
    _, body, _ = await bot.call("PATCH", f"{MESSAGES}/{card.message_id}/{how}", {"user_id_list": ids}, **more)
    return body


async def pin(bot: LittleBot, ids: Any, pinned: Any = True, **more: Any) -> dict[str, Any]:
    more.setdefault("params", BY_OPEN_ID)
    _, body, _ = await bot.call("PATCH", PIN, {"time_sensitive": pinned, "user_ids": ids}, **more)
    return body


async def readers(bot: LittleBot, card: Message, **more: str) -> dict[str, Any]:
    _, body, _ = await bot.call("GET", f"{MESSAGES}/{card.message_id}/read_users", params=BY_OPEN_ID | more)
    return body


# -- buzzes --


@pytest.mark.parametrize("how", SCOPES)
async def test_each_way_of_calling_has_its_scope_and_its_record(
    feishu: Feishu, bot: LittleBot, card: Message, how: str
) -> None:
    lin = feishu.open_id(feishu.creator)
    assert (await buzz(bot, card, [lin], how))["data"] == {"invalid_user_id_list": []}
    assert feishu.buzzes(feishu.creator) == [how]
    feishu.app.scopes -= {SCOPES[how]}
    assert (await buzz(bot, card, [lin], how))["code"] == 99991672
    assert feishu.buzzes(feishu.creator) == [how]


async def test_ids_of_nobody_come_back_and_nothing_but_them_is_an_error(
    feishu: Feishu, bot: LittleBot, card: Message
) -> None:
    lin, wang = feishu.open_id(feishu.creator), feishu.open_id(feishu.admin)
    assert (await buzz(bot, card, [lin, wang, "ou_x"]))["data"] == {"invalid_user_id_list": [wang, "ou_x"]}
    assert card.buzzed == [feishu.creator]
    assert (await buzz(bot, card, [wang, "ou_x"]))["code"] == 230001
    for wrong in ([], [lin] * 201, [5], None):
        assert (await buzz(bot, card, wrong))["code"] == 230001
    assert (await buzz(bot, card, [lin], params={}))["code"] == 230001, "user_id_type is required"


async def test_nobody_is_called_to_what_is_not_ones_own_or_not_there(
    feishu: Feishu, bot: LittleBot, card: Message
) -> None:
    lin = feishu.open_id(feishu.creator)
    foreign = feishu.add_app("foreign")
    theirs = feishu.open_id(feishu.creator, foreign)
    assert (await buzz(bot, card, [theirs], app=foreign))["code"] == 230012
    await feishu.leave(feishu.creator, tell=False)
    assert (await buzz(bot, card, [lin]))["code"] == 230013
    feishu.creator.resigned = False
    feishu.recall(card)
    assert (await buzz(bot, card, [lin]))["code"] == 230011


async def test_two_hundred_unread_buzzes_are_enough(feishu: Feishu, bot: LittleBot, card: Message) -> None:
    lin, chat = feishu.creator, card.chat
    for _ in range(200):
        old = feishu.world.add_message(chat, feishu.app, "text", '{"text":"x"}')
        old.buzzes.append(Buzz(lin, "urgent_app", feishu.now()))
    assert (await buzz(bot, card, [feishu.open_id(lin)]))["code"] == 230023
    feishu.read(old, lin)
    assert (await buzz(bot, card, [feishu.open_id(lin)]))["code"] == 0


async def test_the_company_pays_for_so_many_calls(feishu: Feishu, bot: LittleBot, card: Message) -> None:
    feishu.app.buzzes_left["urgent_sms"] = 1
    lin = feishu.open_id(feishu.creator)
    answers = [(await buzz(bot, card, [lin], how))["code"] for how in ("urgent_sms", "urgent_sms", "urgent_app")]
    assert answers == [0, 230024, 0]


# -- the pinned bot --


async def test_the_bot_is_pinned_and_unpinned_per_person(feishu: Feishu, bot: LittleBot) -> None:
    lin, gone = feishu.open_id(feishu.creator), feishu.add_person("gone")
    gone.resigned = True
    answer = await pin(bot, [lin, "ou_x", feishu.open_id(gone)])
    assert [(each["user_id"], each["error_code"]) for each in answer["data"]["failed_user_reasons"]] == [
        ("ou_x", 99992351),
        (feishu.open_id(gone), 230013),
    ]
    assert (feishu.pinned(feishu.creator), feishu.pinned(gone)) == (True, False)
    assert (await pin(bot, [lin], False))["data"] == {"failed_user_reasons": []}
    assert not feishu.pinned(feishu.creator)


async def test_a_pin_needs_its_scope_and_whole_parameters(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.open_id(feishu.creator)
    for ids, pinned, params in (
        ([], True, BY_OPEN_ID),
        ([lin] * 51, True, BY_OPEN_ID),
        (lin, True, BY_OPEN_ID),
        ([lin], "true", BY_OPEN_ID),
        ([lin], True, {}),
    ):
        assert (await pin(bot, ids, pinned, params=params))["code"] == 230001
    feishu.app.scopes -= {"im:datasync.feed_card.time_sensitive:write"}
    assert (await pin(bot, [lin]))["code"] == 99991672
    assert not feishu.pinned(feishu.creator)


# -- who has read --


async def test_readers_come_in_pages(feishu: Feishu, bot: LittleBot) -> None:
    people = [feishu.add_person(f"p{number}") for number in range(3)]
    group = feishu.add_group("g", people)
    await bot.send(group.chat_id, {"text": "all of you"}, "text", id_type="chat_id")
    message = await feishu.next_text(to=group)
    for person in people:
        feishu.read(message, person)
    first = (await readers(bot, message, page_size="2"))["data"]
    assert (len(first["items"]), first["has_more"]) == (2, True)
    last = (await readers(bot, message, page_size="2", page_token=first["page_token"]))["data"]
    assert [each["user_id"] for each in first["items"] + last["items"]] == [feishu.open_id(each) for each in people]
    assert last["has_more"] is False
    assert "page_token" not in last
    for wrong in ({"page_size": "0"}, {"page_size": "101"}, {"page_token": "mine"}):
        assert (await readers(bot, message, **wrong))["code"] == 230001


async def test_receipts_are_of_ones_own_young_messages(feishu: Feishu, bot: LittleBot, card: Message) -> None:
    feishu.app.scopes -= {"im:message"}
    assert (await readers(bot, card))["code"] == 99991672, "sending alone is not enough"
    feishu.app.scopes |= {"im:message:readonly"}
    assert (await readers(bot, card))["code"] == 0
    await feishu.advance(timedelta(days=7, minutes=1))
    assert (await readers(bot, card))["code"] == 230033
    await feishu.say(feishu.creator, "hello")
    theirs = feishu.messages(to=feishu.creator, from_people=True)[-1]
    assert (await readers(bot, theirs))["code"] == 230012
    feishu.delete(card)
    assert (await readers(bot, card))["code"] == 230110


async def test_reading_is_told_once_and_of_private_chats(feishu: Feishu, bot: LittleBot, card: Message) -> None:
    push = await feishu.notices(card, feishu.creator)
    assert push is not None
    told = bot.received[-1].envelope
    assert told["header"]["event_type"] == "im.message.message_read_v1"
    assert told["event"]["message_id_list"] == [card.message_id]
    assert told["event"]["reader"]["reader_id"]["open_id"] == feishu.open_id(feishu.creator)
    assert int(told["event"]["reader"]["read_time"]) == int(card.read_by["creator"].timestamp() * 1000)
    assert await feishu.notices(card, feishu.creator) is None

    group = feishu.add_group("g", [feishu.creator])
    await bot.send(group.chat_id, {"text": "all of you"}, "text", id_type="chat_id")
    assert await feishu.notices(await feishu.next_text(to=group), feishu.creator) is None
    await bot.send(feishu.open_id(feishu.creator), {"text": "you"}, "text")
    feishu.app.scopes -= {"im:message"}
    assert await feishu.notices(await feishu.next_text(containing="you"), feishu.creator) is None


async def test_messages_read_together_are_told_together(feishu: Feishu, bot: LittleBot, card: Message) -> None:
    await bot.send(feishu.open_id(feishu.creator), {"text": "and this"}, "text")
    text = await feishu.next_text(to=feishu.creator)
    [push] = await feishu.simulator.notice_all([card, text], feishu.creator)
    assert push.envelope["event"]["message_id_list"] == [card.message_id, text.message_id]
