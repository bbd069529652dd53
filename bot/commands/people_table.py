"""The commands about oneself, one's absence, what waits, and whom to ask."""

from __future__ import annotations

from bot.commands.spec import CommandSpec, Who

PEOPLE_COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec(
        "snooze",
        "/snooze ID [1h]",
        Who.EVERYONE,
        "稍后再处理一个请求，这段时间不再提醒我",
        "Put a request off: no reminders for that long",
        ("稍后", "推迟"),
    ),
    CommandSpec(
        "away",
        "/away until WHEN [WHO], /away off",
        Who.EVERYONE,
        "我不在，到何时为止；可写明由谁代我审批，例如 /away until 周一 9:00 邮箱",
        "You are away until then; name who decides for you meanwhile, as in /away until Monday li@example.com",
        ("离开", "外出", "请假"),
    ),
    CommandSpec(
        "settings",
        "/settings, /settings language|quiet|days|zone|digest VALUE",
        Who.EVERYONE,
        "我的语言、免打扰时段、工作日、时区和摘要时间",
        "Your language, quiet hours, working days, time zone and digest hour",
        ("设置", "偏好"),
    ),
    CommandSpec(
        "agent backup",
        "/agent backup AGENT WHO|off",
        Who.CREATOR,
        "设置后备审批人：您没有及时处理时会问到",
        "Who is asked as well when you do not answer in time",
        ("后备", "替补"),
    ),
    CommandSpec(
        "plan show",
        "/plan show",
        Who.CREATOR,
        "查看询问方案：先问谁、何时提醒、最后怎样",
        "Show the asking plan",
        ("查看",),
    ),
    CommandSpec(
        "plan test",
        "/plan test AGENT ACTION [for WHO] [{JSON}]",
        Who.CREATOR,
        "试一下：某个操作会在何时问到谁",
        "Try it: who would be asked about an action, and when",
        ("测试", "试"),
    ),
    CommandSpec(
        "plan set",
        "/plan set [@VERSION] {JSON}",
        Who.ADMIN,
        "修改组织的询问方案",
        "Replace the organisation's asking plan",
        ("设置", "修改"),
    ),
    CommandSpec(
        "plan history",
        "/plan history",
        Who.ADMIN,
        "查看询问方案的历次修改",
        "Who changed the asking plan, when, and what",
        ("历史", "版本"),
    ),
    CommandSpec(
        "plan rollback",
        "/plan rollback VERSION",
        Who.ADMIN,
        "恢复到以前的询问方案（成为新版本）",
        "Put an earlier asking plan in force again, as a new version",
        ("回滚", "恢复"),
    ),
)
