"""People: creators, requesters and admins."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.enums import Language, Role
from models.ids import new_id


class User(Model):
    """One person of one tenant. Never deleted; a duplicate points to the person it was joined with."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=254, null=True)  # lower case
    role = fields.CharEnumField(Role, max_length=20, default=Role.MEMBER)
    language = fields.CharEnumField(Language, max_length=8, default=Language.ZH_CN)
    joined_with: UUID | None = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "users"
        unique_together = (("tenant", "email"),)


class AccessToken(Model):
    """A person's own token for the HTTP interface of policies. Stored as a hash; always with an end."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    person_id: UUID
    name = fields.CharField(max_length=100)
    token_hash = fields.CharField(max_length=64, unique=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "access_tokens"
