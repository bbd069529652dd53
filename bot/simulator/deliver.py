"""Feishu as the caller: posts events and callbacks, signed and encrypted, and repeats events that failed."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from bot.simulator import responses
from bot.simulator.clock import header_time
from bot.simulator.crypto import encrypt, sign
from bot.simulator.responses import CallbackAnswer, judge
from bot.simulator.state import App, Json
from bot.simulator.wire import NotJson, compact, parse_object
from bot.simulator.world import World

DEADLINE = 3.0
"""Real seconds for a whole answer; a third of it for the challenge of a URL."""
RETRIES = (timedelta(seconds=15), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
"""After each failure of an event; card callbacks are never repeated."""
_MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sending:
    """How one delivery departs from the normal one. The defaults depart in nothing."""

    event_id: str | None = None
    """Reuse this id instead of a fresh one."""
    create_time: datetime | None = None
    """The time in the body's header, instead of now."""
    signed_at: datetime | None = None
    """The time in the timestamp header, instead of now."""
    timestamp_style: str | None = None
    """unix, ms or go instead of the app's."""
    wrong_signature: bool = False
    wrong_token: bool = False
    unsigned: bool = False
    """Without the three headers."""
    plaintext: bool = False
    """Signed, but not encrypted."""
    delay: float = 0.0
    """Real seconds before it leaves."""
    copies: int = 1
    """The same delivery so many times at once; the first one's answer counts."""


NORMAL = Sending()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and what came back: a status, or the code for what went wrong on the way."""

    at: datetime
    status: int | None
    failure: int = 0
    why: str = ""
    content_type: str = ""
    body: bytes = b""
    took: float = 0.0
    """Real seconds to the whole answer."""

    @property
    def accepted(self) -> bool:
        return self.status == 200


@dataclass(eq=False, slots=True)
class Push:
    """One event on its way to an app."""

    app: App
    envelope: Json
    attempts: list[Attempt] = field(default_factory=list)
    due_at: datetime | None = None
    """When it is repeated; None once it was accepted or given up."""

    @property
    def event_id(self) -> str:
        return str(self.envelope["header"]["event_id"])

    @property
    def event_type(self) -> str:
        return str(self.envelope["header"]["event_type"])

    @property
    def delivered(self) -> bool:
        return any(attempt.accepted for attempt in self.attempts)


class Courier:
    """Carries to the apps' request URLs. Redirects are failures, as with Feishu."""

    def __init__(
        self,
        world: World,
        session: aiohttp.ClientSession,
        deadline: float = DEADLINE,
        scheduled: Callable[[], None] = lambda: None,
    ) -> None:
        """`scheduled` is called when an event has got a time at which it is repeated."""
        self._world = world
        self._scheduled = scheduled
        self._session = session
        self._deadline = deadline
        self.pushes: list[Push] = []

    async def callback(self, app: App, envelope: Json, sending: Sending = NORMAL) -> tuple[CallbackAnswer, Attempt]:
        """Posts a card callback once and judges the answer."""
        attempt = await self._post_copies(app, envelope, sending)
        if attempt.status is None:
            return CallbackAnswer(attempt.failure, attempt.why), attempt
        return judge(attempt.status, attempt.content_type, attempt.body, self.knows_person(app)), attempt

    def knows_person(self, app: App) -> Callable[[str], bool]:
        return lambda open_id: self._world.by_open_id(app, open_id) is not None

    async def push(self, app: App, envelope: Json, sending: Sending = NORMAL) -> Push:
        """Posts an event; when it fails, it is repeated at Feishu's times of the world's clock."""
        push = Push(app, envelope)
        self.pushes.append(push)
        await self._attempt(push, sending)
        return push

    async def repeat(self, push: Push, sending: Sending = NORMAL) -> Attempt:
        """Delivers an event once more, signed anew, though it was accepted; its schedule stays."""
        attempt = await self._post_copies(push.app, push.envelope, sending)
        push.attempts.append(attempt)
        self._world.touch()
        return attempt

    async def run_due(self) -> int:
        """Repeats every event whose time has come; how many there were."""
        now = self._world.clock.now()
        due = [push for push in self.pushes if push.due_at is not None and push.due_at <= now]
        for push in due:
            await self._attempt(push, NORMAL)
        return len(due)

    def next_due(self) -> datetime | None:
        return min((push.due_at for push in self.pushes if push.due_at is not None), default=None)

    async def verify_url(self, app: App) -> bool:
        """Saves the request URL as the developer console does: a challenge without signature headers."""
        challenge = secrets.token_hex(16)
        payload = {"challenge": challenge, "token": app.verification_token, "type": "url_verification"}
        attempt = await self._post(app, payload, Sending(unsigned=True), self._deadline / 3)
        try:
            return attempt.accepted and parse_object(attempt.body) == {"challenge": challenge}
        except NotJson:
            return False

    async def _attempt(self, push: Push, sending: Sending) -> None:
        push.due_at = None
        attempt = await self._post_copies(push.app, push.envelope, sending)
        push.attempts.append(attempt)
        tried = len(push.attempts)
        if not attempt.accepted and tried <= len(RETRIES):
            push.due_at = self._world.clock.now() + RETRIES[tried - 1]
            self._scheduled()
        self._world.touch()

    async def _post_copies(self, app: App, envelope: Json, sending: Sending) -> Attempt:
        if sending.delay:
            await asyncio.sleep(sending.delay)
        posts = [self._post(app, envelope, sending, self._deadline) for _ in range(sending.copies)]
        return (await asyncio.gather(*posts))[0]

    async def _post(self, app: App, payload: Json, sending: Sending, deadline: float) -> Attempt:
        at = self._world.clock.now()
        if not app.callback_url:
            return Attempt(at, None, responses.NO_URL, "the app has no request URL")
        body, headers = pack(app, payload, sending, at)
        try:
            return await self._exchange(app.callback_url, body, headers, at, deadline)
        except TimeoutError:
            return Attempt(at, None, responses.TOO_LATE, f"no answer within {deadline} s")
        except aiohttp.ClientConnectorDNSError as error:
            return Attempt(at, None, responses.NO_HOST, str(error))
        except aiohttp.ClientConnectorError as error:
            return Attempt(at, None, responses.NO_CONNECTION, str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(at, None, responses.BROKEN, f"{type(error).__name__}: {error}")

    async def _exchange(self, url: str, body: bytes, headers: dict[str, str], at: datetime, deadline: float) -> Attempt:
        timeout, started = aiohttp.ClientTimeout(total=deadline), time.perf_counter()
        async with self._session.post(
            url, data=body, headers=headers, allow_redirects=False, timeout=timeout
        ) as response:
            answer = await response.content.read(_MAX_ANSWER)
            while not response.content.at_eof() and len(answer) < _MAX_ANSWER:
                answer += await response.content.read(_MAX_ANSWER)
            return Attempt(
                at, response.status, content_type=response.content_type, body=answer, took=time.perf_counter() - started
            )


def pack(app: App, payload: Json, sending: Sending, at: datetime) -> tuple[bytes, dict[str, str]]:
    """Body and headers of one delivery. Without an Encrypt Key, Feishu neither encrypts nor signs."""
    if sending.wrong_token and "header" in payload:
        payload = {**payload, "header": {**payload["header"], "token": "not-the-token"}}
    plain = compact(payload).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Feishu-Simulator"}
    if not app.encrypt_key:
        return plain, headers
    body = plain if sending.plaintext else compact({"encrypt": encrypt(plain, app.encrypt_key)}).encode()
    if not sending.unsigned:
        timestamp = header_time(sending.signed_at or at, sending.timestamp_style or app.timestamp_style)
        nonce = secrets.token_hex(8)
        key = "another key" if sending.wrong_signature else app.encrypt_key
        headers |= {
            "X-Lark-Request-Timestamp": timestamp,
            "X-Lark-Request-Nonce": nonce,
            "X-Lark-Signature": sign(timestamp, nonce, key, body),
        }
    return body, headers
