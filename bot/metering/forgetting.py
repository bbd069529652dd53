"""What is counted depends on the rules; when they change, the audit is counted anew."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from models.agent import Agent
from models.policy import Meter, Tally


async def forget(whose: Iterable[UUID] | str) -> None:
    """The next counted check of these agents (or of all agents of a tenant) starts from the audit.

    To be called after `move_epoch`, in the transaction that saves an agent's policy or a tenant's floor.
    """
    ids = await Agent.filter(tenant=whose).values_list("id", flat=True) if isinstance(whose, str) else list(whose)
    if ids:
        await Tally.filter(agent_id__in=ids).delete()
        await Meter.filter(agent_id__in=ids).delete()
