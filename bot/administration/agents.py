"""Agents: created with a token and the starter policy, paused, resumed, archived, given an executor."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from uuid import UUID

from bot.administration.actors import Actor
from bot.administration.values import AgentCreated, BackupSet, Declined, ExecutorSet, TokenRotated, Why
from bot.digest import canonical
from bot.directory import token_hash
from bot.epoch import move_epoch
from bot.execution.executor_url import executor_url_fault
from bot.execution.webhook_signature import secret_of
from bot.ledger import Work, agent_fact
from bot.policy.parse import document
from bot.policy.starter import starter_policy
from bot.secrecy.box import SecretBox
from models.agent import Agent
from models.approval import ApprovalRequest
from models.enums import AgentStatus, ApprovalStatus, Employment, Level
from models.feishu import FeishuApp
from models.ids import new_id
from models.policy import PolicyVersion
from models.user import User
from models.values import JsonObject, Refusal, RefusalKind

NAME_LIMIT = 100  # characters
URL_LIMIT = 500  # characters
TOKEN_PREFIX = "ast_"  # noqa: S105
RESERVED_NAMES = frozenset({"floor", "all"})
"""Words that stand for something else where commands take an agent's name."""


def new_token() -> str:
    """`ast_` and 43 URL-safe characters: 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


class AgentAdministration:
    def __init__(self, box: SecretBox, *, default_level: Level, allow_http: bool = False) -> None:
        self._box = box
        self._default_level = default_level
        self._allow_http = allow_http

    async def create(
        self, work: Work, actor: Actor, name: str, *, creator: User, app_id: str | None = None
    ) -> AgentCreated | Refusal | Declined:
        """The agent exists under the starter policy; its token is in the result and nowhere else.

        Everyone may create agents of their own, admins also for others of their tenant.
        """
        name = name.strip()
        if not actor.may_change_agent(creator.tenant, creator.id):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=name)
        if declined := await _unusable(creator.tenant, name) or await _unusable_app(creator.tenant, app_id):
            return declined
        token = new_token()
        agent = await Agent.create(
            id=new_id(),
            tenant=creator.tenant,
            name=name,
            creator_id=creator.id,
            app_id=app_id,
            token_hash=token_hash(token),
            created_at=work.now,
        )
        policy = starter_policy(self._default_level)
        await PolicyVersion.create(
            agent_id=agent.id,
            version=policy.version,
            document=canonical(document(policy)).decode(),
            author=actor.name,
            note="starter policy",
            created_at=work.now,
        )
        details: JsonObject = {"name": name, "creator": str(creator.id), "app_id": app_id, "policy_version": 1}
        work.audit(agent_fact(agent, actor.name, "agent.created", details))
        return AgentCreated(agent.id, name, agent.tenant, creator.name, token)

    async def mine(self, actor: Actor, *, tenant: str | None = None, archived: bool = False) -> list[Agent]:
        """The agents that this actor may administer, by name."""
        agents = Agent.all().order_by("tenant", "name").select_related("creator")
        if not actor.everywhere and actor.person is not None:
            if actor.administers(actor.tenant):
                agents = agents.filter(tenant=actor.tenant)
            else:
                agents = agents.filter(creator_id=actor.person.id)
        if tenant is not None:
            agents = agents.filter(tenant=tenant)
        return await (agents if archived else agents.exclude(status=AgentStatus.ARCHIVED))

    async def named(self, actor: Actor, name: str) -> Agent | Refusal | Declined:
        """The agent of this name or id, if this actor may administer it. The own tenant's comes before others'."""
        found = await self._candidates(actor, name.strip())
        if not found:
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=name)
        mine = [agent for agent in found if actor.may_change_agent(agent.tenant, agent.creator_id)]
        if not mine:
            return Refusal(RefusalKind.NOT_PERMITTED, detail=name)
        return mine[0] if len(mine) == 1 else Declined(Why.AMBIGUOUS, name)

    async def pause(self, work: Work, actor: Actor, name: str) -> Agent | Refusal | Declined:
        """Every check of the agent is denied from the commit on."""
        return await self._become(work, actor, name, AgentStatus.PAUSED, "agent.paused")

    async def resume(self, work: Work, actor: Actor, name: str) -> Agent | Refusal | Declined:
        return await self._become(work, actor, name, AgentStatus.ACTIVE, "agent.resumed")

    async def archive(self, work: Work, actor: Actor, name: str) -> Agent | Refusal | Declined:
        """The token is refused from the commit on; everything that is recorded of the agent stays."""
        return await self._become(work, actor, name, AgentStatus.ARCHIVED, "agent.archived")

    async def rotate_token(self, work: Work, actor: Actor, name: str) -> TokenRotated | Refusal | Declined:
        agent = await self._living(actor, name)
        if not isinstance(agent, Agent):
            return agent
        token = new_token()
        await _write(agent, token_hash=token_hash(token))
        work.audit(agent_fact(agent, actor.name, "agent.token_rotated", {}))
        return TokenRotated(agent.id, agent.name, token)

    async def set_executor(
        self, work: Work, actor: Actor, name: str, url: str | None
    ) -> ExecutorSet | Refusal | Declined:
        """A new secret with every URL that is set. Approvals that were opened before keep their way of execution."""
        agent = await self._living(actor, name)
        if not isinstance(agent, Agent):
            return agent
        secret = None
        if url is not None:
            fault = executor_url_fault(url, allow_http=self._allow_http)
            if fault is not None or len(url) > URL_LIMIT:
                return Declined(Why.BAD_URL, url, (fault or f"longer than {URL_LIMIT} characters",))
            secret = secret_of(os.urandom(32))
        sealed = self._box.seal(secret, bound_to=str(agent.id)) if secret else None
        await _write(agent, executor_url=url, executor_secret=sealed)
        work.audit(agent_fact(agent, actor.name, "agent.executor_set", {"url": url}))
        return ExecutorSet(agent.id, agent.name, url, secret)

    async def set_backup(
        self, work: Work, actor: Actor, name: str, backup: User | None
    ) -> BackupSet | Refusal | Declined:
        """Who is asked where the asking plan says "backup", or where nobody who was named is there; None: nobody."""
        agent = await self._living(actor, name)
        if not isinstance(agent, Agent):
            return agent
        if backup is not None and not _can_back_up(backup, agent):
            return Declined(Why.BAD_BACKUP, backup.name)
        backup_id, called = (backup.id, backup.name) if backup else (None, None)
        if agent.backup_id == backup_id:
            return BackupSet(agent.id, agent.name, called, changed=False)
        await Agent.filter(id=agent.id).update(backup_id=backup_id)
        details: JsonObject = {"backup": str(backup_id) if backup_id else None}
        work.audit(agent_fact(agent, actor.name, "agent.backup_set", details))
        return BackupSet(agent.id, agent.name, called)

    async def _become(
        self, work: Work, actor: Actor, name: str, status: AgentStatus, action: str
    ) -> Agent | Refusal | Declined:
        """In this state already is as good as brought there, and not worth an audit entry."""
        agent = await self._living(actor, name)
        if isinstance(agent, Agent) and agent.status is not status:
            archived_at = work.now if status is AgentStatus.ARCHIVED else None
            await _write(agent, status=status, archived_at=archived_at)
            if status is AgentStatus.ARCHIVED:
                await _end_questions(agent, work.now)
            agent.status = status
            work.audit(agent_fact(agent, actor.name, action, {}))
        return agent

    async def _living(self, actor: Actor, name: str) -> Agent | Refusal | Declined:
        agent = await self.named(actor, name)
        if isinstance(agent, Agent) and agent.status is AgentStatus.ARCHIVED:
            return Declined(Why.ARCHIVED, agent.name)
        return agent

    @staticmethod
    async def _candidates(actor: Actor, name: str) -> list[Agent]:
        if len(name) > NAME_LIMIT or not name.isprintable():
            return []
        if (by_id := _uuid(name)) and (agent := await Agent.get_or_none(id=by_id).select_related("creator")):
            return [agent] if actor.may_read(agent.tenant) else []
        own = await Agent.filter(tenant=actor.tenant, name=name).select_related("creator")
        if own or not actor.everywhere:
            return own
        return await Agent.filter(name=name).select_related("creator")


def _can_back_up(person: User, agent: Agent) -> bool:
    colleague = person.tenant == agent.tenant and person.employment is Employment.ACTIVE
    return colleague and person.id != agent.creator_id


async def _unusable(tenant: str, name: str) -> Declined | None:
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        return Declined(Why.BAD_NAME, name[:NAME_LIMIT])
    if name.casefold() in RESERVED_NAMES:
        return Declined(Why.RESERVED_NAME, name)
    other = await Agent.get_or_none(tenant=tenant, name=name)
    if other is None:
        return None
    return Declined(Why.NAME_ARCHIVED if other.status is AgentStatus.ARCHIVED else Why.NAME_TAKEN, name)


async def _unusable_app(tenant: str, app_id: str | None) -> Declined | None:
    if app_id is None:
        return None
    apps = await FeishuApp.filter(tenant=tenant, archived_at=None)
    return None if any(app.app_id == app_id for app in apps) else Declined(Why.UNKNOWN_APP, app_id)


async def _write(agent: Agent, **values: object) -> None:
    """No check is answered under the agent's former state from the commit on.

    The epoch moves first: a check holds it while it waits for the agent's row, and must not be waited for in turn.
    """
    await move_epoch()
    await Agent.filter(id=agent.id).update(**values)


async def _end_questions(agent: Agent, now: datetime) -> None:
    """Nobody can use the answer to what the agent still asks: the next tick withdraws it and closes the cards."""
    await ApprovalRequest.filter(agent_id=agent.id, status=ApprovalStatus.PENDING).update(next_due_at=now)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
