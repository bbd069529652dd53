"""Story: fifty people press at once, over the real webhook; one of them decides, and everybody else is told who."""

from __future__ import annotations

import random

import pytest

from bot.simulator.limits import Limits
from bot.simulator.simulator import Click
from models.enums import ApprovalStatus, ExecutionStatus, Role
from tests.support.feishu import together
from tests.support.service import ExecutorServer, HookAgent, RunningHouse, house_running

ROUNDS = 5
CLICKS = 50
SEED = 20261122
PATIENCE = 60.0
"""Seconds instead of three: who wins is the question here, not how fast this machine is."""


async def test_fifty_clicks_over_http_resolve_and_execute_once(
    database_url: str, executor: ExecutorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.card_clicks.ANSWER_WITHIN", PATIENCE)
    chance = random.Random(SEED)
    async with house_running(database_url, limits=Limits(0, 0, 0, 0), deadline=PATIENCE) as house:
        await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
        agent = await house.agent(executor=executor)
        for number in range(ROUNDS):
            await one_round(house, agent, executor, f"round {number}", chance)


async def one_round(
    house: RunningHouse, agent: HookAgent, executor: ExecutorServer, session: str, chance: random.Random
) -> None:
    """Approve and reject mixed, by creator and admin, all with the card as it was when it was open."""
    feishu, before = house.feishu, len(executor.orders)
    asked = await agent.asks(session=session)
    card = await feishu.next_card(to=feishu.creator)
    shown = feishu.card_now(card)
    presses = [(button, by) for button in ("approve", "reject") for by in (feishu.creator, feishu.admin)] * (
        CLICKS // 4
    ) + [("approve", feishu.creator), ("reject", feishu.admin)]
    chance.shuffle(presses)
    clicks: list[Click] = await together(
        *(feishu.click(card, button, by=by, shown=shown, unseen=True) for button, by in presses)
    )
    await judge(house, asked, clicks)
    looked = await agent.looks(asked["approval_id"], wait=60)
    approved = looked["status"] == "approved"
    assert not approved or looked["execution"]["status"] == ExecutionStatus.SUCCEEDED
    await house.settled()
    assert len(executor.orders) - before == approved


async def judge(house: RunningHouse, asked: dict[str, str], clicks: list[Click]) -> None:
    """One success, and as many refusals as there are other clicks, each naming who decided."""
    approval = await house.approval(asked)
    assert approval.status in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)
    assert [click.code for click in clicks] == [0] * CLICKS
    won = [click for click in clicks if click.toast and click.toast.kind == "success"]
    refused = [click for click in clicks if click not in won]
    assert (len(won), len(refused)) == (1, CLICKS - 1)
    assert approval.resolver_name == won[0].by.name
    for click in refused:
        assert click.toast is not None
        assert won[0].by.name in click.toast.content
    mine = [entry for entry in await house.audited("approval.resolved") if entry.approval_id == approval.id]
    noes = [entry for entry in await house.audited("approval.refused") if entry.approval_id == approval.id]
    assert (len(mine), len(noes)) == (1, CLICKS - 1)
