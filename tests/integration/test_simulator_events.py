"""Events: typed messages, menus and the rest, at least once, on Feishu's schedule of the world's clock."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.simulator.clock import WorldClock
from tests.support.feishu import Feishu, Impossible, Sending, feishu_running
from tests.support.little_bot import LittleBot, little_bot


async def test_a_private_message_is_told_to_the_bot(feishu: Feishu, bot: LittleBot) -> None:
    push = await feishu.say(feishu.creator, "/pending")
    received = bot.received[-1]
    assert received.signature_holds
    assert push.delivered
    header, event = received.envelope["header"], received.envelope["event"]
    assert (header["event_type"], header["event_id"]) == ("im.message.receive_v1", push.event_id)
    assert len(header["create_time"]) == 13, "milliseconds"
    assert event["sender"]["sender_id"]["open_id"] == feishu.open_id(feishu.creator)
    message = event["message"]
    assert (message["chat_type"], message["message_type"]) == ("p2p", "text")
    assert json.loads(message["content"]) == {"text": "/pending"}
    assert "mentions" not in message
    assert message["chat_id"] == feishu.p2p(feishu.creator).chat_id


async def test_in_a_group_the_bot_hears_only_its_name(feishu: Feishu, bot: LittleBot) -> None:
    group = feishu.add_group("行动组", [feishu.creator, feishu.stranger])
    await feishu.overheard(feishu.creator, "nothing for the bot", group)
    assert bot.received == []
    await feishu.say(feishu.stranger, "/approve 12", chat=group)
    message = bot.received[-1].envelope["event"]["message"]
    assert (message["chat_type"], message["chat_id"]) == ("group", group.chat_id)
    assert json.loads(message["content"]) == {"text": "@_user_1 /approve 12"}
    assert message["mentions"][0]["key"] == "@_user_1"
    assert message["mentions"][0]["id"]["open_id"] == feishu.app.bot_open_id
    with pytest.raises(Impossible, match="not in"):
        await feishu.say(feishu.admin, "/x", chat=group)


async def test_rich_text_of_a_phone_comes_without_locale(feishu: Feishu, bot: LittleBot) -> None:
    await feishu.say(feishu.creator, "/reject 12\nbecause", as_post=True)
    message = bot.received[-1].envelope["event"]["message"]
    assert message["message_type"] == "post"
    assert json.loads(message["content"]) == {
        "title": "",
        "content": [[{"tag": "text", "text": "/reject 12"}], [{"tag": "text", "text": "because"}]],
    }


async def test_an_answer_names_what_it_answers(feishu: Feishu, bot: LittleBot) -> None:
    await bot.send(feishu.open_id(feishu.creator), {"text": "question"}, "text")
    question = await feishu.next_text(to=feishu.creator)
    await feishu.say(feishu.creator, "answer", reply_to=question)
    message = bot.received[-1].envelope["event"]["message"]
    assert (message["root_id"], message["parent_id"]) == (question.message_id, question.message_id)


async def test_menu_entering_and_being_added(feishu: Feishu, bot: LittleBot) -> None:
    await feishu.press_menu(feishu.creator, "pending")
    menu = bot.received[-1].envelope
    assert menu["header"]["event_type"] == "application.bot.menu_v6"
    assert menu["event"]["event_key"] == "pending"
    assert len(str(menu["event"]["timestamp"])) == 10, "seconds"
    assert menu["event"]["operator"]["operator_id"]["open_id"] == feishu.open_id(feishu.creator)
    await feishu.enter_chat(feishu.creator)
    entered = bot.received[-1].envelope
    assert entered["header"]["event_type"] == "im.chat.access_event.bot_p2p_chat_entered_v1"
    assert entered["event"]["chat_id"] == feishu.p2p(feishu.creator).chat_id
    group = feishu.add_group("新群", [feishu.creator], feishu.add_app("second"))
    await feishu.add_bot(feishu.creator, group)
    added = bot.received[-1].envelope
    assert (added["header"]["event_type"], added["event"]["name"]) == ("im.chat.member.bot.added_v1", "新群")


async def test_the_console_verifies_a_url_without_headers(feishu: Feishu, bot: LittleBot) -> None:
    assert await feishu.verify_url()
    received = bot.received[-1]
    assert "X-Lark-Signature" not in received.headers
    assert received.envelope["type"] == "url_verification"
    assert received.envelope["token"] == feishu.app.verification_token
    feishu.connect(bot.url + "/nowhere")
    assert not await feishu.verify_url()


async def test_a_failed_event_comes_again_four_times(feishu: Feishu, bot: LittleBot) -> None:
    bot.answers({}, status=500)
    push = await feishu.say(feishu.creator, "/pending")
    assert not push.delivered
    for gap, attempts in ((14, 1), (1, 2), (299, 2), (1, 3), (3599, 3), (1, 4), (21599, 4), (1, 5), (86400, 5)):
        await feishu.advance(timedelta(seconds=gap + 0.01))
        assert len(push.attempts) == attempts, gap
    assert push.due_at is None
    envelopes = [each.envelope for each in bot.received]
    assert envelopes == [envelopes[0]] * 5, "the body stays as it was"
    signed = [int(each.headers["X-Lark-Request-Timestamp"]) for each in bot.received]
    assert signed[-1] - signed[0] >= 15 + 300 + 3600 + 21600, "and is signed anew"
    assert all(each.signature_holds for each in bot.received)


async def test_one_long_leap_makes_every_repetition_at_its_time(feishu: Feishu, bot: LittleBot) -> None:
    bot.answers({}, status=500)
    push = await feishu.say(feishu.creator, "/pending")
    await feishu.advance(timedelta(hours=8))
    assert len(push.attempts) == 5
    gaps = [later.at - earlier.at for earlier, later in zip(push.attempts, push.attempts[1:], strict=False)]
    assert [round(gap.total_seconds()) for gap in gaps] == [15, 300, 3600, 21600]


async def test_an_accepted_repetition_is_the_last(feishu: Feishu, bot: LittleBot) -> None:
    bot.answers({}, status=500)
    push = await feishu.say(feishu.creator, "/pending")
    bot.answers({})
    await feishu.advance(timedelta(seconds=16))
    assert push.delivered
    await feishu.advance(timedelta(days=1))
    assert len(bot.received) == 2


async def test_due_repetitions_come_by_themselves() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    clock = WorldClock(lambda: now[0])
    async with feishu_running(clock=clock) as feishu, little_bot(feishu.app, feishu.base_url) as bot:
        bot.answers({}, status=500)
        push = await feishu.say(feishu.creator, "/pending")
        bot.answers({})
        clock.advance(timedelta(seconds=15))
        assert await feishu.until(lambda: push.delivered or None)


async def test_late_is_failed() -> None:
    async with feishu_running(deadline=0.05) as feishu, little_bot(feishu.app, feishu.base_url) as bot:
        go = bot.silent()
        push = await feishu.say(feishu.creator, "/pending")
        assert [attempt.failure for attempt in push.attempts] == [200341]
        go.set()


async def test_any_event_can_come_twice(feishu: Feishu, bot: LittleBot) -> None:
    push = await feishu.say(feishu.creator, "/pending", sending=Sending(copies=2))
    assert len(bot.received) == 2
    await feishu.redeliver(push)
    await feishu.redeliver(push, Sending(wrong_signature=True))
    assert [each.envelope for each in bot.received] == [bot.received[0].envelope] * 4
    assert [each.signature_holds for each in bot.received] == [True, True, True, False]


async def test_an_event_can_be_late(feishu: Feishu, bot: LittleBot) -> None:
    started = time.monotonic()
    assert (await feishu.say(feishu.creator, "/pending", sending=Sending(delay=0.05))).delivered
    assert time.monotonic() - started >= 0.05


async def test_an_event_can_be_old_when_it_comes(feishu: Feishu, bot: LittleBot) -> None:
    old = feishu.now() - timedelta(hours=6)
    await feishu.say(feishu.creator, "/pending", sending=Sending(create_time=old))
    assert bot.received[-1].envelope["header"]["create_time"] == str(int(old.timestamp() * 1000))


async def test_answers_may_overtake_each_other(feishu: Feishu, bot: LittleBot) -> None:
    """One event that is not answered does not hold up the next."""
    go = asyncio.Event()

    async def answer(envelope: dict[str, Any]) -> web.StreamResponse:
        if "slow" in envelope["event"]["message"]["content"]:
            await go.wait()
        return web.json_response({})

    bot.answer = answer
    slow = asyncio.create_task(feishu.say(feishu.creator, "slow"))
    await feishu.say(feishu.admin, "quick")
    assert not slow.done()
    go.set()
    assert (await slow).delivered
