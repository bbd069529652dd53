"""Rows that the web views show: people, an agent, approval requests in every state, with their audit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.asking.parsing import as_json
from bot.digest import action_digest, canonical
from bot.ledger import AuditFact, Ledger
from models.enums import ApprovalStatus, Delivery, ExecutionStatus, Language, Role, Via
from models.ids import new_id
from models.tables import Agent, ApprovalRequest, CardCopy, Notification, User
from models.values import ActionRequest, JsonObject
from tests.support.clock import MovableClock

PASSWORD = "correct horse battery"
ARGS: JsonObject = {
    "path": "reports/2025",
    "recursive": True,
    "older_than_days": 30,
    "exclude": ["*.keep", "README.md"],
    "password": PASSWORD,
    "note": "first line\nsecond line \u202egnp.exe",
    "nothing": None,
    "empty": {},
}
REQUEST = ActionRequest(
    action_type="delete_files",
    tool="delete_file",
    args=ARGS,
    reason="The reports of 2025 are archived elsewhere.\n**Nobody** <b>needs</b> them any more.",
    requested_by="lin@example.com",
    session="ses-7",
    call_id="call-9",
    extra={"ticket": "OPS-114"},
)


@dataclass(frozen=True)
class Town:
    """One tenant with its people and one agent, and somebody from elsewhere."""

    clock: MovableClock
    ledger: Ledger
    creator: User
    requester: User
    colleague: User
    admin: User
    stranger: User
    foreign_admin: User
    platform_admin: User
    agent: Agent

    async def approval(self, request: ActionRequest = REQUEST, **columns: Any) -> ApprovalRequest:
        """A pending approval request with its card sent and its first audit entry."""
        now = self.clock.now()
        digest = action_digest(request)
        row = await ApprovalRequest.create(
            **{
                "tenant": self.agent.tenant,
                "agent_id": self.agent.id,
                "creator_id": self.creator.id,
                "requester_id": self.requester.id,
                "requested_by": request.requested_by,
                "session": request.session or "",
                "action_type": request.action_type,
                "tool": request.tool,
                "request": canonical(as_json(request)).decode(),
                "action_digest": digest,
                "rendezvous_key": hashlib.sha256(digest.encode()).hexdigest(),
                "rule": "delete_*",
                "policy_version": 3,
                "check_id": new_id(),
                "created_at": now,
                "expires_at": now + timedelta(hours=72),
                "delivery": Delivery.SENT,
                **columns,
            }
        )
        await CardCopy.create(
            approval_id=row.id, person_id=self.creator.id, app_id="cli_x", state=Delivery.SENT, sent_at=now
        )
        await self.audit(row, f"agent:{self.agent.id}", "approval.requested", request=as_json(request))
        return row

    async def resolve(
        self, row: ApprovalRequest, status: ApprovalStatus, *, reason: str | None = None, preset: str | None = None
    ) -> None:
        by_person = status in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
        actor = f"user:{self.creator.id}" if by_person else "system"
        await ApprovalRequest.filter(id=row.id).update(
            status=status,
            resolved_at=self.clock.now(),
            resolved_by_id=self.creator.id if by_person else None,
            resolver_name=self.creator.name if by_person else None,
            resolved_via=Via.CARD if by_person else Via.EXPIRY,
            resolution_reason=reason,
            preset=preset,
        )
        details = {"preset": preset} if preset else {}
        await self.audit(row, actor, "approval.resolved", status=status.value, via="card", reason=reason, **details)

    async def finish(
        self, row: ApprovalRequest, status: ExecutionStatus, *, result: Any = None, error: str | None = None
    ) -> None:
        started = self.clock.now()
        self.clock.move(seconds=4)
        await ApprovalRequest.filter(id=row.id).update(
            claimed_at=started,
            execution=status,
            execution_started_at=started,
            execution_finished_at=self.clock.now(),
            execution_result=json.dumps(result),
            execution_error=error,
        )
        await self.audit(row, f"agent:{self.agent.id}", "approval.claimed", action_digest=row.action_digest)
        await self.audit(row, "system", "execution.finished", execution=status.value, error=error)

    async def audit(self, row: ApprovalRequest, actor: str, action: str, **details: Any) -> None:
        async with self.ledger.transaction() as work:
            work.audit(
                AuditFact(
                    row.tenant, actor, action, f"approval:{row.id}", dict(details), row.agent_id, approval_id=row.id
                )
            )

    async def tell(
        self,
        person: User,
        title: str,
        body: str = "",
        *,
        approval_id: UUID | None = None,
        kind: str = "approval.requested",
    ) -> Notification:
        self.clock.move(seconds=1)
        return await Notification.create(
            id=_id_at(self.clock.now()),
            tenant=person.tenant,
            person_id=person.id,
            type=kind,
            title=title,
            body=body,
            approval_id=approval_id,
            created_at=self.clock.now(),
        )


async def settle_town(clock: MovableClock) -> Town:
    async def person(name: str, role: Role = Role.MEMBER, tenant: str = "acme", **columns: Any) -> User:
        return await User.create(tenant=tenant, name=name, role=role, created_at=clock.now(), **columns)

    creator = await person("陈晓", email="chen@example.com")
    return Town(
        clock=clock,
        ledger=Ledger(clock),
        creator=creator,
        requester=await person("Lin Wei", language=Language.EN_US),
        colleague=await person("王芳"),
        admin=await person("赵敏", Role.ORG_ADMIN),
        stranger=await person("Someone", tenant="other"),
        foreign_admin=await person("Foreign Admin", Role.ORG_ADMIN, "other"),
        platform_admin=await person("Platform", Role.PLATFORM_ADMIN, "other"),
        agent=await Agent.create(
            tenant="acme", name="账房助手", creator_id=creator.id, token_hash=new_id().hex * 2, created_at=clock.now()
        ),
    )


def _id_at(at: datetime) -> UUID:
    """A version 7 id of the test's own time, so that order does not hang on how fast the test runs."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (new_id().int & ((1 << 80) - 1)))
