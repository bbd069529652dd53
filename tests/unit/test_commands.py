"""What people type becomes a command, a usage or nothing, and never an error."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    ALL,
    COMMANDS,
    FLOOR,
    Approve,
    AskWhy,
    ClaimAdmin,
    ComeBack,
    Command,
    CreateAccessToken,
    CreateAgent,
    Freeze,
    GoAway,
    GrantExact,
    GrantKindOf,
    Help,
    ListAccessTokens,
    ListAgents,
    ListGrants,
    ListUsers,
    NotACommand,
    Observe,
    OpenSettings,
    Parsed,
    PauseAgent,
    Pending,
    Problem,
    Reject,
    ReplayPolicy,
    ResumeAgent,
    RevokeAccessToken,
    RevokeGrant,
    RollBack,
    RollBackPlan,
    RotateToken,
    SetBackup,
    SetDefaultLevel,
    SetExecutor,
    SetLabels,
    SetLevel,
    SetLimits,
    SetPlan,
    SetPolicy,
    SetPreference,
    SetRole,
    Show,
    ShowAgent,
    ShowAudit,
    ShowAway,
    ShowHistory,
    ShowPlan,
    ShowPlanHistory,
    ShowPolicy,
    Snooze,
    TryPlan,
    TryPolicy,
    Unfreeze,
    Usage,
    WhoAmI,
    as_id,
    parse,
    say,
    strip_mentions,
)
from bot.commands.parse import _READERS
from bot.commands.preferring import Preference, Unreadable, read_preference
from bot.commands.table import FIRST_WORDS, GROUP_ALIASES, SECOND_WORDS
from models.enums import Language, Level, Role
from models.values import Json, JsonObject

ID = "01983f2a-1c2d-7e3f-8a4b-5c6d7e8f9a0b"
POLICY: Json = {"delete_*": "L3", "read": "L1"}

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AMOUNT: JsonObject = {"amount": 5}
WHOLE: JsonObject = {"tool": "bank.pay", "args": {"amount": 5}}

PLAIN = [
    ("/help", Help()),
    ("/help approve", Help("approve")),
    ("/help /agent Create", Help("agent create")),
    ("/whoami", WhoAmI()),
    ("/pending", Pending()),
    (f"/show {ID}", Show(ID)),
    ("/show 01983F2A1C", Show("01983f2a-1c")),
    (f"/approve {ID} 5d1f6a", Approve(ID, "5d1f6a")),
    (f"/approve {ID.replace('-', '').upper()} 5D1F6A", Approve(ID, "5d1f6a")),
    ("/approve 01983f guess", Approve("01983f", "guess")),
    (f"/reject {ID}", Reject(ID)),
    ("/reject 01983f  not “today”,\n please ", Reject("01983f", "not “today”,\n please")),
    ("/agents", ListAgents()),
    ("/agent create Bookkeeper", CreateAgent("Bookkeeper")),
    ('/agent create "Book  Keeper"', CreateAgent("Book Keeper")),
    ("/agent create 记账员", CreateAgent("记账员")),
    ("/agent create Lin's", CreateAgent("Lin's")),
    ("/agent show x", ShowAgent("x")),
    ("/agent pause x", PauseAgent("x")),
    ("/agent resume x", ResumeAgent("x")),
    ("/agent rotate-token x", RotateToken("x")),
    ("/agent set-executor x https://host:8443/run?a=1", SetExecutor("x", "https://host:8443/run?a=1")),
    ("/agent set-executor x off", SetExecutor("x", None)),
    ("/policy show x", ShowPolicy("x")),
    ("/policy set x delete_* L3", SetLevel("x", "delete_*", Level.L3)),
    ("/policy set x pay deny", SetLevel("x", "pay", Level.DENY)),
    ("/policy set x default L1", SetDefaultLevel("x", Level.L1)),
    ('/policy set x {"delete_*": "L3", "read": "L1"}', SetPolicy("x", POLICY)),
    ("/policy show floor", ShowPolicy(FLOOR)),
    ("/policy set x @5 pay L3", SetLevel("x", "pay", Level.L3, 5)),
    ("/policy set x @5 default L3", SetDefaultLevel("x", Level.L3, 5)),
    ('/policy set floor @v5 {"delete_*": "L3", "read": "L1"}', SetPolicy(FLOOR, POLICY, 5)),
    ("/policy test x pay", TryPolicy("x", "pay")),
    ('/policy test x pay {"amount": 5}', TryPolicy("x", "pay", {"args": AMOUNT})),
    (
        '/policy test x pay for lin@example.com {"tool": "bank.pay", "args": {"amount": 5}}',
        TryPolicy("x", "pay", WHOLE, "lin@example.com"),
    ),
    ('/policy test x pay {"tool": "t", "amount": 5}', TryPolicy("x", "pay", {"args": {"tool": "t", "amount": 5}})),
    ("/policy test x pay {}", TryPolicy("x", "pay", {"args": {}})),
    ("/policy history x", ShowHistory("x")),
    ("/policy rollback floor v3", RollBack(FLOOR, 3)),
    ('/policy replay x {"delete_*": "L3", "read": "L1"}', ReplayPolicy("x", 7, POLICY)),
    ('/policy replay x 36h {"delete_*": "L3", "read": "L1"}', ReplayPolicy("x", 2, POLICY)),
    ("/why 01983F2A1C", AskWhy("01983f2a-1c")),
    ("/freeze", Freeze()),
    ("/freeze for 2h", Freeze(ALL, 2 * HOUR)),
    ("/freeze 2h", Freeze(ALL, 2 * HOUR)),
    ("/freeze x for 1h30m it pays  twice", Freeze("x", 1.5 * HOUR, "it pays  twice")),
    ("/freeze all it is broken", Freeze(ALL, None, "it is broken")),
    ("/unfreeze", Unfreeze()),
    ("/unfreeze x", Unfreeze("x")),
    ("/grant list", ListGrants()),
    ("/grant list x", ListGrants("x")),
    ("/grant exact 01983f", GrantExact("01983f", HOUR)),
    ("/grant exact 01983f for 2h", GrantExact("01983f", 2 * HOUR)),
    ("/grant kind 01983f", GrantKindOf("01983f")),
    ("/grant kind 01983f today fix=to,subject uses=20", GrantKindOf("01983f", None, frozenset({"to", "subject"}), 20)),
    ("/grant kind 01983f 3h fix=", GrantKindOf("01983f", 3 * HOUR, frozenset())),
    ("/grant revoke 01983f", RevokeGrant("01983f")),
    ("/observe x for 7d", Observe("x", 7 * DAY)),
    ("/observe x 7d", Observe("x", 7 * DAY)),
    ("/observe x off", Observe("x", None)),
    ("/agent label x team=finance env=", SetLabels("x", {"team": "finance", "env": ""})),
    ("/agent limit x pending=5 rate=default", SetLimits("x", {"pending": 5, "rate": None})),
    ("/token create laptop", CreateAccessToken("laptop")),
    ("/token create laptop 30d", CreateAccessToken("laptop", 30 * DAY)),
    ("/token list", ListAccessTokens()),
    ("/token revoke laptop", RevokeAccessToken("laptop")),
    ("/snooze 01983f", Snooze("01983f", HOUR)),
    ("/snooze 01983f for 2h", Snooze("01983f", 2 * HOUR)),
    ("/away", ShowAway()),
    ("/away off", ComeBack()),
    ("/away until tomorrow 9:00 “Li Lei”", GoAway("until tomorrow 9:00 “Li Lei”")),
    ("/away 7d", GoAway("7d")),
    ("/settings", OpenSettings()),
    ("/settings language English", SetPreference(Preference.LANGUAGE, "en_us")),
    ("/settings quiet 22:00-08:00", SetPreference(Preference.QUIET, "22:00-08:00")),
    ("/settings days Mon-Fri", SetPreference(Preference.DAYS, "12345")),
    ("/settings zone Europe/Berlin", SetPreference(Preference.ZONE, "Europe/Berlin")),
    ("/settings digest never", SetPreference(Preference.DIGEST, "never")),
    ("/settings digest default", SetPreference(Preference.DIGEST, None)),
    ("/agent backup x li@example.com", SetBackup("x", "li@example.com")),
    ("/agent backup x off", SetBackup("x", None)),
    ("/plan show", ShowPlan()),
    ('/plan set {"delete_*": "L3", "read": "L1"}', SetPlan(POLICY)),
    ('/plan set @3 {"delete_*": "L3", "read": "L1"}', SetPlan(POLICY, 3)),
    ("/plan test x pay", TryPlan("x", "pay")),
    ('/plan test x pay for ou_lin {"amount": 5}', TryPlan("x", "pay", {"args": AMOUNT}, "ou_lin")),
    ("/plan history", ShowPlanHistory()),
    ("/plan rollback v2", RollBackPlan(2)),
    ("/audit", ShowAudit()),
    ("/audit Bookkeeper", ShowAudit("Bookkeeper")),
    ("/audit 01983F2A1C", ShowAudit("01983F2A1C", "01983f2a-1c")),
    ("/claim ABCD-1234", ClaimAdmin("ABCD-1234")),
    ("/user list", ListUsers()),
    ("/user role lin@example.com org_admin", SetRole("lin@example.com", Role.ORG_ADMIN)),
    ("/user role ou_1 Platform-Admin", SetRole("ou_1", Role.PLATFORM_ADMIN)),
]

TOLERATED = [
    ("／help", Help()),
    ("/HELP", Help()),
    ("/ help", Help()),
    ("  /\u00a0help\u3000", Help()),
    ("、帮助", Help()),
    ("/？", Help()),
    ("／ｗｈｏａｍｉ", WhoAmI()),
    ("\ufeff\u200b/who\u200bami", WhoAmI()),
    ("/待办", Pending()),
    (f"/同意　{ID}　５Ｄ１Ｆ６Ａ", Approve(ID, "5d1f6a")),
    ("/拒绝 01983f 金额不对　请核实", Reject("01983f", "金额不对　请核实")),
    ("/reject 01983f 👨\u200d👩\u200d👧", Reject("01983f", "👨\u200d👩\u200d👧")),
    ("/show #01983f2a…", Show("01983f2a")),
    ("/show 01983f2a\u20131c2d", Show("01983f2a-1c2d")),
    ("/agent create “Book\u00a0Keeper”", CreateAgent("Book Keeper")),
    ("/agent create ‘Book Keeper’", CreateAgent("Book Keeper")),
    ("/agent create 「记账 员」", CreateAgent("记账 员")),
    ("/agent  rotate_token\u3000x", RotateToken("x")),
    ("/agent rotate\u2014token x", RotateToken("x")),
    ("/智能体 暂停 x", PauseAgent("x")),
    ("/agents pause x", PauseAgent("x")),
    ("/agent set-executor x <https://host/run>", SetExecutor("x", "https://host/run")),
    ("/策略 设置 x 默认 ｌ３", SetDefaultLevel("x", Level.L3)),
    ("/policy set x {“delete_*”：“L3”，“read”: “L1”}", SetPolicy("x", POLICY)),
    ("/policy set x ｛\u00a0“delete_*”:\u200b“L3”,\n“read”:“L1”｝", SetPolicy("x", POLICY)),
    ('/policy set "x" ```json\n{"delete_*": "L3", "read": "L1"}\n```', SetPolicy("x", POLICY)),
    ('/policy set x {"，：“": "L3"}', SetPolicy("x", {"，：“": "L3"})),
    ("/policy set x []", SetPolicy("x", [])),
    ("/policy set x ＠５ pay L3", SetLevel("x", "pay", Level.L3, 5)),
    ("/策略 查看 底线", ShowPolicy(FLOOR)),
    ("/策略 测试 x pay 代表 ou_lin ｛“amount”：5｝", TryPolicy("x", "pay", {"args": {"amount": 5}}, "ou_lin")),
    ("/冻结 全部 持续 2小时 金额不对", Freeze(ALL, 2 * HOUR, "金额不对")),
    ("/冻结 记账员 1天", Freeze("记账员", DAY)),
    ("/解冻 全部", Unfreeze()),
    ("/授权 同类 01983f 今天 固定＝to，subject 次数=20", GrantKindOf("01983f", None, frozenset({"to", "subject"}), 20)),
    ("/观察 x 关闭", Observe("x", None)),
    ("/观察 x 1周", Observe("x", 7 * DAY)),
    ("/为什么 #01983f…", AskWhy("01983f")),
    ("/离开 到周一九点　李雷", GoAway("到周一九点　李雷")),
    ("/请假 回来了", ComeBack()),
    ("/设置", OpenSettings()),
    ("/设置 语言 中文", SetPreference(Preference.LANGUAGE, "zh_cn")),
    ("/设置 免打扰 晚上十点到早上八点", SetPreference(Preference.QUIET, "22:00-08:00")),
    ("/设置 工作日 周一到周六", SetPreference(Preference.DAYS, "123456")),
    ("/设置 时区 上海", SetPreference(Preference.ZONE, "Asia/Shanghai")),
    ("/设置 摘要 下午六点", SetPreference(Preference.DIGEST, "18:00")),
    ("/智能体 替补 记账员 关闭", SetBackup("记账员", None)),
    ("/询问方案 查看", ShowPlan()),
    ("/稍后 01983f 30分钟", Snooze("01983f", HOUR / 2)),
]


@pytest.mark.parametrize(("text", "command"), PLAIN)
def test_command(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(("text", "command"), TOLERATED)
def test_what_chat_clients_and_input_methods_do_is_tolerated(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "help", "、你好", "。/help", "看看 /help", "\u200b", "@_user_1 hi", "-/help"]
)
def test_ordinary_talk_is_no_command(text: str) -> None:
    assert parse(text) == NotACommand()


@pytest.mark.parametrize(
    ("text", "problem", "given", "suggestion"),
    [
        ("/back", Problem.UNKNOWN_COMMAND, "back", "/away off"),
        ("/回来", Problem.UNKNOWN_COMMAND, "回来", "/离开 结束"),  # and not 驳回, which rejects
        ("/代理人 李雷", Problem.UNKNOWN_COMMAND, "代理人", "/离开"),
        ("/queue", Problem.UNKNOWN_COMMAND, "queue", "/pending"),
        ("/通知", Problem.UNKNOWN_COMMAND, "通知", "/设置"),  # and not 通过, which approves
        ("/时区 上海", Problem.UNKNOWN_COMMAND, "时区", "/设置"),
        ("/", Problem.UNKNOWN_COMMAND, "", "/help"),
        ("/aprove 1", Problem.UNKNOWN_COMMAND, "aprove", "/approve"),
        ("/pendng", Problem.UNKNOWN_COMMAND, "pendng", "/pending"),
        ("/" + "z" * 200, Problem.UNKNOWN_COMMAND, "z" * 59 + "…", "/help"),
        ("/agent", Problem.MISSING_WORD, "", None),
        ("/agent paws x", Problem.UNKNOWN_SUBCOMMAND, "paws", "/agent pause"),
        ("/user delete x", Problem.UNKNOWN_SUBCOMMAND, "delete", None),
        ("/show", Problem.MISSING_WORD, "", None),
        ("/show 01983", Problem.BAD_ID, "01983", None),
        ("/show 01983g", Problem.BAD_ID, "01983g", None),
        (f"/show {ID}0", Problem.BAD_ID, f"{ID}0", None),
        (f"/approve {ID}", Problem.MISSING_WORD, "", None),
        (f"/approve {ID} 5d1f6a now", Problem.TOO_MANY_WORDS, "now", None),
        ("/reject", Problem.MISSING_WORD, "", None),
        ("/whoami really", Problem.TOO_MANY_WORDS, "really", None),
        ("/agent create Book Keeper", Problem.TOO_MANY_WORDS, "Keeper", None),
        ("/agent create " + "x" * 101, Problem.BAD_NAME, "x" * 59 + "…", None),
        ("/agent set-executor x", Problem.MISSING_WORD, "", None),
        ("/agent set-executor x ftp://host", Problem.BAD_URL, "ftp://host", None),
        ("/agent set-executor x https:///run", Problem.BAD_URL, "https:///run", None),
        ("/policy set x pay L4", Problem.BAD_LEVEL, "L4", None),
        ("/policy set x pay", Problem.MISSING_WORD, "", None),
        ("/policy set x", Problem.MISSING_WORD, "", None),
        ("/policy set x {pay: L3}", Problem.BAD_JSON, None, None),
        ('/policy set x {"a": "L1", "a": "L3"}', Problem.BAD_JSON, None, None),
        ("/user role x king", Problem.BAD_ROLE, "king", None),
        ("/claim", Problem.MISSING_WORD, "", None),
        ("/policy set x @ pay L3", Problem.BAD_VERSION, "@", None),
        ("/policy set x @5", Problem.MISSING_WORD, "", None),
        ("/policy test x", Problem.MISSING_WORD, "", None),
        ("/policy test x pay now", Problem.TOO_MANY_WORDS, "now", None),
        ("/policy test x pay [5]", Problem.BAD_JSON, "not an object", None),
        ("/policy rollback x", Problem.MISSING_WORD, "", None),
        ("/policy rollback x -1", Problem.BAD_VERSION, "-1", None),
        ("/policy replay x 7d", Problem.MISSING_WORD, "", None),
        ("/policy replay x 91d {}", Problem.BAD_DAYS, "91d", None),
        ("/policy replay x 7d draft", Problem.BAD_JSON, "draft", None),
        ("/why", Problem.MISSING_WORD, "", None),
        ("/freeze x for ever", Problem.BAD_DURATION, "ever", None),
        ("/unfreeze x y", Problem.TOO_MANY_WORDS, "y", None),
        ("/grant exact 01983f 0h", Problem.BAD_DURATION, "0h", None),
        ("/grant kind 01983f uses=0", Problem.BAD_NUMBER, "0", None),
        ("/grant kind 01983f max=3", Problem.BAD_OPTION, "max=3", None),
        ("/grant kind 01983f tomorrow", Problem.BAD_DURATION, "tomorrow", None),
        ("/grant", Problem.MISSING_WORD, "", None),
        ("/observe x", Problem.MISSING_WORD, "", None),
        ("/observe x always", Problem.BAD_DURATION, "always", None),
        ("/agent label x", Problem.MISSING_WORD, "", None),
        ("/agent label x team", Problem.BAD_OPTION, "team", None),
        ('/agent label x team="a b"', Problem.BAD_OPTION, 'team="a', None),
        ("/agent limit x speed=3", Problem.BAD_OPTION, "speed=3", None),
        ("/agent limit x rate=fast", Problem.BAD_NUMBER, "fast", None),
        ("/token create x 99999d", Problem.BAD_DURATION, "99999d", None),
        ("/待审", Problem.UNKNOWN_COMMAND, "待审", "/待审批"),
        ("/策咯 查看 x", Problem.UNKNOWN_COMMAND, "策咯", "/策略"),
        ("/拒绝5d1f6a", Problem.UNKNOWN_COMMAND, "拒绝5d1f6a", "/拒绝"),
        ("/智能体暂停 x", Problem.UNKNOWN_COMMAND, "智能体暂停", "/智能体 暂停"),
        ("/agentpause x", Problem.UNKNOWN_COMMAND, "agentpause", "/agent pause"),
        ("/pause x", Problem.UNKNOWN_COMMAND, "pause", "/agent pause"),
        ("/rolback x", Problem.UNKNOWN_COMMAND, "rolback", "/policy rollback"),
        ("/暂停 x", Problem.UNKNOWN_COMMAND, "暂停", "/agent pause"),
        ("/智能体 暂定 x", Problem.UNKNOWN_SUBCOMMAND, "暂定", "/智能体 暂停"),
        ("/policy pause x", Problem.UNKNOWN_SUBCOMMAND, "pause", "/agent pause"),
        ("/plan", Problem.MISSING_WORD, "", None),
        ("/plan set", Problem.MISSING_WORD, "", None),
        ("/plan set x", Problem.BAD_JSON, "x", None),
        ("/away until", Problem.MISSING_WORD, "", None),
        ("/settings colour red", Problem.BAD_OPTION, "colour", None),
        ("/settings zone", Problem.MISSING_WORD, "", None),
        ("/settings zone Atlantis", Problem.BAD_ZONE, "Atlantis", None),
        ("/settings language default", Problem.BAD_LANGUAGE, "default", None),
        ("/settings quiet 8", Problem.BAD_QUIET, "8", None),
        ("/settings days 8", Problem.BAD_WEEKDAYS, "8", None),
        ("/settings digest 25:00", Problem.BAD_CLOCK, "25:00", None),
        ("/agent backup x", Problem.MISSING_WORD, "", None),
        ("/snooze 01983f soon", Problem.BAD_DURATION, "soon", None),
        ("/tokens", Problem.UNKNOWN_COMMAND, "tokens", "/token"),
    ],
)
def test_usage_names_what_is_wrong(text: str, problem: Problem, given: str | None, suggestion: str | None) -> None:
    usage = parse(text)
    assert isinstance(usage, Usage)
    assert (usage.problem, usage.suggestion) == (problem, suggestion)
    assert usage.given == given if given is not None else usage.given
    assert (usage.usage is None) == (problem is Problem.UNKNOWN_COMMAND)


@pytest.mark.parametrize(
    ("preference", "written", "stored"),
    [
        (Preference.LANGUAGE, "ZH_CN", "zh_cn"),
        (Preference.LANGUAGE, "英文", "en_us"),
        (Preference.QUIET, "22-8", "22:00-08:00"),
        (Preference.QUIET, "10pm to 7:30am", "22:00-07:30"),
        (Preference.QUIET, "２２：００～０８：００", "22:00-08:00"),
        (Preference.QUIET, "22点到8点半", "22:00-08:30"),
        (Preference.QUIET, "18:00 - 24:00", "18:00-00:00"),
        (Preference.QUIET, "off", "never"),
        (Preference.QUIET, "默认", None),
        (Preference.QUIET, "08:00-08:00", "?"),
        (Preference.QUIET, "22:00-25:00", "?"),
        (Preference.QUIET, "22:00", "?"),
        (Preference.QUIET, "25-8", "?"),
        (Preference.DAYS, "1-5", "12345"),
        (Preference.DAYS, "12345", "12345"),
        (Preference.DAYS, "6,7,1", "167"),
        (Preference.DAYS, "Sun-Thu", "12347"),
        (Preference.DAYS, "Monday to Friday and Sunday", "123457"),
        (Preference.DAYS, "Mon, Wed, Fri", "135"),
        (Preference.DAYS, "周一三五", "135"),
        (Preference.DAYS, "周一至周五", "12345"),
        (Preference.DAYS, "每天", "1234567"),
        (Preference.DAYS, "工作日", "12345"),
        (Preference.DAYS, "0", "?"),
        (Preference.DAYS, "sometimes", "?"),
        (Preference.ZONE, "asia/shanghai", "Asia/Shanghai"),
        (Preference.ZONE, "new york", "America/New_York"),
        (Preference.ZONE, "Berlin", "Europe/Berlin"),
        (Preference.ZONE, "北京", "Asia/Shanghai"),
        (Preference.ZONE, "UTC+8", "Etc/GMT-8"),
        (Preference.ZONE, "utc-3", "Etc/GMT+3"),
        (Preference.ZONE, "UTC", "UTC"),
        (Preference.ZONE, "UTC+15", "?"),
        (Preference.ZONE, "../../etc/passwd", "?"),
        (Preference.DIGEST, "6pm", "18:00"),
        (Preference.DIGEST, "7:05", "07:05"),
        (Preference.DIGEST, "关闭", "never"),
        (Preference.DIGEST, "tomorrow", "?"),
    ],
)
def test_preferences_are_read_as_they_are_stored(preference: Preference, written: str, stored: str | None) -> None:
    if stored == "?":
        with pytest.raises(Unreadable):
            read_preference(preference, written)
        return
    assert read_preference(preference, written) == stored
    if stored is not None:
        assert read_preference(preference, stored) == stored


@given(st.sampled_from(Preference), st.text(max_size=20) | st.sampled_from(["22-8", "Mon-Fri", "UTC+8", "6pm"]))
def test_whatever_is_typed_as_a_preference_is_stored_in_one_form_or_refused(kind: Preference, written: str) -> None:
    try:
        stored = read_preference(kind, written)
    except Unreadable:
        return
    assert stored is None or read_preference(kind, stored) == stored


def test_usage_is_said_in_both_languages() -> None:
    usage = parse("/agent paws x")
    assert isinstance(usage, Usage)
    assert say(usage, Language.EN_US).startswith(
        "There is no sub-command “paws”.\nDid you mean /agent pause?\nUsage: /agent"
    )
    assert say(usage, Language.ZH_CN).startswith("没有“paws”这个子命令。\n您是不是想输入 /agent pause？\n用法：/agent")
    for problem in Problem:
        assert say(Usage(problem, "{given}{x}"), Language.ZH_CN)
        assert say(Usage(problem, "{given}{x}"), Language.EN_US)


# --- the table


def test_table_parser_and_union_are_the_same_set() -> None:
    assert [spec.name for spec in COMMANDS] == list(dict.fromkeys(spec.name for spec in COMMANDS))
    assert {spec.name for spec in COMMANDS} == set(_READERS)
    assert {type(command) for _, command in PLAIN} == set(get_args(Command))


def test_table_is_complete_in_both_languages() -> None:
    for spec in COMMANDS:
        assert spec.usage.startswith(f"/{spec.name}")
        assert re.search("[\u4e00-\u9fff]", spec.describe(Language.ZH_CN))
        assert spec.describe(Language.EN_US).isascii()


def test_no_spelling_means_two_commands() -> None:
    first = [word for spec in COMMANDS if " " not in spec.name for word in (spec.name, *spec.aliases)]
    first += [word for group, aliases in GROUP_ALIASES.items() for word in (group, *aliases)]
    assert len(first) == len(set(first)) == len(FIRST_WORDS)
    for group, words in SECOND_WORDS.items():
        mine = [spec for spec in COMMANDS if spec.name.startswith(f"{group} ")]
        assert len(words) == sum(1 + len(spec.aliases) for spec in mine)


# --- mentions


@pytest.mark.parametrize(
    ("text", "bot", "expected"),
    [
        ("@_user_1 /approve 12", "ou_bot", "/approve 12"),
        ("@_user_1\u00a0/help", "ou_bot", "/help"),
        ("/help @_user_1", "ou_bot", "/help"),
        ("@_user_1 /user role @_user_2 member", "ou_bot", "/user role ou_lin member"),
        ("@_user_2 /help", "ou_bot", "ou_lin /help"),
        ("@_user_10 @_user_1 /help", "ou_bot", "@_user_10  /help"),
        ("@_user_1 @_user_3 /help", None, "/help"),
        ("@_all /help", "ou_bot", "@_all /help"),
        ("no mention", "ou_bot", "no mention"),
    ],
)
def test_mentions(text: str, bot: str | None, expected: str) -> None:
    assert strip_mentions(text, {"@_user_1": "ou_bot", "@_user_2": "ou_lin"}, bot) == expected


# --- properties

words = st.sampled_from(
    [
        *FIRST_WORDS,
        *(word for group in ("agent", "policy", "grant") for word in SECOND_WORDS[group]),
        *("for", "2h", "@5", "x=", "x", "{", "“", "「", "```", ID, "L3"),
    ]
)
typed = st.lists(words | st.text(st.characters(), max_size=6), max_size=6).map(" ".join)


@given(st.text(st.characters()) | typed, st.sampled_from(["", "/", "／", "、", "\ud800/"]))
def test_parse_never_raises(text: str, slash: str) -> None:
    parsed = parse(slash + text)
    assert isinstance(parsed, get_args(Parsed))
    if isinstance(parsed, Usage):
        assert len(parsed.given) <= 60
        for language in Language:
            say(parsed, language).encode()


@given(typed)
def test_what_goes_into_names_can_be_stored(text: str) -> None:
    parsed: Any = parse(f"/agent show {text}")
    if isinstance(parsed, ShowAgent):
        assert parsed.name.isprintable()
        assert parsed.name.encode()


@given(st.uuids(), st.integers(6, 32), st.booleans())
def test_any_beginning_of_an_id_is_found_in_its_stored_form(uuid: Any, digits: int, dashed: bool) -> None:
    whole = str(uuid)
    start = uuid.hex[:digits] if not dashed else whole[: digits + 2]
    found = as_id(start.upper())
    assert found is not None
    assert whole.startswith(found)
