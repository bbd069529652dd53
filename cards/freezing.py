"""The loud card of a freeze, the text that stands in for it, and the words of its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cards import elements as node
from cards.said_in_text import as_typed, lines, safe_line, safe_text
from cards.shown import name, said
from cards.words import CHINA, Bilingual, moment, zone_name
from models.enums import Language
from models.values import JsonObject


@dataclass(frozen=True, slots=True)
class FreezeView:
    """A freeze as people are told of it. `agent` is its name, None for all agents."""

    agent: str | None
    by: str
    at: datetime
    now: datetime
    until: datetime | None = None
    reason: str | None = None
    zone: tzinfo = CHINA


_MEANING = Bilingual(
    "所有操作请求现在都会被拒绝，已同意但尚未开始的也不会执行。待审批的请求会保留，仍可答复，但要等解冻后才能执行。",
    "Every action is denied from now on, and what was approved but not begun does not run. Pending requests stay and "
    "can be answered, but nothing runs before the freeze is over.",
)


def freeze_card(view: FreezeView) -> JsonObject:
    """Red, with what stands still, since when and by whom, until when, and how to end it. It has no buttons."""
    title = _title(view)
    header: JsonObject = {
        "title": node.plain_text(title),
        "subtitle": node.plain_text(_by(view, name)),
        "text_tag_list": [node.text_tag(Bilingual("已冻结", "Frozen"), "red")],
        "template": "red",
    }
    return node.card(header, title, _body(view))


def _body(view: FreezeView) -> Iterator[JsonObject]:
    yield node.block(_MEANING, color="red")
    yield node.labelled(Bilingual("范围", "What"), _what(view, name))
    yield node.labelled(Bilingual("冻结人", "Frozen by"), name(view.by))
    yield node.labelled(Bilingual("结束", "Ends"), _until(view))
    if view.reason and view.reason.strip():
        yield node.labelled(Bilingual("原因", "Reason"), said(view.reason))
    yield node.divider()
    how = Bilingual("解冻：发送 {command}", "To end it, send {command}")
    yield node.note(how.format(command=name(_command(view))))


def freeze_text(view: FreezeView, language: Language) -> str:
    """The same in a text, where the card is refused and in the web inbox."""
    how = Bilingual("解冻：{command}", "To end it: {command}")
    reason = Bilingual("原因：", "Reason:")
    return lines(
        freeze_title(view, language),
        _by(view, safe_line).in_(language),
        Bilingual("结束：{until}", "Ends: {until}").format(until=_until(view)).in_(language),
        [reason.in_(language), safe_text(view.reason)] if view.reason and view.reason.strip() else None,
        _MEANING.in_(language),
        how.format(command=_command(view)).in_(language),
    )


def freeze_title(view: FreezeView, language: Language) -> str:
    if view.agent is None:
        return Bilingual("【已冻结】全部智能体", "Frozen: all agents").in_(language)
    return Bilingual("【已冻结】「{agent}」", "Frozen: “{agent}”").format(agent=safe_line(view.agent)).in_(language)


def lifted_text(view: FreezeView, by: str | None, still: tuple[FreezeView, ...], language: Language) -> str:
    """The freeze is over, by a person or (None) by its time; `still` are the freezes that hold nevertheless."""
    return lines(lifted_title(view, language), _end(view, by).in_(language), still_lines(still, language))


def lifted_title(view: FreezeView, language: Language) -> str:
    if view.agent is None:
        return Bilingual("【已解冻】全部智能体", "No longer frozen: all agents").in_(language)
    words = Bilingual("【已解冻】「{agent}」", "No longer frozen: “{agent}”")
    return words.format(agent=safe_line(view.agent)).in_(language)


def still_lines(still: tuple[FreezeView, ...], language: Language) -> list[str] | None:
    """What still stands still, a line each, with how long and by whom."""
    if not still:
        return None
    words = Bilingual("· {what}，结束：{until}（{by}）", "· {what}, ends: {until} ({by})")
    shown = [
        words.format(what=_what(view, safe_line), until=_until(view), by=safe_line(view.by)).in_(language)
        for view in still[:_MOST_STILL]
    ]
    if len(still) > _MOST_STILL:
        shown.append(f"· … (+{len(still) - _MOST_STILL})")
    return [Bilingual("仍然冻结：", "Still frozen:").in_(language), *shown]


_MOST_STILL = 10


def _title(view: FreezeView) -> Bilingual:
    if view.agent is None:
        return Bilingual("全部智能体已冻结", "All agents are frozen")
    return Bilingual("「{agent}」已冻结", "“{agent}” is frozen").format(agent=name(view.agent))


def _what(view: FreezeView, shown: Callable[[str], str]) -> Bilingual:
    if view.agent is None:
        return Bilingual("全部智能体", "all agents")
    return Bilingual("智能体「{agent}」", "agent “{agent}”").format(agent=shown(view.agent))


def _by(view: FreezeView, shown: Callable[[str], str]) -> Bilingual:
    at = moment(view.at, view.now, view.zone)
    return Bilingual("{who} · {at}", "{who} · {at}").format(who=shown(view.by), at=at)


def _until(view: FreezeView) -> Bilingual:
    if view.until is None:
        return Bilingual("直到有人解冻", "when somebody ends it")
    at, zone = moment(view.until, view.now, view.zone), zone_name(view.until, view.zone)
    return Bilingual("{at}（{zone}）自动结束", "by itself {at} ({zone})").format(at=at, zone=zone)


def _end(view: FreezeView, by: str | None) -> Bilingual:
    frozen = Bilingual("冻结：{by}", "Frozen: {by}").format(by=_by(view, safe_line))
    if by is None:
        return Bilingual("到时间自动结束。{frozen}", "It ended by itself. {frozen}").format(frozen=frozen)
    return Bilingual("{by} 已解冻。{frozen}", "Ended by {by}. {frozen}").format(by=safe_line(by), frozen=frozen)


def _command(view: FreezeView) -> str:
    return "/unfreeze all" if view.agent is None else f"/unfreeze {as_typed(view.agent)}"
