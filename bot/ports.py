"""The outside world as the use cases see it: Feishu, executors, and the clock. Protocols and their faults only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from models.enums import Employment, Nudge
from models.values import Json, JsonObject


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, timezone-aware UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ReceiverType(StrEnum):
    """Feishu's receive_id_type; each kind of id goes with its own."""

    OPEN_ID = "open_id"
    USER_ID = "user_id"
    UNION_ID = "union_id"
    EMAIL = "email"
    CHAT_ID = "chat_id"


@dataclass(frozen=True, slots=True)
class Receiver:
    type: ReceiverType
    id: str


@dataclass(frozen=True, slots=True)
class TextMessage:
    """Sent as msg_type=text. `text` is ours; untrusted parts are neutralised before they get here (cards.escape)."""

    text: str


@dataclass(frozen=True, slots=True)
class CardMessage:
    card: JsonObject


OutgoingMessage = TextMessage | CardMessage


@dataclass(frozen=True, slots=True)
class SentMessage:
    message_id: str
    chat_id: str
    app_id: str | None = None  # through which app it went, where that is another than the one that was asked for


@dataclass(frozen=True, slots=True)
class BotIdentity:
    open_id: str
    name: str


class FeishuFault(Exception):
    """A call to Feishu that did not succeed. `code` is Feishu's own number, 0 when there was none."""

    def __init__(self, detail: str, *, code: int = 0, log_id: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.log_id = log_id


class FeishuUnavailable(FeishuFault):
    """Outage, time-out, rate limit: the outcome may be unknown; try again with the same uuid after `retry_after` s."""

    def __init__(
        self, detail: str, *, code: int = 0, log_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail, code=code, log_id=log_id)
        self.retry_after = retry_after


class ReceiverRefused(FeishuFault):
    """This person cannot be reached through this app (230013, 99992361 …): another way or the admins."""


class PayloadRefused(FeishuFault):
    """Feishu does not take this content (230099, 230025 …): send a reduced text instead."""


class MessageGone(FeishuFault):
    """The message can no longer be changed (recalled, deleted, older than 14 days)."""


class FeishuMisconfigured(FeishuFault):
    """The app itself is wrong (secret, scope, IP list, disabled): only an admin can mend it."""


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    open_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """What Feishu tells of a person; None for what it does not, since most members need scopes that an app may lack."""

    name: str | None = None
    employment: Employment | None = None
    leader_open_id: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """One native slash command; `name` without the slash, ^[a-z][a-z0-9_]*$."""

    name: str
    zh: str
    en: str


class FeishuGateway(Protocol):
    """Sends through one app. Every method raises a FeishuFault and nothing else when Feishu does not comply."""

    async def send(self, app_id: str, to: Receiver, message: OutgoingMessage, *, uuid: str) -> SentMessage: ...

    async def reply(
        self, app_id: str, message_id: str, message: OutgoingMessage, *, uuid: str, in_thread: bool = False
    ) -> SentMessage: ...

    async def patch_card(self, app_id: str, message_id: str, card: JsonObject) -> None: ...

    async def open_ids_by_email(self, app_id: str, emails: list[str]) -> dict[str, str]:
        """E-mail address → open_id; addresses that are unknown or not visible to the app are absent."""
        ...

    async def name(self, app_id: str, open_id: str) -> str | None:
        """What the person is called; needs an optional scope."""
        ...

    async def bot(self, app_id: str) -> BotIdentity: ...

    async def urgent(self, app_id: str, message_id: str, open_ids: list[str], how: Nudge) -> list[str]:
        """Buzzes people about one of our messages; `how` is one of the URGENT_… ways. The open_ids Feishu refused."""
        ...

    async def pin_bot(self, app_id: str, open_ids: list[str], *, pinned: bool) -> None:
        """The bot's chat stands on top of these people's chats, or no longer does (im/v2 bot_time_sentive)."""
        ...

    async def read_by(self, app_id: str, message_id: str) -> list[ReadReceipt]:
        """Who has read one of our messages of the last 7 days."""
        ...

    async def profile(self, app_id: str, open_id: str) -> Profile | None:
        """What Feishu tells of the person; None for one who is not visible to the app."""
        ...

    async def register_commands(self, app_id: str, commands: list[SlashCommand]) -> int:
        """The app's native slash commands are exactly these; how many calls changed something."""
        ...


@dataclass(frozen=True, slots=True)
class ExecutionOrder:
    """One approved action to perform. `approval_id` is the idempotency key of the attempt."""

    approval_id: UUID
    agent: str
    action_type: str
    tool: str
    args: JsonObject
    action_digest: str


class OutcomeKind(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. UNKNOWN: the order may have been carried out, nobody knows."""

    kind: OutcomeKind
    result: Json = None
    error: str | None = None


class ActionExecutor(Protocol):
    async def execute(self, url: str, secrets: list[str], order: ExecutionOrder) -> Outcome:
        """Ask the executor at `url` once. Never raises for what the executor does."""
        ...
