"""A Feishu that remembers: implements the gateway for tests of what is sent, with faults by script."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from bot.database import in_open_transaction
from bot.ports import (
    BotIdentity,
    CardMessage,
    FeishuFault,
    FeishuUnavailable,
    MessageGone,
    OutgoingMessage,
    Profile,
    ReadReceipt,
    Receiver,
    ReceiverRefused,
    SentMessage,
    SlashCommand,
    TextMessage,
)
from models.enums import Nudge
from models.values import JsonObject


@dataclass
class Arrived:
    """A message in somebody's chat. `card` is what it shows now."""

    message_id: str
    app_id: str
    to: Receiver | None  # None for a reply
    parent: str | None
    uuid: str
    text: str | None
    card: JsonObject | None
    patches: list[JsonObject] = field(default_factory=list)


class RecordingGateway:
    """Drops a repeated uuid for the same receiver and app, as Feishu does. Fails when called inside a transaction."""

    def __init__(self) -> None:
        self.messages: list[Arrived] = []
        self.calls: list[str] = []  # "send", "reply", "patch", "emails" in order
        self.tried: list[Receiver] = []
        self.emails: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.unreachable: set[str] = set()  # receiver ids that are refused
        self.apps: dict[str, FeishuFault] = {}  # for every send by this app
        self.at: dict[str, FeishuFault] = {}  # for every send to this receiver id
        self.buzzes: list[tuple[str, tuple[str, ...], Nudge]] = []  # message, whom, how
        self.pinned: set[str] = set()  # open_ids on top of whose chats the bot stands
        self.readers: dict[str, list[ReadReceipt]] = {}  # by message id
        self.profiles: dict[str, Profile] = {}  # by open_id
        self.commands: list[SlashCommand] = []
        self.faults: dict[str, deque[FeishuFault]] = defaultdict(deque)  # per call, one for each of the next calls
        self.always: dict[str, FeishuFault] = {}  # per call, for every call
        self.lost: int = 0  # so many of the next sends arrive, but their answers do not
        self.hold: asyncio.Event | None = None  # calls wait for it
        self.entered = asyncio.Event()  # set by each call
        self._arrival = asyncio.Condition()

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.messages if message.text is not None]

    @property
    def cards(self) -> list[Arrived]:
        return [message for message in self.messages if message.card is not None]

    async def until(self, count: int) -> None:
        """Returns once `count` messages have arrived."""
        async with asyncio.timeout(30), self._arrival:
            await self._arrival.wait_for(lambda: len(self.messages) >= count)

    async def until_called(self, call: str, count: int) -> None:
        """Returns once `count` such calls have begun."""
        async with asyncio.timeout(30), self._arrival:
            await self._arrival.wait_for(lambda: self.calls.count(call) >= count)

    async def send(self, app_id: str, to: Receiver, message: OutgoingMessage, *, uuid: str) -> SentMessage:
        self.tried.append(to)
        await self._called("send")
        if app_id in self.apps:
            raise self.apps[app_id]
        if to.id in self.at:
            raise self.at[to.id]
        if to.id in self.unreachable:
            raise ReceiverRefused("Bot has NO availability to this user.", code=230013)
        return await self._arrive(app_id, to, None, message, uuid)

    async def reply(
        self, app_id: str, message_id: str, message: OutgoingMessage, *, uuid: str, in_thread: bool = False
    ) -> SentMessage:
        await self._called("reply")
        return await self._arrive(app_id, None, message_id, message, uuid)

    async def patch_card(self, app_id: str, message_id: str, card: JsonObject) -> None:
        await self._called("patch")
        found = next((one for one in self.messages if one.message_id == message_id), None)
        if found is None or found.card is None or found.app_id != app_id:
            raise MessageGone("no such card", code=230011)
        found.card = card
        found.patches.append(card)

    async def open_ids_by_email(self, app_id: str, emails: list[str]) -> dict[str, str]:
        await self._called("emails")
        return {email: self.emails[email] for email in emails if email in self.emails}

    async def name(self, app_id: str, open_id: str) -> str | None:
        await self._called("name")
        return self.names.get(open_id)

    async def bot(self, app_id: str) -> BotIdentity:
        return BotIdentity("ou_bot", "Assent")

    async def urgent(self, app_id: str, message_id: str, open_ids: list[str], how: Nudge) -> list[str]:
        await self._called(how.value)
        self.buzzes.append((message_id, tuple(open_ids), how))
        return [open_id for open_id in open_ids if open_id in self.unreachable]

    async def pin_bot(self, app_id: str, open_ids: list[str], *, pinned: bool) -> None:
        await self._called("pin" if pinned else "unpin")
        for open_id in open_ids:
            self.pinned.add(open_id) if pinned else self.pinned.discard(open_id)

    async def read_by(self, app_id: str, message_id: str) -> list[ReadReceipt]:
        await self._called("read_by")
        return self.readers.get(message_id, [])

    async def profile(self, app_id: str, open_id: str) -> Profile | None:
        await self._called("profile")
        return self.profiles.get(open_id)

    async def register_commands(self, app_id: str, commands: list[SlashCommand]) -> int:
        await self._called("commands")
        changed = len(set(self.commands) ^ set(commands))
        self.commands = list(commands)
        return changed

    async def _called(self, call: str) -> None:
        assert not in_open_transaction(), "the network was used inside a transaction"
        self.calls.append(call)
        self.entered.set()
        await self._announce()
        if self.hold is not None:
            await self.hold.wait()
        else:
            await asyncio.sleep(0)
        if self.faults[call]:
            raise self.faults[call].popleft()
        if call in self.always:
            raise self.always[call]

    async def _arrive(
        self, app_id: str, to: Receiver | None, parent: str | None, message: OutgoingMessage, uuid: str
    ) -> SentMessage:
        same = (
            one for one in self.messages if (one.app_id, one.to, one.parent, one.uuid) == (app_id, to, parent, uuid)
        )
        arrived = next(same, None)
        if arrived is None:
            text = message.text if isinstance(message, TextMessage) else None
            card = message.card if isinstance(message, CardMessage) else None
            arrived = Arrived(f"om_{len(self.messages) + 1}", app_id, to, parent, uuid, text, card)
            self.messages.append(arrived)
            await self._announce()
        if self.lost:
            self.lost -= 1
            raise FeishuUnavailable("the answer was lost")
        return SentMessage(arrived.message_id, f"oc_{to.id if to else parent}")

    async def _announce(self) -> None:
        async with self._arrival:
            self._arrival.notify_all()
