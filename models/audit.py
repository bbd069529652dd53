"""The audit: append-only facts, hash-chained per writer."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class AuditWriter(Model):
    """One chain. A process opens its own; `seq` and `head` move in the transaction of the entries themselves."""

    id = fields.CharField(max_length=36, primary_key=True)
    seq = fields.BigIntField(default=0)
    head = fields.CharField(max_length=64)
    opened_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "audit_writers"


class AuditEntry(Model):
    """One fact: actor, action, subject, details, time. `details` is the exact JSON text that was hashed."""

    id = fields.BigIntField(primary_key=True)
    writer = fields.CharField(max_length=36)
    seq = fields.BigIntField()
    prev = fields.CharField(max_length=64)
    hash = fields.CharField(max_length=64)
    at = fields.DatetimeField()
    tenant = fields.CharField(max_length=64)
    actor = fields.CharField(max_length=120)  # "agent:<id>", "user:<id>", "system", "cli:<login>"
    action = fields.CharField(max_length=60)  # "check.allowed", "approval.resolved" …
    subject = fields.CharField(max_length=120)
    agent_id: UUID | None = fields.UUIDField(null=True)
    approval_id: UUID | None = fields.UUIDField(null=True)
    details = fields.TextField()

    class Meta(Model.Meta):
        table = "audit_entries"
        unique_together = (("writer", "seq"),)
        indexes = (
            Index(fields=("tenant", "at")),
            Index(fields=("agent_id", "at")),
            Index(fields=("approval_id",)),
        )
