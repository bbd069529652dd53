"""The simulator as those use it who play the people: the page, the control API and the tests."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from bot.simulator import events
from bot.simulator.deliver import DEADLINE, NORMAL, Attempt, Courier, Push, Sending
from bot.simulator.errors import Impossible
from bot.simulator.faults import FaultBook
from bot.simulator.limits import Limits, RateLimiter
from bot.simulator.presses import Press, action
from bot.simulator.profiles import DIRECTORY, status
from bot.simulator.responses import CallbackAnswer, Toast
from bot.simulator.state import ALONE, App, Chat, Json, Message, Person, UpdateTicket
from bot.simulator.wire import compact
from bot.simulator.world import World, answer_to

CARD_LIFE = timedelta(days=14)
TICKET_LIFE = timedelta(minutes=30)
_TELL_OF_READING = ("im:message", "im:message:readonly")
_IDLE = 30.0  # real seconds between two looks at the schedule when nothing is due


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Open API, as it was answered. `status` 0: the connection was cut."""

    endpoint: str
    app_id: str | None
    status: int
    code: int | None
    fault: str | None
    body: Json
    query: Json


@dataclass(frozen=True, slots=True)
class Click:
    """What a press led to, as the person sees it."""

    message: Message
    by: Person
    envelope: Json
    answer: CallbackAnswer
    attempt: Attempt

    @property
    def code(self) -> int:
        """0, or the number that the client shows (200341 …)."""
        return self.answer.code

    @property
    def toast(self) -> Toast | None:
        return self.answer.toast

    @property
    def card(self) -> Json | None:
        """The card of the answer; None when the answer left the card as it was."""
        return self.answer.card

    @property
    def event_id(self) -> str:
        return str(self.envelope["header"]["event_id"])


class Simulator:
    """Opened with `start`, closed with `close`; in between it repeats failed events as they fall due."""

    def __init__(
        self,
        world: World | None = None,
        *,
        limits: Limits | None = None,
        deadline: float = DEADLINE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world or World()
        self.faults = FaultBook()
        self.rates = RateLimiter(limits or Limits(), monotonic)
        self.calls: deque[ApiCall] = deque(maxlen=20_000)
        """What the apps called, oldest first."""
        self.sent: dict[tuple[str, str, str], Message] = {}
        """(app, receiver, uuid) → the message that this uuid stands for."""
        self._deadline = deadline
        self._courier: Courier | None = None
        self._stack = contextlib.AsyncExitStack()
        self.ending = False
        self._moved = asyncio.Event()
        """The clock has jumped or the schedule has changed: look again."""
        self._schedule = asyncio.Lock()

    async def start(self) -> None:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await self._stack.enter_async_context(session)
        self._courier = Courier(self.world, session, self._deadline, self._moved.set)
        self.world.clock.on_move.append(self._moved.set)
        ticking = asyncio.create_task(self._repeat_as_due())
        self._stack.push_async_callback(_stop, ticking)

    def end(self) -> None:
        """Lets go whoever hangs in a fault or watches the world."""
        self.ending = True
        self.faults.lift_all()
        self.world.touch()

    async def close(self) -> None:
        self.end()
        await self._stack.aclose()

    @property
    def courier(self) -> Courier:
        if self._courier is None:
            raise RuntimeError("the simulator has not been started")
        return self._courier

    # -- what people do ---------------------------------------------------------------------------------------------

    async def press(
        self,
        message: Message,
        by: Person,
        press: Press,
        *,
        sending: Sending = NORMAL,
        shown: Json | None = None,
        unseen: bool = False,
    ) -> Click:
        """Presses a control of the card and applies the app's answer.

        `shown` is an older state of the card, still on this person's screen. `unseen` lets a person press who has
        not got the message, or whose account is frozen: no client does that, but such a callback must be refused all
        the same.
        """
        card = message.card
        self._pressable(message, by, unseen)
        told = action(shown or card, press)
        ticket = self._issue_ticket(message)
        event = events.click(self.world, message.app, message, by, told, ticket.text)
        at = sending.create_time or self.world.clock.now()
        envelope = events.envelope(message.app, events.CARD_CLICK, event, at, sending.event_id)
        message.read_by.setdefault(by.key, self.world.clock.now())
        self.world.touch()
        click = await self._call_back(message, by, envelope, sending)
        ticket.answered = True
        return click

    async def press_again(self, click: Click, sending: Sending = NORMAL) -> Click:
        """Posts the same callback once more, with its event id, signed anew."""
        return await self._call_back(click.message, click.by, click.envelope, sending)

    async def say(
        self,
        by: Person,
        text: str,
        *,
        chat: Chat,
        app: App | None = None,
        mention: bool = True,
        reply_to: Message | None = None,
        as_post: bool = False,
        sending: Sending = NORMAL,
    ) -> Push | None:
        """Types into a chat; None when the app is not told, as of group messages that do not name its bot."""
        _signed_in(by)
        if by not in chat.people:
            raise Impossible(f"{by.key} is not in {chat.name}")
        if app is None:
            app = chat.apps[0] if chat.apps else None
        message = self._write(by, text, chat, app if mention and chat.kind == "group" else None, reply_to, as_post)
        if app is None or app not in chat.apps or not self._hears(app, chat, message):
            return None
        event = events.message_received(self.world, app, message, by)
        return await self.tell(app, events.MESSAGE, event, sending)

    async def press_menu(self, by: Person, event_key: str, app: App, sending: Sending = NORMAL) -> Push:
        _signed_in(by)
        event = events.menu_pressed(self.world, app, by, event_key, self.world.clock.now())
        return await self.tell(app, events.MENU, event, sending)

    async def enter_chat(self, by: Person, app: App, sending: Sending = NORMAL) -> Push:
        """Opens the private chat with the bot."""
        _signed_in(by)
        chat = self.world.p2p(app, by)
        event = events.chat_entered(self.world, app, by, chat.chat_id)
        return await self.tell(app, events.CHAT_ENTERED, event, sending)

    async def add_bot(self, by: Person, app: App, chat: Chat, sending: Sending = NORMAL) -> Push:
        """Takes the bot into a group."""
        _signed_in(by)
        if app not in chat.apps:
            chat.apps.append(app)
        event = events.bot_added(self.world, app, by, chat.chat_id, chat.name)
        return await self.tell(app, events.BOT_ADDED, event, sending)

    async def tell(self, app: App, event_type: str, event: Json, sending: Sending = NORMAL) -> Push:
        """Sends any event; returns after the first attempt."""
        at = sending.create_time or self.world.clock.now()
        return await self.courier.push(app, events.envelope(app, event_type, event, at, sending.event_id), sending)

    def read(self, message: Message, by: Person) -> None:
        """Looks at the message; nobody is told."""
        _signed_in(by)
        if by not in message.chat.people:
            raise Impossible(f"{by.key} has not got {message.message_id}")
        if by.key not in message.read_by:
            message.read_by[by.key] = self.world.clock.now()
            self.world.touch()

    async def notice(self, message: Message, by: Person, sending: Sending = NORMAL) -> Push | None:
        """Looks at the message and, where Feishu tells the app, says how; None where it does not."""
        told = await self.notice_all([message], by, sending)
        return told[0] if told else None

    async def notice_all(self, messages: Sequence[Message], by: Person, sending: Sending = NORMAL) -> list[Push]:
        """Looks at several messages at once. Feishu tells an app of its own ones, once, and only of private chats."""
        news = [each for each in messages if by.key not in each.read_by]
        for message in news:
            self.read(message, by)
        heard = [each for each in news if each.chat.kind == "p2p" and isinstance(each.sender, App)]
        apps = [app for app in dict.fromkeys(each.app for each in heard) if app.scopes.intersection(_TELL_OF_READING)]
        at = self.world.clock.now()
        return [
            await self.tell(
                app,
                events.READ,
                events.messages_read(self.world, app, by, [each for each in heard if each.sender is app], at),
                sending,
            )
            for app in apps
        ]

    async def change_person(
        self, person: Person, *, frozen: bool | None = None, resigned: bool | None = None, tell: bool = True
    ) -> list[Push]:
        """The account is frozen, revived or deleted; the company's apps that may know are told, unless `tell` is off.

        Whoever is frozen or gone cannot sign in: nothing can be pressed, typed or read by them any more.
        """
        before, left = status(person), resigned is True and not person.resigned
        person.frozen = person.frozen if frozen is None else frozen
        person.resigned = person.resigned if resigned is None else resigned
        self.world.touch()
        event_type = events.PERSON_LEFT if left else events.PERSON_UPDATED
        apps = [app for app in self.world.apps.values() if tell and app.reaches(person) and DIRECTORY in app.scopes]
        return [
            await self.tell(app, event_type, events.person_changed(self.world, app, person, before)) for app in apps
        ]

    async def advance(self, by: timedelta) -> None:
        """Moves the clock; every repetition that falls due on the way is made at its own time."""
        async with self._schedule:
            target = self.world.clock.now() + by
            while (due := self.courier.next_due()) is not None and due <= target:
                self.world.clock.advance(max(due - self.world.clock.now(), timedelta()))
                await self.courier.run_due()
            self.world.clock.advance(target - self.world.clock.now())
        self.world.touch()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _pressable(self, message: Message, by: Person, unseen: bool) -> None:
        if message.recalled or message.deleted:
            raise Impossible("the message is gone")
        if not unseen:
            _signed_in(by)
        if by not in message.chat.people and not unseen:
            raise Impossible(f"{by.key} does not see {message.message_id}")
        if self.world.clock.now() - message.created_at > CARD_LIFE:
            raise Impossible("a card of schema 2.0 is dead after 14 days")

    async def _call_back(self, message: Message, by: Person, envelope: Json, sending: Sending) -> Click:
        answer, attempt = await self.courier.callback(message.app, envelope, sending)
        if answer.card is not None:
            self.world.replace_card(message, answer.card)
        self.world.touch()
        return Click(message, by, envelope, answer, attempt)

    def _issue_ticket(self, message: Message) -> UpdateTicket:
        expires_at = self.world.clock.now() + TICKET_LIFE
        ticket = UpdateTicket(f"c-{secrets.token_hex(20)}", message.app, message, expires_at)
        self.world.tickets[ticket.text] = ticket
        return ticket

    def _write(
        self, by: Person, text: str, chat: Chat, named: App | None, reply_to: Message | None, as_post: bool
    ) -> Message:
        written = f"@_user_1 {text}" if named else text
        post = {"zh_cn": {"title": "", "content": [[{"tag": "text", "text": line}] for line in written.split("\n")]}}
        content = compact(post if as_post else {"text": written})
        relation = ALONE if reply_to is None else answer_to(reply_to)
        message = self.world.add_message(chat, by, "post" if as_post else "text", content, relation)
        if named:
            message.mentions.append(events.mention(named, "@_user_1"))
        return message

    def _hears(self, app: App, chat: Chat, message: Message) -> bool:
        if chat.kind == "p2p":
            return "im:message.p2p_msg:readonly" in app.scopes
        return bool(message.mentions) and "im:message.group_at_msg:readonly" in app.scopes

    async def _repeat_as_due(self) -> None:
        while True:
            self._moved.clear()
            due = self.courier.next_due()
            wait = _IDLE if due is None else (due - self.world.clock.now()).total_seconds()
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(wait, _IDLE)):
                        await self._moved.wait()
            async with self._schedule:
                await self.courier.run_due()


def _signed_in(person: Person) -> None:
    if person.frozen or person.resigned:
        raise Impossible(f"{person.key} cannot sign in any more")


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
