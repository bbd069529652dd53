"""Whoever tampers with the audit is found, with the first bad entry named."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from tortoise.connection import get_connection

from bot.audit.verifying import Broken, Verified, export, verify, verify_export
from bot.database import Database
from bot.journal.flushing import CheckRecord, Journal
from bot.ledger import Ledger
from bot.ports import SystemClock
from models.tables import AuditEntry, AuditWriter
from tests.support.facts import fact


@pytest.fixture
async def audit(database: Database) -> list[AuditEntry]:
    """Ten entries in one chain, and three in another."""
    ledger = Ledger(SystemClock(), chains=1)
    for number in range(10):
        async with ledger.transaction() as work:
            work.audit(fact(f"n{number}", reason="原因 \n\t\x01 \u2028 \x7f 𝄞"))
    journal = Journal(SystemClock())
    for number in range(3):
        await journal.record(CheckRecord(0, fact(f"check{number}")))
    await journal.close()
    return await AuditEntry.filter(subject__startswith="n").order_by("seq")


async def run(sql: str) -> None:
    await get_connection("default").execute_script(sql)


async def test_an_untouched_audit_is_verified_in_pages(audit: list[AuditEntry]) -> None:
    pages: list[int] = []
    assert await verify(page=4, progress=pages.append) == Verified(entries=13, writers=2)
    assert pages[-1] == 13
    assert len(pages) == 4


async def test_an_empty_audit_is_verified(database: Database) -> None:
    assert await verify() == Verified(0, 0)


@pytest.mark.parametrize(
    "change",
    [
        "details = details || ' '",
        "subject = 'nobody'",
        "actor = 'user:1'",
        "action = 'check.denied'",
        "tenant = 'other'",
        "agent_id = '00000000-0000-7000-8000-000000000001'",
        "approval_id = '00000000-0000-7000-8000-000000000001'",
        "at = '2026-01-01 00:00:00+00:00'",
        "hash = '0000000000000000000000000000000000000000000000000000000000000000'",
        "prev = '0000000000000000000000000000000000000000000000000000000000000000'",
    ],
)
async def test_a_changed_entry_is_named(audit: list[AuditEntry], change: str) -> None:
    bad = audit[4]
    await run(f"UPDATE audit_entries SET {change} WHERE id = {bad.id}")  # noqa: S608
    assert await verify(page=3) == Broken(bad.writer, 5, bad.id, "the entry was changed")


async def test_a_change_with_its_hash_recomputed_shows_at_the_next_entry(audit: list[AuditEntry]) -> None:
    from bot.audit.chain import entry_hash

    bad = audit[4]
    forged = entry_hash(
        bad.writer, bad.seq, bad.prev, bad.at, bad.tenant, bad.actor, bad.action, "nobody", None, None, bad.details
    )
    await AuditEntry.filter(id=bad.id).update(subject="nobody", hash=forged)
    assert await verify() == Broken(bad.writer, 6, audit[5].id, "the entry does not follow the one before it")


async def test_a_deleted_entry_is_named(audit: list[AuditEntry]) -> None:
    await AuditEntry.filter(id=audit[4].id).delete()
    assert await verify() == Broken(audit[4].writer, 5, None, "the entry is missing")


async def test_a_cut_tail_is_named(audit: list[AuditEntry]) -> None:
    await AuditEntry.filter(writer=audit[0].writer, seq__gt=7).delete()
    assert await verify() == Broken(audit[0].writer, 8, None, "the entry is missing")


async def test_a_cut_tail_with_the_head_set_back_shows_against_an_export(audit: list[AuditEntry]) -> None:
    lines: list[str] = []
    await export(lines.append)
    await AuditEntry.filter(writer=audit[0].writer, seq__gt=7).delete()
    await AuditWriter.filter(id=audit[0].writer).update(seq=7, head=audit[6].hash)
    assert await verify() == Verified(10, 2)
    kept = json.loads(lines[-1])["heads"]
    assert {"writer": audit[0].writer, "seq": 10, "hash": audit[9].hash} in kept


async def test_two_swapped_entries_are_named(audit: list[AuditEntry]) -> None:
    one, other = audit[3], audit[6]
    await AuditEntry.filter(id=one.id).update(seq=1000)
    await AuditEntry.filter(id=other.id).update(seq=one.seq)
    await AuditEntry.filter(id=one.id).update(seq=other.seq)
    assert await verify() == Broken(one.writer, 4, other.id, "the entry was changed")


async def test_an_inserted_entry_is_named(audit: list[AuditEntry]) -> None:
    last = audit[-1]
    extra = await AuditEntry.create(
        writer=last.writer, seq=11, prev=last.hash, hash="f" * 64, at=last.at, tenant="acme", actor="system",
        action="x", subject="x", details="{}",
    )  # fmt: skip
    assert await verify() == Broken(last.writer, 11, extra.id, "the entry was inserted")


async def test_an_entry_of_an_unknown_chain_is_named(audit: list[AuditEntry]) -> None:
    extra = await AuditEntry.create(
        writer="nobody", seq=1, prev="0" * 64, hash="f" * 64, at=audit[0].at, tenant="acme", actor="system",
        action="x", subject="x", details="{}",
    )  # fmt: skip
    assert await verify() == Broken("nobody", 1, extra.id, "no chain of this name is known")


async def test_a_changed_head_is_named(audit: list[AuditEntry]) -> None:
    await AuditWriter.filter(id=audit[0].writer).update(head="f" * 64)
    assert await verify() == Broken(audit[0].writer, 10, None, "the head of the chain was changed")


async def test_an_export_proves_itself(audit: list[AuditEntry]) -> None:
    lines: list[str] = []
    assert await export(lines.append, page=4) == 13
    assert verify_export(lines) == Verified(13, 2)
    first = json.loads(lines[0])
    assert first["details"] == audit[0].details
    assert first["at"].endswith("+00:00")


Tamper = Callable[[list[str]], list[str]]


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        (lambda lines: lines[:4] + lines[5:], 5),
        (lambda lines: [*lines[:4], lines[4].replace('"n4"', '"n5"'), *lines[5:]], 5),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4),
        (lambda lines: lines[:8] + lines[-1:], 9),
        (lambda lines: lines[:-1], 0),
    ],
)
async def test_a_changed_export_is_found(audit: list[AuditEntry], tamper: Tamper, seq: int) -> None:
    lines: list[str] = []
    await export(lines.append)
    broken = verify_export(tamper(lines))
    assert isinstance(broken, Broken)
    assert broken.seq == seq


async def test_verification_goes_on_while_checks_are_recorded(database: Database) -> None:
    journal = Journal(SystemClock())
    for number in range(50):
        await journal.record(CheckRecord(0, fact(f"n{number}")))

    async def again(_: int) -> None:
        await journal.record(CheckRecord(0, fact("meanwhile")))

    found = await _verify_with(again)
    assert found == Verified(50, 1)
    assert await AuditEntry.all().count() > 50
    await journal.close()


async def _verify_with(meanwhile: Callable[[int], Awaitable[None]]) -> Verified | Broken:
    import asyncio

    tasks: list[asyncio.Future[None]] = []
    found = await verify(page=10, progress=lambda n: tasks.append(asyncio.ensure_future(meanwhile(n))))
    await asyncio.gather(*tasks)
    return found
