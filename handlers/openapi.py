"""The OpenAPI 3.1 document of the hook, and the route that serves it. Kept beside the handlers it describes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.asking.parsing import ACTION_TYPE_LIMIT, NAME_LIMIT, REASON_LIMIT
from bot.policy.matching import MATCHERS
from handlers import openapi_policies
from handlers.errors import PROBLEMS
from handlers.headers import KEY_LIMIT, MAX_WAIT
from models.enums import ApprovalStatus, CheckStatus, Delivery, ExecutionStatus, Executor, Layer, Level, Via

VERSION = "1.0"

Schema = dict[str, Any]


def document() -> Schema:
    """The whole document; what it says is checked against live answers by the tests."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Assent hook",
            "version": VERSION,
            "description": "Agents ask before they act (docs/http-hook.md); people keep policies (docs/policy-api.md).",
        },
        "security": [{"agentToken": []}],
        "paths": _paths() | openapi_policies.paths(),
        "components": {
            "securitySchemes": {
                "agentToken": {"type": "http", "scheme": "bearer", "description": "ast_…, of an agent"},
                "personToken": {"type": "http", "scheme": "bearer", "description": "asp_…, of a person"},
            },
            "schemas": _schemas() | openapi_policies.schemas(),
            "responses": {"Problem": _problem_response()},
        },
    }


def openapi_route() -> web.RouteDef:
    body = document()

    async def serve(request: web.Request) -> web.Response:
        return web.json_response(body)

    return web.get("/v1/openapi.json", serve)


def _paths() -> Schema:
    return {
        "/v1/check": {"post": _check()},
        "/v1/policy": {"get": _operation("policy", "The caller's policy in force", _ref("Policy"))},
        "/v1/approvals/{id}": {
            "get": _operation(
                "look",
                "One approval of the caller",
                _ref("Approval"),
                parameters=[_ID, _WAIT, _PREFER],
                refusals=("404",),
            )
        },
        "/v1/approvals/{id}/claim": {
            "post": _operation(
                "claim",
                "The one go-ahead",
                _ref("Answer"),
                parameters=[_ID],
                body=_ref("Claim"),
                refusals=("404", "409"),
            )
        },
        "/v1/approvals/{id}/outcome": {
            "post": _operation(
                "outcome",
                "What became of it",
                _ref("Approval"),
                parameters=[_ID],
                body=_ref("Outcome"),
                refusals=("404", "409"),
            )
        },
        "/v1/checks/{id}/outcome": {
            "post": _operation(
                "checkOutcome",
                "What became of an action that was allowed at once",
                {
                    "type": "object",
                    "required": ["check_id", "status", "at"],
                    "properties": {
                        "check_id": {"type": "string", "format": "uuid"},
                        "status": {"enum": ["succeeded", "failed"]},
                        "at": {"type": "string", "format": "date-time"},
                    },
                },
                parameters=[_ID],
                body=_ref("Outcome"),
                refusals=("404", "409"),
            )
        },
        "/v1/approvals/{id}/cancel": {
            "post": _operation(
                "cancel",
                "Withdraw a pending request",
                _ref("Approval"),
                parameters=[_ID],
                body=_ref("Cancel"),
                refusals=("404", "409"),
            )
        },
    }


def _check() -> Schema:
    operation = _operation(
        "check",
        "Ask before acting",
        {"anyOf": [_ref("Answer"), _ref("Rehearsal")]},
        parameters=[_PREFER, _KEY, _DRY_RUN],
        body=_ref("Ask"),
        refusals=("409", "422"),
    )
    operation["responses"]["429"] = _LIMITED
    operation["responses"]["202"] = {
        "description": "Pending: repeat the same call, or watch `Location`",
        "headers": {"Location": _header("string"), "Retry-After": _header("integer")},
        "content": {"application/json": {"schema": _ref("Answer")}},
    }
    return operation


def _operation(
    name: str,
    summary: str,
    answer: Schema,
    *,
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
    refusals: tuple[str, ...] = (),
) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": answer}}},
            **{status: {"$ref": "#/components/responses/Problem"} for status in sorted({*_ALWAYS, *refusals})},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        for status in ("413", "415"):
            operation["responses"][status] = {"$ref": "#/components/responses/Problem"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _schemas() -> Schema:
    return {
        "Ask": _object(
            {
                "action_type": _string(1, ACTION_TYPE_LIMIT),
                "details": {
                    "type": ["object", "null"],
                    "description": "`tool`, `args` (an object, its JSON text or the text of a Python dict), `reason`;"
                    " the rest is yours",
                    "properties": {
                        "tool": _maybe(_string(1, NAME_LIMIT)),
                        "args": {"type": ["object", "string", "null"]},
                        "reason": _maybe(_string(0, REASON_LIMIT)),
                        "requested_by": _maybe(_string(1, NAME_LIMIT)),
                    },
                },
                "requested_by": _maybe(_string(1, NAME_LIMIT)),
                "session": _maybe(_string(0, NAME_LIMIT)),
                "call_id": _maybe(_string(0, NAME_LIMIT)),
            },
            required=["action_type"],
            closed=True,
        ),
        "Answer": _object(
            {
                "allowed": {"type": "boolean"},
                "level": _enum(Level),
                "status": _enum(CheckStatus),
                "approval_id": _maybe(_UUID),
                "message": {"type": "string"},
                "check_id": _UUID,
                "rule": _maybe({"type": "string"}),
                "policy_version": _maybe({"type": "integer"}),
                "action_digest": _DIGEST,
                "code": {"type": "string", "pattern": "^[0-9a-f]{6}$"},
                "layer": _maybe(_enum(Layer)),
                "would_be": _enum(Level),
                "grant_id": _UUID,
                "frozen_until": _TIME,
                "expires_at": _maybe(_TIME),
                "reason": _maybe({"type": "string"}),
                "delivery": _maybe(_enum(Delivery)),
                "seen_at": _maybe(_TIME),
                "preset": _maybe({"type": "string"}),
                "amended": _ref("Amended"),
                "execution": _ref("Execution"),
            },
            required=["allowed", "level", "status", "message", "check_id", "action_digest", "code"],
        ),
        "Rehearsal": _object(
            {
                "dry_run": {"const": True},
                "allowed": {"const": False},
                "would": {"enum": ["allowed", "pending", "denied"]},
                "level": _enum(Level),
                "rule": _maybe({"type": "string"}),
                "policy_version": {"type": "integer"},
                "action_digest": _DIGEST,
                "code": {"type": "string"},
                "message": {"type": "string"},
            },
            required=["dry_run", "allowed", "would", "level", "action_digest"],
        ),
        "Approval": _object(
            {
                "approval_id": _UUID,
                "status": _enum(ApprovalStatus),
                "action_type": {"type": "string"},
                "tool": _maybe({"type": "string"}),
                "action_digest": _DIGEST,
                "code": {"type": "string"},
                "created_at": _TIME,
                "expires_at": _TIME,
                "resolution": _maybe(
                    _object(
                        {
                            "at": _TIME,
                            "by": _maybe({"type": "string"}),
                            "via": _enum(Via),
                            "reason": _maybe({"type": "string"}),
                            "preset": _maybe({"type": "string"}),
                        },
                        required=["at", "via"],
                    )
                ),
                "amended": _maybe(_ref("Amended")),
                "claimed_at": _maybe(_TIME),
                "claim_expires_at": _maybe(_TIME),
                "executor": _enum(Executor),
                "execution": _ref("Execution"),
                "delivery": _object(
                    {
                        "state": _enum(Delivery),
                        "detail": _maybe({"type": "string"}),
                        "seen_at": _maybe(_TIME),
                        "reached": {"type": "integer", "minimum": 0, "description": "people who have it; GET only"},
                    },
                    ["state"],
                ),
            },
            required=["approval_id", "status", "action_digest", "execution", "delivery", "expires_at"],
        ),
        "Amended": _object(
            {
                "details": {"type": "object", "description": "what a person made of `details`; send exactly this"},
                "action_digest": _DIGEST,
            },
            required=["details", "action_digest"],
        ),
        "Execution": _object(
            {
                "status": _enum(ExecutionStatus),
                "started_at": _maybe(_TIME),
                "finished_at": _maybe(_TIME),
                "result": {},
                "error": _maybe({"type": "string"}),
            },
            required=["status"],
        ),
        "Policy": _object(
            {
                "agent": {"type": "string"},
                "paused": {"type": "boolean"},
                "version": {"type": "integer"},
                "default": _enum(Level),
                "rules": {
                    "type": "array",
                    "items": _object(
                        {name: {"type": "string"} for name in ("name", *MATCHERS, "when", "note")}
                        | {"labels": {"type": "object"}, "level": _enum(Level)},
                        ["level"],
                    ),
                },
            },
            required=["agent", "paused", "version", "default", "rules"],
        ),
        "Claim": _object({"action_digest": _DIGEST}, required=["action_digest"], closed=True),
        "Outcome": _object(
            {"status": {"enum": ["succeeded", "failed"]}, "result": {}, "error": _maybe(_string(0, 4000))},
            required=["status"],
            closed=True,
        ),
        "Cancel": _object({"reason": _maybe(_string(0, 4000))}, required=[], closed=True),
        "Problem": _object(
            {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "code": {"enum": sorted(PROBLEMS)},
                "detail": {"type": "string"},
                "field": {"type": "string"},
            },
            required=["type", "title", "status", "code", "detail"],
        ),
    }


_ALWAYS = ("400", "401", "500", "503")
_LIMITED = {
    "description": "The agent asks too much; `Retry-After` says when to ask again",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_UUID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_ID: Schema = {"name": "id", "in": "path", "required": True, "schema": _UUID}
_WAIT: Schema = {
    "name": "wait",
    "in": "query",
    "description": f"Hold for up to so many seconds, at most {MAX_WAIT}",
    "schema": {"type": "integer", "minimum": 0},
}
_PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": f"`wait=N` holds a pending answer for up to N seconds, at most {MAX_WAIT} (RFC 7240)",
    "schema": {"type": "string"},
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key gives the stored answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT + 2},
}
_DRY_RUN: Schema = {
    "name": "dry_run",
    "in": "query",
    "description": "1: say what a check would decide; nothing is recorded and nobody is asked",
    "schema": {"enum": ["0", "1", "true", "false"]},
}


def _object(properties: Schema, required: list[str], *, closed: bool = False) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if closed:
        schema["additionalProperties"] = False
    return schema


def _string(shortest: int, longest: int) -> Schema:
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _enum(kind: type[Any]) -> Schema:
    return {"enum": [member.value for member in kind]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _header(kind: str) -> Schema:
    return {"schema": {"type": kind}}


def _problem_response() -> Schema:
    return {
        "description": "Why not, with a stable `code` (docs/errors.md)",
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }
