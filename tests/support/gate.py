"""The gate without its network: real database, journal and use cases, built as the composition root builds them."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.approvals import ApprovalService, ApprovalTimes
from bot.asking.parsing import parse_check
from bot.checking.binding import Binding
from bot.checking.ruling import Ruling
from bot.database import Database, transaction
from bot.digest import action_digest
from bot.directory import Caller, Directory, move_epoch, token_hash
from bot.enforcement import EnforcementEngine
from bot.granting.bounds import default_fixed, exact_bounds, kind_bounds
from bot.granting.grants import Grants
from bot.granting.ground import Grounds
from bot.granting.telling import GrantTelling
from bot.granting.values import GrantTerms
from bot.journal.flushing import Journal
from bot.ledger import Ledger
from bot.metering import Metering, forget
from bot.outbox import Bell
from bot.people.joining import People
from bot.policy.parse import document, floor_document, parse_floor, parse_policy
from bot.quotas import Quotas
from bot.secrecy.links import Links
from bot.views import Views
from bot.waiters.registry import Waiters
from models.enums import AgentStatus, GrantKind, Level, Role
from models.tables import Agent, AuditEntry, FeishuApp, FloorVersion, Freeze, Grant, PolicyVersion, User
from models.values import ActionRequest, CheckAnswer, Operator
from tests.support.clock import MovableClock

APP_ID = "cli_default"
ZONE = ZoneInfo("Asia/Shanghai")
GENEROUS = Quotas(checks_per_minute=10_000_000, max_pending=100_000)
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
    binding: Binding
    grants: Grants
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
            await move_epoch()
            await PolicyVersion.create(
                agent_id=caller.agent_id,
                version=version,
                document=json.dumps(document(parse_policy(dict(policy), default=Level.L2, version=version))),
                author="test",
                created_at=self.clock.now(),
            )
            await forget([caller.agent_id])

    async def write_floor(self, floor: Mapping[str, Any], *, tenant: str = "default") -> None:
        version = 1 + await FloorVersion.filter(tenant=tenant).count()
        async with transaction():
            await move_epoch()
            await FloorVersion.create(
                tenant=tenant,
                version=version,
                document=json.dumps(floor_document(parse_floor(dict(floor), version=version))),
                author="test",
                created_at=self.clock.now(),
            )
            await forget(tenant)

    async def freeze(
        self, caller: Caller | None = None, *, until: datetime | None = None, tenant: str = "default"
    ) -> Freeze:
        """The agent, or the whole tenant, stands still; without cards (bot.freezing.freezes)."""
        async with transaction():
            await move_epoch()
            return await Freeze.create(
                tenant=tenant,
                agent_id=caller.agent_id if caller else None,
                frozen_by="test",
                frozen_by_name="王敏",
                frozen_at=self.clock.now(),
                until=until,
            )

    async def lift(self, freeze: Freeze) -> None:
        async with transaction():
            await move_epoch()
            await Freeze.filter(id=freeze.id).update(lifted_at=self.clock.now())

    async def grant(
        self,
        caller: Caller,
        giver: User,
        request: ActionRequest,
        *,
        uses: int = 20,
        kind: GrantKind = GrantKind.EXACT,
        lasts: timedelta = timedelta(hours=1),
    ) -> Grant:
        """A grant for exactly this request, or for its kind with all but amounts fixed (bot.granting)."""
        bounds = exact_bounds(action_digest(request))
        if kind is not GrantKind.EXACT:
            bounds = kind_bounds(request, default_fixed(request))
        async with transaction():
            await move_epoch()
            return await Grant.create(
                tenant=giver.tenant,
                agent_id=caller.agent_id,
                giver_id=giver.id,
                kind=kind,
                action_type=request.action_type,
                tool=request.tool,
                bounds=json.dumps(bounds),
                created_at=self.clock.now(),
                expires_at=self.clock.now() + lasts,
                max_uses=uses,
            )

    async def observe(self, caller: Caller, until: datetime | None) -> None:
        async with transaction():
            await move_epoch()
            await Agent.filter(id=caller.agent_id).update(observe_until=until)

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
    """The action request that the hook would parse; without details it is about reports/2025."""
    tool = "delete_file" if action == "delete_files" else action  # the starter floor looks at the tool too
    details = kwargs.pop("details", {"tool": tool, "args": {"path": "reports/2025"}})
    return parse_check(json.dumps({"action_type": action, "details": details, **kwargs}).encode())


def operator(user: User) -> Operator:
    return Operator(user.id, user.tenant, user.role, user.name)


@asynccontextmanager
async def open_gate(
    database: Database, clock: MovableClock | None = None, *, quotas: Quotas | None = None
) -> AsyncIterator[Gate]:
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
        binding = Binding(people, Metering(ZONE))
        law = Ruling(directory, binding)
        approvals = ApprovalService(ledger, waiters, bell, people, views, TIMES, law=law)
        terms = GrantTerms(zone=ZONE, review_key=b"review" * 6)
        grants = Grants(Grounds(directory, people), GrantTelling(people, approvals.telling, bell, clock), terms)
        engine = EnforcementEngine(
            directory, journal, ledger, approvals, binding, grants, quotas or GENEROUS, waiters, bell, clock
        )
        yield Gate(clock, people, ledger, journal, waiters, bell, directory, views, approvals, binding, grants, engine)
        await journal.close()
