"""The approval card in each of its states. Computed facts, the agent's claims and our words stay apart.

Whatever the facts, the card keeps within 28 KB and 180 nodes: each dynamic text has a byte budget, counted as the most
wasteful JSON serialiser would write it, and the number of rows is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from cards import elements as node
from cards.action import argument_nodes, claim_nodes, headline_nodes
from cards.arguments import Risk, risk
from cards.execution import execution_nodes
from cards.less import less_nodes
from cards.shown import name, names, said
from cards.states import CardState, card_state
from cards.views import ApprovalView
from cards.words import VERDICTS, VIAS, Bilingual, lasting, moment, zone_name
from models.enums import ApprovalStatus, Executor, Verdict
from models.values import JsonObject

_PAST_ARGUMENTS = 4_000  # bytes of all arguments together, when the result needs room as well
_LEAST_ARGUMENTS = 2_500  # and when grants do too
REASON_LENGTH = 500  # characters that may be typed; Feishu's maximum is 1000

_RISK_HINTS = {
    Risk.DELETE: Bilingual("⚠ 删除后可能无法恢复", "⚠ What is deleted may not come back"),
    Risk.PAY: Bilingual("⚠ 款项转出后可能无法追回", "⚠ Money that has left may not come back"),
    Risk.SEND: Bilingual("⚠ 发出后无法收回", "⚠ What is sent cannot be taken back"),
}
_ONCE = {
    Executor.SERVICE: Bilingual(
        "同意后立即执行，仅限这一次、这些参数。",
        "Runs at once after approval: this once, with exactly these arguments.",
    ),
    Executor.AGENT: Bilingual(
        "同意后由智能体执行，仅限这一次、这些参数。",
        "The agent runs it after approval: this once, with exactly these arguments.",
    ),
}


def approval_card(view: ApprovalView, zone: tzinfo | None = None) -> JsonObject:
    """The card of this approval request as it stands: a question while pending, else the record of its end."""
    zone = zone or view.zone
    state = card_state(view)
    body = _question(view, zone) if view.status is ApprovalStatus.PENDING else _record(view, zone)
    return node.card(_header(view, state, zone), _summary(view, state), body)


def _header(view: ApprovalView, state: CardState, zone: tzinfo) -> JsonObject:
    tags = [node.text_tag(view.level.value, "orange"), node.text_tag(name(view.code, 24), "neutral")]
    if state.tag:
        tags.append(node.text_tag(state.tag, state.tag_color))
    elif view.attempt > 1:
        tags.append(node.text_tag(Bilingual("第 {n} 次询问", "Asked {n} times").format(n=view.attempt), "violet"))
    return {
        "title": node.plain_text(state.title),
        "subtitle": node.plain_text(_subtitle(view, zone)),
        "text_tag_list": [*tags],
        "template": state.color,
    }


def _subtitle(view: ApprovalView, zone: tzinfo) -> Bilingual:
    if view.status is not ApprovalStatus.PENDING:
        at = moment(view.resolved_at or view.now, view.now, zone)
        if view.resolver is None:
            return at
        return Bilingual("{who} · {at}", "{who} · {at}").format(who=name(view.resolver), at=at)
    if view.reminders == 0:
        return Bilingual("{at} 提出", "Asked {at}").format(at=moment(view.created_at, view.now, zone))
    waited = Bilingual("截至 {clock} 已等待 {waited}", "Waiting {waited} as of {clock}")
    return waited.format(clock=f"{view.now.astimezone(zone):%H:%M}", waited=lasting(view.waited))


def _summary(view: ApprovalView, state: CardState) -> Bilingual:
    """What the chat list and the notification show; no argument ever stands in it."""
    if view.status is ApprovalStatus.PENDING:
        return Bilingual("待审批：{title}", "Approval needed: {title}").format(title=state.title)
    return state.title


def _question(view: ApprovalView, zone: tzinfo) -> Iterator[JsonObject]:
    yield from headline_nodes(view.action_type, view.tool, view.args)
    if family := risk(view.action_type, view.tool):
        yield node.block(_RISK_HINTS[family], color="red")
    yield from _people(view)
    expires = Bilingual("{at}（{zone}）", "{at} ({zone})")
    at = moment(view.expires_at, view.now, zone)
    yield node.labelled(
        Bilingual("有效期至", "Open until"), expires.format(at=at, zone=zone_name(view.expires_at, zone))
    )
    yield from claim_nodes(view.claimed_reason)
    yield from argument_nodes(view.action_type, view.tool, view.args, folded=False)
    yield node.divider()
    yield _decision_form(view)
    yield node.note(_ONCE[view.executor])
    yield from _footer(view)


def _record(view: ApprovalView, zone: tzinfo) -> Iterator[JsonObject]:
    yield from headline_nodes(view.action_type, view.tool, view.args)
    yield from _resolution(view, zone)
    yield from execution_nodes(view, zone)
    yield from _people(view)
    yield from claim_nodes(view.claimed_reason)
    budget = _LEAST_ARGUMENTS if view.offer or view.grants else _PAST_ARGUMENTS
    yield from argument_nodes(view.action_type, view.tool, view.args, budget=budget, folded=True)
    yield from less_nodes(view)
    yield from _footer(view)


def _people(view: ApprovalView) -> Iterator[JsonObject]:
    owned = Bilingual("{agent}（创建者 {creator}）", "{agent} (creator: {creator})")
    yield node.labelled(Bilingual("智能体", "Agent"), owned.format(agent=name(view.agent), creator=name(view.creator)))
    if view.requester:
        yield node.labelled(Bilingual("请求人", "Requester"), name(view.requester))
    if view.asked:
        yield node.labelled(Bilingual("同时询问", "Also asked"), names(view.asked))


def _resolution(view: ApprovalView, zone: tzinfo) -> Iterator[JsonObject]:
    at = moment(view.resolved_at or view.now, view.now, zone)
    match view.status:
        case ApprovalStatus.EXPIRED:
            words = Bilingual("{at} 到期，无人答复", "{at}, nobody answered in time").format(at=at)
        case ApprovalStatus.CANCELLED:
            words = Bilingual("{at} 由智能体撤回", "{at}, withdrawn by the agent").format(at=at)
        case _:
            via = VIAS[view.via] if view.via else Bilingual("—", "—")
            words = Bilingual("{who}，{at}，通过{via}", "{who}, {at}, by {via}").format(
                who=name(view.resolver or "—"), at=at, via=via
            )
    yield node.labelled(Bilingual("决定", "Decision"), words)
    yield node.labelled(Bilingual("等待", "Waited"), lasting(view.waited))
    if view.resolution_reason and view.resolution_reason.strip():
        yield node.labelled(Bilingual("理由", "Reason"), said(view.resolution_reason))


def _decision_form(view: ApprovalView) -> JsonObject:
    reason = node.text_input(
        "reason",
        Bilingual("理由（选填）", "Reason (optional)"),
        Bilingual("会告诉智能体", "The agent will be told"),
        REASON_LENGTH,
    )
    return node.form(
        "decision",
        [reason, node.columns((1, [_verdict(view, Verdict.APPROVE)]), (1, [_verdict(view, Verdict.REJECT)]))],
    )


def _verdict(view: ApprovalView, verdict: Verdict) -> JsonObject:
    kind = "primary_filled" if verdict is Verdict.APPROVE else "danger"
    value: JsonObject = {"approval_id": str(view.approval_id), "verdict": verdict.value}
    return node.submit(verdict.value, VERDICTS[verdict], kind, value)


def _footer(view: ApprovalView) -> Iterator[JsonObject]:
    rule = name(view.rule) if view.rule else Bilingual("默认", "default")
    words = Bilingual("校验码 {code} · 规则 {rule} · 策略 v{version}", "Code {code} · rule {rule} · policy v{version}")
    footer = words.format(code=name(view.code, 24), rule=rule, version=view.policy_version)
    if view.attempt > 1 and view.status is not ApprovalStatus.PENDING:  # a pending card has a tag for it
        again = Bilingual("{footer} · 第 {n} 次询问", "{footer} · asked {n} times")
        footer = again.format(footer=footer, n=view.attempt)
    yield node.note(footer)
    if view.details_url and len(view.details_url) <= _LONGEST_URL:
        yield node.link(Bilingual("查看全部", "View all"), view.details_url)


_LONGEST_URL = 600  # ours are far shorter; a longer one would eat the card
