"""The policy that a new agent starts with."""

from __future__ import annotations

from bot.policy.parse import parse_policy
from bot.policy.rules import Policy
from models.enums import Level
from models.values import JsonObject

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


def starter_policy(default: Level = Level.L2) -> Policy:
    """Version 1 of a new agent's policy; any other action type takes `default`."""
    return parse_policy(STARTER, default=default, version=1)
