"""Grants as people read them: the notice of a use with its one button, texts, toasts, and words that others share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from cards import elements as node
from cards.action import argument_nodes, claim_nodes, headline_nodes
from cards.arguments import rows
from cards.escape import json_bytes, one_line
from cards.refusals import toast
from cards.said_in_text import lines, safe_action, safe_line, safe_target, safe_text
from cards.shown import action_words, name
from cards.views import GrantUseView, GrantView, LimitKind, LimitView, Notice
from cards.words import Bilingual, moment
from models.enums import GrantKind, Language
from models.values import Json, JsonObject

_ARGUMENTS = 6_000  # bytes of a run's arguments
_LIMITS = 12
_LIMIT = 120  # bytes of one limit

_KINDS: dict[GrantKind, Bilingual] = {
    GrantKind.EXACT: Bilingual("完全相同的操作", "Exactly this action"),
    GrantKind.KIND: Bilingual("同类操作", "This kind of action"),
    GrantKind.GRADUATED: Bilingual("自动执行", "Running by itself"),
}
_RUNS = Bilingual("「{agent}」正在执行：{action}", "“{agent}” is executing: {action}")
_WITHOUT_ASKING = Bilingual("凭{giver}给的授权，没有再问", "Under a grant of {giver}, without asking")
_REVOKE = Bilingual("撤销授权", "Revoke the grant")
_ASKED_AGAIN = Bilingual("以后会重新来问。", "From now on it is asked again.")


def used_card(view: GrantUseView) -> JsonObject:
    """The notice of one run: what runs, under which grant, how much of it is left, and one button that ends it."""
    grant = view.grant
    title = _RUNS.format(agent=name(grant.agent), action=action_words(grant.action_type))
    tags = [node.text_tag(Bilingual("凭授权", "Granted"), "turquoise")]
    if grant.revoked_at is not None:
        tags = [node.text_tag(Bilingual("授权已撤销", "Grant revoked"), "red")]
    header: JsonObject = {
        "title": node.plain_text(title),
        "subtitle": node.plain_text(_WITHOUT_ASKING.format(giver=name(grant.giver, 60))),
        "text_tag_list": [*tags],
        "template": "turquoise" if grant.revoked_at is None else "grey",
    }
    return node.card(header, title, _used(view))


def _used(view: GrantUseView) -> Iterator[JsonObject]:
    yield from run_nodes(view)
    yield node.divider()
    yield from grant_nodes(view.grant)
    if view.grant.stands:
        yield revoke_button(view.grant.grant_id, {"check_id": str(view.check_id), "at": view.at.isoformat()})
    yield node.note(_afterwards(view.grant))


def run_nodes(view: GrantUseView) -> Iterator[JsonObject]:
    """What ran, and when."""
    grant = view.grant
    yield from headline_nodes(grant.action_type, grant.tool, view.args)
    if view.requester:
        yield node.labelled(Bilingual("请求人", "Requester"), name(view.requester))
    yield node.labelled(Bilingual("时间", "At"), moment(view.at, grant.now, grant.zone))
    yield from claim_nodes(view.claimed_reason)
    yield from argument_nodes(grant.action_type, grant.tool, view.args, budget=_ARGUMENTS, folded=True)


def grant_nodes(grant: GrantView, *, bounded: bool = True) -> Iterator[JsonObject]:
    """The grant: what it covers (where there is room), until when, how many uses are left, or who revoked it."""
    yield node.labelled(Bilingual("授权", "Grant"), grant_title(grant))
    if grant.limits and bounded:
        yield node.panel(Bilingual("范围", "Bounds"), [node.block(_bounds(grant.limits))])
    if grant.revoked_at is not None:
        yield node.labelled(Bilingual("已撤销", "Revoked"), revoked_words(grant))
        return
    yield node.labelled(Bilingual("有效期至", "Until"), ends_words(grant))
    yield node.labelled(Bilingual("剩余", "Left"), left_words(grant))


def revoke_button(grant_id: UUID, more: JsonObject | None = None) -> JsonObject:
    """One tap, no question: revoking only ever makes things stricter."""
    value: JsonObject = {"act": "grant_revoke", "grant_id": str(grant_id), **(more or {})}
    return node.button(f"grant_revoke:{grant_id}", _REVOKE, "danger", value)


def grant_title(grant: GrantView) -> Bilingual:
    """Which kind of grant, by whom."""
    words = Bilingual("{kind} · {giver}", "{kind}, given by {giver}")
    return words.format(kind=_KINDS[grant.kind], giver=name(grant.giver, 90))


def ends_words(grant: GrantView) -> Bilingual:
    return moment(grant.expires_at, grant.now, grant.zone)


def left_words(grant: GrantView) -> Bilingual:
    return Bilingual("{left} 次，共 {all} 次", "{left} of {all} uses").format(left=grant.uses_left, all=grant.max_uses)


def revoked_words(grant: GrantView) -> Bilingual:
    at = moment(grant.revoked_at or grant.now, grant.now, grant.zone)
    return Bilingual("{who}，{at}", "{who}, {at}").format(who=name(grant.revoked_by or "—", 90), at=at)


def limit_lines(limits: Sequence[LimitView]) -> list[Bilingual]:
    """A line for each argument, masked and cut."""
    drawn = [limit_words(limit) for limit in limits[:_LIMITS]]
    more = len(limits) - len(drawn)
    return [*drawn, Bilingual(f"… 还有 {more} 项", f"… and {more} more")] if more else drawn


def _bounds(limits: Sequence[LimitView]) -> Bilingual:
    """The lines as one text, because Feishu counts the nodes of a card."""
    drawn = limit_lines(limits)
    return Bilingual("\n".join(line.zh for line in drawn), "\n".join(line.en for line in drawn))


def limit_words(limit: LimitView) -> Bilingual:
    """How the grant holds one argument, masked and cut."""
    field = name(limit.name, 90)
    match limit.kind:
        case LimitKind.FIXED | LimitKind.ONE_OF:
            shown = " / ".join(_value(limit.name, value) for value in limit.values[:5])
            more = " / …" if len(limit.values) > 5 else ""
            line = one_line(f"{field} = {shown}{more}", _LIMIT, size=json_bytes)
            return Bilingual(line, line)
        case LimitKind.AT_MOST:
            return Bilingual(f"{field}：0 到 {limit.most:,}", f"{field}: 0 to {limit.most:,}")
        case LimitKind.TEXT:
            return Bilingual(f"{field}：最多 {limit.most} 字", f"{field}: up to {limit.most} characters")
        case LimitKind.ANY:
            return Bilingual(f"{field}：任意", f"{field}: any")


def _value(field: str, value: Json) -> str:
    """Masked with its name beside it: the name may be what tells that it is secret."""
    [row], _ = rows({field: value}, _LIMIT, 1)
    return row.text


def _afterwards(grant: GrantView) -> Bilingual:
    if grant.stands:
        return Bilingual("不想再这样？一点即可撤销，以后会重新来问。", "Not any more? One tap, and it is asked again.")
    return _ASKED_AGAIN


# -- texts -------------------------------------------------------------------------------------------------------------


def used_notice(view: GrantUseView, language: Language) -> Notice:
    """The same in words: for the inbox, and for the chat where Feishu refuses the card."""
    grant = view.grant
    title = Bilingual("【告知】「{agent}」正在执行：{action}", "Notice: “{agent}” is executing: {action}")
    telling = safe_target(grant.action_type, grant.tool, view.args) or (safe_line(grant.tool) if grant.tool else None)
    claimed = Bilingual("智能体自称的理由（未核实）：", "The agent's own reason (not verified):").in_(language)
    return Notice(
        _titled(title, grant, language),
        lines(
            Bilingual("对象：", "What: ").in_(language) + telling if telling else None,
            Bilingual("请求人：", "Requester: ").in_(language) + safe_line(view.requester) if view.requester else None,
            [claimed, safe_text(view.claimed_reason)] if view.claimed_reason else None,
            _WITHOUT_ASKING.format(giver=safe_line(grant.giver)).in_(language),
            _state_line(grant, language),
            _revoke_line(grant, language),
        ),
    )


def given_notice(view: GrantView, language: Language) -> Notice:
    """The creator learns that an admin gave a grant for the agent."""
    title = Bilingual("【授权】「{agent}」{action}不再询问", "Granted: “{agent}” is no longer asked: {action}")
    by = Bilingual("{giver}给的授权：{kind}", "By {giver}: {kind}")
    said = by.format(giver=safe_line(view.giver), kind=_KINDS[view.kind]).in_(language)
    return Notice(
        _titled(title, view, language), lines(said, _state_line(view, language), _revoke_line(view, language))
    )


def revoked_notice(view: GrantView, language: Language) -> Notice:
    """Creator and giver learn that somebody else ended the grant."""
    title = Bilingual("【授权已撤销】「{agent}」{action}", "Grant revoked: {action} (“{agent}”)")
    by = Bilingual("{who} 撤销。", "Revoked by {who}.").format(who=safe_line(view.revoked_by or "—"))
    return Notice(_titled(title, view, language), lines(by.in_(language), _ASKED_AGAIN.in_(language)))


def _titled(title: Bilingual, grant: GrantView, language: Language) -> str:
    action = safe_action(grant.action_type, language)
    return title.format(agent=safe_line(grant.agent), action=action).in_(language)


def _state_line(grant: GrantView, language: Language) -> str:
    words = Bilingual("有效期至 {at}，剩余 {left}", "Until {at}, {left} left")
    return words.format(at=ends_words(grant), left=left_words(grant)).in_(language)


def _revoke_line(grant: GrantView, language: Language) -> str:
    return Bilingual("撤销：", "Revoke: ").in_(language) + f"/grant revoke {grant.grant_id}"


# -- toasts ------------------------------------------------------------------------------------------------------------


def given_toast(grant: GrantView, *, again: bool) -> JsonObject:
    """The press is recorded, or stood already."""
    until = ends_words(grant)
    if again:
        return toast("info", Bilingual("已有授权，{at} 前不会再问", "Already granted until {at}").format(at=until))
    words = Bilingual("好，{at} 前不再问（最多 {n} 次）", "Done: not asked until {at} (at most {n} times)")
    return toast("success", words.format(at=until, n=grant.max_uses))


def revoked_toast(grant: GrantView, *, again: bool) -> JsonObject:
    if again:
        words = Bilingual("之前已由{who}撤销", "Already revoked by {who}")
        return toast("info", words.format(who=name(grant.revoked_by or "—", 60)))
    return toast("success", Bilingual("已撤销，以后会重新来问", "Revoked; from now on it is asked again"))


def repeated_toast() -> JsonObject:
    """The same press arrived twice; it counted once."""
    return toast("info", Bilingual("已经记录过，没有再改动", "Already recorded; nothing was changed"))
