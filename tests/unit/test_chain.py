"""Sealing facts."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.chain import GENESIS, AuditFact, Head, UnrecordableFact, details_text, entry_hash, seal

texts = st.text(st.characters(exclude_categories=["Cs"]))

AT = datetime(2026, 11, 22, 16, 33, tzinfo=UTC)


@given(texts, texts, texts, st.none() | st.uuids(), st.integers(1, 2**50), st.datetimes(timezones=st.just(UTC)))
def test_the_hash_is_sha256_over_the_rfc_8785_form(
    tenant: str, subject: str, details: str, agent_id: UUID | None, seq: int, at: datetime
) -> None:
    plain: dict[str, str | int | None] = {
        "writer": "w", "seq": seq, "prev": GENESIS, "at": at.isoformat(timespec="microseconds"), "tenant": tenant,
        "actor": "a", "action": "x", "subject": subject, "agent_id": None if agent_id is None else str(agent_id),
        "approval_id": None,
        "details": details,
    }  # fmt: skip
    expected = hashlib.sha256(rfc8785.dumps(dict(plain))).hexdigest()
    assert entry_hash("w", seq, GENESIS, at, tenant, "a", "x", subject, agent_id, None, details) == expected


def test_the_format_is_frozen() -> None:
    """Changing it would make every audit that exists read as broken."""
    fact = AuditFact("acme", "user:1", "approval.resolved", "approval:2", {"verdict": "approve", "原因": "好"})
    head, [entry] = seal(Head("w"), AT, [(fact, details_text(fact))])
    assert entry.details == '{"verdict":"approve","原因":"好"}'
    assert head == Head("w", 1, "60807747ad98ac01a91c3660a91dd8e303c173efe3b1eb0c2eb335f1a204e4a6")


def test_an_instant_has_one_spelling() -> None:
    east = AT.astimezone(timezone(timedelta(hours=8)))
    args = ("t", "a", "x", "s", None, None, "{}")
    assert entry_hash("w", 1, GENESIS, AT, *args) == entry_hash("w", 1, GENESIS, east, *args)


def test_entries_follow_each_other() -> None:
    fact = AuditFact("acme", "system", "x", "y")
    head, entries = seal(Head("w", 5, "e" * 64), AT, [(fact, "{}")] * 3)
    assert [entry.seq for entry in entries] == [6, 7, 8]
    assert entries[0].prev == "e" * 64
    assert [entry.prev for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert head == Head("w", 8, entries[-1].hash)
    assert all(entry.expected_hash() == entry.hash for entry in entries)


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists))
def test_details_are_kept_whole(value: object) -> None:
    assert json.loads(details_text(AuditFact("t", "a", "x", "s", {"value": value}))) == {"value": value}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "bad",
    [
        AuditFact("t" * 65, "a", "x", "s"),
        AuditFact("t", "a" * 121, "x", "s"),
        AuditFact("t", "a", "x" * 61, "s"),
        AuditFact("t", "a", "x", "s\x00"),
        AuditFact("t", "a", "x", "\ud800"),
        AuditFact("t", "a", "x", "s", {"\udfff": 1}),
        AuditFact("t", "a", "x", "s", {"v": float("inf")}),
    ],
)
def test_what_no_database_can_keep_is_refused(bad: AuditFact) -> None:
    with pytest.raises(UnrecordableFact):
        details_text(bad)
