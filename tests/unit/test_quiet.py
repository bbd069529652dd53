"""Quiet hours and working days, by each person's own clock, across midnight and changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.plans import Hours, Quiet, Usual, Wishes, hours_of
from config.quiet_hours import parse_days, parse_hours

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NIGHT = (time(22), time(8))
ALL, WEEK = frozenset(range(1, 8)), frozenset(range(1, 6))


def at(zone: ZoneInfo, *wall: int) -> datetime:
    return datetime(*wall, tzinfo=zone)


@pytest.mark.parametrize(
    ("hour", "minute", "allowed"),
    [(21, 59, True), (22, 0, False), (23, 59, False), (0, 0, False), (7, 59, False), (8, 0, True), (12, 0, True)],
)
def test_the_night_goes_over_midnight(hour: int, minute: int, allowed: bool) -> None:
    assert Hours(SHANGHAI, NIGHT, ALL).allows(at(SHANGHAI, 2026, 3, 4, hour, minute)) is allowed


def test_it_is_the_persons_clock_that_counts() -> None:
    noon_in_shanghai = at(SHANGHAI, 2026, 3, 4, 12)
    assert Hours(SHANGHAI, NIGHT, ALL).allows(noon_in_shanghai)
    assert not Hours(NEW_YORK, NIGHT, ALL).allows(noon_in_shanghai)


def test_what_falls_into_the_night_comes_in_the_morning() -> None:
    hours = Hours(SHANGHAI, NIGHT, ALL)
    assert hours.next_allowed(at(SHANGHAI, 2026, 3, 4, 23)) == at(SHANGHAI, 2026, 3, 5, 8)
    assert hours.next_allowed(at(SHANGHAI, 2026, 3, 5, 3)) == at(SHANGHAI, 2026, 3, 5, 8)
    noon = at(SHANGHAI, 2026, 3, 5, 12)
    assert hours.next_allowed(noon) is noon


def test_friday_night_waits_for_monday() -> None:
    hours = Hours(SHANGHAI, NIGHT, WEEK)
    assert hours.next_allowed(at(SHANGHAI, 2026, 3, 6, 22)) == at(SHANGHAI, 2026, 3, 9, 8)
    assert Hours(SHANGHAI, None, WEEK).next_allowed(at(SHANGHAI, 2026, 3, 7, 9)) == at(SHANGHAI, 2026, 3, 9)


def test_quiet_hours_within_a_day() -> None:
    siesta = Hours(SHANGHAI, (time(12), time(14)), ALL)
    assert siesta.next_allowed(at(SHANGHAI, 2026, 3, 4, 12, 30)) == at(SHANGHAI, 2026, 3, 4, 14)
    assert siesta.allows(at(SHANGHAI, 2026, 3, 4, 23))


def test_where_the_clock_leaps_over_the_end_of_quiet_it_ends_with_the_leap() -> None:
    hours = Hours(BERLIN, (time(22), time(2, 30)), ALL)  # 29 March: 02:00 becomes 03:00
    found = hours.next_allowed(at(BERLIN, 2026, 3, 29, 1))
    assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert found.astimezone(BERLIN).time() == time(3)


def test_an_hour_that_comes_twice_may_be_quiet_twice() -> None:
    hours = Hours(BERLIN, (time(22), time(2, 30)), ALL)  # 25 October: 03:00 becomes 02:00
    first, second = (datetime(2026, 10, 25, hour, 15, tzinfo=UTC) for hour in (0, 1))
    assert first.astimezone(BERLIN).time() == second.astimezone(BERLIN).time() == time(2, 15)
    assert hours.next_allowed(first) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert hours.next_allowed(second) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_the_persons_own_word_stands_over_the_plan_and_that_over_the_settings() -> None:
    usual = Usual(SHANGHAI, "22:00-08:00", "1234567")
    assert hours_of(Wishes(), Quiet(), usual) == Hours(SHANGHAI, NIGHT, ALL)
    plan = Quiet("20:00-09:00", "12345")
    assert hours_of(Wishes(), plan, usual) == Hours(SHANGHAI, (time(20), time(9)), WEEK)
    own = Wishes("Europe/Berlin", "never", "7")
    assert hours_of(own, plan, usual) == Hours(BERLIN, None, frozenset({7}))


def test_a_zone_that_the_tables_do_not_have_is_as_if_not_named() -> None:
    usual = Usual(SHANGHAI, "never", "1")
    assert hours_of(Wishes("Mars/Olympus"), Quiet(), usual).zone is SHANGHAI


def test_budgets_count_by_the_persons_own_day() -> None:
    late = datetime(2026, 3, 4, 17, tzinfo=UTC)
    assert Hours(SHANGHAI, None, ALL).day(late).day == 5
    assert Hours(NEW_YORK, None, ALL).day(late).day == 4


@pytest.mark.parametrize("text", ["22:00", "24:00-08:00", "22:00-8:00", "22:00-08:60", "22:00-22:00", "Never", ""])
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be hours"):
        parse_hours(text)


@pytest.mark.parametrize("text", ["", "0", "8", "11", "21", "1,2", "١"])
def test_days_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be the working days"):
        parse_days(text)


zones = st.sampled_from(
    ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu",
     "Africa/Casablanca", "Asia/Beirut", "Pacific/Apia", "UTC"]
).map(ZoneInfo)  # fmt: skip
walls = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
quiets = st.none() | st.tuples(walls, walls).filter(lambda pair: pair[0] != pair[1])
days = st.frozensets(st.integers(1, 7), min_size=1)
moments = st.integers(1_760_000_000, 1_830_000_000).map(lambda stamp: datetime.fromtimestamp(stamp, UTC))


@given(zones, quiets, days, moments)
@example(ZoneInfo("Asia/Beirut"), None, frozenset({7}), datetime(2026, 3, 28, 12, tzinfo=UTC))  # no midnight that day
@example(BERLIN, (time(1, 30), time(1, 45)), ALL, datetime(2026, 10, 25, 0, 35, tzinfo=UTC))
def test_the_next_moment_is_allowed_and_none_before_it_is(
    zone: ZoneInfo, quiet: tuple[time, time] | None, days: frozenset[int], moment: datetime
) -> None:
    hours = Hours(zone, quiet, days)
    found = hours.next_allowed(moment)
    assert hours.allows(found)
    assert moment <= found <= moment + timedelta(days=8)
    step = max((found - moment) / 400, timedelta(minutes=1))
    probe = moment
    while probe < found:
        assert not hours.allows(probe), (probe, found)
        probe += step
    if found > moment:
        assert not hours.allows(found - timedelta(seconds=1))
