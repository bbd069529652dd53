"""The approval card in each of its states. Computed facts, the agent's claims and our words stay apart.

Whatever the facts, the card keeps within 28 KB and 180 nodes: each dynamic text has a byte budget, counted as the most
wasteful JSON serialiser would write it, the number of rows is bounded, and cards.room has smaller budgets at need.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, tzinfo

from cards import elements as node
from cards.action import Action, claim_nodes
from cards.changed import amended_nodes, changed_nodes
from cards.consents import consent_nodes, consented_words, standing_nodes
from cards.decision import decision_form
from cards.execution import execution_nodes
from cards.less import less_nodes
from cards.presets import own_words, preset
from cards.room import Room, within
from cards.shown import name, names, said
from cards.states import CardState, card_state
from cards.views import ApprovalView
from cards.words import VIAS, Bilingual, lasting, moment, zone_name
from models.enums import ApprovalStatus, Executor, Via
from models.values import JsonObject

_LEAST_ARGUMENTS = 2_500  # bytes of all arguments together, when grants need room as well
_WAITED = timedelta(minutes=5)  # from then on the header says how long
_LONGEST_URL = 600  # ours are far shorter; a longer one would eat the card

ONCE = {
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
    in_zone = zone or view.zone
    state = card_state(view)
    action = Action(view.action_type, view.tool, view.args, in_zone)
    draw = _question if view.status is ApprovalStatus.PENDING else _record
    header, summary = _header(view, state, in_zone), _summary(view, state)
    return within(lambda room: node.card(header, summary, draw(view, action, in_zone, room)))


def _header(view: ApprovalView, state: CardState, zone: tzinfo) -> JsonObject:
    tags = [node.text_tag(name(view.code, 24), "neutral")]
    if state.tag:
        tags.append(node.text_tag(state.tag, state.tag_color))
    if view.status is ApprovalStatus.PENDING and view.attempt > 1:
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
    asked = Bilingual("{at} 提出", "Asked {at}").format(at=moment(view.created_at, view.now, zone))
    if view.waited < _WAITED:
        return asked
    waited = Bilingual("截至 {clock} 已等待 {waited}", "Waiting {waited} as of {clock}")
    return waited.format(clock=f"{view.now.astimezone(zone):%H:%M}", waited=lasting(view.waited))


def _summary(view: ApprovalView, state: CardState) -> Bilingual:
    """What the chat list and the notification show; no argument ever stands in it."""
    if view.status is ApprovalStatus.PENDING:
        return Bilingual("待审批：{title}", "Approval needed: {title}").format(title=state.title)
    return state.title


def _question(view: ApprovalView, action: Action, zone: tzinfo, room: Room) -> Iterator[JsonObject]:
    """In the order in which a person decides: what, how grave, what is new, why, with which arguments, yes or no."""
    yield from standing_nodes(view, zone)
    yield from action.headline()
    yield from action.gravity(view.severity)
    yield from amended_nodes(view, room)
    yield from changed_nodes(view, zone, room)
    yield from claim_nodes(view.claimed_reason)
    yield from action.unfolded(room.arguments, rest=room.folded)
    yield from consent_nodes(view, zone, room)
    yield node.divider()
    yield decision_form(view, room)
    yield _around(view, zone, room)
    yield from _footer(view, ONCE[view.executor])


def _record(view: ApprovalView, action: Action, zone: tzinfo, room: Room) -> Iterator[JsonObject]:
    yield from action.headline()
    yield from _resolution(view, zone, room)
    yield from amended_nodes(view, room)
    yield from execution_nodes(view, zone)
    yield from claim_nodes(view.claimed_reason)
    budget = min(room.past_arguments, _LEAST_ARGUMENTS if view.offer or view.grants else room.past_arguments)
    yield from action.folded(budget)
    yield from less_nodes(view)
    yield _around(view, zone, room)
    yield from _footer(view)


def _resolution(view: ApprovalView, zone: tzinfo, room: Room) -> Iterator[JsonObject]:
    yield node.labelled(Bilingual("决定", "Decision"), decided(view, zone))
    if (others := consented_words(view, room)) is not None:
        yield node.labelled(Bilingual("一起同意", "Approvals"), others)
    if (known := preset(view.preset)) is not None:
        yield node.labelled(Bilingual("指示", "Instruction"), known.instruction)
    words = own_words(view.resolution_reason, view.preset)
    if words and not view.closed_with_agent and view.via is not Via.EXPIRY:
        yield node.labelled(Bilingual("理由", "Reason"), said(words))


def decided(view: ApprovalView, zone: tzinfo) -> Bilingual:
    """Who decided, when, in which way, and after how long."""
    at = moment(view.resolved_at or view.now, view.now, zone)
    words: dict[str, str | int | Bilingual] = {"at": at, "waited": lasting(view.waited)}
    if view.closed_with_agent:
        return Bilingual("智能体已归档，{at} 关闭", "Closed {at}: the agent was archived").format(at=at)
    if view.status is ApprovalStatus.CANCELLED:
        return Bilingual("智能体 {at} 撤回", "Withdrawn by the agent, {at}").format(at=at)
    if view.status is ApprovalStatus.EXPIRED:
        return Bilingual("{waited}无人答复，{at} 过期", "Nobody answered for {waited}; expired {at}").format(**words)
    if view.via is Via.EXPIRY:
        words_of_rule = Bilingual(
            "{waited}无人答复，{at} 按规则拒绝", "Nobody answered for {waited}; rejected by rule, {at}"
        )
        return words_of_rule.format(**words)
    via = VIAS[view.via] if view.via else Bilingual("—", "—")
    return Bilingual("{who}，{at}，通过{via}，等了 {waited}", "{who}, {at}, by {via}, after {waited}").format(
        who=name(view.resolver or "—"), via=via, **words
    )


def _around(view: ApprovalView, zone: tzinfo, room: Room) -> JsonObject:
    """Who is concerned and until when: small, below what is decided."""
    lines = [*_people(view, room)]
    if view.status is ApprovalStatus.PENDING:
        lines += [*_seen(view, zone, room)]
        at = moment(view.expires_at, view.now, zone)
        until = Bilingual("有效期至 {at}（{zone}）", "Open until {at} ({zone})")
        lines.append(until.format(at=at, zone=zone_name(view.expires_at, zone)))
    return node.note(Bilingual("\n".join(line.zh for line in lines), "\n".join(line.en for line in lines)))


def _people(view: ApprovalView, room: Room) -> Iterator[Bilingual]:
    owned = Bilingual("智能体：{agent}（创建者 {creator}）", "Agent: {agent} (creator: {creator})")
    yield owned.format(agent=name(view.agent, room.name), creator=name(view.creator, room.name))
    if view.requester:
        yield Bilingual("请求人：{who}", "Requester: {who}").format(who=name(view.requester, room.name))
    if view.asked:
        yield Bilingual("同时询问：{who}", "Also asked: {who}").format(who=names(view.asked, room.people))


def _seen(view: ApprovalView, zone: tzinfo, room: Room) -> Iterator[Bilingual]:
    if not view.seen_by:
        return
    at = [(name(who, min(90, room.name)), moment(when, view.now, zone)) for who, when in view.seen_by[: room.people]]
    more = f" … (+{len(view.seen_by) - room.people})" if len(view.seen_by) > room.people else ""
    zh = "、".join(f"{who}（{when.zh}）" for who, when in at)
    en = ", ".join(f"{who} ({when.en})" for who, when in at)
    yield Bilingual(f"已看过：{zh}{more}", f"Seen by: {en}{more}")


def _footer(view: ApprovalView, first: Bilingual | None = None) -> Iterator[JsonObject]:
    rule = name(view.rule) if view.rule else Bilingual("默认", "default")
    words = Bilingual(
        "校验码 {code} · {level} · 规则 {rule} · 策略 v{version}",
        "Code {code} · {level} · rule {rule} · policy v{version}",
    )
    footer = words.format(code=name(view.code, 24), level=view.level.value, rule=rule, version=view.policy_version)
    if view.attempt > 1 and view.status is not ApprovalStatus.PENDING:  # a pending card has a tag for it
        again = Bilingual("{footer} · 第 {n} 次询问", "{footer} · asked {n} times")
        footer = again.format(footer=footer, n=view.attempt)
    if first is not None:
        footer = Bilingual(f"{first.zh}\n{footer.zh}", f"{first.en}\n{footer.en}")
    yield node.note(footer)
    if view.details_url and len(view.details_url) <= _LONGEST_URL:
        yield node.link(Bilingual("查看全部", "View all"), view.details_url)
