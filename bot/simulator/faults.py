"""Scripted misfortune: what the next calls of an endpoint meet instead of, before or after their normal answer."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.simulator.errors import ApiError
from bot.simulator.limits import gateway_limit

KINDS: Mapping[str, str] = {
    "answer": "refused with `status`, `code` and `msg`",
    "rate_limit": "refused with 99991400 and the header x-ogw-ratelimit-reset = `seconds`; `status` 429 or 400",
    "html": "HTTP `status` (default 502) with an HTML page",
    "empty": "HTTP 200 with an empty body",
    "garbage": "HTTP 200 with something that is not JSON",
    "reset": "the connection is cut before an answer",
    "half": "the connection is cut in the middle of the answer",
    "hang": "no answer for `seconds` (or until lifted), then the connection is cut",
    "slow": "the normal answer, `seconds` late (or when lifted)",
    "expire": "the caller's tokens end at this moment, so the call is answered with 99991663",
    "lost": "the call takes effect, then the connection is cut",
    "lost_html": "the call takes effect, then HTTP `status` (default 504) with an HTML page",
}
ENDPOINTS = (
    "token",
    "send",
    "reply",
    "patch",
    "urgent",
    "urgent_sms",
    "urgent_phone",
    "pin_bot",
    "read_users",
    "get",
    "recall",
    "users",
    "user",
    "bot",
    "card_update",
    "slash_commands",
)
CUTS = frozenset({"reset", "half", "hang", "lost"})
"""Kinds after which the caller has no whole answer."""
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>tengine</body></html>"

Handler = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(eq=False, slots=True)
class Fault:
    """One scripted fault, for the next `times` matching calls, or until lifted (None)."""

    kind: str
    endpoint: str = "any"
    times: int | None = 1
    app_id: str | None = None
    status: int | None = None
    code: int = 230099
    msg: str = "scripted by the simulator"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    """Real seconds; None waits until the fault is lifted."""
    used: int = 0
    """How many calls have met it."""
    lifted: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.endpoint not in (*ENDPOINTS, "any"):
            raise ValueError(f"unknown endpoint {self.endpoint!r}; there are {', '.join(ENDPOINTS)} and any")

    def meets(self, endpoint: str, app_id: str | None) -> bool:
        spent = self.times is not None and self.used >= self.times
        return (
            not spent
            and not self.lifted.is_set()
            and self.endpoint in ("any", endpoint)
            and self.app_id in (None, app_id)
        )

    def facts(self) -> dict[str, Any]:
        shown = ("kind", "endpoint", "times", "app_id", "status", "code", "msg", "seconds", "used")
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name in shown}


class FaultBook:
    """All faults in force, first come first served."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def lift(self, fault: Fault) -> None:
        """Ends it; calls that hang in it go on."""
        fault.lifted.set()
        if fault in self.faults:
            self.faults.remove(fault)

    def lift_all(self) -> None:
        for fault in list(self.faults):
            self.lift(fault)

    def take(self, endpoint: str, app_id: str | None) -> Fault | None:
        for fault in self.faults:
            if fault.meets(endpoint, app_id):
                fault.used += 1
                return fault
        return None


async def suffer(fault: Fault, request: web.Request, expire: Callable[[], None], normal: Handler) -> web.StreamResponse:
    """The answer under this fault. `normal` does the call, `expire` ends the caller's tokens."""
    match fault.kind:
        case "answer":
            raise ApiError(fault.code, fault.msg, status=fault.status or 400, headers=fault.headers)
        case "rate_limit":
            refusal = gateway_limit(wait=fault.seconds or 1.0, status=fault.status or 429)
            refusal.headers.update(fault.headers)
            raise refusal
        case "html":
            return _html(fault.status or 502)
        case "empty":
            return web.Response(status=200, content_type="application/json")
        case "garbage":
            return web.Response(text='{"code":0,"msg":"succ', content_type="application/json")
        case "reset":
            return cut(request)
        case "half":
            return await _half(request)
        case "hang":
            await _wait(fault)
            return cut(request)
        case "slow":
            await _wait(fault)
        case "expire":
            expire()
        case "lost":
            await normal()
            return cut(request)
        case "lost_html":
            await normal()
            return _html(fault.status or 504)
        case _:
            raise AssertionError(fault.kind)
    return await normal()


def cut(request: web.Request) -> web.Response:
    """Resets the connection; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "400"})
    await response.prepare(request)
    await response.write(b'{"code":0,"msg":"success","data":{"message_id":"om_')
    if request.transport is not None:
        request.transport.close()
    return response


async def _wait(fault: Fault) -> None:
    try:
        async with asyncio.timeout(fault.seconds):
            await fault.lifted.wait()
    except TimeoutError:
        pass


def _html(status: int) -> web.Response:
    return web.Response(status=status, text=_PAGE.format(status), content_type="text/html")
