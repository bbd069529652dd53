"""How people are asked, and what was spent on reminding them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.enums import Nudge
from models.ids import new_id


class AskingPlanVersion(Model):
    """One written asking plan of one tenant. The highest version is in force; versions are never changed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    version = fields.IntField()
    document = fields.TextField()  # canonical JSON of the plan
    author = fields.CharField(max_length=200)
    note = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "asking_plan_versions"
        unique_together = (("tenant", "version"),)


class NudgeDay(Model):
    """How often one person was reminded in one way on one of the person's own days."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id: UUID = fields.UUIDField()
    day: date = fields.DateField()
    nudge = fields.CharEnumField(Nudge, max_length=12)
    used = fields.IntField(default=0)

    class Meta(Model.Meta):
        table = "nudge_days"
        unique_together = (("person_id", "day", "nudge"),)


class NoticeHour(Model):
    """The L2 notices of one agent to one person within one hour: how many were told, how many wait for the summary."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id: UUID = fields.UUIDField()
    agent_id: UUID = fields.UUIDField()
    begins_at: datetime = fields.DatetimeField()
    told = fields.IntField(default=0)
    held = fields.IntField(default=0)

    class Meta(Model.Meta):
        table = "notice_hours"
        unique_together = (("person_id", "agent_id", "begins_at"),)


class QueueCard(Model):
    """The card with all that waits for one person. Only the newest of a person lives; older ones say so."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id: UUID = fields.UUIDField(db_index=True)
    app_id = fields.CharField(max_length=64)
    message_id = fields.CharField(max_length=80, null=True, unique=True)
    chat_id = fields.CharField(max_length=80, null=True)
    approval_id: UUID | None = fields.UUIDField(null=True, db_index=True)  # the request that it shows
    revision = fields.IntField(default=1)  # moved by whatever changes what it must show
    shown_revision = fields.IntField(default=0)
    created_at: datetime = fields.DatetimeField()
    sent_at: datetime | None = fields.DatetimeField(null=True)
    closed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "queue_cards"
