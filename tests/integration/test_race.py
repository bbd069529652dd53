"""Fifty presses at once: one resolution, one execution, forty-nine refusals that name it; 200 rounds each database."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.approvals import Resolved
from bot.clicks import Clicks, Pressed
from bot.directory import Caller
from bot.execution.executions import Executions
from bot.ports import ExecutionOrder, Outcome, OutcomeKind
from cards import messages
from models.enums import ApprovalStatus, ExecutionStatus, Language, OutboxKind, Role, Verdict
from models.ids import new_id
from models.tables import ApprovalRequest, FeishuIdentity, OutboxMessage, User
from models.values import AppCredentials, CardClick, PersonIds, Refusal, RefusalKind
from tests.support.gate import APP_ID, Gate

ROUNDS = 200
CLICKS = 50
APP = AppCredentials(APP_ID, "default", "http://127.0.0.1:9", "s", "e", "v")


class CountingExecutor:
    """Performs nothing and remembers every order."""

    def __init__(self) -> None:
        self.orders: list[ExecutionOrder] = []

    async def execute(self, url: str, secrets: list[str], order: ExecutionOrder) -> Outcome:
        self.orders.append(order)
        await asyncio.sleep(0)
        return Outcome(OutcomeKind.SUCCEEDED, {"done": True})


async def identity(user: User, open_id: str, gate: Gate) -> PersonIds:
    await FeishuIdentity.create(
        app_id=APP_ID, person_id=user.id, open_id=open_id, union_id=f"on_{open_id}", updated_at=gate.clock.now()
    )
    return PersonIds(open_id=open_id, union_id=f"on_{open_id}")


def press(approval: ApprovalRequest, verdict: Verdict, by: PersonIds) -> CardClick:
    value = {"approval_id": str(approval.id), "verdict": verdict.value}
    return CardClick(str(new_id()), APP_ID, by, None, None, value, verdict.value, {}, None)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_fifty_clicks_at_once_resolve_and_execute_once(gate: Gate) -> None:
    """Defects 2 and 3: one conditional update decides, and the action runs once, outside the transaction."""
    lin, wang = await gate.person("林小雨"), await gate.person("王敏", role=Role.ORG_ADMIN)
    people = [await identity(lin, "ou_lin", gate), await identity(wang, "ou_wang", gate)]
    agent = await gate.agent(lin, executor=True)
    clicks = Clicks(gate.approvals, gate.people, gate.views, gate.clock)
    executor = CountingExecutor()
    executions = Executions(
        gate.ledger, gate.approvals, gate.directory, gate.binding, executor, lambda sealed, bound_to: ""
    )
    chance = random.Random(20261122)
    approved = 0
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        asked = await gate.check(agent)
        approval = await ApprovalRequest.get(id=asked.approval_id)
        pressed = await asyncio.gather(
            *(
                clicks.press(APP, press(approval, chance.choice(list(Verdict)), chance.choice(people)))
                for _ in range(CLICKS)
            )
        )
        approved += await judge(
            gate, agent, approval, [one for one in pressed if isinstance(one, Pressed)], executions, executor
        )
        gate.clock.move(minutes=11)  # past the cool-down: the next round is a new question
    assert 0 < approved < ROUNDS
    assert len(executor.orders) == len({order.approval_id for order in executor.orders}) == approved


async def judge(
    gate: Gate,
    agent: Caller,
    approval: ApprovalRequest,
    pressed: list[Pressed],
    executions: Executions,
    executor: CountingExecutor,
) -> bool:
    """One round's verdicts; whether it was approved (and then executed, although two workers try)."""
    won = [one.outcome for one in pressed if isinstance(one.outcome, Resolved)]
    refused = [one.outcome for one in pressed if isinstance(one.outcome, Refusal)]
    assert (len(won), len(refused)) == (1, CLICKS - 1)
    await approval.refresh_from_db()
    assert approval.status is won[0].resolution.status
    for refusal in refused:
        assert refusal.kind is RefusalKind.ALREADY_RESOLVED
        assert (refusal.by, refusal.at, refusal.status) == (
            approval.resolver_name,
            approval.resolved_at,
            approval.status,
        )
        assert (approval.resolver_name or "?") in messages.refusal_text(refusal, Language.ZH_CN, gate.clock.now())
    orders = await OutboxMessage.filter(kind=OutboxKind.EXECUTE, approval_id=approval.id).count()
    before = len(executor.orders)
    if approval.status is ApprovalStatus.APPROVED:
        await asyncio.gather(*(executions.run(approval.id) for _ in range(2)))
        await approval.refresh_from_db()
        assert approval.execution is ExecutionStatus.SUCCEEDED
        again = await gate.check(agent)
        assert (again.allowed, again.approval_id) == (False, approval.id)
    assert orders == len(executor.orders) - before == (approval.status is ApprovalStatus.APPROVED)
    return approval.status is ApprovalStatus.APPROVED
