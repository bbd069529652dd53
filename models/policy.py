"""Policies as versions, and the gate epoch that every commit compares."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.agent import Agent
from models.ids import new_id


class PolicyVersion(Model):
    """One written policy of one agent. The highest version is in force; versions are never changed."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", related_name=False, on_delete=fields.RESTRICT
    )
    agent_id: UUID
    version = fields.IntField()
    document = fields.TextField()  # canonical JSON of the policy
    author = fields.CharField(max_length=200)  # user id, or who started the command line
    note = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "policy_versions"
        unique_together = (("agent", "version"),)


class FloorVersion(Model):
    """One written floor of one tenant: below it no level can fall. The highest version is in force."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    version = fields.IntField()
    document = fields.TextField()  # canonical JSON of the floor
    author = fields.CharField(max_length=200)
    note = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "floor_versions"
        unique_together = (("tenant", "version"),)


class Freeze(Model):
    """Everything of one agent, or of a whole tenant, stands still until it is lifted or its time is over."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant = fields.CharField(max_length=64)
    agent_id: UUID | None = fields.UUIDField(null=True)  # NULL: all agents of the tenant
    reason = fields.CharField(max_length=500, null=True)
    frozen_by = fields.CharField(max_length=200)  # as the audit names the actor
    frozen_by_name = fields.CharField(max_length=200)
    frozen_at = fields.DatetimeField()
    until = fields.DatetimeField(null=True)  # NULL: until somebody lifts it
    lifted_at = fields.DatetimeField(null=True)
    lifted_by = fields.CharField(max_length=200, null=True)

    class Meta(Model.Meta):
        table = "freezes"
        indexes = (Index(fields=("tenant", "lifted_at")),)


class Meter(Model):
    """One agent whose actions are counted. Deleted when its policies change, and then counted anew from the audit."""

    agent_id = fields.UUIDField(primary_key=True)
    counted_from = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "meters"


class Tally(Model):
    """How often one agent ran one action in one minute, and the sums of its numeric arguments."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    agent_id: UUID = fields.UUIDField()
    action_type = fields.CharField(max_length=100)
    tool = fields.CharField(max_length=200, default="")
    minute = fields.DatetimeField()
    count = fields.IntField()
    sums = fields.TextField()  # JSON: path of the argument to the decimal sum as text

    class Meta(Model.Meta):
        table = "tallies"
        unique_together = (("agent_id", "action_type", "tool", "minute"),)
        indexes = (Index(fields=("agent_id", "minute")),)


class GateEpoch(Model):
    """A single row (id 1) that moves with every change of a policy or an agent.

    A check commits only while the epoch is the one under which it was decided, so no answer is older than the
    policy at its commit, on any replica.
    """

    id = fields.IntField(primary_key=True, generated=False)
    epoch = fields.BigIntField()

    class Meta(Model.Meta):
        table = "gate_epoch"
