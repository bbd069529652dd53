"""The queue: everything that waits for one person on one card. One request is open on it and can be decided there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from cards import elements as node
from cards.action import Action, claim_nodes
from cards.arguments import read, shared_out
from cards.changed import changed_nodes, differences
from cards.consents import consent_nodes, standing_nodes
from cards.escape import json_bytes, one_line
from cards.presets import REASON
from cards.room import Room, within
from cards.shown import name
from cards.states import card_state
from cards.views import AlikeItem, ApprovalView, QueueOver, QueueView
from cards.words import VERDICTS, Bilingual, lasting, moment
from models.enums import Severity, Verdict
from models.values import JsonObject

MOST_ALIKE = 20
"""Requests that are decided with one press: all of them are named on the card."""

_REASON_LENGTH = 500
_LONGEST_CODE = 80  # a digest has 71 characters
_LONGEST_URL = 600
_LINE = 180  # bytes of one alike request
_TOLD_APART = 3  # arguments of each that tell it from the others
_READ = 8  # arguments that are read for that: a currency stands with its amount

DONE = Bilingual("都处理完了", "Nothing is waiting for you")
_REST = Bilingual("有新的请求时，会在这里告诉您。", "You will hear from me when something does.")
_OVER = {
    QueueOver.MOVED: (
        Bilingual("待办已移到新卡片", "Your queue has moved to a newer card"),
        Bilingual("请看最新的那一张。", "Please use the newest one."),
    ),
    QueueOver.OLD: (
        Bilingual("这张待办卡片不再更新", "This queue card is not kept up to date any more"),
        Bilingual("发送 /pending 打开新的。", "Send /pending for a new one."),
    ),
}
_REASON = Bilingual("理由（选填）", "Reason (optional)")
_TOLD = Bilingual("会告诉智能体", "The agent will be told")
_BACK = Bilingual("◀ 上一个", "◀ Back")
_NEXT = Bilingual("下一个 ▶", "Next ▶")
_LATER = Bilingual("稍后 1 小时", "Snooze 1 h")
_SURE = Bilingual("{n} 个全部同意？", "Approve all {n}?")
_EACH = Bilingual("列出的每一个都会执行，各记一条审计。", "Each of those listed runs, with its own audit entry.")
_ALL_EQUAL = Bilingual("参数完全相同", "The same arguments")
_NOT_TOLD = Bilingual("差别见全文", "See its full page for what differs")


def queue_card(view: QueueView) -> JsonObject:
    """One card within Feishu's limits, whatever waits."""
    if view.over is not None:
        title, where = _OVER[view.over]
        return node.card(_header(title, "grey"), title, [node.block(where)])
    if view.shown is None:
        return node.card(_header(DONE, "green"), DONE, [node.block(_REST)])
    title = Bilingual("{n} 个请求等您决定", "{n} requests wait for you").format(n=view.total)
    if view.total == 1:
        title = Bilingual("1 个请求等您决定", "1 request waits for you")
    shown = view.shown
    header = _header(title, card_state(shown).color, _place(view), _tags(view, shown))
    return within(lambda room: node.card(header, title, _open(view, shown, room)))


def _header(
    title: Bilingual, color: str, subtitle: Bilingual | None = None, tags: list[JsonObject] | None = None
) -> JsonObject:
    return {
        "title": node.plain_text(title),
        "subtitle": node.plain_text(subtitle or Bilingual("待办", "Your queue")),
        "text_tag_list": [*(tags or [])],
        "template": color,
    }


def _place(view: QueueView) -> Bilingual:
    """Which of them is in view, and how long the oldest has waited by now: cards age, so they say as of when."""
    waited = lasting(view.now - view.oldest) if view.oldest is not None else Bilingual("—", "—")
    clock = f"{view.now.astimezone(view.zone):%H:%M}"
    if view.total == 1:
        return Bilingual("截至 {clock} 已等待 {waited}", "Waiting {waited} as of {clock}").format(
            clock=clock, waited=waited
        )
    words = Bilingual(
        "{place}/{total} · 截至 {clock} 最早已等 {waited}", "{place} of {total} · oldest waits {waited} as of {clock}"
    )
    return words.format(place=view.position, total=view.total, clock=clock, waited=waited)


def _tags(view: QueueView, shown: ApprovalView) -> list[JsonObject]:
    tags = [node.text_tag(name(shown.code, 24), "neutral")]
    if view.snoozed:
        words = Bilingual("{n} 个稍后", "{n} snoozed").format(n=view.snoozed)
        tags.append(node.text_tag(words, "blue"))
    return tags


def _open(view: QueueView, shown: ApprovalView, room: Room) -> Iterator[JsonObject]:
    """The request in view, with the pieces of its own card in the same order; what else waits comes below."""
    action = Action(shown.action_type, shown.tool, shown.args, view.zone)
    yield node.block(card_state(shown).title, size="heading")
    yield from standing_nodes(shown, view.zone)
    yield from action.headline()
    yield from action.gravity(shown.severity)
    yield from changed_nodes(shown, view.zone, room)
    yield from claim_nodes(shown.claimed_reason)
    yield from action.unfolded(room.arguments, rest=room.folded)
    yield from consent_nodes(shown, view.zone, room)
    yield node.divider()
    yield _decision(view, shown)
    yield from _turning(view, shown)
    if len(view.alike) > 1:
        yield _together(view, shown)
    yield node.note(_until(view, shown))
    if shown.details_url and len(shown.details_url) <= _LONGEST_URL:
        yield node.link(Bilingual("查看全部", "View all"), shown.details_url)


def _decision(view: QueueView, shown: ApprovalView) -> JsonObject:
    verdicts = [Verdict.REJECT] if shown.consented else [Verdict.APPROVE, Verdict.REJECT]
    return node.form(
        "decision",
        [
            node.text_input(REASON, _REASON, _TOLD, _REASON_LENGTH),
            node.columns(*((1, [_verdict(view, shown, verdict)]) for verdict in verdicts)),
        ],
    )


def _verdict(view: QueueView, shown: ApprovalView, verdict: Verdict) -> JsonObject:
    act = f"queue_{verdict.value}"
    kind = "primary_filled" if verdict is Verdict.APPROVE else "danger"
    sure = None
    if verdict is Verdict.APPROVE and shown.severity is Severity.CRITICAL:
        sure = (Bilingual("确认同意？", "Approve this?"), Bilingual("这个操作特别重要。", "This is critical."))
    value = _value(view, shown, act)
    return node.submit(_name(shown, act), VERDICTS[verdict], kind, value, confirm=sure)


def _turning(view: QueueView, shown: ApprovalView) -> Iterator[JsonObject]:
    """One row: back, later, on. Only who was asked is reminded, and can put that off."""
    acts = [("queue_snooze", _LATER)] if shown.asked_as is not None else []
    if view.total > 1:
        acts = [("queue_prev", _BACK), *acts, ("queue_next", _NEXT)]
    if acts:
        yield node.columns(*((1, [_button(view, shown, act, label)]) for act, label in acts))


def _button(view: QueueView, shown: ApprovalView, act: str, label: Bilingual) -> JsonObject:
    return node.button(_name(shown, act), label, "default", _value(view, shown, act)) | {"size": "medium"}


def _name(shown: ApprovalView, act: str) -> str:
    """With the request in view: where the client strips the value, no press decides another one."""
    return f"{act}:{shown.approval_id}"


def _value(view: QueueView, shown: ApprovalView, act: str) -> JsonObject:
    """What the person has in view: a request that was changed meanwhile is not decided by this press."""
    return {
        "act": act,
        "queue_id": str(view.queue_id),
        "approval_id": str(shown.approval_id),
        "code": (shown.action_digest or shown.code)[:_LONGEST_CODE],
    }


def _together(view: QueueView, shown: ApprovalView) -> JsonObject:
    """Requests of one kind, each with what sets it apart, and one button for exactly those that are listed."""
    listed = view.alike[:MOST_ALIKE]
    title = Bilingual("同类还有 {n} 个，一起同意", "{n} more of this kind: approve together").format(n=len(listed) - 1)
    label = Bilingual("{n} 个全部同意", "Approve all {n}").format(n=len(listed))
    value = _value(view, shown, "queue_batch") | {"ids": [f"{one.approval_id} {one.code}" for one in listed]}
    button = node.button(_name(shown, "queue_batch"), label, "primary", value)
    button["confirm"] = {"title": node.plain_text(_SURE.format(n=len(listed))), "text": node.plain_text(_EACH)}
    rest = view.alike_total - len(listed)
    more = Bilingual("另有 {n} 个没有列出，这次不会一起同意。", "{n} more are not listed and stay as they are.")
    tail = [node.note(more.format(n=rest))] if rest > 0 else []
    return node.panel(title, [node.block(_lines(listed, view.zone)), *tail, button])


def _lines(listed: Sequence[AlikeItem], zone: tzinfo) -> Bilingual:
    """A line for each: its code and those arguments in which they are not all equal."""
    first = listed[0].args
    apart = dict.fromkeys(change.name for one in listed[1:] for change in differences(first, one.args))
    said = [
        Bilingual("{code}  {apart}", "{code}  {apart}").format(
            code=one_line(one.code, 24), apart=_apart(one, [*apart][:_TOLD_APART], zone)
        )
        for one in listed
    ]
    return Bilingual("\n".join(line.zh for line in said), "\n".join(line.en for line in said))


def _apart(one: AlikeItem, names: Sequence[str], zone: tzinfo) -> Bilingual:
    if not names:
        return _ALL_EQUAL
    own = {label: one.args[label] for label in (*names, *one.args) if label in one.args}
    told = [each for each in read(own, _READ, zone) if each[0] in names]
    line = " · ".join(f"{row.name} {row.text}" for row in shared_out(told, _LINE, 1))
    shown = one_line(line, _LINE, size=json_bytes)
    return Bilingual(shown, shown) if shown else _NOT_TOLD


def _until(view: QueueView, shown: ApprovalView) -> Bilingual:
    words = Bilingual("智能体：{agent} · 有效期至 {at}", "Agent: {agent}, open until {at}")
    return words.format(agent=name(shown.agent, 90), at=moment(shown.expires_at, view.now, view.zone))
