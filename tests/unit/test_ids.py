"""Ids are UUIDv7 and never go backwards."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from models.ids import new_id


def test_ids_are_version_7_and_strictly_increasing() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert all(earlier < later for earlier, later in pairwise(ids))


def test_ids_carry_the_time() -> None:
    assert abs((new_id().int >> 80) - time.time_ns() // 1_000_000) < 60_000


def test_ids_do_not_go_backwards_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert new_id() > before
