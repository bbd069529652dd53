"""What exists in the simulated world: apps, people, chats, messages. Plain records; the rules live elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

ALL_SCOPES = frozenset(
    {
        "im:message",
        "im:message:send_as_bot",
        "im:message.p2p_msg:readonly",
        "im:message.group_at_msg:readonly",
        "im:message.urgent",
        "im:message.urgent:sms",
        "im:message.urgent:phone",
        "im:datasync.feed_card.time_sensitive:write",
        "contact:user.id:readonly",
        "contact:user.employee_id:readonly",
        "contact:contact.base:readonly",
        "contact:user.base:readonly",
        "contact:user.email:readonly",
        "contact:user.employee:readonly",
        "contact:user.department:readonly",
        "application:app_slash_command:read",
        "application:app_slash_command:write",
    }
)


@dataclass(eq=False, slots=True)
class Person:
    """A human. `key` is the simulator's own handle; the rest is what Feishu knows."""

    key: str
    name: str
    en_name: str
    email: str
    tenant_key: str
    user_id: str
    union_id: str
    language: str = "zh_cn"
    """The language of this person's client: zh_cn or en_us."""
    resigned: bool = False
    frozen: bool = False
    leader: Person | None = None
    time_zone: str | None = None
    stopped_bots: bool = False
    """Has stopped the conversations with bots (230053)."""

    def named(self, language: str) -> str:
        return self.name if language == "zh_cn" else self.en_name


@dataclass(eq=False, slots=True)
class App:
    """A custom app with a bot. One request URL takes both events and callbacks."""

    app_id: str
    app_secret: str
    name: str
    tenant_key: str
    encrypt_key: str
    verification_token: str
    bot_open_id: str
    callback_url: str | None = None
    scopes: frozenset[str] = ALL_SCOPES
    enabled: bool = True
    bot_enabled: bool = True
    availability: set[Person] | None = None
    """Who may be reached; None: everybody in the tenant."""
    timestamp_style: str = "unix"
    """Form of the timestamp header: unix, ms or go."""
    slash_commands: dict[str, Json] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    """Keys of the people on top of whose chats the bot's stands."""
    buzzes_left: dict[str, int] = field(default_factory=dict)
    """The tenant's quota by way (urgent_app, urgent_sms, urgent_phone); a way that is absent has no end."""

    def reaches(self, person: Person) -> bool:
        return person.tenant_key == self.tenant_key and (self.availability is None or person in self.availability)


@dataclass(eq=False, slots=True)
class Chat:
    chat_id: str
    kind: str
    """p2p or group."""
    tenant_key: str
    name: str
    people: list[Person]
    apps: list[App]
    dissolved: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """Whose answer a message is; empty texts for nobody's."""

    root_id: str = ""
    parent_id: str = ""
    thread_id: str = ""


ALONE = Relation()


@dataclass(frozen=True, slots=True)
class Buzz:
    """Somebody was called to a message: urgent_app, urgent_sms or urgent_phone."""

    person: Person
    how: str
    at: datetime


@dataclass(eq=False, slots=True)
class Message:
    """One bubble. `content` is the JSON text as it was sent; a card's present state is in `card`."""

    message_id: str
    chat: Chat
    sender: App | Person
    msg_type: str
    content: str
    created_at: datetime
    updated_at: datetime
    relation: Relation = ALONE
    version: int = 1
    """Counts the replacements of the content."""
    recalled: bool = False
    deleted: bool = False
    buzzes: list[Buzz] = field(default_factory=list)
    read_by: dict[str, datetime] = field(default_factory=dict)
    """Key of a person → when."""
    mentions: list[Json] = field(default_factory=list)

    @property
    def buzzed(self) -> list[Person]:
        """Who was called to it, in whatever way."""
        return list(dict.fromkeys(buzz.person for buzz in self.buzzes))

    @property
    def body(self) -> Json:
        """The content, parsed."""
        parsed: Json = json.loads(self.content)
        return parsed

    @property
    def card(self) -> Json:
        """The card as everybody sees it now."""
        if self.msg_type != "interactive":
            raise TypeError(f"{self.message_id} is a {self.msg_type}, not a card")
        return self.body

    @property
    def text(self) -> str:
        """The raw text of a text message, with its tags."""
        if self.msg_type != "text":
            raise TypeError(f"{self.message_id} is a {self.msg_type}, not a text")
        return str(self.body["text"])

    @property
    def app(self) -> App:
        """The app that sent it."""
        if not isinstance(self.sender, App):
            raise TypeError(f"{self.message_id} was written by a person")
        return self.sender


@dataclass(eq=False, slots=True)
class Token:
    text: str
    app: App
    expires_at: datetime
    revoked: bool = False


@dataclass(eq=False, slots=True)
class UpdateTicket:
    """The `c-…` token of one click, for the delayed update."""

    text: str
    app: App
    message: Message
    expires_at: datetime
    uses_left: int = 2
    answered: bool = False
    """The callback has been answered; before that the ticket is of no use."""
