"""Why a check was answered as it was: everything that is recorded of it, with display names. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.enums import (
    ApprovalStatus,
    Delivery,
    Executor,
    GrantKind,
    Layer,
    Level,
    OutboxKind,
    OutboxState,
    Via,
)
from models.values import ActionRequest, ExecutionView, short_code


@dataclass(frozen=True, slots=True)
class PinnedVersion:
    """The written version that decided: of the agent's policy, or of the tenant's floor."""

    version: int
    author: str  # display name
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class AskedPerson:
    """One person who was asked, and how far the question got."""

    person: str
    state: Delivery
    sent_at: datetime | None = None
    seen_at: datetime | None = None  # when the card, or the line in the web inbox, was first read
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class WhyDelivery:
    """One message that went out because of the check, or has yet to."""

    kind: OutboxKind
    to: str | None  # display name
    created_at: datetime
    state: OutboxState
    attempts: int
    done_at: datetime | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class WhyStep:
    """Something that happened, as its audit entry tells it."""

    at: datetime
    actor: str  # display name
    action: str
    detail: str | None  # the telling members of the entry, secrets hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyApproval:
    """The question to a person: its resolution and its execution."""

    id: UUID
    status: ApprovalStatus
    created_at: datetime
    expires_at: datetime
    attempt: int
    reminders: int
    executor: Executor
    execution: ExecutionView
    asked: tuple[AskedPerson, ...]
    resolver: str | None = None
    resolved_at: datetime | None = None
    via: Via | None = None
    resolution_reason: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyGrant:
    """The standing permission that spared the question."""

    id: UUID
    kind: GrantKind
    giver: str
    created_at: datetime
    expires_at: datetime
    uses: int
    max_uses: int
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One check, explained. The request is whole and unmasked: drawing masks."""

    check_id: UUID | None
    at: datetime
    now: datetime
    outcome: str  # what the audit calls the answer: "check.allowed", "check.pending" …
    agent: str
    creator: str
    requester: str | None  # display name, else as the agent wrote it
    requester_known: bool
    request: ActionRequest
    action_digest: str
    level: Level
    rule: str | None
    rule_note: str | None
    policy_version: int
    layer: Layer
    reason: str
    matched: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    would_be: Level | None = None
    floor_version: int | None = None
    floor_rule: str | None = None
    floor_level: Level | None = None
    policy: PinnedVersion | None = None  # None: no version was written
    floor: PinnedVersion | None = None  # None: the starter floor
    approval: WhyApproval | None = None
    grant: WhyGrant | None = None
    timeline: tuple[WhyStep, ...] = ()  # oldest first
    deliveries: tuple[WhyDelivery, ...] = ()  # oldest first

    @property
    def code(self) -> str:
        return short_code(self.action_digest)
