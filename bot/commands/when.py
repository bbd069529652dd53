"""A moment to come as people write it, in their own time zone and either language; what follows it is left. Pure.

"明天 9:00 交给 李雷" and "next Friday 6pm to li@example.com" are each a moment and a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from bot.commands.clock import NUMBER, NoSuchTime, number, plain_width, take_clock
from bot.commands.days import Again, Day, NoSuchDay, month_later, take_day

BACK_AT = timedelta(hours=9)
"""The time of a day that was named without one: who is away until Friday is back on Friday morning."""

MIDNIGHT = timedelta(hours=24)
_SHOWN = 40  # characters of a text that is told as not understood

_UNTIL = re.compile(r"(?:until|till|to|by|through|for|in|直到|截至|截止|到|至)(?![a-z])[\s:]*", re.IGNORECASE)
_LATER = re.compile(r"[\s,]*(?:之后|以后|后|from\s+now\b|later\b)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,\s*|on\s+|t(?=[0-9])|的)?", re.IGNORECASE)
_WHO = re.compile(
    r"[\s,;:，；]*(?:(?:交给|转给|委托给?|由|请|(?:delegate\s+to|handed?\s+to|covered\s+by|to|with|by|via|delegate)\s)\s*)?",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    rf"(?P<n>{NUMBER}|an?(?=\s)|half(?=\s+an?\s+hour))\s*个?\s*(?:an?\s+)?(?P<unit>months?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?"
    r"|[mhdw]|月|小时|钟头|分钟|天|周|星期|礼拜)(?![a-z一二三四五六日])[\s,]*(?:and\s+)?",
    re.IGNORECASE,
)
_MINUTES = {
    "m": 1,
    "分": 1,
    "h": 60,
    "小": 60,
    "钟": 60,
    "d": 1440,
    "天": 1440,
    "w": 10080,
    "周": 10080,
    "星": 10080,
    "礼": 10080,
}


@dataclass(frozen=True, slots=True)
class When:
    at: datetime  # UTC
    rest: str  # what follows, as typed: perhaps who stands in


class WhenFault(StrEnum):
    UNREADABLE = "unreadable"
    NO_SUCH_TIME = "no_such_time"  # written like a date or time, but there is none such
    PAST = "past"


@dataclass(frozen=True, slots=True)
class NotWhen:
    """No moment to come. `given` is what the person typed, cut; for PAST `at` is what it names."""

    fault: WhenFault
    given: str = ""
    at: datetime | None = None


def read_when(text: str, now: datetime, zone: tzinfo) -> When | NotWhen:
    """The moment with which `text` begins. What is ambiguous is the next such moment."""
    words = plain_width(text).strip()
    if lead := _UNTIL.match(words):
        words = words[lead.end() :]
    try:
        found = _length(words, now, zone) or _moment(words, now, zone)
    except (NoSuchTime, NoSuchDay) as fault:
        return NotWhen(WhenFault.NO_SUCH_TIME, str(fault)[:_SHOWN])
    if found is None or not _ends_well(found[1], words):
        return NotWhen(WhenFault.UNREADABLE, words[:_SHOWN])
    at, rest = found
    if at <= now:
        return NotWhen(WhenFault.PAST, words[: len(words) - len(rest)].strip()[:_SHOWN], at)
    return When(at, _name(rest))


def _length(words: str, now: datetime, zone: tzinfo) -> tuple[datetime, str] | None:
    """7d, 1d 12h, 三天后, in 2 weeks, 一个月: so long from now."""
    minutes, months, rest = 0.0, 0, words
    while part := _LENGTH.match(rest):
        written, unit = part["n"].lower(), part["unit"].lower()
        count = 0.5 if written == "half" else 1 if written in ("a", "an") else number(written)
        if unit.startswith(("month", "月")):
            if "个" not in part[0] and unit == "月":
                return None  # 12月 is December
            months += int(count)
        else:
            minutes += count * _MINUTES[unit[0]]
        rest = rest[part.end() :]
    if rest == words:
        return None
    if later := _LATER.match(rest):
        rest = rest[later.end() :]
    local = (now + timedelta(minutes=minutes)).astimezone(zone)
    if months:
        local = local.replace(year=(day := month_later(local.date(), months)).year, month=day.month, day=day.day)
    space = " " if len(rest) < len(words) and words[len(words) - len(rest) - 1].isspace() else ""
    return local.astimezone(UTC), space + rest


def _moment(words: str, now: datetime, zone: tzinfo) -> tuple[datetime, str] | None:
    """A day with or without a time, in either order, or a time alone."""
    local = now.astimezone(zone)
    day, clock, rest = None, None, words
    if first := take_clock(rest):
        clock, rest = first
        if after := take_day(rest[_gap(rest) :], local.date()):
            day, rest = after
    elif found := take_day(rest, local.date()):
        day, rest = found
        if after_it := take_clock(rest[_gap(rest) :]):
            clock, rest = after_it
    if clock is not None and day is None:
        today = _at(local.date(), clock, zone)
        return (today if today > now else _at(local.date() + timedelta(days=1), clock, zone)), rest
    return (_settled(day, clock, now, zone), rest) if day is not None else None


def _settled(day: Day, clock: timedelta | None, now: datetime, zone: tzinfo) -> datetime:
    """Today without a time lasts until midnight; a weekday without a time is never today."""
    today = now.astimezone(zone).date()
    if clock is None and day.on == today:
        return _at(day.next(), BACK_AT, zone) if day.again is Again.WEEK else _at(today, MIDNIGHT, zone)
    at = _at(day.on, BACK_AT if clock is None else clock, zone)
    return at if at > now else _at(day.next(), BACK_AT if clock is None else clock, zone)


def _at(day: date, clock: timedelta, zone: tzinfo) -> datetime:
    """The moment at which clocks there show this; one that a change of the clocks skips is later by the gap."""
    return (datetime.combine(day, time()) + clock).replace(tzinfo=zone).astimezone(UTC)


def _gap(rest: str) -> int:
    between = _BETWEEN.match(rest)
    return between.end() if between else 0


def _ends_well(rest: str, words: str) -> bool:
    """Whether the moment ends where a word does: 9:00x is none."""
    before = words[: len(words) - len(rest)][-1:]
    return not (rest[:1].isalnum() and rest[:1].isascii() and before.isalnum() and before.isascii())


def _name(rest: str) -> str:
    """Who stands in, without the words that lead there and without quotes."""
    lead = _WHO.match(rest)
    return rest[lead.end() if lead else 0 :].strip().strip("\"“”'‘’「」《》。.").strip()
