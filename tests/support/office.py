"""A gate with everything behind it that delivers, executes and reminds; Feishu and executors are remembered calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot import outbox
from bot.database import Database, in_open_transaction
from bot.delivery import Delivery
from bot.delivery.looking_up import LookUp
from bot.delivery.nudging import RemindPerson
from bot.delivery.queue_cards import SendQueue, UpdateQueue
from bot.delivery.reaching import Reach
from bot.delivery.unpinning import UnpinBot
from bot.delivery.worker import Worker
from bot.execution.executions import Executions
from bot.people.employment import Employments
from bot.people.news import PersonNews
from bot.plans import Usual
from bot.ports import ExecutionOrder, Outcome, OutcomeKind
from bot.queueing.opening import Queueing
from bot.receipts import Receipts
from bot.reminders import Reminders
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from models.approval import ApprovalRequest, CardCopy
from models.enums import OutboxKind, Role, Verdict, Via
from models.ids import new_id
from models.tables import Agent, AuditEntry, FeishuIdentity, OutboxMessage, User
from tests.support.gate import APP_ID, ZONE, Gate, open_gate, operator
from tests.support.gateway import RecordingGateway

ANY_TIME = Usual(ZONE, "never", "1234567")


class RecordingExecutor:
    """Remembers the orders; answers with `outcome` once `hold`, if any, is set."""

    def __init__(self) -> None:
        self.orders: list[ExecutionOrder] = []
        self.secrets: list[list[str]] = []
        self.outcome: Outcome | Exception = Outcome(OutcomeKind.SUCCEEDED, result={"deleted": 3})
        self.entered = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def execute(self, url: str, secrets: list[str], order: ExecutionOrder) -> Outcome:
        assert not in_open_transaction(), "an action ran inside a transaction"
        self.orders.append(order)
        self.secrets.append(secrets)
        self.entered.set()
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass(frozen=True)
class Office:
    gate: Gate
    gateway: RecordingGateway
    executor: RecordingExecutor
    executions: Executions
    reminders: Reminders
    delivery: Delivery
    box: SecretBox

    def worker(self, **kwargs: Any) -> Worker:
        return Worker(self.gate.ledger, self.delivery.deliver, self.gate.bell, self.gate.clock, **kwargs)

    async def deliver(self) -> int:
        """Everything that is due is delivered."""
        return await self.worker().drain()

    async def person(self, name: str, *, role: Role = Role.MEMBER, email: str | None = None) -> User:
        """A person whom the default app knows by user_id and open_id."""
        user = await self.gate.person(name, role=role)
        if email:
            await User.filter(id=user.id).update(email=email)
        await FeishuIdentity.create(
            app_id=APP_ID,
            person_id=user.id,
            open_id=f"ou_{name.lower()}",
            user_id=f"u_{name.lower()}",
            updated_at=self.gate.clock.now(),
        )
        return user

    async def asked(self, creator: User, *, executor: bool = False, **kwargs: Any) -> ApprovalRequest:
        """A pending approval of the creator's agent; the card is in the outbox."""
        caller = await self.gate.agent(creator, executor=executor)
        if executor:
            sealed = self.box.seal("whsec_c2VjcmV0", bound_to=str(caller.agent_id))
            await Agent.filter(id=caller.agent_id).update(executor_secret=sealed)
        answer = await self.gate.check(caller, **kwargs)
        assert answer.approval_id is not None
        return await ApprovalRequest.get(id=answer.approval_id)

    async def resolve(self, approval: ApprovalRequest, by: User, verdict: Verdict = Verdict.APPROVE) -> None:
        resolved = await self.gate.approvals.resolve(approval.id, verdict, operator(by), via=Via.CARD)
        assert hasattr(resolved, "resolution"), resolved

    async def say(self, person: User, text: str, **kwargs: Any) -> OutboxMessage:
        message = outbox.text(
            tenant=person.tenant,
            person_id=person.id,
            app_id=kwargs.pop("app_id", APP_ID),
            text=text,
            now=self.gate.clock.now(),
            **kwargs,
        )
        last = await OutboxMessage.all().order_by("-id").first()
        while last is not None and message.id <= last.id:  # ids of one millisecond are in no order
            message.id = new_id()
        await outbox.add([message])
        self.gate.bell.ring()
        return message


@asynccontextmanager
async def open_office(database: Database, *, usual: Usual = ANY_TIME) -> AsyncIterator[Office]:
    async with open_gate(database) as gate:
        gateway, executor, box = RecordingGateway(), RecordingExecutor(), SecretBox(["s" * 32])
        reach = Reach(gateway, gate.people, gate.clock)
        executions = Executions(gate.ledger, gate.approvals, gate.directory, gate.binding, executor, box.open)
        news = PersonNews(gate.ledger, gate.people, Employments(gate.people, gate.approvals.questioning, gate.bell))
        delivery = Delivery(
            gateway,
            gate.people,
            gate.views,
            Links("http://127.0.0.1:8787", ["k" * 32]),
            gate.approvals,
            executions,
            gate.waiters,
            gate.bell,
            gate.clock,
            also={
                OutboxKind.NUDGE: RemindPerson(
                    gateway,
                    reach,
                    gate.people,
                    gate.views,
                    gate.approvals.questioning,
                    gate.ledger,
                    gate.clock,
                    usual,
                    Receipts(gate.ledger, gate.people, gate.waiters, gate.clock),
                    Queueing(gate.bell),
                ),
                OutboxKind.UNPIN: UnpinBot(gateway, gate.people),
                OutboxKind.QUEUE_CARD: SendQueue(reach, gate.people, gate.views, gate.clock),
                OutboxKind.QUEUE_UPDATE: UpdateQueue(gateway, gate.views, gate.clock),
                OutboxKind.LOOK_UP: LookUp(gateway, gate.people, news, gate.clock),
            },
        )
        reminders = Reminders(gate.ledger, gate.approvals, usual)
        yield Office(gate, gateway, executor, executions, reminders, delivery, box)


async def fresh(approval: ApprovalRequest) -> ApprovalRequest:
    return await ApprovalRequest.get(id=approval.id)


async def copies(approval: ApprovalRequest) -> list[CardCopy]:
    return await CardCopy.filter(approval_id=approval.id).order_by("id")


async def state_of(message: OutboxMessage) -> OutboxMessage:
    return await OutboxMessage.get(id=message.id)


async def facts_of(approval_id: UUID) -> list[str]:
    """The actions in the audit of one approval, in order."""
    return [entry.action for entry in await AuditEntry.filter(approval_id=approval_id).order_by("id")]
