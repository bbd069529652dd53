"""The first words to a person, and /help by role: nobody is offered what would be refused."""

from __future__ import annotations

from dataclasses import dataclass

from cards.said_in_text import lines, safe_line
from cards.words import ROLES, Bilingual
from models.enums import Language, Role


@dataclass(frozen=True, slots=True)
class _Entry:
    usage: Bilingual
    meaning: Bilingual

    def line(self, language: Language) -> str:
        return f"{self.usage.in_(language)}  {self.meaning.in_(language)}"


def _entry(usage_zh: str, usage_en: str, zh: str, en: str) -> _Entry:
    return _Entry(Bilingual(usage_zh, usage_en), Bilingual(zh, en))


_EVERYONE = (
    _entry("/pending", "/pending", "等我审批的请求", "what waits for me"),
    _entry("/show 编号", "/show ID", "查看一个请求", "one request in full"),
    _entry("/approve 编号 校验码", "/approve ID CODE", "同意（校验码在卡片上）", "approve (the code is on the card)"),
    _entry("/reject 编号 理由", "/reject ID reason", "拒绝，理由会告诉智能体", "reject; the agent is told the reason"),
    _entry("/agents", "/agents", "我的智能体", "my agents"),
    _entry("/agent create 名称", "/agent create NAME", "创建智能体", "create an agent"),
    _entry("/why 编号", "/why ID", "为什么是这个结果", "why it was decided so"),
    _entry("/snooze 编号 1h", "/snooze ID 1h", "稍后再说，先不提醒", "later; no reminders until then"),
    _entry("/away until 时间 代理人", "/away until WHEN WHO", "我不在；回来：/away off", "I am away; back: /away off"),
    _entry("/settings", "/settings", "语言、免打扰、时区、摘要", "language, quiet hours, zone, digest"),
    _entry("/whoami", "/whoami", "我的身份", "who I am here"),
)
_CREATORS = (
    _entry("/agent show|pause|resume 名称", "/agent show|pause|resume NAME", "查看、暂停、恢复", "show, pause, resume"),
    _entry("/agent rotate-token 名称", "/agent rotate-token NAME", "更换令牌", "replace its token"),
    _entry(
        "/agent set-executor 名称 网址|off",
        "/agent set-executor NAME URL|off",
        "设置获批后由谁执行",
        "who runs approved actions",
    ),
    _entry("/agent backup 名称 邮箱|off", "/agent backup NAME WHO|off", "后备审批人", "who is asked besides me"),
    _entry("/freeze 名称|all", "/freeze NAME|all", "立即冻结；解除：/unfreeze", "stop everything at once; /unfreeze"),
    _entry(
        "/policy show|history 名称|floor",
        "/policy show|history NAME|floor",
        "查看策略、历次修改",
        "the policy, its versions",
    ),
    _entry("/policy set 名称 操作 级别", "/policy set NAME ACTION LEVEL", "修改策略", "change its policy"),
    _entry("/policy test|replay 名称 …", "/policy test|replay NAME …", "试算，什么都不执行", "try it; nothing runs"),
    _entry("/policy rollback 名称 版本", "/policy rollback NAME VERSION", "恢复旧版本", "an earlier version again"),
    _entry(
        "/grant list|exact|kind|revoke", "/grant list|exact|kind|revoke", "以后少问，随时撤销", "ask me less; end it"
    ),
    _entry("/plan show|test", "/plan show|test", "何时问谁、怎样提醒", "who is asked when, and reminded how"),
    _entry(
        "/token create|list|revoke", "/token create|list|revoke", "HTTP 接口的令牌", "tokens for the HTTP interface"
    ),
    _entry("/audit", "/audit", "审计记录", "audit entries"),
)
_ADMINS = (
    _entry("/policy set floor …", "/policy set floor …", "修改组织的底线", "change the organisation's floor"),
    _entry("/plan set|history|rollback", "/plan set|history|rollback", "修改询问方案", "change the asking plan"),
    _entry("/observe 名称 for 7d|off", "/observe NAME for 7d|off", "只观察，不拦截", "only watch, hold nothing back"),
    _entry("/agent label|limit 名称 …", "/agent label|limit NAME …", "标签、限额", "labels, limits"),
    _entry("/user list", "/user list", "人员与角色", "people and roles"),
    _entry("/user role 邮箱或ID 角色", "/user role WHO ROLE", "修改角色", "change a role"),
)


def welcome(name: str | None, role: Role, language: Language) -> str:
    """The first contact: what this bot is for, and where to go on."""
    words = Bilingual(
        "您好{name}！智能体要做有风险的操作时，我会用卡片请您同意或拒绝；没有您的同意，它不会执行。\n"
        "您的角色是{role}。发送 /help 查看命令，/settings 设置语言、免打扰时段和时区。",
        "Hello{name}! When an agent wants to do something risky, I ask you with a card; without your approval it "
        "does not run.\nYour role is {role}. Send /help for the commands, /settings for language, quiet hours and time "
        "zone.",
    )
    called = Bilingual("", "")
    if name is not None:
        called = Bilingual("，{name}", " {name}").format(name=safe_line(name))
    return words.format(name=called, role=ROLES[role]).in_(language)


def help_text(role: Role, owns_agents: bool, language: Language) -> str:
    """The commands that this person may use."""
    is_admin = role is not Role.MEMBER
    return lines(
        Bilingual("命令", "Commands").in_(language),
        (entry.line(language) for entry in _EVERYONE),
        (entry.line(language) for entry in _CREATORS if owns_agents or is_admin),
        (entry.line(language) for entry in _ADMINS if is_admin),
        Bilingual("某个命令的用法：/help 命令", "How one is written: /help COMMAND").in_(language),
    )
