"""Feishu's webhook: bytes in, one authentic event to whom it concerns, its answer out. Also for the long connection."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import assert_never

import msgspec
import structlog
from aiohttp import web

from bot.feishu.inbound import Unauthentic, decode
from bot.people.apps import FeishuApps, UnknownApp
from bot.people.news import PersonNews
from bot.ports import Clock
from bot.receipts import Receipts
from handlers.card_clicks import CardClicks
from handlers.chat import Chat
from models.values import (
    AppCredentials,
    CardClick,
    ChatMessage,
    InboundEvent,
    JsonObject,
    MenuPress,
    MessagesRead,
    PersonChanged,
    UnhandledEvent,
    UrlChallenge,
)

UNSIGNED = 30
UNSIGNED_WITHIN = timedelta(minutes=1)
"""Unsigned requests that are looked into, from everybody together. The console sends one when the URL is saved; the
rest are strangers who try ciphertexts on the decryptor (feishu-protocol 1.5).
"""

log = structlog.get_logger()


class Dispatcher:
    """Where both transports meet: an authentic event in, the answer to it out, everything durable in between."""

    def __init__(self, card_clicks: CardClicks, chat: Chat, receipts: Receipts, news: PersonNews) -> None:
        self._card_clicks = card_clicks
        self._chat = chat
        self._receipts = receipts
        self._news = news

    async def dispatch(self, app: AppCredentials, event: InboundEvent) -> JsonObject:
        match event:
            case UrlChallenge(challenge=challenge):
                return {"challenge": challenge}
            case CardClick() as click:
                return await self._card_clicks.answer(app, click)
            case ChatMessage() as message:
                await self._chat.on_message(message, app)
                return {}
            case MenuPress() as press:
                await self._chat.on_menu(press, app)
                return {}
            case MessagesRead() as read:
                await self._receipts.read(app, read)
                return {}
            case PersonChanged() as changed:
                await self._news.changed(app, changed)
                return {}
            case UnhandledEvent(event_type=event_type):
                log.info("feishu.unhandled", app=app.app_id, type=event_type)
                return {}
            case unreachable:
                assert_never(unreachable)


class FeishuWebhook:
    """`POST /feishu/{app_id}/webhook`; `/feishu/webhook` is the default app's."""

    def __init__(
        self, apps: FeishuApps, dispatcher: Dispatcher, clock: Clock, *, default_app_id: str, allow_challenge: bool
    ) -> None:
        self._apps = apps
        self._dispatcher = dispatcher
        self._clock = clock
        self._default_app_id = default_app_id
        self._allow_challenge = allow_challenge
        self._unsigned: deque[datetime] = deque(maxlen=UNSIGNED)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/feishu/webhook", self.receive), web.post("/feishu/{app_id}/webhook", self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """200 for what is authentic, the same 401 for everything else, whatever was wrong with it."""
        app_id = request.match_info.get("app_id", self._default_app_id)
        try:
            body = await request.read()
            app = await self._apps.credentials(app_id)
        except web.HTTPRequestEntityTooLarge:
            return _refused(app_id, "body too large")
        except web.RequestPayloadError:
            return _refused(app_id, "body cannot be read")
        except UnknownApp:
            return _refused(app_id, "unknown app")
        now = self._clock.now()
        event = decode(request.headers, body, app, now, allow_challenge=self._may_be_challenge(request, now))
        if isinstance(event, Unauthentic):
            return _refused(app_id, event.reason)
        return _json(await self._dispatcher.dispatch(app, event))

    def _may_be_challenge(self, request: web.Request, now: datetime) -> bool:
        """Whether an unsigned request is looked into. A signed one never comes here to be counted."""
        if not self._allow_challenge or "X-Lark-Signature" in request.headers:
            return self._allow_challenge
        if len(self._unsigned) == UNSIGNED and now - self._unsigned[0] < UNSIGNED_WITHIN:
            return False
        self._unsigned.append(now)
        return True


def _refused(app_id: str, reason: str) -> web.Response:
    log.warning("feishu.refused", app=app_id[:64], reason=reason)
    return _json({"code": "unauthorized"}, status=401)


def _json(body: JsonObject, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json", charset="utf-8")
