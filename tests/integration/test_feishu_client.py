"""The gateway against a small HTTP server that misbehaves as Feishu and the network do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.feishu.client import FeishuClient
from bot.feishu.limits import RateLimits
from bot.ports import (
    BotIdentity,
    CardMessage,
    FeishuFault,
    FeishuMisconfigured,
    FeishuUnavailable,
    MessageGone,
    PayloadRefused,
    Profile,
    ReadReceipt,
    Receiver,
    ReceiverRefused,
    ReceiverType,
    SentMessage,
    SlashCommand,
    TextMessage,
)
from models.enums import Employment, Nudge
from models.values import AppCredentials

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MIN = Receiver(ReceiverType.OPEN_ID, "ou_min")
HELLO = TextMessage("hello")
SECRET = "s3cret"
OK = {"code": 0, "msg": "success", "data": {"message_id": "om_1", "chat_id": "oc_1"}}


class Seconds:
    """A monotonic clock whose sleepers move it, so that pacing takes no time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, wake)


class Platform:
    """What stands in for Feishu: remembers every call; answers with what was planned, else with success."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], Any, str]] = []
        self.peers: set[object] = set()
        self.token_calls = 0
        self.lifetime = 7200.0
        self.planned: list[Handler] = []
        self.token_planned: list[Handler] = []
        self.token_gate: asyncio.Event | None = None
        self.token_asked = asyncio.Event()
        self.secret = SECRET

    async def token(self, request: web.Request) -> web.StreamResponse:
        self.token_calls += 1
        self.token_asked.set()
        number = self.token_calls
        if self.token_gate is not None:
            await self.token_gate.wait()
        if self.token_planned:
            return await self.token_planned.pop(0)(request)
        if (await request.json())["app_secret"] != self.secret:
            return web.json_response({"code": 10015, "msg": "app secret invalid"}, status=400)
        return web.json_response(
            {"code": 0, "msg": "ok", "tenant_access_token": f"t-{number}", "expire": self.lifetime}
        )

    async def any(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        body = await request.json() if request.can_read_body else None
        authorization = request.headers.get("Authorization", "")
        self.calls.append((request.method, request.rel_url.raw_path, dict(request.query), body, authorization))
        if self.planned:
            return await self.planned.pop(0)(request)
        return web.json_response(OK)


def answer(body: object, status: int = 200, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler


def raw(text: str, status: int = 200, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"code":0,')
    assert request.transport is not None
    request.transport.close()
    return response


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def platform() -> Platform:
    return Platform()


@pytest.fixture
async def url(platform: Platform) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/open-apis/auth/v3/tenant_access_token/internal", platform.token)
    app.router.add_route("*", "/{path:.*}", platform.any)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


Make = Callable[..., FeishuClient]


@pytest.fixture
async def make(url: str, session: aiohttp.ClientSession, clock: Seconds) -> AsyncIterator[Make]:
    made: list[FeishuClient] = []

    def make(*, secret: str = SECRET, base_url: str = url, timeout: float = 10.0) -> FeishuClient:
        async def credentials(app_id: str) -> AppCredentials:
            if not app_id.startswith("cli_"):
                raise LookupError(app_id)
            return AppCredentials(app_id, "acme", base_url, secret, "ek", "vt")

        made.append(FeishuClient(session, credentials, monotonic=clock, sleep=clock.sleep, timeout=timeout))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def client(make: Make) -> FeishuClient:
    return make()


async def refused(client: FeishuClient) -> FeishuFault:
    with pytest.raises(FeishuFault) as caught:
        await client.send("cli_a", MIN, HELLO, uuid="u1")
    return caught.value


# --- what is sent


@pytest.mark.parametrize("kind", ReceiverType)
async def test_each_kind_of_id_goes_with_its_own_receive_id_type(
    client: FeishuClient, platform: Platform, kind: ReceiverType
) -> None:
    """Defect 5: a user_id was sent as an open_id."""
    assert await client.send("cli_a", Receiver(kind, "id7"), HELLO, uuid="u1") == SentMessage("om_1", "oc_1")
    [(method, path, query, body, authorization)] = platform.calls
    assert (method, path, query) == ("POST", "/open-apis/im/v1/messages", {"receive_id_type": kind.value})
    assert body == {"receive_id": "id7", "msg_type": "text", "content": '{"text":"hello"}', "uuid": "u1"}
    assert authorization == "Bearer t-1"


async def test_a_card_travels_as_json_in_a_string(client: FeishuClient, platform: Platform) -> None:
    card: dict[str, Any] = {"schema": "2.0", "body": {"elements": ["需要审批"]}}
    await client.send("cli_a", MIN, CardMessage(card), uuid="u1")
    body = platform.calls[0][3]
    assert body["msg_type"] == "interactive"
    assert json.loads(body["content"]) == card


async def test_a_reply_can_open_a_thread(client: FeishuClient, platform: Platform) -> None:
    await client.reply("cli_a", "om_7", HELLO, uuid="u1", in_thread=True)
    method, path, _, body, _ = platform.calls[0]
    assert (method, path) == ("POST", "/open-apis/im/v1/messages/om_7/reply")
    assert body == {"msg_type": "text", "content": '{"text":"hello"}', "reply_in_thread": True, "uuid": "u1"}


async def test_a_card_is_patched_by_its_message_id(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [answer({"code": 0, "msg": "success", "data": {}})]
    await client.patch_card("cli_a", "om_7/../x", {"schema": "2.0"})
    method, path, _, body, _ = platform.calls[0]
    assert (method, path) == ("PATCH", "/open-apis/im/v1/messages/om_7%2F..%2Fx")
    assert body == {"content": '{"schema":"2.0"}'}


async def test_emails_are_looked_up_in_parts_of_fifty(client: FeishuClient, platform: Platform) -> None:
    async def directory(request: web.Request) -> web.StreamResponse:
        emails = (await request.json())["emails"]
        assert len(emails) <= 50
        known = [{"email": email.lower(), "user_id": f"ou_{email.lower()}"} for email in emails if email != "u1@x"]
        return web.json_response({"code": 0, "data": {"user_list": [*known, {"email": "u1@x"}, None]}})

    platform.planned = [directory, directory]
    emails = [f"u{number}@x" for number in range(59)] + ["Lin@X"]
    found = await client.open_ids_by_email("cli_a", emails)
    assert len(platform.calls) == 2
    assert platform.calls[0][2] == {"user_id_type": "open_id"}
    assert found["Lin@X"] == "ou_lin@x"
    assert set(found) == set(emails) - {"u1@x"}


async def test_the_bot_tells_who_it_is(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [answer({"code": 0, "bot": {"open_id": "ou_bot", "app_name": "闸"}})]
    assert await client.bot("cli_a") == BotIdentity("ou_bot", "闸")


async def test_many_calls_share_one_connection(client: FeishuClient, platform: Platform) -> None:
    for number in range(20):
        await client.send("cli_a", Receiver(ReceiverType.OPEN_ID, f"ou_{number}"), HELLO, uuid=str(number))
    assert len(platform.peers) == 1
    assert platform.token_calls == 1


# --- tokens


async def test_fifty_callers_fetch_one_token(client: FeishuClient, platform: Platform) -> None:
    receivers = [Receiver(ReceiverType.OPEN_ID, f"ou_{number}") for number in range(50)]
    await asyncio.gather(*(client.send("cli_a", to, HELLO, uuid=to.id) for to in receivers))
    assert (platform.token_calls, len(platform.calls)) == (1, 50)


async def test_a_cancelled_first_caller_does_not_fail_the_others(client: FeishuClient, platform: Platform) -> None:
    platform.token_gate = asyncio.Event()
    first = asyncio.create_task(client.send("cli_a", MIN, HELLO, uuid="u1"))
    await platform.token_asked.wait()
    others = [asyncio.create_task(client.send("cli_a", MIN, HELLO, uuid=f"o{n}")) for n in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    platform.token_gate.set()
    assert [sent.message_id for sent in await asyncio.gather(*others)] == ["om_1"] * 3
    assert platform.token_calls == 1


async def test_each_app_and_cloud_has_its_own_token(client: FeishuClient, platform: Platform) -> None:
    await client.send("cli_a", MIN, HELLO, uuid="u1")
    await client.send("cli_b", MIN, HELLO, uuid="u2")
    assert [call[4] for call in platform.calls] == ["Bearer t-1", "Bearer t-2"]


async def test_a_token_is_renewed_ahead_while_the_old_one_serves(
    client: FeishuClient, platform: Platform, clock: Seconds
) -> None:
    await client.send("cli_a", MIN, HELLO, uuid="1")
    platform.token_asked.clear()
    platform.token_gate = asyncio.Event()
    clock.now += 7200 - 29 * 60
    await client.send("cli_a", MIN, HELLO, uuid="2")  # returns although the renewal is held up
    assert platform.calls[-1][4] == "Bearer t-1"
    await platform.token_asked.wait()
    platform.token_gate.set()
    while platform.calls[-1][4] != "Bearer t-2":
        await client.send("cli_a", Receiver(ReceiverType.OPEN_ID, f"ou_{len(platform.calls)}"), HELLO, uuid="3")
    assert platform.token_calls == 2


async def test_a_failing_renewal_ahead_is_not_noticed_and_not_hurried(
    client: FeishuClient, platform: Platform, clock: Seconds
) -> None:
    await client.send("cli_a", MIN, HELLO, uuid="1")
    clock.now += 7200 - 29 * 60
    platform.token_planned = [raw("<html>", 502)]
    for number in range(10):
        await client.send("cli_a", Receiver(ReceiverType.OPEN_ID, f"ou_{number}"), HELLO, uuid="2")
    assert {call[4] for call in platform.calls} == {"Bearer t-1"}
    assert platform.token_calls == 2


async def test_a_token_that_is_nearly_over_is_renewed_first(
    client: FeishuClient, platform: Platform, clock: Seconds
) -> None:
    await client.send("cli_a", MIN, HELLO, uuid="1")
    clock.now += 7200 - 4 * 60
    await client.send("cli_a", MIN, HELLO, uuid="2")
    assert platform.calls[-1][4] == "Bearer t-2"


async def test_a_token_that_expires_on_the_way_is_replaced_once(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [answer({"code": 99991663, "msg": "Invalid access token"}, 400)]
    assert (await client.send("cli_a", MIN, HELLO, uuid="u1")).message_id == "om_1"
    assert [call[4] for call in platform.calls] == ["Bearer t-1", "Bearer t-2"]
    assert [call[3]["uuid"] for call in platform.calls] == ["u1", "u1"]


async def test_a_second_refused_token_is_a_fault(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [answer({"code": 99991671, "msg": "x"}, 400)] * 2
    assert type(await refused(client)) is FeishuMisconfigured
    assert len(platform.calls) == 2


async def test_a_slow_token_does_not_stall_the_loop(client: FeishuClient, platform: Platform) -> None:
    platform.token_gate = asyncio.Event()
    sending = asyncio.create_task(client.send("cli_a", MIN, HELLO, uuid="u1"))
    await platform.token_asked.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert not sending.done()
    platform.token_gate.set()
    await sending


async def test_a_wrong_secret_is_a_misconfiguration(make: Make) -> None:
    fault = await refused(make(secret="wrong"))
    assert type(fault) is FeishuMisconfigured
    assert fault.code == 10015


async def test_closing_while_a_token_is_fetched_is_a_fault_and_no_cancellation(
    client: FeishuClient, platform: Platform
) -> None:
    platform.token_gate = asyncio.Event()
    sending = asyncio.create_task(client.send("cli_a", MIN, HELLO, uuid="u1"))
    await platform.token_asked.wait()
    await client.close()
    with pytest.raises(FeishuUnavailable):
        await sending


# --- faults


@pytest.mark.parametrize(
    "handler",
    [
        raw("<html>Bad Gateway</html>", 502),
        answer({"code": 1, "msg": "internal"}, 500),
        raw("", 200),
        raw("{'code': 0}", 200),
        raw("[]", 200),
        answer({"msg": "ok"}),
        answer({"code": "0"}),
        answer({"code": 0, "data": {"message_id": "om_1"}}),
        raw("", 302, Location="/elsewhere"),
        reset,
        half,
    ],
    ids=[
        "html-502",
        "json-500",
        "empty",
        "no-json",
        "list",
        "no-code",
        "text-code",
        "no-chat",
        "redirect",
        "reset",
        "half",
    ],
)
async def test_an_outage_is_unavailable(client: FeishuClient, platform: Platform, handler: Handler) -> None:
    platform.planned = [handler]
    fault = await refused(client)
    assert type(fault) is FeishuUnavailable
    assert len(platform.calls) == 1
    assert (await client.send("cli_a", MIN, HELLO, uuid="u1")).message_id == "om_1"


async def test_a_hanging_call_ends_with_its_time_out(make: Make, platform: Platform) -> None:
    client = make(timeout=0.2)
    platform.planned = [hang]
    assert type(await refused(client)) is FeishuUnavailable


async def test_nobody_listening_is_unavailable(make: Make) -> None:
    assert type(await refused(make(base_url="http://127.0.0.1:1"))) is FeishuUnavailable


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 230013, ReceiverRefused),
        (400, 99992361, ReceiverRefused),
        (400, 230025, PayloadRefused),
        (200, 230099, PayloadRefused),
        (400, 99991672, FeishuMisconfigured),
        (200, 424242, PayloadRefused),
    ],
)
async def test_feishus_code_decides_whatever_the_status(
    client: FeishuClient, platform: Platform, status: int, code: int, kind: type[FeishuFault]
) -> None:
    platform.planned = [answer({"code": code, "msg": "no", "error": {"log_id": "L1"}}, status)]
    fault = await refused(client)
    assert (type(fault), fault.code, fault.log_id) == (kind, code, "L1")


@pytest.mark.parametrize("code", [230031, 230011, 230110, 230013])
async def test_a_card_that_cannot_be_changed_is_gone(client: FeishuClient, platform: Platform, code: int) -> None:
    platform.planned = [answer({"code": code, "msg": "no"}, 400)]
    with pytest.raises(MessageGone):
        await client.patch_card("cli_a", "om_1", {})


@pytest.mark.parametrize("base_url", ["http://feishu.example", "ftp://127.0.0.1", "https://u@x", "https://x/api", "x"])
async def test_secrets_go_to_no_odd_base_url(make: Make, base_url: str, platform: Platform) -> None:
    assert type(await refused(make(base_url=base_url))) is FeishuMisconfigured
    assert platform.token_calls == 0


async def test_an_unknown_app_is_a_misconfiguration(client: FeishuClient) -> None:
    with pytest.raises(FeishuMisconfigured):
        await client.bot("nobody")


async def test_what_json_cannot_hold_is_refused_before_it_is_sent(client: FeishuClient, platform: Platform) -> None:
    for message in (TextMessage("\ud800"), CardMessage({"n": float("nan")})):
        with pytest.raises(PayloadRefused):
            await client.send("cli_a", MIN, message, uuid="u1")
    assert platform.calls == []


async def test_a_closed_pool_is_unavailable(client: FeishuClient, session: aiohttp.ClientSession) -> None:
    await session.close()
    assert type(await refused(client)) is FeishuUnavailable


# --- limits


async def test_a_rate_limit_pauses_the_whole_app(client: FeishuClient, platform: Platform, clock: Seconds) -> None:
    limited = answer({"code": 99991400, "msg": "limited"}, 429, x_ogw_ratelimit_reset="7")
    platform.planned = [limited]
    fault = await refused(client)
    assert isinstance(fault, FeishuUnavailable)
    assert fault.retry_after == 7.0
    before = clock.now
    await client.send("cli_a", Receiver(ReceiverType.OPEN_ID, "ou_other"), HELLO, uuid="u2")
    assert clock.now - before == pytest.approx(7.0)
    await client.send("cli_b", MIN, HELLO, uuid="u3")
    assert clock.now - before == pytest.approx(7.0)


@pytest.mark.parametrize(
    "handler",
    [
        answer({"code": 99991400, "msg": "limited"}, 400, x_ogw_ratelimit_reset="60"),
        raw("slow down", 429, x_ogw_ratelimit_reset="60"),
    ],
    ids=["400 with code", "429 with text"],
)
async def test_a_long_pause_is_told_instead_of_waited_for(
    client: FeishuClient, platform: Platform, clock: Seconds, handler: Handler
) -> None:
    platform.planned = [handler]
    await refused(client)
    clock.now += 20
    fault = await refused(client)
    assert isinstance(fault, FeishuUnavailable)
    assert fault.retry_after == pytest.approx(40.0)
    assert len(platform.calls) == 1


class Departures:
    """A line whose sleepers wake in the order of their time, as on a real loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.limits = RateLimits(lambda: self.now, self.sleep)
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.left: list[tuple[float, int]] = []
        self.waiting: list[asyncio.Task[None]] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self.now + seconds, event))
        await event.wait()

    async def go(self, number: int, target: str) -> None:
        await self.limits.turn("cli_a", target)
        self.left.append((self.now, number))

    async def run(self, targets: list[str]) -> list[tuple[float, int]]:
        tasks = [asyncio.create_task(self.go(number, target)) for number, target in enumerate(targets)]
        while not all(task.done() for task in tasks):
            for _ in range(10):
                await asyncio.sleep(0)
            if self._sleepers:
                self._sleepers.sort(key=lambda sleeper: sleeper[0])
                at, event = self._sleepers.pop(0)
                self.now = max(self.now, at)
                event.set()
        await asyncio.gather(*tasks)
        return self.left


def busiest(left: list[tuple[float, int]], period: float) -> int:
    times = [at for at, _ in left]
    return max(sum(start <= at < start + period for at in times) for start in times)


async def test_one_receiver_gets_at_most_five_messages_in_any_second_in_order() -> None:
    left = await Departures().run(["open_id:ou_min"] * 23)
    assert busiest(left, 1.0) == 5
    assert [number for _, number in left] == list(range(23))


async def test_an_app_sends_at_most_fifty_messages_in_any_second() -> None:
    left = await Departures().run([f"open_id:ou_{number}" for number in range(180)])
    assert busiest(left, 1.0) == 50
    assert [number for _, number in left] == list(range(180))


async def test_an_app_sends_at_most_a_thousand_messages_a_minute() -> None:
    line = Departures()
    for batch in range(20):
        await asyncio.gather(*(line.limits.turn("cli_a", f"{batch}-{number}") for number in range(50)))
        line.now += 1.2
    with pytest.raises(FeishuUnavailable) as caught:
        await line.limits.turn("cli_a", "one more")
    assert caught.value.retry_after == pytest.approx(66.0 - line.now)


async def test_a_line_longer_than_ten_seconds_is_refused_at_once() -> None:
    line = Departures()
    with pytest.raises(FeishuUnavailable) as caught:
        for _ in range(60):
            line.waiting.append(asyncio.create_task(line.limits.turn("cli_a", "open_id:ou_min")))
        await asyncio.gather(*line.waiting)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 10
    with pytest.raises(FeishuUnavailable) as again:  # whoever was refused has taken no place in the line
        await line.limits.turn("cli_a", "open_id:ou_min")
    assert again.value.retry_after == pytest.approx(caught.value.retry_after)


# --- the log


async def test_a_call_is_one_line_without_secrets(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [answer({"code": 230013, "msg": "no"}, 400, X_Tt_Logid="L9")]
    with capture_logs() as lines:
        await refused(client)
    call = lines[-1]
    assert call.pop("ms") >= 0
    assert call == {
        "event": "feishu.call",
        "log_level": "warning",
        "app": "cli_a",
        "path": "/open-apis/im/v1/messages",
        "code": 230013,
        "log_id": "L9",
    }
    assert not any(secret in str(lines) for secret in ("t-1", "s3cret", "hello", "ou_min"))


# --- who has seen it, who is buzzed, who somebody is

BUZZ = {"user_id_list": ["ou_min", "ou_gone"]}
PIN = {"time_sensitive": True, "user_ids": ["ou_min"]}
OPEN_ID = {"user_id_type": "open_id"}
MESSAGE = "/open-apis/im/v1/messages/om_7"
COMMANDS = "/open-apis/application/v7/app_slash_commands"
WIRE: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "urgent_app": ("PATCH", f"{MESSAGE}/urgent_app", OPEN_ID, BUZZ),
    "urgent_sms": ("PATCH", f"{MESSAGE}/urgent_sms", OPEN_ID, BUZZ),
    "urgent_phone": ("PATCH", f"{MESSAGE}/urgent_phone", OPEN_ID, BUZZ),
    "pin": ("PATCH", "/open-apis/im/v2/feed_cards/bot_time_sentive", OPEN_ID, PIN),
    "read": ("GET", f"{MESSAGE}/read_users", OPEN_ID | {"page_size": "100"}, None),
    "profile": ("GET", "/open-apis/contact/v3/users/ou_min", OPEN_ID, None),
}
"""What goes over the wire; the last test here has Feishu's own library write the same."""


def success(**data: Any) -> Handler:
    return answer({"code": 0, "msg": "success", "data": data})


def wire(platform: Platform) -> tuple[str, str, dict[str, str], Any]:
    [(method, path, query, body, _)] = platform.calls
    return method, path, query, body


@pytest.mark.parametrize("how", [Nudge.URGENT_APP, Nudge.URGENT_SMS, Nudge.URGENT_PHONE])
async def test_people_are_buzzed_about_a_message(client: FeishuClient, platform: Platform, how: Nudge) -> None:
    platform.planned = [success(invalid_user_id_list=["ou_gone", 7])]
    assert await client.urgent("cli_a", "om_7", ["ou_min", "ou_gone"], how) == ["ou_gone"]
    assert wire(platform) == WIRE[how.value]


async def test_a_soft_reminder_is_no_buzz(client: FeishuClient, platform: Platform) -> None:
    with pytest.raises(ValueError, match="no buzz"):
        await client.urgent("cli_a", "om_7", ["ou_min"], Nudge.PIN)
    assert platform.calls == []


async def test_the_bot_is_pinned_unless_feishu_names_a_reason(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [success(failed_user_reasons=[])]
    await client.pin_bot("cli_a", ["ou_min"], pinned=True)
    assert wire(platform) == WIRE["pin"]
    reason = {"error_code": 230013, "error_message": "no", "user_id": "ou_min"}
    platform.planned = [success(failed_user_reasons=[reason])]
    with pytest.raises(ReceiverRefused, match="230013"):
        await client.pin_bot("cli_a", ["ou_min"], pinned=False)
    assert platform.calls[-1][3]["time_sensitive"] is False


async def test_readers_are_read_page_by_page(client: FeishuClient, platform: Platform) -> None:
    first = {"user_id": "ou_1", "user_id_type": "open_id", "timestamp": "1767225600123", "tenant_key": "t"}
    odd = [{"user_id": "ou_2"}, {"timestamp": "1767225600123"}, None, {"user_id": 3, "timestamp": "1767225600123"}]
    last = first | {"user_id": "ou_4", "timestamp": "1767225601000"}
    platform.planned = [
        success(items=[first, *odd], has_more=True, page_token="p/2"),
        success(items=[last], has_more=False, page_token="p3"),
    ]
    found = await client.read_by("cli_a", "om_7")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert found == [
        ReadReceipt("ou_1", start + timedelta(milliseconds=123)),
        ReadReceipt("ou_4", start + timedelta(seconds=1)),
    ]
    assert platform.calls[0][:4] == WIRE["read"]
    assert platform.calls[1][2] == WIRE["read"][2] | {"page_token": "p/2"}


async def test_readers_without_end_are_not_read_for_ever(client: FeishuClient, platform: Platform) -> None:
    reader = {"user_id": "ou_1", "timestamp": "1767225600123"}
    platform.planned = [success(items=[reader] * 100, has_more=True, page_token=str(page)) for page in range(50)]
    assert len(await client.read_by("cli_a", "om_7")) == 500


STATUS = {"is_frozen": False, "is_resigned": False, "is_activated": True, "is_exited": False, "is_unjoin": False}


@pytest.mark.parametrize(
    ("user", "profile"),
    [
        (
            {"name": "林", "leader_user_id": "ou_boss", "time_zone": "Asia/Tokyo", "status": STATUS},
            Profile("林", Employment.ACTIVE, "ou_boss", "Asia/Tokyo"),
        ),
        ({"status": STATUS | {"is_frozen": True}}, Profile(employment=Employment.FROZEN)),
        ({"status": STATUS | {"is_frozen": True, "is_resigned": True}}, Profile(employment=Employment.LEFT)),
        ({"status": STATUS | {"is_exited": True}}, Profile(employment=Employment.LEFT)),
        ({"name": " ", "leader_user_id": 5, "time_zone": None, "status": "gone"}, Profile()),
        ({}, Profile()),
        (None, None),
    ],
)
async def test_a_person_is_as_feishu_tells(
    client: FeishuClient, platform: Platform, user: Any, profile: Profile | None
) -> None:
    platform.planned = [success(user=user)]
    assert await client.profile("cli_a", "ou_min") == profile
    assert wire(platform) == WIRE["profile"]


async def test_an_open_id_stays_in_its_place_in_the_path(client: FeishuClient, platform: Platform) -> None:
    platform.planned = [success(user={"name": "林"})]
    assert await client.name("cli_a", "../messages?x=1") == "林"
    assert platform.calls[0][1] == "/open-apis/contact/v3/users/..%2Fmessages%3Fx%3D1"


@pytest.mark.parametrize("code", [41012, 41050])
async def test_who_is_not_to_be_seen_is_refused(client: FeishuClient, platform: Platform, code: int) -> None:
    platform.planned = [answer({"code": code, "msg": "no user authority error"}, 403)]
    with pytest.raises(ReceiverRefused):
        await client.profile("cli_a", "ou_min")


async def test_only_what_differs_of_the_slash_commands_is_changed(client: FeishuClient, platform: Platform) -> None:
    def told(id_: str, name: str, zh: str, en: str) -> dict[str, Any]:
        words = {"zh_cn": zh, "en_us": en, "ja_jp": None}
        description = {"default_value": en, "i18n": words}
        return {"command_id": id_, "command": name, "description": description, "create_time": "1"}

    items = [told("1", "same", "同", "same"), told("2", "reworded", "旧", "old"), told("3/", "over", "废", "over")]
    platform.planned = [success(items=items), *(success() for _ in range(3))]
    wanted = [
        SlashCommand("same", "同", "same"),
        SlashCommand("reworded", "新", "new"),
        SlashCommand("more", "加", "m"),
    ]
    assert await client.register_commands("cli_a", wanted) == 3
    description = {"default_value": "new", "i18n": {"zh_cn": "新", "en_us": "new"}}
    added = {"default_value": "m", "i18n": {"zh_cn": "加", "en_us": "m"}}
    assert [call[:4] for call in platform.calls] == [
        ("GET", COMMANDS, {}, None),
        ("PATCH", f"{COMMANDS}/2", {}, {"command": "reworded", "description": description}),
        ("POST", COMMANDS, {}, {"command": "more", "description": added}),
        ("DELETE", f"{COMMANDS}/3%2F", {}, None),
    ]


@pytest.mark.slow
def test_feishus_own_library_writes_the_same_requests() -> None:
    """The requests above were not tried on the platform: this compares them with its typed client's, as text."""
    from lark_oapi.api.contact.v3 import GetUserRequest
    from lark_oapi.api.im.v1 import (
        ReadUsersMessageRequest,
        UrgentAppMessageRequest,
        UrgentPhoneMessageRequest,
        UrgentReceivers,
        UrgentSmsMessageRequest,
    )
    from lark_oapi.api.im.v2 import BotTimeSentiveFeedCardRequest, BotTimeSentiveFeedCardRequestBody
    from lark_oapi.core.json import JSON

    receivers = UrgentReceivers(BUZZ)
    urgent = {
        "urgent_app": UrgentAppMessageRequest,
        "urgent_sms": UrgentSmsMessageRequest,
        "urgent_phone": UrgentPhoneMessageRequest,
    }
    built: dict[str, Any] = {
        name: request.builder().message_id("om_7").user_id_type("open_id").request_body(receivers).build()
        for name, request in urgent.items()
    }
    pin = BotTimeSentiveFeedCardRequestBody(PIN)
    built["pin"] = BotTimeSentiveFeedCardRequest.builder().user_id_type("open_id").request_body(pin).build()
    read = ReadUsersMessageRequest.builder().message_id("om_7").user_id_type("open_id")
    built["read"] = read.page_size(100).build()
    built["profile"] = GetUserRequest.builder().user_id("ou_min").user_id_type("open_id").build()
    for name, request in built.items():
        path = request.uri
        for key, value in request.paths.items():
            path = path.replace(f":{key}", value)
        body = json.loads(JSON.marshal(request.body)) if request.body is not None else None
        query = {key: str(value) for key, value in request.queries}
        assert (request.http_method.name, path, query, body) == WIRE[name], name
