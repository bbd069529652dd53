"""Scripted misfortune: each kind of fault as a client meets it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.support.feishu import Feishu, feishu_running
from tests.support.little_bot import LittleBot, little_bot

TEXT = {"text": "hello"}


async def send(feishu: Feishu, bot: LittleBot, **more: Any) -> tuple[int, Any, dict[str, str]]:
    """One message to the creator, with whatever comes back as text."""
    token = more.pop("token", None) or await bot.token()
    url = f"{feishu.base_url}/open-apis/im/v1/messages?receive_id_type=open_id"
    body = {"receive_id": feishu.open_id(feishu.creator), "msg_type": "text", "content": json.dumps(TEXT), **more}
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
        return response.status, await response.text(), dict(response.headers)


async def test_any_refusal_for_the_next_calls(feishu: Feishu, bot: LittleBot) -> None:
    feishu.fail_next("send", times=2, code=230027, msg="scope", status=403)
    for _ in range(2):
        status, text, headers = await send(feishu, bot)
        assert (status, json.loads(text)["code"], json.loads(text)["msg"]) == (403, 230027, "scope")
        assert headers["X-Tt-Logid"]
    assert (await send(feishu, bot))[0] == 200
    assert [(call.status, call.code, call.fault) for call in feishu.calls("send")] == [
        (403, 230027, "answer"),
        (403, 230027, "answer"),
        (200, 0, None),
    ]


async def test_rate_limits_in_both_dresses(feishu: Feishu, bot: LittleBot) -> None:
    feishu.fail_next("send", "rate_limit", seconds=7)
    status, text, headers = await send(feishu, bot)
    assert (status, json.loads(text)["code"], headers["x-ogw-ratelimit-reset"]) == (429, 99991400, "7")
    feishu.fail_next("send", "rate_limit", status=400)
    status, text, headers = await send(feishu, bot)
    assert (status, json.loads(text)["code"], headers["x-ogw-ratelimit-reset"]) == (400, 99991400, "1")


@pytest.mark.parametrize(
    ("kind", "status", "start"), [("html", 502, "<html>"), ("empty", 200, ""), ("garbage", 200, "{")]
)
async def test_answers_that_are_no_json(feishu: Feishu, bot: LittleBot, kind: str, status: int, start: str) -> None:
    feishu.fail_next("send", kind)
    answer = await send(feishu, bot)
    assert answer[0] == status
    assert answer[1].startswith(start)
    with pytest.raises(ValueError, match=r".*"):
        json.loads(answer[1])
    assert feishu.messages() == []


@pytest.mark.parametrize("kind", ["reset", "half"])
async def test_a_connection_that_is_cut(feishu: Feishu, bot: LittleBot, kind: str) -> None:
    token = await bot.token()
    feishu.fail_next("send", kind)
    with pytest.raises(aiohttp.ClientError):
        await send(feishu, bot, token=token)
    assert feishu.messages() == []
    assert feishu.calls("send")[-1].status == 0


async def test_a_lost_answer_leaves_the_message_behind(feishu: Feishu, bot: LittleBot) -> None:
    token = await bot.token()
    feishu.fail_next("send", "lost")
    with pytest.raises(aiohttp.ClientError):
        await send(feishu, bot, token=token, uuid="same")
    feishu.fail_next("send", "lost_html")
    assert (await send(feishu, bot, uuid="same"))[0] == 504
    status, text, _ = await send(feishu, bot, uuid="same")
    assert status == 200
    assert [each.message_id for each in feishu.messages()] == [json.loads(text)["data"]["message_id"]]


async def test_a_call_that_hangs_until_it_is_let_go(feishu: Feishu, bot: LittleBot) -> None:
    token = await bot.token()
    fault = feishu.fail_next("send", "hang")
    sending = asyncio.create_task(send(feishu, bot, token=token))
    await feishu.met(fault)
    assert not sending.done()
    feishu.lift(fault)
    with pytest.raises(aiohttp.ClientError):
        await sending
    assert feishu.messages() == []


async def test_a_slow_token_comes_in_the_end(feishu: Feishu, bot: LittleBot) -> None:
    fault = feishu.fail_next("token", "slow")
    fetching = asyncio.create_task(bot.token())
    await feishu.met(fault)
    assert not fetching.done()
    feishu.lift(fault)
    assert (await fetching).startswith("t-")


async def test_a_hanging_call_ends_after_its_seconds(feishu: Feishu, bot: LittleBot) -> None:
    feishu.fail_next("token", "slow", seconds=0.01)
    assert (await bot.token()).startswith("t-")


async def test_a_token_that_expires_in_flight(feishu: Feishu, bot: LittleBot) -> None:
    token = await bot.token()
    feishu.fail_next("send", "expire")
    status, text, _ = await send(feishu, bot, token=token)
    assert (status, json.loads(text)["code"]) == (400, 99991663)
    assert await bot.token() != token
    assert (await send(feishu, bot))[0] == 200


async def test_an_outage_hits_every_endpoint_until_it_is_over(feishu: Feishu, bot: LittleBot) -> None:
    token = await bot.token()
    with feishu.outage():
        for _ in range(3):
            with pytest.raises(aiohttp.ClientError):
                await send(feishu, bot, token=token)
        with pytest.raises(aiohttp.ClientError):
            await bot.token()
    with feishu.outage("html", status=503):
        assert (await send(feishu, bot, token=token))[0] == 503
    assert (await send(feishu, bot, token=token))[0] == 200
    assert len(feishu.messages()) == 1


async def test_a_fault_can_be_one_apps_alone(feishu: Feishu, bot: LittleBot) -> None:
    second = feishu.add_app("second")
    feishu.fail_next("bot", "html", None, app_id=second.app_id)
    path = "/open-apis/bot/v3/info"
    assert (await bot.call("GET", path))[0] == 200
    with pytest.raises(aiohttp.ContentTypeError):
        await bot.call("GET", path, app=second)


def test_unknown_faults_are_refused_when_they_are_ordered() -> None:
    from bot.simulator.faults import Fault

    with pytest.raises(ValueError, match="unknown kind"):
        Fault("flood")
    with pytest.raises(ValueError, match="unknown endpoint"):
        Fault("reset", "sent")


async def test_closing_does_not_wait_for_what_hangs() -> None:
    async with feishu_running() as feishu, little_bot(feishu.app, feishu.base_url) as bot:
        token = await bot.token()
        fault = feishu.fail_next("send", "hang")
        sending = asyncio.create_task(send(feishu, bot, token=token))
        await feishu.met(fault)
    with pytest.raises(aiohttp.ClientError):
        await sending
