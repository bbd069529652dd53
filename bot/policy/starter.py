"""The policy that a new agent starts with, and the floor of a tenant that has written none."""

from __future__ import annotations

from functools import lru_cache

from bot.policy.parse import parse_floor, parse_policy
from bot.policy.rules import Floor, Policy
from models.enums import Level
from models.values import Json, JsonObject

STARTER: JsonObject = {
    "read_files": "L1",
    "write_workspace_files": "L2",
    "send_feishu_message": "L2",
    "send_external_message": "L3",
    "modify_soul": "L3",
    "access_business_system_read": "L2",
    "access_business_system_write": "L3",
    "delete_files": "L3",
    "create_calendar_event": "L2",
    "financial_operations": "L3",
}

IRREVERSIBLE: dict[str, tuple[str, ...]] = {
    "delete": ("*delete*", "*remove*", "*destroy*", "*purge*", "*erase*", "*wipe*", "*truncate*", "drop_*", "*_drop_*"),
    "pay": (
        *("pay", "pay_*", "*_pay", "*_pay_*", "*payment*", "*payout*", "*transfer*", "*refund*", "*withdraw*"),
        *("*purchase*", "financial_*"),
    ),
    "send outside": ("send_external*", "*_send_external*", "*publish*", "*share_external*", "*share_public*"),
    "change permissions": (
        *("*permission*", "grant_*", "*_grant_*", "*access_control*", "*_role", "*_roles", "*add_admin*", "chmod*"),
        *("chown*", "modify_soul*", "*_modify_soul*"),
    ),
}
"""Families of actions that cannot be taken back, by their names."""

_LOOKING = "get|list|read|show|view|search|find|count|describe|check|preview|query"
_LOOKS = f"^([A-Za-z0-9_-]*(__|[.:/]))?({_LOOKING})[_A-Z]"
_AND_MORE = "^.*(_and_|_then_|And[A-Z]|Then[A-Z])"


@lru_cache(4)
def starter_policy(default: Level = Level.L2) -> Policy:
    """Version 1 of a new agent's policy; any other action type takes `default`."""
    return parse_policy(STARTER, default=default, version=1)


@lru_cache(1)
def starter_floor() -> Floor:
    """Version 0, in force for every tenant that wrote no floor: a person is asked before what cannot be taken back."""
    return parse_floor(starter_floor_document())


def starter_floor_document() -> JsonObject:
    rules: list[Json] = [
        {
            matcher: pattern,
            "when": f'!{matcher}.matches("{_LOOKS}") || {matcher}.matches("{_AND_MORE}")',
            "level": "L3",
            "note": family,
        }
        for matcher in ("action", "tool")
        for family, patterns in IRREVERSIBLE.items()
        for pattern in patterns
    ]
    return {"rules": rules}
