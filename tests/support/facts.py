"""Facts and rows for tests of the storage, with only what the test cares about spelled out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.ledger import AuditFact
from models.enums import OutboxKind
from models.tables import IdempotentCheck, OutboxMessage
from models.values import JsonObject

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class SteppingClock:
    """A clock that a test moves, also backwards."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def step(self, by: timedelta) -> None:
        self.at += by


def fact(subject: str = "agent:1", **details: str | int) -> AuditFact:
    body: JsonObject = dict(details)
    return AuditFact(tenant="acme", actor="agent:1", action="check.allowed", subject=subject, details=body)


def text_message(payload: str = "{}", *, dedupe: str | None = None) -> OutboxMessage:
    return OutboxMessage(
        tenant="acme", kind=OutboxKind.TEXT, lane="to:1", payload=payload, dedupe=dedupe, due_at=NOON, created_at=NOON
    )


def stored_answer(key: str, answer: str = "{}") -> IdempotentCheck:
    return IdempotentCheck(
        key=key,
        agent_id="00000000-0000-7000-8000-000000000001",
        payload_hash="0" * 64,
        answer=answer,
        created_at=NOON,
    )
