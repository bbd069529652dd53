"""The commands that steer how far agents may go alone: policies, freezes, grants, observation, limits, tokens."""

from __future__ import annotations

from bot.commands.spec import CommandSpec, Who

POLICY_COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec(
        "policy show",
        "/policy show AGENT|floor",
        Who.CREATOR,
        "查看策略或底线",
        "Show a policy or the floor",
        ("查看",),
    ),
    CommandSpec(
        "policy set",
        "/policy set AGENT|floor [@VERSION] ACTION|default LEVEL, /policy set AGENT|floor [@VERSION] {JSON}",
        Who.CREATOR,
        "修改策略：某类操作、默认级别（L1、L2、L3 或 DENY）或整份策略；@5 表示只在 v5 仍生效时修改",
        "Change the policy: one action, the default (L1, L2, L3 or DENY), or all of it; @5: only while v5 is in force",
        ("设置", "修改"),
    ),
    CommandSpec(
        "policy test",
        "/policy test AGENT ACTION [for WHO] [{JSON}]",
        Who.CREATOR,
        "试一下：某个操作现在会怎样，为什么；什么都不会执行",
        "Try it: what would become of an action now, and why; nothing runs",
        ("测试", "试"),
    ),
    CommandSpec(
        "policy history",
        "/policy history AGENT|floor",
        Who.CREATOR,
        "查看策略的历次修改",
        "Who changed the policy, when, and what",
        ("历史", "版本"),
    ),
    CommandSpec(
        "policy rollback",
        "/policy rollback AGENT|floor VERSION",
        Who.CREATOR,
        "恢复到以前的版本（成为新版本）",
        "Put an earlier version in force again, as a new one",
        ("回滚", "恢复"),
    ),
    CommandSpec(
        "policy replay",
        "/policy replay AGENT [7d] {JSON}",
        Who.CREATOR,
        "用最近几天的真实请求试算一份策略草稿，看看会多问、少问多少",
        "Run the last days' real checks under a draft: what it would ask more, and less",
        ("重放", "回放"),
    ),
    CommandSpec(
        "why",
        "/why ID",
        Who.EVERYONE,
        "为什么是这个结果：规则、条件、问了谁、何时送达",
        "Why it was decided so: rule, conditions, who was asked, when it reached them",
        ("为什么", "原因"),
    ),
    CommandSpec(
        "freeze",
        "/freeze [AGENT|all] [for 2h] [REASON]",
        Who.CREATOR,
        "立即冻结：从此刻起什么都不放行；不写智能体则冻结全部",
        "Stop everything at once: nothing is allowed from now on; without an agent, all of them",
        ("冻结", "急停"),
    ),
    CommandSpec(
        "unfreeze", "/unfreeze [AGENT|all]", Who.CREATOR, "解除冻结", "Let go again what was frozen", ("解冻",)
    ),
    CommandSpec(
        "grant list",
        "/grant list [AGENT]",
        Who.CREATOR,
        "列出有效的授权：哪些操作暂时不用再问",
        "The grants in force: what runs without being asked for now",
        ("列表", "查看"),
    ),
    CommandSpec(
        "grant exact",
        "/grant exact ID [1h]",
        Who.CREATOR,
        "已同意的这个操作，原样重复时在这段时间内不再问",
        "This very action, once approved, is not asked for again for that long",
        ("原样", "同一操作"),
    ),
    CommandSpec(
        "grant kind",
        "/grant kind ID [today|2h] [fix=FIELDS] [uses=20]",
        Who.CREATOR,
        "同类操作不再问：fix 里的参数不变，其余在已同意的范围内",
        "Actions of this kind are not asked for: what is in fix stays the same, the rest within what was approved",
        ("同类",),
    ),
    CommandSpec(
        "grant revoke", "/grant revoke ID", Who.CREATOR, "撤销授权，立即恢复询问", "End a grant at once", ("撤销",)
    ),
    CommandSpec(
        "observe",
        "/observe AGENT for 7d|off",
        Who.ADMIN,
        "只观察：全部放行，记录本来会问或会拒绝的操作；最长 30 天",
        "Only watch: everything runs, and what would have been asked or denied is recorded; 30 days at most",
        ("观察",),
    ),
    CommandSpec(
        "agent label",
        "/agent label AGENT KEY=VALUE…",
        Who.ADMIN,
        "设置标签，策略可以引用；KEY= 表示删除",
        "Set labels that policies can match on; KEY= removes one",
        ("标签",),
    ),
    CommandSpec(
        "agent limit",
        "/agent limit AGENT [pending=N] [rate=N]",
        Who.ADMIN,
        "限制同时待审批的数量和每分钟检查次数；default 表示恢复默认",
        "Limit how many requests may wait and how many checks a minute; default takes a limit back",
        ("限额", "限制"),
    ),
    CommandSpec(
        "token create",
        "/token create NAME [30d]",
        Who.EVERYONE,
        "新建我的访问令牌，用于 HTTP 接口；通过一次性链接查看",
        "A token of your own for the HTTP interface; it comes by a one-time link",
        ("创建", "新建"),
    ),
    CommandSpec("token list", "/token list", Who.EVERYONE, "列出我的访问令牌", "List your access tokens", ("列表",)),
    CommandSpec(
        "token revoke",
        "/token revoke NAME",
        Who.EVERYONE,
        "吊销访问令牌",
        "End an access token at once",
        ("吊销", "撤销"),
    ),
)
