"""Answers to /away and /snooze: until when, who decides meanwhile, and what was wrong with a date."""

from __future__ import annotations

from datetime import datetime, tzinfo

from cards.said_in_text import lines, safe_line
from cards.words import Bilingual, moment, zone_name
from models.enums import Language

_WEEKDAYS = (
    Bilingual("周一", "Mon"),
    Bilingual("周二", "Tue"),
    Bilingual("周三", "Wed"),
    Bilingual("周四", "Thu"),
    Bilingual("周五", "Fri"),
    Bilingual("周六", "Sat"),
    Bilingual("周日", "Sun"),
)
_AWAY = Bilingual("已设为离开，到 {at} 为止。", "You are away until {at}.")
_NOBODY = Bilingual(
    "没有代理人：问到您的请求会按询问方案转给后备审批人、上级或管理员。",
    "Nobody in particular stands in: what comes to you goes to your backup, leader or the admins, as the asking "
    "plan says.",
)
_EXAMPLES = Bilingual(
    "可以这样写：明天 9:00、周五、下周一 14:00、12月1日、7天、2026-12-01 18:00，后面可以写代理人。",
    "Write it like this: tomorrow 9:00, Friday, next Monday 2pm, Dec 1, 7d, 2026-12-01 18:00; then perhaps who "
    "decides for you.",
)


def day_and_time(at: datetime, now: datetime, zone: tzinfo) -> Bilingual:
    """With the weekday, by which a slip is seen, and the zone in which it was understood."""
    local, shown, offset = at.astimezone(zone), moment(at, now, zone), zone_name(at, zone)
    day = _WEEKDAYS[local.weekday()]
    return Bilingual(f"{day.zh} {shown.zh}（{offset}）", f"{day.en} {shown.en} ({offset})")


def away(
    until: datetime, delegate: str | None, handed_on: int, language: Language, *, now: datetime, zone: tzinfo
) -> str:
    """The person is away from now on."""
    who = _NOBODY
    if delegate is not None:
        who = Bilingual(
            "这段时间由 {name} 代您审批，已通知对方。", "{name} decides for you meanwhile and has been told."
        ).format(name=safe_line(delegate))
    moved = Bilingual("已转出 {n} 个等您审批的请求。", "Handed on just now: {n} that waited for you.").format(
        n=handed_on
    )
    return lines(
        _AWAY.format(at=day_and_time(until, now, zone)).in_(language),
        who.in_(language),
        moved.in_(language) if handed_on else None,
        Bilingual("提前回来：/away off", "Back earlier: /away off").in_(language),
    )


def still_away(until: datetime, delegate: str | None, language: Language, *, now: datetime, zone: tzinfo) -> str:
    """The answer to who asks how it stands."""
    who = _NOBODY
    if delegate is not None:
        who = Bilingual("代理人：{name}", "Who decides for you: {name}").format(name=safe_line(delegate))
    return lines(
        _AWAY.format(at=day_and_time(until, now, zone)).in_(language),
        who.in_(language),
        Bilingual("提前回来：/away off", "Back earlier: /away off").in_(language),
    )


def not_away(language: Language) -> str:
    return lines(
        Bilingual("您没有设为离开。", "You are not away.").in_(language),
        Bilingual("离开：/away until 时间 代理人", "To be away: /away until WHEN WHO").in_(language),
        _EXAMPLES.in_(language),
    )


def back(was_away: bool, pending: int, language: Language) -> str:
    if not was_away:
        return Bilingual("您本来就没有设为离开。", "You were not away.").in_(language)
    return lines(
        Bilingual("欢迎回来，请求会重新发给您。", "Welcome back. You are asked again from now on.").in_(language),
        Bilingual("等您审批：{n} 个，/pending 查看", "Waiting for you: {n}; /pending shows them")
        .format(n=pending)
        .in_(language)
        if pending
        else None,
    )


def unreadable_moment(given: str, language: Language) -> str:
    words = Bilingual("看不懂时间「{given}」。", "I don't understand the time “{given}”.")
    return lines(words.format(given=safe_line(given, 120)).in_(language), _EXAMPLES.in_(language))


def no_such_moment(given: str, language: Language) -> str:
    words = Bilingual("没有「{given}」这个日期或时间。", "There is no such date or time: “{given}”.")
    return lines(words.format(given=safe_line(given, 120)).in_(language), _EXAMPLES.in_(language))


def past_moment(at: datetime, language: Language, *, now: datetime, zone: tzinfo) -> str:
    words = Bilingual("{at} 已经过去了，请写以后的时间。", "{at} is past. Name a time to come.")
    return words.format(at=day_and_time(at, now, zone)).in_(language)


def snoozed(code: str, until: datetime, language: Language, *, now: datetime, zone: tzinfo) -> str:
    words = Bilingual(
        "已推迟到 {at}，这之前不再提醒您（校验码 {code}）。请求仍可随时处理，也可能按方案问到其他人。",
        "Put off until {at}: no reminders before then (code {code}). It can still be decided at any time, and others "
        "may be asked as the plan says.",
    )
    return words.format(at=moment(until, now, zone), code=safe_line(code, 24)).in_(language)
