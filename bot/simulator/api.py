"""The Open API: which paths there are, who may call them, and what every answer has in common."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.simulator import api_directory, api_messages, api_people
from bot.simulator.api_call import Call
from bot.simulator.errors import ApiError, scope_missing
from bot.simulator.faults import CUTS, Fault, suffer
from bot.simulator.profiles import DIRECTORY
from bot.simulator.simulator import ApiCall, Simulator
from bot.simulator.state import App, Json
from bot.simulator.wire import NotJson, parse_object

Endpoint = Callable[[Call], Json]

MAX_BODY = 1024 * 1024
_SEND = ("im:message", "im:message:send_as_bot")
_READ = ("im:message", "im:message:readonly", "im:message:basic")
_MESSAGE = "/open-apis/im/v1/messages/{message_id}"


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    method: str
    path: str
    endpoint: Endpoint
    scopes: tuple[str, ...] = ()
    """One of these is needed."""
    open: bool = False
    """Needs no token."""
    http_ok: bool = False
    """The endpoint's own refusals come as HTTP 200 with a code."""


ROUTES = (
    Route(
        "token", "POST", "/open-apis/auth/v3/tenant_access_token/internal", api_directory.token, open=True, http_ok=True
    ),
    Route("send", "POST", "/open-apis/im/v1/messages", api_messages.send, _SEND),
    Route("reply", "POST", "/open-apis/im/v1/messages/{message_id}/reply", api_messages.reply, _SEND),
    Route("patch", "PATCH", "/open-apis/im/v1/messages/{message_id}", api_messages.patch, _SEND),
    Route("get", "GET", "/open-apis/im/v1/messages/{message_id}", api_messages.get, ("im:message",)),
    Route("recall", "DELETE", "/open-apis/im/v1/messages/{message_id}", api_messages.recall, _SEND),
    Route("urgent", "PATCH", f"{_MESSAGE}/urgent_app", api_messages.urgent_app, ("im:message.urgent",)),
    Route("urgent_sms", "PATCH", f"{_MESSAGE}/urgent_sms", api_messages.urgent_sms, ("im:message.urgent:sms",)),
    Route("urgent_phone", "PATCH", f"{_MESSAGE}/urgent_phone", api_messages.urgent_phone, ("im:message.urgent:phone",)),
    Route(
        "pin_bot",
        "PATCH",
        "/open-apis/im/v2/feed_cards/bot_time_sentive",
        api_directory.pin_bot,
        ("im:datasync.feed_card.time_sensitive:write",),
    ),
    Route("read_users", "GET", "/open-apis/im/v1/messages/{message_id}/read_users", api_messages.read_users, _READ),
    Route("card_update", "POST", "/open-apis/interactive/v1/card/update", api_messages.card_update, http_ok=True),
    Route(
        "users",
        "POST",
        "/open-apis/contact/v3/users/batch_get_id",
        api_people.batch_get_id,
        ("contact:user.id:readonly",),
    ),
    Route("user", "GET", "/open-apis/contact/v3/users/{user_id}", api_people.user, (DIRECTORY,)),
    Route("bot", "GET", "/open-apis/bot/v3/info", api_directory.bot),
    Route(
        "slash_commands",
        "POST",
        "/open-apis/application/v7/app_slash_commands",
        api_directory.add_slash_command,
        ("application:app_slash_command:write",),
    ),
    Route(
        "slash_commands",
        "GET",
        "/open-apis/application/v7/app_slash_commands",
        api_directory.slash_commands,
        ("application:app_slash_command:read",),
    ),
    Route(
        "slash_commands",
        "PATCH",
        "/open-apis/application/v7/app_slash_commands/{command_id}",
        api_directory.change_slash_command,
        ("application:app_slash_command:write",),
    ),
    Route(
        "slash_commands",
        "DELETE",
        "/open-apis/application/v7/app_slash_commands/{command_id}",
        api_directory.remove_slash_command,
        ("application:app_slash_command:write",),
    ),
)
_GATEWAY_CODES = 99_990_000
"""From here on the codes are the gateway's, not an endpoint's."""
_RATED = frozenset({"send", "reply", "patch", "urgent", "urgent_sms", "urgent_phone", "card_update", "recall"})


@dataclass(slots=True)
class _Exchange:
    """One call while it is answered."""

    route: Route
    request: web.Request
    log_id: str
    app: App | None = None
    body: Json = field(default_factory=dict)
    code: int | None = None
    status: int = 0


class OpenApi:
    """Turns requests into calls and refusals into Feishu's JSON."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        known = [web.route(route.method, route.path, self._handler(route)) for route in ROUTES]
        return [*known, web.route("*", "/open-apis/{rest:.*}", _unknown)]

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            exchange = _Exchange(route, request, secrets.token_hex(16).upper())
            exchange.app = self._caller(request)
            fault = self._simulator.faults.take(route.name, exchange.app.app_id if exchange.app else None)
            try:
                response = await self._serve(exchange, fault)
                exchange.status = response.status if fault is None or fault.kind not in CUTS else 0
                return response
            finally:
                self._record(exchange, fault)

        return handle

    async def _serve(self, exchange: _Exchange, fault: Fault | None) -> web.StreamResponse:
        async def normal() -> web.StreamResponse:
            return await self._answer(exchange)

        if fault is None:
            return await normal()
        self._simulator.world.touch()  # whoever waits for the fault to be met
        try:
            await exchange.request.read()
            return await suffer(fault, exchange.request, lambda: self._expire(exchange.app), normal)
        except ApiError as refusal:
            return _refused(exchange, refusal)

    async def _answer(self, exchange: _Exchange) -> web.StreamResponse:
        try:
            exchange.body = await _body(exchange.request)
            call = Call(self._simulator, self._allowed(exchange), exchange.request, exchange.body)
            answer = exchange.route.endpoint(call)
        except ApiError as refusal:
            return _refused(exchange, refusal)
        exchange.code = 0
        return _json(200, answer, exchange.log_id)

    def _allowed(self, exchange: _Exchange) -> App | None:
        """The calling app, when its token, its state and its scopes let it through the gateway."""
        route = exchange.route
        if route.open:
            return None
        app = self._authorised(exchange.request)
        if not app.enabled:
            raise ApiError(99991662, "app is disabled")
        if route.name in _RATED:
            self._simulator.rates.app_call(app.app_id)
        if route.scopes and not app.scopes.intersection(route.scopes):
            raise scope_missing(route.scopes)
        return app

    def _authorised(self, request: web.Request) -> App:
        header = request.headers.get("Authorization")
        if header is None:
            raise ApiError(
                99991661, "Missing access token for authorization. Please make a request with token attached."
            )
        scheme, _, text = header.partition(" ")
        if scheme != "Bearer" or not text.startswith("t-"):
            raise ApiError(99991671, "Invalid access token for authorization. The token must start with Bearer t-.")
        token = self._simulator.world.tokens.get(text)
        if token is None or token.revoked or token.expires_at <= self._simulator.world.clock.now():
            raise ApiError(
                99991663, "Invalid access token for authorization. Please make a request with token attached."
            )
        return token.app

    def _caller(self, request: web.Request) -> App | None:
        token = self._simulator.world.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return token.app if token else None

    def _expire(self, app: App | None) -> None:
        self._simulator.world.revoke_tokens(app)

    def _record(self, exchange: _Exchange, fault: Fault | None) -> None:
        app_id = exchange.app.app_id if exchange.app else exchange.body.get("app_id")
        hidden = {"app_secret": "…"} if "app_secret" in exchange.body else {}
        self._simulator.calls.append(
            ApiCall(
                exchange.route.name,
                app_id,
                exchange.status,
                exchange.code,
                fault.kind if fault else None,
                {**exchange.body, **hidden},
                dict(exchange.request.query),
            )
        )
        self._simulator.world.touch()


async def _unknown(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(0)
    return web.Response(status=404, text="404 page not found")


async def _body(request: web.Request) -> Json:
    raw = await request.read()
    if request.method in ("GET", "DELETE"):
        return {}
    if "Content-Type" in request.headers and request.content_type != "application/json":  # lark-oapi leaves it out
        raise ApiError(9499, "Bad Request: the content type must be application/json")
    try:
        return parse_object(raw)
    except NotJson as error:
        raise ApiError(9499, f"Bad Request: {error}") from None


def _refused(exchange: _Exchange, refusal: ApiError) -> web.Response:
    exchange.code = refusal.code
    own = exchange.route.http_ok and refusal.status == 400 and refusal.code < _GATEWAY_CODES
    status = 200 if own else refusal.status
    return _json(status, refusal.body(exchange.log_id), exchange.log_id, refusal.headers)


def _json(status: int, body: Json, log_id: str, headers: dict[str, str] | None = None) -> web.Response:
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(
        status=status,
        body=text.encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "X-Tt-Logid": log_id, **(headers or {})},
    )
