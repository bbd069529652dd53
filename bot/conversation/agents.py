"""Answers about agents. Tokens and signing secrets go behind one-time links, never into the chat."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tortoise.functions import Count

from bot.administration import Administration, AgentCreated, ExecutorSet, PolicySaved, TokenRotated
from bot.commands import (
    CreateAgent,
    PauseAgent,
    ResumeAgent,
    RotateToken,
    SetExecutor,
    ShowAgent,
)
from bot.conversation.turn import Answer, Turn
from bot.freezing.standstill import freeze_facts, freezes_of, longest
from bot.secrecy.one_time import LIFETIME, OneTimeSecrets
from cards import administration as words
from cards import messages
from cards.views import AgentView, OneTimeLinkView
from models.agent import Agent
from models.approval import ApprovalRequest
from models.audit import AuditEntry
from models.enums import ApprovalStatus
from models.user import User

AGENTS_SHOWN = 50


class AgentAnswers:
    def __init__(self, administration: Administration, one_time: OneTimeSecrets) -> None:
        self._agents = administration.agents
        self._policies = administration.policies
        self._one_time = one_time

    async def list(self, turn: Turn) -> Answer:
        agents = await self._agents.mine(turn.actor)
        pending = await _pending([agent.id for agent in agents])
        views = [_view(agent, pending.get(agent.id, 0)) for agent in agents[:AGENTS_SHOWN]]
        return Answer(messages.agents_list(views, turn.language))

    async def create(self, turn: Turn, command: CreateAgent) -> Answer:
        creator = await User.get(id=turn.operator.id)
        created = await self._agents.create(turn.work, turn.actor, command.name, creator=creator)
        return turn.no(created) if not isinstance(created, AgentCreated) else await self._token(turn, created)

    async def rotate(self, turn: Turn, command: RotateToken) -> Answer:
        rotated = await self._agents.rotate_token(turn.work, turn.actor, command.name)
        return turn.no(rotated) if not isinstance(rotated, TokenRotated) else await self._token(turn, rotated)

    async def show(self, turn: Turn, command: ShowAgent) -> Answer:
        agent = await self._agents.named(turn.actor, command.name)
        if not isinstance(agent, Agent):
            return turn.no(agent)
        checks = AuditEntry.filter(agent_id=agent.id, action__startswith="check.")
        last = await checks.only("id", "at").order_by("-at").first()
        policy = await self._policies.show(turn.actor, str(agent.id))
        view = _view(
            agent,
            (await _pending([agent.id])).get(agent.id, 0),
            last_check_at=last.at if last else None,
            checks_today=await checks.filter(at__gte=_midnight(turn)).count(),
            policy_version=policy.policy.version if isinstance(policy, PolicySaved) else None,
        )
        view = await _restrained(view, agent, turn.now)
        return Answer(messages.agent_show(view, turn.language, now=turn.now, zone=turn.zone))

    async def pause(self, turn: Turn, command: PauseAgent) -> Answer:
        agent = await self._agents.pause(turn.work, turn.actor, command.name)
        return Answer(messages.agent_paused(agent.name, turn.language)) if isinstance(agent, Agent) else turn.no(agent)

    async def resume(self, turn: Turn, command: ResumeAgent) -> Answer:
        agent = await self._agents.resume(turn.work, turn.actor, command.name)
        return Answer(messages.agent_resumed(agent.name, turn.language)) if isinstance(agent, Agent) else turn.no(agent)

    async def set_executor(self, turn: Turn, command: SetExecutor) -> Answer:
        done = await self._agents.set_executor(turn.work, turn.actor, command.name, command.url)
        if not isinstance(done, ExecutorSet):
            return turn.no(done)
        text = messages.executor_set(done.name, done.url, turn.language)
        if done.secret is None:
            return Answer(text)
        url = await self._put(turn, done.secret, words.one_time_title(done.name, True, turn.language))
        return Answer(f"{text}\n{words.executor_secret_link(done.name, url, LIFETIME, turn.language)}")

    async def _token(self, turn: Turn, made: AgentCreated | TokenRotated) -> Answer:
        url = await self._put(turn, made.token, words.one_time_title(made.name, False, turn.language))
        view = OneTimeLinkView(agent=made.name, url=url, valid=LIFETIME, rotated=isinstance(made, TokenRotated))
        return Answer(messages.one_time_link(view, turn.language).text)

    async def _put(self, turn: Turn, secret: str, title: str) -> str:
        return await self._one_time.put(secret, title=title, person_id=turn.operator.id, now=turn.now)


def _view(
    agent: Agent,
    pending: int,
    *,
    last_check_at: datetime | None = None,
    checks_today: int | None = None,
    policy_version: int | None = None,
) -> AgentView:
    return AgentView(
        name=agent.name,
        status=agent.status,
        creator=agent.creator.name,
        created_at=agent.created_at,
        last_check_at=last_check_at,
        checks_today=checks_today,
        pending=pending,
        executor_url=agent.executor_url,
        app_id=agent.app_id,
        policy_version=policy_version,
    )


async def _restrained(view: AgentView, agent: Agent, now: datetime) -> AgentView:
    """With what stands above the policy: a freeze, observation, limits; and its labels."""
    freeze = longest([freeze_facts(one) for one in await freezes_of(agent.tenant, agent.id)], now)
    observed = agent.observe_until is not None and agent.observe_until > now
    backup = await User.get_or_none(id=agent.backup_id) if agent.backup_id else None
    return replace(
        view,
        backup=backup.name if backup else None,
        frozen_by=freeze.frozen_by_name if freeze else None,
        frozen_until=freeze.until if freeze else None,
        observe_until=agent.observe_until if observed else None,
        labels=tuple(sorted(json.loads(agent.labels).items())),
        max_pending=agent.max_pending,
        checks_per_minute=agent.checks_per_minute,
    )


async def _pending(agents: list[UUID]) -> dict[UUID, int]:
    """How many approval requests of each agent wait."""
    if not agents:
        return {}
    rows = (
        await ApprovalRequest.filter(agent_id__in=agents, status=ApprovalStatus.PENDING)
        .annotate(waiting=Count("id"))
        .group_by("agent_id")
        .values_list("agent_id", "waiting")
    )
    return dict(rows)


def _midnight(turn: Turn) -> datetime:
    return turn.now.astimezone(turn.zone).replace(hour=0, minute=0, second=0, microsecond=0)
