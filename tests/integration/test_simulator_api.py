"""The simulator's Open API over HTTP: the wire shapes, and every refusal that docs/simulator.md promises."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.simulator.wire import compact
from tests.support.feishu import Feishu, Limits
from tests.support.little_bot import LittleBot, approval_card, card, finished_card

MESSAGES = "/open-apis/im/v1/messages"
TEXT = {"text": "hello"}


async def sent_card(feishu: Feishu, bot: LittleBot, value: Any = None) -> str:
    _, body, _ = await bot.send(feishu.open_id(feishu.creator), value or approval_card())
    assert body["code"] == 0, body
    message_id: str = body["data"]["message_id"]
    return message_id


async def patch(bot: LittleBot, message_id: str, content: Any, **more: Any) -> tuple[int, int]:
    text = content if isinstance(content, str) else json.dumps(content)
    status, body, _ = await bot.call("PATCH", f"{MESSAGES}/{message_id}", {"content": text}, **more)
    return status, body["code"]


# -- tokens --


async def test_the_token_stays_the_same_until_half_an_hour_is_left(feishu: Feishu, bot: LittleBot) -> None:
    first = await bot.token()
    await feishu.advance(timedelta(minutes=89))
    assert await bot.token() == first
    await feishu.advance(timedelta(minutes=2))
    second = await bot.token()
    assert second != first
    assert (await bot.call("GET", "/open-apis/bot/v3/info", token=first))[0] == 200, "both are valid"
    await feishu.advance(timedelta(minutes=30))
    status, body, _ = await bot.call("GET", "/open-apis/bot/v3/info", token=first)
    assert (status, body["code"]) == (400, 99991663)
    assert (await bot.call("GET", "/open-apis/bot/v3/info", token=second))[0] == 200


async def test_the_remaining_seconds_shrink(feishu: Feishu, bot: LittleBot) -> None:
    await bot.token()
    await feishu.advance(timedelta(minutes=60))
    url = f"{feishu.base_url}/open-apis/auth/v3/tenant_access_token/internal"
    body = {"app_id": feishu.app.app_id, "app_secret": feishu.app.app_secret}
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        answer = await response.json()
    assert 3590 <= answer["expire"] <= 3600
    assert answer["code"] == 0


@pytest.mark.parametrize(
    ("wrong", "code"), [({"app_id": "cli_other"}, 10014), ({"app_secret": "guess"}, 10015), ({"app_id": 1}, 10003)]
)
async def test_wrong_credentials_get_no_token(feishu: Feishu, wrong: dict[str, Any], code: int) -> None:
    body = {"app_id": feishu.app.app_id, "app_secret": feishu.app.app_secret, **wrong}
    url = f"{feishu.base_url}/open-apis/auth/v3/tenant_access_token/internal"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        assert (await response.json())["code"] == code


@pytest.mark.parametrize(
    ("header", "code"),
    [(None, 99991661), ("Basic abc", 99991671), ("Bearer u-abc", 99991671), ("Bearer t-unknown", 99991663)],
)
async def test_only_a_known_bearer_token_is_taken(feishu: Feishu, header: str | None, code: int) -> None:
    headers = {"Authorization": header} if header else {}
    url = f"{feishu.base_url}/open-apis/bot/v3/info"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
        assert response.status == 400
        answer = await response.json()
    assert answer["code"] == code
    assert answer["error"]["log_id"] == response.headers["X-Tt-Logid"]


# -- sending --


async def test_a_message_reaches_by_every_kind_of_id(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.creator
    chat_id = feishu.p2p(lin).chat_id
    ids = {"open_id": feishu.open_id(lin), "user_id": lin.user_id, "union_id": lin.union_id, "email": lin.email}
    for id_type, value in ids.items():
        status, body, headers = await bot.send(value, TEXT, "text", id_type=id_type)
        assert (status, body["code"], body["data"]["chat_id"]) == (200, 0, chat_id), id_type
        assert headers["X-Tt-Logid"]
    status, body, _ = await bot.send(chat_id, TEXT, "text", id_type="chat_id")
    assert status == 200
    assert body["data"]["sender"] == {
        "id": feishu.app.app_id, "id_type": "app_id", "sender_type": "app", "tenant_key": feishu.app.tenant_key,
    }  # fmt: skip
    assert body["data"]["body"] == {"content": json.dumps(TEXT)}
    assert feishu.texts(to=lin) == ["hello"] * 5


async def test_who_cannot_be_reached_is_refused_by_its_code(feishu: Feishu, bot: LittleBot) -> None:
    second = feishu.add_app("second")
    abroad = feishu.add_person("abroad", tenant_key="tenant_other")
    group = feishu.add_group("others", [feishu.admin], second)
    gone, hidden, stopped = (feishu.add_person(key) for key in ("gone", "hidden", "stopped"))
    gone.resigned = stopped.stopped_bots = True
    feishu.app.availability = set(feishu.world.people.values()) - {hidden}
    lin = feishu.creator
    cases = [
        ("open_id", feishu.open_id(lin, second), 99992361),
        ("open_id", "ou_unknown", 99992351),
        ("open_id", lin.user_id, 99992351),
        ("user_id", "unknown", 99992351),
        ("user_id", abroad.user_id, 99992364),
        ("union_id", "on_unknown", 99992351),
        ("union_id", abroad.union_id, 230038),
        ("email", "nobody@example.com", 230034),
        ("chat_id", "oc_unknown", 230034),
        ("chat_id", group.chat_id, 230002),
        ("open_id", feishu.open_id(hidden), 230013),
        ("open_id", feishu.open_id(gone), 230029),
        ("open_id", feishu.open_id(stopped), 230053),
        ("phone", "123", 230001),
    ]
    for id_type, value, code in cases:
        status, body, _ = await bot.send(value, TEXT, "text", id_type=id_type)
        assert (status, body["code"]) == (400, code), (id_type, value)
    assert feishu.messages() == []


async def test_bad_parameters_are_refused(feishu: Feishu, bot: LittleBot) -> None:
    good = {"receive_id": feishu.open_id(feishu.creator), "msg_type": "text", "content": json.dumps(TEXT)}
    for body in (
        {**good, "content": TEXT},
        {**good, "content": "hello"},
        {**good, "uuid": "x" * 51},
        {**good, "msg_type": "image"},
        {**good, "msg_typ": "text"},
        {**good, "receive_id": ""},
    ):
        status, answer, _ = await bot.call("POST", MESSAGES, body, params={"receive_id_type": "open_id"})
        assert (status, answer["code"]) == (400, 230001), body
    assert (await bot.call("POST", MESSAGES, good))[1]["code"] == 230001, "receive_id_type is needed"
    assert (await bot.call("POST", MESSAGES, [good], params={"receive_id_type": "open_id"}))[1]["code"] == 9499


async def test_a_bad_card_is_230099_with_its_sub_code(feishu: Feishu, bot: LittleBot) -> None:
    status, body, _ = await bot.send(feishu.open_id(feishu.creator), card({"tag": "action", "actions": []}))
    assert (status, body["code"]) == (400, 230099)
    assert "ErrCode: 200861" in body["msg"]
    status, body, _ = await bot.send(feishu.open_id(feishu.creator), compact(finished_card()) + " " * 30_000)
    assert (status, body["code"]) == (400, 230025)


async def test_a_uuid_is_one_message_for_an_hour(feishu: Feishu, bot: LittleBot) -> None:
    lin, wang = feishu.open_id(feishu.creator), feishu.open_id(feishu.admin)
    first = (await bot.send(lin, TEXT, "text", uuid="u" * 50))[1]["data"]["message_id"]
    assert (await bot.send(lin, TEXT, "text", uuid="u" * 50))[1]["data"]["message_id"] == first
    assert (await bot.send(lin, TEXT, "text", uuid="another"))[1]["data"]["message_id"] != first
    assert (await bot.send(wang, TEXT, "text", uuid="u" * 50))[1]["data"]["message_id"] != first
    await feishu.advance(timedelta(minutes=60))
    again = (await bot.send(lin, TEXT, "text", uuid="u" * 50))[1]["data"]["message_id"]
    assert again != first
    assert len(feishu.messages(to=feishu.creator)) == 3


async def test_a_refused_message_does_not_use_up_its_uuid(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.open_id(feishu.creator)
    assert (await bot.send(lin, "{", "text", uuid="u"))[1]["code"] == 230001
    assert (await bot.send(lin, TEXT, "text", uuid="u"))[1]["code"] == 0


async def test_a_reply_is_tied_to_what_it_answers(feishu: Feishu, bot: LittleBot) -> None:
    message_id = await sent_card(feishu, bot)
    body = {"msg_type": "text", "content": json.dumps(TEXT), "reply_in_thread": True, "uuid": "r"}
    status, answer, _ = await bot.call("POST", f"{MESSAGES}/{message_id}/reply", body)
    assert status == 200
    told = answer["data"]
    assert (told["root_id"], told["parent_id"]) == (message_id, message_id)
    assert told["thread_id"].startswith("omt_")
    again = (await bot.call("POST", f"{MESSAGES}/{message_id}/reply", body))[1]["data"]
    assert again["message_id"] == told["message_id"]
    nested = (await bot.call("POST", f"{MESSAGES}/{told['message_id']}/reply", {**body, "uuid": "s"}))[1]["data"]
    assert (nested["root_id"], nested["parent_id"]) == (message_id, told["message_id"])
    assert (await bot.call("POST", f"{MESSAGES}/om_unknown/reply", body))[1]["code"] == 230001
    feishu.recall(feishu.world.message(message_id))
    assert (await bot.call("POST", f"{MESSAGES}/{message_id}/reply", {**body, "uuid": "t"}))[1]["code"] == 230011


# -- replacing --


async def test_a_patched_card_is_what_everybody_sees(feishu: Feishu, bot: LittleBot) -> None:
    message_id = await sent_card(feishu, bot)
    assert await patch(bot, message_id, finished_card()) == (200, 0)
    message = feishu.world.message(message_id)
    assert (message.card, message.version) == (finished_card(), 2)


async def test_patches_that_feishu_refuses(feishu: Feishu, bot: LittleBot) -> None:
    foreign = feishu.add_app("foreign")
    ours = await sent_card(feishu, bot)
    text = (await bot.send(feishu.open_id(feishu.creator), TEXT, "text"))[1]["data"]["message_id"]
    old = {"config": {"update_multi": True}, "elements": []}
    private = finished_card()
    del private["config"]
    assert await patch(bot, ours, finished_card(), app=foreign) == (400, 230012)
    assert await patch(bot, text, finished_card()) == (400, 230001)
    assert await patch(bot, "om_unknown", finished_card()) == (400, 230001)
    assert await patch(bot, ours, "{") == (400, 230099)
    assert await patch(bot, ours, card({"tag": "note", "elements": []})) == (400, 230099)
    assert await patch(bot, ours, private) == (400, 230099)
    status, answer, _ = await bot.call("PATCH", f"{MESSAGES}/{ours}", {"content": json.dumps(old)})
    assert (status, answer["code"]) == (400, 230099)
    assert "ErrCode: 200800" in answer["msg"], "2.0 cannot become 1.0"
    assert feishu.world.message(ours).version == 1


async def test_a_gone_or_old_card_is_no_longer_patched(feishu: Feishu, bot: LittleBot) -> None:
    recalled, deleted, old = [await sent_card(feishu, bot) for _ in range(3)]
    feishu.recall(feishu.world.message(recalled))
    feishu.delete(feishu.world.message(deleted))
    assert await patch(bot, recalled, finished_card()) == (400, 230011)
    assert await patch(bot, deleted, finished_card()) == (400, 230110)
    await feishu.advance(timedelta(days=13, hours=23))
    assert await patch(bot, old, finished_card()) == (200, 0)
    await feishu.advance(timedelta(hours=2))
    assert await patch(bot, old, finished_card()) == (400, 230031)


# -- limits --


class Stopwatch:
    """Real time for the rate limits, standing still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch(feishu: Feishu) -> Stopwatch:
    watch = Stopwatch()
    feishu.simulator.rates.monotonic = watch
    return watch


async def test_one_person_takes_five_messages_a_second(feishu: Feishu, bot: LittleBot, stopwatch: Stopwatch) -> None:
    token, lin = await bot.token(), feishu.creator
    ids = [("open_id", feishu.open_id(lin)), ("user_id", lin.user_id), ("email", lin.email)]
    for number in range(5):
        id_type, value = ids[number % 3]
        assert (await bot.send(value, TEXT, "text", id_type=id_type, token=token))[0] == 200
    status, body, _ = await bot.send(feishu.open_id(lin), TEXT, "text", token=token)
    assert (status, body["code"]) == (400, 230020)
    assert (await bot.send(feishu.open_id(feishu.admin), TEXT, "text", token=token))[0] == 200
    stopwatch.now = 1.0
    assert (await bot.send(feishu.open_id(lin), TEXT, "text", token=token))[0] == 200


async def test_one_group_takes_five_messages_a_second_of_all_bots(
    feishu: Feishu, bot: LittleBot, stopwatch: Stopwatch
) -> None:
    second = feishu.add_app("second")
    group = feishu.add_group("g", [feishu.creator], feishu.app)
    group.apps.append(second)
    answers = [
        (await bot.send(group.chat_id, TEXT, "text", id_type="chat_id", app=app))[1]["code"]
        for app in (feishu.app, second, feishu.app, second, feishu.app, second)
    ]
    assert answers == [0, 0, 0, 0, 0, 230020]


async def test_one_card_takes_five_patches_a_second(feishu: Feishu, bot: LittleBot, stopwatch: Stopwatch) -> None:
    message_id = await sent_card(feishu, bot)
    codes = [(await patch(bot, message_id, finished_card()))[1] for _ in range(6)]
    assert codes == [0, 0, 0, 0, 0, 230020]


async def test_an_app_makes_fifty_calls_a_second(feishu: Feishu, bot: LittleBot, stopwatch: Stopwatch) -> None:
    feishu.simulator.rates.limits.per_receiver_second = 0
    token, lin = await bot.token(), feishu.open_id(feishu.creator)
    answers = await asyncio.gather(*(bot.send(lin, TEXT, "text", token=token) for _ in range(51)))
    refused = [answer for answer in answers if answer[0] == 429]
    assert len(refused) == 1
    _, body, headers = refused[0]
    assert body["code"] == 99991400
    assert (headers["x-ogw-ratelimit-limit"], headers["x-ogw-ratelimit-reset"]) == ("50", "1")
    assert (await bot.call("GET", "/open-apis/bot/v3/info", token=token))[0] == 200, "only messages count"


async def test_an_app_makes_a_thousand_calls_a_minute(feishu: Feishu, bot: LittleBot, stopwatch: Stopwatch) -> None:
    feishu.simulator.rates.limits = Limits(per_receiver_second=0, per_app_second=0, per_app_minute=3)
    token, lin = await bot.token(), feishu.open_id(feishu.creator)
    for _ in range(3):
        assert (await bot.send(lin, TEXT, "text", token=token))[0] == 200
    stopwatch.now = 20.0
    status, _, headers = await bot.send(lin, TEXT, "text", token=token)
    assert (status, headers["x-ogw-ratelimit-reset"]) == (429, "40")


# -- the app itself --


async def test_a_disabled_app_or_bot_and_a_missing_scope(feishu: Feishu, bot: LittleBot) -> None:
    lin = feishu.open_id(feishu.creator)
    feishu.app.scopes = frozenset({"contact:user.id:readonly"})
    _, body, _ = await bot.send(lin, TEXT, "text")
    assert body["code"] == 99991672
    assert "im:message:send_as_bot" in body["msg"]
    assert {"type": "action_scope_required", "subject": "im:message"} in body["error"]["permission_violations"]
    feishu.app.scopes = frozenset({"im:message"})
    feishu.app.bot_enabled = False
    assert (await bot.send(lin, TEXT, "text"))[1]["code"] == 230006
    assert (await bot.call("GET", "/open-apis/bot/v3/info"))[1]["code"] == 230006
    feishu.app.enabled = False
    assert (await bot.send(lin, TEXT, "text"))[1]["code"] == 99991662


async def test_the_bot_knows_itself(feishu: Feishu, bot: LittleBot) -> None:
    _, body, _ = await bot.call("GET", "/open-apis/bot/v3/info")
    assert body["bot"]["open_id"] == feishu.app.bot_open_id
    assert body["bot"]["app_name"] == feishu.app.name
    assert "data" not in body


async def test_people_are_found_by_email_and_by_id(feishu: Feishu, bot: LittleBot) -> None:
    hidden = feishu.add_person("hidden")
    feishu.app.availability = set(feishu.world.people.values()) - {hidden}
    path = "/open-apis/contact/v3/users/batch_get_id"
    asked = {"emails": ["LIN@example.com", "nobody@example.com", hidden.email]}
    _, body, _ = await bot.call("POST", path, asked, params={"user_id_type": "open_id"})
    found = body["data"]["user_list"]
    assert found[0]["user_id"] == feishu.open_id(feishu.creator)
    assert found[0]["status"]["is_activated"] is True
    assert found[1:] == [{"email": "nobody@example.com"}, {"email": hidden.email}]
    _, body, _ = await bot.call("POST", path, {"emails": ["lin@example.com"]}, params={"user_id_type": "user_id"})
    assert body["data"]["user_list"][0]["user_id"] == feishu.creator.user_id
    assert (await bot.call("POST", path, {"emails": ["a@b.c"] * 51}))[1]["code"] == 230001

    path = f"/open-apis/contact/v3/users/{feishu.open_id(feishu.creator)}"
    _, body, _ = await bot.call("GET", path, params={"user_id_type": "open_id"})
    assert (body["data"]["user"]["name"], body["data"]["user"]["en_name"]) == ("林小雨", "Lin Xiaoyu")
    path = f"/open-apis/contact/v3/users/{feishu.open_id(hidden)}"
    assert (await bot.call("GET", path))[1]["code"] == 41050


async def test_a_buzz_and_who_has_read(feishu: Feishu, bot: LittleBot) -> None:
    message_id = await sent_card(feishu, bot)
    message = feishu.world.message(message_id)
    lin, wang = feishu.open_id(feishu.creator), feishu.open_id(feishu.admin)
    by_open_id = {"user_id_type": "open_id"}
    path = f"{MESSAGES}/{message_id}/urgent_app"
    _, body, _ = await bot.call("PATCH", path, {"user_id_list": [lin, wang, "ou_x"]}, params=by_open_id)
    assert body["data"] == {"invalid_user_id_list": [wang, "ou_x"]}
    assert message.buzzed == [feishu.creator]
    foreign = feishu.add_app("foreign")
    _, body, _ = await bot.call("PATCH", path, {"user_id_list": [lin]}, params=by_open_id, app=foreign)
    assert body["code"] == 230012

    path = f"{MESSAGES}/{message_id}/read_users"
    assert (await bot.call("GET", path, params=by_open_id))[1]["data"]["items"] == []
    feishu.read(message, feishu.creator)
    _, body, _ = await bot.call("GET", path, params=by_open_id)
    assert [each["user_id"] for each in body["data"]["items"]] == [lin]


async def test_a_message_is_looked_at_and_recalled(feishu: Feishu, bot: LittleBot) -> None:
    message_id = await sent_card(feishu, bot)
    _, body, _ = await bot.call("GET", f"{MESSAGES}/{message_id}")
    assert body["data"]["items"][0]["deleted"] is False
    assert (await bot.call("DELETE", f"{MESSAGES}/{message_id}"))[1]["code"] == 0
    assert (await bot.call("DELETE", f"{MESSAGES}/{message_id}"))[1]["code"] == 230011


async def test_slash_commands_are_registered_once(feishu: Feishu, bot: LittleBot) -> None:
    path = "/open-apis/application/v7/app_slash_commands"
    command = {"command": "pending", "description": {"default_value": "List", "i18n": {"zh_cn": "待审批"}}}
    _, body, _ = await bot.call("POST", path, command)
    command_id = body["data"]["command_id"]
    assert (await bot.call("POST", path, command))[1]["code"] == 40000000
    assert (await bot.call("POST", path, {**command, "command": "/x"}))[1]["code"] == 230001
    _, body, _ = await bot.call("GET", path)
    assert [each["command"] for each in body["data"]["items"]] == ["pending"]
    assert (await bot.call("DELETE", f"{path}/{command_id}"))[1]["code"] == 0
    assert (await bot.call("DELETE", f"{path}/{command_id}"))[1]["code"] == 230001


async def test_a_late_update_with_the_token_of_a_click(feishu: Feishu, bot: LittleBot) -> None:
    await sent_card(feishu, bot)
    message = await feishu.next_card(to=feishu.creator)
    path = "/open-apis/interactive/v1/card/update"
    early: list[int] = []

    async def answer(envelope: dict[str, Any]) -> Any:
        update = {"token": envelope["event"]["token"], "card": finished_card("early")}
        early.append((await bot.call("POST", path, update))[1]["code"])
        return aiohttp.web.json_response({})

    bot.answer = answer
    click = await feishu.click(message, "approve", by=feishu.creator)
    assert early == [10002], "not before the callback is answered"
    token = click.envelope["event"]["token"]
    foreign = feishu.add_app("foreign")

    async def update(**change: Any) -> int:
        app = change.pop("app", None)
        status, body, _ = await bot.call(
            "POST", path, {"token": token, "card": finished_card("late")} | change, app=app
        )
        assert status == 200
        code: int = body["code"]
        return code

    assert await update(card={"elements": []}) == 11311
    assert await update(card=card({"tag": "note"})) == 11311
    assert await update(card=card({"tag": "markdown", "content": "x" * 30_000})) == 100000
    assert await update(token="nonsense") == 300020
    assert await update(app=foreign) == 200310
    assert message.card == approval_card()
    assert [await update() for _ in range(3)] == [0, 0, 300040]
    assert message.card == finished_card("late")

    await sent_card(feishu, bot)
    bot.answers({})
    token = (await feishu.click(await feishu.next_card(), "approve", by=feishu.creator)).envelope["event"]["token"]
    await feishu.advance(timedelta(minutes=31))
    assert await update() == 300030


async def test_paths_that_do_not_exist(feishu: Feishu) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{feishu.base_url}/open-apis/nothing") as response:
        assert response.status == 404
