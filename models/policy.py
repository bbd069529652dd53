"""Policies as versions, and the gate epoch that every commit compares."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
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


class GateEpoch(Model):
    """A single row (id 1) that moves with every change of a policy or an agent.

    A check commits only while the epoch is the one under which it was decided, so no answer is older than the
    policy at its commit, on any replica.
    """

    id = fields.IntField(primary_key=True, generated=False)
    epoch = fields.BigIntField()

    class Meta(Model.Meta):
        table = "gate_epoch"
