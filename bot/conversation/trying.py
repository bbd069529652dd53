"""An action that somebody tries out in chat: read as a check is, and decided as if it came now."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from bot.administration.agents import AgentAdministration
from bot.asking.parsing import BadAsk, parse_check
from bot.checking.binding import Binding
from bot.commands import TryPlan, TryPolicy
from bot.conversation.turn import Answer, Turn
from bot.directory import Directory, KnownAgent
from models.agent import Agent
from models.values import ActionRequest, Decision, Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class Trial:
    known: KnownAgent
    request: ActionRequest
    decision: Decision


class Trying:
    def __init__(self, agents: AgentAdministration, directory: Directory, binding: Binding) -> None:
        self._agents = agents
        self._directory = directory
        self._binding = binding

    async def foresee(self, turn: Turn, command: TryPolicy | TryPlan) -> Trial | Answer:
        """What the rules say; nothing is recorded, spent or asked. The answer instead, where it cannot be tried.

        The rules are asked under a freeze or pause too: who writes a policy or a plan then wants to know.
        """
        agent = await self._agents.named(turn.actor, command.agent)
        if not isinstance(agent, Agent):
            return turn.no(agent)
        try:
            request = _request(command)
        except BadAsk as fault:
            return turn.no(Refusal(RefusalKind.INVALID, detail=str(fault)))
        known = await self._directory.present(agent.id)
        moving = replace(known, freezes=(), facts=replace(known.facts, paused=False))
        return Trial(known, request, await self._binding.foresee(moving, request, turn.now))


def _request(command: TryPolicy | TryPlan) -> ActionRequest:
    """The request as the hook would read it. Raises BadAsk."""
    ask = {"action_type": command.action, "details": command.details, "requested_by": command.requester}
    return parse_check(json.dumps(ask).encode())
