"""What people may set for themselves, read from what they type or pick into the form in which it is stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from bot.commands.clock import NoSuchTime, plain_width, read_clock, take_clock
from bot.commands.words import folded
from models.enums import Language

NEVER = "never"


class Preference(StrEnum):
    """The columns of a person that are the person's own to set; but for the language, none means the organisation's."""

    LANGUAGE = "language"
    QUIET = "quiet_hours"
    DAYS = "working_days"
    ZONE = "time_zone"
    DIGEST = "digest_at"


class Unreadable(ValueError):
    """The text is no value of this preference."""


def read_preference(preference: Preference, text: str) -> str | None:
    """The value as it is stored, None for the organisation's. Raises Unreadable."""
    word = folded(text).strip()
    if word in _DEFAULT and preference is not Preference.LANGUAGE:
        return None
    value = _READERS[preference](text, word)
    if value is None:
        raise Unreadable(text)
    return value


_DEFAULT = frozenset({"default", "reset", "默认", "恢复默认", "跟随组织", "组织默认"})
_OFF = frozenset({NEVER, "off", "none", "no", "关闭", "关", "从不", "不要", "无"})
_LANGUAGES = {
    **dict.fromkeys(("zh-cn", "zh", "cn", "chinese", "中文", "简体中文", "汉语", "中"), Language.ZH_CN),
    **dict.fromkeys(("en-us", "en", "us", "english", "英文", "英语", "英"), Language.EN_US),
}
_TO = re.compile(r"\s*(?:-|–|—|~|～|to|till|until|到|至)\s*", re.IGNORECASE)
_HOUR_ALONE = re.compile(r"\A([0-9]{1,2})\Z")

_EVERY_DAY = frozenset({"every-day", "everyday", "every day", "daily", "all", "每天", "全周", "天天"})
_WEEKDAYS = frozenset({"weekdays", "workdays", "week-days", "工作日", "平日"})
_DAY_WORDS = {
    name: str(place)
    for place, names in enumerate(
        (
            ("monday", "mon", "一"),
            ("tuesday", "tues", "tue", "二"),
            ("wednesday", "wed", "三"),
            ("thursday", "thurs", "thur", "thu", "四"),
            ("friday", "fri", "五"),
            ("saturday", "sat", "六"),
            ("sunday", "sun", "日", "天"),
        ),
        start=1,
    )
    for name in names
}
_DAY_WORD = re.compile("|".join(_DAY_WORDS))
_DAYS = re.compile(r"(?:[1-7](?:-[1-7])?)+")  # one way only to read each text: tried ways must not multiply
_RANGE = re.compile("([1-7])-([1-7])")

_CITIES = {
    **dict.fromkeys(("北京", "上海", "深圳", "广州", "中国", "beijing", "china"), "Asia/Shanghai"),
    **dict.fromkeys(("香港", "hongkong"), "Asia/Hong_Kong"),
    **dict.fromkeys(("台北", "台湾"), "Asia/Taipei"),
    **dict.fromkeys(("东京", "日本", "japan"), "Asia/Tokyo"),
    **dict.fromkeys(("首尔", "韩国"), "Asia/Seoul"),
    "新加坡": "Asia/Singapore",
    "曼谷": "Asia/Bangkok",
    "雅加达": "Asia/Jakarta",
    **dict.fromkeys(("印度", "孟买", "新德里", "india", "mumbai", "delhi"), "Asia/Kolkata"),
    "迪拜": "Asia/Dubai",
    "莫斯科": "Europe/Moscow",
    **dict.fromkeys(("柏林", "德国", "germany"), "Europe/Berlin"),
    **dict.fromkeys(("巴黎", "法国"), "Europe/Paris"),
    **dict.fromkeys(("伦敦", "英国"), "Europe/London"),
    "圣保罗": "America/Sao_Paulo",
    "纽约": "America/New_York",
    "芝加哥": "America/Chicago",
    **dict.fromkeys(("洛杉矶", "旧金山", "西雅图", "san-francisco", "seattle"), "America/Los_Angeles"),
    "悉尼": "Australia/Sydney",
    "utc": "UTC",
    "gmt": "UTC",
}
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*([0-9]{1,2})(?::?00)?")


def _language(_: str, word: str) -> str | None:
    return _LANGUAGES.get(word)


def _quiet(text: str, word: str) -> str | None:
    """22:00-08:00, 22-8, 10pm to 8am, 晚上十点到早上八点."""
    if word in _OFF:
        return NEVER
    begins = _first_time(plain_width(text).strip())
    if begins is None:
        return None
    start, rest = begins
    between = _TO.match(rest)
    end = _hour(rest[between.end() :]) if between else None
    return f"{_clock(start)}-{_clock(end)}" if end is not None and _clock(start) != _clock(end) else None


def _first_time(text: str) -> tuple[timedelta, str] | None:
    """The time with which a span begins; an hour may stand alone."""
    if alone := re.match(r"([0-9]{1,2})(?=\s*(?:-|–|—|~|～|to|till|until|到|至))", text, re.IGNORECASE):
        return (hour, text[alone.end() :]) if (hour := _hour(alone[1])) is not None else None
    try:
        return take_clock(text)
    except NoSuchTime:
        return None


def _hour(text: str) -> timedelta | None:
    alone = _HOUR_ALONE.match(text.strip())
    return read_clock(f"{text.strip()}:00" if alone else text)


def _clock(at: timedelta) -> str:
    minutes = int(at.total_seconds()) // 60 % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _days(_: str, word: str) -> str | None:
    """12345, 1-5, Mon-Fri, weekdays, 周一到周六, 周一三五; in the order of the week."""
    if word in _EVERY_DAY:
        return "1234567"
    if word in _WEEKDAYS:
        return "12345"
    compact = re.sub(r"周|星期|礼拜|[\s,、，;+&]|and|和", "", word)
    compact = re.sub(r"to|through|到|至|~", "-", compact)
    numbered = _DAY_WORD.sub(lambda found: _DAY_WORDS[found[0]], compact)
    if not _DAYS.fullmatch(numbered):
        return None
    spans = {day for first, last in _RANGE.findall(numbered) for day in _span(int(first), int(last))}
    return "".join(sorted(spans | set(numbered) - {"-"}))


def _span(first: int, last: int) -> set[str]:
    """From day to day, over the weekend where the last comes before the first."""
    length = (last - first) % 7
    return {str((first - 1 + step) % 7 + 1) for step in range(length + 1)}


def _zone(text: str, word: str) -> str | None:
    """A name of the zone database, its city, a city that we know, or UTC+8."""
    known = _CITIES.get(word) or _zones().get(re.sub(r"[\s_]+", "-", word))
    if known is not None:
        return known
    offset = _OFFSET.fullmatch(word)
    if offset is None:
        return None
    hours = int(offset[2])
    if hours == 0:
        return "UTC"
    west = "-" if offset[1] == "+" else "+"  # the names of POSIX have the opposite sign
    return _zones().get(f"etc/gmt{west}{hours}")


@cache
def _zones() -> dict[str, str]:
    """Every zone by its folded name and, where only one has it, by its city."""
    names = sorted(name for name in available_timezones() if not name.startswith(("posix/", "right/", "localtime")))
    cities: dict[str, list[str]] = {}
    for name in names:
        area, _, city = name.rpartition("/")
        if area and not area.startswith("Etc"):
            cities.setdefault(folded(city), []).append(name)
    alone = {city: found[0] for city, found in cities.items() if len(found) == 1}
    return alone | {folded(name): name for name in names}


def _digest(text: str, word: str) -> str | None:
    if word in _OFF:
        return NEVER
    at = read_clock(text)
    return None if at is None else _clock(at)


_READERS: dict[Preference, Callable[[str, str], str | None]] = {
    Preference.LANGUAGE: _language,
    Preference.QUIET: _quiet,
    Preference.DAYS: _days,
    Preference.ZONE: _zone,
    Preference.DIGEST: _digest,
}
