"""The answer to /why: why a check was answered as it was, who was asked, and when it reached them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from cards.cut import shortened
from cards.said_in_text import labelled, lines, link_line, safe_action, safe_arguments, safe_line, safe_text
from cards.tried import (
    LAYER_WORDS,
    LEVEL_WORDS,
    fault_lines,
    floor_words,
    matched_words,
    rule_words,
    unknown_person,
    version_note,
)
from cards.words import CHINA, DELIVERIES, EXECUTIONS, STATUSES, VIAS, Bilingual, moment
from models.enums import ApprovalStatus, GrantKind, Language, Layer, OutboxKind, OutboxState
from models.why import AskedPerson, Why, WhyApproval, WhyDelivery, WhyGrant

_OUTCOMES = {
    "check.allowed": Bilingual("已放行", "allowed"),
    "check.approved": Bilingual("已同意", "approved"),
    "check.pending": Bilingual("去问了人", "a person was asked"),
    "check.denied": Bilingual("已拒绝", "denied"),
    "check.rejected": Bilingual("已拒绝", "rejected"),
    "check.expired": Bilingual("已过期", "expired"),
    "check.cancelled": Bilingual("已撤回", "cancelled"),
    "approval.requested": Bilingual("去问了人", "a person was asked"),
}

GRANT_KINDS = {
    GrantKind.EXACT: Bilingual("完全相同的操作", "exactly this action"),
    GrantKind.KIND: Bilingual("同类操作", "this kind of action"),
    GrantKind.GRADUATED: Bilingual("自动执行", "running by itself"),
}

_SENT = {
    OutboxKind.APPROVAL_CARD: Bilingual("审批卡片", "approval card"),
    OutboxKind.CARD_UPDATE: Bilingual("更新卡片", "card updated"),
    OutboxKind.TEXT: Bilingual("文字消息", "text"),
    OutboxKind.NUDGE: Bilingual("提醒", "reminder"),
    OutboxKind.CARD: Bilingual("卡片", "card"),
    OutboxKind.EXECUTE: Bilingual("调用执行方", "executor called"),
}

_STATES = {
    OutboxState.WAITING: Bilingual("等待中", "waiting"),
    OutboxState.SENDING: Bilingual("发送中", "being sent"),
    OutboxState.DELIVERED: Bilingual("已送达", "delivered"),
    OutboxState.SUPERSEDED: Bilingual("已被更新的取代", "superseded"),
    OutboxState.DISCARDED: Bilingual("没有送达", "not delivered"),
}

_NO_RULES = frozenset({Layer.FREEZE, Layer.PAUSE})
"""Under these no rule was looked at, so none is named."""

_CLAIMED = Bilingual("智能体自称的理由（未核实）：", "The agent's own reason (not verified):")


def why(view: Why, language: Language, *, details_url: str | None = None, zone: tzinfo = CHINA) -> str:
    """What was asked, what decided, who was asked, how it went on; times in the reader's zone."""
    title = Bilingual("「{agent}」{action}：{outcome}", "{action} (“{agent}”): {outcome}")
    request = view.request
    facts: list[tuple[Bilingual, str | Bilingual | None]] = [
        (Bilingual("时间", "When"), moment(view.at, view.now, zone)),
        (Bilingual("工具", "Tool"), safe_line(request.tool) if request.tool else None),
        (Bilingual("请求人", "Requester"), _requester(view)),
        (Bilingual("级别", "Level"), _level(view)),
        (Bilingual("原因", "Why"), LAYER_WORDS[view.layer]),
        (Bilingual("规则", "Rule"), None if view.layer in _NO_RULES else rule_words(view.rule, view.policy_version)),
        (Bilingual("规则说明", "Its note"), safe_line(view.rule_note, 200) if view.rule_note else None),
        (Bilingual("匹配", "Matched"), matched_words(view.matched)),
        (Bilingual("底线", "Floor"), floor_words(view.floor_rule, view.floor_level, view.floor_version)),
        (Bilingual("策略作者", "Policy by"), None if view.layer in _NO_RULES else _author(view, zone)),
        (Bilingual("操作摘要", "Digest"), safe_line(view.action_digest, 90)),
    ]
    outcome = _OUTCOMES.get(view.outcome, Bilingual(safe_line(view.outcome), safe_line(view.outcome)))
    arguments = safe_arguments(request.args)
    return lines(
        title.format(
            agent=safe_line(view.agent), action=safe_action(request.action_type, language), outcome=outcome
        ).in_(language),
        (labelled(label, value, language) for label, value in facts if value is not None),
        [Bilingual("参数：", "Arguments:").in_(language), *arguments] if arguments else None,
        [_CLAIMED.in_(language), safe_text(request.reason)] if request.reason and request.reason.strip() else None,
        fault_lines(view.faults, language),
        _grant(view.grant, view.now, language, zone) if view.grant else None,
        _approval(view.approval, view.now, language, zone) if view.approval else None,
        _deliveries(view.deliveries, view.now, language, zone),
        link_line(details_url, language),
    )


def _requester(view: Why) -> str | Bilingual | None:
    if view.requester is None:
        return None
    return safe_line(view.requester) if view.requester_known else unknown_person(view.requester)


def _level(view: Why) -> Bilingual:
    words = Bilingual("{level}，{meaning}", "{level}, {meaning}").format(
        level=view.level.value, meaning=LEVEL_WORDS[view.level]
    )
    if view.would_be is None:
        return words
    return Bilingual("{words}（否则 {level}）", "{words} (otherwise {level})").format(
        words=words, level=view.would_be.value
    )


def _author(view: Why, zone: tzinfo) -> Bilingual | None:
    if view.policy is None:
        return None
    words = Bilingual("{who}，{at}{note}", "{who}, {at}{note}")
    note = version_note(view.policy.note)
    return words.format(
        who=safe_line(view.policy.author),
        at=moment(view.policy.at, view.now, zone),
        note=Bilingual("（{note}）", " ({note})").format(note=note) if note else "",
    )


def _grant(grant: WhyGrant, now: datetime, language: Language, zone: tzinfo) -> str:
    words = Bilingual(
        "授权：{kind}，{giver} 给的，到 {until}，已用 {uses}/{most} 次{revoked}",
        "Grant: {kind}, given by {giver}, until {until}, used {uses} of {most} times{revoked}",
    )
    return words.format(
        kind=GRANT_KINDS[grant.kind],
        giver=safe_line(grant.giver),
        until=moment(grant.expires_at, now, zone),
        uses=grant.uses,
        most=grant.max_uses,
        revoked=Bilingual("，已撤销", ", revoked") if grant.revoked_at else Bilingual("", ""),
    ).in_(language)


def _approval(approval: WhyApproval, now: datetime, language: Language, zone: tzinfo) -> list[str]:
    """The question and its answer."""
    words = Bilingual("审批：{status}{by}{at}{via}", "Question: {status}{by}{at}{via}")
    at = moment(approval.resolved_at, now, zone) if approval.resolved_at else None
    told = words.format(
        status=STATUSES[approval.status],
        by=Bilingual("，{who}", " by {who}").format(who=safe_line(approval.resolver)) if approval.resolver else "",
        at=Bilingual("，{at}", ", {at}").format(at=at) if at else "",
        via=Bilingual("（{via}）", " ({via})").format(via=VIAS[approval.via]) if approval.via else "",
    )
    asked = [_asked(person, now, language, zone) for person in approval.asked]
    executed = labelled(Bilingual("执行", "Execution"), EXECUTIONS[approval.execution.status], language)
    rest = Bilingual("· … 还有 {n} 人", "· … {n} more")
    return [
        told.in_(language),
        *([safe_text(approval.resolution_reason)] if approval.resolution_reason else []),
        *([executed] if approval.status is ApprovalStatus.APPROVED else []),
        *([Bilingual("问了：", "Asked:").in_(language)] if asked else []),
        *shortened(asked, language, rest, most=8),
    ]


def _asked(person: AskedPerson, now: datetime, language: Language, zone: tzinfo) -> str:
    words = Bilingual("· {who}: {state}{at}{seen}{detail}", "· {who}: {state}{at}{seen}{detail}")
    at = moment(person.sent_at, now, zone) if person.sent_at else None
    seen = moment(person.seen_at, now, zone) if person.seen_at else None
    return words.format(
        who=safe_line(person.person),
        state=DELIVERIES[person.state],
        at=Bilingual(" {at}", " {at}").format(at=at) if at else "",
        seen=Bilingual("，{at} 已看", ", seen {at}").format(at=seen) if seen else "",
        detail=f" ({safe_line(person.detail, 200)})" if person.detail else "",
    ).in_(language)


def _deliveries(sent: Sequence[WhyDelivery], now: datetime, language: Language, zone: tzinfo) -> list[str] | None:
    """What went out, oldest first."""
    shown = [_delivery(one, now, language, zone) for one in sent if one.kind in _SENT]
    if not shown:
        return None
    rest = Bilingual("· … 还有 {n} 条", "· … {n} more")
    return [Bilingual("送达经过：", "Delivery:").in_(language), *shortened(shown, language, rest, most=12)]


def _delivery(one: WhyDelivery, now: datetime, language: Language, zone: tzinfo) -> str:
    words = Bilingual("· {at} {kind}{to}: {state}{tries}{fault}", "· {at} {kind}{to}: {state}{tries}{fault}")
    return words.format(
        at=moment(one.done_at or one.created_at, now, zone),
        kind=_SENT[one.kind],
        to=f" → {safe_line(one.to)}" if one.to else "",
        state=_STATES[one.state],
        tries=Bilingual("（第 {n} 次）", " (attempt {n})").format(n=one.attempts) if one.attempts > 1 else "",
        fault=f" ({safe_line(one.fault, 160)})" if one.fault else "",
    ).in_(language)
