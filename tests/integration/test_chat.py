"""What people write to the bot: carried out once, answered once, to the right person, in the right words."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from bot import outbox
from bot.approvals import ApprovalService
from bot.commands import COMMANDS
from bot.conversation import hearing
from bot.directory import token_hash
from bot.secrecy.one_time import Revealed
from models.enums import AgentStatus, ApprovalStatus, Language, OutboxKind, Role, Verdict, Via
from models.tables import Agent, ApprovalRequest, AuditEntry, CardCopy, FeishuApp, InboundRecord, OutboxMessage, User
from tests.support.chatroom import Room, link_key
from tests.support.gate import APP_ID, operator

LONG_AGO = timedelta(minutes=6)


async def asked(room: Room, creator: User, **kwargs: object) -> ApprovalRequest:
    """A pending approval of an agent of this person."""
    caller = await room.gate.agent(creator, name=f"Agent {await Agent.all().count()}")
    answer = await room.gate.check(caller, **kwargs)
    assert answer.approval_id is not None
    return await ApprovalRequest.get(id=answer.approval_id)


async def english(room: Room, name: str, role: Role = Role.MEMBER) -> User:
    person = await room.member(name, role=role)
    await User.filter(id=person.id).update(language=Language.EN_US)
    return await User.get(id=person.id)


def code_of(approval: ApprovalRequest) -> str:
    return approval.facts().code


# --- answering


async def test_every_command_is_answered_in_the_readers_language(room: Room) -> None:
    """Chinese by default, English for whom that is set; nobody gets an empty or an unexpected answer."""
    joe = await english(room, "joe")
    await room.hears(room.message("joe", "/pending"))
    assert len(await room.queues_to(joe)) == 1
    for spec in (spec for spec in COMMANDS if spec.name != "pending"):
        zh, en = await room.says("lin", f"/{spec.name}"), await room.says("joe", f"/{spec.name}")
        assert any("\u4e00" <= char <= "\u9fff" for char in zh), (spec.name, zh)
        assert not any("\u4e00" <= char <= "\u9fff" for char in en), (spec.name, en)
        assert "went wrong" not in en


async def test_help_of_one_command_says_how_it_is_written(room: Room) -> None:
    await english(room, "joe")
    assert "/agent rotate-token NAME" in await room.says("joe", "/help agent rotate-token")
    assert "/policy set" in await room.says("joe", "/help policy")
    assert "/pending" in await room.says("joe", "/help nonsense")


async def test_chat_with_a_newcomer_is_a_welcome_and_later_a_hint(room: Room) -> None:
    first = await room.says("lin", "你好")
    assert "/help" in first
    second = await room.says("lin", "在吗")
    assert first != second
    assert "/help" in second
    assert await room.says("lin", None) == second  # a picture, a sticker
    assert await User.all().count() == 1


async def test_a_misspelt_command_is_explained_and_not_obeyed(room: Room) -> None:
    await english(room, "joe")
    assert "/approve" in await room.says("joe", "/aprove 123456 abc")
    assert "Usage: /agent create NAME" in await room.says("joe", "/agent create")


async def test_whoami_and_the_full_width_slash(room: Room) -> None:
    await english(room, "joe", Role.ORG_ADMIN)
    told = await room.says("joe", "／whoami")
    assert "organisation admin" in told
    assert "ou_joe" in told


async def test_an_unexpected_fault_is_told_with_a_number_and_changes_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await english(room, "joe")

    async def broken(*_: object, **__: object) -> None:
        await Agent.filter(name="none").count()
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(room.administration.agents), "create", broken)
    message = room.message("joe", "/agent create A")
    await room.hears(message)
    await room.hears(message)
    assert "went wrong" in await room.reply_to(message)
    assert not await Agent.exists()


# --- once


async def test_a_redelivered_message_takes_effect_and_is_answered_once(room: Room) -> None:
    message = room.message("lin", "/agent create Bookkeeper")
    await asyncio.gather(*(room.hears(message) for _ in range(5)))
    room.gate.clock.move(hours=7)  # past the time after which commands are stale, too
    await room.hears(message)
    assert await Agent.all().count() == 1
    assert await OutboxMessage.filter(kind=OutboxKind.REPLY).count() == 1
    assert await AuditEntry.filter(action="agent.created").count() == 1


async def test_effect_record_and_answer_are_one_transaction(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies while it writes the answer: nothing of it happened, and the redelivery does all of it."""
    message = room.message("lin", "/agent create Bookkeeper")
    real = outbox.add

    async def dies(_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(hearing.outbox, "add", dies)
    with pytest.raises(asyncio.CancelledError):
        await room.hears(message)
    assert not await Agent.exists()
    assert not await InboundRecord.filter(kind="chat").exists()
    assert not await AuditEntry.filter(action="agent.created").exists()
    monkeypatch.setattr(hearing.outbox, "add", real)
    await room.hears(message)
    assert "/once?k=" in await room.reply_to(message)


async def test_a_verdict_whose_answer_was_lost_is_answered_from_what_was_recorded(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between verdict and answer, and Feishu delivers again an hour later."""
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    message = room.message("lin", f"/approve {approval.id} {code_of(approval)}")
    real = ApprovalService.resolve

    async def dies_afterwards(self: ApprovalService, *args: object, **kwargs: object) -> None:
        await real(self, *args, **kwargs)  # type: ignore[arg-type]
        raise asyncio.CancelledError

    monkeypatch.setattr(ApprovalService, "resolve", dies_afterwards)
    with pytest.raises(asyncio.CancelledError):
        await room.hears(message)
    await approval.refresh_from_db()
    assert approval.status is ApprovalStatus.APPROVED
    assert not await OutboxMessage.filter(kind=OutboxKind.REPLY).exists()
    monkeypatch.setattr(ApprovalService, "resolve", real)
    room.gate.clock.move(hours=1)
    await room.hears(message)
    await room.hears(message)
    assert "Approved:" in await room.reply_to(message)
    assert await AuditEntry.filter(action="approval.resolved").count() == 1


async def test_a_command_that_comes_too_late_is_not_run(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    for text in ("/agent create Late", f"/approve {approval.id} {code_of(approval)}", f"/reject {approval.id}"):
        message = room.message("lin", text, age=LONG_AGO)
        await room.hears(message)
        assert "send it again" in await room.reply_to(message)
    await approval.refresh_from_db()
    assert approval.status is ApprovalStatus.PENDING
    assert not await Agent.filter(name="Late").exists()
    refused = await AuditEntry.filter(action="command.refused")
    assert [json.loads(entry.details)["refusal"] for entry in refused] == ["stale"] * 3


# --- verdicts


async def test_approve_needs_the_code_and_is_told(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    assert "code is not right" in await room.says("lin", f"/approve {approval.id} ffffff")
    assert [entry.actor for entry in await AuditEntry.filter(action="approval.refused")] == [f"user:{lin.id}"]
    answer = await room.says("lin", f"/approve {approval.id} {code_of(approval).upper()}")
    assert "Approved:" in answer
    await approval.refresh_from_db()
    assert (approval.status, approval.resolved_via) == (ApprovalStatus.APPROVED, Via.COMMAND)
    assert "Already approved" in await room.says("lin", f"/reject {approval.id}")


async def test_reject_takes_a_reason_as_it_was_typed(room: Room) -> None:
    approval = await asked(room, await english(room, "lin"))
    await room.says("lin", f"/reject {approval.id} not this “year”,  ask Wang")
    await approval.refresh_from_db()
    assert approval.status is ApprovalStatus.REJECTED
    assert approval.resolution_reason == "not this “year”,  ask Wang"


async def test_defect_16_any_other_word_rejects_nothing(room: Room) -> None:
    approval = await asked(room, await english(room, "lin"))
    for text in ("no", "deny", f"/aprove {approval.id}", f"/rejct {approval.id}", f"/approve {approval.id}"):
        await room.says("lin", text)
    await approval.refresh_from_db()
    assert approval.status is ApprovalStatus.PENDING


async def test_only_the_creator_and_the_tenants_admins_decide(room: Room) -> None:
    lin = await english(room, "lin")
    await english(room, "zhao")
    await english(room, "wang", Role.ORG_ADMIN)
    approval = await asked(room, lin)
    typed = f"/approve {approval.id} {code_of(approval)}"
    assert "Only the agent's creator" in await room.says("zhao", typed)
    assert "Only the agent's creator" in await room.says("zhao", f"/show {approval.id}")
    assert "Approved:" in await room.says("wang", typed)


async def test_another_tenants_approval_does_not_exist(room: Room) -> None:
    joe = await room.gate.person("Joe", tenant="abroad")
    approval = await asked(room, joe)
    await english(room, "wang", Role.ORG_ADMIN)
    assert "no such approval" in await room.says("wang", f"/show {approval.id}")
    await english(room, "root", Role.PLATFORM_ADMIN)
    assert str(approval.id) in await room.says("root", f"/show {approval.id}")


async def test_the_beginning_of_an_id_is_enough_where_it_fits_one(room: Room) -> None:
    """Of several, the code picks for /approve; a /reject that fits several touches none."""
    lin = await english(room, "lin")
    first, second = await asked(room, lin), await asked(room, lin, details={"tool": "x", "args": {"n": 2}})
    await _under(first, "aaaaaa00-0000-7000-8000-000000000001")
    await _under(second, "aaaaaa00-0000-7000-8000-000000000002")
    assert "more than one" in await room.says("lin", "/reject aaaaaa")
    assert "more than one" in await room.says("lin", "/show aaaaaa")
    assert "Approved:" in await room.says("lin", f"/approve aaaaaa {code_of(second)}")
    rows = {str(row.id)[-1]: row.status for row in await ApprovalRequest.all()}
    assert rows == {"1": ApprovalStatus.PENDING, "2": ApprovalStatus.APPROVED}
    assert "Rejected:" in await room.says("lin", "/reject aaaaaa")  # one is left that waits


async def test_the_code_on_the_card_does_as_an_id(room: Room) -> None:
    """The card shows no id. A repeated action keeps its code: the one that waits is meant, else the newest."""
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    await english(room, "zhao")
    code = code_of(approval)
    assert "no such approval" in await room.says("zhao", f"/show {code}")
    assert str(approval.id) in await room.says("lin", f"/show {code}")
    assert "Rejected:" in await room.says("lin", f"/reject {code} not now")
    await approval.refresh_from_db()
    assert (approval.status, approval.resolution_reason) == (ApprovalStatus.REJECTED, "not now")
    assert str(approval.id) in await room.says("lin", f"/show {code}")
    assert "Already rejected" in await room.says("lin", f"/approve {code} {code}")


async def test_what_was_mistyped_is_explained_in_chinese(room: Room) -> None:
    await room.says("lin", "/agent create 管家")
    assert "用法：/approve 编号 校验码" in await room.says("lin", "/approve")
    assert "\n/agent pause 名称\n" in await room.says("lin", "/agent")
    assert "/reject 编号 (理由)" in await room.says("lin", "/help reject")
    wrong = await room.says("lin", '/policy set 管家 {"rules": {"a": "L9"}}')
    assert "rules.a：“L9”".replace("“", '"').replace("”", '"') + " 不是级别" in wrong
    assert "公网地址必须使用 https" in await room.says("lin", "/agent set-executor 管家 http://8.8.8.8/x")


async def _under(approval: ApprovalRequest, new: str) -> None:
    """The same request under another id, alone: without the copies of its card and the old row."""
    values = {name: getattr(approval, name) for name in approval._meta.db_fields}
    await CardCopy.filter(approval_id=approval.id).delete()
    await ApprovalRequest.filter(id=approval.id).delete()
    await ApprovalRequest.create(**{**values, "id": UUID(new)})


async def test_pending_is_one_card_of_the_askers_own_however_often_it_is_delivered(room: Room) -> None:
    lin, zhao = await english(room, "lin"), await english(room, "zhao")
    await asked(room, lin)
    message = room.message("lin", "/pending")
    await room.hears(message)
    await room.hears(message)
    assert len(await room.queues_to(lin)) == 1
    assert not await room.queues_to(zhao)
    assert not await OutboxMessage.filter(kind=OutboxKind.REPLY).exists()


async def test_snooze_takes_the_code_of_the_card(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    until = room.gate.clock.now() + timedelta(hours=2)
    told = await room.says("lin", f"/snooze {code_of(approval)} 2h")
    assert told.startswith("Put off until ")
    assert (await CardCopy.get(approval_id=approval.id, person_id=lin.id)).snoozed_until == until
    await english(room, "zhao")
    assert "no such approval request" in await room.says("zhao", f"/snooze {code_of(approval)}")


async def test_show_says_what_is_needed_to_answer(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    shown = await room.says("lin", f"/show {approval.id}")
    assert "reports/2025" in shown
    assert f"/approvals/{approval.id}?t=" in shown
    assert code_of(approval) in shown


async def test_audit_shows_an_agent_an_approval_or_all_that_one_may_see(room: Room) -> None:
    lin = await english(room, "lin")
    await english(room, "zhao")
    approval = await asked(room, lin)
    assert "approval.requested" in await room.says("lin", "/audit")
    assert "check.pending" in await room.says("lin", '/audit "Agent 0"')
    told = await room.says("lin", f"/audit {approval.id}")
    assert "approval.requested" in told
    assert f"/approvals/{approval.id}?t=" in told
    assert "approval.requested" not in await room.says("zhao", "/audit")
    assert "not permitted" in await room.says("zhao", '/audit "Agent 0"')
    assert "Not found" in await room.says("lin", "/audit nothing")


# --- agents and policies


async def test_a_token_is_behind_a_one_time_link_and_nowhere_else(room: Room) -> None:
    """Not in the chat, not in the outbox, not in the audit; the link gives it once."""
    answer = await room.says("lin", "/agent create 账房助手")
    revealed = await room.one_time.reveal(link_key(answer), room.gate.clock.now())
    assert isinstance(revealed, Revealed)
    agent = await Agent.get(name="账房助手")
    assert token_hash(revealed.secret) == agent.token_hash
    rotated = await room.one_time.reveal(
        link_key(await room.says("lin", "/agent rotate-token 账房助手")), room.gate.clock.now()
    )
    assert isinstance(rotated, Revealed)
    await agent.refresh_from_db()
    assert token_hash(rotated.secret) == agent.token_hash
    told = [row.payload for row in await OutboxMessage.all()] + [row.details for row in await AuditEntry.all()]
    assert not [text for text in told if revealed.secret in text or rotated.secret in text or "ast_" in text]


async def test_an_executors_secret_is_behind_a_one_time_link(room: Room) -> None:
    await room.says("lin", "/agent create A")
    answer = await room.says("lin", "/agent set-executor A https://run.example/do")
    assert "whsec_" not in answer
    revealed = await room.one_time.reveal(link_key(answer), room.gate.clock.now())
    assert isinstance(revealed, Revealed)
    assert revealed.secret.startswith("whsec_")
    assert "/once" not in await room.says("lin", "/agent set-executor A off")
    assert (await Agent.get(name="A")).executor_url is None


async def test_agents_are_listed_shown_paused_and_resumed(room: Room) -> None:
    await english(room, "lin")
    await room.says("lin", "/agent create Bookkeeper")
    assert "Bookkeeper (active)" in await room.says("lin", "/agents")
    assert "is paused" in await room.says("lin", "/agent pause Bookkeeper")
    assert (await Agent.get(name="Bookkeeper")).status is AgentStatus.PAUSED
    assert "Status: paused" in await room.says("lin", "/agent show Bookkeeper")
    assert "active again" in await room.says("lin", "/agent resume Bookkeeper")
    await english(room, "zhao")
    for text in ("/agent show", "/agent pause", "/agent rotate-token", "/policy show"):
        assert "not permitted" in await room.says("zhao", f"{text} Bookkeeper")
    assert await AuditEntry.filter(action="command.refused").count() == 4
    assert "no agents yet" in await room.says("zhao", "/agents")
    assert "already is an agent" in await room.says("zhao", "/agent create Bookkeeper")


async def test_a_policy_is_shown_set_and_refused_with_every_fault(room: Room) -> None:
    await english(room, "lin")
    await room.says("lin", "/agent create Bookkeeper")
    assert "delete_files: L3" in await room.says("lin", "/policy show Bookkeeper")
    assert "v2" in await room.says("lin", "/policy set Bookkeeper delete_* DENY")
    assert "v3" in await room.says("lin", "/policy set Bookkeeper default L3")
    assert "says so already" in await room.says("lin", "/policy set Bookkeeper default L3")
    told = await room.says("lin", '/policy set Bookkeeper {"a": "l3", "b": null}')
    assert "a:" in told
    assert "b:" in told
    assert "v4" in await room.says("lin", "/policy set Bookkeeper {“read_*”: “L1”}")
    shown = await room.says("lin", "/policy show Bookkeeper")
    assert "Policy v4" in shown
    assert "Changed by lin" in shown


async def test_roles_are_given_in_chat_by_admins_only(room: Room) -> None:
    lin = await english(room, "lin")
    await english(room, "root", Role.PLATFORM_ADMIN)
    assert "not permitted" in await room.says("lin", "/user role ou_lin platform_admin")
    assert "not permitted" in await room.says("lin", "/user list")
    assert "lin is now an organisation admin" in await room.says("root", "/user role ou_lin org_admin")
    assert (await User.get(id=lin.id)).role is Role.ORG_ADMIN
    assert "last platform admin" in await room.says("root", "/user role ou_root member")
    assert "root: platform admin" in await room.says("root", "/user list")


async def test_claim_makes_the_writer_the_first_admin(room: Room) -> None:
    code = await room.first_admin.prepare()
    lin = await english(room, "lin")
    assert "not the code" in await room.says("lin", "/claim AAAA-BBBB")
    assert "platform admin" in await room.says("lin", f"/claim {code}")
    assert (await User.get(id=lin.id)).role is Role.PLATFORM_ADMIN
    await english(room, "zhao")
    assert "no longer valid" in await room.says("zhao", f"/claim {code}")
    assert await User.filter(role=Role.PLATFORM_ADMIN).count() == 1


# --- where answers go


async def test_a_group_never_reads_what_is_for_the_asker(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    at_bot = {"@_user_1": "ou_bot"}
    for text in ("/pending", f"/show {approval.id}", "/agents", "/audit", "/agent create B", "/whoami"):
        message = room.message("lin", f"@_user_1 {text}", group=True, mentions=at_bot)
        await room.hears(message)
        assert await room.reply_to(message) == "I answered in our private chat."
    private = await room.texts_to(lin)
    assert len(private) == 5
    assert str(approval.id) in private[0]
    assert "/once?k=" in private[3]
    assert len(await room.queues_to(lin)) == 1
    message = room.message("lin", "@_user_1 /help", group=True, mentions=at_bot)
    await room.hears(message)
    assert "/pending" in await room.reply_to(message)


async def test_a_group_is_only_heard_when_the_bot_is_mentioned(room: Room) -> None:
    for text, mentions in (
        ("/agent create A", {}),
        ("@_user_1 /agent create A", {"@_user_1": "ou_somebody"}),
        ("let us ask the bot", {}),
    ):
        await room.hears(room.message("lin", text, group=True, mentions=mentions))
    assert not await Agent.exists()
    assert not await OutboxMessage.exists()
    assert not await User.exists()


async def test_a_mention_of_a_colleague_stands_for_the_colleague(room: Room) -> None:
    lin = await english(room, "lin")
    await english(room, "root", Role.PLATFORM_ADMIN)
    message = room.message(
        "root",
        "@_user_1 /user role @_user_2 org_admin",
        group=True,
        mentions={"@_user_1": "ou_bot", "@_user_2": "ou_lin"},
    )
    await room.hears(message)
    assert (await User.get(id=lin.id)).role is Role.ORG_ADMIN


async def test_a_person_of_another_company_is_refused_politely(room: Room) -> None:
    message = room.message("spy", "/agent create Spy", tenant_key="tk_rival")
    await room.hears(message)
    await room.hears(message)
    assert "成员" in await room.reply_to(message)
    assert not await User.exists()
    assert not await Agent.exists()


async def test_the_company_is_learned_from_a_private_message_never_from_a_group(room: Room) -> None:
    await FeishuApp.filter(app_id=APP_ID).update(tenant_key=None)
    app = await room.apps.credentials(APP_ID)
    assert app.tenant_key is None
    guest = room.message("guest", "hi", group=True, tenant_key="tk_guest", mentions={"@_user_1": "ou_bot"})
    await room.chat.on_message(guest, app)
    assert (await room.apps.credentials(APP_ID)).tenant_key is None
    await room.chat.on_message(room.message("lin", "hi"), app)
    assert (await room.apps.credentials(APP_ID)).tenant_key == "tk_company"


# --- the menu


async def test_the_menu_answers_in_private_once(room: Room) -> None:
    lin = await english(room, "lin")
    await asked(room, lin)
    before = len(await room.texts_to(lin))
    for _ in range(3):
        await room.presses("lin", "pending", event="ev_same")
        await room.presses("lin", "agents", event="ev_same_too")
    assert len(await room.queues_to(lin)) == 1
    [told] = (await room.texts_to(lin))[before:]
    assert "Agents (1)" in told
    await room.presses("lin", "agent create A")
    await room.presses("lin", "no-such-key")
    assert len(await room.texts_to(lin)) == before + 1
    await room.presses("lin", "pending", at=room.gate.clock.now() - LONG_AGO)
    assert "send it again" in (await room.texts_to(lin))[-1]


async def test_opening_the_chat_is_greeted_once_a_day(room: Room) -> None:
    lin = await english(room, "lin")
    for _ in range(3):
        await room.presses("lin", "entered")
    assert len(await room.texts_to(lin)) == 1
    room.gate.clock.move(days=1)
    await room.presses("lin", "entered")
    assert len(await room.texts_to(lin)) == 2


async def test_a_card_and_a_command_at_once_decide_once(room: Room) -> None:
    lin = await english(room, "lin")
    approval = await asked(room, lin)
    message = room.message("lin", f"/approve {approval.id} {code_of(approval)}")
    await asyncio.gather(
        room.hears(message),
        room.gate.approvals.resolve(approval.id, Verdict.REJECT, operator(lin), via=Via.CARD),
        room.hears(message),
    )
    assert await AuditEntry.filter(action="approval.resolved").count() == 1
    assert await OutboxMessage.filter(kind=OutboxKind.REPLY).count() == 1
