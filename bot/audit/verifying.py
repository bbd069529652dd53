"""Proving that nothing in the audit was changed, and taking it out of the database.

What no verification inside the database can see: somebody who rewrites a whole chain and its head. An export kept
elsewhere shows it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.connection import get_connection

from bot.audit.chain import Head, SealedEntry, instant
from models.tables import AuditWriter

PAGE = 2_000

_COLUMNS = "id, writer, seq, prev, hash, at, tenant, actor, action, subject, agent_id, approval_id, details"

Progress = Callable[[int], None]
"""Called with the number of entries done so far, once per page."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Every entry is as it was written, and none is missing."""

    entries: int
    writers: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not as it was written. `entry_id` is None where an entry is missing."""

    writer: str
    seq: int
    entry_id: int | None
    why: str


class _Unreadable(ValueError):
    """A stored value that Assent never writes."""


async def verify(*, progress: Progress | None = None, page: int = PAGE) -> Verified | Broken:
    """Recomputes every chain up to the head it had when this began; checks may go on meanwhile."""
    writers = await AuditWriter.all().order_by("id")
    done = 0
    for writer in writers:
        head = Head(writer.id)
        async for rows in _pages(writer.id, writer.seq, page):
            for row in rows:
                found = _follow(head, row)
                if isinstance(found, Broken):
                    return found
                head = found
            done += len(rows)
            if progress:
                progress(done)
        if head.seq != writer.seq:
            return Broken(writer.id, head.seq + 1, None, "the entry is missing")
        if head.hash != writer.head:
            return Broken(writer.id, head.seq, None, "the head of the chain was changed")
        if beyond := await _beyond_the_head(writer.id):
            return beyond
    stranger = await _stranger({writer.id for writer in writers})
    return stranger or Verified(done, len(writers))


def _follow(head: Head, row: dict[str, Any]) -> Head | Broken:
    """The head after `row`, which must be the entry that follows `head`."""
    expected = head.seq + 1
    if row["seq"] != expected:
        return Broken(head.writer, expected, None, "the entry is missing")
    try:
        entry = _entry(row)
        changed = entry.expected_hash() != entry.hash
    except (_Unreadable, UnicodeEncodeError):
        changed = True
    if changed:
        return Broken(head.writer, expected, row["id"], "the entry was changed")
    if entry.prev != head.hash:
        return Broken(head.writer, expected, row["id"], "the entry does not follow the one before it")
    return Head(head.writer, expected, entry.hash)


async def export(write: Callable[[str], object], *, progress: Progress | None = None, page: int = PAGE) -> int:
    """Writes one JSON line per entry and a last one with the heads of all chains; returns the number of entries.

    The heads are read first: whoever verifies the file finds at least the entries up to them.
    """
    heads = [asdict(Head(writer.id, writer.seq, writer.head)) for writer in await AuditWriter.all().order_by("id")]
    done = 0
    for head in heads:
        async for rows in _pages(head["writer"], head["seq"], page):
            for row in rows:
                entry = asdict(_entry(row))
                entry["at"] = instant(entry["at"])
                write(json.dumps(entry | {"id": row["id"]}, ensure_ascii=False, default=str) + "\n")
            done += len(rows)
            if progress:
                progress(done)
    write(json.dumps({"heads": heads}) + "\n")
    return done


def verify_export(lines: Iterable[str]) -> Verified | Broken:
    """The same proof over an export, without any database."""
    found: dict[str, Head] = {}
    for done, line in enumerate(lines):
        row = json.loads(line)
        if "heads" in row:
            return _ends_at(found, [Head(**head) for head in row["heads"]]) or Verified(done, len(row["heads"]))
        head = _follow(found.get(row["writer"], Head(row["writer"])), row)
        if isinstance(head, Broken):
            return head
        found[head.writer] = head
    return Broken("", 0, None, "the export ends before its last line")


def _ends_at(found: dict[str, Head], heads: list[Head]) -> Broken | None:
    for head in heads:
        last = found.pop(head.writer, Head(head.writer))
        if last.seq != head.seq:
            return Broken(head.writer, last.seq + 1, None, "the entry is missing")
        if last.hash != head.hash:
            return Broken(head.writer, head.seq, None, "the head of the chain was changed")
    return next((Broken(writer, 1, None, "no chain of this name is known") for writer in found), None)


def _entry(row: dict[str, Any]) -> SealedEntry:
    """The row as it was sealed. SQLite gives times and ids as text, PostgreSQL as values, an export as text."""
    try:
        at = row["at"] if isinstance(row["at"], datetime) else datetime.fromisoformat(row["at"])
        return SealedEntry(
            writer=row["writer"],
            seq=row["seq"],
            prev=row["prev"],
            hash=row["hash"],
            at=at,
            tenant=row["tenant"],
            actor=row["actor"],
            action=row["action"],
            subject=row["subject"],
            agent_id=_uuid(row["agent_id"]),
            approval_id=_uuid(row["approval_id"]),
            details=row["details"],
        )
    except (ValueError, TypeError) as fault:
        raise _Unreadable from fault


def _uuid(value: UUID | str | None) -> UUID | None:
    return value if value is None else UUID(str(value))


async def _pages(writer: str, last: int, page: int) -> AsyncIterator[list[dict[str, Any]]]:
    """One writer's entries up to `last` in order, a page at a time, so that memory stays the same for any number."""
    seq = 0
    while seq < last:
        rows = await _rows(
            f"SELECT {_COLUMNS} FROM audit_entries WHERE writer = $1 AND seq > $2 AND seq <= $3"  # noqa: S608
            f" ORDER BY seq LIMIT {int(page)}",
            [writer, seq, last],
        )
        if not rows:
            return
        yield rows
        seq = rows[-1]["seq"]


async def _beyond_the_head(writer: str) -> Broken | None:
    """An entry outside the chain: numbered past its head (in one statement, so none is merely newer) or below one."""
    rows = await _rows(
        "SELECT e.id, e.seq FROM audit_entries e JOIN audit_writers w ON w.id = e.writer"
        " WHERE e.writer = $1 AND (e.seq > w.seq OR e.seq < 1) ORDER BY e.seq LIMIT 1",
        [writer],
    )
    return Broken(writer, rows[0]["seq"], rows[0]["id"], "the entry was inserted") if rows else None


async def _stranger(known: set[str]) -> Broken | None:
    """An entry of a writer that has no chain. Steps through the index from writer to writer."""
    last = ""
    while True:
        [row] = await _rows("SELECT min(writer) AS writer FROM audit_entries WHERE writer > $1", [last])
        last = row["writer"]
        if last is None:
            return None
        if last not in known and not await AuditWriter.exists(id=last):
            [first] = await _rows("SELECT min(seq) AS seq, min(id) AS id FROM audit_entries WHERE writer = $1", [last])
            return Broken(last, first["seq"], first["id"], "no chain of this name is known")


async def _rows(sql: str, values: list[Any]) -> list[dict[str, Any]]:
    return await get_connection("default").execute_query_dict(sql, values)
