"""The audit's hash chain: facts become sealed entries, each bound to the one before it. Pure; no database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from models.values import JsonObject

GENESIS = "0" * 64

# For objects whose keys are ASCII and whose values are strings, null or small integers this encoder writes the
# RFC 8785 form byte for byte (a test compares it with the rfc8785 package), at a tenth of the cost.
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class UnrecordableFact(ValueError):
    """A fact that no database can keep: a lone surrogate, a NUL, a value that is not JSON, a name that is too long."""


@dataclass(frozen=True, slots=True)
class AuditFact:
    """Something that happened: who did what to what. `actor` is "agent:<id>", "user:<id>", "system", "cli:<login>"."""

    tenant: str
    actor: str
    action: str
    subject: str
    details: JsonObject = field(default_factory=dict)
    agent_id: UUID | None = None
    approval_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where one writer's chain ends."""

    writer: str
    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """One row of the audit, named like the columns of `audit_entries`."""

    writer: str
    seq: int
    prev: str
    hash: str
    at: datetime
    tenant: str
    actor: str
    action: str
    subject: str
    agent_id: UUID | None
    approval_id: UUID | None
    details: str

    def expected_hash(self) -> str:
        """SHA-256 over the RFC 8785 form of everything but the hash itself."""
        return entry_hash(
            self.writer,
            self.seq,
            self.prev,
            self.at,
            self.tenant,
            self.actor,
            self.action,
            self.subject,
            self.agent_id,
            self.approval_id,
            self.details,
        )


def entry_hash(
    writer: str,
    seq: int,
    prev: str,
    at: datetime,
    tenant: str,
    actor: str,
    action: str,
    subject: str,
    agent_id: UUID | None,
    approval_id: UUID | None,
    details: str,
) -> str:
    """The hash of one entry. The keys and their spelling are the format: a change breaks every audit that exists."""
    text = _canonical(
        {
            "action": action,
            "actor": actor,
            "agent_id": None if agent_id is None else str(agent_id),
            "approval_id": None if approval_id is None else str(approval_id),
            "at": instant(at),
            "details": details,
            "prev": prev,
            "seq": seq,
            "subject": subject,
            "tenant": tenant,
            "writer": writer,
        }
    )
    return hashlib.sha256(text.encode()).hexdigest()


def instant(at: datetime) -> str:
    """UTC with six digits of the second, always: 2026-11-22T16:33:00.000000+00:00."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# The widths of the audit's columns; SQLite does not keep them by itself.
_WIDTHS = (("tenant", 64), ("actor", 120), ("action", 60), ("subject", 120))


def details_text(fact: AuditFact) -> str:
    """The exact JSON text that is hashed and stored. Raises UnrecordableFact for a fact that cannot be kept."""
    try:
        text = _canonical(fact.details)
        text.encode()
        for name, width in _WIDTHS:
            value: str = getattr(fact, name)
            value.encode()
            if len(value) > width or "\x00" in value:
                raise UnrecordableFact(f"{name} is longer than {width} characters or holds NUL")
    except UnrecordableFact:
        raise
    except (ValueError, TypeError, RecursionError) as fault:
        raise UnrecordableFact(f"not storable: {type(fault).__name__}") from None
    return text


def seal(head: Head, at: datetime, facts: Iterable[tuple[AuditFact, str]]) -> tuple[Head, list[SealedEntry]]:
    """The facts (each with its `details_text`) as entries that follow `head`, and where the chain then ends."""
    writer, seq, prev = head.writer, head.seq, head.hash
    entries = []
    for fact, details in facts:
        seq += 1
        digest = entry_hash(
            writer,
            seq,
            prev,
            at,
            fact.tenant,
            fact.actor,
            fact.action,
            fact.subject,
            fact.agent_id,
            fact.approval_id,
            details,
        )
        entries.append(
            SealedEntry(
                writer,
                seq,
                prev,
                digest,
                at,
                fact.tenant,
                fact.actor,
                fact.action,
                fact.subject,
                fact.agent_id,
                fact.approval_id,
                details,
            )
        )
        prev = digest
    return Head(writer, seq, prev), entries
