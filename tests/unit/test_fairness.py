"""Agents take turns in the journal's queue, and a full queue turns away whoever fills it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.journal.fairness import FairQueue


def _filled(capacity: int = 10_000, **lanes: int) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue(capacity)
    for owner, count in lanes.items():
        for number in range(count):
            assert queue.put(owner, f"{owner}{number}") is None
    return queue


def _taken(queue: FairQueue[str], count: int) -> list[str]:
    return [queue.take()[1] for _ in range(count)]


def test_one_among_thousands_is_in_the_very_next_batch() -> None:
    queue = _filled(noisy=5_000, quiet=1)
    assert "quiet0" in _taken(queue, 500)
    assert _taken(queue, 2) == ["noisy499", "noisy500"]


def test_turns_go_round_and_each_lane_keeps_its_order() -> None:
    queue = _filled(a=3, b=1, c=2)
    assert _taken(queue, 6) == ["a0", "b0", "c0", "a1", "c1", "a2"]
    assert len(queue) == 0
    with pytest.raises(IndexError):
        queue.take()


def test_a_newcomer_waits_for_one_item_of_each_other_at_most() -> None:
    queue = _filled(a=50, b=50)
    _taken(queue, 7)
    queue.put("c", "c0")
    assert "c0" in _taken(queue, 3)


def test_whoever_fills_the_queue_gives_way() -> None:
    queue = _filled(capacity=100, noisy=100)
    assert queue.put("noisy", "too much") == "too much"
    assert queue.put("quiet", "quiet0") == "noisy99"
    assert (queue.held("noisy"), queue.held("quiet"), len(queue)) == (99, 1, 100)
    assert "quiet0" in _taken(queue, 2)


def test_each_of_several_is_sure_of_its_share() -> None:
    queue = _filled(capacity=90, a=90)
    for owner in ("b", "c"):
        for number in range(30):
            assert (queue.put(owner, f"{owner}{number}") or "").startswith("a")
    assert [queue.held(owner) for owner in "abc"] == [30, 30, 30]
    assert queue.put("b", "b30") == "b30"


def test_what_is_put_back_comes_first_of_its_owner() -> None:
    queue = _filled(a=2, b=1)
    owner, item = queue.take()
    queue.put_back(owner, item)
    assert _taken(queue, 3) == ["b0", "a0", "a1"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=200), st.integers(1, 20))
def test_nothing_is_lost_doubled_or_out_of_order(moves: list[tuple[str, bool]], capacity: int) -> None:
    """Each move puts an item of one owner in, or takes the next one out."""
    queue: FairQueue[tuple[str, int]] = FairQueue(capacity)
    inside: set[tuple[str, int]] = set()
    last = dict.fromkeys("abcd", -1)
    for number, (owner, put) in enumerate(moves):
        if put:
            inside.add((owner, number))
            if (displaced := queue.put(owner, (owner, number))) is not None:
                inside.remove(displaced)
        elif inside:
            took, item = queue.take()
            assert took == item[0]
            assert item[1] > last[item[0]]
            last[item[0]] = item[1]
            inside.remove(item)
        assert len(queue) == len(inside) <= capacity
        assert sum(queue.held(one) for one in "abcd") == len(inside)
