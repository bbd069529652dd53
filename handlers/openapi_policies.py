"""The OpenAPI description of the people's interface of policies (handlers/policies.py)."""

from __future__ import annotations

from typing import Any

from bot.hindsight.replaying import DAYS, LIMIT, MOST_DAYS
from bot.policy.diff import ChangeKind
from bot.policy.lint import Severity
from models.enums import Layer, Level

Schema = dict[str, Any]

PERSON: list[Schema] = [{"personToken": []}]
AGENT = "/v1/agents/{agent}/policy"
FLOOR = "/v1/floor"


def paths() -> Schema:
    found: Schema = {}
    for root, name, what in ((AGENT, "Policy", "the agent's policy"), (FLOOR, "Floor", "the tenant's floor")):
        parameters = [_AGENT] if root == AGENT else []
        found |= {
            root: {
                "get": _operation(f"read{name}", f"Read {what}", _ref("Rules"), [*parameters, _IF_NONE_MATCH]),
                "put": _operation(
                    f"write{name}",
                    f"Replace {what} by a new version",
                    _ref("RulesWritten"),
                    [*parameters, _IF_MATCH, _NOTE],
                    body={
                        "type": "object",
                        "description": "A policy; its JSON Schema is served by GET /v1/policy/schema",
                    },
                    refusals=(*_WRITES, "422"),
                ),
            },
            f"{root}/history": {
                "get": _operation(
                    f"history{name}", "The versions, newest first", _ref("Versions"), [*parameters, _LIMIT]
                )
            },
            f"{root}/rollback": {
                "post": _operation(
                    f"rollback{name}",
                    "Say again what an older version said, as a new version",
                    _ref("RulesWritten"),
                    [*parameters, _IF_MATCH],
                    body=_object({"version": {"type": "integer", "minimum": 0}}, ["version"]),
                    refusals=(*_WRITES, "422"),
                )
            },
            f"{root}/test": {
                "post": _operation(
                    f"test{name}",
                    "What an action would get, in force or under a draft; nothing is recorded",
                    _ref("Tried"),
                    parameters,
                    body=_tried_body(),
                    refusals=("409", "422"),
                )
            },
            f"{root}/replay": {
                "post": _operation(
                    f"replay{name}",
                    "Past checks decided again under a draft; without one, under the rules in force",
                    _ref("Replay"),
                    parameters,
                    body=_replay_body(),
                    refusals=("409", "422"),
                )
            },
        }
        found[root]["get"]["responses"]["304"] = {"description": "The version that If-None-Match names is in force"}
        for method in ("get", "put"):
            found[root][method]["responses"]["200"]["headers"] = _ETAG
        found[f"{root}/rollback"]["post"]["responses"]["200"]["headers"] = _ETAG
    found["/v1/checks/{id}"] = {"get": _why()}
    found["/v1/policy/schema"] = {"get": _schema()}
    return found


def schemas() -> Schema:
    rules = {
        "agent": {"type": "string", "description": "Its name; floor for the floor"},
        "version": {"type": "integer"},
        "author": {"type": "string"},
        "at": _maybe({"type": "string", "format": "date-time"}),
        "note": _maybe({"type": "string"}),
        "default": _enum(Level),
        "rules": {"type": "array", "items": _open({"level": _enum(Level)}, ["level"])},
    }
    needed = ["agent", "version", "author", "at", "note", "rules"]
    return {
        "Rules": _open(rules, needed),
        "RulesWritten": _open(
            rules
            | {
                "changed": {"type": "boolean", "description": "false: the version in force says so already"},
                "changes": _list("RuleChange"),
                "findings": {"type": "array", "items": _finding()},
            },
            [*needed, "changed", "changes", "findings"],
        ),
        "RuleChange": _open(
            {
                "kind": _enum(ChangeKind),
                "rule": _maybe({"type": "string"}),
                "before": _maybe({"type": "string"}),
                "after": _maybe({"type": "string"}),
            },
            ["kind", "rule", "before", "after"],
        ),
        "Versions": _open({"versions": {"type": "array", "items": _version()}}, ["versions"]),
        "Tried": _tried(),
        "Replay": _replay(),
        "Why": _open(
            {
                "check_id": _maybe({"type": "string", "format": "uuid"}),
                "agent": {"type": "string"},
                "outcome": {"type": "string"},
                "decision": _open({"level": _enum(Level), "layer": _enum(Layer)}, ["level", "layer"]),
                "policy": _open({"version": {"type": "integer"}}, ["version"]),
                "timeline": {"type": "array", "items": {"type": "object"}},
                "deliveries": {"type": "array", "items": {"type": "object"}},
            },
            ["check_id", "agent", "outcome", "decision", "policy", "timeline", "deliveries"],
        ),
    }


def _operation(
    name: str,
    summary: str,
    answer: Schema,
    parameters: list[Schema],
    *,
    body: Schema | None = None,
    refusals: tuple[str, ...] = (),
) -> Schema:
    refused = {"400", "401", "403", "404", "409", "500", "503", *refusals}
    if body is not None:
        refused |= {"413", "415"}
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "security": PERSON,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": answer}}},
            **{status: {"$ref": "#/components/responses/Problem"} for status in sorted(refused)},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _why() -> Schema:
    check = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    check["description"] = "The id of a check or an approval, the beginning of it, or the code on the card"
    operation = _operation("why", "Why a check was answered as it was", _ref("Why"), [check])
    operation["security"] = [{"agentToken": []}, {"personToken": []}]
    return operation


def _schema() -> Schema:
    return {
        "operationId": "policySchema",
        "summary": "The JSON Schema of policies and floors",
        "security": [],
        "responses": {
            "200": {"description": "Done", "content": {"application/schema+json": {"schema": {"type": "object"}}}}
        },
    }


def _tried_body() -> Schema:
    return _object(
        {
            "action_type": {"type": "string", "minLength": 1},
            "details": {"type": ["object", "null"]},
            "requested_by": _maybe({"type": "string"}),
            "session": _maybe({"type": "string"}),
            "call_id": _maybe({"type": "string"}),
            "document": {"description": "A draft; absent: what is in force", "type": ["object", "null"]},
        },
        ["action_type"],
    )


def _replay_body() -> Schema:
    return _object(
        {
            "days": {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": DAYS},
            "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": LIMIT},
            "document": {"description": "A draft; absent: what is in force", "type": ["object", "null"]},
        },
        [],
    )


def _tried() -> Schema:
    return _open(
        {
            "agent": {"type": "string"},
            "level": _enum(Level),
            "layer": _enum(Layer),
            "rule": _maybe({"type": "string"}),
            "policy_version": {"type": "integer"},
            "floor_version": _maybe({"type": "integer"}),
            "floor_rule": _maybe({"type": "string"}),
            "floor_level": _enum(Level),
            "matched": _texts(),
            "faults": _texts(),
            "reason": {"type": "string"},
            "counted": {"type": "boolean", "description": "Whether budgets were looked up"},
        },
        ["agent", "level", "layer", "rule", "policy_version", "floor_level", "matched", "faults", "reason", "counted"],
    )


def _replay() -> Schema:
    return _open(
        {
            "subject": {"type": "string"},
            "headline": {"type": "string"},
            "checks": {"type": "integer"},
            "changes": {"type": "object", "additionalProperties": {"type": "integer"}},
            "questions": {"type": "object", "additionalProperties": {"type": "integer"}},
            "limited": {"type": "boolean"},
            "examples": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object"}}},
        },
        ["subject", "headline", "checks", "changes", "questions", "limited", "examples"],
    )


def _finding() -> Schema:
    return _open(
        {
            "severity": _enum(Severity),
            "code": {"type": "string"},
            "path": {"type": "string"},
            "rule": _maybe({"type": "string"}),
            "words": {"type": "string"},
        },
        ["severity", "code", "path", "rule", "words"],
    )


def _version() -> Schema:
    return _open(
        {
            "version": {"type": "integer"},
            "author": {"type": "string"},
            "at": {"type": "string", "format": "date-time"},
            "note": _maybe({"type": "string"}),
            "changes": _list("RuleChange"),
        },
        ["version", "author", "at", "note", "changes"],
    )


_WRITES = ("409", "412", "428")
_AGENT: Schema = {
    "name": "agent",
    "in": "path",
    "required": True,
    "description": "The agent's name or id",
    "schema": {"type": "string"},
}
_IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version that was read; * for whichever is in force",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH: Schema = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
_NOTE: Schema = {
    "name": "note",
    "in": "query",
    "description": "Why, for the history",
    "schema": {"type": "string", "maxLength": 500},
}
_LIMIT: Schema = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 20},
}
_ETAG: Schema = {"ETag": {"schema": {"type": "string"}, "description": 'The version in force: "v5"'}}


def _object(properties: Schema, required: list[str]) -> Schema:
    return _open(properties, required) | {"additionalProperties": False}


def _open(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _list(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _texts() -> Schema:
    return {"type": "array", "items": {"type": "string"}}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _enum(kind: type[Any]) -> Schema:
    return {"enum": [member.value for member in kind]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
