"""Approval requests, the sent copies of their cards, and stored answers of idempotent checks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.agent import Agent
from models.enums import ApprovalStatus, AskedAs, Delivery, ExecutionStatus, Executor, Layer, Severity, Via
from models.ids import new_id
from models.user import User
from models.values import ApprovalFacts


class ApprovalRequest(Model):
    """An L3 question to a person. Leaves `pending` by one conditional UPDATE, once.

    `revision` moves with every visible change; a card copy is stale while it shows a lower one.
    `rendezvous` is set while a repeat of the same call must join this row, and unique.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", related_name=False, on_delete=fields.RESTRICT
    )
    agent_id: UUID
    creator: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    creator_id: UUID
    requester: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    requester_id: UUID | None
    requested_by = fields.CharField(max_length=200, null=True)  # as the agent wrote it
    session = fields.CharField(max_length=200, default="")
    action_type = fields.CharField(max_length=100)
    tool = fields.CharField(max_length=200, null=True)
    request = fields.TextField()  # canonical JSON of the whole action request; what is hashed is what is executed
    action_digest = fields.CharField(max_length=71)
    rendezvous = fields.CharField(max_length=64, null=True, unique=True)
    rendezvous_key = fields.CharField(max_length=64)  # the same value, kept for the cool-down after a rejection
    attempt = fields.IntField(default=1)  # "asked again, 2nd time"
    rule = fields.CharField(max_length=100, null=True)
    policy_version = fields.IntField()
    layer = fields.CharEnumField(Layer, max_length=8, default=Layer.POLICY)  # what asked
    floor_version = fields.IntField(null=True)
    shape = fields.CharField(max_length=64, default="")  # the kind of action, for grants and graduation
    severity = fields.CharEnumField(Severity, max_length=8, default=Severity.NORMAL)
    plan = fields.TextField(default="")  # canonical JSON of how people are asked, as in force when it was opened
    plan_version = fields.IntField(default=0)
    approvals_needed = fields.IntField(default=1)  # distinct people
    duties_separated = fields.BooleanField(default=False)  # the requester is none of them
    check_id = fields.UUIDField()

    status = fields.CharEnumField(ApprovalStatus, max_length=12, default=ApprovalStatus.PENDING)
    revision = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    resolved_at = fields.DatetimeField(null=True)
    resolved_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    resolved_by_id: UUID | None
    resolver_name = fields.CharField(max_length=200, null=True)
    resolved_via = fields.CharEnumField(Via, max_length=12, null=True)
    resolution_reason: str | None = fields.TextField(null=True)
    preset = fields.CharField(max_length=40, null=True)  # the prepared instruction with which it was rejected
    # Set when a person changed the arguments: `request` and `action_digest` are then what was approved.
    original_request: str | None = fields.TextField(null=True)
    original_digest = fields.CharField(max_length=71, null=True)
    original_rendezvous = fields.CharField(max_length=64, null=True, db_index=True)  # until claimed or lapsed

    claim_expires_at = fields.DatetimeField(null=True)
    claimed_at = fields.DatetimeField(null=True)

    executor = fields.CharEnumField(Executor, max_length=8, default=Executor.AGENT)
    execution = fields.CharEnumField(ExecutionStatus, max_length=12, default=ExecutionStatus.NOT_STARTED)
    execution_lease_until = fields.DatetimeField(null=True)
    execution_started_at = fields.DatetimeField(null=True)
    execution_finished_at = fields.DatetimeField(null=True)
    execution_result: str | None = fields.TextField(null=True)  # JSON, whole
    execution_error: str | None = fields.TextField(null=True)

    delivery = fields.CharEnumField(Delivery, max_length=14, default=Delivery.QUEUED)
    delivery_detail = fields.CharField(max_length=500, null=True)
    seen_at: datetime | None = fields.DatetimeField(null=True)  # when the first of those asked saw it
    reminders_sent = fields.IntField(default=0)  # steps of the plan that were taken
    next_due_at = fields.DatetimeField(null=True)  # the next reminder or the expiry; NULL when nothing is due

    class Meta(Model.Meta):
        table = "approval_requests"
        indexes = (
            Index(fields=("status", "next_due_at")),
            Index(fields=("creator_id", "status", "created_at")),
            Index(fields=("tenant", "status", "created_at")),
            Index(fields=("rendezvous_key", "resolved_at")),
            Index(fields=("agent_id", "created_at")),
            Index(fields=("agent_id", "shape", "resolved_at")),
            Index(fields=("execution", "execution_lease_until")),
        )

    def facts(self) -> ApprovalFacts:
        """What the lifecycle rules need, as an immutable value; bot.consenting adds whom it was asked."""
        return ApprovalFacts(
            id=self.id,
            tenant=self.tenant,
            creator_id=self.creator_id,
            status=self.status,
            execution=self.execution,
            executor=self.executor,
            action_digest=self.action_digest,
            created_at=self.created_at,
            expires_at=self.expires_at,
            resolved_at=self.resolved_at,
            resolver=self.resolver_name,
            resolution_reason=self.resolution_reason,
            claimed_at=self.claimed_at,
            claim_expires_at=self.claim_expires_at,
            reminders_sent=self.reminders_sent,
            requester_id=self.requester_id,
            needed=self.approvals_needed,
            duties_separated=self.duties_separated,
            original_digest=self.original_digest,
        )


class CardCopy(Model):
    """One person's copy of an approval's card (or of the text that stands in for it)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    approval: fields.ForeignKeyRelation[ApprovalRequest] = fields.ForeignKeyField(
        "models.ApprovalRequest", related_name="copies", on_delete=fields.RESTRICT
    )
    approval_id: UUID
    person: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    person_id: UUID
    app_id = fields.CharField(max_length=64)
    message_id = fields.CharField(max_length=80, null=True, unique=True)
    chat_id = fields.CharField(max_length=80, null=True)
    is_card = fields.BooleanField(default=True)  # False: the text that replaced a refused card
    state = fields.CharEnumField(Delivery, max_length=14, default=Delivery.QUEUED)
    shown_revision = fields.IntField(default=0)
    fault = fields.CharField(max_length=500, null=True)
    asked_as = fields.CharEnumField(AskedAs, max_length=8, default=AskedAs.CREATOR)
    asked_at: datetime | None = fields.DatetimeField(null=True)
    sent_at: datetime | None = fields.DatetimeField(null=True)
    seen_at: datetime | None = fields.DatetimeField(null=True)
    acted_at: datetime | None = fields.DatetimeField(null=True)
    snoozed_until: datetime | None = fields.DatetimeField(null=True)  # this person is not reminded before
    pinned = fields.BooleanField(default=False)  # the bot stands on top of the person's chats because of this

    class Meta(Model.Meta):
        table = "card_copies"
        unique_together = (("approval", "person"),)
        indexes = (Index(fields=("person_id",)),)


class Consent(Model):
    """One person's approval of one action digest, where several are needed. A changed action needs new ones."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    approval: fields.ForeignKeyRelation[ApprovalRequest] = fields.ForeignKeyField(
        "models.ApprovalRequest", related_name="consents", on_delete=fields.RESTRICT
    )
    approval_id: UUID
    person: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    person_id: UUID
    person_name = fields.CharField(max_length=200)
    action_digest = fields.CharField(max_length=71)
    via = fields.CharEnumField(Via, max_length=12)
    at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "consents"
        unique_together = (("approval", "person", "action_digest"),)


class IdempotentCheck(Model):
    """The answer kept for one Idempotency-Key of one agent (draft-ietf-httpapi-idempotency-key-header)."""

    key = fields.CharField(max_length=64, primary_key=True)  # SHA-256 of agent id and key
    agent_id = fields.UUIDField()
    payload_hash = fields.CharField(max_length=64)
    approval_id = fields.UUIDField(null=True)  # set while the answer is still the approval's
    answer: str | None = fields.TextField(null=True)  # JSON of the decided answer
    created_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "idempotent_checks"
