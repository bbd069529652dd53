"""Grants: bounded standing permissions that spare questions, and the reviews of what ran under them."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.agent import Agent
from models.enums import GrantKind, ReviewAnswer
from models.ids import new_id
from models.user import User


class Grant(Model):
    """Who may do which action until when, given by a person. Never past the floor; always with an end and a limit."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", related_name=False, on_delete=fields.RESTRICT
    )
    agent_id: UUID
    giver: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    giver_id: UUID
    kind = fields.CharEnumField(GrantKind, max_length=12)
    action_type = fields.CharField(max_length=100)
    tool = fields.CharField(max_length=200, null=True)
    bounds = fields.TextField()  # canonical JSON of bot.granting.bounds: the digest, or a bound for each argument
    session = fields.CharField(max_length=200, null=True)  # NULL: any
    approval_id: UUID | None = fields.UUIDField(null=True)  # the approval on whose card it was given
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    max_uses = fields.IntField()
    uses = fields.IntField(default=0)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    revoked_by = fields.CharField(max_length=200, null=True)  # as the audit names the actor
    revoked_by_name = fields.CharField(max_length=200, null=True)

    class Meta(Model.Meta):
        table = "grants"
        indexes = (
            Index(fields=("agent_id", "revoked_at", "expires_at")),
            Index(fields=("tenant", "created_at")),
        )


class Review(Model):
    """One run under a graduated grant, sampled to be looked at by a person."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    grant: fields.ForeignKeyRelation[Grant] = fields.ForeignKeyField(
        "models.Grant", related_name=False, on_delete=fields.RESTRICT
    )
    grant_id: UUID
    person_id: UUID = fields.UUIDField()  # who is asked
    check_id: UUID = fields.UUIDField(unique=True)
    request = fields.TextField()  # canonical JSON of the action request that ran
    ran_at = fields.DatetimeField()
    answer = fields.CharEnumField(ReviewAnswer, max_length=8, null=True)
    answered_at = fields.DatetimeField(null=True)
    answered_by_name = fields.CharField(max_length=200, null=True)

    class Meta(Model.Meta):
        table = "reviews"
        indexes = (Index(fields=("grant_id", "ran_at")),)
