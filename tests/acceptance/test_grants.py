"""Story: a creator is asked less. One tap gives a bounded grant, each use is told, one tap ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.simulator.state import Message
from models.enums import GrantKind, Role
from models.tables import ApprovalRequest, Grant, Review
from tests.support.service import HookAgent, RunningHouse, house_running

POLICY = {"reimburse": "L3", "delete_*": "L3", "*": "L1"}


def reimbursement(**changes: Any) -> dict[str, Any]:
    args = {"amount": 860, "currency": "CNY", "for": "顺丰速运", "memo": "三月快递费"}
    return {"tool": "books.reimburse", "args": {**args, **changes}, "reason": "报销单已核对"}


async def approved(house: RunningHouse, agent: HookAgent, **changes: Any) -> Message:
    """The agent asked, its creator approved, the agent went ahead; the card says so."""
    asked = await agent.asks("reimburse", details=reimbursement(**changes))
    assert asked["status"] == "pending", asked
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    assert (await agent.asks("reimburse", details=reimbursement(**changes)))["allowed"]
    return card


def button(house: RunningHouse, card: Message, act: str) -> str:
    """The full name of the one button that does this."""
    [name] = [name for name in house.feishu.buttons(card) if name.partition(":")[0] == act]
    return name


def acts(house: RunningHouse, card: Message) -> set[str]:
    return {name.partition(":")[0] for name in house.feishu.buttons(card)} - {""}


async def test_exact_grant_from_the_card_spares_the_same_call_and_one_tap_ends_it(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    card = await approved(house, agent)
    given = await feishu.click(card, button(house, card, "grant_exact"), by=lin)
    assert (given.code, given.toast.kind) == (0, "success")
    assert acts(house, card) == {"grant_revoke"}

    answer = await agent.asks("reimburse", details=reimbursement())
    assert (answer["allowed"], answer["level"], answer["layer"]) == (True, "L2", "grant")
    notice = await feishu.next_card(to=lin, containing="顺丰速运")
    assert lin.name in feishu.words(notice)
    assert "19" in feishu.words(notice)
    other = await agent.asks("reimburse", details=reimbursement(amount=859))
    assert other["status"] == "pending"

    ended = await feishu.click(notice, button(house, notice, "grant_revoke"), by=lin)
    assert (ended.code, ended.toast.kind) == (0, "success")
    assert acts(house, notice) == set()
    assert "已撤销" in feishu.words(notice)
    assert "顺丰速运" in feishu.words(notice)
    assert (await agent.asks("reimburse", details=reimbursement()))["status"] == "pending"
    shown = await feishu.card_until(card, lambda _: "grant_revoke" not in acts(house, card))
    assert "已撤销" in json.dumps(shown, ensure_ascii=False)
    for action in ("grant.given", "grant.used", "grant.revoked"):
        assert len(await house.audited(action)) == 1


async def test_kind_for_today_with_chosen_fields_fixed(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    card = await approved(house, agent)
    kept = ["1", "2"]  # by place among amount, currency, for, memo
    await feishu.click(card, button(house, card, "grant_kind"), by=lin, form={"fixed": kept})
    [grant] = await Grant.all()
    assert grant.kind is GrantKind.KIND
    assert (grant.expires_at - grant.created_at).total_seconds() <= 24 * 3600
    assert (await agent.asks("reimburse", details=reimbursement(amount=12, memo="补寄")))["allowed"]
    for beyond in ({"amount": 861}, {"currency": "USD"}, {"for": "别人"}, {"memo": "x" * 201}, {"more": 1}):
        answer = await agent.asks("reimburse", details=reimbursement(**beyond))
        assert answer["status"] == "pending", beyond


async def test_untouched_form_keeps_everything_but_the_amount(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    card = await approved(house, agent)
    await feishu.click(card, button(house, card, "grant_kind"), by=lin, omit_value=True)
    assert (await agent.asks("reimburse", details=reimbursement(amount=859)))["allowed"]
    assert (await agent.asks("reimburse", details=reimbursement(memo="另一笔")))["status"] == "pending"


async def test_where_the_floor_asks_nothing_is_offered_and_nothing_can_be_given(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy={"*": "L3"}), house.feishu.creator, house.feishu
    asked = await agent.asks("delete_files")
    card = await feishu.next_card(to=lin)
    await feishu.click(card, "approve", by=lin)
    assert acts(house, card) == set()
    forged = offering(asked["approval_id"])
    press = await feishu.click(card, f"grant_exact:{asked['approval_id']}", by=lin, shown=forged, unseen=True)
    assert (press.code, press.toast.kind) == (0, "error")
    assert not await Grant.exists()
    [refused] = await house.audited("grant.refused")
    assert json.loads(refused.details)["refusal"] == "below_floor"


def offering(approval_id: str) -> dict[str, Any]:
    """A card of this approval that offers what the real one does not, as a forged client would press it."""
    value = {"act": "grant_exact", "approval_id": approval_id}
    pressed = {
        "tag": "button",
        "name": f"grant_exact:{approval_id}",
        "text": {"tag": "plain_text", "content": "-"},
        "behaviors": [{"type": "callback", "value": value}],
    }
    return {"schema": "2.0", "body": {"elements": [pressed]}}


async def test_strangers_press_is_refused_audited_and_leaves_the_card(house: RunningHouse) -> None:
    agent, feishu = await house.agent(policy=POLICY), house.feishu
    card = await approved(house, agent)
    name = button(house, card, "grant_exact")
    press = await feishu.click(card, name, by=feishu.stranger, unseen=True)
    assert (press.code, press.toast.kind, press.card) == (0, "error", None)
    assert name in feishu.buttons(card)
    assert not await Grant.exists()
    assert len(await house.audited("grant.refused")) == 1


async def test_redelivered_press_gives_nothing_again(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    card = await approved(house, agent)
    given = await feishu.click(card, button(house, card, "grant_exact"), by=lin)
    await feishu.click(card, button(house, card, "grant_revoke"), by=lin)
    again = await feishu.click_again(given)
    assert (again.code, again.toast.kind) == (0, "info")
    assert await Grant.all().count() == 1
    assert not await Grant.exists(revoked_at=None)


async def test_two_presses_at_once_give_one_grant(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    card = await approved(house, agent)
    before, name = feishu.card_now(card), button(house, card, "grant_exact")
    presses = await asyncio.gather(
        *(
            feishu.click(card, name, by=who, shown=before, unseen=True)
            for who in (lin, feishu.admin, lin, feishu.admin, lin)
        )
    )
    assert sorted(press.toast.kind for press in presses) == ["info"] * 4 + ["success"]
    assert await Grant.all().count() == 1
    assert len(await house.audited("grant.given")) == 1


async def test_admin_who_revokes_tells_the_creator(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    card = await approved(house, agent)
    await feishu.click(card, button(house, card, "grant_exact"), by=lin)
    await feishu.click(card, button(house, card, "grant_revoke"), by=feishu.admin, unseen=True)
    text = await feishu.next_text(to=lin, containing="授权已撤销")
    assert feishu.admin.name in text.text


async def test_refused_notice_card_becomes_a_text_that_says_how_to_revoke(house: RunningHouse) -> None:
    agent, lin, feishu = await house.agent(policy=POLICY), house.feishu.creator, house.feishu
    card = await approved(house, agent)
    await feishu.click(card, button(house, card, "grant_exact"), by=lin)
    await house.settled()
    feishu.fail_next("send", code=230099, msg="Failed to create card content")
    assert (await agent.asks("reimburse", details=reimbursement()))["allowed"]
    text = await feishu.next_text(to=lin, containing="/grant revoke")
    [grant] = await Grant.all()
    assert str(grant.id) in text.text
    await house.settled()  # the text arrives before its delivery is written down
    assert len(await house.audited("delivery.degraded")) == 1


@pytest.fixture
async def quick(database_url: str) -> AsyncIterator[RunningHouse]:
    """Three untouched approvals are enough, and every run is looked at."""
    async with house_running(database_url, graduation_after="3", review_sample="1") as running:
        yield running


async def graduated(house: RunningHouse, agent: HookAgent) -> Message:
    card = None
    for amount in (700, 860, 500):
        assert card is None or "graduate" not in acts(house, card)
        card = await approved(house, agent, amount=amount)
    assert card is not None
    return card


async def test_graduation_after_untouched_approvals_and_one_wrong_ends_it(quick: RunningHouse) -> None:
    agent, lin, feishu = await quick.agent(policy=POLICY), quick.feishu.creator, quick.feishu
    card = await graduated(quick, agent)
    accepted = await feishu.click(card, button(quick, card, "graduate"), by=lin)
    assert accepted.toast.kind == "success"
    [grant] = await Grant.all()
    assert (grant.kind, (grant.expires_at - grant.created_at).days) == (GrantKind.GRADUATED, 30)
    assert (await agent.asks("reimburse", details=reimbursement(amount=860)))["allowed"]
    assert (await agent.asks("reimburse", details=reimbursement(amount=861)))["status"] == "pending"

    await quick.later(hours=1)
    quick.house.bell.ring()
    review = await feishu.next_card(to=lin, containing="这次对吗")
    wrong = await feishu.click(review, button(quick, review, "review_wrong"), by=lin)
    assert (wrong.code, wrong.toast.kind) == (0, "success")
    assert acts(quick, review) == set()
    assert (await Grant.get(id=grant.id)).revoked_at is not None
    assert (await agent.asks("reimburse", details=reimbursement(amount=860)))["status"] == "pending"
    assert [len(await quick.audited(f"review.{step}")) for step in ("asked", "answered")] == [1, 1]


async def test_right_keeps_the_grant_and_the_first_answer_counts(quick: RunningHouse) -> None:
    agent, lin, feishu = await quick.agent(policy=POLICY), quick.feishu.creator, quick.feishu
    await quick.person(feishu.admin, role=Role.ORG_ADMIN)
    card = await graduated(quick, agent)
    await feishu.click(card, button(quick, card, "graduate"), by=lin)
    assert (await agent.asks("reimburse", details=reimbursement(amount=860)))["allowed"]
    await quick.later(hours=1)
    quick.house.bell.ring()
    review = await feishu.next_card(to=lin, containing="这次对吗")
    before = feishu.card_now(review)
    right, wrong = button(quick, review, "review_right"), button(quick, review, "review_wrong")
    refused = await feishu.click(review, wrong, by=feishu.stranger, unseen=True)
    assert (refused.toast.kind, refused.card) == ("error", None)
    assert (await feishu.click(review, right, by=lin)).toast.kind == "success"
    late = await feishu.click(review, wrong, by=feishu.admin, shown=before, unseen=True)
    assert late.toast.kind == "info"
    assert lin.name in late.toast.content
    assert (await Grant.get()).revoked_at is None
    assert (await Review.get()).answered_by_name == lin.name


async def test_a_typed_reason_a_rejection_or_a_failure_begins_the_count_anew(quick: RunningHouse) -> None:
    agent, lin, feishu = await quick.agent(policy=POLICY), quick.feishu.creator, quick.feishu
    await approved(quick, agent, amount=1)
    await approved(quick, agent, amount=2)
    await agent.asks("reimburse", details=reimbursement(amount=3))
    card = await feishu.next_card(to=lin)
    await feishu.click(card, "approve", by=lin, reason="这次可以")
    assert acts(quick, card) == {"grant_exact", "grant_kind"}
    await approved(quick, agent, amount=4)
    await approved(quick, agent, amount=5)
    failed = await ApprovalRequest.all().order_by("-id").first()
    assert failed is not None
    await agent.reports(str(failed.id), "failed")
    card = await approved(quick, agent, amount=6)
    assert acts(quick, card) == {"grant_exact", "grant_kind"}
    await approved(quick, agent, amount=7)
    card = await approved(quick, agent, amount=8)
    assert acts(quick, card) == {"graduate", "grant_exact", "grant_kind"}
