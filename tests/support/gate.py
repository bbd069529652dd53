"""The gate without its network: real database, journal and use cases, built as the composition root builds them."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.approvals import ApprovalService, ApprovalTimes
from bot.asking.parsing import parse_check
from bot.database import Database, transaction
from bot.directory import Caller, Directory, move_epoch, token_hash
from bot.enforcement import EnforcementEngine
from bot.journal.flushing import Journal
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.people.joining import People
from bot.policy.parse import document, parse_policy
from bot.secrecy.links import Links
from bot.views import Views
from bot.waiters.registry import Waiters
from models.enums import AgentStatus, Level, Role
from models.tables import Agent, AuditEntry, FeishuApp, PolicyVersion, User
from models.values import ActionRequest, CheckAnswer, Operator
from tests.support.clock import MovableClock

APP_ID = "cli_default"
POLICY: Mapping[str, str] = {"read_*": "L1", "write_*": "L2", "delete_*": "L3", "format_disk": "DENY"}
TIMES = ApprovalTimes(
    ttl=timedelta(hours=72),
    reminders=(timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8)),
    claim_ttl=timedelta(hours=24),
    rejection_cooldown=timedelta(minutes=10),
)


@dataclass(frozen=True)
class Gate:
    clock: MovableClock
    people: People
    ledger: Ledger
    journal: Journal
    waiters: Waiters
    bell: Bell
    directory: Directory
    views: Views
    approvals: ApprovalService
    engine: EnforcementEngine

    async def person(self, name: str, *, role: Role = Role.MEMBER, tenant: str = "default") -> User:
        return await User.create(tenant=tenant, name=name, role=role, created_at=self.clock.now())

    async def agent(
        self, creator: User, *, name: str = "Bookkeeper", policy: Mapping[str, Any] = POLICY, executor: bool = False
    ) -> Caller:
        """An agent with a policy and, if asked for, an executor that nothing listens at."""
        token = "ast_" + secrets.token_urlsafe(32)
        row = await Agent.create(
            tenant=creator.tenant,
            name=name,
            creator_id=creator.id,
            token_hash=token_hash(token),
            executor_url="http://127.0.0.1:9/execute" if executor else None,
            executor_secret="sealed" if executor else None,
            created_at=self.clock.now(),
        )
        await self.write_policy(Caller(row.id, row.token_hash), policy)
        return Caller(row.id, row.token_hash)

    async def write_policy(self, caller: Caller, policy: Mapping[str, Any]) -> None:
        version = 1 + await PolicyVersion.filter(agent_id=caller.agent_id).count()
        async with transaction():
            await PolicyVersion.create(
                agent_id=caller.agent_id,
                version=version,
                document=json.dumps(document(parse_policy(dict(policy), default=Level.L2, version=version))),
                author="test",
                created_at=self.clock.now(),
            )
            await move_epoch()

    async def set_status(self, caller: Caller, status: AgentStatus) -> None:
        async with transaction():
            await Agent.filter(id=caller.agent_id).update(status=status)
            await move_epoch()

    async def check(self, caller: Caller, action: str = "delete_files", **kwargs: Any) -> CheckAnswer:
        key, wait = kwargs.pop("key", None), kwargs.pop("wait", 0)
        return await self.engine.check(caller, asks(action, **kwargs), idempotency_key=key, wait=wait)

    async def audited(self, action: str) -> list[AuditEntry]:
        return await AuditEntry.filter(action=action).order_by("id")


def asks(action: str = "delete_files", **kwargs: Any) -> ActionRequest:
    """The action request that the hook would parse; without details it deletes reports/2025."""
    details = kwargs.pop("details", {"tool": "delete_file", "args": {"path": "reports/2025"}})
    return parse_check(json.dumps({"action_type": action, "details": details, **kwargs}).encode())


def operator(user: User) -> Operator:
    return Operator(user.id, user.tenant, user.role, user.name)


@asynccontextmanager
async def open_gate(database: Database, clock: MovableClock | None = None) -> AsyncIterator[Gate]:
    clock = clock or MovableClock()
    await FeishuApp.get_or_create(
        app_id=APP_ID,
        defaults={
            "tenant": "default",
            "name": "Assent",
            "base_url": "http://127.0.0.1:9",
            "app_secret": "",
            "encrypt_key": "",
            "verification_token": "",
            "is_default": True,
            "created_at": clock.now(),
        },
    )
    people, ledger, journal, bell = People(APP_ID), Ledger(clock), Journal(clock), Bell()
    views = Views(Links("http://127.0.0.1:8787", ["k" * 32]))
    directory = Directory(default_level=Level.L2)
    async with Waiters(database) as waiters:
        approvals = ApprovalService(ledger, waiters, bell, people, views, TIMES)
        engine = EnforcementEngine(directory, journal, ledger, approvals, people, waiters, bell, clock)
        yield Gate(clock, people, ledger, journal, waiters, bell, directory, views, approvals, engine)
        await journal.close()
