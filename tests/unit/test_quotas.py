"""Checks a minute for each agent, in this process; and the limits that an agent has of its own."""

from __future__ import annotations

from dataclasses import replace

from bot import quotas
from bot.quotas import Quotas, TooManyChecks, TooManyPending
from models.ids import new_id
from models.values import AgentFacts

AGENT = AgentFacts(new_id(), "acme", "Bookkeeper", new_id(), None, has_executor=False, paused=False)


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_then_evenly() -> None:
    clock = Seconds()
    limited = Quotas(checks_per_minute=60, monotonic=clock)
    assert [limited.take(AGENT) for _ in range(60)] == [None] * 60
    assert limited.take(AGENT) == 1.0
    clock.now += 0.5
    assert limited.take(AGENT) == 0.5
    clock.now += 0.5
    assert limited.take(AGENT) is None
    assert limited.take(AGENT) == 1.0


def test_in_any_minute_after_the_burst_no_more_than_the_limit() -> None:
    clock = Seconds()
    limited = Quotas(checks_per_minute=30, monotonic=clock)
    for _ in range(30):
        limited.take(AGENT)
    passed = 0
    for _ in range(600):
        clock.now += 0.1
        passed += limited.take(AGENT) is None
    assert 29 <= passed <= 30


def test_a_refused_check_costs_nothing_and_waiting_as_told_is_enough() -> None:
    clock = Seconds()
    limited = Quotas(checks_per_minute=7, monotonic=clock)
    for _ in range(7):
        limited.take(AGENT)
    waits = [limited.take(AGENT) or 0.0 for _ in range(50)]
    assert min(waits) == max(waits) > 0
    clock.now += waits[0] + 1e-6
    assert limited.take(AGENT) is None


def test_one_agent_never_uses_up_anothers() -> None:
    limited = Quotas(checks_per_minute=5, monotonic=Seconds())
    other = replace(AGENT, id=new_id())
    for _ in range(100):
        limited.take(AGENT)
    assert limited.take(other) is None


def test_an_agents_own_limits_come_first_and_count_at_once() -> None:
    limited = Quotas(checks_per_minute=600, max_pending=100, monotonic=Seconds())
    slow = replace(AGENT, checks_per_minute=2, max_pending=1)
    assert limited.take(AGENT) is None
    assert [limited.take(slow) is None for _ in range(3)] == [True, True, False]
    assert (limited.max_pending(AGENT), limited.max_pending(slow)) == (100, 1)
    assert limited.take(replace(AGENT, checks_per_minute=0)) == 60.0


def test_agents_that_are_quiet_are_forgotten_and_the_busy_are_not() -> None:
    clock = Seconds()
    limited = Quotas(checks_per_minute=1, monotonic=clock)
    for _ in range(quotas.REMEMBERED - 1):
        limited.take(replace(AGENT, id=new_id()))
    clock.now += 30
    assert limited.take(AGENT) is None
    clock.now += 30
    limited.take(replace(AGENT, id=new_id()))
    assert len(limited._buckets) == 2
    assert limited.take(AGENT) is not None


def test_the_faults_say_the_limit_and_when_to_come_back() -> None:
    checks, pending = TooManyChecks(600, 0.1), TooManyPending(100)
    assert (checks.limit, checks.retry_after) == (600, 0.1)
    assert (pending.limit, pending.retry_after > 0) == (100, True)
