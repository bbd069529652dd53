"""A bot of a few lines, to judge the simulator with: it takes the callbacks, opens them, and answers as told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.simulator.state import App

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass
class Received:
    headers: dict[str, str]
    raw: bytes
    envelope: dict[str, Any]
    signature_holds: bool


@dataclass
class LittleBot:
    """`answer` is called with each opened envelope; `received` remembers them all."""

    app: App
    base_url: str
    received: list[Received] = field(default_factory=list)
    answer: Answer | None = None
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        envelope = json.loads(opened(json.loads(raw), self.app.encrypt_key))
        headers = dict(request.headers)
        self.received.append(Received(headers, raw, envelope, signature_holds(headers, raw, self.app.encrypt_key)))
        if envelope.get("type") == "url_verification":
            return web.json_response({"challenge": envelope["challenge"]})
        return await self.answer(envelope) if self.answer else web.json_response({})

    def answers(self, body: Any = None, status: int = 200, **more: Any) -> None:
        """From now on, everything is answered with this."""

        async def answer(envelope: dict[str, Any]) -> web.StreamResponse:
            return web.json_response(body, status=status, **more)

        self.answer = answer

    def silent(self) -> asyncio.Event:
        """From now on nothing is answered until the event is set."""
        go = asyncio.Event()

        async def answer(envelope: dict[str, Any]) -> web.StreamResponse:
            await go.wait()
            return web.json_response({})

        self.answer = answer
        return go

    @property
    def clicks(self) -> list[Received]:
        """The callbacks among what came."""
        return [each for each in self.received if "action" in each.envelope.get("event", {})]

    # -- the API, raw -----------------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        app: App | None = None,
        token: str | None = None,
        params: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, body and headers of one call; the token is fetched anew unless given."""
        token = token if token is not None else await self.token(app)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session:
            request = session.request(method, self.base_url + path, json=body, params=params, headers=headers)
            async with request as response:
                return response.status, await response.json(), dict(response.headers)

    async def token(self, app: App | None = None) -> str:
        app = app or self.app
        body = {"app_id": app.app_id, "app_secret": app.app_secret}
        url = f"{self.base_url}/open-apis/auth/v3/tenant_access_token/internal"
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
            text: str = (await response.json())["tenant_access_token"]
            return text

    async def send(
        self, receive_id: str, content: Any, msg_type: str = "interactive", *, id_type: str = "open_id", **more: Any
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Sends; `content` may be an object, which is written as JSON text. `more`: uuid, app, token."""
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        body = {"receive_id": receive_id, "msg_type": msg_type, "content": text}
        if "uuid" in more:
            body["uuid"] = more.pop("uuid")
        path = "/open-apis/im/v1/messages"
        return await self.call("POST", path, body, params={"receive_id_type": id_type}, **more)


@asynccontextmanager
async def little_bot(app: App, base_url: str) -> AsyncIterator[LittleBot]:
    """The bot, listening at the app's request URL."""
    bot = LittleBot(app, base_url)
    web_app = web.Application()
    web_app.router.add_post("/webhook", bot.handle)
    web_app.router.add_get("/elsewhere", _fine)
    runner = web.AppRunner(web_app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bot.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    app.callback_url = bot.url
    try:
        yield bot
    finally:
        await runner.cleanup()


async def _fine(request: web.Request) -> web.Response:
    """Where a redirect leads; nobody may follow it."""
    return web.json_response({})


def opened(body: dict[str, Any], encrypt_key: str) -> str:
    if "encrypt" not in body:
        return json.dumps(body)
    raw = base64.b64decode(body["encrypt"])
    decryptor = Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(raw[:16])).decryptor()
    padded = decryptor.update(raw[16:]) + decryptor.finalize()
    return padded[: -padded[-1]].decode()


def signature_holds(headers: dict[str, str], raw: bytes, encrypt_key: str) -> bool:
    signed = [headers.get(f"X-Lark-{name}", "") for name in ("Request-Timestamp", "Request-Nonce", "Signature")]
    made = hashlib.sha256((signed[0] + signed[1] + encrypt_key).encode() + raw).hexdigest()
    return hmac.compare_digest(made, signed[2])


def approval_card(title: str = "Approval needed", **form_input: Any) -> dict[str, Any]:
    """A card with a form of a reason and two buttons, as feishu's documentation writes them."""
    reason = {"tag": "input", "name": "reason", "input_type": "multiline_text", "max_length": 500, **form_input}
    buttons = [
        {
            "tag": "button",
            "name": name,
            "form_action_type": "submit",
            "type": kind,
            "text": {"tag": "plain_text", "content": label, "i18n_content": {"zh_cn": zh, "en_us": label}},
            "behaviors": [{"type": "callback", "value": {"approval_id": "5d1f", "decision": name}}],
        }
        for name, kind, label, zh in (
            ("approve", "primary_filled", "Approve", "同意"),
            ("reject", "danger", "Reject", "拒绝"),
        )
    ]
    columns = [{"tag": "column", "width": "auto", "elements": [button]} for button in buttons]
    form = {"tag": "form", "name": "decision", "elements": [reason, {"tag": "column_set", "columns": columns}]}
    return card({"tag": "div", "text": {"tag": "plain_text", "content": "delete_files"}}, form, title=title)


def card(*elements: Any, title: str = "Approval needed", **header: Any) -> dict[str, Any]:
    """A card of schema 2.0 around these elements."""
    return {
        "schema": "2.0",
        "config": {"update_multi": True, "enable_forward": False},
        "header": {"title": {"tag": "plain_text", "content": title}, "template": "orange", **header},
        "body": {"elements": list(elements)},
    }


def finished_card(title: str = "Approved") -> dict[str, Any]:
    """A card without anything to press."""
    return card({"tag": "div", "text": {"tag": "plain_text", "content": "done"}}, title=title, template="green")
