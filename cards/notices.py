"""What people are told without having asked: texts in the chat, and with the same words entries of the web inbox."""

from __future__ import annotations

from datetime import tzinfo

from cards.consents import consent_lines
from cards.escape import text_safe
from cards.execution import execution_words
from cards.said_in_text import as_typed, lines, link_line, safe_action, safe_line, safe_target, safe_text
from cards.shown import error_text, result_text
from cards.states import SEVERITIES, card_state
from cards.views import ApprovalView, Audience, L2View, Notice, OneTimeLinkView, UndeliverableView
from cards.words import STATUSES, Bilingual, lasting, moment, zone_name
from models.enums import ApprovalStatus, ExecutionStatus, Executor, Language, Verdict, Via


def l2_notice(view: L2View, language: Language, zone: tzinfo | None = None) -> Notice:
    """The creator learns that an action is executing; it may still fail, so it is not said to be done."""
    zone = zone or view.zone
    title = Bilingual("【告知】「{agent}」正在执行：{action}", "Notice: “{agent}” is executing: {action}")
    claimed = Bilingual("智能体自称的理由（未核实）：", "The agent's own reason (not verified):").in_(language)
    rule = Bilingual("规则 {rule}", "Rule {rule}")
    return Notice(
        _fill(title, language, agent=safe_line(view.agent), action=safe_action(view.action_type, language)),
        lines(
            _target(view.action_type, view.tool, view, language),
            _on_behalf(view.requester, language),
            [claimed, safe_text(view.claimed_reason)] if view.claimed_reason else None,
            _fill(rule, language, rule=safe_line(view.rule)) if view.rule else None,
            _time(view, language, zone),
        ),
        link_line(view.details_url, language),
    )


def approval_notice(view: ApprovalView, language: Language, zone: tzinfo | None = None) -> Notice:
    """A question as an entry of the inbox; decided on the card, or with the command."""
    zone = zone or view.zone
    asked = Bilingual("待审批：「{agent}」{action}", "Approval needed: {action} (“{agent}”)")
    until = Bilingual("有效期至 {at}（{zone}）", "Open until {at} ({zone})")
    return Notice(
        _fill(asked, language, **_who_does_what(view, language)),
        lines(
            _target(view.action_type, view.tool, view, language),
            _on_behalf(view.requester, language),
            _fill(until, language, at=moment(view.expires_at, view.now, zone), zone=zone_name(view.expires_at, zone)),
            _code(view, language),
        ),
    )


def outcome_notice(view: ApprovalView, audience: Audience, language: Language, zone: tzinfo | None = None) -> Notice:
    """How it ended, for the creator or the person for whom the agent acts."""
    zone = zone or view.zone
    title = card_state(view).title.in_(language)
    approved = view.status is ApprovalStatus.APPROVED
    yours = Bilingual("这是智能体代您发起的操作。", "The agent asked for this on your behalf.")
    return Notice(
        _as_text(title),
        lines(
            _as_text(_decided(view, zone).in_(language)),
            _as_text(execution_words(view, zone).in_(language)) if approved else None,
            _target(view.action_type, view.tool, view, language),
            yours.in_(language) if audience is Audience.REQUESTER else _on_behalf(view.requester, language),
            _reason(view, language),
            outcome_lines(view, language),
        ),
        link_line(view.details_url, language) if audience is Audience.CREATOR else None,
    )


def reminder_text(view: ApprovalView, language: Language, zone: tzinfo | None = None) -> Notice:
    """A person who has not answered is asked again; sent into the card's thread, so the card is one tap away."""
    zone = zone or view.zone
    title = Bilingual(
        "【提醒】「{agent}」{action}，已等待 {waited}", "Reminder: {action} (“{agent}”), waiting {waited}"
    )
    until = Bilingual("{at} 到期，到期即不执行。", "It expires {at}; then it does not run.")
    return Notice(
        _fill(title, language, waited=lasting(view.waited), **_who_does_what(view, language)),
        lines(
            _target(view.action_type, view.tool, view, language),
            _fill(until, language, at=moment(view.expires_at, view.now, zone)),
            _commands(view, language),
        ),
    )


def fallback_text(view: ApprovalView, language: Language, zone: tzinfo | None = None) -> Notice:
    """Stands in for a card that Feishu refused. No arguments: they may be why it was refused (230022, 230028)."""
    zone = zone or view.zone
    title = Bilingual("【待审批】「{agent}」{action}", "Approval needed: {action} (“{agent}”)")
    why = Bilingual(
        "卡片发送失败。先看内容，再用命令处理：",
        "The card could not be sent. Look at it first, then answer with a command:",
    )
    until = Bilingual("有效期至 {at}。", "Open until {at}.")
    grave = SEVERITIES.get(view.severity)
    return Notice(
        _fill(title, language, **_who_does_what(view, language)),
        lines(
            f"⚠ {grave[0].in_(language)}" if grave else None,
            [text_safe(line.in_(language)) for line in consent_lines(view, zone)],
            why.in_(language),
            f"/show {view.approval_id}",
            _commands(view, language),
            _code(view, language),
            _fill(until, language, at=moment(view.expires_at, view.now, zone)),
        ),
        link_line(view.details_url, language),
    )


def undeliverable_alert(view: UndeliverableView, language: Language, zone: tzinfo | None = None) -> Notice:
    """The admins learn that somebody cannot be reached, and what waits for it."""
    zone = zone or view.zone
    title = Bilingual("【无法送达】发给 {subject} 的消息没有送达", "Undeliverable: {subject} could not be reached")
    waits = Bilingual("等待中：「{agent}」{action}（{id}）", "Waiting: {action} (“{agent}”), {id}")
    ask = Bilingual("组织管理员可代为处理：", "An admin of the organisation may answer instead:")
    waiting: list[str] = []
    if view.approval_id is not None:
        action = safe_action(view.action_type or "—", language)
        waiting = [
            _fill(waits, language, agent=safe_line(view.agent or "—"), action=action, id=str(view.approval_id)),
            ask.in_(language),
            f"/show {view.approval_id}",
        ]
    return Notice(
        _fill(title, language, subject=safe_line(view.subject)),
        lines(_fill(_BECAUSE, language, detail=safe_line(view.detail, 400)), waiting),
        link_line(view.details_url, language),
    )


def one_time_link(view: OneTimeLinkView, language: Language) -> Notice:
    """The token of a new agent, or its new token, behind a link; never in the chat itself."""
    new = Bilingual("智能体「{agent}」已创建", "Agent “{agent}” created")
    rotated = Bilingual(
        "「{agent}」的令牌已更换，旧令牌已失效", "“{agent}” has a new token; the old one no longer works"
    )
    once = Bilingual("令牌只显示一次，链接 {valid}内有效：", "The token is shown once. This link works for {valid}:")
    return Notice(
        _fill(rotated if view.rotated else new, language, agent=safe_line(view.agent)),
        lines(
            _fill(once, language, valid=lasting(view.valid)),
            view.url,
            None if view.rotated else _first_policy(view.agent, language),
        ),
    )


def _first_policy(agent: str, language: Language) -> str:
    words = Bilingual(
        "它从起始策略开始，查看：/policy show {typed}", "It begins with the starter policy: /policy show {typed}"
    )
    return _fill(words, language, typed=as_typed(agent))


_BECAUSE = Bilingual("原因：{detail}", "Because: {detail}")


def _fill(words: Bilingual, language: Language, **values: str | int | Bilingual) -> str:
    return words.format(**values).in_(language)


def _as_text(shown: str) -> str:
    """What was made for a card, where markup is not obeyed, made fit for a text, where it is."""
    return safe_line(shown, 600)


def _who_does_what(view: ApprovalView, language: Language) -> dict[str, str]:
    return {"agent": safe_line(view.agent), "action": safe_action(view.action_type, language)}


def _target(action_type: str, tool: str | None, view: ApprovalView | L2View, language: Language) -> str | None:
    telling = safe_target(action_type, tool, view.args) or (safe_line(tool) if tool else None)
    return _fill(Bilingual("对象：{target}", "What: {target}"), language, target=telling) if telling else None


def _on_behalf(requester: str | None, language: Language) -> str | None:
    words = Bilingual("请求人：{who}", "Requester: {who}")
    return _fill(words, language, who=safe_line(requester)) if requester else None


def _time(view: L2View, language: Language, zone: tzinfo) -> str:
    at = moment(view.at, view.at, zone)
    return _fill(Bilingual("时间：{at}（{zone}）", "At: {at} ({zone})"), language, at=at, zone=zone_name(view.at, zone))


def _code(view: ApprovalView, language: Language) -> str:
    return _fill(Bilingual("校验码：{code}", "Code: {code}"), language, code=safe_line(view.code, 24))


def _commands(view: ApprovalView, language: Language) -> list[str]:
    reason = Bilingual("理由", "reason").in_(language)
    return [f"/approve {view.approval_id} {safe_line(view.code, 24)}", f"/reject {view.approval_id} {reason}"]


def _decided(view: ApprovalView, zone: tzinfo) -> Bilingual:
    at = moment(view.resolved_at or view.now, view.now, zone)
    match view.status:
        case ApprovalStatus.EXPIRED:
            return Bilingual("{at} 到期，无人答复，未执行。", "Nobody answered by {at}; it did not run.").format(at=at)
        case ApprovalStatus.CANCELLED:
            return Bilingual("{at} 由智能体撤回。", "Withdrawn by the agent, {at}.").format(at=at)
        case ApprovalStatus.PENDING:
            return Bilingual("等待答复。", "Waiting for an answer.")
        case _ if view.via is Via.EXPIRY:
            words = Bilingual("{at} 到期，无人答复，已按规则拒绝。", "Nobody answered by {at}; rejected by rule.")
            return words.format(at=at)
        case _:
            words = Bilingual("{who} 于 {at} {status}。", "{status} by {who}, {at}.")
            return words.format(who=safe_line(view.resolver or "—"), at=at, status=STATUSES[view.status])


def _reason(view: ApprovalView, language: Language) -> list[str] | None:
    if not view.resolution_reason or not view.resolution_reason.strip() or view.via is Via.EXPIRY:
        return None
    return [Bilingual("理由：", "Reason:").in_(language), safe_text(view.resolution_reason)]


def outcome_lines(view: ApprovalView, language: Language) -> list[str] | None:
    """What the execution gave back, or why it failed."""
    if view.execution is None or view.status is not ApprovalStatus.APPROVED:
        return None
    told: list[str] = []
    if view.execution.error:
        told += [Bilingual("错误信息：", "Error:").in_(language), safe_text(error_text(view.execution.error))]
    if view.execution.result is not None:
        told += [Bilingual("结果：", "Result:").in_(language), safe_text(result_text(view.execution.result))]
    return told


def resolved_text(view: ApprovalView, verdict: Verdict, language: Language) -> str:
    """The answer to /approve and /reject: what was recorded, on what, and what happens now."""
    recorded = Bilingual("{verdict}：「{agent}」{action}", "{verdict}: {action} (“{agent}”)")
    return lines(
        _fill(recorded, language, verdict=_RECORDED[verdict], **_who_does_what(view, language)),
        _target(view.action_type, view.tool, view, language),
        _as_text(next_step(view).in_(language)),
    )


_RECORDED = {
    Verdict.APPROVE: STATUSES[ApprovalStatus.APPROVED],
    Verdict.REJECT: STATUSES[ApprovalStatus.REJECTED],
}


def next_step(view: ApprovalView) -> Bilingual:
    """What follows from the decision that was just taken."""
    if view.status is not ApprovalStatus.APPROVED:
        return Bilingual("不会执行，智能体会收到您的答复。", "It does not run; the agent gets your answer.")
    if view.execution_status is not ExecutionStatus.NOT_STARTED:
        return execution_words(view, view.zone)
    if view.executor is Executor.SERVICE:
        return Bilingual("即将执行，结果会告诉您。", "It runs now; you will be told the outcome.")
    return Bilingual(
        "智能体现在可以执行一次，结果会告诉您。", "The agent may run it once now; you will be told the outcome."
    )
