"""The one table of commands: parsed by it, listed by /help, and compared with docs/commands.md by a test."""

from __future__ import annotations

from bot.commands.people_table import PEOPLE_COMMANDS
from bot.commands.policy_table import POLICY_COMMANDS
from bot.commands.spec import CommandSpec, Who

GROUP_ALIASES = {
    "agent": ("智能体", "代理"),
    "policy": ("策略",),
    "plan": ("询问方案", "方案"),
    "grant": ("授权",),
    "token": ("令牌",),
    "user": ("用户",),
}

COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec("help", "/help [COMMAND]", Who.EVERYONE, "查看命令说明", "List the commands", ("帮助", "?", "h")),
    CommandSpec("whoami", "/whoami", Who.EVERYONE, "查看我的身份和角色", "Show who you are here", ("我是谁", "我")),
    CommandSpec(
        "pending", "/pending", Who.EVERYONE, "列出等我审批的请求", "List what waits for you", ("待办", "待审批")
    ),
    CommandSpec("show", "/show ID", Who.EVERYONE, "查看一个审批请求", "Show one approval request", ("查看", "详情")),
    CommandSpec(
        "approve",
        "/approve ID CODE",
        Who.EVERYONE,
        "同意一个请求；校验码在卡片上",
        "Approve a request; the code is on its card",
        ("同意", "批准", "通过"),
    ),
    CommandSpec(
        "reject",
        "/reject ID [REASON]",
        Who.EVERYONE,
        "拒绝一个请求，可附理由",
        "Reject a request, with a reason if you like",
        ("拒绝", "驳回"),
    ),
    CommandSpec("agents", "/agents", Who.CREATOR, "列出我的智能体", "List your agents", ("智能体列表", "我的智能体")),
    CommandSpec(
        "agent create",
        "/agent create NAME",
        Who.CREATOR,
        "新建智能体；令牌通过一次性链接查看",
        "Create an agent; its token comes by a one-time link",
        ("创建", "新建"),
    ),
    CommandSpec("agent show", "/agent show NAME", Who.CREATOR, "查看智能体", "Show an agent", ("查看", "详情")),
    CommandSpec(
        "agent pause",
        "/agent pause NAME",
        Who.CREATOR,
        "暂停智能体，它的所有请求都会被拒绝",
        "Pause an agent: all its checks are denied",
        ("暂停", "停用"),
    ),
    CommandSpec(
        "agent resume", "/agent resume NAME", Who.CREATOR, "恢复智能体", "Resume a paused agent", ("恢复", "启用")
    ),
    CommandSpec(
        "agent rotate-token",
        "/agent rotate-token NAME",
        Who.CREATOR,
        "更换令牌，旧令牌立即失效",
        "Replace the token; the old one stops working at once",
        ("rotatetoken", "rotate", "更换令牌", "重置令牌"),
    ),
    CommandSpec(
        "agent set-executor",
        "/agent set-executor NAME URL|off",
        Who.CREATOR,
        "设置批准后由谁执行；off 表示由智能体自己执行",
        "Set the URL that performs approved actions; off: the agent acts itself",
        ("setexecutor", "executor", "执行器", "设置执行器"),
    ),
    *POLICY_COMMANDS,
    *PEOPLE_COMMANDS,
    CommandSpec(
        "audit", "/audit [AGENT|ID]", Who.CREATOR, "查看最近的审计记录", "Show recent audit entries", ("审计", "记录")
    ),
    CommandSpec(
        "claim",
        "/claim CODE",
        Who.EVERYONE,
        "用服务首次启动时显示的代码成为第一位管理员",
        "Become the first admin, with the code that the service printed when it first started",
        ("认领",),
    ),
    CommandSpec("user list", "/user list", Who.ADMIN, "列出用户", "List the users", ("列表",)),
    CommandSpec(
        "user role",
        "/user role WHO member|org_admin|platform_admin",
        Who.ADMIN,
        "设置用户角色",
        "Set a person's role",
        ("角色",),
    ),
)

SPECS = {spec.name: spec for spec in COMMANDS}
GROUPS = frozenset(GROUP_ALIASES)


def _first_words() -> dict[str, str]:
    words = {alias: group for group, aliases in GROUP_ALIASES.items() for alias in (group, *aliases)}
    for spec in COMMANDS:
        if " " not in spec.name:
            words |= dict.fromkeys((spec.name, *spec.aliases), spec.name)
    return words


def _second_words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {group: {} for group in GROUP_ALIASES}
    for spec in COMMANDS:
        group, _, name = spec.name.partition(" ")
        if name:
            words[group] |= dict.fromkeys((name, *spec.aliases), spec.name)
    return words


FIRST_WORDS = _first_words()  # every spelling of a first word → its command or group
SECOND_WORDS = _second_words()  # group → every spelling of a second word → the command
