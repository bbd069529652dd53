"""The words of the web views, in both languages. Words that the cards use too come from cards.words."""

from __future__ import annotations

from bot.nudging.sparing import Spared
from bot.people.recipients import Skipped
from cards.words import Bilingual
from models.enums import Executor
from models.values import RefusalKind

WORDS: dict[str, Bilingual] = {
    # every page
    "skip": Bilingual("跳到正文", "Skip to content"),
    "pages": Bilingual("页面", "Pages"),
    "inbox": Bilingual("收件箱", "Inbox"),
    "other_language": Bilingual("English", "中文"),
    "times": Bilingual("时间均为 {zone}", "All times are {zone}"),
    "read_only": Bilingual(
        "本页只供查看，决定请在飞书中作出。请勿转发链接。",
        "This page is for reading; decisions are taken in Feishu. Keep the link to yourself.",
    ),
    # approval: head
    "for_whom": Bilingual("请求人 {name}", "for {name}"),
    "asked_at": Bilingual("{at} 提出", "asked {at}"),
    "waiting": Bilingual("已等 {lasting}", "waiting {lasting}"),
    "expires_in": Bilingual("{lasting}后过期", "expires in {lasting}"),
    "overdue": Bilingual("期限已到，即将关闭", "its time is over; it is about to be closed"),
    "decide_in_feishu": Bilingual(
        "请在飞书的审批卡片上决定，或把这行命令发给机器人：",
        "Decide on the card in Feishu, or send this command to the bot:",
    ),
    "attention": Bilingual("注意", "Attention"),
    "together": Bilingual("一起同意", "Approvals"),
    "instruction": Bilingual("给智能体的指示", "Instruction to the agent"),
    "resolution_reason": Bilingual("理由", "Reason"),
    # approval: what changed
    "changed": Bilingual("与上次相比", "What is different"),
    "changed_note": Bilingual(
        "由系统比较：同一智能体、同类操作中，上一次同意的那次。",
        "Compared by Assent with the last approved call of this agent and kind.",
    ),
    "amended": Bilingual("同意前的改动", "Changed before approving"),
    "amended_note": Bilingual(
        "智能体原来的请求和实际同意的内容。执行的只会是改后的内容。",
        "What the agent asked, and what was approved. Only the latter is executed.",
    ),
    "col_argument": Bilingual("参数", "Argument"),
    "col_last": Bilingual("上次", "Last time"),
    "col_now": Bilingual("这次", "This time"),
    "col_asked": Bilingual("原来", "As asked"),
    "col_approved": Bilingual("改为", "As approved"),
    "absent": Bilingual("（没有）", "(not there)"),
    # approval: arguments
    "arguments": Bilingual("参数", "Arguments"),
    "arguments_note": Bilingual(
        "完整显示，按类型列出。同意的就是这些内容，执行的也只会是这些内容。",
        "Complete, by type. This is what is approved, and only this is executed.",
    ),
    "masked_note": Bilingual(
        "密钥和个人号码已遮盖，括号里是长度和摘要；不可见字符以代码显示。",
        "Secrets and personal numbers are masked (length and digest in brackets); invisible characters show as codes.",
    ),
    "no_arguments": Bilingual("没有参数", "No arguments"),
    "kind_text": Bilingual("文本", "text"),
    "kind_number": Bilingual("数字", "number"),
    "kind_yesno": Bilingual("布尔", "boolean"),
    "kind_nothing": Bilingual("空", "null"),
    "kind_list": Bilingual("列表", "list"),
    "kind_object": Bilingual("对象", "object"),
    "kind_json": Bilingual("JSON", "JSON"),
    "characters": Bilingual("{n} 字", "{n} characters"),
    "members": Bilingual("{n} 项", "{n} items"),
    "masked": Bilingual("有遮盖", "masked"),
    "empty_text": Bilingual("（空文本）", "(empty text)"),
    # approval: computed
    "computed": Bilingual("系统核实", "Established by Assent"),
    "computed_note": Bilingual("由系统得出，智能体无法改动。", "Worked out by the service; the agent cannot alter it."),
    "agent": Bilingual("智能体", "Agent"),
    "creator": Bilingual("创建者", "Creator"),
    "requester": Bilingual("请求人", "Requester"),
    "requester_unknown": Bilingual("未能识别", "not recognised"),
    "requester_none": Bilingual("未注明", "not stated"),
    "action_type": Bilingual("操作类型", "Action type"),
    "tool": Bilingual("工具", "Tool"),
    "level": Bilingual("级别", "Level"),
    "level_l3": Bilingual("L3：须由人同意", "L3: a person must approve"),
    "rule": Bilingual("规则", "Rule"),
    "default_rule": Bilingual("默认级别（没有匹配的规则）", "the default level (no rule matched)"),
    "policy_version": Bilingual("策略版本", "Policy version"),
    "policy_unwritten": Bilingual("尚未编写策略", "no policy written yet"),
    "short_code": Bilingual("校验码", "Code"),
    "digest": Bilingual("操作摘要", "Action digest"),
    "who_executes": Bilingual("由谁执行", "Executed by"),
    "expires": Bilingual("有效期至", "Open until"),
    "attempt": Bilingual("请求次数", "Asked"),
    "attempt_n": Bilingual("第 {n} 次", "{n} times"),
    "reminders": Bilingual("提醒", "Reminders"),
    "reminders_n": Bilingual("已发 {n} 次", "{n} sent"),
    "approval_id": Bilingual("审批编号", "Approval ID"),
    "check_id": Bilingual("检查编号", "Check ID"),
    # approval: claimed
    "claimed": Bilingual("智能体自述", "Claimed by the agent"),
    "claimed_note": Bilingual("智能体自己的说法，未经核实。", "In the agent's own words; not verified."),
    "claimed_reason": Bilingual("原因", "Reason"),
    "no_reason": Bilingual("智能体没有说明原因", "The agent gave no reason"),
    "requested_by": Bilingual("声称的请求人", "Requested by"),
    "session": Bilingual("会话", "Session"),
    "call_id": Bilingual("调用编号", "Call ID"),
    "extra": Bilingual("附加字段", "Further fields"),
    # approval: execution
    "execution": Bilingual("执行", "Execution"),
    "never_runs": Bilingual("不会执行", "It will not run"),
    "started": Bilingual("开始", "Started"),
    "finished": Bilingual("结束", "Finished"),
    "result": Bilingual("结果", "Result"),
    "error": Bilingual("错误", "Error"),
    # approval: timeline, delivery, audit
    "timeline": Bilingual("经过", "Timeline"),
    "people": Bilingual("问了谁", "Who was asked"),
    "reached": Bilingual("总体", "Overall"),
    "you": Bilingual("您", "you"),
    "track": Bilingual("送达进度", "How far it got"),
    "stage_asked": Bilingual("提问", "Asked"),
    "stage_sent": Bilingual("送达", "Sent"),
    "stage_seen": Bilingual("已读", "Seen"),
    "stage_acted": Bilingual("处理", "Acted"),
    "not_yet": Bilingual("还没有", "not yet"),
    "consented_at": Bilingual("{at} 同意", "approved {at}"),
    "snoozed_until": Bilingual("推迟到 {at}", "put off until {at}"),
    "no_copies": Bilingual("还没有人收到卡片", "No card has been addressed to anyone yet"),
    # approval: the plan
    "plan": Bilingual("怎样询问", "How it is asked"),
    "plan_note": Bilingual(
        "按开始时的询问方案。有人决定就停；提醒避开各人的安静时段。",
        "By the asking plan at the start. It stops once decided; reminders keep out of quiet hours.",
    ),
    "step_taken": Bilingual("已到", "done"),
    "step_ahead": Bilingual("未到", "ahead"),
    "step_never": Bilingual("不再需要", "not needed"),
    "step_asks": Bilingual("问：{who}", "ask {who}"),
    "ends_expired": Bilingual("没人答复：过期，不执行", "nobody answered: it expires and does not run"),
    "ends_rejected": Bilingual("没人答复：拒绝", "nobody answered: it is rejected"),
    "audit": Bilingual("审计记录", "Audit entries"),
    "audit_note": Bilingual(
        "只增不改，每条都含前一条的哈希。用 assent audit verify 可核验。",
        "Append-only; each entry holds the hash of the one before it. assent audit verify proves the chain.",
    ),
    "audit_count": Bilingual("{n} 条", "{n} entries"),
    "audit_newest": Bilingual("显示最新 {shown} 条，共 {n} 条", "The newest {shown} of {n}"),
    "no_entries": Bilingual("没有记录", "No entries"),
    "col_at": Bilingual("时间", "Time"),
    "col_actor": Bilingual("主体", "Actor"),
    "col_action": Bilingual("动作", "Action"),
    "col_chain": Bilingual("链", "Chain"),
    "col_hash": Bilingual("哈希", "Hash"),
    # inbox
    "inbox_of": Bilingual("{name} 的收件箱", "{name}'s inbox"),
    "pending": Bilingual("等您决定", "Waiting for you"),
    "pending_more": Bilingual(
        "还有 {n} 个没有列出。在飞书中向机器人发送 /pending 可逐个处理。",
        "{n} more are not listed. Send /pending to the bot in Feishu to go through them.",
    ),
    "also_asked": Bilingual("同时询问：{who}", "Also asked: {who}"),
    "consents_n": Bilingual("{given}/{needed} 人已同意", "{given} of {needed} approved"),
    "no_pending": Bilingual("没有等您决定的事", "Nothing is waiting for you"),
    "notifications": Bilingual("通知", "Notifications"),
    "no_notifications": Bilingual("还没有通知", "No notifications yet"),
    "unread_n": Bilingual("{n} 条未读", "{n} unread"),
    "unread": Bilingual("未读", "unread"),
    "mark_read": Bilingual("标为已读", "Mark as read"),
    "mark_all": Bilingual("全部标为已读", "Mark all as read"),
    "open_approval": Bilingual("查看审批", "Open the approval"),
    "older": Bilingual("更早的通知", "Older notifications"),
    "newest": Bilingual("回到最新", "Back to the newest"),
    # one-time secret
    "once_title": Bilingual("一次性链接", "One-time link"),
    "once_waiting": Bilingual(
        "点击下方按钮后，内容只显示这一次，随即从系统中清除。请先准备好保存它的地方。",
        "When you press the button, this is shown once and erased. Have the place ready where you will keep it.",
    ),
    "once_until": Bilingual("链接在 {at} 前有效。", "The link is good until {at}."),
    "reveal": Bilingual("显示", "Reveal"),
    "once_revealed": Bilingual(
        "请立即保存。离开本页后无法再次查看。", "Save it now. Once you leave this page it cannot be seen again."
    ),
    "once_select": Bilingual("点按即可全选，然后复制。", "Tap it to select all, then copy."),
    "gone_title": Bilingual("内容已不在", "There is nothing here any more"),
    "gone_unknown": Bilingual("这个链接不存在，或者不完整。", "There is no such link, or it is incomplete."),
    "gone_expired": Bilingual("链接已于 {at} 过期，没有人看过它。", "The link expired {at}; nobody had looked."),
    "gone_viewed": Bilingual("内容已于 {at} 被查看，并随即清除。", "It was viewed {at} and erased."),
    "gone_unreadable": Bilingual(
        "系统的密钥已更换，内容无法解开。", "The service's key has changed; this can no longer be opened."
    ),
    "gone_meant_for": Bilingual("它是给 {name} 的。", "It was meant for {name}."),
    "gone_again": Bilingual(
        "如果看的人不是您，请立即更换令牌：在飞书中向机器人发送",
        "If that was not you, rotate the token at once: send this to the bot in Feishu",
    ),
    "agent_name": Bilingual("名称", "NAME"),
    "gone_new": Bilingual("需要新的链接，请在飞书中向机器人发送", "For a new link, send this to the bot in Feishu"),
    # faults
    "bad_link_title": Bilingual("链接已失效", "This link no longer works"),
    "bad_link": Bilingual(
        "为了安全，链接只在一段时间内有效。请在飞书中向机器人发送 /pending 或 /show，它会给您新的链接。",
        "Links are short-lived, for safety. Send /pending or /show to the bot in Feishu and it gives you a new one.",
    ),
    "not_found_title": Bilingual("没有这个页面", "There is no such page"),
    "not_found": Bilingual(
        "它不存在，或者不是给您看的。请在飞书中向机器人发送 /pending，查看等您决定的事。",
        "It does not exist, or it is not yours to see. Send /pending to the bot in Feishu for what waits for you.",
    ),
    "problem_code": Bilingual("错误代码", "Error code"),
    "problem_status": Bilingual("HTTP 状态", "HTTP status"),
}

STEPS: dict[str, Bilingual] = {
    "approval.requested": Bilingual("提出请求", "asked"),
    "approval.resolved.approved": Bilingual("同意", "approved"),
    "approval.resolved.rejected": Bilingual("拒绝", "rejected"),
    "approval.resolved.expired": Bilingual("因过期关闭", "closed it: expired"),
    "approval.resolved.cancelled": Bilingual("撤回请求", "withdrew the request"),
    "approval.consented": Bilingual("同意（还需要其他人）", "approved; others must too"),
    "approval.amended": Bilingual("改了参数", "changed the arguments"),
    "approval.refused": Bilingual("操作未被接受", "was refused"),
    "approval.asked": Bilingual("请更多人决定", "asked more people"),
    "approval.reminded": Bilingual("到了提醒的时间", "reached a step of its asking plan"),
    "approval.snoozed": Bilingual("稍后再决定", "put it off"),
    "approval.nudged": Bilingual("提醒了一个人", "reminded somebody"),
    "approval.nudge_spared": Bilingual("没有打扰", "left somebody alone"),
    "approval.claimed": Bilingual("认领放行", "claimed the go-ahead"),
    "approval.claim_lapsed": Bilingual("放行到期未被认领", "let the go-ahead lapse: nobody claimed it"),
    "delivery.degraded": Bilingual("卡片发送失败，已改发文字", "could not send the card and sent a text instead"),
    "delivery.failed": Bilingual("消息未能送达", "could not deliver a message"),
    "delivery.seen": Bilingual("得知有人看过了", "learned that somebody has seen it"),
    "execution.refused": Bilingual("未予执行", "did not execute"),
    "execution.answer_too_late": Bilingual("执行方答复过晚", "got the executor's answer too late"),
    "execution.started": Bilingual("开始执行", "started the execution"),
    "execution.finished.succeeded": Bilingual("报告执行成功", "reported success"),
    "execution.finished.failed": Bilingual("报告执行失败", "reported failure"),
    "execution.finished.unknown": Bilingual("报告结果不明", "reported that the outcome is unknown"),
    "grant.given": Bilingual("给予授权", "gave a grant"),
    "grant.used": Bilingual("用了一次授权", "used a grant"),
    "grant.revoked": Bilingual("撤销授权", "revoked a grant"),
    "grant.refused": Bilingual("授权操作未被接受", "was refused about a grant"),
    "review.asked": Bilingual("请人抽查", "asked for a review"),
    "review.answered": Bilingual("答复抽查", "answered a review"),
    "run.stopped": Bilingual("让这类操作以后先问", "made this ask first from now on"),
    "run.flagged": Bilingual("标记这次执行不对", "marked this run as wrong"),
    "run.finished": Bilingual("报告执行结果", "reported how it ended"),
    "run.refused": Bilingual("操作未被接受", "was refused"),
    "queue.refused": Bilingual("待办卡片上的操作未被接受", "was refused on a queue card"),
    "review.refused": Bilingual("抽查答复未被接受", "was refused about a review"),
    "person.away": Bilingual("说了不在", "is away"),
    "person.back": Bilingual("回来了", "is back"),
    "person.left": Bilingual("得知有人离职", "learned that somebody has left"),
    "person.frozen": Bilingual("得知有人的账号被冻结", "learned that an account was frozen"),
    "person.returned": Bilingual("得知有人的账号恢复", "learned that an account works again"),
    "person.preferences": Bilingual("改了个人设置", "changed the own settings"),
}
"""Audit actions as verbs. An action that is not here is shown as the word that stands in the audit."""

KINDS: dict[str, Bilingual] = {
    "check.executing": Bilingual("告知", "notice"),
    "approval.requested": Bilingual("审批请求", "approval request"),
    "approval.resolved": Bilingual("审批结果", "decision"),
    "execution.finished": Bilingual("执行结果", "outcome"),
    "delivery.failed": Bilingual("无法送达", "undeliverable"),
    "run.failed": Bilingual("执行失败", "failure"),
    "grant.given": Bilingual("授权", "grant"),
    "grant.revoked": Bilingual("授权撤销", "grant revoked"),
    "freeze.set": Bilingual("冻结", "freeze"),
    "freeze.ended": Bilingual("解冻", "freeze over"),
}
"""Types of notifications; one that is not here is shown as it is stored."""

TROUBLE = frozenset({"run.failed", "delivery.failed", "freeze.set"})
"""Types of notifications about which a person should do something."""

SYSTEM = Bilingual("系统", "Assent")

EXECUTORS: dict[Executor, Bilingual] = {
    Executor.AGENT: Bilingual("智能体自己（只放行一次）", "the agent itself, with a single go-ahead"),
    Executor.SERVICE: Bilingual("本服务（调用登记的执行方）", "this service, through the registered executor"),
}

SKIPPED: dict[Skipped, Bilingual] = {
    Skipped.NOBODY: Bilingual("没有这个人", "there is no such person"),
    Skipped.ELSEWHERE: Bilingual("不属于这个组织", "of another organisation"),
    Skipped.LEFT: Bilingual("已离职", "has left"),
    Skipped.FROZEN: Bilingual("账号已冻结", "the account is frozen"),
    Skipped.REQUESTER: Bilingual("是请求人", "is the requester"),
    Skipped.AWAY: Bilingual("不在", "is away"),
}

SPARED: dict[Spared, Bilingual] = {
    Spared.CLOSED: Bilingual("已有结论", "it was over"),
    Spared.ANSWERED: Bilingual("已经答复", "had answered"),
    Spared.AWAY: Bilingual("不在", "is away"),
    Spared.GONE: Bilingual("账号已停用", "the account is closed"),
    Spared.UNREACHED: Bilingual("卡片没有送到", "no card had arrived"),
    Spared.NEW: Bilingual("卡片刚到", "the card had only just come"),
    Spared.SEEN: Bilingual("已经看过", "had seen it"),
    Spared.BUDGET: Bilingual("今天的提醒次数已用完", "no reminders left for today"),
    Spared.DIGEST: Bilingual("并入一张待办卡片", "told with others on one card"),
}

REFUSALS: dict[RefusalKind, Bilingual] = {
    RefusalKind.UNKNOWN_VERDICT: Bilingual("无法识别的按钮", "a button that is not known"),
    RefusalKind.NOT_YOURS: Bilingual("无权决定", "not theirs to decide"),
    RefusalKind.ALREADY_RESOLVED: Bilingual("已有结论", "already decided"),
    RefusalKind.EXPIRED: Bilingual("已过期", "expired"),
    RefusalKind.WRONG_CODE: Bilingual("校验码不对", "wrong code"),
    RefusalKind.NOT_APPROVED: Bilingual("尚未同意", "not approved"),
    RefusalKind.ALREADY_CLAIMED: Bilingual("放行已被认领", "the go-ahead was already claimed"),
    RefusalKind.CLAIM_LAPSED: Bilingual("放行已失效", "the go-ahead has lapsed"),
    RefusalKind.DIGEST_MISMATCH: Bilingual("与同意的内容不符", "not the action that was approved"),
    RefusalKind.SERVICE_EXECUTES: Bilingual("由本服务执行", "the service executes it"),
    RefusalKind.NOT_CLAIMED: Bilingual("放行未被认领", "the go-ahead was not claimed"),
    RefusalKind.OUTCOME_KNOWN: Bilingual("结果已报告", "the outcome is already known"),
    RefusalKind.DENIED_NOW: Bilingual("当前策略不允许", "the policy denies it now"),
    RefusalKind.NOT_PENDING: Bilingual("已不在等待", "no longer pending"),
    RefusalKind.NOT_PERMITTED: Bilingual("没有权限", "not permitted"),
    RefusalKind.FROZEN: Bilingual("已冻结", "frozen"),
    RefusalKind.VERSION_MOVED: Bilingual("已有更新的版本", "a newer version exists"),
    RefusalKind.BELOW_FLOOR: Bilingual("低于组织底线", "below the organisation's floor"),
    RefusalKind.STALE: Bilingual("来得太晚", "came too late"),
    RefusalKind.SEPARATED: Bilingual("请求人不能同意", "the requester may not approve"),
    RefusalKind.CONSENTED: Bilingual("已经同意过", "approved already"),
    RefusalKind.EDITED: Bilingual("参数已改，按钮不对", "changed arguments, and the plain button"),
    RefusalKind.NOT_EDITABLE: Bilingual("参数不能这样改", "not to be changed so"),
    RefusalKind.CRITICAL: Bilingual("须单独决定", "to be decided on its own"),
}
