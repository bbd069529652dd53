"""The control API under /sim and the page: for people and tests on this machine, never for the network.

Only loopback may call, and only pages of this very origin: whoever reaches it can speak as anybody.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from bot.simulator import views
from bot.simulator.deliver import Sending
from bot.simulator.errors import Impossible
from bot.simulator.faults import Fault
from bot.simulator.panels import Panel
from bot.simulator.presses import Press
from bot.simulator.simulator import Click, Simulator
from bot.simulator.state import App, Chat, Json, Person
from bot.simulator.wire import NotJson, parse_object

_STATIC = Path(__file__).parent / "static"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_KEEPALIVE = 15.0
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    def __init__(self, simulator: Simulator, panels: Sequence[Panel] = ()) -> None:
        self._simulator = simulator
        self._panels = list(panels)

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "click": self._click,
            "say": self._say,
            "menu": self._menu,
            "enter": self._enter,
            "read": self._read,
            "person": self._change_person,
            "clock": self._clock,
            "faults": self._add_fault,
            "redeliver": self._redeliver,
            "verify_url": self._verify_url,
            "recall": self._recall,
        }
        gets = {"state": self._state, "faults": self._faults, "events": self._events, "panels": self._read_panels}
        return [
            *(web.post(f"/sim/{name}", _guarded(_answering(act))) for name, act in posts.items()),
            *(web.get(f"/sim/{name}", _guarded(act)) for name, act in gets.items()),
            web.delete("/sim/faults", _guarded(self._lift_faults)),
            web.get("/", _guarded(_page)),
            web.get("/static/{name:[a-z_]+\\.(?:js|css|svg)}", _guarded(_asset)),
        ]

    # -- what people do ---------------------------------------------------------------------------------------------

    async def _click(self, body: Json) -> Json:
        message = self._simulator.world.message(_text(body, "message_id"))
        if "version" in body and body["version"] != message.version:
            raise Impossible("the card has changed in the meantime")
        by = self._person(body)
        press = Press(_text(body, "control"), body.get("form") or {}, body.get("value"))
        click = await self._simulator.press(message, by, press, sending=_sending(body))
        return _click_facts(click, by)

    async def _say(self, body: Json) -> Json:
        by = self._person(body)
        chat, app = self._place(body, by)
        reply_to = self._simulator.world.message(body["reply_to"]) if body.get("reply_to") else None
        push = await self._simulator.say(
            by,
            _text(body, "text"),
            chat=chat,
            app=app,
            mention=body.get("mention", True) is True,
            reply_to=reply_to,
            as_post=body.get("as_post", False) is True,
            sending=_sending(body),
        )
        return {"event_id": push.event_id if push else None, "delivered": push.delivered if push else None}

    async def _menu(self, body: Json) -> Json:
        push = await self._simulator.press_menu(self._person(body), _text(body, "event_key"), self._app(body))
        return {"event_id": push.event_id, "delivered": push.delivered}

    async def _enter(self, body: Json) -> Json:
        push = await self._simulator.enter_chat(self._person(body), self._app(body))
        return {"event_id": push.event_id, "delivered": push.delivered}

    async def _read(self, body: Json) -> Json:
        by = self._person(body)
        messages = [self._simulator.world.message(message_id) for message_id in body.get("message_ids") or []]
        return {"told": [push.event_id for push in await self._simulator.notice_all(messages, by)]}

    async def _change_person(self, body: Json) -> Json:
        """What the company's administrators do to an account, and what a person's profile says."""
        known = {"user", "frozen", "resigned", "stopped_bots", "leader", "time_zone", "language", "tell"}
        if unknown := set(body) - known:
            raise ValueError(f"unknown field {sorted(unknown)[0]}")
        person = self._person(body)
        if "leader" in body:
            person.leader = self._simulator.world.person(_text(body, "leader")) if body["leader"] is not None else None
        if "time_zone" in body:
            person.time_zone = _text(body, "time_zone") if body["time_zone"] is not None else None
        person.language = _text(body, "language") if "language" in body else person.language
        stopped = _flag(body, "stopped_bots")
        person.stopped_bots = person.stopped_bots if stopped is None else stopped
        frozen, resigned = _flag(body, "frozen"), _flag(body, "resigned")
        tell = _flag(body, "tell") is not False and (frozen, resigned) != (None, None)
        pushes = await self._simulator.change_person(person, frozen=frozen, resigned=resigned, tell=tell)
        return {"told": [push.event_id for push in pushes]}

    async def _recall(self, body: Json) -> Json:
        self._simulator.world.message(_text(body, "message_id")).recalled = True
        self._simulator.world.touch()
        return {}

    # -- what the platform does -------------------------------------------------------------------------------------

    async def _clock(self, body: Json) -> Json:
        clock = self._simulator.world.clock
        if "to" in body:
            await self._simulator.advance(datetime.fromisoformat(_text(body, "to")) - clock.now())
        else:
            await self._simulator.advance(timedelta(seconds=float(body.get("advance", 0))))
        return {"now": clock.now().isoformat()}

    async def _add_fault(self, body: Json) -> Json:
        known = {"kind", "endpoint", "times", "app_id", "status", "code", "msg", "headers", "seconds"}
        if unknown := set(body) - known:
            raise ValueError(f"unknown field {sorted(unknown)[0]}")
        fault = self._simulator.faults.add(Fault(**{"kind": _text(body, "kind"), **body}))
        self._simulator.world.touch()
        return fault.facts()

    async def _redeliver(self, body: Json) -> Json:
        wanted = _text(body, "event_id")
        for push in self._simulator.courier.pushes:
            if push.event_id == wanted:
                attempt = await self._simulator.courier.repeat(push, _sending(body))
                return {"status": attempt.status, "failure": attempt.failure}
        raise Impossible(f"there is no event {wanted}")

    async def _verify_url(self, body: Json) -> Json:
        return {"verified": await self._simulator.courier.verify_url(self._app(body))}

    async def _state(self, request: web.Request) -> web.StreamResponse:
        told = views.state(self._simulator)
        told["panels"] = [{"title": panel.title, "title_en": panel.title_en or panel.title} for panel in self._panels]
        return _json(told)

    async def _faults(self, request: web.Request) -> web.StreamResponse:
        return _json({"faults": [fault.facts() for fault in self._simulator.faults.faults]})

    async def _lift_faults(self, request: web.Request) -> web.StreamResponse:
        self._simulator.faults.lift_all()
        self._simulator.world.touch()
        return _json({"faults": []})

    async def _read_panels(self, request: web.Request) -> web.StreamResponse:
        lines = await asyncio.gather(*(_lines(panel) for panel in self._panels))
        return _json({"panels": lines})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the world's version, whenever it has grown; until the page is closed."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        with suppress(ConnectionError):  # a closed tab shows only when something is written to it
            await response.prepare(request)
            seen = -1
            while not self._simulator.ending:
                grown = await self._grown(seen)
                seen = seen if grown is None else grown
                await response.write(b": still here\n\n" if grown is None else f"data: {grown}\n\n".encode())
        return response

    async def _grown(self, seen: int) -> int | None:
        """The next version of the world, or None when nothing changed for so long that a sign of life is due."""
        try:
            async with asyncio.timeout(_KEEPALIVE):
                return await self._simulator.world.changed(seen)
        except TimeoutError:
            return None

    # -- who and where ----------------------------------------------------------------------------------------------

    def _person(self, body: Json) -> Person:
        return self._simulator.world.person(_text(body, "user"))

    def _app(self, body: Json) -> App:
        apps = self._simulator.world.apps
        if "app_id" not in body:
            return next(iter(apps.values()))
        if body["app_id"] not in apps:
            raise Impossible(f"there is no app {body['app_id']}")
        return apps[body["app_id"]]

    def _place(self, body: Json, by: Person) -> tuple[Chat, App | None]:
        wanted = body.get("chat_id")
        if wanted is None:
            app = self._app(body)
            return self._simulator.world.p2p(app, by), app
        chat = self._simulator.world.chats.get(wanted)
        if chat is None:
            raise Impossible(f"there is no chat {wanted}")
        return chat, self._app(body) if "app_id" in body else None


def _guarded(handler: Handler) -> Handler:
    """Lets only this machine and this page in: no other host name (DNS rebinding), no foreign page (CSRF)."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if not _is_loopback(request.remote) or URL(f"http://{request.host}").host not in _LOOPBACK_NAMES:
            raise web.HTTPForbidden(text="the simulator's controls are for this machine only")
        origin = request.headers.get("Origin")
        if origin is not None and URL(origin).authority != request.host:
            raise web.HTTPForbidden(text="the simulator's controls are for its own page only")
        return await handler(request)

    return guarded


def _answering(act: Callable[[Json], Awaitable[Json]]) -> Handler:
    """A JSON object in, a JSON object out; 409 for what no client could do."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return _json({"error": "the content type must be application/json"}, 415)
        try:
            return _json(await act(parse_object(await request.read())))
        except Impossible as error:
            return _json({"error": str(error)}, 409)
        except (NotJson, ValueError, TypeError) as error:
            return _json({"error": str(error)}, 400)

    return handle


def _is_loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ipaddress.ip_address(remote.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text")
    return value


def _flag(body: Json, name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _sending(body: Json) -> Sending:
    """The optional `sending` object, with the fields of deliver.Sending; times as ISO texts."""
    given: dict[str, Any] = dict(body.get("sending") or {})
    for name in ("create_time", "signed_at"):
        if name in given:
            given[name] = datetime.fromisoformat(given[name])
    return Sending(**given)


def _click_facts(click: Click, by: Person) -> Json:
    toast = click.toast
    told: Json = {"code": click.code, "why": click.answer.why, "event_id": click.event_id, "toast": None}
    if toast is not None:
        told["toast"] = {"type": toast.kind, "content": toast.said(by.language), "i18n": toast.i18n}
    told["replaced"] = click.card is not None
    return told


async def _lines(panel: Panel) -> list[str]:
    try:
        return await panel.provider()
    except Exception as error:  # a pane that fails says so, and the page lives on
        return [f"{type(error).__name__}: {error}"]


async def _page(request: web.Request) -> web.StreamResponse:
    return _file("index.html")


async def _asset(request: web.Request) -> web.StreamResponse:
    return _file(request.match_info["name"])


_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def _file(name: str) -> web.Response:
    path = _STATIC / name
    if not path.is_file():
        raise web.HTTPNotFound
    headers = {
        "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(body=path.read_bytes(), headers=headers)


def _json(value: Json, status: int = 200) -> web.Response:
    text = json.dumps(value, ensure_ascii=False)
    return web.Response(
        status=status, text=text, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
