"""Story: something goes wrong, an admin freezes everything, everybody hears of it, and nothing is lost by it."""

from __future__ import annotations

import json
from datetime import timedelta

from bot.administration.actors import Actor
from bot.freezing.freezes import Frozen, Lifted
from models.enums import ExecutionStatus, Role
from models.values import Operator
from tests.support.service import ExecutorServer, RunningHouse


async def actor(house: RunningHouse) -> Actor:
    admin = await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    return Actor.of(Operator(admin.id, admin.tenant, admin.role, admin.name))


async def freeze_all(house: RunningHouse, *, hours: float | None = None) -> None:
    by = await actor(house)
    async with house.house.ledger.transaction() as work:
        until = None if hours is None else house.clock.now() + timedelta(hours=hours)
        frozen = await house.house.freezing.freeze(work, by, "all", until=until, reason="正在重复付款")
    assert isinstance(frozen, Frozen), frozen


async def unfreeze_all(house: RunningHouse) -> None:
    by = await actor(house)
    async with house.house.ledger.transaction() as work:
        assert isinstance(await house.house.freezing.unfreeze(work, by, "all"), Lifted)


async def test_red_cards_go_to_everybody_and_nothing_runs(house: RunningHouse, executor: ExecutorServer) -> None:
    feishu = house.feishu
    agent = await house.agent(executor=executor)
    asked = await agent.asks()
    question = await feishu.next_card(to=feishu.creator)
    await freeze_all(house)
    for person in (feishu.creator, feishu.admin):
        card = await feishu.next_card(to=person, containing="全部智能体已冻结")
        drawn = json.dumps(card.card, ensure_ascii=False)
        assert '"template": "red"' in drawn
        assert "正在重复付款" in drawn
        assert "/unfreeze all" in drawn

    denied = await agent.asks("read_files")
    assert (denied["allowed"], denied["status"], denied["layer"]) == (False, "denied", "freeze")
    pending = await agent.asks()
    assert (pending["allowed"], pending["status"], pending["approval_id"]) == (False, "pending", asked["approval_id"])
    assert (await feishu.click(question, "approve", by=feishu.creator)).code == 0
    await house.settled()
    held = await house.approval(asked)
    assert held.execution is ExecutionStatus.NOT_STARTED
    assert executor.orders == []

    await unfreeze_all(house)
    told = await feishu.next_text(to=feishu.creator, containing="已解冻")
    assert "全部智能体" in told.text
    done = await agent.looks(asked["approval_id"], wait=60)
    assert done["execution"]["status"] == "succeeded"
    assert len(executor.orders) == 1
    assert (await agent.asks("read_files"))["allowed"]


async def test_a_go_ahead_cannot_be_claimed_during_a_freeze_and_is_not_lost(house: RunningHouse) -> None:
    agent = await house.agent()
    asked = await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    await freeze_all(house, hours=2)
    claim = f"/v1/approvals/{asked['approval_id']}/claim"
    status, problem = await agent.call("POST", claim, {"action_digest": asked["action_digest"]})
    assert (status, problem["code"], problem["by"]) == (409, "frozen", house.feishu.admin.name)
    assert not (await agent.asks())["allowed"]
    house.clock.offset += timedelta(hours=2)  # the freeze is over by itself, whether or not anybody ticks
    status, answer = await agent.call("POST", claim, {"action_digest": asked["action_digest"]})
    assert (status, answer["allowed"]) == (200, True)


async def test_a_timed_freeze_ends_by_itself_and_says_so(house: RunningHouse) -> None:
    agent = await house.agent()
    await freeze_all(house, hours=2)
    assert not (await agent.asks("read_files"))["allowed"]
    await house.settled()
    house.clock.offset += timedelta(hours=2)
    await house.feishu.advance(timedelta())
    await house.house.freezing.lift_due(house.clock.now())
    told = await house.feishu.next_text(to=house.feishu.creator, containing="已解冻")
    assert "到时间自动结束" in told.text
    assert (await agent.asks("read_files"))["allowed"]
    assert [entry.actor for entry in await house.audited("freeze.ended")] == ["system"]
