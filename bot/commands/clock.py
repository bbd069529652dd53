"""Times of day as people write them, in both languages: 18:00, 6pm, 下午三点半, noon. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.commands.words import visible

NUMBER = "(?:[0-9]{1,4}|[一二两三四五六七八九]?十[一二三四五六七八九]?|[零〇一二两三四五六七八九]{1,4})"
"""A number in a pattern, in digits or in Chinese."""

_DIGITS = {char: str(value) for value, char in enumerate("零一二三四五六七八九")} | {"〇": "0", "两": "2"}
_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}

_MORNING, _NOON, _LATE = "凌晨|清晨|早上|早晨|上午|早", "中午|正午", "午后|下午|傍晚|晚上|夜里|晚"
_AM, _PM = r"a\.?m\b\.?", r"p\.?m\b\.?"
_CLOCK = re.compile(
    rf"(?P<period>{_MORNING}|{_NOON}|{_LATE})?\s*"
    rf"(?:(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::00)?(?![0-9:])"
    rf"|(?P<zh>{NUMBER})[点點时](?:钟|整|(?P<part>半|一刻|三刻)|(?P<min>{NUMBER})分?)?"
    rf"|(?P<bare>[0-9]{{1,2}})(?=\s*(?:{_AM}|{_PM})))"
    rf"\s*(?:(?P<am>{_AM})|(?P<pm>{_PM}))?",
    re.IGNORECASE,
)
_AT_HOUR = re.compile(r"at\s+(?P<hour>[0-9]{1,2})(?![0-9:/.-])", re.IGNORECASE)
_ALONE = re.compile(
    rf"(?P<zh>{_MORNING}|{_NOON}|{_LATE}|午夜)|(?:in\s+the\s+|at\s+)?(?P<en>morning|afternoon|evening|night|noon|midnight)\b",
    re.IGNORECASE,
)
_HOUR_OF = {
    **dict.fromkeys(("凌晨", "清晨"), 6),
    **dict.fromkeys(("早上", "早晨", "上午", "早", "morning"), 9),
    **dict.fromkeys(("中午", "正午", "noon"), 12),
    **dict.fromkeys(("午后", "下午", "afternoon"), 14),
    **dict.fromkeys(("傍晚", "evening"), 18),
    **dict.fromkeys(("晚上", "夜里", "晚", "night"), 20),
    **dict.fromkeys(("午夜", "midnight"), 24),
}
_PARTS_OF_THE_DAY = ("morning", "afternoon", "evening", "night")
_PARTS = {"半": 30, "一刻": 15, "三刻": 45}


class NoSuchTime(ValueError):
    """It is written like a time of day, but there is none such: 25:00."""


def plain_width(text: str) -> str:
    """The same characters at the same places, full-width ones of ASCII at half width; nothing invisible."""
    return visible(text).translate(_WIDE)


def number(written: str) -> int:
    """What NUMBER matched."""
    if written.isascii():
        return int(written)
    if "十" in written:
        tens, _, ones = written.partition("十")
        return 10 * int(_DIGITS.get(tens, "1")) + int(_DIGITS.get(ones, "0"))
    return int("".join(_DIGITS[char] for char in written))


def take_clock(text: str) -> tuple[timedelta, str] | None:
    """The time of day with which `text` begins, counted from midnight (up to 24 h), and what follows.

    None where it begins with something else; NoSuchTime where it is written like one. `text` is of plain width.
    """
    if found := _CLOCK.match(text):
        return _checked(found), text[found.end() :]
    if found := _AT_HOUR.match(text):
        return _whole(int(found["hour"]), 0, found[0]), text[found.end() :]
    if found := _ALONE.match(text):
        return _alone((found["zh"] or found["en"]).lower(), text[found.end() :])
    return None


def _alone(period: str, rest: str) -> tuple[timedelta, str]:
    """A part of the day, or a time in it that follows: tomorrow evening at 8."""
    usual = timedelta(hours=_HOUR_OF[period])
    exact = (
        take_clock(rest.lstrip(" ,")) if period in _PARTS_OF_THE_DAY and not _ALONE.match(rest.lstrip(" ,")) else None
    )
    if exact is None:
        return usual, rest
    clock, after = exact
    late = usual >= timedelta(hours=14) and clock < timedelta(hours=12)
    return clock + timedelta(hours=12) if late else clock, after


def read_clock(text: str) -> timedelta | None:
    """The time of day that the whole text names; None when it is no such thing."""
    try:
        taken = take_clock(plain_width(text).strip())
    except NoSuchTime:
        return None
    return taken[0] if taken and not taken[1].strip() else None


def _checked(found: re.Match[str]) -> timedelta:
    hour = number(found["hour"] or found["zh"] or found["bare"])
    minute = number(found["minute"] or found["min"] or "0") if not found["part"] else _PARTS[found["part"]]
    period = found["period"]
    if found["am"] or found["pm"]:
        if period or not 1 <= hour <= 12:
            raise NoSuchTime(found[0])
        hour = hour % 12 + (12 if found["pm"] else 0)
    elif period:
        hour = _in_period(hour, period)
    return _whole(hour, minute, found[0])


def _in_period(hour: int, period: str) -> int:
    """下午 3 is 15, 晚上 12 is 24, 凌晨 12 is 0, 中午 1 is 13."""
    if period in _NOON:
        return hour + 12 if hour in (1, 2) else hour
    if period in _LATE:
        return hour + 12 if hour < 12 or (hour == 12 and "午" not in period) else hour
    return 0 if hour == 12 and period == "凌晨" else hour


def _whole(hour: int, minute: int, written: str) -> timedelta:
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        raise NoSuchTime(written)
    return timedelta(hours=hour, minutes=minute)
