"""Clicks: what the app gets, what its answer does, and which answers show a code instead."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.simulator.presses import Press, action
from tests.support.feishu import Feishu, Impossible, Message, Sending, feishu_running, together
from tests.support.little_bot import LittleBot, approval_card, card, finished_card, little_bot

PLAIN = {"tag": "plain_text", "content": "words"}


async def asked(feishu: Feishu, bot: LittleBot, value: Any = None) -> Message:
    _, body, _ = await bot.send(feishu.open_id(feishu.creator), value or approval_card())
    assert body["code"] == 0, body
    return await feishu.next_card(to=feishu.creator)


async def test_a_click_arrives_encrypted_signed_and_complete(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    click = await feishu.click(message, "approve", by=feishu.creator, reason='she said "go"\n')
    received = bot.received[-1]
    assert received.signature_holds
    assert b"approve" not in received.raw
    header, event = received.envelope["header"], received.envelope["event"]
    assert header["event_type"] == "card.action.trigger"
    assert header["app_id"] == feishu.app.app_id
    assert header["token"] == feishu.app.verification_token
    assert len(header["create_time"]) == 16, "microseconds"
    assert header["event_id"] == click.event_id
    assert event["operator"] == {
        "tenant_key": "tenant_main",
        "user_id": feishu.creator.user_id,
        "union_id": feishu.creator.union_id,
        "open_id": feishu.open_id(feishu.creator),
    }
    assert event["action"] == {
        "tag": "button",
        "timezone": "Asia/Shanghai",
        "name": "approve",
        "value": {"approval_id": "5d1f", "decision": "approve"},
        "form_value": {"reason": 'she said "go"\n'},
    }
    assert event["context"] == {"open_message_id": message.message_id, "open_chat_id": message.chat.chat_id}
    assert event["token"].startswith("c-")


async def test_whoever_watches_the_world_is_told_of_a_click_that_changes_no_card(
    feishu: Feishu, bot: LittleBot
) -> None:
    message = await asked(feishu, bot)
    feishu.simulator.read(message, feishu.creator)
    waiting = asyncio.create_task(feishu.until(lambda: bot.clicks or None, timeout=5))
    await asyncio.sleep(0)  # it has looked once, and found nothing
    await feishu.click(message, "approve", by=feishu.creator)
    assert await waiting == bot.clicks


async def test_whoever_watches_the_world_is_told_that_a_presser_has_read(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    answer = bot.silent()
    pressing = asyncio.create_task(feishu.click(message, "approve", by=feishu.creator))
    assert await feishu.until(lambda: message.read_by or None, timeout=5)
    answer.set()
    await pressing


async def test_the_answer_is_a_toast_and_a_card_for_everybody(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    toast = {"type": "success", "content": "已同意", "i18n": {"zh_cn": "已同意", "en_us": "Approved"}}
    bot.answers({"toast": toast, "card": {"type": "raw", "data": finished_card()}})
    click = await feishu.click(message, "同意", by=feishu.creator)
    assert click.code == 0
    assert click.toast is not None
    assert (click.toast.kind, click.toast.said("en_us"), click.toast.said("zh_cn")) == ("success", "Approved", "已同意")
    assert feishu.card_now(message) == finished_card() == click.card
    assert feishu.buttons(message) == []
    with pytest.raises(Impossible, match="shows no 'approve'"):
        await feishu.click(message, "approve", by=feishu.creator)


async def test_an_empty_answer_changes_nothing(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    bot.answers({})
    click = await feishu.click(message, "reject", by=feishu.creator)
    assert (click.code, click.toast, click.card, message.version) == (0, None, None, 1)


RAW = {"type": "raw", "data": finished_card()}
WRONG_ANSWERS: dict[str, tuple[int, Any, dict[str, Any]]] = {
    "HTTP 500": (200671, {}, {"status": 500}),
    "HTTP 204": (200671, {}, {"status": 204}),
    "a redirect": (200671, {}, {"status": 302, "headers": {"Location": "/elsewhere"}}),
    "null": (200672, None, {}),
    "a list": (200672, [], {}),
    "plain text": (200672, {}, {"content_type": "text/plain"}),
    "a field that does not belong": (200672, {"code": 0}, {}),
    "a toast without content": (200672, {"toast": {"type": "info"}}, {}),
    "a toast of an unknown type": (200672, {"toast": {"type": "fine", "content": "x"}}, {}),
    "a toast with another field": (200672, {"toast": {"type": "info", "content": "x", "text": "y"}}, {}),
    "a card without data": (200672, {"card": finished_card()}, {}),
    "a card as text": (200672, {"card": {"type": "raw", "data": "{}"}}, {}),
    "a template": (200673, {"card": {"type": "template", "data": {"template_id": "x"}}}, {}),
    "a card that breaks a rule": (200673, {"card": {"type": "raw", "data": card({"tag": "note"})}}, {}),
    "a card of schema 1.0": (200830, {"card": {"type": "raw", "data": {"elements": []}}}, {}),
}


@pytest.mark.parametrize("name", WRONG_ANSWERS)
async def test_a_wrong_answer_shows_its_code(feishu: Feishu, bot: LittleBot, name: str) -> None:
    code, body, more = WRONG_ANSWERS[name]
    message = await asked(feishu, bot)
    bot.answers(body, **more)
    click = await feishu.click(message, "approve", by=feishu.creator)
    assert (click.code, click.toast, message.version) == (code, None, 1), click.answer.why


async def test_an_empty_body_shows_200672(feishu: Feishu, bot: LittleBot) -> None:
    async def answer(envelope: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=b"", content_type="application/json")

    message, bot.answer = await asked(feishu, bot), answer
    assert (await feishu.click(message, "approve", by=feishu.creator)).code == 200672


async def test_no_answer_in_time_shows_200341() -> None:
    async with feishu_running(deadline=0.05) as feishu, little_bot(feishu.app, feishu.base_url) as bot:
        message = await asked(feishu, bot)
        go = bot.silent()
        assert (await feishu.click(message, "approve", by=feishu.creator)).code == 200341
        go.set()


async def test_a_bot_that_is_not_there(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    feishu.app.callback_url = None
    assert (await feishu.click(message, "approve", by=feishu.creator)).code == 200340
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        feishu.connect(f"http://127.0.0.1:{free.getsockname()[1]}/webhook")
        assert (await feishu.click(message, "approve", by=feishu.creator)).code == 200342
    feishu.connect("http://nowhere.invalid/webhook")
    assert (await feishu.click(message, "approve", by=feishu.creator)).code == 200343


async def test_only_what_the_card_shows_can_be_pressed(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    press = feishu.click
    for by, button, more in (
        (feishu.creator, "maybe", {}),
        (feishu.creator, "reason", {}),
        (feishu.creator, "approve", {"form": {"other": "x"}}),
        (feishu.creator, "approve", {"reason": "x" * 501}),
        (feishu.stranger, "approve", {}),
    ):
        with pytest.raises(Impossible):
            await press(message, button, by=by, **more)
    assert bot.received == []
    text = (await bot.send(feishu.open_id(feishu.creator), {"text": "x"}, "text"))[1]["data"]["message_id"]
    with pytest.raises(TypeError):
        await press(feishu.world.message(text), "approve", by=feishu.creator)
    feishu.recall(message)
    with pytest.raises(Impossible, match="gone"):
        await press(message, "approve", by=feishu.creator)


async def test_a_card_is_dead_after_fourteen_days(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    await feishu.advance(timedelta(days=13))
    assert (await feishu.click(message, "approve", by=feishu.creator)).code == 0
    await feishu.advance(timedelta(days=1, hours=1))
    with pytest.raises(Impossible, match="14 days"):
        await feishu.click(message, "approve", by=feishu.creator)


async def test_a_stranger_and_a_stale_screen_can_be_played_all_the_same(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    await feishu.click(message, "approve", by=feishu.stranger, unseen=True)
    assert bot.received[-1].envelope["event"]["operator"]["open_id"] == feishu.open_id(feishu.stranger)
    old = feishu.card_now(message)
    bot.answers({"card": RAW})
    await feishu.click(message, "approve", by=feishu.creator)
    await feishu.click(message, "reject", by=feishu.creator, shown=old)
    assert bot.received[-1].envelope["event"]["action"]["name"] == "reject"


async def test_fifty_clicks_at_once_all_arrive(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    bot.answers({"card": RAW})
    names = ["approve", "reject"] * 25
    clicks = await together(*(feishu.click(message, name, by=feishu.creator) for name in names))
    assert [click.code for click in clicks] == [0] * 50
    assert len({each.envelope["header"]["event_id"] for each in bot.received}) == 50


async def test_the_same_callback_again(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    click = await feishu.click(message, "approve", by=feishu.creator)
    await feishu.click_again(click)
    first, second = bot.received
    assert first.envelope == second.envelope
    assert first.headers["X-Lark-Signature"] != second.headers["X-Lark-Signature"]
    await feishu.click(message, "approve", by=feishu.creator, sending=Sending(copies=3))
    assert len(bot.received) == 5


async def test_deliveries_that_depart_from_the_norm(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)

    async def click(**departure: Any) -> Any:
        await feishu.click(message, "approve", by=feishu.creator, sending=Sending(**departure))
        return bot.received[-1]

    assert not (await click(wrong_signature=True)).signature_holds
    assert (await click(wrong_token=True)).envelope["header"]["token"] == "not-the-token"
    assert "X-Lark-Signature" not in (await click(unsigned=True)).headers
    plain = await click(plaintext=True)
    assert plain.signature_holds
    assert b"approve" in plain.raw
    go = await click(timestamp_style="go")
    assert go.signature_holds
    assert "+0800 CST m=+" in go.headers["X-Lark-Request-Timestamp"]
    old = feishu.now() - timedelta(hours=7)
    late = await click(create_time=old)
    assert late.envelope["header"]["create_time"] == str(int(old.timestamp() * 1_000_000))
    assert abs(int(late.headers["X-Lark-Request-Timestamp"]) - feishu.now().timestamp()) < 60
    signed = await click(signed_at=old)
    assert signed.headers["X-Lark-Request-Timestamp"] == str(int(old.timestamp()))
    assert signed.signature_holds
    assert (await click(event_id="e1")).envelope["header"]["event_id"] == "e1"


async def test_the_worlds_clock_signs(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    await feishu.advance(timedelta(days=2))
    await feishu.click(message, "approve", by=feishu.creator)
    signed = int(bot.received[-1].headers["X-Lark-Request-Timestamp"])
    assert abs(signed - time.time() - 2 * 86400) < 120


async def test_without_an_encrypt_key_nothing_is_encrypted_or_signed(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    feishu.app.encrypt_key = ""
    await feishu.click(message, "approve", by=feishu.creator)
    assert b"approve" in bot.received[-1].raw
    assert "X-Lark-Signature" not in bot.received[-1].headers


async def test_user_id_needs_its_scope(feishu: Feishu, bot: LittleBot) -> None:
    message = await asked(feishu, bot)
    feishu.app.scopes -= {"contact:user.employee_id:readonly"}
    await feishu.click(message, "approve", by=feishu.creator)
    assert "user_id" not in bot.received[-1].envelope["event"]["operator"]


# -- forms and other controls, purely --


def standing_alone(**element: Any) -> dict[str, Any]:
    return card({"name": "c", "behaviors": [{"type": "callback", "value": {"k": 1}}], **element})


OPTIONS = [{"text": PLAIN, "value": "a"}, {"text": PLAIN, "value": "b"}]


@pytest.mark.parametrize(
    ("element", "value", "told"),
    [
        ({"tag": "select_static", "options": OPTIONS}, "b", {"option": "b"}),
        ({"tag": "multi_select_static", "options": OPTIONS}, ["a", "b"], {"options": ["a", "b"]}),
        ({"tag": "select_person", "options": [{"value": "ou_1"}]}, "ou_1", {"option": "ou_1"}),
        ({"tag": "checker", "text": PLAIN}, True, {"checked": True}),
        ({"tag": "input"}, "typed", {"input_value": "typed"}),
        ({"tag": "button", "text": PLAIN}, None, {}),
    ],
)
def test_each_control_has_its_own_field(element: dict[str, Any], value: Any, told: dict[str, Any]) -> None:
    made = action(standing_alone(**element), Press("c", value=value))
    assert made == {"tag": element["tag"], "timezone": "Asia/Shanghai", "name": "c", "value": {"k": 1}, **told}


def test_a_form_sends_all_its_fields() -> None:
    fields = [
        {"tag": "input", "name": "text", "default_value": "as it was"},
        {"tag": "select_static", "name": "pick", "options": OPTIONS, "initial_option": "a"},
        {"tag": "multi_select_static", "name": "many", "options": OPTIONS},
        {"tag": "checker", "name": "sure", "text": PLAIN},
    ]
    value = approval_card()
    value["body"]["elements"][1]["elements"].extend(fields)
    made = action(value, Press("approve", {"reason": "because", "many": ["b"]}))
    assert made["form_value"] == {"reason": "because", "text": "as it was", "pick": "a", "many": ["b"], "sure": False}
    assert "value" in made
    assert "value" not in action(value, Press("approve", omit_value=True))


@pytest.mark.parametrize(
    ("element", "press"),
    [
        ({"tag": "button", "text": PLAIN, "disabled": True}, Press("c")),
        ({"tag": "select_static", "options": OPTIONS}, Press("c", value="z")),
        ({"tag": "multi_select_static", "options": OPTIONS}, Press("c", value=["z"])),
        ({"tag": "checker"}, Press("c", value="yes")),
        ({"tag": "input", "max_length": 3}, Press("c", value="four")),
        ({"tag": "input", "required": True}, Press("c", value="")),
        ({"tag": "button", "text": PLAIN}, Press("c", {"reason": "x"})),
    ],
)
def test_what_the_client_does_not_send(element: dict[str, Any], press: Press) -> None:
    with pytest.raises(Impossible):
        action(standing_alone(**element), press)


def test_a_link_calls_nobody_back() -> None:
    link = {
        "tag": "button",
        "name": "c",
        "text": PLAIN,
        "behaviors": [{"type": "open_url", "default_url": "https://a.b"}],
    }
    with pytest.raises(Impossible, match="nobody"):
        action(card(link), Press("c"))


def test_a_required_field_holds_back_every_button() -> None:
    with pytest.raises(Impossible, match="required"):
        action(approval_card(required=True), Press("approve"))
    assert action(approval_card(required=True), Press("approve", {"reason": "x"}))["name"] == "approve"


def test_two_controls_of_one_label_are_told_apart_by_path() -> None:
    button = {"tag": "button", "text": PLAIN, "behaviors": [{"type": "callback", "value": {"n": 1}}]}
    second = {**button, "behaviors": [{"type": "callback", "value": {"n": 2}}]}
    with pytest.raises(Impossible, match="2 controls"):
        action(card(button, second), Press("words"))
    assert action(card(button, second), Press("body.elements.1"))["value"] == {"n": 2}


async def test_waiting_for_a_card_that_comes_later(feishu: Feishu, bot: LittleBot) -> None:
    waiting = asyncio.create_task(feishu.next_card(to=feishu.admin))
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    await bot.send(feishu.open_id(feishu.admin), approval_card())
    assert (await waiting).chat.people == [feishu.admin]
    assert not feishu.nothing_new(to=feishu.creator)
    assert feishu.nothing_new(to=feishu.admin)
    with pytest.raises(AssertionError, match="no text arrived"):
        await feishu.next_text(to=feishu.admin, timeout=0.01)
