"""The 23 defects that were proven in the seed of this product (docs/architecture.md); each must be impossible here."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.approvals import Resolved, stored_request
from bot.database import transaction
from bot.directory import move_epoch
from bot.people.apps import UnknownApp
from models.enums import AgentStatus, ApprovalStatus, Role, Verdict, Via
from models.tables import Agent, AuditEntry, FeishuIdentity, Notification, OutboxMessage, User
from models.values import PersonIds, Refusal
from tests.support.gate import operator
from tests.support.service import ExecutorServer, RunningHouse

SECRET = "sk-live-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"  # a made-up credential


async def ask_and_get_card(house: RunningHouse, **agent: Any) -> tuple[Any, Any, Any]:
    asking = await house.agent(**agent)
    answer = await asking.asks()
    return asking, answer, await house.feishu.next_card(to=house.feishu.creator)


async def test_defect_01_arguments_are_never_cut_and_only_what_was_hashed_is_executed(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    args = {"path": "w" * 10_000, "recursive": True, "keep": ["a", {"b": 1}]}
    for written in (args, json.dumps(args), repr(args)):
        agent = await house.agent(executor=executor, name=f"Agent {len(executor.orders)}")
        details = {"tool": "delete_file", "args": written}
        waiting = asyncio.create_task(agent.asks(details=details, wait=60))
        card = await house.feishu.next_card(to=house.feishu.creator)
        await house.feishu.click(card, "approve", by=house.feishu.creator)
        assert (await asyncio.wait_for(waiting, 20))["execution"]["status"] == "succeeded"
        assert executor.orders[-1]["data"]["args"] == args
    assert len(executor.orders) == 3


async def test_defect_02_approve_against_reject_has_one_winner_and_one_success(house: RunningHouse) -> None:
    _, answer, card = await ask_and_get_card(house)
    before = house.feishu.card_now(card)
    clicks = await asyncio.gather(
        *(
            house.feishu.click(card, button, by=house.feishu.creator, shown=before)
            for button in ("approve", "reject", "approve", "reject")
        )
    )
    assert [click.toast.kind for click in clicks].count("success") == 1
    assert len(await house.audited("approval.resolved")) == 1
    assert (await house.approval(answer)).status in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)


async def test_defect_03_a_failing_tool_never_reopens_the_question(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    executor.status = 500
    agent, answer, card = await ask_and_get_card(house, executor=executor)
    before = house.feishu.card_now(card)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    looked = await agent.looks(answer["approval_id"], wait=30)
    assert (looked["status"], looked["execution"]["status"]) == ("approved", "failed")
    for _ in range(2):
        await house.feishu.click(card, "approve", by=house.feishu.creator, shown=before)
    await house.settled()
    assert len(executor.orders) == 1


async def test_defect_04_the_card_is_a_card_with_buttons_whose_callback_is_handled(house: RunningHouse) -> None:
    _, _, card = await ask_and_get_card(house)
    assert card.msg_type == "interactive"
    assert {"approve", "reject"} <= set(house.feishu.buttons(card))
    click = await house.feishu.click(card, "reject", by=house.feishu.creator)
    assert (click.code, click.toast.kind) == (0, "success")


async def test_defect_05_each_id_is_sent_with_its_own_receive_id_type(house: RunningHouse) -> None:
    agent, _, _ = await ask_and_get_card(house)
    await house.feishu.say(house.feishu.creator, "/whoami")  # the signed event brings the user_id
    await agent.asks(session="two")
    await house.feishu.next_card(to=house.feishu.creator)
    kinds = {"ou_": "open_id", "on_": "union_id"}
    sent = [call for call in house.feishu.calls("send") if call.body]
    assert len(sent) >= 2
    for call in sent:
        expected = kinds.get(call.body["receive_id"][:3], "user_id")
        assert call.query["receive_id_type"] == expected
    assert {call.query["receive_id_type"] for call in sent} == {"open_id", "user_id"}


async def test_defect_06_a_feishu_outage_neither_blocks_a_check_nor_loses_its_audit(house: RunningHouse) -> None:
    agent = await house.agent()
    with house.feishu.outage():
        assert (await agent.asks("write_files"))["allowed"]
        asked = await agent.asks()
        assert asked["status"] == "pending"
        assert len(await house.audited("check.allowed")) == 1
        assert len(await house.audited("approval.requested")) == 1
    house.clock.offset += (await OutboxMessage.all().order_by("-due_at").first()).due_at - house.clock.now()
    house.house.bell.ring()
    await house.feishu.next_card(to=house.feishu.creator)


async def test_defect_07_only_feishu_apps_are_ever_looked_up_for_credentials(house: RunningHouse) -> None:
    agent = await Agent.get(id=(await house.house.directory.authenticate((await house.agent()).token)).agent_id)
    for name in (str(agent.id), agent.name, "smtp", "slack", ""):
        with pytest.raises(UnknownApp):
            await house.house.apps.credentials(name)


async def test_defect_08_an_unknown_agent_is_refused_not_let_through(house: RunningHouse) -> None:
    agent = await house.agent()
    agent.token = "ast_" + "x" * 43
    status, body = await agent.call("POST", "/v1/check", {"action_type": "read_files"})
    assert (status, body["code"]) == (401, "unauthorized")


async def test_defect_09_waiting_agents_and_running_executions_hold_no_database_connection(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    executor.hold = asyncio.Event()
    slow = await house.agent(executor=executor, name="Slow")
    waiting = [asyncio.create_task(slow.asks(session=str(number), wait=60)) for number in range(12)]
    for _ in waiting:
        card = await house.feishu.next_card(to=house.feishu.creator)
        await house.feishu.click(card, "approve", by=house.feishu.creator)
    await executor.asked.wait()
    other = await house.agent(name="Other")
    assert (await asyncio.wait_for(other.asks("read_files"), 10))["allowed"]
    executor.hold.set()
    for answer in await asyncio.wait_for(asyncio.gather(*waiting), 60):
        assert answer["execution"]["status"] == "succeeded"


async def test_defect_10_identical_calls_ask_once_and_a_retry_after_approval_does_not_ask_again(
    house: RunningHouse,
) -> None:
    agent, first, card = await ask_and_get_card(house)
    for number in range(5):
        assert (await agent.asks(call_id=f"retry-{number}"))["approval_id"] == first["approval_id"]
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    assert (await agent.asks(call_id="after"))["allowed"]
    assert len(house.feishu.messages(to=house.feishu.creator, type="interactive")) == 1


async def test_defect_11_duplicate_identity_rows_do_not_block_the_agent(house: RunningHouse) -> None:
    agent = await house.agent()
    lin = await house.person(house.feishu.creator)
    twin = await User.create(tenant="default", name="twin", created_at=house.clock.now())
    union = house.feishu.creator.union_id
    await FeishuIdentity.filter(person_id=lin.id).update(union_id=union)
    await FeishuIdentity.create(
        app_id=house.feishu.app.app_id,
        person_id=twin.id,
        open_id="ou_left_over_from_an_import",
        union_id=union,
        updated_at=house.clock.now(),
    )
    await agent.asks()
    card = await house.feishu.next_card(to=house.feishu.creator)
    click = await house.feishu.click(card, "approve", by=house.feishu.creator)
    assert click.toast.kind == "success"
    app = await house.house.apps.credentials(house.feishu.app.app_id)
    ids = PersonIds(open_id=house.feishu.open_id(house.feishu.creator), union_id=union)
    assert await house.people.operator(app, ids, house.clock.now()) is not None


async def test_defect_12_decision_and_execution_are_two_axes_and_the_result_is_kept(
    house: RunningHouse, executor: ExecutorServer
) -> None:
    executor.status, executor.answer = 500, {"error": "disk full"}
    agent, answer, card = await ask_and_get_card(house, executor=executor)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    looked = await agent.looks(answer["approval_id"], wait=30)
    assert (looked["status"], looked["execution"]["status"]) == ("approved", "failed")
    assert "disk full" in (await house.approval(answer)).execution_error
    await house.feishu.card_until(card, lambda shown: shown["header"]["template"] != "green")


async def test_defect_13_admins_resolve_in_their_tenant_and_nowhere_else(house: RunningHouse) -> None:
    _, answer, _ = await ask_and_get_card(house)
    approval = await house.approval(answer)
    foreign = await User.create(tenant="other", name="Foreign", role=Role.ORG_ADMIN, created_at=house.clock.now())
    refused = await house.house.approvals.resolve(approval.id, Verdict.APPROVE, operator(foreign), via=Via.CARD)
    assert isinstance(refused, Refusal)
    own = await User.create(tenant="default", name="Own", role=Role.ORG_ADMIN, created_at=house.clock.now())
    resolved = await house.house.approvals.resolve(approval.id, Verdict.APPROVE, operator(own), via=Via.CARD)
    assert isinstance(resolved, Resolved)


async def test_defect_14_secrets_leave_the_database_masked(house: RunningHouse, executor: ExecutorServer) -> None:
    executor.answer = {"api_key": SECRET}
    agent = await house.agent(executor=executor)
    details = {"tool": "pay", "args": {"api_key": SECRET, "note": f"use {SECRET}"}, "reason": f"with {SECRET}"}
    waiting = asyncio.create_task(agent.asks(details=details, wait=60))
    await agent.asks("write_files", details={**details, "tool": "write"})  # the floor asks about the tool `pay`
    card = await house.feishu.next_card(to=house.feishu.creator, containing="允许「Bookkeeper」")
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    await asyncio.wait_for(waiting, 20)
    await house.settled()
    said = "\n".join(message.content for message in house.feishu.messages())
    written = "\n".join(line.title + line.body for line in await Notification.all())
    assert SECRET not in said
    assert SECRET not in written
    assert executor.orders[0]["data"]["args"]["api_key"] == SECRET  # what was approved is what is executed


async def test_defect_15_an_absent_creator_is_reminded_admins_are_asked_and_the_question_ends(
    house: RunningHouse,
) -> None:
    await house.person(house.feishu.admin, role=Role.ORG_ADMIN)
    agent, answer, _ = await ask_and_get_card(house)
    await house.later(minutes=31)
    await house.feishu.next_text(to=house.feishu.creator)
    await house.later(hours=8)
    assert await house.feishu.next_card(to=house.feishu.admin)
    await house.later(hours=65)
    assert (await agent.looks(answer["approval_id"], wait=20))["status"] == "expired"


async def test_defect_16_an_unknown_verdict_is_refused_and_decides_nothing(house: RunningHouse) -> None:
    _, answer, card = await ask_and_get_card(house)
    forged = json.loads(
        json.dumps(house.feishu.card_now(card)).replace('"verdict": "approve"', '"verdict": "approved"')
    )
    assert forged != house.feishu.card_now(card)
    click = await house.feishu.click(card, "approve", by=house.feishu.creator, shown=forged)
    assert (click.code, click.toast.kind) == (0, "error")
    assert (await house.approval(answer)).status is ApprovalStatus.PENDING


@pytest.mark.parametrize("policy", [{"pay": "l3"}, {"pay": None}, {"pay": "deny"}, [], "L3", {"pay": {"level": 3}}])
async def test_defect_17_an_impossible_policy_is_refused_when_it_is_written(house: RunningHouse, policy: Any) -> None:
    await house.agent()
    text = f"/policy set Bookkeeper {json.dumps(policy)}"
    await house.feishu.say(house.feishu.creator, text)
    await house.feishu.next_message(to=house.feishu.creator)
    known = await Agent.get(name="Bookkeeper")
    assert (await house.house.directory.policy_of(known.id)).version == 1


async def test_defect_18_the_callers_data_never_shares_a_namespace_with_ours(house: RunningHouse) -> None:
    agent = await house.agent()
    answer = await agent.asks(details={"level": "L1", "rule": "mine", "action_digest": "sha256:0", "allowed": True})
    assert (answer["level"], answer["status"]) == ("L3", "pending")
    [entry] = await house.audited("check.pending")
    details = json.loads(entry.details)
    assert (details["level"], details["rule"]) == ("L3", "delete_*")
    assert stored_request(await house.approval(answer)).extra["level"] == "L1"


async def test_defect_19_over_long_and_impossible_input_is_a_4xx_that_names_the_field(house: RunningHouse) -> None:
    agent = await house.agent()
    for body, field in (
        ({"action_type": "x" * 101}, "action_type"),
        ({"action_type": "a", "details": {"args": {"n": 2**70}}}, "details.args.n"),
        ({"action_type": "a", "details": {"tool": "t" * 201}}, "details.tool"),
        ({"action_type": "a", "details": {"args": {"s": "\u0000"}}}, "details.args.s"),
    ):
        status, problem = await agent.call("POST", "/v1/check", body)
        assert (status, problem["field"]) == (400, field)


async def test_defect_20_l1_is_silent_at_once(house: RunningHouse) -> None:
    agent = await house.agent()
    assert (await agent.asks("read_files"))["allowed"]
    await house.settled()
    assert house.feishu.messages() == []
    assert len(await house.audited("check.allowed")) == 1


async def test_defect_21_l2_says_is_executing_not_executed(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks("write_files")
    text = house.feishu.words(await house.feishu.next_card(to=house.feishu.creator))
    assert "正在执行" in text
    assert "已执行" not in text


async def test_defect_22_an_archived_agent_keeps_its_audit(house: RunningHouse) -> None:
    agent = await house.agent()
    await agent.asks("read_files")
    entries = await AuditEntry.all().count()
    async with transaction():
        await Agent.filter(name="Bookkeeper").update(status=AgentStatus.ARCHIVED, archived_at=house.clock.now())
        await move_epoch()
    status, _ = await agent.call("POST", "/v1/check", {"action_type": "read_files"})
    assert status == 401
    assert await AuditEntry.all().count() == entries
    assert await Agent.filter(name="Bookkeeper").exists()


async def test_defect_23_the_requester_is_a_member_of_the_request_and_malformed_is_refused(
    house: RunningHouse,
) -> None:
    agent = await house.agent()
    wang = await house.person(house.feishu.admin)
    answer = await agent.asks(requested_by=str(wang.id))
    assert (await house.approval(answer)).requester_id == wang.id
    card = await house.feishu.next_card(to=house.feishu.creator)
    assert wang.name in house.feishu.words(card)
    smuggled = await agent.asks(session="two", details={"requested_by": str(wang.id)})
    assert (await house.approval(smuggled)).requester_id == wang.id
    status, problem = await agent.call(
        "POST", "/v1/check", {"action_type": "a", "details": {"requested_by": ["not", "a", "name"]}}
    )
    assert (status, problem["field"]) == (400, "details.requested_by")
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    text = await house.feishu.next_text(to=house.feishu.admin)
    assert "Bookkeeper" in text.text


def test_every_defect_has_its_test() -> None:
    named = {name[12:14] for name in globals() if name.startswith("test_defect_")}
    assert named == {f"{number:02}" for number in range(1, 24)}
