"""What admins set on an agent: that it is only observed, its labels, its limits.

Creators may not: floors match on labels, observation runs what a floor would stop, and limits protect everybody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.values import AgentLabelled, AgentLimited, AgentObserved, Declined, Why
from bot.epoch import move_epoch
from bot.ledger import Work, agent_fact
from models.agent import Agent
from models.enums import AgentStatus
from models.values import Refusal, RefusalKind

OBSERVED_AT_MOST = timedelta(days=30)
LABELS_LIMIT = 20
LABEL_LIMIT = 100  # characters, of the label and of its value
LIMITS = ("max_pending", "checks_per_minute")
LIMIT = 100_000
"""The highest that may be set, of either kind."""


class Oversight:
    def __init__(self, agents: AgentAdministration) -> None:
        self._agents = agents

    async def set_observe(
        self, work: Work, actor: Actor, name: str, until: datetime | None
    ) -> AgentObserved | Refusal | Declined:
        """The agent is observed until then, at most OBSERVED_AT_MOST from now; None ends it."""
        agent = await self._administered(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if until is not None and not work.now < until <= work.now + OBSERVED_AT_MOST:
            return Declined(Why.BAD_END, agent.name)
        if until is None and agent.observe_until is None:
            return AgentObserved(agent.id, agent.name, None)
        await move_epoch()
        await Agent.filter(id=agent.id).update(observe_until=until)
        if until is None:
            work.audit(agent_fact(agent, actor.name, "agent.observe_ended", {}))
        else:
            work.audit(agent_fact(agent, actor.name, "agent.observed", {"until": until.isoformat()}))
        return AgentObserved(agent.id, agent.name, until)

    async def set_labels(
        self, work: Work, actor: Actor, name: str, changes: Mapping[str, str]
    ) -> AgentLabelled | Refusal | Declined:
        """The agent's labels with these changes; an empty value removes one."""
        agent = await self._administered(actor, name)
        if not isinstance(agent, Agent):
            return agent
        for label, value in changes.items():
            if not _is_word(label) or (value and not _is_word(value)):
                return Declined(Why.BAD_LABEL, label[:LABEL_LIMIT])
        if not changes:
            return AgentLabelled(agent.id, agent.name, json.loads(agent.labels))
        await move_epoch()
        await agent.refresh_from_db(fields=["labels"])  # others' changes wait for the epoch
        present: dict[str, str] = json.loads(agent.labels)
        labels = {label: value for label, value in sorted({**present, **changes}.items()) if value}
        if len(labels) > LABELS_LIMIT:
            return Declined(Why.BAD_LABEL, agent.name)
        if labels != present:
            await Agent.filter(id=agent.id).update(labels=json.dumps(labels, ensure_ascii=False, sort_keys=True))
            work.audit(agent_fact(agent, actor.name, "agent.labelled", {"labels": dict(labels)}))
        return AgentLabelled(agent.id, agent.name, labels)

    async def set_limits(
        self, work: Work, actor: Actor, name: str, limits: Mapping[str, int | None]
    ) -> AgentLimited | Refusal | Declined:
        """`max_pending` and `checks_per_minute` as named; None: the installation's. What is not named stays."""
        agent = await self._administered(actor, name)
        if not isinstance(agent, Agent):
            return agent
        for limit, value in limits.items():
            if limit not in LIMITS or (value is not None and not 0 <= value <= LIMIT):
                return Declined(Why.BAD_LIMIT, f"{limit} {value}"[:40])
        await move_epoch()
        await agent.refresh_from_db(fields=list(LIMITS))
        present = {limit: getattr(agent, limit) for limit in LIMITS}
        wanted = {**present, **limits}
        if wanted != present:
            await Agent.filter(id=agent.id).update(**wanted)
            work.audit(agent_fact(agent, actor.name, "agent.limited", dict(wanted)))
        return AgentLimited(agent.id, agent.name, wanted["max_pending"], wanted["checks_per_minute"])

    async def _administered(self, actor: Actor, name: str) -> Agent | Refusal | Declined:
        agent = await self._agents.named(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if not actor.administers(agent.tenant):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=agent.name, admins_only=True)
        return Declined(Why.ARCHIVED, agent.name) if agent.status is AgentStatus.ARCHIVED else agent


def _is_word(text: str) -> bool:
    return 0 < len(text) <= LABEL_LIMIT and text.isprintable() and text == text.strip()
