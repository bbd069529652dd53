"""Every table, for Tortoise's discovery."""

from __future__ import annotations

from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy, Consent, IdempotentCheck
from models.asking import AskingPlanVersion, NoticeHour, NudgeDay, QueueCard
from models.audit import AuditEntry, AuditWriter
from models.feishu import FeishuApp, FeishuIdentity
from models.grant import Grant, Review
from models.inbound import InboundRecord
from models.notification import Installation, Notification, OneTimeSecret
from models.outbox import OutboxMessage
from models.policy import FloorVersion, Freeze, GateEpoch, Meter, PolicyVersion, Tally
from models.user import AccessToken, User

__all__ = [
    "AccessToken",
    "Agent",
    "ApprovalRequest",
    "AskingPlanVersion",
    "AuditEntry",
    "AuditWriter",
    "CardCopy",
    "Consent",
    "FeishuApp",
    "FeishuIdentity",
    "FloorVersion",
    "Freeze",
    "GateEpoch",
    "Grant",
    "IdempotentCheck",
    "InboundRecord",
    "Installation",
    "Meter",
    "NoticeHour",
    "Notification",
    "NudgeDay",
    "OneTimeSecret",
    "OutboxMessage",
    "PolicyVersion",
    "QueueCard",
    "Review",
    "Tally",
    "User",
]

# Tortoise copies docstrings into the schema as comments: a reworded sentence would need a migration, and a semicolon
# in one breaks the migration on SQLite.
for _table in __all__:
    globals()[_table]._meta.table_description = ""
