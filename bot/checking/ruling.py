"""What the rules in force say of an action that a person made of another. It is only asked, never run here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bot.checking.binding import Binding
from bot.directory import Directory, KnownAgent
from models.values import ActionRequest, Decision


class Ruling:
    """bot.approvals.changing.Law."""

    def __init__(self, directory: Directory, binding: Binding) -> None:
        self._directory = directory
        self._binding = binding

    async def on(self, agent_id: UUID, request: ActionRequest, now: datetime) -> tuple[KnownAgent, Decision]:
        """The decision of policy and floor alone, in a transaction that holds the epoch.

        A freeze and a pause put the run off, as they do where nothing was changed; whoever is merely observed is still
        not let do what is denied.
        """
        known = await self._directory.present(agent_id)
        facts = replace(known.facts, paused=False, observe_until=None)
        lawful = replace(known, facts=facts, freezes=())
        return known, await self._binding.foresee(lawful, request, now)
