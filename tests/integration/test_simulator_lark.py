"""Feishu's own Python library judges the simulator: its client is served, its dispatcher accepts what comes."""

from __future__ import annotations

import asyncio
import importlib
import json
import warnings
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from tests.support.feishu import Feishu, Sending
from tests.support.little_bot import approval_card, finished_card


@pytest.fixture(scope="module")
def lark() -> Iterator[ModuleType]:
    """Imported outside of any running loop, because the library takes the loop it finds at import for its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        module = importlib.import_module("lark_oapi")
        asyncio.set_event_loop(None)
        loop.close()
    yield module


@pytest.fixture
def client(lark: ModuleType, feishu: Feishu) -> Any:
    builder = lark.Client.builder().app_id(feishu.app.app_id).app_secret(feishu.app.app_secret)
    return builder.domain(feishu.base_url).log_level(lark.LogLevel.ERROR).timeout(10).build()


def im() -> ModuleType:
    return importlib.import_module("lark_oapi.api.im.v1")


def create_request(feishu: Feishu, msg_type: str, content: Any, receive_id: str | None = None) -> Any:
    body = (
        im().CreateMessageRequestBody.builder()
        .receive_id(receive_id or feishu.open_id(feishu.creator))
        .msg_type(msg_type)
        .content(json.dumps(content))
        .uuid("lark-1")
        .build()
    )  # fmt: skip
    return im().CreateMessageRequest.builder().receive_id_type("open_id").request_body(body).build()


async def test_the_typed_client_sends_replies_and_patches(feishu: Feishu, client: Any) -> None:
    create = client.im.v1.message.create
    sent = await asyncio.to_thread(create, create_request(feishu, "interactive", approval_card()))
    assert sent.success(), sent.msg
    assert sent.get_log_id()
    message = await feishu.next_card(to=feishu.creator)
    assert (sent.data.message_id, sent.data.chat_id) == (message.message_id, message.chat.chat_id)
    again = await asyncio.to_thread(create, create_request(feishu, "interactive", approval_card()))
    assert again.data.message_id == message.message_id, "the same uuid"

    body = im().ReplyMessageRequestBody.builder().content('{"text":"still waiting"}').msg_type("text")
    request = (
        im().ReplyMessageRequest.builder().message_id(message.message_id)
        .request_body(body.reply_in_thread(True).uuid("lark-2").build()).build()
    )  # fmt: skip
    replied = await asyncio.to_thread(client.im.v1.message.reply, request)
    assert replied.success(), replied.msg
    assert replied.data.root_id == message.message_id

    body = im().PatchMessageRequestBody.builder().content(json.dumps(finished_card())).build()
    request = im().PatchMessageRequest.builder().message_id(message.message_id).request_body(body).build()
    patched = await asyncio.to_thread(client.im.v1.message.patch, request)
    assert patched.success(), patched.msg
    assert feishu.card_now(message) == finished_card()


async def test_the_asynchronous_client_sends_too(feishu: Feishu, client: Any) -> None:
    sending = client.im.v1.message.acreate(create_request(feishu, "text", {"text": "hello"}))
    sent = await asyncio.to_thread(asyncio.run, sending)  # it fetches its token with a blocking call in the loop
    assert sent.success(), sent.msg
    assert feishu.texts(to=feishu.creator) == ["hello"]


async def test_the_typed_client_reads_our_refusals(feishu: Feishu, client: Any) -> None:
    request = create_request(feishu, "text", {"text": "hello"}, "ou_unknown")
    refused = await asyncio.to_thread(client.im.v1.message.create, request)
    assert (refused.success(), refused.code, refused.raw.status_code) == (False, 99992351, 400)
    assert refused.raw.headers["X-Tt-Logid"] == refused.error["log_id"]


async def test_the_client_finds_people_buzzes_and_fetches_the_bot(
    lark: ModuleType, feishu: Feishu, client: Any
) -> None:
    contact = importlib.import_module("lark_oapi.api.contact.v3")
    body = contact.BatchGetIdUserRequestBody.builder().emails(["lin@example.com"]).include_resigned(False).build()
    request = contact.BatchGetIdUserRequest.builder().user_id_type("open_id").request_body(body).build()
    found = await asyncio.to_thread(client.contact.v3.user.batch_get_id, request)
    assert found.data.user_list[0].user_id == feishu.open_id(feishu.creator)

    await asyncio.to_thread(client.im.v1.message.create, create_request(feishu, "interactive", approval_card()))
    message = await feishu.next_card()
    receivers = im().UrgentReceivers.builder().user_id_list([feishu.open_id(feishu.creator)]).build()
    request = (
        im().UrgentAppMessageRequest.builder().message_id(message.message_id)
        .user_id_type("open_id").request_body(receivers).build()
    )  # fmt: skip
    buzzed = await asyncio.to_thread(client.im.v1.message.urgent_app, request)
    assert buzzed.success(), buzzed.msg
    assert message.buzzed == [feishu.creator]

    request = lark.BaseRequest.builder().http_method(lark.HttpMethod.GET).uri("/open-apis/bot/v3/info")
    request = request.token_types({lark.AccessTokenType.TENANT}).build()
    answer = await asyncio.to_thread(client.request, request)
    assert json.loads(answer.raw.content)["bot"]["open_id"] == feishu.app.bot_open_id


async def sent_to_creator(feishu: Feishu, client: Any) -> Any:
    await asyncio.to_thread(client.im.v1.message.create, create_request(feishu, "interactive", approval_card()))
    return await feishu.next_card(to=feishu.creator)


@pytest.mark.parametrize("how", ["urgent_app", "urgent_sms", "urgent_phone"])
async def test_the_typed_client_buzzes_in_three_ways(feishu: Feishu, client: Any, how: str) -> None:
    message = await sent_to_creator(feishu, client)
    receivers = im().UrgentReceivers.builder().user_id_list([feishu.open_id(feishu.creator), "ou_nobody"]).build()
    builder = getattr(im(), f"Urgent{how.removeprefix('urgent_').title()}MessageRequest").builder()
    request = builder.message_id(message.message_id).user_id_type("open_id").request_body(receivers).build()
    buzzed = await asyncio.to_thread(getattr(client.im.v1.message, how), request)
    assert buzzed.success(), buzzed.msg
    assert buzzed.data.invalid_user_id_list == ["ou_nobody"]
    assert feishu.buzzes(feishu.creator) == [how]


async def test_the_typed_client_learns_who_has_read(feishu: Feishu, client: Any) -> None:
    message = await sent_to_creator(feishu, client)
    request = im().ReadUsersMessageRequest.builder().message_id(message.message_id).user_id_type("open_id").build()
    assert (await asyncio.to_thread(client.im.v1.message.read_users, request)).data.items == []
    feishu.read(message, feishu.creator)
    told = await asyncio.to_thread(client.im.v1.message.read_users, request)
    assert told.success(), told.msg
    [reader] = told.data.items
    assert (reader.user_id, reader.user_id_type) == (feishu.open_id(feishu.creator), "open_id")
    assert int(reader.timestamp) == int(message.read_by["creator"].timestamp() * 1000)
    assert told.data.has_more is False


async def test_the_typed_client_pins_the_bot(feishu: Feishu, client: Any) -> None:
    v2 = importlib.import_module("lark_oapi.api.im.v2")
    people = [feishu.open_id(feishu.creator), "ou_nobody"]
    body = v2.BotTimeSentiveFeedCardRequestBody.builder().time_sensitive(True).user_ids(people).build()
    request = v2.BotTimeSentiveFeedCardRequest.builder().user_id_type("open_id").request_body(body).build()
    answer = await asyncio.to_thread(client.im.v2.feed_card.bot_time_sentive, request)
    assert answer.success(), answer.msg
    [failed] = answer.data.failed_user_reasons
    assert (failed.user_id, failed.error_code) == ("ou_nobody", 99992351)
    assert (feishu.pinned(feishu.creator), feishu.pinned(feishu.admin)) == (True, False)


async def test_the_typed_client_reads_a_profile(feishu: Feishu, client: Any) -> None:
    contact = importlib.import_module("lark_oapi.api.contact.v3")
    feishu.creator.leader, feishu.creator.time_zone = feishu.admin, "Europe/Berlin"
    await feishu.freeze_person(feishu.creator, tell=False)
    open_id = feishu.open_id(feishu.creator)
    request = contact.GetUserRequest.builder().user_id(open_id).user_id_type("open_id").build()
    answer = await asyncio.to_thread(client.contact.v3.user.get, request)
    assert answer.success(), answer.msg
    user = answer.data.user
    assert (user.name, user.email, user.leader_user_id) == ("林小雨", "lin@example.com", feishu.open_id(feishu.admin))
    assert (user.status.is_frozen, user.status.is_resigned, user.time_zone) == (True, False, "Europe/Berlin")


class Dispatcher:
    """lark-oapi's EventDispatcherHandler behind aiohttp; remembers what it was given."""

    def __init__(self, lark: ModuleType, feishu: Feishu) -> None:
        self.clicks: list[Any] = []
        self.messages: list[Any] = []
        self.news: list[Any] = []
        self.statuses: list[int] = []
        self.answer: dict[str, Any] = {}
        self._lark = lark
        builder = lark.EventDispatcherHandler.builder(feishu.app.encrypt_key, feishu.app.verification_token)
        builder.register_p2_card_action_trigger(self._click)
        builder.register_p2_im_message_receive_v1(self.messages.append)
        builder.register_p2_im_message_message_read_v1(self.news.append)
        builder.register_p2_contact_user_updated_v3(self.news.append)
        builder.register_p2_contact_user_deleted_v3(self.news.append)
        self._handler = builder.build()

    def _click(self, click: Any) -> Any:
        self.clicks.append(click)
        model = importlib.import_module("lark_oapi.event.callback.model.p2_card_action_trigger")
        return model.P2CardActionTriggerResponse(self.answer)

    async def handle(self, request: web.Request) -> web.Response:
        raw = importlib.import_module("lark_oapi.core.model").RawRequest()
        raw.uri, raw.headers, raw.body = request.path, request.headers, await request.read()
        response = self._handler.do(raw)
        self.statuses.append(response.status_code)
        return web.Response(status=response.status_code, body=response.content, headers=response.headers)


@pytest.fixture
async def dispatcher(lark: ModuleType, feishu: Feishu) -> AsyncIterator[Dispatcher]:
    served = Dispatcher(lark, feishu)
    app = web.Application()
    app.router.add_post("/webhook", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    feishu.connect(f"http://127.0.0.1:{runner.addresses[0][1]}/webhook")
    yield served
    await runner.cleanup()


@pytest.mark.parametrize("style", ["unix", "ms", "go"])
async def test_the_dispatcher_accepts_a_submitted_form(
    feishu: Feishu, client: Any, dispatcher: Dispatcher, style: str
) -> None:
    feishu.app.timestamp_style = style
    await asyncio.to_thread(client.im.v1.message.create, create_request(feishu, "interactive", approval_card()))
    message = await feishu.next_card(to=feishu.creator)
    dispatcher.answer = {
        "toast": {"type": "success", "content": "ok"},
        "card": {"type": "raw", "data": finished_card()},
    }
    click = await feishu.click(message, "approve", by=feishu.creator, reason="理由：“好”\n第二行")
    assert (click.code, dispatcher.statuses) == (0, [200]), click.answer.why
    assert click.toast is not None
    assert feishu.card_now(message) == finished_card()
    [seen] = dispatcher.clicks
    assert seen.event.operator.open_id == feishu.open_id(feishu.creator)
    assert seen.event.action.form_value == {"reason": "理由：“好”\n第二行"}
    assert seen.event.action.value["decision"] == "approve"
    assert (seen.event.action.name, seen.event.action.tag) == ("approve", "button")
    assert seen.event.context.open_message_id == message.message_id


async def test_the_dispatcher_accepts_a_plain_button(feishu: Feishu, client: Any, dispatcher: Dispatcher) -> None:
    button = {
        "tag": "button",
        "text": {"tag": "plain_text", "content": "Go"},
        "behaviors": [{"type": "callback", "value": {"n": "1"}}],
    }
    card = {"schema": "2.0", "body": {"elements": [button]}}
    await asyncio.to_thread(client.im.v1.message.create, create_request(feishu, "interactive", card))
    click = await feishu.click(await feishu.next_card(), "Go", by=feishu.creator)
    assert click.code == 0
    assert dispatcher.clicks[0].event.action.value == {"n": "1"}


async def test_the_dispatcher_accepts_messages_and_the_challenge(feishu: Feishu, dispatcher: Dispatcher) -> None:
    assert await feishu.verify_url()
    assert (await feishu.say(feishu.creator, "/pending 中文")).delivered
    group = feishu.add_group("组", [feishu.creator])
    assert (await feishu.say(feishu.creator, "/show 1", chat=group)).delivered
    private, in_group = dispatcher.messages
    assert json.loads(private.event.message.content) == {"text": "/pending 中文"}
    assert private.event.sender.sender_id.user_id == feishu.creator.user_id
    assert in_group.event.message.mentions[0].id.open_id == feishu.app.bot_open_id


async def test_the_dispatcher_accepts_what_is_told_of_people(
    feishu: Feishu, client: Any, dispatcher: Dispatcher
) -> None:
    message = await sent_to_creator(feishu, client)
    read = await feishu.notices(message, feishu.creator)
    assert read is not None and read.delivered
    assert [push.delivered for push in await feishu.freeze_person(feishu.creator)] == [True]
    assert [push.delivered for push in await feishu.leave(feishu.creator)] == [True]
    seen, frozen, left = dispatcher.news
    open_id = feishu.open_id(feishu.creator)
    assert seen.event.message_id_list == [message.message_id]
    assert seen.event.reader.reader_id.open_id == open_id
    assert frozen.event.object.open_id == left.event.object.open_id == open_id
    assert (frozen.event.object.status.is_frozen, frozen.event.old_object.status.is_frozen) == (True, False)
    assert left.event.object.status.is_resigned is True


async def test_the_dispatcher_refuses_a_wrong_signature(feishu: Feishu, dispatcher: Dispatcher) -> None:
    push = await feishu.say(feishu.creator, "/pending", sending=Sending(wrong_signature=True))
    assert not push.delivered
    assert dispatcher.messages == []
