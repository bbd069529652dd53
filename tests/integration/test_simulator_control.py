"""The control API: the same acts over HTTP, for this machine and this page only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.simulator.cli import run_simulator
from bot.simulator.control import _guarded, _is_loopback, _page
from bot.simulator.panels import Panel
from tests.support.feishu import Feishu, feishu_running
from tests.support.little_bot import LittleBot, approval_card, finished_card


async def _scratch() -> list[str]:
    return ["report.txt", "notes.md"]


async def _broken() -> list[str]:
    raise OSError("no such folder")


@pytest.fixture
async def feishu() -> AsyncIterator[Feishu]:
    async with feishu_running(
        panels=[Panel("草稿文件夹", _scratch, "Scratch folder"), Panel("坏", _broken)]
    ) as running:
        yield running


@pytest.fixture
async def session(feishu: Feishu) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(feishu.base_url) as opened:
        yield opened


async def post(session: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with session.post(path, json=body) as response:
        return response.status, await response.json()


async def get(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with session.get(path) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        return answer


async def test_a_click_over_http(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    message = await feishu.next_card(to=feishu.creator)
    bot.answers({"toast": {"type": "success", "content": "ok"}, "card": {"type": "raw", "data": finished_card()}})
    press = {"message_id": message.message_id, "user": "creator", "control": "approve", "version": 1}
    status, answer = await post(session, "/sim/click", **press, form={"reason": "fine"})
    assert (status, answer["code"], answer["toast"]["content"], answer["replaced"]) == (200, 0, "ok", True)
    assert bot.received[-1].envelope["event"]["action"]["form_value"] == {"reason": "fine"}
    status, answer = await post(session, "/sim/click", **press)
    assert (status, answer["error"]) == (409, "the card has changed in the meantime")
    del press["version"]
    status, answer = await post(session, "/sim/click", **press)
    assert status == 409
    assert "shows no 'approve'" in answer["error"]


async def test_words_menus_and_visits_over_http(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    status, answer = await post(session, "/sim/say", user="creator", text="/pending")
    assert (status, answer["delivered"]) == (200, True)
    group = feishu.add_group("组", [feishu.creator])
    _, answer = await post(session, "/sim/say", user="creator", text="x", chat_id=group.chat_id, mention=False)
    assert answer == {"event_id": None, "delivered": None}
    await post(session, "/sim/menu", user="creator", event_key="pending")
    await post(session, "/sim/enter", user="creator")
    assert (await post(session, "/sim/verify_url"))[1] == {"verified": True}
    sending = {"wrong_signature": True, "create_time": "2026-01-01T00:00:00+00:00"}
    await post(session, "/sim/say", user="creator", text="/pending", sending=sending)
    assert not bot.received[-1].signature_holds
    assert bot.received[-1].envelope["header"]["create_time"] == "1767225600000"
    for wrong in ({"user": "nobody", "text": "x"}, {"user": "creator", "text": "x", "chat_id": "oc_x"}):
        assert (await post(session, "/sim/say", **wrong))[0] == 409
    assert (await post(session, "/sim/say", user="creator"))[0] == 400
    assert (await post(session, "/sim/say", user="creator", text="x", sending={"loud": 1}))[0] == 400


async def test_the_state_is_what_the_page_draws(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    state = await get(session, "/sim/state")
    assert [person["key"] for person in state["people"]] == ["creator", "admin", "stranger"]
    assert state["apps"][0]["connected"] is True
    [message] = [each for chat in state["chats"] for each in chat["messages"]]
    assert message["body"] == approval_card()
    assert sorted(message["controls"].values()) == ["approve", "reason", "reject"]
    assert feishu.app.app_secret not in json.dumps(state)
    assert feishu.app.encrypt_key not in json.dumps(state)
    feishu.recall(await feishu.next_card())
    state = await get(session, "/sim/state")
    assert [("body" in each, each["gone"]) for chat in state["chats"] for each in chat["messages"]] == [(False, True)]


async def test_reading_and_accounts_over_http(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    await bot.send(feishu.open_id(feishu.creator), approval_card())
    message = await feishu.next_card(to=feishu.creator)
    read = {"user": "creator", "message_ids": [message.message_id]}
    assert len((await post(session, "/sim/read", **read))[1]["told"]) == 1
    assert (await post(session, "/sim/read", **read))[1]["told"] == []
    change = {"user": "creator", "leader": "admin", "time_zone": "Europe/Berlin", "stopped_bots": True}
    assert (await post(session, "/sim/person", **change))[1] == {"told": []}
    assert (feishu.creator.leader, feishu.creator.stopped_bots) == (feishu.admin, True)
    assert (await post(session, "/sim/person", user="creator", leader=None))[0] == 200
    assert (feishu.creator.leader, feishu.creator.time_zone) == (None, "Europe/Berlin")
    assert len((await post(session, "/sim/person", user="creator", frozen=True))[1]["told"]) == 1
    assert (await post(session, "/sim/person", user="creator", frozen=False, tell=False))[1]["told"] == []
    assert len((await post(session, "/sim/person", user="creator", resigned=True))[1]["told"]) == 1
    state = await get(session, "/sim/state")
    lin = state["people"][0]
    assert (lin["frozen"], lin["resigned"], lin["leader"], lin["pinned"]) == (False, True, None, [])
    [message_now] = [each for chat in state["chats"] for each in chat["messages"]]
    assert (list(message_now["read_by"]), message_now["buzzes"]) == (["creator"], [])
    for wrong in ({"frozen": 1}, {"loud": True}, {"tell": "no"}):
        assert (await post(session, "/sim/person", user="creator", **wrong))[0] == 400
    assert (await post(session, "/sim/person", user="nobody"))[0] == 409
    assert (await post(session, "/sim/say", user="creator", text="x"))[0] == 409, "cannot sign in"


async def test_changes_are_streamed(feishu: Feishu, session: aiohttp.ClientSession) -> None:
    async with session.get("/sim/events") as response:
        assert response.content_type == "text/event-stream"
        assert (await response.content.readline()).startswith(b"data: ")
        await response.content.readline()
        feishu.add_person("new")
        assert await response.content.readline() == f"data: {feishu.world.version}\n".encode()


async def test_faults_the_clock_and_redelivery(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    status, fault = await post(session, "/sim/faults", kind="html", endpoint="send", times=None, status=503)
    assert (status, fault["kind"], fault["times"]) == (200, "html", None)
    with pytest.raises(aiohttp.ContentTypeError):
        await bot.send("x", {}, "text")
    assert (await get(session, "/sim/faults"))["faults"][0]["used"] == 1
    async with session.delete("/sim/faults") as response:
        assert response.status == 200
    assert (await get(session, "/sim/faults"))["faults"] == []
    assert (await post(session, "/sim/faults", kind="flood"))[0] == 400
    assert (await post(session, "/sim/faults", kind="reset", loud=1))[0] == 400

    before = feishu.now()
    await post(session, "/sim/clock", advance=3600)
    assert 3599 < (feishu.now() - before).total_seconds() < 3660
    await post(session, "/sim/clock", to="2030-01-01T00:00:00+00:00")
    assert feishu.now().year == 2030

    push = await feishu.say(feishu.creator, "/pending")
    assert (await post(session, "/sim/redeliver", event_id=push.event_id))[1] == {"status": 200, "failure": 0}
    assert len(bot.received) == 2
    assert (await post(session, "/sim/redeliver", event_id="unknown"))[0] == 409


async def test_reading_and_recalling(feishu: Feishu, bot: LittleBot, session: aiohttp.ClientSession) -> None:
    await bot.send(feishu.open_id(feishu.creator), {"text": "x"}, "text")
    message = await feishu.next_text()
    assert (await post(session, "/sim/read", user="creator", message_ids=[message.message_id]))[0] == 200
    assert list(message.read_by) == ["creator"]
    assert (await post(session, "/sim/read", user="stranger", message_ids=[message.message_id]))[0] == 409
    await post(session, "/sim/recall", message_id=message.message_id)
    assert message.recalled


async def test_panels_are_asked_and_may_fail(session: aiohttp.ClientSession) -> None:
    state = await get(session, "/sim/state")
    assert state["panels"][0] == {"title": "草稿文件夹", "title_en": "Scratch folder"}
    lines = (await get(session, "/sim/panels"))["panels"]
    assert lines == [["report.txt", "notes.md"], ["OSError: no such folder"]]


async def test_only_this_machine_and_this_page_may_control(session: aiohttp.ClientSession) -> None:
    body = {"user": "creator", "text": "x"}
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ):
        async with session.post("/sim/say", json=body, headers=headers) as response:
            assert response.status == 403, headers
    async with session.post("/sim/say", data=json.dumps(body), headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415
    async with session.get("/", headers={"Host": "evil.example"}) as response:
        assert response.status == 403
    asked = make_mocked_request("GET", "/", headers={"Host": "127.0.0.1"})
    with pytest.raises(web.HTTPForbidden):
        await _guarded(_page)(asked.clone(remote="10.0.0.1"))
    assert (await _guarded(_page)(asked.clone(remote="127.0.0.1"))).status == 200
    assert [_is_loopback(each) for each in ("127.0.0.1", "::1", "10.0.0.1", None, "x")] == [
        True,
        True,
        False,
        False,
        False,
    ]


async def test_the_page_comes_from_here_alone(session: aiohttp.ClientSession) -> None:
    async with session.get("/") as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        page = await response.text()
    assert "http://" not in page
    assert "https://" not in page
    async with session.get("/static/nothing.js") as response:
        assert response.status == 404
    async with session.get("/static/..%2Fcontrol.py") as response:
        assert response.status == 404


async def test_the_command_says_its_settings_and_stops() -> None:
    import asyncio

    said: list[str] = []
    stop = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("Events"):
            stop.set()

    await asyncio.wait_for(run_simulator(port=0, say=say, stop=stop, callback_url="http://127.0.0.1:1/x"), 10)
    assert said[0].startswith("Feishu simulator: http://127.0.0.1:")
    names = [line.partition("=")[0] for line in said[1:-1]]
    assert names == [
        "ASSENT_FEISHU_BASE_URL",
        "ASSENT_FEISHU_APP_ID",
        "ASSENT_FEISHU_APP_SECRET",
        "ASSENT_FEISHU_ENCRYPT_KEY",
        "ASSENT_FEISHU_VERIFICATION_TOKEN",
    ]
