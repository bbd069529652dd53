"""People and agents as an admin would register them, written straight into whichever database is open."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.directory import token_hash
from bot.execution.webhook_signature import secret_of
from bot.people.joining import People
from bot.policy.parse import document, parse_policy
from bot.secrecy.box import SecretBox
from bot.simulator.state import App, Person
from models.enums import Level, Role
from models.tables import Agent, PolicyVersion, User
from tests.support.feishu import Feishu


async def register_person(
    people: People, feishu: Feishu, who: Person, now: datetime, *, role: Role | None = None, app: App | None = None
) -> User:
    """Our user for a person of the simulator's world, known by the Feishu id."""
    user = await people.ensure("default", feishu.open_id(who, app), role=role, now=now)
    await User.filter(id=user.id).update(name=who.name)
    return await User.get(id=user.id)


async def register_agent(
    creator: User,
    box: SecretBox,
    now: datetime,
    *,
    name: str,
    policy: Mapping[str, Any],
    executor_url: str | None = None,
    app_id: str | None = None,
) -> str:
    """The token of a new agent with its policy; an executor gets a secret that the tests' executors do not check."""
    token = "ast_" + secrets.token_urlsafe(32)
    row = await Agent.create(
        tenant="default",
        name=name,
        creator_id=creator.id,
        app_id=app_id,
        token_hash=token_hash(token),
        executor_url=executor_url,
        created_at=now,
    )
    if executor_url:
        row.executor_secret = box.seal(secret_of(secrets.token_bytes(32)), bound_to=str(row.id))
        await row.save(update_fields=["executor_secret"])
    parsed = parse_policy(dict(policy), default=Level.L2, version=1)
    await PolicyVersion.create(
        agent_id=row.id, version=1, document=json.dumps(document(parsed)), author="test", created_at=now
    )
    return token
