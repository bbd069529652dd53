"""A person's inbox on the web, and secrets that are shown once."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.ids import new_id


class Notification(Model):
    """One line in a person's inbox."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    person_id: UUID = fields.UUIDField()
    type = fields.CharField(max_length=40)
    title = fields.CharField(max_length=200)
    body = fields.TextField()
    link = fields.CharField(max_length=300, null=True)
    approval_id: UUID | None = fields.UUIDField(null=True)
    read_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "notifications"
        indexes = (Index(fields=("person_id", "created_at")),)


class OneTimeSecret(Model):
    """A secret behind a link: 10 minutes, one view. The link's key is stored as a hash only."""

    key_hash = fields.CharField(max_length=64, primary_key=True)
    ciphertext: str | None = fields.TextField(null=True)  # erased when viewed
    person_id: UUID | None = fields.UUIDField(null=True)
    title = fields.CharField(max_length=200)
    expires_at = fields.DatetimeField()
    viewed_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "one_time_secrets"


class Installation(Model):
    """A single row (id 1): the code with which the first admin claims this installation."""

    id = fields.IntField(primary_key=True, generated=False)
    claim_code_hash = fields.CharField(max_length=64, null=True)
    claimed_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "installation"
