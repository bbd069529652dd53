"""Errors of the hook as problem documents (RFC 9457). Every code stands in PROBLEMS and in docs/errors.md."""

from __future__ import annotations

import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from uuid import uuid4

import structlog
from aiohttp import web

from models.values import Json

log = structlog.get_logger(__name__)

PROBLEMS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        # Who asks, and for what
        "unauthorized": (401, "The token is missing, unknown or no longer valid"),
        "forbidden": (403, "The person behind the token may not do this"),
        "not_found": (404, "There is no such thing, or not for whoever asks"),
        "method_not_allowed": (405, "This address does not take this method"),
        # The request as HTTP
        "bad_request": (400, "The request cannot be understood"),
        "invalid_header": (400, "A header or query parameter cannot be understood"),
        "idempotency_key_invalid": (400, "The Idempotency-Key cannot be used"),
        "body_too_large": (413, "The body is larger than 256 KiB"),
        "unsupported_media_type": (415, "The body is not sent as application/json"),
        # The body
        "invalid_json": (400, "The body is not JSON"),
        "invalid_args": (400, "The arguments are neither JSON nor the text of a Python dict"),
        "duplicate_key": (400, "An object names the same member twice"),
        "nul_character": (400, "A text holds the character U+0000"),
        "lone_surrogate": (400, "A text holds half of a surrogate pair"),
        "too_deep": (400, "The body is nested deeper than 32 levels"),
        "number_out_of_range": (400, "A number is outside what every JSON reader keeps exact"),
        "unknown_member": (400, "The body has a member that this call does not know"),
        "missing": (400, "A required member is missing"),
        "wrong_type": (400, "A member has the wrong type"),
        "empty": (400, "A member is empty"),
        "too_long": (400, "A member is too long"),
        "not_printable": (400, "A member holds control or invisible characters"),
        "conflict": (400, "Two members contradict each other"),
        "invalid_field": (400, "A member has a value that is not possible"),
        "not_canonical": (400, "The request has no RFC 8785 form, so it cannot be hashed"),
        # Idempotency-Key
        "idempotency_in_progress": (409, "A check with the same Idempotency-Key is under way"),
        "idempotency_mismatch": (422, "The Idempotency-Key was used for another request"),
        # Approvals
        "already_claimed": (409, "The one go-ahead of this approval was already given"),
        "not_approved": (409, "The approval request is not approved"),
        "digest_mismatch": (409, "The action is not the one that was approved"),
        "claim_lapsed": (409, "The approval was not claimed in time"),
        "service_executes": (409, "The service executes this action itself"),
        "denied_now": (409, "The policy or the agent's state denies the action now"),
        "frozen": (409, "Everything stands still for now"),
        "not_pending": (409, "The approval request is no longer pending"),
        "not_claimed": (409, "The approval was not claimed, so it has no outcome"),
        "not_allowed": (409, "The check was not allowed at once"),
        "outcome_known": (409, "The outcome was already reported"),
        "outcome_late": (409, "The outcome comes too late"),
        # Policies
        "precondition_required": (428, "The write does not say which version it replaces"),
        "version_moved": (412, "Somebody else wrote a newer version meanwhile"),
        "invalid_policy": (422, "The document is no policy"),
        "archived": (409, "The agent is archived and can no longer be changed"),
        "ambiguous": (409, "The name or short id fits more than one"),
        # How much
        "too_many_checks": (429, "The agent sends more checks than it may"),
        "too_many_pending": (429, "Too many of the agent's questions wait for people"),
        # Us
        "busy": (503, "The gate is overloaded; nothing was allowed"),
        "not_ready": (503, "The service cannot do its work yet, or any more"),
        "internal": (500, "Something went wrong here; nothing was allowed"),
    }
)
"""code → status and title. The title never changes for a code (RFC 9457, 3.1.3); `detail` tells the single case."""

BUSY_RETRY_AFTER = 1
"""Seconds that a caller who is told `busy` or `internal` should wait at least."""

_OURS = frozenset({"type", "title", "status", "code", "detail", "field", "instance"})

_HTTP_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    503: "busy",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Json,
) -> web.Response:
    """A problem document. `field` names the member of the request at fault; `extra` are further members.

    A code has one status, that of PROBLEMS; it wins over `status`, so that callers cannot answer one code in two ways.
    Raises ValueError for a code that is not in PROBLEMS, or an extra member with a name of ours.
    """
    if code not in PROBLEMS:
        raise ValueError(f"no problem {code} (wanted with status {status}): add it to PROBLEMS and docs/errors.md")
    status, title = PROBLEMS[code]
    if taken := _OURS & extra.keys():
        raise ValueError(f"reserved members: {sorted(taken)}")
    body: dict[str, Json] = {"type": f"/problems/{code}", "title": title, "status": status, "code": code}
    body["detail"] = detail
    if field is not None:
        body["field"] = field
    response = web.Response(
        status=status,
        body=json.dumps(body | extra, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} | dict(headers or {}),
        content_type="application/problem+json",
    )
    if code in ("busy", "internal"):
        response.headers.setdefault("Retry-After", str(BUSY_RETRY_AFTER))
    return response


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """HTTP errors under /v1 become problem documents; an unexpected fault anywhere is logged, never shown."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or not _is_hook(request):
            raise
        return _from_http(error)
    except Exception as fault:
        instance = _logged(request, fault)
        if _is_hook(request):
            return problem(
                500, "internal", "Nothing was allowed. Ask whoever runs the service, naming the error id.",
                error_id=instance,
            )  # fmt: skip
        return web.Response(
            status=500,
            text=f"500: something went wrong here. Error id: {instance}\n",
            headers={"Cache-Control": "no-store"},
        )


def _is_hook(request: web.Request) -> bool:
    return request.path == "/v1" or request.path.startswith("/v1/")


def _from_http(error: web.HTTPException) -> web.Response:
    code = _HTTP_CODES.get(error.status, "internal" if error.status >= 500 else "bad_request")
    status, title = PROBLEMS[code]
    headers = {
        name: error.headers[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in error.headers
    }
    return problem(status, code, f"{title}.", headers=headers)


def _logged(request: web.Request, fault: Exception) -> str:
    """The id under which the fault stands in the log. Its message stays out: it may quote a token or arguments."""
    instance = uuid4().hex
    route = request.match_info.route.resource
    log.error(
        "request.failed",
        error_id=instance,
        method=request.method,
        route=route.canonical if route else None,
        fault=f"{type(fault).__module__}.{type(fault).__qualname__}",
        stack="\n".join(_frames(fault)),
    )
    return instance


def _frames(fault: BaseException) -> list[str]:
    """file:line function of every frame, innermost last, of the fault and of what caused it."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(fault.__traceback__)]
    cause = fault.__cause__ or fault.__context__
    return frames if cause is None else [*_frames(cause), f"then {type(fault).__qualname__}", *frames]
