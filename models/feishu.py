"""Feishu apps, and who is who in them."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.ids import new_id
from models.user import User


class FeishuApp(Model):
    """A custom app with its own webhook path and keys. Secrets are AES-GCM ciphertexts bound to the app id."""

    app_id = fields.CharField(max_length=64, primary_key=True)
    tenant = fields.CharField(max_length=64)
    name = fields.CharField(max_length=100)
    base_url = fields.CharField(max_length=200)
    app_secret = fields.TextField()
    encrypt_key = fields.TextField()
    verification_token = fields.TextField()
    tenant_key = fields.CharField(max_length=64, null=True)  # learned from the first authentic event
    is_default = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    archived_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "feishu_apps"


class FeishuIdentity(Model):
    """One person's ids towards one app: open_id differs per app (feishu-protocol section 6)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    app: fields.ForeignKeyRelation[FeishuApp] = fields.ForeignKeyField(
        "models.FeishuApp", related_name=False, on_delete=fields.RESTRICT
    )
    app_id: str
    person: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="identities", on_delete=fields.RESTRICT
    )
    person_id: UUID
    open_id = fields.CharField(max_length=80)
    union_id = fields.CharField(max_length=80, null=True, db_index=True)
    user_id = fields.CharField(max_length=80, null=True, db_index=True)
    tenant_key = fields.CharField(max_length=64, null=True)
    updated_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "feishu_identities"
        unique_together = (("app", "open_id"), ("app", "person"))
