"""People who write to the bot: the chat handler and every use case behind it, on a real database."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from bot.administration import Administration
from bot.conversation import Answers, Conversation
from bot.conversation.agents import AgentAnswers
from bot.conversation.approvals import ApprovalAnswers
from bot.conversation.freezes import FreezeAnswers
from bot.conversation.grants import GrantAnswers
from bot.conversation.oversight import OversightAnswers
from bot.conversation.personal import PersonalAnswers
from bot.conversation.plans import PlanAnswers
from bot.conversation.policies import PolicyAnswers
from bot.conversation.steering import Steering
from bot.conversation.tokens import TokenAnswers
from bot.database import Database
from bot.freezing.freezes import Freezing
from bot.freezing.notices import FreezeNotices
from bot.hindsight.explaining import Explaining
from bot.people.absence import Absences
from bot.people.apps import FeishuApps
from bot.people.first_admin import FirstAdmin
from bot.preference_presses import SettingsPresses
from bot.preferences import Installed, Preferences
from bot.queueing.opening import Queueing
from bot.queueing.snoozing import Snoozing
from bot.reading import Reading
from bot.receipts import Receipts
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import OneTimeSecrets
from cards.words import CHINA
from handlers.chat import Chat
from models.enums import Level, OutboxKind, Role
from models.tables import FeishuIdentity, OutboxMessage, User
from models.values import AppCredentials, ChatMessage, MenuPress, PersonIds
from tests.support.gate import APP_ID, ZONE, Gate, open_gate
from tests.support.gateway import RecordingGateway

COMPANY = "tk_company"
KEYS = ["k" * 32]
APP = AppCredentials(APP_ID, "default", "http://127.0.0.1:9", "app-secret", "encrypt-key", "token", COMPANY)


def ids(name: str, *, tenant_key: str = COMPANY, app: str = "") -> PersonIds:
    """The ids of one person towards one app: the open_id differs per app, the others do not."""
    return PersonIds(f"ou_{name}{app}", f"on_{name}", f"u_{name}", tenant_key)


@dataclass(frozen=True)
class Room:
    gate: Gate
    apps: FeishuApps
    administration: Administration
    first_admin: FirstAdmin
    gateway: RecordingGateway
    conversation: Conversation
    chat: Chat
    box: SecretBox
    one_time: OneTimeSecrets
    settings: SettingsPresses
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def member(self, name: str, *, role: Role = Role.MEMBER) -> User:
        """Somebody who is known to the default app."""
        operator = await self.gate.people.operator(APP, ids(name), self.gate.clock.now())
        assert operator is not None
        await User.filter(id=operator.id).update(role=role, name=name)
        return await User.get(id=operator.id)

    def message(
        self,
        name: str,
        text: str | None,
        *,
        group: bool = False,
        age: timedelta = timedelta(),
        tenant_key: str = COMPANY,
        message_id: str | None = None,
        mentions: dict[str, str] | None = None,
    ) -> ChatMessage:
        message_id = message_id or f"om_{next(self._numbers)}"
        return ChatMessage(
            event_id=message_id,
            app_id=APP_ID,
            sender=ids(name, tenant_key=tenant_key),
            message_id=message_id,
            chat_id="oc_group" if group else f"oc_{name}",
            is_group=group,
            text=text,
            mentions=mentions or {},
            at=self.gate.clock.now() - age,
        )

    async def hears(self, message: ChatMessage) -> None:
        await self.chat.on_message(message, APP)

    async def says(self, name: str, text: str | None) -> str:
        """The answer to a private message; of a card the text that stands in for it."""
        message = self.message(name, text)
        await self.hears(message)
        card = await OutboxMessage.get_or_none(kind=OutboxKind.CARD, dedupe=f"answer:{APP_ID}:{message.message_id}")
        return str(json.loads(card.payload)["fallback"]) if card else await self.reply_to(message)

    async def reply_to(self, message: ChatMessage) -> str:
        [row] = await OutboxMessage.filter(kind=OutboxKind.REPLY, dedupe=f"reply:{APP_ID}:{message.message_id}")
        text: str = json.loads(row.payload)["text"]
        return text

    async def presses(self, name: str, key: str, *, event: str | None = None, at: datetime | None = None) -> None:
        press = MenuPress(event or f"ev_{next(self._numbers)}", APP_ID, ids(name), key, at or self.gate.clock.now())
        await self.chat.on_menu(press, APP)

    async def texts_to(self, person: User) -> list[str]:
        """The private texts that wait for this person, oldest first."""
        rows = await OutboxMessage.filter(kind=OutboxKind.TEXT, person_id=person.id).order_by("id")
        return [json.loads(row.payload)["text"] for row in rows]

    async def queues_to(self, person: User) -> list[OutboxMessage]:
        """The cards with all that waits, on their way to this person."""
        return await OutboxMessage.filter(kind=OutboxKind.QUEUE_CARD, person_id=person.id).order_by("id")

    async def known_as(self, person: User) -> list[str]:
        return [row.open_id for row in await FeishuIdentity.filter(person_id=person.id).order_by("id")]


@asynccontextmanager
async def open_room(database: Database) -> AsyncIterator[Room]:
    async with open_gate(database) as gate:
        box, gateway, links = SecretBox(KEYS), RecordingGateway(), Links("https://assent.example", KEYS)
        apps, reading = FeishuApps(box, APP), Reading(gate.clock)
        await apps.ensure_default(gate.clock.now())
        administration = Administration(gate.people, apps, box, default_level=Level.L2)
        first_admin = FirstAdmin(gate.ledger, gate.people, KEYS)
        one_time = OneTimeSecrets(box, gate.ledger, "https://assent.example")
        questioning = gate.approvals.questioning
        preferences = Preferences(gate.people, Installed(ZONE, "22:00-08:00", "1234567", "18:00"), questioning)
        absences = Absences(gate.people, administration.users, questioning, gate.bell)
        freezing = Freezing(administration.agents, FreezeNotices(gate.people), gate.ledger, gate.bell)
        snoozing = Snoozing(gate.approvals.telling, Receipts(gate.ledger, gate.people, gate.waiters, gate.clock))
        answers = Answers(
            administration,
            first_admin,
            reading,
            ApprovalAnswers(administration, reading, gate.views, links, Queueing(gate.bell), snoozing),
            AgentAnswers(administration, one_time),
            PolicyAnswers(administration, gate.directory, gate.binding, gate.bell),
            Steering(
                FreezeAnswers(freezing, administration.agents),
                GrantAnswers(gate.grants),
                OversightAnswers(administration, Explaining(gate.people, gate.clock), links),
                TokenAnswers(administration, one_time),
            ),
            PlanAnswers(administration, questioning, gate.directory, gate.binding, gate.people),
            PersonalAnswers(preferences, absences, reading),
        )
        conversation = Conversation(
            gate.ledger, gate.people, gate.approvals, answers, gate.bell, gate.clock, zone=CHINA
        )
        chat = Chat(conversation, apps, gateway)
        settings = SettingsPresses(gate.ledger, gate.people, preferences)
        yield Room(gate, apps, administration, first_admin, gateway, conversation, chat, box, one_time, settings)


def link_key(text: str) -> str:
    """The key of the one-time link in an answer."""
    found = re.search(r"/once\?k=(\S+)", text)
    assert found, text
    return found[1]
