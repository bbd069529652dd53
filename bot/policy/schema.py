"""The JSON Schema (2020-12) of policies and floors, for editors and pipelines; docs/policy.schema.json is its copy.

It accepts every document that `parse_policy` accepts. It cannot check conditions, names that stand twice and rules that
are never reached: `assent policy lint` does.
"""

from __future__ import annotations

from bot.policy.facts import TEXT_LIMIT
from bot.policy.globs import PATTERN_LIMIT
from bot.policy.matching import MATCHERS
from bot.policy.reading import LABELS_LIMIT, NAME_LIMIT, NOTE_LIMIT, RULES_LIMIT
from models.enums import Level
from models.values import Json, JsonObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MEDIA_TYPE = "application/schema+json"

_UNSEEN = r"\u0000-\u001f\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_CLEAN = rf"^[^ {_UNSEEN}]([^{_UNSEEN}]*[^ {_UNSEEN}])?$"

_MATCHER_WORDS = {
    "action": "Pattern on the action type; * stands for any characters",
    "tool": "Pattern on details.tool; only * matches a request without one",
    "agent": "Pattern on the agent's name or id",
    "creator": "Pattern on the creator's id, e-mail address or a Feishu id",
    "requester": "Pattern on the same of the person for whom the agent says it acts",
    "tenant": "Pattern on the tenant",
    "session": "Pattern on the session",
}


def schema() -> JsonObject:
    return {
        "$schema": DIALECT,
        "$id": "urn:assent:policy",
        "title": "Assent policy",
        "description": "At which level an agent's action runs. docs/policy.md specifies the language.",
        "$ref": "#/$defs/policy",
        "$defs": {
            "policy": _form({"default": _ref("level")}),
            "floor": _form({}),
            "rules": {
                "description": "A map from pattern to level (more specific first), or a list (first match decides)",
                "anyOf": [
                    _map({}),
                    {"type": "array", "items": _ref("rule"), "maxItems": RULES_LIMIT},
                ],
            },
            "rule": _rule(),
            "pattern": {"type": "string", "minLength": 1, "maxLength": PATTERN_LIMIT, "pattern": _CLEAN},
            "level": {
                "description": "L1 runs; L2 runs and tells the creator; L3 asks a person; DENY never runs",
                "enum": [level.value for level in Level],
            },
        },
    }


def _form(beside: JsonObject) -> JsonObject:
    """The long form when there are `rules`, else the flat map. What an export says of itself may stand beside."""
    origin: JsonObject = {
        "$schema": {"type": "string"},
        "agent": {"type": "string", "description": "Whose policy was exported"},
        "version": {"type": "integer", "description": "The version that was exported; import refuses when it moved"},
        "author": {"type": "string"},
        "at": {"type": "string"},
        "note": {"type": ["string", "null"]},
    }
    return {
        "type": "object",
        "if": {"required": ["rules"]},
        "then": {"properties": {**beside, "rules": _ref("rules"), **origin}, "additionalProperties": False},
        "else": _map(beside),
    }


def _map(beside: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": beside,
        "propertyNames": _ref("pattern"),
        "additionalProperties": _ref("level"),
        "maxProperties": RULES_LIMIT + len(beside),
    }


def _rule() -> JsonObject:
    matchers: JsonObject = {name: {**_ref("pattern"), "description": _MATCHER_WORDS[name]} for name in MATCHERS}
    needed: list[Json] = [{"required": [name]} for name in (*MATCHERS, "labels", "when")]
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT},
            **matchers,
            "labels": {
                "description": "A pattern for each label of the agent; all must match",
                "type": "object",
                "minProperties": 1,
                "maxProperties": LABELS_LIMIT,
                "propertyNames": {"minLength": 1, "maxLength": NAME_LIMIT, "pattern": _CLEAN},
                "additionalProperties": _ref("pattern"),
            },
            "when": {
                "description": "A CEL expression that must hold",
                "type": "string",
                "minLength": 1,
                "maxLength": TEXT_LIMIT,
            },
            "level": _ref("level"),
            "note": {"type": "string", "minLength": 1, "maxLength": NOTE_LIMIT},
        },
        "required": ["level"],
        "anyOf": needed,
        "additionalProperties": False,
    }


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/$defs/{name}"}
