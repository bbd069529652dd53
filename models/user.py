"""People: creators, requesters and admins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.enums import Employment, Language, Role
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
    time_zone = fields.CharField(max_length=64, null=True)  # NULL, here and below: the installation's
    quiet_hours = fields.CharField(max_length=11, null=True)  # local "22:00-08:00", or "never"
    working_days = fields.CharField(max_length=7, null=True)  # ISO weekdays: "12345"
    digest_at = fields.CharField(max_length=5, null=True)  # local "18:00", or "never"
    away_since: datetime | None = fields.DatetimeField(null=True)
    away_until: datetime | None = fields.DatetimeField(null=True)
    delegate_id: UUID | None = fields.UUIDField(null=True)  # who is asked while this person is away
    leader_id: UUID | None = fields.UUIDField(null=True)  # as Feishu told
    employment = fields.CharEnumField(Employment, max_length=8, default=Employment.ACTIVE)
    looked_up_at: datetime | None = fields.DatetimeField(null=True)  # when Feishu was asked about this person
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
