"""The closed vocabularies of Assent. Standard library only; everyone may import them."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How far an agent may go on its own."""

    L1 = "L1"  # runs; audited, and in the creator's daily digest
    L2 = "L2"  # runs; the creator gets a Feishu text
    L3 = "L3"  # blocks until a person approves
    DENY = "DENY"  # blocks always

    @property
    def strictness(self) -> int:
        """0 for L1 up to 3 for DENY; compare levels with this, never as strings."""
        return list(Level).index(self)


class Layer(StrEnum):
    """What gave a decision its level."""

    POLICY = "policy"  # a rule of the agent's policy
    DEFAULT = "default"  # no rule matched
    FLOOR = "floor"  # the tenant's floor is stricter than the agent's policy
    GRANT = "grant"  # a standing permission spared the question
    OBSERVE = "observe"  # the agent is only observed: it runs whatever the decision
    FREEZE = "freeze"
    PAUSE = "pause"


class GrantKind(StrEnum):
    EXACT = "exact"  # this very action request
    KIND = "kind"  # this action and tool, with some arguments fixed and the rest within bounds
    GRADUATED = "graduated"  # as KIND, offered after many untouched approvals, and sampled for review


class ReviewAnswer(StrEnum):
    """What a person said of a sampled run."""

    RIGHT = "right"
    WRONG = "wrong"  # revokes the grant


class CheckStatus(StrEnum):
    """What a check is answered with (docs/http-hook.md)."""

    ALLOWED = "allowed"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DENIED = "denied"


class ApprovalStatus(StrEnum):
    """An approval request leaves `pending` once, for exactly one of the others."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ExecutionStatus(StrEnum):
    """The approved action being performed; an axis of its own beside the decision."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # an attempt whose answer was lost; never repeated blindly

    @property
    def finished(self) -> bool:
        return self in (ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN)


class Executor(StrEnum):
    """Who performs the approved action."""

    AGENT = "agent"  # claims, acts, reports the outcome
    SERVICE = "service"  # the service calls the agent's registered executor


class Verdict(StrEnum):
    """What was pressed."""

    APPROVE = "approve"
    REJECT = "reject"

    @classmethod
    def parse(cls, text: object) -> Verdict | None:
        """The verdict, or None for any other word: an unknown verdict is refused, never read as a rejection."""
        return next((verdict for verdict in cls if verdict.value == text), None)


class Role(StrEnum):
    MEMBER = "member"
    ORG_ADMIN = "org_admin"  # administers its own tenant
    PLATFORM_ADMIN = "platform_admin"  # administers all tenants


class AgentStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # every check is denied; the agent is told so
    ARCHIVED = "archived"  # its token is refused; its audit stays


class Delivery(StrEnum):
    """How far the question got to the people who are asked."""

    QUEUED = "queued"
    SENT = "sent"
    SEEN = "seen"  # Feishu says that it was read; a text that stood in for a card too (the fault stays noted)
    ACTED = "acted"  # this person decided, or consented
    DEGRADED = "degraded"  # a card was refused, a text with the slash command was sent instead
    UNDELIVERABLE = "undeliverable"  # nobody could be reached


class OutboxState(StrEnum):
    WAITING = "waiting"  # due at `due_at`
    SENDING = "sending"  # leased by a worker until `lease_until`
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"  # a newer card state went out instead
    DISCARDED = "discarded"  # cannot be delivered; the admins were told


class OutboxKind(StrEnum):
    APPROVAL_CARD = "approval_card"  # ask one person with a card
    CARD_UPDATE = "card_update"  # bring one sent card to the newest state
    TEXT = "text"  # a text to one person (L2 notice, outcome, reminder, admin alert)
    REPLY = "reply"  # an answer in the thread of a message
    EXECUTE = "execute"  # perform an approved action
    LEARN_NAME = "learn_name"  # learn what a person is called; a nicety that may fail
    CARD = "card"  # a card to one person that asks for no approval (grant used, review, freeze)
    REPLAY = "replay"  # replay past checks under a draft policy and tell the asker
    RESOLVE_IDENTITY = "resolve_identity"  # learn a person's open_id from the e-mail address
    NUDGE = "nudge"  # remind one person of one question, in one of the ways of `Nudge`
    UNPIN = "unpin"  # the bot need not stand on top of this person's chats any more
    QUEUE_CARD = "queue_card"  # one card with all that waits for one person
    QUEUE_UPDATE = "queue_update"  # bring one sent queue card to the newest state
    NOTICE = "notice"  # an L2 action is executing; many in one hour become one summary
    NOTICE_SUMMARY = "notice_summary"
    LOOK_UP = "look_up"  # learn what Feishu knows of a person: status, leader, time zone, name
    COMMANDS = "commands"  # register the slash commands of one app with Feishu


class Via(StrEnum):
    """The way by which an approval request was resolved."""

    CARD = "card"
    COMMAND = "command"
    EXPIRY = "expiry"
    AGENT = "agent"


class Language(StrEnum):
    ZH_CN = "zh_cn"
    EN_US = "en_us"


class Severity(StrEnum):
    """How much a question matters. A critical one may reach a person in quiet hours; none is decided in a batch."""

    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class AskedAs(StrEnum):
    """Why a person is asked about an approval request, which is also what entitles the person to decide."""

    CREATOR = "creator"
    BACKUP = "backup"  # named for the agent
    DELEGATE = "delegate"  # of somebody who is away
    LEADER = "leader"  # the creator's, as Feishu knows
    ADMIN = "admin"  # entitled by the role, for as long as the person has it
    GROUP = "group"  # listed in a group of the asking plan


class Nudge(StrEnum):
    """Ways to remind, from soft to hard. The soft ones stop when the question was seen."""

    THREAD = "thread"  # a text in the card's thread
    PIN = "pin"  # the bot's chat stands on top of the person's chats (bot_time_sentive)
    URGENT_APP = "urgent_app"
    URGENT_SMS = "urgent_sms"
    URGENT_PHONE = "urgent_phone"

    @property
    def is_soft(self) -> bool:
        return self in (Nudge.THREAD, Nudge.PIN)

    @property
    def hardness(self) -> int:
        return list(Nudge).index(self)


class Employment(StrEnum):
    """What Feishu says of a person's account."""

    ACTIVE = "active"
    FROZEN = "frozen"
    LEFT = "left"


class Ending(StrEnum):
    """What happens to a question that nobody answered in time. Never approval."""

    EXPIRE = "expire"  # the next repeat asks again
    REJECT = "reject"  # a repeat is denied during the cool-down
