"""Immutable values that pass between the rooms. Standard library only; everyone may import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from models.enums import (
    ApprovalStatus,
    AskedAs,
    CheckStatus,
    Delivery,
    Employment,
    ExecutionStatus,
    Executor,
    GrantKind,
    Language,
    Layer,
    Level,
    Role,
    Verdict,
    Via,
)

JsonScalar: TypeAlias = str | int | float | bool | None
Json: TypeAlias = "JsonScalar | list[Json] | dict[str, Json]"
JsonObject: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What an agent wants to do, parsed and whole. The caller's data stays in `args` and `extra`, never beside ours."""

    action_type: str
    tool: str | None = None
    args: JsonObject = field(default_factory=dict)
    reason: str | None = None  # what the agent claims; shown as a quotation
    requested_by: str | None = None
    session: str | None = None
    call_id: str | None = None  # not part of the digest: it changes on a retry
    extra: JsonObject = field(default_factory=dict)  # the other members of `details`


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of evaluating a policy."""

    level: Level
    rule: str | None  # the matched pattern; None when the default applied
    policy_version: int
    reason: str  # stable English words for audit and /why
    layer: Layer = Layer.POLICY
    floor_version: int | None = None
    floor_rule: str | None = None  # the strictest rule of the floor that matched
    floor_level: Level = Level.L1  # nothing may bring the level below this
    matched: tuple[str, ...] = ()  # what the deciding rule matched on: "action pay_*", "when args.amount > 100"
    faults: tuple[str, ...] = ()  # conditions that could not be evaluated, each with its rule; they decided strictly
    grant_id: UUID | None = None
    would_be: Level | None = None  # the level without the grant, or without observation


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person as policies see one."""

    id: UUID
    name: str
    email: str | None = None
    role: Role = Role.MEMBER
    feishu_ids: tuple[str, ...] = ()  # user_id, open_ids, union_ids


@dataclass(frozen=True, slots=True)
class Requester:
    """For whom the agent says it acts; `person` is None when that names nobody we know."""

    said: str
    person: PersonFacts | None = None


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What a check needs to know of the agent that asks."""

    id: UUID
    tenant: str
    name: str
    creator_id: UUID
    app_id: str | None  # None: the default app
    has_executor: bool
    paused: bool
    creator: PersonFacts | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    observe_until: datetime | None = None
    max_pending: int | None = None  # None: the installation's
    checks_per_minute: int | None = None  # None: the installation's


@dataclass(frozen=True, slots=True)
class Question:
    """One action request with all that a policy may ask about it."""

    request: ActionRequest
    agent: AgentFacts
    now: datetime
    requester: Requester | None = None


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """A standing permission as the engine needs it. Uses are counted in the database, not here."""

    id: UUID
    kind: GrantKind
    action_type: str
    tool: str | None
    bounds: JsonObject  # bot.granting.bounds
    session: str | None
    expires_at: datetime
    max_uses: int
    giver_id: UUID
    giver_name: str


@dataclass(frozen=True, slots=True)
class FreezeFacts:
    """A freeze that is not lifted; over when `until` has passed."""

    id: UUID
    agent_id: UUID | None  # None: the whole tenant
    frozen_by_name: str
    frozen_at: datetime
    until: datetime | None
    reason: str | None = None

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Operator:
    """The person whom Feishu's signed event names, as we know them."""

    id: UUID
    tenant: str
    role: Role
    name: str
    language: Language = Language.ZH_CN

    @property
    def is_admin(self) -> bool:
        return self.role is not Role.MEMBER

    def administers(self, tenant: str) -> bool:
        """Whether this person is an admin of `tenant`."""
        return self.role is Role.PLATFORM_ADMIN or (self.role is Role.ORG_ADMIN and self.tenant == tenant)


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """What the lifecycle rules need to know of an approval request."""

    id: UUID
    tenant: str
    creator_id: UUID
    status: ApprovalStatus
    execution: ExecutionStatus
    executor: Executor
    action_digest: str
    created_at: datetime
    expires_at: datetime
    resolved_at: datetime | None = None
    resolver: str | None = None  # display name of who resolved it
    resolution_reason: str | None = None
    claimed_at: datetime | None = None
    claim_expires_at: datetime | None = None
    reminders_sent: int = 0
    requester_id: UUID | None = None
    asked: Mapping[UUID, AskedAs] = field(default_factory=dict)  # who was asked, and why
    needed: int = 1  # distinct people who must approve
    consents: frozenset[UUID] = frozenset()  # who approved this very digest already, while more are needed
    duties_separated: bool = False  # the requester may not decide
    original_digest: str | None = None  # of what the agent asked, where a person changed the arguments

    @property
    def amended(self) -> bool:
        """Whether the action is another than the agent asked for."""
        return self.original_digest not in (None, self.action_digest)

    @property
    def code(self) -> str:
        return short_code(self.action_digest)


def short_code(action_digest: str) -> str:
    """The first 6 hex digits of the digest, shown on the card and typed in /approve."""
    return action_digest.removeprefix("sha256:")[:6]


@dataclass(frozen=True, slots=True)
class Resolution:
    """The recorded outcome of an approval request."""

    status: ApprovalStatus
    at: datetime
    via: Via
    verdict: Verdict | None = None
    by: Operator | None = None
    reason: str | None = None


class RefusalKind(StrEnum):
    """Why a person or an agent is politely told no. Every one is audited."""

    UNKNOWN_VERDICT = "unknown_verdict"
    UNKNOWN_APPROVAL = "unknown_approval"
    NOT_YOURS = "not_yours"
    ALREADY_RESOLVED = "already_resolved"
    EXPIRED = "expired"
    WRONG_CODE = "wrong_code"
    NOT_APPROVED = "not_approved"
    ALREADY_CLAIMED = "already_claimed"
    CLAIM_LAPSED = "claim_lapsed"
    DIGEST_MISMATCH = "digest_mismatch"
    SERVICE_EXECUTES = "service_executes"
    NOT_CLAIMED = "not_claimed"
    OUTCOME_KNOWN = "outcome_known"
    DENIED_NOW = "denied_now"
    FROZEN = "frozen"
    VERSION_MOVED = "version_moved"  # somebody else wrote a newer version meanwhile
    BELOW_FLOOR = "below_floor"
    NOT_PENDING = "not_pending"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_SUBJECT = "unknown_subject"
    SEPARATED = "separated"  # the requester may not decide where duties are separated
    CONSENTED = "consented"  # this person's approval is recorded already; another person's is needed
    EDITED = "edited"  # the form holds changed arguments, and the plain button was pressed
    NOT_EDITABLE = "not_editable"
    CRITICAL = "critical"  # not in a batch
    STALE = "stale"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A polite, audited "no, because". `by` and `at` name an earlier decision where there is one."""

    kind: RefusalKind
    by: str | None = None
    at: datetime | None = None
    status: ApprovalStatus | None = None
    detail: str | None = None  # a value to show (an id, a word), never a sentence
    admins_only: bool = field(default=False, compare=False)  # who may instead; else the creator may as well


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """State and result of the execution, as agent and people see it."""

    status: ExecutionStatus
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Json = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Amended:
    """What a person made of the arguments: the agent may do this, and no longer what it asked."""

    details: JsonObject  # whole, to be sent as the check's `details`
    action_digest: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What an agent is told. `allowed` is true once, in answer to a check or a claim."""

    allowed: bool
    level: Level
    status: CheckStatus
    message: str
    check_id: UUID
    action_digest: str
    rule: str | None = None
    policy_version: int | None = None
    approval_id: UUID | None = None
    expires_at: datetime | None = None
    reason: str | None = None  # the person's reason on a rejection
    execution: ExecutionView | None = None
    delivery: Delivery | None = None
    seen_at: datetime | None = None  # when the first of those asked saw the question
    layer: Layer | None = None
    would_be: Level | None = None  # the level without the grant, or without observation
    grant_id: UUID | None = None
    frozen_until: datetime | None = None  # None also for a freeze without an end: then `layer` tells
    preset: str | None = None  # the prepared instruction with which it was rejected
    amended: Amended | None = None

    @property
    def code(self) -> str:
        return short_code(self.action_digest)


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """One Feishu app. Secrets never appear in a repr."""

    app_id: str
    tenant: str
    base_url: str
    app_secret: str = field(repr=False)
    encrypt_key: str = field(repr=False)
    verification_token: str = field(repr=False)
    tenant_key: str | None = None  # learned from the first authentic event; another company's people are strangers

    def in_company(self, tenant_key: str | None) -> AppCredentials:
        """The same app; as long as its company is not learned, it is the one to which Feishu delivered an event."""
        return self if self.tenant_key is not None or tenant_key is None else replace(self, tenant_key=tenant_key)


@dataclass(frozen=True, slots=True)
class PersonIds:
    """The ids by which Feishu names one person towards one app (feishu-protocol section 6)."""

    open_id: str | None = None
    union_id: str | None = None
    user_id: str | None = None
    tenant_key: str | None = None


@dataclass(frozen=True, slots=True)
class CardClick:
    """A press on a card, authentic and decoded. The operator comes from the signed event only."""

    event_id: str
    app_id: str
    operator: PersonIds
    message_id: str | None
    chat_id: str | None
    value: Mapping[str, Json]  # what the button carried; empty when the client stripped it
    name: str | None  # the button's name
    form: Mapping[str, Json]
    at: datetime | None
    company: str | None = None  # the tenant_key to which Feishu delivered the event: the app's, whoever pressed


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A text that a person wrote to the bot, authentic and decoded, mentions of the bot still inside `text`."""

    event_id: str
    app_id: str
    sender: PersonIds
    message_id: str
    chat_id: str
    is_group: bool
    text: str | None  # None for anything that is not text
    mentions: Mapping[str, str]  # placeholder -> open_id
    at: datetime
    company: str | None = None  # as in CardClick


@dataclass(frozen=True, slots=True)
class MenuPress:
    """A press on the bot menu, or the chat with the bot being opened (`key` is then "entered")."""

    event_id: str
    app_id: str
    operator: PersonIds
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessagesRead:
    """Feishu says that somebody has read messages of ours in a private chat (im.message.message_read_v1)."""

    event_id: str
    app_id: str
    reader: PersonIds
    message_ids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Feishu says that a person's account was deleted, frozen or revived (contact.user.deleted_v3, updated_v3)."""

    event_id: str
    app_id: str
    person: PersonIds
    employment: Employment
    at: datetime


@dataclass(frozen=True, slots=True)
class UrlChallenge:
    challenge: str


@dataclass(frozen=True, slots=True)
class UnhandledEvent:
    """Authentic, and nothing that we act on; answered with 200 so that it is not sent again."""

    event_id: str
    app_id: str
    event_type: str


InboundEvent: TypeAlias = (
    CardClick | ChatMessage | MenuPress | MessagesRead | PersonChanged | UrlChallenge | UnhandledEvent
)
