"""Answers to commands, as chat texts in the asker's language. Who may be told what is decided before it gets here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from cards.action import Action
from cards.changed import FIRST, amended_words, compared_words, difference_lines, differences
from cards.consents import consent_lines
from cards.escape import text_safe
from cards.execution import execution_words
from cards.notices import outcome_lines
from cards.said_in_text import as_typed, labelled, lines, link_line, safe_action, safe_arguments, safe_line, safe_text
from cards.views import (
    AgentView,
    ApprovalView,
    AuditLine,
    AuditView,
    CopyView,
    PendingItem,
    PendingView,
    WhoamiView,
)
from cards.words import (
    AGENT_STATUSES,
    CHINA,
    DELIVERIES,
    LANGUAGES,
    ROLES,
    STATUSES,
    Bilingual,
    ago,
    lasting,
    moment,
)
from models.enums import ApprovalStatus, Delivery, Language, Role, Via

_NEVER = Bilingual("还没有", "none yet")
_DIFFERENCES = 8  # that are named


def whoami(view: WhoamiView, language: Language) -> str:
    words = Bilingual(
        "您是 {name}\n角色：{role}\n组织：{tenant}\n语言：{language}\n名下智能体：{agents}\n待您审批：{pending}",
        "You are {name}\nRole: {role}\nOrganisation: {tenant}\nLanguage: {language}\nYour agents: {agents}\n"
        "Waiting for you: {pending}",
    )
    told = words.format(
        name=safe_line(view.name),
        role=ROLES[view.role],
        tenant=safe_line(view.tenant),
        language=LANGUAGES[view.language],
        agents=view.agents,
        pending=view.pending,
    ).in_(language)
    return lines(told, f"open_id: {safe_line(view.open_id)}" if view.open_id else None)


def pending_list(view: PendingView, language: Language, zone: tzinfo = CHINA) -> str:
    """What waits for the asker, oldest first, each with what /approve needs."""
    if view.total == 0:
        return Bilingual("没有等待您审批的请求。", "Nothing is waiting for you.").in_(language)
    title = Bilingual("待您审批（{n}）", "Waiting for you ({n})").format(n=view.total)
    more = Bilingual("还有 {n} 个，处理后再看。", "{n} more; they show when these are done.")
    rest = view.total - len(view.items)
    return lines(
        title.in_(language),
        (_pending_item(item, view.now, language, zone) for item in view.items),
        more.format(n=rest).in_(language) if rest > 0 else None,
        Bilingual("处理：/approve 编号 校验码，/reject 编号 理由", "Answer: /approve ID CODE, /reject ID reason").in_(
            language
        ),
        link_line(view.inbox_url, language, _INBOX),
    )


_INBOX = Bilingual("收件箱", "Inbox")


def _pending_item(item: PendingItem, now: datetime, language: Language, zone: tzinfo) -> str:
    words = Bilingual(
        "· 「{agent}」{action}，已等待 {waited}，{at} 到期\n  编号 {id} 校验码 {code}",
        "· {action} (“{agent}”): waiting {waited}, expires {at}\n  ID {id} code {code}",
    )
    return words.format(
        agent=safe_line(item.agent),
        action=safe_action(item.action_type, language),
        waited=lasting(now - item.created_at),
        at=moment(item.expires_at, now, zone),
        id=str(item.approval_id),
        code=safe_line(item.code, 24),
    ).in_(language)


def show(
    view: ApprovalView,
    language: Language,
    *,
    delivery: Delivery | None = None,
    copies: Sequence[CopyView] = (),
    zone: tzinfo = CHINA,
) -> str:
    """One approval request in words: what, who, how it stands, how far the question got."""
    pending = view.status is ApprovalStatus.PENDING
    title = Bilingual("「{agent}」{action}：{status}", "{action} (“{agent}”): {status}")
    facts: list[tuple[Bilingual, str | Bilingual | None]] = [
        (Bilingual("编号", "ID"), str(view.approval_id)),
        (Bilingual("校验码", "Code"), safe_line(view.code, 24)),
        (Bilingual("工具", "Tool"), safe_line(view.tool) if view.tool else None),
        (Bilingual("创建者", "Creator"), safe_line(view.creator)),
        (Bilingual("请求人", "Requester"), safe_line(view.requester) if view.requester else None),
        (Bilingual("规则", "Rule"), _rule(view)),
        (Bilingual("已等待", "Waited"), lasting(view.waited)),
        (Bilingual("有效期至", "Open until"), moment(view.expires_at, view.now, zone) if pending else None),
        (Bilingual("决定人", "Decided by"), safe_line(view.resolver) if view.resolver else None),
        (Bilingual("决定时间", "Decided"), moment(view.resolved_at, view.now, zone) if view.resolved_at else None),
        (Bilingual("执行", "Execution"), _execution(view, zone)),
        (Bilingual("送达", "Delivery"), DELIVERIES[delivery] if delivery and not copies else None),
    ]
    action = safe_action(view.action_type, language)
    status = STATUSES[view.status]
    return lines(
        title.format(agent=safe_line(view.agent), action=action, status=status).in_(language),
        (text_safe(line) for line in _before_all(view, language, zone)),
        (labelled(label, value, language) for label, value in facts if value is not None),
        _list(Bilingual("参数：", "Arguments:"), safe_arguments(view.args), language),
        _headed(_CLAIMED, view.claimed_reason, language),
        (text_safe(line.in_(language)) for line in consent_lines(view, zone)) if pending else None,
        _headed(Bilingual("决定的理由：", "Reason of the decision:"), _reason(view), language),
        outcome_lines(view, language),
        _list(Bilingual("送达：", "Delivery:"), [_copy(copy, view.now, language, zone) for copy in copies], language),
        link_line(view.details_url, language),
    )


_CLAIMED = Bilingual("智能体自称的理由（未核实）：", "The agent's own reason (not verified):")


def _before_all(view: ApprovalView, language: Language, zone: tzinfo) -> list[str]:
    """As on the card: how grave it is, what is new, and what a person changed before approving."""
    told: list[str] = []
    if view.status is ApprovalStatus.PENDING:
        action = Action(view.action_type, view.tool, view.args, zone)
        told += [f"⚠ {line.in_(language)}" for line in action.grave_lines(view.severity)]
        told += _compared(view, language, zone)
    if view.original_args is not None:
        told.append(amended_words(view).in_(language))
        told += [f"· {line}" for line in difference_lines(differences(view.original_args, view.args), _DIFFERENCES)]
    return told


def _compared(view: ApprovalView, language: Language, zone: tzinfo) -> list[str]:
    if view.changed is None:
        return [FIRST.in_(language)] if view.first_of_kind else []
    lines_of_it = difference_lines(view.changed.differences, _DIFFERENCES)
    return [compared_words(view.changed, view, zone).in_(language), *(f"· {line}" for line in lines_of_it)]


def _reason(view: ApprovalView) -> str | None:
    """What a person wrote; that time ran out is told by the status."""
    return None if view.via is Via.EXPIRY else view.resolution_reason


def _list(head: Bilingual, bullets: list[str], language: Language) -> list[str] | None:
    return [head.in_(language), *bullets] if bullets else None


def _headed(head: Bilingual, text: str | None, language: Language) -> list[str] | None:
    return [head.in_(language), safe_text(text)] if text and text.strip() else None


def _rule(view: ApprovalView) -> Bilingual:
    rule = Bilingual("默认", "default") if view.rule is None else safe_line(view.rule)
    return Bilingual("{rule}（策略 v{n}）", "{rule} (policy v{n})").format(rule=rule, n=view.policy_version)


def _execution(view: ApprovalView, zone: tzinfo) -> Bilingual | None:
    return execution_words(view, zone) if view.status is ApprovalStatus.APPROVED else None


def _copy(copy: CopyView, now: datetime, language: Language, zone: tzinfo) -> str:
    times = (
        (copy.sent_at, Bilingual("{at} 送出", "sent {at}")),
        (copy.seen_at, Bilingual("{at} 看过", "seen {at}")),
        (copy.acted_at, Bilingual("{at} 处理", "acted {at}")),
    )
    steps = [words.format(at=moment(at, now, zone)).in_(language) for at, words in times if at is not None]
    detail = [safe_line(copy.detail, 200)] if copy.detail else []
    told = Bilingual("，", ", ").in_(language).join([DELIVERIES[copy.state].in_(language), *steps, *detail])
    return f"· {safe_line(copy.person)}: {told}"


def agents_list(agents: Sequence[AgentView], language: Language) -> str:
    if not agents:
        return Bilingual(
            "您还没有智能体。创建：/agent create 名称", "You have no agents yet. Create one: /agent create NAME"
        ).in_(language)
    line = Bilingual("· {name}（{status}），待审批 {n}", "· {name} ({status}), {n} pending")
    return lines(
        Bilingual("智能体（{n}）", "Agents ({n})").format(n=len(agents)).in_(language),
        (
            line.format(name=safe_line(agent.name), status=AGENT_STATUSES[agent.status], n=agent.pending).in_(language)
            for agent in agents
        ),
    )


def agent_show(view: AgentView, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    default = Bilingual("默认", "default")
    facts: list[tuple[Bilingual, str | Bilingual | None]] = [
        (Bilingual("状态", "Status"), AGENT_STATUSES[view.status]),
        (Bilingual("冻结", "Frozen"), _frozen(view, now, zone)),
        (Bilingual("只观察", "Only observed"), _observed(view, now, zone)),
        (Bilingual("创建者", "Creator"), safe_line(view.creator)),
        (Bilingual("后备审批人", "Backup"), safe_line(view.backup) if view.backup else None),
        (Bilingual("创建于", "Created"), moment(view.created_at, now, zone) if view.created_at else None),
        (
            Bilingual("最近检查", "Last check"),
            ago(now - view.last_check_at, language) if view.last_check_at else _NEVER,
        ),
        (Bilingual("今日检查", "Checks today"), None if view.checks_today is None else str(view.checks_today)),
        (Bilingual("待审批", "Pending"), str(view.pending)),
        (Bilingual("执行方", "Executor"), safe_line(view.executor_url, 300) if view.executor_url else _SELF),
        (Bilingual("飞书应用", "Feishu app"), safe_line(view.app_id) if view.app_id else default),
        (Bilingual("策略版本", "Policy version"), None if view.policy_version is None else f"v{view.policy_version}"),
        (Bilingual("标签", "Labels"), safe_line(" ".join(f"{key}={value}" for key, value in view.labels), 400))
        if view.labels
        else (Bilingual("标签", "Labels"), None),
        (Bilingual("同时待审批上限", "Limit of pending"), None if view.max_pending is None else str(view.max_pending)),
        (
            Bilingual("每分钟检查上限", "Limit of checks a minute"),
            None if view.checks_per_minute is None else str(view.checks_per_minute),
        ),
    ]
    return lines(
        safe_line(view.name),
        (labelled(label, value, language) for label, value in facts if value is not None),
        link_line(view.details_url, language),
    )


def _frozen(view: AgentView, now: datetime, zone: tzinfo) -> Bilingual | None:
    if view.frozen_by is None:
        return None
    until = Bilingual("直到有人解冻", "until somebody ends it")
    if view.frozen_until is not None:
        until = Bilingual("到 {at}", "until {at}").format(at=moment(view.frozen_until, now, zone))
    return Bilingual("{until}（{who}）。什么都不放行", "{until} ({who}). Nothing is allowed").format(
        until=until, who=safe_line(view.frozen_by)
    )


def _observed(view: AgentView, now: datetime, zone: tzinfo) -> Bilingual | None:
    if view.observe_until is None:
        return None
    words = Bilingual("到 {at}，全部放行", "until {at}, everything runs")
    return words.format(at=moment(view.observe_until, now, zone))


_SELF = Bilingual("智能体自己执行", "the agent itself")


def agent_paused(name: str, language: Language) -> str:
    words = Bilingual(
        "「{name}」已暂停，它的检查都会被拒绝。恢复：/agent resume {typed}",
        "“{name}” is paused; all its checks are denied. To resume: /agent resume {typed}",
    )
    return words.format(name=safe_line(name), typed=as_typed(name)).in_(language)


def agent_resumed(name: str, language: Language) -> str:
    return Bilingual("「{name}」已恢复。", "“{name}” is active again.").format(name=safe_line(name)).in_(language)


def agent_archived(name: str, language: Language) -> str:
    words = Bilingual(
        "「{name}」已归档，令牌已失效，审计记录保留。",
        "“{name}” is archived: its token no longer works, its audit is kept.",
    )
    return words.format(name=safe_line(name)).in_(language)


def executor_set(name: str, url: str | None, language: Language) -> str:
    if url is None:
        words = Bilingual(
            "「{name}」不再有执行方，获批后由它自己执行。", "“{name}” has no executor; it runs approved actions itself."
        )
        return words.format(name=safe_line(name)).in_(language)
    words = Bilingual(
        "「{name}」的操作获批后由服务调用：{url}", "Approved actions of “{name}” are run by calling {url}"
    )
    return words.format(name=safe_line(name), url=safe_line(url, 300)).in_(language)


def audit_list(view: AuditView, language: Language, *, now: datetime, zone: tzinfo = CHINA) -> str:
    if not view.lines:
        return Bilingual("没有审计记录。", "There are no audit entries.").in_(language)
    shown = (_audit_lines(line, moment(line.at, now, zone).in_(language)) for line in view.lines)
    of = Bilingual("审计记录：最近 {n} 条，共 {total} 条", "Audit: the latest {n} of {total}")
    if view.total is None:
        of = Bilingual("审计记录：最近 {n} 条", "Audit: the latest {n}")
    total = len(view.lines) if view.total is None else view.total
    return lines(of.format(n=len(view.lines), total=total).in_(language), *shown, link_line(view.details_url, language))


def _audit_lines(line: AuditLine, at: str) -> list[str]:
    """When, who and what; below it on what. Actions and details are the stable words that can be searched for."""
    told = filter(None, (safe_line(line.subject), line.detail and safe_line(line.detail, 200)))
    return [f"· {at} {safe_line(line.actor)} {safe_line(line.action)}", f"  {' '.join(told)}"]


def role_set(name: str, role: Role, language: Language) -> str:
    words = Bilingual("{name} 现在是{role}。", "{name} is now {role}.")
    return words.format(name=safe_line(name), role=_with_article(role)).in_(language)


def became_admin(role: Role, language: Language) -> str:
    words = Bilingual("您现在是{role}。管理命令见 /help", "You are now {role}. Send /help for an admin's commands.")
    return words.format(role=_with_article(role)).in_(language)


def _with_article(role: Role) -> Bilingual:
    words = ROLES[role]
    return Bilingual(words.zh, f"{'an' if words.en[0] in 'aeiou' else 'a'} {words.en}")


def usage(line: str, language: Language, example: str | None = None) -> str:
    """How a command is written, when it was not."""
    return lines(
        Bilingual("用法：{line}", "Usage: {line}").format(line=safe_line(line, 300)).in_(language),
        Bilingual("例：{line}", "Example: {line}").format(line=safe_line(example, 300)).in_(language)
        if example
        else None,
    )


def unknown_command(word: str, suggestion: str | None, language: Language) -> str:
    words = Bilingual("不认识命令 {word}。", "I don't know the command {word}.").format(word=safe_line(word, 60))
    if suggestion is None:
        return lines(words.in_(language), Bilingual("全部命令：/help", "All commands: /help").in_(language))
    meant = Bilingual("您是想用 {suggestion} 吗？", "Did you mean {suggestion}?")
    return lines(words.in_(language), meant.format(suggestion=safe_line(suggestion, 60)).in_(language))


def not_a_command(language: Language) -> str:
    return Bilingual(
        "我只处理命令和审批卡片。发送 /help 查看能做什么。",
        "I only handle commands and approval cards. Send /help to see what I can do.",
    ).in_(language)


def too_old(age: timedelta, language: Language) -> str:
    words = Bilingual(
        "这条命令是 {age}前发送的，为安全起见没有执行，请重新发送。",
        "This command was sent {age} ago. To be safe it was not run; please send it again.",
    )
    return words.format(age=lasting(age)).in_(language)


def went_wrong(reference: str, language: Language) -> str:
    words = Bilingual(
        "出错了，没有做任何改动。请稍后再试，或把编号 {ref} 告诉管理员。",
        "Something went wrong and nothing was changed. Try again later, or tell an admin this number: {ref}",
    )
    return words.format(ref=safe_line(reference, 80)).in_(language)


def in_private(language: Language) -> str:
    return Bilingual("已私聊回复您。", "I answered in our private chat.").in_(language)
