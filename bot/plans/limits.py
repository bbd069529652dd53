"""How large a plan may be."""

from __future__ import annotations

from datetime import timedelta

QUESTIONS_LIMIT = 200
STEPS_LIMIT = 12
ASK_LIMIT = 20  # words of one step
GROUPS_LIMIT = 50
MEMBERS_LIMIT = 50  # of one group
GROUP_NAME = r"[A-Za-z0-9_-]{1,40}"
APPROVALS_LIMIT = 3
BUDGET_LIMIT = 100  # a day
LONGEST = timedelta(days=14)
"""A question is open for less: Feishu refuses to update an older card (feishu-protocol section 3)."""
