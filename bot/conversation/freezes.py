"""Answers to /freeze and /unfreeze."""

from __future__ import annotations

from bot.administration.agents import AgentAdministration
from bot.commands import ALL, Freeze, Unfreeze
from bot.conversation.turn import Answer, Turn
from bot.freezing.freezes import Freezing, Frozen, Lifted, Standing
from cards import steering as words
from cards.freezing import FreezeView


class FreezeAnswers:
    def __init__(self, freezing: Freezing, agents: AgentAdministration) -> None:
        self._freezing = freezing
        self._agents = agents

    async def freeze(self, turn: Turn, command: Freeze) -> Answer:
        """For who is no admin, all are all of the own agents."""
        until = turn.now + command.lasting if command.lasting else None
        done = []
        for subject in await self._subjects(turn, command.subject):
            frozen = await self._freezing.freeze(turn.work, turn.actor, subject, until=until, reason=command.reason)
            if not isinstance(frozen, Frozen):
                return turn.no(frozen)
            done.append(frozen)
        views = [_view(turn, frozen.standing) for frozen in done]
        also = {one.freeze.id: one for frozen in done for one in frozen.also}
        mine = {frozen.standing.freeze.id for frozen in done}
        others = [_view(turn, one) for one in also.values() if one.freeze.id not in mine]
        return Answer(words.frozen(views, others, max(frozen.told for frozen in done), turn.language))

    async def unfreeze(self, turn: Turn, command: Unfreeze) -> Answer:
        done = []
        for subject in await self._subjects(turn, command.subject):
            lifted = await self._freezing.unfreeze(turn.work, turn.actor, subject)
            if not isinstance(lifted, Lifted):
                return turn.no(lifted)
            done.append(lifted)
        still = {one.freeze.id: _view(turn, one) for lifted in done for one in lifted.still}
        agent = done[0].agent if len(done) == 1 else None
        return Answer(words.unfrozen(agent, sum(len(one.lifted) for one in done), [*still.values()], turn.language))

    async def _subjects(self, turn: Turn, subject: str) -> list[str]:
        if subject != ALL or turn.actor.administers(turn.operator.tenant):
            return [subject]
        own = await self._agents.mine(turn.actor)
        return [str(agent.id) for agent in own] or [ALL]  # who has none is refused


def _view(turn: Turn, standing: Standing) -> FreezeView:
    freeze = standing.freeze
    return FreezeView(
        agent=standing.agent,
        by=freeze.frozen_by_name,
        at=freeze.frozen_at,
        now=turn.now,
        until=freeze.until,
        reason=freeze.reason,
        zone=turn.zone,
    )
