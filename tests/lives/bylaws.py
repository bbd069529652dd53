"""What is asked of whom, and how often anybody may be troubled: the plan and the policy of the town."""

from __future__ import annotations

from datetime import time
from typing import Any

THREADS, PINS, BUZZES, SMS = 6, 3, 2, 1
"""Per person and day."""
NOTICES = 6
"""Per person, agent and hour; what is beyond comes as one summary."""
QUIET = (time(22), time(7))
"""In China's time; critical requests pass."""
ACTIONS = ("pay_invoice", "delete_files", "send_report", "modify_soul")
SELDOM = "write_note"
"""Runs without a question, and is told."""
POLICY = {"*": "L3", "write_*": "L2"}
PLAN: dict[str, Any] = {
    "quiet": {"hours": "22:00-07:00", "days": "1234567", "critical_passes": True},
    "budgets": {"thread": THREADS, "pin": PINS, "urgent_app": BUZZES, "urgent_sms": SMS},
    "groups": {"finance": ["wang@town.example", "zhao@town.example"]},
    "questions": [
        {
            "action": "pay_*",
            "severity": "critical",
            "approvals": 2,
            "separate_duties": True,
            "open_for": "24h",
            "ending": "reject",
            "steps": [
                {"after": "0m", "ask": ["creator", "group:finance"]},
                {"after": "1h", "nudge": "urgent_app"},
                {"after": "4h", "ask": ["backup", "leader", "admins"], "nudge": "urgent_sms"},
            ],
        },
        {
            "action": "delete_*",
            "severity": "high",
            "open_for": "12h",
            "steps": [
                {"after": "0m", "ask": ["creator"]},
                {"after": "30m", "nudge": "thread"},
                {"after": "2h", "ask": ["backup"], "nudge": "pin"},
                {"after": "6h", "ask": ["admins"], "nudge": "thread"},
            ],
        },
    ],
    "default": {
        "open_for": "36h",
        "ending": "expire",
        "steps": [
            {"after": "0m", "ask": ["creator"]},
            {"after": "1h", "nudge": "thread"},
            {"after": "8h", "ask": ["admins"], "nudge": "thread"},
        ],
    },
}
