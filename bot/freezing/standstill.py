"""What stands still: freezes that nobody lifted yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from models.policy import Freeze
from models.values import FreezeFacts


def freeze_facts(freeze: Freeze) -> FreezeFacts:
    return FreezeFacts(
        id=freeze.id,
        agent_id=freeze.agent_id,
        frozen_by_name=freeze.frozen_by_name,
        frozen_at=freeze.frozen_at,
        until=freeze.until,
        reason=freeze.reason,
    )


async def freezes_of(tenant: str, agent_id: UUID | None = None) -> list[Freeze]:
    """All that are not lifted, oldest first: those that concern the agent, or every one of the tenant."""
    standing = Freeze.filter(tenant=tenant, lifted_at=None).order_by("id")
    return await (standing.filter(Q(agent_id=agent_id) | Q(agent_id=None)) if agent_id else standing)


def longest(freezes: Sequence[FreezeFacts], now: datetime) -> FreezeFacts | None:
    """Of those that hold, the one that ends last; None when none does."""
    holding = [freeze for freeze in freezes if freeze.holds(now)]
    endless = next((freeze for freeze in holding if freeze.until is None), None)
    return endless or max(holding, key=lambda freeze: freeze.until or now, default=None)
