"""Days as people write them, in both languages: tomorrow, next Friday, 下周一, 12月1日, Dec 1, 2026-12-01. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from bot.commands.clock import NUMBER, number

LAST_YEAR = 2200  # arithmetic with later dates may overflow, and nobody means one


class Again(StrEnum):
    """What a day means that has passed: the next of its kind, or a slip."""

    NEVER = "never"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    again: Again = Again.NEVER

    def next(self) -> date:
        """The same day of the next week, month or year. Raises NoSuchDay where that lacks it."""
        if self.again is Again.WEEK:
            return self.on + timedelta(days=7)
        if self.again is Again.YEAR:
            return _day(self.on.year + 1, self.on.month, self.on.day, str(self.on))
        if self.again is Again.MONTH:
            first = month_later(self.on.replace(day=1), 1)
            return _day(first.year, first.month, self.on.day, str(self.on))
        return self.on


class NoSuchDay(ValueError):
    """It is written like a date, but there is none such: February 30."""


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = (
    r"(?P<day>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_NTH = r"(?P<nth>[0-9]{1,2})(?:st|nd|rd|th)?(?![0-9:])"
_END = r"(?![0-9a-z])"

_RELATIVE = (
    (r"大后天", 3),
    (r"后天|后日|后(?=早|晚)|(?:the\s+)?day\s+after\s+tomorrow\b", 2),
    (r"明天|明日|明(?=早|晚)|tomorrow\b|tmr\b", 1),
    (r"今天|今日|今(?=早|晚)|today\b|(?=tonight\b)", 0),
)


def take_day(text: str, today: date) -> tuple[Day, str] | None:
    """The day with which `text` begins, and what follows; None where it begins with something else.

    Raises NoSuchDay. A day without a year, month or week is the next such, today included.
    """
    for pattern, read in _READERS:
        if found := pattern.match(text):
            rest = text[found.end() :]
            return read(found, today), rest[2:] if _is_tonight(rest) else rest
    return None


def month_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > LAST_YEAR:
        raise NoSuchDay(str(months))
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _is_tonight(rest: str) -> bool:
    """ "tonight" is today and "night", which the reader of times knows."""
    return rest[:7].lower() == "tonight"


def _day(year: int, month: int, day: int, written: str) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise NoSuchDay(written) from None
    if year > LAST_YEAR:
        raise NoSuchDay(written)
    return found


def _relative(days: int) -> Callable[[re.Match[str], date], Day]:
    return lambda _, today: Day(today + timedelta(days=days))


def _whole(found: re.Match[str], _: date) -> Day:
    """With its year."""
    return Day(_day(int(found["year"]), int(found["m"]), int(found["d"]), found[0]))


def _chinese(found: re.Match[str], today: date) -> Day:
    month, day = number(found["m"]), number(found["d"])
    if found["year"]:
        year = number(found["year"])
        return Day(_day(year + 2000 if year < 100 else year, month, day, found[0]))
    return Day(_day(today.year, month, day, found[0]), Again.YEAR)


def _day_of_month(found: re.Match[str], today: date) -> Day:
    return Day(_day(today.year, today.month, number(found["d"]), found[0]), Again.MONTH)


def _slashed(found: re.Match[str], today: date) -> Day:
    """Month before day, as in China and the United States."""
    return Day(_day(today.year, int(found["m"]), int(found["d"]), found[0]), Again.YEAR)


def _english(found: re.Match[str], today: date) -> Day:
    month, day = 1 + _MONTHS.index(found["month"][:3].lower()), int(found["nth"])
    if found["year"]:
        return Day(_day(int(found["year"]), month, day, found[0]))
    return Day(_day(today.year, month, day, found[0]), Again.YEAR)


def _weekday(found: re.Match[str], today: date) -> Day:
    return _in_week(_WEEKDAYS.index(found["day"][:3].lower()), (found["which"] or "").lower(), today)


def _chinese_weekday(found: re.Match[str], today: date) -> Day:
    day = "一二三四五六日".find(found["day"].translate(str.maketrans("1234567天", "一二三四五六日日")))
    which = {"下下": "after next", "下": "next", "本": "this", "这": "this"}.get(found["which"] or "", "")
    return _in_week(day, which, today)


def _in_week(weekday: int, which: str, today: date) -> Day:
    """`which` week, Monday being the first day; without one the next such day, today included."""
    monday = today - timedelta(days=today.weekday())
    if weeks := {"this": 0, "next": 1, "after next": 2}.get(which, None if which in ("", "coming") else 0):
        return Day(monday + timedelta(days=7 * weeks + weekday))
    if which == "this":
        return Day(monday + timedelta(days=weekday))
    return Day(today + timedelta(days=(weekday - today.weekday()) % 7), Again.WEEK)


def _next_week(_: re.Match[str], today: date) -> Day:
    return _in_week(0, "next", today)


def _next_month(_: re.Match[str], today: date) -> Day:
    return Day(month_later(today.replace(day=1), 1))


def _end_of_month(_: re.Match[str], today: date) -> Day:
    return Day(today.replace(day=monthrange(today.year, today.month)[1]))


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Day]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        *((pattern, _relative(days)) for pattern, days in _RELATIVE),
        (r"(?P<year>[0-9]{4})(?P<sep>[-/.])(?P<m>[0-9]{1,2})(?P=sep)(?P<d>[0-9]{1,2})(?![0-9])t?", _whole),
        (rf"(?:(?P<year>{NUMBER})年)?(?P<m>{NUMBER})月(?P<d>{NUMBER})[日号號]?", _chinese),
        (rf"(?P<d>{NUMBER})[日号號]", _day_of_month),
        (r"(?P<which>下下|下|本|这)?个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-7])(?![0-9])", _chinese_weekday),
        (r"下个?(?:周|星期|礼拜)|next\s+week\b", _next_week),
        (r"下个?月|next\s+month\b", _next_month),
        (r"月底|(?:the\s+)?end\s+of\s+(?:the\s+)?month\b", _end_of_month),
        (rf"(?:(?P<which>this|next|coming)\s+)?{_WEEKDAY}{_END}\.?", _weekday),
        (rf"{_MONTH}\s*{_NTH}(?:,?\s+(?P<year>[0-9]{{4}})(?![0-9:]))?", _english),
        (rf"{_NTH}\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>[0-9]{{4}})(?![0-9:]))?", _english),
        (r"(?P<m>[0-9]{1,2})[/-](?P<d>[0-9]{1,2})(?![0-9/-])", _slashed),
    )
)
