"""Agents. Archived, never deleted: their audit must stay readable."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.enums import AgentStatus
from models.feishu import FeishuApp
from models.ids import new_id
from models.user import User


class Agent(Model):
    """An AI agent with its own credential. `token_hash` is SHA-256 of the token, which is shown once."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    name = fields.CharField(max_length=100)
    creator: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="agents", on_delete=fields.RESTRICT
    )
    creator_id: UUID
    backup_id: UUID | None = fields.UUIDField(null=True)  # asked where the asking plan says "backup"
    app: fields.ForeignKeyNullableRelation[FeishuApp] = fields.ForeignKeyField(
        "models.FeishuApp", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    app_id: str | None
    status = fields.CharEnumField(AgentStatus, max_length=12, default=AgentStatus.ACTIVE)
    token_hash = fields.CharField(max_length=64, unique=True)
    executor_url = fields.CharField(max_length=500, null=True)
    executor_secret: str | None = fields.TextField(null=True)  # AES-GCM ciphertext bound to the agent's id
    labels = fields.TextField(default="{}")  # JSON, text to text; set by people, matched by policies
    observe_until = fields.DatetimeField(null=True)  # until then everything runs, and the decisions are recorded
    max_pending = fields.IntField(null=True)  # NULL: the installation's
    checks_per_minute = fields.IntField(null=True)  # NULL: the installation's
    created_at = fields.DatetimeField()
    archived_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "agents"
        unique_together = (("tenant", "name"),)
