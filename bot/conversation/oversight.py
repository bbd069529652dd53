"""Answers about observation, labels and limits, and to /why."""

from __future__ import annotations

from bot.administration import Administration
from bot.administration.values import AgentLabelled, AgentLimited, AgentObserved
from bot.commands import AskWhy, Observe, SetLabels, SetLimits
from bot.conversation.turn import Answer, Turn
from bot.hindsight.explaining import Explaining
from bot.secrecy.links import Links
from cards import steering as words
from cards.why import why
from models.why import Why


class OversightAnswers:
    """Observation, labels, limits, and why."""

    def __init__(self, administration: Administration, explaining: Explaining, links: Links) -> None:
        self._oversight = administration.oversight
        self._explaining = explaining
        self._links = links

    async def why(self, turn: Turn, command: AskWhy) -> Answer:
        found = await self._explaining.why(turn.actor, command.subject)
        if not isinstance(found, Why):
            return turn.no(found)
        approval = found.approval
        url = self._links.approval(approval.id, turn.operator.id, turn.now) if approval else None
        return Answer(why(found, turn.language, details_url=url, zone=turn.zone))

    async def observe(self, turn: Turn, command: Observe) -> Answer:
        until = turn.now + command.lasting if command.lasting else None
        done = await self._oversight.set_observe(turn.work, turn.actor, command.agent, until)
        if not isinstance(done, AgentObserved):
            return turn.no(done)
        return Answer(words.observing(done.name, done.until, turn.language, now=turn.now, zone=turn.zone))

    async def label(self, turn: Turn, command: SetLabels) -> Answer:
        done = await self._oversight.set_labels(turn.work, turn.actor, command.agent, command.labels)
        if not isinstance(done, AgentLabelled):
            return turn.no(done)
        return Answer(words.labels_set(done.name, done.labels, turn.language))

    async def limit(self, turn: Turn, command: SetLimits) -> Answer:
        limits = {_LIMITS[name]: value for name, value in command.limits.items()}
        done = await self._oversight.set_limits(turn.work, turn.actor, command.agent, limits)
        if not isinstance(done, AgentLimited):
            return turn.no(done)
        return Answer(words.limits_set(done.name, done.max_pending, done.checks_per_minute, turn.language))


_LIMITS = {"pending": "max_pending", "rate": "checks_per_minute"}
