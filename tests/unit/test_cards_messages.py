"""The texts of the bot, in both languages: what each must say, and that no untrusted word in them is obeyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from uuid import UUID

import pytest

from bot.policy import PolicyFault, parse_policy
from bot.policy.lint import lint
from bot.policy.starter import starter_floor
from cards import messages as say
from cards.faults import fault_words
from cards.views import (
    AgentView,
    Audience,
    AuditLine,
    AuditView,
    ConsentView,
    CopyView,
    L2View,
    OneTimeLinkView,
    PendingItem,
    PendingView,
    PolicyRuleView,
    PolicyView,
    UndeliverableView,
    WhoamiView,
)
from cards.words import ago, lasting
from models.enums import AgentStatus, ApprovalStatus, Delivery, ExecutionStatus, Language, Level, Role, Verdict
from models.values import ExecutionView, Json, Refusal, RefusalKind
from tests.unit.test_cards_golden import ASKED, PENDING, SAMPLES

ZH, EN = Language.ZH_CN, Language.EN_US
_EVIL = '<at user_id="all"></at>[x](https://e.cn)\u202e\nsk-abcdefghijklmnop1234'
_L2 = L2View(agent="Bot", action_type="send_feishu_message", args={"to": "lin"}, at=ASKED, rule="send_*")


def _evil_texts(language: Language) -> dict[str, str]:
    """Every text whose parts others write, all of them hostile."""
    view = replace(
        SAMPLES["approved_failed"],
        agent=_EVIL,
        creator=_EVIL,
        requester=_EVIL,
        action_type=_EVIL,
        tool=_EVIL,
        args={_EVIL: _EVIL, "path": _EVIL},
        claimed_reason=_EVIL,
        rule=_EVIL,
        resolver=_EVIL,
        resolution_reason=_EVIL,
        code=_EVIL,
        details_url=None,
        execution=ExecutionView(ExecutionStatus.FAILED, result={"a": _EVIL}, error=_EVIL),
    )
    pending = replace(view, status=ApprovalStatus.PENDING)
    item = PendingItem(
        approval_id=view.approval_id, code=_EVIL, agent=_EVIL, action_type=_EVIL, created_at=ASKED, expires_at=ASKED
    )
    agent = AgentView(name=_EVIL, status=AgentStatus.PAUSED, creator=_EVIL, executor_url=_EVIL, app_id=_EVIL)
    policy = PolicyView(
        agent=_EVIL, version=1, default=Level.L2, rules=(PolicyRuleView(pattern=_EVIL, level=Level.L3),), author=_EVIL
    )
    line = AuditLine(at=ASKED, actor=_EVIL, action=_EVIL, subject=_EVIL, detail=_EVIL)
    l2 = L2View(
        agent=_EVIL, action_type=_EVIL, args={"x": _EVIL}, at=ASKED, requester=_EVIL, claimed_reason=_EVIL, rule=_EVIL
    )
    lost = UndeliverableView(
        subject=_EVIL, detail=_EVIL, agent=_EVIL, action_type=_EVIL, approval_id=view.approval_id, code=_EVIL
    )
    return {
        "l2": say.l2_notice(l2, language).text,
        "outcome": say.outcome_notice(view, Audience.CREATOR, language).text,
        "rejected": say.outcome_notice(
            replace(view, status=ApprovalStatus.REJECTED), Audience.REQUESTER, language
        ).text,
        "asked": say.approval_notice(pending, language).text,
        "reminder": say.reminder_text(pending, language).text,
        "fallback": say.fallback_text(pending, language).text,
        "lost": say.undeliverable_alert(lost, language).text,
        "resolved": say.resolved_text(view, Verdict.APPROVE, language),
        "show": say.show(view, language, copies=[CopyView(person=_EVIL, state=Delivery.SENT, detail=_EVIL)]),
        "pending": say.pending_list(PendingView(items=(item,), total=3, now=ASKED), language),
        "agents": say.agents_list([agent], language),
        "agent": say.agent_show(agent, language, now=ASKED),
        "policy": say.policy_show(policy, language, now=ASKED),
        "invalid": say.policy_invalid([_EVIL], language),
        "audit": say.audit_list(AuditView(lines=(line,)), language, now=ASKED),
        "unknown": say.unknown_command(_EVIL, _EVIL, language),
        "usage": say.usage(_EVIL, language, _EVIL),
        "welcome": say.welcome(_EVIL, Role.MEMBER, language),
        "paused": say.agent_paused(_EVIL, language),
        "executor": say.executor_set(_EVIL, _EVIL, language),
        "role": say.role_set(_EVIL, Role.ORG_ADMIN, language),
        "refusal": say.refusal_text(Refusal(RefusalKind.ALREADY_RESOLVED, by=_EVIL, at=ASKED), language, ASKED),
        "subject": say.refusal_text(Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=_EVIL), language, ASKED),
    }


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", _evil_texts(ZH))
def test_no_text_can_be_made_to_call_everyone_or_to_link(text: str, language: Language) -> None:
    said = _evil_texts(language)[text]
    assert "<" not in said
    assert "[" not in said
    assert "https://e.cn" not in said
    assert "\u202e" not in said
    assert "sk-abcdefghijklmnop1234" not in said
    assert "{" not in said.replace("{\n", "").replace('{"', "")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", RefusalKind)
def test_every_refusal_has_a_sentence_with_and_without_who_and_when(kind: RefusalKind, language: Language) -> None:
    bare = say.refusal_text(Refusal(kind), language, ASKED)
    full = Refusal(kind, by="Lin", at=ASKED, status=ApprovalStatus.REJECTED, detail="x")
    for sentence in (bare, say.refusal_text(full, language, ASKED)):
        assert "None" not in sentence
        assert "{" not in sentence
        assert sentence.endswith(("。", ".", "CODE", "校验码", "/pending", "NAME", "名称"))


def test_a_second_click_learns_who_decided_what_and_when() -> None:
    refusal = Refusal(RefusalKind.ALREADY_RESOLVED, by="林晓", at=ASKED, status=ApprovalStatus.REJECTED)
    toast = say.refusal_toast(refusal, ASKED)
    assert toast == {
        "type": "info",
        "content": "林晓 于 3月5日 14:32 已拒绝，无需再处理。",
        "i18n": {
            "zh_cn": "林晓 于 3月5日 14:32 已拒绝，无需再处理。",
            "en_us": "Already rejected by 林晓, Mar 5, 14:32.",
        },
    }


def test_an_l2_notice_says_that_it_is_executing_not_that_it_is_done() -> None:
    assert say.l2_notice(_L2, ZH).title == "【告知】「Bot」正在执行：发送飞书消息"
    assert say.l2_notice(_L2, EN).title == "Notice: “Bot” is executing: send a Feishu message"
    assert "What: lin" in say.l2_notice(_L2, EN).body


def test_the_fallback_has_what_the_command_needs_and_no_arguments() -> None:
    text = say.fallback_text(replace(PENDING, args={"path": "13812345678"}), ZH).text
    assert f"/approve {PENDING.approval_id} 5d1f6a" in text
    assert f"/reject {PENDING.approval_id}" in text
    assert "138" not in text.replace(str(PENDING.approval_id), "")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("approved_succeeded", "执行成功"),
        ("approved_failed", "PermissionError"),
        ("approved_unknown", "不会自动重试"),
        ("rejected", "先别删"),
        ("expired", "无人答复"),
        ("cancelled", "撤回"),
    ],
)
def test_creator_and_requester_learn_how_it_ended(state: str, told: str) -> None:
    for audience in Audience:
        assert told in say.outcome_notice(SAMPLES[state], audience, ZH).text
    assert "您" in say.outcome_notice(SAMPLES[state], Audience.REQUESTER, ZH).text
    assert str(PENDING.details_url) not in say.outcome_notice(SAMPLES[state], Audience.REQUESTER, ZH).text


def test_the_link_is_in_the_chat_and_not_in_the_inbox() -> None:
    """The inbox makes its own links; a signed one in its text would be masked there and outlive the visit."""
    for notice in (
        say.outcome_notice(SAMPLES["approved_succeeded"], Audience.CREATOR, ZH),
        say.fallback_text(PENDING, ZH),
        say.undeliverable_alert(UndeliverableView(subject="Lin", detail="x", details_url=PENDING.details_url), ZH),
        say.l2_notice(replace(_L2, details_url=PENDING.details_url), ZH),
    ):
        assert notice.text.endswith(f"\n查看全部：{PENDING.details_url}")
        assert "http" not in notice.body


def test_a_policy_explains_its_levels() -> None:
    policy = PolicyView(agent="A", version=1, default=Level.L2, rules=(PolicyRuleView(pattern="a", level=Level.DENY),))
    text = say.policy_show(policy, ZH, now=ASKED)
    assert "· a: DENY" in text
    assert "L3 需要同意" in text


def test_a_result_reads_without_braces() -> None:
    text = say.outcome_notice(SAMPLES["approved_succeeded"], Audience.CREATOR, ZH).text
    assert "▎deleted: 214\n▎freed: 1.2 GB" in text
    assert "deleted: 214" in say.show(SAMPLES["approved_succeeded"], ZH)


def test_what_happens_next_is_told_in_the_readers_zone() -> None:
    view = replace(SAMPLES["approved_claimed"], zone=UTC)
    assert "08:37" in say.resolved_text(view, Verdict.APPROVE, ZH)


@pytest.mark.parametrize(
    ("fault", "chinese"),
    [
        ('default: "L7" is not a level; write L1, L2, L3 or DENY', 'default："L7" 不是级别，可选 L1、L2、L3、DENY'),
        ("is not a URL", "不是网址"),
        ("something new: and unknown", "something new: and unknown"),
    ],
)
def test_faults_are_told_in_chinese_where_they_are_known(fault: str, chinese: str) -> None:
    assert (fault_words(fault, ZH), fault_words(fault, EN)) == (chinese, fault)


def test_every_fault_of_a_policy_has_chinese_words() -> None:
    wrong: list[Json] = [
        1, {"a": "l1"}, {"a": None}, {"default": "L9", "rules": {}}, {"rules": 3}, {"rules": {"a": "L1"}, "b": "L1"},
        {"rules": [7, {"action": 3, "level": "L1", "x": 1}, {"action": "\u200b", "level": "L1"}]},
        {"x" * 200: "L1"}, {"rules": [{"action": "*", "level": "L1"}, {"action": "a", "level": "L2"}]},
        {str(n): "L1" for n in range(2_000)},
        {"rules": [{"level": "L1"}, {"action": "a", "labels": 3, "when": 5, "level": "L1", "name": ""}]},
        {"rules": [{"name": "a", "tool": "b", "level": "L1"}, {"name": "a", "tool": "c", "level": "L1"}]},
    ]  # fmt: skip
    conditions = (
        "",
        "nobody == 1",
        "args.a",
        "1",
        "agent.id > 1",
        "args.a >",
        "rate(tool) > 1",
        "a\u200b",
        "x" * 3_000,
    )
    wrong += [{"rules": [{"action": "a", "when": when, "level": "L1"}]} for when in conditions]
    for document in wrong:
        with pytest.raises(PolicyFault) as caught:
            parse_policy(document, default=Level.L2)
        for path, detail in caught.value.faults:
            told = fault_words(f"{path or 'policy'}: {detail}", ZH)
            assert any("一" <= char <= "鿿" for char in told), told


def test_every_finding_about_a_policy_has_chinese_words() -> None:
    policy = parse_policy(
        {
            "default": "L1",
            "rules": [
                {"action": "pay_*", "requester": "lin", "level": "L1"},
                {"action": "mail_*", "session": "a.*", "level": "DENY"},
                {"action": "delete_*", "level": "L2"},
                {"action": "*_all", "level": "L3"},
                {"action": "run", "when": "1 == 1", "level": "L3"},
                {"action": "hide", "when": 'tool.matches("x") && now.getHours() < 9', "level": "L3"},
            ],
        },
        default=Level.L2,
    )
    findings = lint(policy, starter_floor())
    assert len({finding.code for finding in findings}) >= 7, findings
    for finding in findings:
        told = fault_words(f"{finding.path}: {finding.words}", ZH)
        assert any("一" <= char <= "鿿" for char in told), told


def test_a_request_in_words_begins_as_its_card_does() -> None:
    """Whoever got a text in place of the card must not decide on less."""
    zh, en = (say.show(SAMPLES["pending_payment_changed"], language) for language in (ZH, EN))
    assert "⚠ 重要 · 不可撤回" in zh and "⚠ Important" in en
    assert "与上次同意的相比" in zh and "· amount: 120 → 12,000 (×100)" in zh
    assert zh.index("12,000 (×100)") < zh.index("参数：")
    assert "Against the last approved one" in en
    assert "A first: nothing of this kind" in say.show(SAMPLES["pending_first_of_kind"], EN)
    amended = say.show(SAMPLES["approved_amended"], ZH)
    assert "改了参数再同意" in amended and "· amount: 12,000 → 1,200" in amended
    assert "⚠" not in amended


def test_a_text_in_place_of_the_card_sends_nobody_to_approve_unseen() -> None:
    """It carries no argument, for one may be why the card was refused; so it says how to look, before how to answer."""
    view = SAMPLES["pending_critical"]
    zh, en = say.fallback_text(view, ZH).text, say.fallback_text(view, EN).text
    assert "⚠ 特别重要" in zh and "需要 2 人同意" in zh and "⚠ Critical" in en
    assert zh.index(f"/show {view.approval_id}") < zh.index(f"/approve {view.approval_id}")
    assert "⚠" not in say.fallback_text(PENDING, ZH).text


def test_who_approved_beside_cannot_call_everybody() -> None:
    view = replace(SAMPLES["pending_one_of_two"], consents=(ConsentView(_EVIL, ASKED),))
    assert "<at" not in say.show(view, ZH)


def test_a_reminder_says_how_long_it_waited() -> None:
    assert "2 小时" in say.reminder_text(SAMPLES["pending_reminded"], ZH).title
    assert "waiting 2 h" in say.reminder_text(SAMPLES["pending_reminded"], EN).title


def test_help_offers_nobody_what_would_be_refused() -> None:
    member, creator = say.help_text(Role.MEMBER, False, ZH), say.help_text(Role.MEMBER, True, ZH)
    assert "/policy" not in member
    assert "/policy set" in creator
    assert "/user" not in creator
    assert "/user" in say.help_text(Role.ORG_ADMIN, False, EN)


def test_the_pending_list_counts_what_it_does_not_show() -> None:
    item = PendingItem(
        approval_id=UUID(int=7),
        code="abc123",
        agent="A",
        action_type="delete_files",
        created_at=ASKED,
        expires_at=ASKED,
    )
    text = say.pending_list(PendingView(items=(item,), total=9, now=ASKED + timedelta(minutes=5)), EN)
    assert "waiting 5 min" in text
    assert "8 more" in text
    assert say.pending_list(PendingView(items=(), total=0, now=ASKED), EN) == "Nothing is waiting for you."


def test_the_one_time_link_names_its_time_and_carries_no_token() -> None:
    link = OneTimeLinkView(agent="A", url="https://assent.example/s/k", valid=timedelta(minutes=10), rotated=True)
    assert "10 分钟" in say.one_time_link(link, ZH).body
    assert say.one_time_link(link, EN).text.endswith("https://assent.example/s/k")


def test_whoami_names_role_and_language() -> None:
    view = WhoamiView(name="Lin", role=Role.ORG_ADMIN, tenant="acme", language=EN, agents=2, pending=1)
    assert "organisation admin" in say.whoami(view, EN)
    assert "组织管理员" in say.whoami(view, ZH)


@pytest.mark.parametrize(
    ("delta", "zh", "en"),
    [
        (timedelta(seconds=20), "刚刚", "just now"),
        (timedelta(minutes=5), "5 分钟前", "5 min ago"),
        (timedelta(hours=2, minutes=5), "2 小时 5 分钟前", "2 h 5 min ago"),
        (timedelta(days=3), "3 天前", "3 d ago"),
    ],
)
def test_times_past_read_naturally(delta: timedelta, zh: str, en: str) -> None:
    assert (ago(delta, ZH), ago(delta, EN)) == (zh, en)


def test_a_clock_that_ran_backwards_gives_no_negative_time() -> None:
    assert lasting(timedelta(seconds=-90)).en == "under 1 min"


_PLAIN_ANSWERS: list[Callable[[Language], str]] = [
    say.not_a_command,
    say.in_private,
    lambda language: say.too_old(timedelta(minutes=9), language),
    lambda language: say.went_wrong("r-1", language),
    lambda language: say.became_admin(Role.PLATFORM_ADMIN, language),
    lambda language: say.agent_resumed("A", language),
    lambda language: say.agent_archived("A", language),
    lambda language: say.executor_set("A", None, language),
    lambda language: say.audit_list(AuditView(lines=()), language, now=ASKED),
    lambda language: say.agents_list([], language),
]


@pytest.mark.parametrize("answer", _PLAIN_ANSWERS)
def test_each_answer_exists_in_both_languages(answer: Callable[[Language], str]) -> None:
    assert any("一" <= char <= "鿿" for char in answer(ZH))
    assert not any("一" <= char <= "鿿" for char in answer(EN))
