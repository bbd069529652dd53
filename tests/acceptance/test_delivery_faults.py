"""Story: Feishu refuses. What passes is tried again; what does not is shown, audited and told to who can act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from models.enums import ApprovalStatus, Delivery, OutboxState, Role
from models.tables import Notification, OutboxMessage
from tests.support.service import RunningHouse

RATE_LIMITS: Mapping[str, dict[str, Any]] = {
    "230020": {"kind": "answer", "code": 230020, "msg": "This operation triggers the frequency limit."},
    "429 with a reset header": {"kind": "rate_limit", "seconds": 1},
    "400 with 99991400": {"kind": "rate_limit", "status": 400, "seconds": 1},
}

CODES = {"230020": 230020, "429 with a reset header": 99991400, "400 with 99991400": 99991400}

PERMANENT: Mapping[int, str] = {
    230099: "Failed to create card content, ext=ErrCode: 200621; ErrMsg: parse card json err",
    230025: "The length of the message content reaches its limit.",
}


@pytest.mark.parametrize("limit", RATE_LIMITS)
async def test_rate_limit_is_waited_for_and_the_card_arrives_once(house: RunningHouse, limit: str) -> None:
    agent = await house.agent()
    fault = house.feishu.fail_next("send", **RATE_LIMITS[limit])
    asked = await agent.asks()
    await house.feishu.met(fault)
    await house.feishu.next_card(to=house.feishu.creator)
    await house.settled()
    assert len(house.feishu.messages()) == 1
    assert [call.code for call in house.feishu.calls("send")] == [CODES[limit], 0]
    assert (await house.approval(asked)).delivery is Delivery.SENT


@pytest.mark.parametrize("code", PERMANENT)
async def test_refused_card_becomes_a_text_with_the_command_that_decides(house: RunningHouse, code: int) -> None:
    agent = await house.agent()
    house.feishu.fail_next("send", code=code, msg=PERMANENT[code])
    asked = await agent.asks()
    text = await house.feishu.next_text(to=house.feishu.creator)
    command = f"/approve {asked['approval_id']} {asked['code']}"
    assert command in text.text
    await house.settled()
    assert (await agent.looks(asked["approval_id"]))["delivery"]["state"] == Delivery.DEGRADED
    assert len(await house.audited("delivery.degraded")) == 1
    assert house.feishu.messages(type="interactive") == []
    assert (await house.feishu.say(house.feishu.creator, command)).delivered
    assert (await agent.asks())["allowed"]


async def test_creator_out_of_reach_is_visible_and_the_admins_are_asked_instead(house: RunningHouse) -> None:
    feishu = house.feishu
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    agent = await house.agent()
    feishu.app.availability = {feishu.admin, feishu.stranger}  # 230013 for everybody else
    asked = await agent.asks()
    card = await feishu.next_card(to=feishu.admin)
    alert = await feishu.next_text(to=feishu.admin)
    assert feishu.creator.name in alert.text
    assert asked["code"] in feishu.words(card)
    await house.settled()
    looked = await agent.looks(asked["approval_id"])
    assert looked["delivery"]["state"] == Delivery.SENT
    assert "230013" in looked["delivery"]["detail"]
    [failed] = await house.audited("delivery.failed")
    assert str(failed.approval_id) == asked["approval_id"]
    assert await Notification.filter(type="delivery.failed").count() == 1
    assert feishu.messages(to=feishu.creator) == []
    click = await feishu.click(card, "approve", by=feishu.admin)
    assert click.toast is not None
    assert click.toast.kind == "success"
    assert (await agent.asks())["allowed"]


async def test_question_that_reaches_nobody_says_so(house: RunningHouse) -> None:
    agent = await house.agent()
    house.feishu.app.availability = set()
    asked = await agent.asks()
    await house.feishu.called("send")
    await house.settled()
    looked = await agent.looks(asked["approval_id"])
    assert (looked["status"], looked["delivery"]["state"]) == ("pending", Delivery.UNDELIVERABLE)
    assert "230013" in looked["delivery"]["detail"]
    assert len(await house.audited("delivery.failed")) == 1
    assert not await OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING]).exists()
    assert (await house.approval(asked)).status is ApprovalStatus.PENDING


async def test_wrong_app_secret_is_shown_and_everything_flows_once_it_is_mended(house: RunningHouse) -> None:
    """Nobody can be told by Feishu, so state, audit and log say it; the checks go on."""
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    agent = await house.agent()
    with (
        structlog.testing.capture_logs() as logs,
        house.feishu.outage("answer", "token", code=10014, msg="app secret invalid"),
    ):
        asked = await agent.asks()
        assert (await agent.asks("write_files"))["allowed"]
        await house.feishu.called("token")
        await house.settled()
        looked = await agent.looks(asked["approval_id"])
        assert (looked["status"], looked["delivery"]["state"]) == ("pending", Delivery.QUEUED)
        assert "10014" in looked["delivery"]["detail"]
        entries = await house.audited("app.misconfigured")
        assert entries
        assert all("10014" in entry.details for entry in entries)
        await house.until_next_attempts()
        await house.settled()
    assert any(line.get("code") == 10014 for line in logs)
    assert house.feishu.messages() == []
    await house.until_next_attempts()
    await house.feishu.next_card(to=house.feishu.creator, containing=asked["code"])
    await house.until_next_attempts()
    await house.feishu.next_card(to=house.feishu.creator, containing="write_files")
    await house.feishu.next_text(to=house.feishu.admin)
    await house.settled()
    assert (await house.approval(asked)).delivery is Delivery.SENT


async def test_wrong_app_secret_is_audited_although_there_is_no_admin_to_tell(house: RunningHouse) -> None:
    agent = await house.agent()
    with house.feishu.outage("answer", "token", code=10014, msg="app secret invalid") as fault:
        asked = await agent.asks()
        await house.feishu.met(fault)
        await house.settled()
        await house.until_next_attempts()
        await house.settled()
        assert fault.used >= 2
    [entry] = await house.audited("app.misconfigured")
    assert str(entry.approval_id) == asked["approval_id"]
