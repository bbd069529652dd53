"""Bodies of requests: read within limits, strictly decoded, and every fault that a caller can cause as a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

from bot.asking.parsing import BODY_LIMIT, BadAsk
from bot.asking.strict_json import NotStrict, decode
from bot.database.outage import is_outage
from bot.digest import NotCanonical
from bot.directory import CredentialRefused
from handlers.errors import problem
from handlers.headers import BadHeader
from models.values import Json, JsonObject

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def read_body(request: web.Request) -> bytes:
    """The bytes of a body that is sent as JSON. Raises BadAsk."""
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise BadAsk("Content-Type", "send application/json", "unsupported_media_type")
    try:
        body: bytes | None = await request.read()
    except web.HTTPRequestEntityTooLarge:
        body = None
    except web.RequestPayloadError:  # not encoded as its headers say
        raise BadAsk("body", "cannot be read as its headers say that it is encoded", "bad_request") from None
    if body is None or len(body) > BODY_LIMIT:
        raise BadAsk("body", f"larger than {BODY_LIMIT // 1024} KiB", "body_too_large")
    return body


async def json_body(request: web.Request, *, absent: bytes | None = None) -> Json:
    """The value of a JSON body; an empty one stands for `absent` where that is given. Raises BadAsk."""
    body = b"" if absent is not None and not request.can_read_body else await read_body(request)
    try:
        return decode(body or absent or b"")
    except NotStrict as fault:
        raise BadAsk(fault.fault.path or "body", fault.fault.detail, fault.fault.flaw) from None


async def json_object(
    request: web.Request, *, required: set[str], optional: set[str], absent: bytes | None = None
) -> JsonObject:
    """A JSON object with just these members. Raises BadAsk."""
    body = await json_body(request, absent=absent)
    if not isinstance(body, dict):
        raise BadAsk("body", "send a JSON object", "invalid_field")
    for name in body.keys() - required - optional:
        raise BadAsk(name, "no such member", "unknown_member")
    for name in required - body.keys():
        raise BadAsk(name, f"{name} is required", "missing")
    return body


def whole_number(body: JsonObject, name: str, *, least: int, most: int) -> int | None:
    """The member, or None where it is absent. Raises BadAsk."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadAsk(name, f"{name} is a whole number", "wrong_type")
    if not least <= value <= most:
        raise BadAsk(name, f"{name} is {least} to {most}", "invalid_field")
    return value


def json_answer(body: Json, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def guarded(handler: Handler, *, credential: str) -> Handler:
    """Faults that a caller can cause become the problem documents that name them. `credential` says what to send."""

    async def guard(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except CredentialRefused:
            return problem(401, "unauthorized", credential, headers={"WWW-Authenticate": "Bearer"})
        except BadAsk as fault:
            return problem(400, fault.code, fault.detail, field=fault.field)
        except BadHeader as fault:
            return problem(400, "invalid_header", fault.detail, field=fault.name)
        except NotCanonical as fault:
            return problem(400, "not_canonical", fault.why, field=fault.path)
        except Exception as fault:
            if not is_outage(fault):
                raise
            log.error("http.database_away", fault=type(fault).__name__)
            return problem(503, "busy", "The database does not answer; nothing was changed. Try again.")

    return guard
