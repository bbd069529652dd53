"""The one world of a simulator: finds and makes its inhabitants, and tells whoever waits that something changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from bot.simulator.clock import WorldClock, milliseconds
from bot.simulator.errors import Impossible
from bot.simulator.state import ALONE, App, Chat, Json, Message, Person, Relation, Token, UpdateTicket

T = TypeVar("T")

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_RENEWAL = timedelta(minutes=30)
"""With less than this left, the token endpoint issues another one; both are valid."""


class World:
    """Everything in memory, used from one event loop."""

    def __init__(self, clock: WorldClock | None = None) -> None:
        self.clock = clock or WorldClock()
        self.apps: dict[str, App] = {}
        self.people: dict[str, Person] = {}
        self.chats: dict[str, Chat] = {}
        self.messages: dict[str, Message] = {}
        self.tokens: dict[str, Token] = {}
        self.tickets: dict[str, UpdateTicket] = {}
        self.version = 0
        """Grows with every change that somebody could see."""
        self._waiting: set[asyncio.Future[None]] = set()

    # -- inhabitants ------------------------------------------------------------------------------------------------

    def add_app(
        self,
        name: str = "Assent 审批助手",
        *,
        app_id: str | None = None,
        app_secret: str | None = None,
        tenant_key: str = "tenant_main",
        encrypt_key: str | None = None,
        verification_token: str | None = None,
        callback_url: str | None = None,
    ) -> App:
        app_id = app_id or f"cli_{secrets.token_hex(8)}"
        app = App(
            app_id=app_id,
            app_secret=app_secret or secrets.token_hex(16),
            name=name,
            tenant_key=tenant_key,
            encrypt_key=encrypt_key if encrypt_key is not None else secrets.token_hex(12),
            verification_token=verification_token if verification_token is not None else secrets.token_hex(16),
            bot_open_id="ou_" + _digest("bot", app_id),
            callback_url=callback_url,
        )
        self.apps[app_id] = app
        self.touch()
        return app

    def add_person(
        self,
        key: str,
        name: str | None = None,
        *,
        en_name: str | None = None,
        email: str | None = None,
        tenant_key: str = "tenant_main",
        language: str = "zh_cn",
    ) -> Person:
        person = Person(
            key=key,
            name=name or key,
            en_name=en_name or name or key,
            email=email or f"{key}@example.com",
            tenant_key=tenant_key,
            user_id=_digest("user", tenant_key, key)[:8],
            union_id="on_" + _digest("union", tenant_key, key),
            language=language,
        )
        self.people[key] = person
        self.touch()
        return person

    def add_group(self, name: str, people: list[Person], apps: list[App]) -> Chat:
        tenant = apps[0].tenant_key if apps else people[0].tenant_key
        return self._add_chat(Chat("oc_" + secrets.token_hex(16), "group", tenant, name, list(people), list(apps)))

    def p2p(self, app: App, person: Person) -> Chat:
        """The private chat of a person with a bot; it comes into being when first needed."""
        chat_id = "oc_" + _digest("p2p", app.app_id, person.union_id)
        chat = self.chats.get(chat_id)
        return chat or self._add_chat(Chat(chat_id, "p2p", app.tenant_key, app.name, [person], [app]))

    def _add_chat(self, chat: Chat) -> Chat:
        self.chats[chat.chat_id] = chat
        self.touch()
        return chat

    # -- ids --------------------------------------------------------------------------------------------------------

    def open_id(self, app: App, person: Person) -> str:
        """The person's id for this app alone."""
        return "ou_" + _digest("open", app.app_id, person.union_id)

    def by_open_id(self, app: App, open_id: str) -> Person | None:
        return next((each for each in self.people.values() if self.open_id(app, each) == open_id), None)

    def open_id_of_other_app(self, app: App, open_id: str) -> bool:
        """The id belongs to somebody, but was learned through another app."""
        others = (each for each in self.apps.values() if each is not app)
        return any(self.by_open_id(other, open_id) or other.bot_open_id == open_id for other in others)

    def ids(self, app: App, person: Person) -> Json:
        """The three ids as the events of this app carry them; user_id only with its scope."""
        known = "contact:user.employee_id:readonly" in app.scopes
        return {
            "union_id": person.union_id,
            "user_id": person.user_id if known else "",
            "open_id": self.open_id(app, person),
        }

    # -- messages and tokens ----------------------------------------------------------------------------------------

    def add_message(
        self, chat: Chat, sender: App | Person, msg_type: str, content: str, relation: Relation = ALONE
    ) -> Message:
        now = self.clock.now()
        message_id = f"om_{secrets.token_hex(16)}"
        message = Message(message_id, chat, sender, msg_type, content, now, now, relation)
        if isinstance(sender, Person):
            message.read_by[sender.key] = now
        self.messages[message.message_id] = message
        self.touch()
        return message

    def replace_card(self, message: Message, card: Json) -> None:
        """Everybody sees `card` in place of the old one."""
        message.content = json.dumps(card, ensure_ascii=False, separators=(",", ":"))
        message.version += 1
        message.updated_at = self.clock.now()
        self.touch()

    def messages_in(self, chat: Chat) -> list[Message]:
        return [each for each in self.messages.values() if each.chat is chat]

    def message(self, message_id: str) -> Message:
        try:
            return self.messages[message_id]
        except KeyError:
            raise Impossible(f"there is no message {message_id}") from None

    def person(self, key: str) -> Person:
        try:
            return self.people[key]
        except KeyError:
            raise Impossible(f"nobody is called {key}") from None

    def issue_token(self, app: App) -> Token:
        """The app's token, the same as before while at least half an hour of it is left."""
        now = self.clock.now()
        for token in self.tokens.values():
            if token.app is app and not token.revoked and token.expires_at - now >= TOKEN_RENEWAL:
                return token
        token = Token(f"t-{secrets.token_hex(20)}", app, now + TOKEN_LIFE)
        self.tokens[token.text] = token
        return token

    def revoke_tokens(self, app: App | None = None) -> None:
        for token in self.tokens.values():
            token.revoked = token.revoked or app is None or token.app is app

    # -- change -----------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        self.version += 1
        waiting, self._waiting = self._waiting, set()
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def changed(self, since: int) -> int:
        """Returns the version as soon as it is above `since`."""
        while self.version <= since:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
        return self.version

    async def until(self, look: Callable[[], T | None], timeout: float) -> T:
        """What `look` finds, as soon as it finds something; TimeoutError after `timeout` real seconds."""
        async with asyncio.timeout(timeout):
            while True:
                seen = self.version
                if (found := look()) is not None:
                    return found
                await self.changed(seen)


def answer_to(message: Message, *, in_thread: bool = False) -> Relation:
    """How a reply is tied to what it answers."""
    known = message.relation
    thread = known.thread_id or (f"omt_{message.message_id[3:]}" if in_thread else "")
    return Relation(known.root_id or message.message_id, message.message_id, thread)


def message_facts(message: Message) -> Json:
    """A message as the send, reply and get endpoints describe it."""
    sender = message.sender
    is_app = isinstance(sender, App)
    return {
        "message_id": message.message_id,
        "root_id": message.relation.root_id,
        "parent_id": message.relation.parent_id,
        "thread_id": message.relation.thread_id,
        "msg_type": message.msg_type,
        "create_time": milliseconds(message.created_at),
        "update_time": milliseconds(message.updated_at),
        "deleted": message.deleted or message.recalled,
        "updated": message.version > 1,
        "chat_id": message.chat.chat_id,
        "sender": {
            "id": sender.app_id if isinstance(sender, App) else sender.union_id,
            "id_type": "app_id" if is_app else "union_id",
            "sender_type": "app" if is_app else "user",
            "tenant_key": sender.tenant_key,
        },
        "body": {"content": message.content},
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]
