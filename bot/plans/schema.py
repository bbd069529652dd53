"""The JSON Schema (2020-12) of asking plans, for editors and pipelines; docs/asking-plan.schema.json is its copy.

It accepts every document that `parse_plan` accepts. It cannot check conditions, the order of steps, groups that are
named and not listed, and questions that are never reached: `assent plan lint` does.
"""

from __future__ import annotations

from bot.plans.limits import (
    APPROVALS_LIMIT,
    ASK_LIMIT,
    BUDGET_LIMIT,
    GROUP_NAME,
    GROUPS_LIMIT,
    MEMBERS_LIMIT,
    QUESTIONS_LIMIT,
    STEPS_LIMIT,
)
from bot.plans.terms import ROLES
from bot.policy.matching import MATCHERS
from bot.policy.schema import DIALECT
from bot.policy.schema import schema as policy_schema
from models.enums import Ending, Nudge, Severity
from models.values import Json, JsonObject

_EMAIL = r"^[^@\s:,]{1,64}@[^@\s:,]{1,189}$"
_LENGTH = r"^\s*([0-9][0-9 ]*[dhmsDHMS] *)+\s*$"
_HOURS = "^(never|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])$"
_DAYS = "^(?=.)1?2?3?4?5?6?7?$"


def schema() -> JsonObject:
    return {
        "$schema": DIALECT,
        "$id": "urn:assent:asking-plan",
        "title": "Assent asking plan",
        "description": "Who is asked when, how people are reminded, how a question ends. docs/asking.md specifies it.",
        "type": "object",
        "properties": {
            "quiet": _quiet(),
            "budgets": _budgets(),
            "groups": _groups(),
            "questions": {
                "description": "The first that matches decides",
                "type": "array",
                "items": _ref("question"),
                "maxItems": QUESTIONS_LIMIT,
            },
            "severities": {
                "description": "What questions of a severity take that leave it out; it stands over the default",
                "type": "object",
                "properties": {severity.value: _severity() for severity in Severity},
                "additionalProperties": False,
            },
            "default": {
                "description": "For what no question matches; a question takes from it what it leaves out",
                "type": "object",
                "properties": _terms(),
                "additionalProperties": False,
            },
            **_origin(),
        },
        "additionalProperties": False,
        "$defs": {"question": _question(), "step": _step(), "ask": _ask(), "length": _length(), **_from_policies()},
    }


def _from_policies() -> JsonObject:
    definitions = policy_schema()["$defs"]
    return {"pattern": definitions["pattern"]} if isinstance(definitions, dict) else {}


def _origin() -> JsonObject:
    """What an export says of itself."""
    return {
        "$schema": {"type": "string"},
        "tenant": {"type": "string", "description": "Whose plan was exported"},
        "version": {"type": "integer", "description": "The version that was exported; import refuses when it moved"},
        "author": {"type": "string"},
        "at": {"type": ["string", "null"]},
        "note": {"type": ["string", "null"]},
    }


def _question() -> JsonObject:
    """Matched as a rule of a policy is."""
    definitions = policy_schema()["$defs"]
    rule = definitions["rule"] if isinstance(definitions, dict) else None
    told = rule["properties"] if isinstance(rule, dict) else None
    members: JsonObject = dict(told) if isinstance(told, dict) else {}
    matchers = {name: members[name] for name in ("name", *MATCHERS, "labels", "when")}
    needed: list[Json] = [{"required": [name]} for name in (*MATCHERS, "labels", "when")]
    return {
        "type": "object",
        "properties": {**matchers, **_terms()},
        "anyOf": needed,
        "additionalProperties": False,
    }


def _severity() -> JsonObject:
    members = {name: member for name, member in _terms().items() if name != "severity"}
    return {"type": "object", "properties": members, "additionalProperties": False}


def _terms() -> JsonObject:
    return {
        "severity": {
            "description": "Left out: high when the floor asks or the action deletes, pays or sends, else normal",
            "enum": [severity.value for severity in Severity],
        },
        "approvals": {
            "description": "How many distinct people must approve",
            "type": "integer",
            "minimum": 1,
            "maximum": APPROVALS_LIMIT,
        },
        "separate_duties": {"description": "The requester is none of them", "type": "boolean"},
        "open_for": {**_ref("length"), "description": "How long the question is open, less than 14d"},
        "ending": {
            "description": "What happens when nobody decides in time; never approval",
            "enum": [ending.value for ending in Ending],
        },
        "steps": {
            "description": "The first asks somebody at once",
            "type": "array",
            "items": _ref("step"),
            "minItems": 1,
            "maxItems": STEPS_LIMIT,
        },
    }


def _step() -> JsonObject:
    return {
        "type": "object",
        "properties": {
            "after": {**_ref("length"), "description": "How long after the question was opened"},
            "ask": {"type": "array", "items": _ref("ask"), "minItems": 1, "maxItems": ASK_LIMIT, "uniqueItems": True},
            "nudge": {
                "description": "How everybody who was asked and has not answered is reminded",
                "enum": [nudge.value for nudge in Nudge],
            },
        },
        "required": ["after"],
        "anyOf": [{"required": ["ask"]}, {"required": ["nudge"]}],
        "additionalProperties": False,
    }


def _ask() -> JsonObject:
    return {
        "description": "Whom to ask",
        "anyOf": [
            {"enum": list(ROLES)},
            {"type": "string", "pattern": f"^group:{GROUP_NAME}$"},
            {"type": "string", "pattern": _EMAIL.replace("^", "^person:", 1)},
        ],
    }


def _groups() -> JsonObject:
    return {
        "description": "People by e-mail address, asked privately, each with a card of their own",
        "type": "object",
        "propertyNames": {"pattern": f"^{GROUP_NAME}$"},
        "additionalProperties": {
            "type": "array",
            "items": {"type": "string", "pattern": _EMAIL},
            "minItems": 1,
            "maxItems": MEMBERS_LIMIT,
        },
        "maxProperties": GROUPS_LIMIT,
    }


def _budgets() -> JsonObject:
    budget: JsonObject = {"type": "integer", "minimum": 0, "maximum": BUDGET_LIMIT}
    return {
        "description": "How often a day one person may be reminded in each way; 0 turns it off",
        "type": "object",
        "properties": {nudge.value: budget for nudge in Nudge},
        "additionalProperties": False,
    }


def _quiet() -> JsonObject:
    return {
        "description": "When people are left alone; a person's own settings stand over it",
        "type": "object",
        "properties": {
            "hours": {"type": "string", "pattern": _HOURS, "description": "Local hours, or never"},
            "days": {"type": "string", "pattern": _DAYS, "description": "Working days; Monday is 1"},
            "critical_passes": {"type": "boolean", "description": "Critical questions may disturb all the same"},
        },
        "additionalProperties": False,
    }


def _length() -> JsonObject:
    return {"description": "Such as 90s, 30m, 2h or 1d12h", "type": "string", "pattern": _LENGTH}


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/$defs/{name}"}
