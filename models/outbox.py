"""Effects on the outside that must happen, written in the transaction that caused them."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.enums import OutboxKind, OutboxState
from models.ids import new_id


class OutboxMessage(Model):
    """One effect. Its id is the `uuid` that Feishu de-duplicates by; ids are time-ordered.

    Messages of one `lane` (one receiver, one card copy, one approval's execution) go out in the order of their ids.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    kind = fields.CharEnumField(OutboxKind, max_length=20)
    lane = fields.CharField(max_length=160)
    app_id = fields.CharField(max_length=64, null=True)
    approval_id: UUID | None = fields.UUIDField(null=True)
    person_id: UUID | None = fields.UUIDField(null=True)
    payload = fields.TextField()  # JSON; what to say is rendered at delivery from facts and this
    dedupe = fields.CharField(max_length=160, null=True, unique=True)
    state = fields.CharEnumField(OutboxState, max_length=12, default=OutboxState.WAITING)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField()
    lease_owner = fields.CharField(max_length=64, null=True)
    lease_until = fields.DatetimeField(null=True)
    fault = fields.CharField(max_length=500, null=True)
    message_id = fields.CharField(max_length=80, null=True)  # what Feishu called the sent message
    created_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "outbox"
        indexes = (
            Index(fields=("state", "due_at")),
            Index(fields=("lane", "state", "id")),
            Index(fields=("approval_id",)),
        )
