"""The asking plan in words, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cards.plan_foreseen import plan_tried
from cards.plan_views import (
    ForeseenStep,
    ForeseenView,
    PersonAsked,
    PlanView,
    QuestionView,
    StepView,
    TermsView,
)
from cards.plans_said import backup_set, plan_history, plan_invalid, plan_saved, plan_show
from cards.policy_views import ChangeKind, ChangeView, VersionView
from models.enums import AskedAs, Ending, Language, Level, Nudge, Severity

NOW = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)  # 14:32 in China
ZH, EN = Language.ZH_CN, Language.EN_US
HOUR = timedelta(hours=1)
HOSTILE = '<at user_id="all"></at> \u202e[x](https://example.com)'

DEFAULT = TermsView(
    steps=(
        StepView(timedelta(), ("creator",)),
        StepView(HOUR / 2, nudge=Nudge.THREAD),
        StepView(2 * HOUR, ("backup", "leader"), Nudge.URGENT_APP),
        StepView(8 * HOUR, ("admins", "group:finance", "person:li@example.com")),
    ),
    open_for=72 * HOUR,
    ending=Ending.EXPIRE,
)
STRICT = replace(
    DEFAULT,
    steps=DEFAULT.steps[:1],
    open_for=24 * HOUR,
    ending=Ending.REJECT,
    severity=Severity.CRITICAL,
    approvals=2,
    separate_duties=True,
)
PLAN = PlanView(
    version=3,
    default=DEFAULT,
    questions=(QuestionView("payments", ("action pay_*", "when args.amount > 1000"), STRICT),),
    groups=(("finance", 3),),
    quiet_hours="21:00-07:00",
    working_days="12345",
    rings=((Nudge.URGENT_APP, 2),),
    author="林晓",
    at=NOW,
)


def test_the_plan_is_told_step_by_step() -> None:
    assert plan_show(PLAN, ZH, now=NOW).splitlines() == [
        "询问方案 v3",
        "「payments」",
        "  action pay_* · when args.amount > 1000",
        "· 立即：问创建者",
        "· 1 天内没人答复：拒绝",
        "· 特别重要，需 2 人同意，请求人不能同意",
        "其他操作：",
        "· 立即：问创建者",
        "· 30 分钟后：提醒还没答复的人（卡片下留言）",
        "· 2 小时后：问后备审批人、创建者的上级；提醒（应用内加急）",
        "· 8 小时后：问管理员、「finance」组、li@example.com",
        "· 3 天内没人答复：过期，不执行",
        "组：finance（3 人）",
        "免打扰：21:00-07:00；工作日：周一至周五；特别重要的例外。个人设置优先（/settings）",
        "每人：应用内加急每天最多 2 次",
        "由 林晓 于 3月5日 14:32 修改",
        "试一下：/plan test 智能体 操作",
    ]
    english = plan_show(PLAN, EN, now=NOW)
    assert "· after 2 h: ask the backup, the creator's leader; remind by an urgent buzz in the app" in english
    assert "· critical, 2 people must approve, the requester may not approve" in english
    starter = plan_show(PlanView(0, DEFAULT), EN, now=NOW)
    assert starter.splitlines()[:2] == ["The asking plan (as it comes)", "Whatever needs approval:"]


def test_the_terms_of_a_severity_are_told_and_where_they_make_another_question() -> None:
    high = TermsView((StepView(timedelta(), ("admins",)),), HOUR, Ending.EXPIRE, Severity.HIGH)
    rule = QuestionView("mail", (), replace(DEFAULT, severity=Severity.NORMAL), when_grave=high)
    told = plan_show(PlanView(4, DEFAULT, (rule,), severities=(high,)), ZH, now=NOW).splitlines()
    where = told.index("「重要」的操作，没有另外写明时：")
    assert told[where + 1 : where + 3] == ["· 立即：问管理员", "· 1 小时内没人答复：过期，不执行"]
    assert told[1:where].count("· 立即：问管理员") == 1
    assert "· 普通" in told[:where]
    assert "· 重要" in told[:where]


def test_a_trial_names_the_people_and_who_stands_in() -> None:
    view = ForeseenView(
        agent="记账助手",
        action_type="financial_operations",
        level=Level.L2,
        question="default",
        version=3,
        severity=Severity.HIGH,
        terms=DEFAULT,
        steps=(
            ForeseenStep(
                timedelta(),
                (PersonAsked("林晓", AskedAs.CREATOR), PersonAsked("王敏", AskedAs.DELEGATE, instead_of="林晓")),
            ),
            ForeseenStep(2 * HOUR, (), ("leader",), nudge=Nudge.THREAD),
            ForeseenStep(8 * HOUR, ()),
        ),
    )
    assert plan_tried(view, ZH).splitlines() == [
        "「记账助手」执行资金操作：",
        "现行策略给它 L2，不会询问。假如要问：",
        "按询问方案 v3 的默认（重要）",
        "· 立即：问 林晓（创建者）、王敏（代 林晓）",
        "· 2 小时后：创建者的上级：目前没有人可问；提醒还没答复的人（卡片下留言）",
        "· 8 小时后：没有新的人要问",
        "· 3 天内没人答复：过期，不执行",
        "这只是试算，没有问任何人。",
    ]
    english = plan_tried(replace(view, level=Level.L3, question="payments"), EN)
    assert "nobody is asked" not in english
    assert "By “payments” of asking plan v3 (high)" in english


def test_what_changed_is_told_place_by_place() -> None:
    changes = (
        ChangeView(ChangeKind.CHANGED, "default.open_for", "72h", "24h"),
        ChangeView(ChangeKind.ADDED, "groups.finance", None, "li@example.com"),
        ChangeView(ChangeKind.REMOVED, "questions[0].name", "pay", None),
    )
    saved = plan_saved(4, changes * 6, ["groups.finance[0]: nobody is known as li@example.com yet"], EN)
    assert "· default.open_for: 72h → 24h" in saved
    assert "· + groups.finance: li@example.com" in saved
    assert "· − questions［0].name: pay" in saved
    assert "· … 6 more" in saved
    assert saved.endswith("To undo: /plan rollback 3")
    told = plan_history(
        [VersionView(version=4, author="林晓", at=NOW, note="rollback to v2", changes=changes)], ZH, now=NOW
    )
    assert "v4 3月5日 14:32 林晓 rollback to v2" in told
    assert plan_history([], EN, now=NOW) == "Nobody has changed the asking plan yet."
    assert plan_invalid(["default.steps[0]: rises"], ZH).startswith("询问方案没有更新，请改正：\n· ")


def test_nothing_that_others_wrote_is_obeyed() -> None:
    question = QuestionView(HOSTILE, (HOSTILE,), replace(DEFAULT, steps=(StepView(HOUR, (f"group:{HOSTILE}",)),)))
    view = replace(PLAN, questions=(question,) * 20, groups=((HOSTILE, 1),), author=HOSTILE)
    step = ForeseenStep(HOUR, (PersonAsked(HOSTILE, AskedAs.ADMIN, HOSTILE),), (HOSTILE, f"person:{HOSTILE}"))
    tried = ForeseenView(HOSTILE, HOSTILE, Level.L3, HOSTILE, 1, Severity.NORMAL, DEFAULT, (step,))
    for language in Language:
        text = plan_show(view, language, now=NOW) + plan_tried(tried, language) + backup_set(HOSTILE, HOSTILE, language)
        text += plan_saved(1, [ChangeView(ChangeKind.ADDED, HOSTILE, None, HOSTILE)], [HOSTILE], language)
        assert "<at" not in text
        assert "\u202e" not in text
        assert "[x](" not in text
