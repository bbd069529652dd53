"""What cards and texts are drawn from: facts with display names, already looked up. No rows, no clock, no wording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from uuid import UUID

from cards.words import AGENT_GONE, CHINA
from models.enums import (
    AgentStatus,
    ApprovalStatus,
    AskedAs,
    Delivery,
    ExecutionStatus,
    Executor,
    GrantKind,
    Language,
    Level,
    ReviewAnswer,
    Role,
    Severity,
    Via,
)
from models.values import ExecutionView, Json, JsonObject


class LimitKind(StrEnum):
    """How a grant holds one argument."""

    FIXED = "fixed"
    ONE_OF = "one_of"
    AT_MOST = "at_most"
    TEXT = "text"  # any text of at most so many characters
    ANY = "any"  # anything of its JSON type


@dataclass(frozen=True, slots=True)
class LimitView:
    """One argument under a grant. Values are whole and unmasked; drawing masks and cuts."""

    name: str
    kind: LimitKind
    values: tuple[Json, ...] = ()  # what it is, or may be
    most: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    """One standing permission, as it stood at `now`."""

    grant_id: UUID
    kind: GrantKind
    agent: str
    action_type: str
    giver: str
    expires_at: datetime
    max_uses: int
    uses: int
    now: datetime
    tool: str | None = None
    limits: tuple[LimitView, ...] = ()  # none: exactly what was approved
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    zone: tzinfo = CHINA

    @property
    def stands(self) -> bool:
        """Whether it still spares questions."""
        return self.revoked_at is None and self.now < self.expires_at and self.uses < self.max_uses

    @property
    def uses_left(self) -> int:
        return max(0, self.max_uses - self.uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantUseView:
    """An action that is executing without a question, because of a grant."""

    grant: GrantView
    check_id: UUID
    args: JsonObject
    at: datetime
    requester: str | None = None
    claimed_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """A sampled run under a graduated grant: was it right?"""

    review_id: UUID
    use: GrantUseView
    answer: ReviewAnswer | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OfferedField:
    """An argument that a grant of this kind keeps as it is, or lets vary within bounds."""

    name: str
    value: Json
    fixed: bool  # what is proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """How to be asked less, on the card of an approval. At most one of each kind; None where it is not offered."""

    exact_for: timedelta | None = None
    kind_until: datetime | None = None
    fields: tuple[OfferedField, ...] = ()  # for the kind; in the order of the request
    graduate_for: timedelta | None = None
    streak: int = 0  # untouched approvals in a row


@dataclass(frozen=True, slots=True)
class Difference:
    """One argument against the last approved call of this kind. `had` and `has` say on which side it exists at all."""

    name: str
    before: Json = None
    after: Json = None
    had: bool = True
    has: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedView:
    """How this question differs from the last approved one of the same kind. No differences: all arguments equal."""

    last_at: datetime
    last_by: str | None
    differences: tuple[Difference, ...] = ()  # in the order of the present arguments, then what is gone
    same: tuple[str, ...] = ()  # names of arguments that are equal


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One of the approvals that are needed, given."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EditableField:
    """An argument that the person may change before approving. `value` is shown whole: no secret, not cut."""

    name: str
    value: str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """One approval request at one revision. Arguments and result are whole and unmasked; drawing masks and cuts."""

    approval_id: UUID
    code: str  # first 6 hex digits of the action digest
    agent: str
    creator: str
    action_type: str
    args: JsonObject
    policy_version: int
    status: ApprovalStatus
    executor: Executor
    created_at: datetime
    expires_at: datetime
    now: datetime
    level: Level = Level.L3
    rule: str | None = None
    tool: str | None = None
    requester: str | None = None
    claimed_reason: str | None = None
    execution: ExecutionView | None = None
    claimed_at: datetime | None = None
    claim_expires_at: datetime | None = None
    resolver: str | None = None
    resolved_at: datetime | None = None
    resolution_reason: str | None = None
    via: Via | None = None
    asked: tuple[str, ...] = ()  # who else is asked, besides the reader
    attempt: int = 1
    reminders: int = 0  # how many were sent
    details_url: str | None = None  # the full page; only ever our own link
    offer: OfferView | None = None
    grants: tuple[GrantView, ...] = ()  # that were given on this card
    severity: Severity = Severity.NORMAL
    asked_as: AskedAs | None = None  # why the reader is asked; None for a page or a text without a reader
    changed: ChangedView | None = None
    first_of_kind: bool = False  # nothing of this kind was ever approved for this agent
    needed: int = 1  # distinct people who must approve
    consents: tuple[ConsentView, ...] = ()  # given so far, while more are needed
    consented: bool = False  # the reader gave one of them
    separated: bool = False  # the requester may not decide
    editable: tuple[EditableField, ...] = ()  # only while pending
    original_args: JsonObject | None = None  # as the agent asked, where a person changed them; `args` are what runs
    preset: str | None = None  # the prepared instruction with which it was rejected
    seen_by: tuple[tuple[str, datetime], ...] = ()  # who of those asked has seen it, and when
    snoozed_until: datetime | None = None  # the reader put it off
    frozen_by: str | None = None  # who froze the agent, while nothing of it may run; None: not frozen
    frozen_until: datetime | None = None  # None: until somebody ends it
    agent_archived: bool = False  # nobody is there any more to use a go-ahead
    zone: tzinfo = CHINA  # in which the reader reads times
    action_digest: str = ""  # carried by the approving buttons: what a person changes meanwhile is not what was seen
    rev: int = 1  # not drawn: whoever sends compares it with the revision a copy shows

    @property
    def waited(self) -> timedelta:
        """From the question to its answer, or to `now` while there is none."""
        return max(timedelta(0), (self.resolved_at or self.now) - self.created_at)

    @property
    def lapsed(self) -> bool:
        """Whether the agent let its approval go by without claiming it."""
        unclaimed = self.executor is Executor.AGENT and self.claimed_at is None
        return unclaimed and self.claim_expires_at is not None and self.claim_expires_at <= self.now

    @property
    def closed_with_agent(self) -> bool:
        """Whether the question ended because its agent was archived."""
        gone = f"{AGENT_GONE.zh} · {AGENT_GONE.en}"
        return self.status is ApprovalStatus.CANCELLED and self.resolution_reason == gone

    @property
    def is_orphaned(self) -> bool:
        """Whether the agent that was to claim its approval is archived."""
        return self.agent_archived and self.executor is Executor.AGENT and self.claimed_at is None

    @property
    def execution_status(self) -> ExecutionStatus:
        return self.execution.status if self.execution else ExecutionStatus.NOT_STARTED


class Audience(StrEnum):
    """To whom an outcome is told; the requester did not decide and cannot."""

    CREATOR = "creator"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True, kw_only=True)
class L2View:
    """An action that is executing without approval, told to the creator."""

    agent: str
    action_type: str
    args: JsonObject
    at: datetime
    tool: str | None = None
    requester: str | None = None
    claimed_reason: str | None = None
    rule: str | None = None
    policy_version: int | None = None
    details_url: str | None = None
    zone: tzinfo = CHINA


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The notice of one L2 run, as it stands now: what its creator made of it."""

    run: L2View
    agent_id: UUID
    check_id: UUID
    now: datetime
    stopped_by: str | None = None  # who put the rule at L3 from this notice
    stopped_at: datetime | None = None
    stopped_rule: str | None = None  # by its name, or the action type where the default applied
    stopped_version: int | None = None  # of the policy before that; None: none was written
    wrong_by: str | None = None
    wrong_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsView:
    """What one agent ran within an hour beyond what was told one by one."""

    agent: str
    begin: datetime
    end: datetime
    runs: int  # in all
    told: int  # of these, one by one
    actions: tuple[tuple[str, int], ...]  # action type and runs, most frequent first
    now: datetime
    zone: tzinfo = CHINA


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliverableView:
    """A message that reached nobody; the admins are told."""

    subject: str  # whom it was meant for
    detail: str  # why, in Feishu's or our words: code and sentence
    agent: str | None = None
    action_type: str | None = None
    approval_id: UUID | None = None
    code: str | None = None
    expires_at: datetime | None = None
    details_url: str | None = None
    zone: tzinfo = CHINA


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoamiView:
    name: str
    role: Role
    tenant: str
    language: Language
    agents: int = 0  # how many active ones this person owns
    pending: int = 0  # approvals waiting for this person
    open_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingItem:
    approval_id: UUID
    code: str
    agent: str
    action_type: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingView:
    """What waits for one person, oldest first. `total` may exceed the items shown."""

    items: tuple[PendingItem, ...]
    total: int
    now: datetime
    inbox_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeItem:
    """A waiting request of the same kind as the one that is shown."""

    approval_id: UUID
    code: str
    args: JsonObject
    created_at: datetime


class QueueOver(StrEnum):
    MOVED = "moved"  # a newer queue card was opened
    OLD = "old"  # Feishu would soon take no change of it


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """All that waits for one person on one card, one request of it open."""

    queue_id: UUID
    total: int
    now: datetime
    position: int = 0  # of the one that is shown, from 1
    shown: ApprovalView | None = None  # None: nothing waits
    oldest: datetime | None = None  # when the oldest was asked
    snoozed: int = 0  # how many of them the person has put off
    alike: tuple[AlikeItem, ...] = ()  # that may be approved together with it, the shown one first; none below two
    alike_total: int = 0  # how many there are, also beyond those listed
    over: QueueOver | None = None  # why this card is over, if it is
    zone: tzinfo = CHINA


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyView:
    """One person's copy of the card, and how far it got."""

    person: str
    state: Delivery
    sent_at: datetime | None = None
    detail: str | None = None
    asked_as: AskedAs = AskedAs.CREATOR
    asked_at: datetime | None = None
    seen_at: datetime | None = None
    acted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """One agent, for its line in /agents and for /agent show."""

    name: str
    status: AgentStatus
    creator: str
    backup: str | None = None  # who is asked where the creator cannot be
    created_at: datetime | None = None
    last_check_at: datetime | None = None
    checks_today: int | None = None
    pending: int = 0
    executor_url: str | None = None
    app_id: str | None = None  # its own Feishu app; None: the default app
    policy_version: int | None = None
    frozen_by: str | None = None  # None: not frozen
    frozen_until: datetime | None = None  # None: until somebody ends it
    observe_until: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    max_pending: int | None = None  # None: the installation's
    checks_per_minute: int | None = None
    details_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRuleView:
    pattern: str  # the rule's name
    level: Level
    conditions: tuple[str, ...] = ()  # what it matches on, where the name does not say it
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """An agent's policy in rule order, or the tenant's floor."""

    agent: str
    version: int
    default: Level | None  # None: a floor, which has none
    rules: tuple[PolicyRuleView, ...]
    author: str | None = None
    at: datetime | None = None

    @property
    def is_floor(self) -> bool:
        return self.default is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    at: datetime
    actor: str
    action: str  # stable English word, shown as it is: it is what is searched for
    subject: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """The newest audit entries that the asker may see, newest first."""

    lines: tuple[AuditLine, ...]
    total: int | None = None
    details_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLinkView:
    """A link that shows an agent's token once. The token itself never appears in chat."""

    agent: str
    url: str
    valid: timedelta
    rotated: bool = False  # True: the old token no longer works


@dataclass(frozen=True, slots=True)
class Notice:
    """A text for the chat and, with the same title and body, an entry of the web inbox."""

    title: str
    body: str
    link: str | None = None  # the last line in the chat; the inbox makes a link of its own, as good as the visit

    @property
    def text(self) -> str:
        """The chat text: title, body and link."""
        return "\n".join(filter(None, (self.title, self.body, self.link)))
