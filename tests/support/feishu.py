"""The simulator in the hands of a test: people who receive, read, press and type; a platform that misbehaves on order.

    async with feishu_running() as feishu:
        feishu.connect("http://127.0.0.1:8787/feishu/webhook")
        card = await feishu.next_card(to=feishu.creator)
        click = await feishu.click(card, "approve", by=feishu.creator, reason="fine")
        assert click.code == 0 and click.toast and click.toast.kind == "success"

Everything waits for events, never for time; a `timeout` only ends a test that would hang.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.simulator.clock import WorldClock
from bot.simulator.deliver import NORMAL, Attempt, Push, Sending
from bot.simulator.demo import ADMIN, CREATOR, STRANGER, demo_world
from bot.simulator.errors import Impossible
from bot.simulator.faults import Fault
from bot.simulator.limits import Limits
from bot.simulator.panels import Panel
from bot.simulator.presses import Press, controls
from bot.simulator.server import create_simulator, serve
from bot.simulator.simulator import ApiCall, Click, Simulator
from bot.simulator.state import App, Chat, Json, Message, Person
from bot.simulator.world import World

__all__ = [
    "ApiCall",
    "App",
    "Chat",
    "Click",
    "Fault",
    "Feishu",
    "Impossible",
    "Limits",
    "Message",
    "Person",
    "Push",
    "Sending",
    "feishu_running",
]

PATIENCE = 20.0
"""Real seconds after which a wait gives up; generous, since a wait normally ends at the event."""

T = TypeVar("T")


class Feishu:
    """A running simulator with three people (creator, admin, stranger) and one app."""

    def __init__(self, simulator: Simulator, app: App, base_url: str) -> None:
        self.simulator = simulator
        self.app = app
        self.base_url = base_url
        """What the service gets as ASSENT_FEISHU_BASE_URL; the page is at its root."""
        self._handed_out: set[str] = set()

    # -- the world --------------------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        return self.simulator.world

    @property
    def creator(self) -> Person:
        return self.world.people[CREATOR]

    @property
    def admin(self) -> Person:
        return self.world.people[ADMIN]

    @property
    def stranger(self) -> Person:
        return self.world.people[STRANGER]

    def add_person(self, key: str, name: str | None = None, **more: Any) -> Person:
        """`more`: en_name, email, tenant_key, language."""
        return self.world.add_person(key, name, **more)

    def add_app(self, name: str = "Second app", **more: Any) -> App:
        """`more`: app_id, app_secret, tenant_key, encrypt_key, verification_token, callback_url."""
        return self.world.add_app(name, **more)

    def add_group(self, name: str, people: Sequence[Person], app: App | None = None) -> Chat:
        return self.world.add_group(name, list(people), [app or self.app])

    def p2p(self, person: Person, app: App | None = None) -> Chat:
        return self.world.p2p(app or self.app, person)

    def open_id(self, person: Person, app: App | None = None) -> str:
        return self.world.open_id(app or self.app, person)

    def connect(self, callback_url: str, app: App | None = None) -> None:
        """Saves the request URL of an app without verifying it."""
        (app or self.app).callback_url = callback_url

    async def verify_url(self, app: App | None = None) -> bool:
        """Posts url_verification as the developer console does; true when it was answered rightly and in time."""
        return await self.simulator.courier.verify_url(app or self.app)

    def now(self) -> datetime:
        return self.world.clock.now()

    async def advance(self, by: timedelta) -> None:
        """Moves the world's clock; events whose repetition falls due on the way have been repeated on return."""
        await self.simulator.advance(by)

    # -- what people receive ----------------------------------------------------------------------------------------

    def messages(
        self,
        *,
        to: Person | Chat | None = None,
        type: str | None = None,
        app: App | None = None,
        containing: str | None = None,
        from_people: bool = False,
    ) -> list[Message]:
        """What apps have sent, oldest first. `to` a person: all chats this person is in."""
        return [
            each
            for each in self.world.messages.values()
            if (from_people or isinstance(each.sender, App))
            and _reaches(each, to)
            and type in (None, each.msg_type)
            and app in (None, each.sender)
            and (containing is None or containing in _all_text(each))
        ]

    def texts(self, *, to: Person | Chat | None = None, app: App | None = None) -> list[str]:
        """The texts of the text messages, oldest first."""
        return [each.text for each in self.messages(to=to, type="text", app=app)]

    async def next_message(
        self,
        *,
        to: Person | Chat | None = None,
        type: str | None = None,
        app: App | None = None,
        containing: str | None = None,
        timeout: float = PATIENCE,
    ) -> Message:
        """The oldest fitting message that no `next_…` has handed out yet; waits for it."""

        def look() -> Message | None:
            found = self.messages(to=to, type=type, app=app, containing=containing)
            return next((each for each in found if each.message_id not in self._handed_out), None)

        message = await self._until(look, timeout, f"no {type or 'message'} arrived; there are {self.story()}")
        self._handed_out.add(message.message_id)
        return message

    async def next_card(self, *, to: Person | Chat | None = None, **more: Any) -> Message:
        """As next_message, for cards. `more`: app, containing, timeout."""
        return await self.next_message(to=to, type="interactive", **more)

    async def next_text(self, *, to: Person | Chat | None = None, **more: Any) -> Message:
        """As next_message, for text messages; `.text` is the text."""
        return await self.next_message(to=to, type="text", **more)

    def nothing_new(self, *, to: Person | Chat | None = None, type: str | None = None) -> bool:
        """No message is waiting that has not been handed out."""
        return all(each.message_id in self._handed_out for each in self.messages(to=to, type=type))

    def card_now(self, message: Message) -> Json:
        """The card as everybody sees it at this moment."""
        return message.card

    async def card_until(self, message: Message, fits: Callable[[Json], bool], timeout: float = PATIENCE) -> Json:
        """The card as soon as it fits, for instance `lambda card: card["header"]["template"] == "green"`."""

        def look() -> Json | None:
            return message.card if fits(message.card) else None

        return await self._until(look, timeout, f"the card stayed as it was: {message.content[:2000]}")

    async def card_changed(self, message: Message, since: int | None = None, timeout: float = PATIENCE) -> Json:
        """The card as soon as its version is above `since` (1 is the version that was sent)."""
        known = 1 if since is None else since

        def look() -> Json | None:
            return message.card if message.version > known else None

        return await self._until(look, timeout, "the card was not replaced")

    def buttons(self, message: Message) -> list[str]:
        """The names of the buttons that the card shows now."""
        return [each.name for each in controls(message.card) if each.tag == "button"]

    def words(self, message: Message, language: str = "zh_cn") -> str:
        """All that a reader of this language sees in the message, one text per line."""
        return "\n".join(_said(message.body, language))

    def story(self) -> list[str]:
        """Who got what: for the messages of failing tests."""
        return [
            f"{'+'.join(person.key for person in each.chat.people)} {each.msg_type} {_all_text(each)[:80]!r}"
            for each in self.messages()
        ]

    async def until(self, look: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """What `look` finds, as soon as anything in the world makes it find something."""
        return await self._until(look, timeout, "it did not come to pass")

    # -- what people do ---------------------------------------------------------------------------------------------

    async def click(
        self,
        card: Message,
        button: str,
        *,
        by: Person,
        reason: str | None = None,
        form: Mapping[str, Any] | None = None,
        value: Any = None,
        omit_value: bool = False,
        shown: Json | None = None,
        unseen: bool = False,
        sending: Sending = NORMAL,
    ) -> Click:
        """Presses a button by name, label or path; raises Impossible when the card does not show it.

        `reason` is short for form={"reason": …}. `shown`: press on an older state of the card (card_now of earlier).
        `unseen`: press though this person has not got the message, as a forged client would.
        The result has code (0 or 200341 …), toast, card, event_id.
        """
        fields = dict(form or {})
        if reason is not None:
            fields["reason"] = reason
        press = Press(button, fields, value, omit_value)
        return await self.simulator.press(card, by, press, sending=sending, shown=shown, unseen=unseen)

    async def click_again(self, click: Click, sending: Sending = NORMAL) -> Click:
        """The same callback once more, same event id, signed anew."""
        return await self.simulator.press_again(click, sending)

    async def say(
        self,
        by: Person,
        text: str,
        *,
        chat: Chat | None = None,
        app: App | None = None,
        mention: bool = True,
        reply_to: Message | None = None,
        as_post: bool = False,
        sending: Sending = NORMAL,
    ) -> Push:
        """Types a text, in the private chat with the bot unless a group is given; there the bot is @-mentioned.

        Returns after the first delivery: `.delivered`, `.attempts`, `.event_id`.
        """
        place = chat or self.p2p(by, app)
        push = await self.simulator.say(
            by,
            text,
            chat=place,
            app=app or (self.app if self.app in place.apps else None),
            mention=mention,
            reply_to=reply_to,
            as_post=as_post,
            sending=sending,
        )
        if push is None:
            raise Impossible("the app is not told of this message; use overheard() for what it must not hear")
        return push

    async def overheard(self, by: Person, text: str, chat: Chat) -> None:
        """Types into a group without naming the bot: no event follows."""
        if await self.simulator.say(by, text, chat=chat, mention=False) is not None:
            raise AssertionError("the app was told")

    async def press_menu(self, by: Person, event_key: str, *, app: App | None = None) -> Push:
        return await self.simulator.press_menu(by, event_key, app or self.app)

    async def enter_chat(self, by: Person, *, app: App | None = None) -> Push:
        return await self.simulator.enter_chat(by, app or self.app)

    async def add_bot(self, by: Person, chat: Chat, *, app: App | None = None) -> Push:
        return await self.simulator.add_bot(by, app or self.app, chat)

    async def redeliver(self, push: Push, sending: Sending = NORMAL) -> Attempt:
        """An event once more, same event id and message id, signed anew."""
        return await self.simulator.courier.repeat(push, sending)

    def read(self, message: Message, by: Person) -> None:
        self.simulator.read(message, by)

    async def notices(self, message: Message, by: Person) -> Push | None:
        """As `read`, and Feishu tells the app so (im.message.message_read_v1)."""
        return await self.simulator.notice(message, by)

    def buzzes(self, person: Person) -> list[str]:
        """How the person was called, oldest first: urgent_app, urgent_sms, urgent_phone."""
        found = [buzz for each in self.world.messages.values() for buzz in each.buzzes if buzz.person is person]
        return [buzz.how for buzz in sorted(found, key=lambda buzz: buzz.at)]

    def pinned(self, person: Person, app: App | None = None) -> bool:
        """Whether the bot stands on top of this person's chats."""
        return person.key in (app or self.app).pinned

    async def leave(self, person: Person, *, tell: bool = True) -> list[Push]:
        """The person's account is deleted."""
        return await self.simulator.change_person(person, resigned=True, tell=tell)

    async def freeze_person(self, person: Person, *, frozen: bool = True, tell: bool = True) -> list[Push]:
        """The person's account is frozen, or revived."""
        return await self.simulator.change_person(person, frozen=frozen, tell=tell)

    def recall(self, message: Message) -> None:
        """The message is taken back: PATCH is then 230011."""
        message.recalled = True
        self.world.touch()

    def delete(self, message: Message) -> None:
        """The message is deleted: PATCH is then 230110."""
        message.deleted = True
        self.world.touch()

    # -- misfortune -------------------------------------------------------------------------------------------------

    def fail_next(self, endpoint: str = "any", kind: str = "answer", times: int | None = 1, **more: Any) -> Fault:
        """The next `times` calls of the endpoint fail (None: until lifted). Kinds: bot/simulator/faults.py.

        `more`: code, msg, status, headers, seconds, app_id. Endpoints: token, send, reply, patch, urgent, users, bot …
        """
        return self.simulator.faults.add(Fault(kind, endpoint, times, **more))

    def lift(self, fault: Fault | None = None) -> None:
        """Ends one fault, or all of them; calls that hang go on."""
        if fault is None:
            self.simulator.faults.lift_all()
        else:
            self.simulator.faults.lift(fault)

    @contextmanager
    def outage(self, kind: str = "reset", endpoint: str = "any", **more: Any) -> Iterator[Fault]:
        """Nothing of the API works inside the block; kind="html", status=503 for a gateway that answers."""
        fault = self.fail_next(endpoint, kind, None, **more)
        try:
            yield fault
        finally:
            self.lift(fault)

    async def met(self, fault: Fault, times: int = 1, timeout: float = PATIENCE) -> None:
        """Returns when so many calls have met the fault."""
        await self._until(lambda: fault.used >= times or None, timeout, f"{fault.used} calls met {fault.kind}")

    def revoke_tokens(self, app: App | None = None) -> None:
        """All tokens of the app end now: its next call is answered with 99991663."""
        self.world.revoke_tokens(app)

    def calls(self, endpoint: str | None = None) -> list[ApiCall]:
        """What the apps have called, answered or not."""
        return [each for each in self.simulator.calls if endpoint in (None, each.endpoint)]

    async def called(self, endpoint: str, times: int = 1, timeout: float = PATIENCE) -> list[ApiCall]:
        """The calls of this endpoint, once there are at least so many."""

        def look() -> list[ApiCall] | None:
            found = self.calls(endpoint)
            return found if len(found) >= times else None

        return await self._until(look, timeout, f"{len(self.calls(endpoint))} calls of {endpoint}")

    async def _until(self, look: Callable[[], T | None], timeout: float, otherwise: str) -> T:
        with contextlib.suppress(TimeoutError):
            return await self.world.until(look, timeout)
        raise AssertionError(f"after {timeout} s: {otherwise}")


@asynccontextmanager
async def feishu_running(
    *,
    clock: WorldClock | None = None,
    limits: Limits | None = None,
    deadline: float = 15.0,
    port: int = 0,
    panels: Sequence[Panel] = (),
) -> AsyncIterator[Feishu]:
    """A simulator on a free loopback port, with its own world, until the block ends.

    `clock`: WorldClock(service_clock.now) makes both agree. `limits`: Limits(per_receiver_second=0) switches one off.
    `deadline`: real seconds for the answer to a callback or event. Feishu has 3; more here, so that a slow machine
    fails no test; `click.attempt.took` says what it was. Shorten it where a test lets it pass.
    """
    world, app = demo_world(world=World(clock))
    simulator = Simulator(world, limits=limits, deadline=deadline)
    running = await serve(create_simulator(simulator=simulator, panels=panels), port=port)
    try:
        yield Feishu(simulator, app, running.base_url)
    finally:
        await running.close()


async def together(*doing: Any) -> list[Any]:
    """Everything at the same time, such as fifty clicks."""
    return list(await asyncio.gather(*doing))


def _reaches(message: Message, to: Person | Chat | None) -> bool:
    if to is None:
        return True
    return message.chat is to if isinstance(to, Chat) else to in message.chat.people


def _all_text(message: Message) -> str:
    return "\n".join(_said(message.body, "zh_cn") + _said(message.body, "en_us"))


def _said(value: Any, language: str) -> list[str]:
    """The texts of a message's content for one language."""
    if isinstance(value, list):
        return [text for each in value for text in _said(each, language)]
    if not isinstance(value, dict):
        return []
    own: list[str] = []
    for key in ("content", "text"):
        if isinstance(value.get(key), str):
            own.append(value.get("i18n_content", {}).get(language, value[key]))
    return own + [
        text
        for key, each in value.items()
        if key not in ("i18n_content", "summary", "behaviors")
        for text in _said(each, language)
    ]
