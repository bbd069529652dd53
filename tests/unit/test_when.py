"""When somebody comes back, as people write it: both languages, the person's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.clock import read_clock
from bot.commands.when import NotWhen, When, WhenFault, read_when

CHINA, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)  # a Wednesday, 10:30 in China

# written → the local time in China that it means
UNTIL = [
    ("7d", "2026-11-25 10:30"),
    ("7天", "2026-11-25 10:30"),
    ("七天后", "2026-11-25 10:30"),
    ("in 3 days", "2026-11-21 10:30"),
    ("for two", None),
    ("for 2 weeks", "2026-12-02 10:30"),
    ("两周", "2026-12-02 10:30"),
    ("3个星期", "2026-12-09 10:30"),
    ("36h", "2026-11-19 22:30"),
    ("1d12h", "2026-11-19 22:30"),
    ("1 day and 2 hours", "2026-11-19 12:30"),
    ("90分钟", "2026-11-18 12:00"),
    ("2小时后", "2026-11-18 12:30"),
    ("an hour", "2026-11-18 11:30"),
    ("half an hour", "2026-11-18 11:00"),
    ("a week", "2026-11-25 10:30"),
    ("一个月", "2026-12-18 10:30"),
    ("2 months", "2027-01-18 10:30"),
    ("today", "2026-11-19 00:00"),
    ("今天", "2026-11-19 00:00"),
    ("今天18:00", "2026-11-18 18:00"),
    ("今天 下午三点", "2026-11-18 15:00"),
    ("今晚", "2026-11-18 20:00"),
    ("tonight", "2026-11-18 20:00"),
    ("tonight 9pm", "2026-11-18 21:00"),
    ("Tonight at 8", "2026-11-18 20:00"),
    ("tomorrow evening at 7", "2026-11-19 19:00"),
    ("tomorrow morning 8:30", "2026-11-19 08:30"),
    ("今晚8点半", "2026-11-18 20:30"),
    ("今晚12点", "2026-11-19 00:00"),
    ("明天", "2026-11-19 09:00"),
    ("明天 9:00", "2026-11-19 09:00"),
    ("明天９：３０", "2026-11-19 09:30"),
    ("明早", "2026-11-19 09:00"),
    ("明早8点", "2026-11-19 08:00"),
    ("明天上午十点半", "2026-11-19 10:30"),
    ("明天下午", "2026-11-19 14:00"),
    ("明天中午", "2026-11-19 12:00"),
    ("明天中午一点", "2026-11-19 13:00"),
    ("明天凌晨12点", "2026-11-19 00:00"),
    ("到明天 24:00", "2026-11-20 00:00"),
    ("until tomorrow", "2026-11-19 09:00"),
    ("tomorrow at 9", "2026-11-19 09:00"),
    ("tomorrow 9am", "2026-11-19 09:00"),
    ("tomorrow noon", "2026-11-19 12:00"),
    ("tomorrow in the afternoon", "2026-11-19 14:00"),
    ("tomorrow, 5:15 p.m.", "2026-11-19 17:15"),
    ("9am tomorrow", "2026-11-19 09:00"),
    ("12am tomorrow", "2026-11-19 00:00"),
    ("后天", "2026-11-20 09:00"),
    ("大后天 8点", "2026-11-21 08:00"),
    ("the day after tomorrow", "2026-11-20 09:00"),
    ("18:00", "2026-11-18 18:00"),
    ("9点", "2026-11-19 09:00"),
    ("6pm", "2026-11-18 18:00"),
    ("at 8", "2026-11-19 08:00"),
    ("Friday", "2026-11-20 09:00"),
    ("until fri 18:00", "2026-11-20 18:00"),
    ("Wednesday", "2026-11-25 09:00"),  # today is one
    ("Wednesday 18:00", "2026-11-18 18:00"),
    ("Wednesday 9:00", "2026-11-25 09:00"),
    ("next Friday", "2026-11-27 09:00"),
    ("this Friday 5pm", "2026-11-20 17:00"),
    ("10:00 on Monday", "2026-11-23 10:00"),
    ("周五", "2026-11-20 09:00"),
    ("本周五下午五点", "2026-11-20 17:00"),
    ("下周一", "2026-11-23 09:00"),
    ("下周3", "2026-11-25 09:00"),
    ("下个星期天", "2026-11-29 09:00"),
    ("下下周一", "2026-11-30 09:00"),
    ("礼拜一早上八点", "2026-11-23 08:00"),
    ("下周", "2026-11-23 09:00"),
    ("next week", "2026-11-23 09:00"),
    ("下个月", "2026-12-01 09:00"),
    ("next month", "2026-12-01 09:00"),
    ("月底", "2026-11-30 09:00"),
    ("2026-12-01", "2026-12-01 09:00"),
    ("2026-12-01 18:30", "2026-12-01 18:30"),
    ("2026-12-01T18:30", "2026-12-01 18:30"),
    ("2026/12/1", "2026-12-01 09:00"),
    ("2026.12.1", "2026-12-01 09:00"),
    ("2026-11-18", "2026-11-19 00:00"),  # today
    ("12/1", "2026-12-01 09:00"),
    ("12-01 8:00", "2026-12-01 08:00"),
    ("12月1日", "2026-12-01 09:00"),
    ("12月1号 14:00", "2026-12-01 14:00"),
    ("十二月一日", "2026-12-01 09:00"),
    ("二〇二六年十二月二十一日", "2026-12-21 09:00"),
    ("1月3日", "2027-01-03 09:00"),
    ("25号", "2026-11-25 09:00"),
    ("3日", "2026-12-03 09:00"),
    ("二十号", "2026-11-20 09:00"),
    ("Dec 1", "2026-12-01 09:00"),
    ("December 1st, 2026 9:00", "2026-12-01 09:00"),
    ("1 Dec", "2026-12-01 09:00"),
    ("3rd of January 8am", "2027-01-03 08:00"),
    ("Nov 18", "2026-11-19 00:00"),  # today
    ("截至 11月20日", "2026-11-20 09:00"),
]


@pytest.mark.parametrize(("written", "local"), UNTIL)
def test_the_moment_is_the_persons_own(written: str, local: str | None) -> None:
    found = read_when(written, NOW, CHINA)
    if local is None:
        assert isinstance(found, NotWhen)
        return
    assert isinstance(found, When), found
    assert (f"{found.at.astimezone(CHINA):%Y-%m-%d %H:%M}", found.rest) == (local, "")
    assert found.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "local", "who"),
    [
        ("明天 9:00 交给 李雷", "2026-11-19 09:00", "李雷"),
        ("明天王五", "2026-11-19 09:00", "王五"),
        ("下周一，由三毛", "2026-11-23 09:00", "三毛"),
        ("到周五 18:00 ou_abc", "2026-11-20 18:00", "ou_abc"),
        ("7d li@example.com", "2026-11-25 10:30", "li@example.com"),
        ("三天 张三", "2026-11-21 10:30", "张三"),
        ("3 days Marian Sun", "2026-11-21 10:30", "Marian Sun"),
        ("next Friday 6pm to li@example.com", "2026-11-27 18:00", "li@example.com"),
        ('Friday with "Wang Min"', "2026-11-20 09:00", "Wang Min"),
        ("tomorrow Tom", "2026-11-19 09:00", "Tom"),
        ("2026-12-01 “王 敏”", "2026-12-01 09:00", "王 敏"),
        ("Dec 1 9:00, delegate to ou_1", "2026-12-01 09:00", "ou_1"),
    ],
)
def test_what_follows_is_who_stands_in(written: str, local: str, who: str) -> None:
    found = read_when(written, NOW, CHINA)
    assert isinstance(found, When), found
    assert (f"{found.at.astimezone(CHINA):%Y-%m-%d %H:%M}", found.rest) == (local, who)


@pytest.mark.parametrize(
    ("written", "fault", "given"),
    [
        ("", WhenFault.UNREADABLE, ""),
        ("soon", WhenFault.UNREADABLE, "soon"),
        ("李雷 明天", WhenFault.UNREADABLE, "李雷 明天"),
        ("x" * 99, WhenFault.UNREADABLE, "x" * 40),
        ("5", WhenFault.UNREADABLE, "5"),
        ("9:00x", WhenFault.UNREADABLE, "9:00x"),
        ("12月", WhenFault.UNREADABLE, "12月"),
        ("明天 25:00", WhenFault.NO_SUCH_TIME, "25:00"),
        ("tomorrow 9:75", WhenFault.NO_SUCH_TIME, "9:75"),
        ("13pm", WhenFault.NO_SUCH_TIME, "13pm"),
        ("2026-02-30", WhenFault.NO_SUCH_TIME, "2026-02-30"),
        ("13月1日", WhenFault.NO_SUCH_TIME, "13月1日"),
        ("Feb 30", WhenFault.NO_SUCH_TIME, "Feb 30"),
        ("9999-12-31", WhenFault.NO_SUCH_TIME, "9999-12-31"),
        ("9999个月", WhenFault.NO_SUCH_TIME, "9999"),
        ("2026-11-17", WhenFault.PAST, "2026-11-17"),
        ("today 9:00", WhenFault.PAST, "today 9:00"),
        ("本周一", WhenFault.PAST, "本周一"),
    ],
)
def test_what_is_no_moment_to_come_is_named(written: str, fault: WhenFault, given: str) -> None:
    found = read_when(written, NOW, CHINA)
    assert isinstance(found, NotWhen), found
    assert (found.fault, found.given) == (fault, given)


def test_the_day_is_the_one_it_is_where_the_person_is() -> None:
    late = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)  # Thursday 07:00 in China, Wednesday 18:00 in New York
    china, york = read_when("tomorrow", late, CHINA), read_when("明天", late, NEW_YORK)
    assert isinstance(china, When) and isinstance(york, When)
    assert f"{china.at.astimezone(CHINA):%a %H:%M}" == "Fri 09:00"
    assert f"{york.at.astimezone(NEW_YORK):%a %H:%M}" == "Thu 09:00"


def test_a_time_that_a_change_of_the_clocks_skips_is_later_by_the_gap() -> None:
    found = read_when("2027-03-28 02:30", NOW, BERLIN)
    assert found == When(datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "")
    twice = read_when("2027-10-31 02:30", NOW, BERLIN)  # the first of the two
    assert twice == When(datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "")


@pytest.mark.parametrize(
    ("written", "clock"),
    [
        ("18:00", "18:00"),
        ("6pm", "18:00"),
        ("下午6点", "18:00"),
        ("８：３０", "8:30"),
        ("noon", "12:00"),
        ("24:00", "24:00"),
    ],
)
def test_a_time_of_day_alone(written: str, clock: str) -> None:
    hours, minutes = clock.split(":")
    assert read_clock(written) == timedelta(hours=int(hours), minutes=int(minutes))


@pytest.mark.parametrize("written", ["", "x", "25:00", "18:00 x", "tomorrow", "6", "1800"])
def test_what_is_no_time_of_day(written: str) -> None:
    assert read_clock(written) is None


phrases = st.sampled_from([written for written, _ in UNTIL])
anything = st.text(st.characters(), max_size=30) | phrases | st.tuples(phrases, st.text(max_size=9)).map(" ".join)


@given(anything, st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)), st.sampled_from([CHINA, BERLIN, NEW_YORK]))
def test_whatever_is_typed_is_a_moment_to_come_or_named(written: str, now: datetime, zone: ZoneInfo) -> None:
    at = now.replace(tzinfo=UTC)
    found = read_when(written, at, zone)
    if isinstance(found, When):
        assert found.at > at
        assert found.rest in written.replace("\u3000", " ") or not written.isascii()
    else:
        assert len(found.given) <= 40
