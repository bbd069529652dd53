"""lark-oapi's own WebSocket client, driven by our LongConnection, against the other end of its protocol.

The frames are written here by hand (protocol buffers: pbbp2.Frame), not with the SDK's classes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from bot.feishu.long_connection import LongConnection, _WithoutKeys
from models.values import AppCredentials, CardClick, ChatMessage, InboundEvent, JsonObject, UnhandledEvent

pytestmark = pytest.mark.slow

PATIENCE = 60  # seconds: the SDK takes some to import


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def chunk(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def frame(payload: bytes, headers: dict[str, str]) -> bytes:
    """A DATA frame: SeqID, LogID, service and method, then headers (5) and payload (8)."""
    numbers = b"".join(varint(field << 3) + varint(value) for field, value in ((1, 7), (2, 8), (3, 1), (4, 1)))
    pairs = b"".join(chunk(5, chunk(1, key.encode()) + chunk(2, value.encode())) for key, value in headers.items())
    return numbers + pairs + chunk(8, payload)


def payload_of(data: bytes) -> bytes:
    """The payload (field 8) of a frame."""
    at = 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        length = number()
        if tag & 7 == 2:
            if tag >> 3 == 8:
                return data[at : at + length]
            at += length
    return b""


class Endpoint:
    """Feishu's end: discovery over HTTP, then a WebSocket to each app."""

    def __init__(self) -> None:
        self.url = ""
        self.sockets: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
        self.answers: asyncio.Queue[JsonObject] = asyncio.Queue()
        self.closed: asyncio.Queue[int | None] = asyncio.Queue()
        self.bootstraps: list[JsonObject] = []

    async def discover(self, request: web.Request) -> web.Response:
        self.bootstraps.append(await request.json())
        url = f"{self.url.replace('http', 'ws')}/ws?device_id=d1&service_id=1&ticket=very-secret"
        config = {"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 0, "PingInterval": 120}
        return web.json_response({"code": 0, "msg": "", "data": {"URL": url, "ClientConfig": config}})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self.sockets.put(socket)
        async for message in socket:
            if message.type is WSMsgType.BINARY and (payload := payload_of(message.data)):  # a ping has none
                await self.answers.put(json.loads(payload))
        await self.closed.put(socket.close_code)
        return socket


async def send(socket: web.WebSocketResponse, envelope: object) -> None:
    headers = {"type": "event", "message_id": "m1", "trace_id": "t1", "sum": "1", "seq": "0"}
    await socket.send_bytes(frame(json.dumps(envelope).encode(), headers))


def envelope(event_type: str, event: object, app_id: str = "cli_a") -> dict[str, Any]:
    header = {"event_id": "e1", "event_type": event_type, "create_time": "1767225600000", "app_id": app_id}
    return {"schema": "2.0", "header": header, "event": event}


def press(value: object) -> dict[str, Any]:
    event = {"operator": {"open_id": "ou_min"}, "action": {"tag": "button", "value": value}, "context": {}}
    return envelope("card.action.trigger", event)


def typed(text: str, app_id: str = "cli_a") -> dict[str, Any]:
    message = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "chat_type": "p2p",
        "message_type": "text",
        "create_time": "1767225600000",
        "content": json.dumps({"text": text}),
    }
    event = {"sender": {"sender_type": "user", "sender_id": {"open_id": "ou_min"}}, "message": message}
    return envelope("im.message.receive_v1", event, app_id)


def carried(answer: JsonObject) -> Any:
    """What the callback is answered with, out of the SDK's wrapping."""
    assert answer["code"] == 200
    return json.loads(base64.b64decode(str(answer["data"])))


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/callback/ws/endpoint", endpoint.discover)
    app.router.add_get("/ws", endpoint.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield endpoint
    await runner.cleanup()


class Heard:
    """Stands for the application: remembers the events, answers every one with a toast."""

    def __init__(self) -> None:
        self.events: list[tuple[str, InboundEvent]] = []
        self.threads: set[threading.Thread] = set()

    async def dispatch(self, app_id: str, event: InboundEvent) -> JsonObject:
        self.threads.add(threading.current_thread())
        self.events.append((app_id, event))
        if isinstance(event, ChatMessage) and event.text == "fail":
            raise LookupError("broken")
        return {"toast": {"type": "success", "content": "已同意"}}


Connect = Callable[[str], LongConnection]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def connect(endpoint: Endpoint, heard: Heard) -> AsyncIterator[Connect]:
    made: list[LongConnection] = []

    def connect(app_id: str) -> LongConnection:
        app = AppCredentials(app_id, "acme", endpoint.url, "s3cret", "", "")
        made.append(LongConnection(app, heard.dispatch, asyncio.get_running_loop()))
        made[-1].start()
        return made[-1]

    yield connect
    for connection in made:
        await connection.stop()


async def test_events_and_clicks_come_in_and_answers_go_out(
    endpoint: Endpoint, connect: Connect, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect("cli_a")
    async with asyncio.timeout(PATIENCE):
        socket = await endpoint.sockets.get()
        assert endpoint.bootstraps[0] == {"AppID": "cli_a", "AppSecret": "s3cret"}

        await send(socket, press({"decision": "approve"}))
        assert carried(await endpoint.answers.get()) == {"toast": {"type": "success", "content": "已同意"}}
        await send(socket, press('{"decision": "reject"}'))  # the SDK's own handler fails on text
        assert carried(await endpoint.answers.get())["toast"]["content"] == "已同意"
        await send(socket, typed("/pending"))
        assert (await endpoint.answers.get())["code"] == 200
        await send(socket, envelope("drive.file.edit_v1", {}))  # and on events that nobody registered
        assert (await endpoint.answers.get())["code"] == 200
        await send(socket, typed("fail"))
        assert (await endpoint.answers.get())["code"] == 500

        assert await connection.stop()
        await endpoint.closed.get()

    events = [event for _, event in heard.events]
    assert [type(event) for event in events] == [CardClick, CardClick, ChatMessage, UnhandledEvent, ChatMessage]
    assert isinstance(events[1], CardClick)
    assert events[1].value == {"decision": "reject"}
    assert heard.threads == {threading.current_thread()}
    sdk = [record for record in caplog.records if record.name == "Lark"]
    assert any("broken" in record.getMessage() for record in sdk)
    assert {record.levelname for record in sdk} == {"ERROR"}
    assert not any(secret in caplog.text for secret in ("very-secret", "s3cret"))


async def test_two_apps_live_side_by_side_and_a_lost_connection_comes_back(
    endpoint: Endpoint, connect: Connect, heard: Heard
) -> None:
    async with asyncio.timeout(PATIENCE):
        connect("cli_a")
        first = await endpoint.sockets.get()
        connect("cli_b")
        second = await endpoint.sockets.get()
        for socket, app_id in ((second, "cli_b"), (first, "cli_a")):
            await send(socket, typed("/help", app_id))
            assert (await endpoint.answers.get())["code"] == 200
        await first.close()
        again = await endpoint.sockets.get()
        await send(again, typed("/pending", "cli_a"))
        assert (await endpoint.answers.get())["code"] == 200
    assert [app_id for app_id, _ in heard.events] == ["cli_b", "cli_a", "cli_a"]


async def test_a_connection_that_never_started_stops() -> None:
    app = AppCredentials("cli_a", "acme", "https://open.feishu.cn", "s", "", "")
    assert await LongConnection(app, Heard().dispatch, asyncio.get_running_loop()).stop()


def test_the_ticket_is_taken_off_urls_in_the_sdks_log() -> None:
    import logging

    record = logging.LogRecord("Lark", 40, "", 1, "lost wss://x.example/ws?ticket=very-secret [conn_id=1]", (), None)
    assert _WithoutKeys().filter(record)
    assert record.getMessage() == "lost wss://x.example/ws?… [conn_id=1]"
