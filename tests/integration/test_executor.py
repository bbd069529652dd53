"""An executor that answers, refuses, vanishes and dawdles; and what each proves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from bot.execution.executor_url import executor_url_fault
from bot.execution.http_executor import MAX_ANSWER, HttpExecutor
from bot.execution.webhook_signature import secret_of
from bot.ports import ExecutionOrder, Outcome, OutcomeKind

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECRET, OLD = secret_of(b"n" * 24), secret_of(b"o" * 24)
ORDER = ExecutionOrder(
    UUID("0198a000-0000-7000-8000-000000000001"),
    "bookkeeper",
    "delete_files",
    "delete_file",
    {"path": "报告/2025", "deep": [1, {"x": None}]},
    "sha256:5d1f6a",
)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Site:
    """An agent's executor: remembers the orders, answers as planned."""

    def __init__(self) -> None:
        self.orders: list[tuple[dict[str, str], bytes]] = []
        self.handler: Handler = answer("")
        self.url = ""
        self.peers: set[object] = set()

    async def take(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.orders.append((headers, await request.read()))
        return await self.handler(request)


def answer(text: str | bytes, status: int = 200, **headers: str) -> Handler:
    body = text if isinstance(text, bytes) else text.encode()

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return handler


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"done":')
    assert request.transport is not None
    request.transport.close()
    return response


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_post("/run", site.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/run"
    yield site
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def executor(session: aiohttp.ClientSession) -> HttpExecutor:
    return HttpExecutor(session, WallClock())


async def ran(executor: HttpExecutor, site: Site, handler: Handler) -> Outcome:
    site.handler = handler
    return await executor.execute(site.url, [SECRET], ORDER)


async def test_the_order_is_signed_whole_with_every_secret(executor: HttpExecutor, site: Site) -> None:
    site.handler = answer('{"deleted": 3}')
    outcome = await executor.execute(site.url, [SECRET, OLD], ORDER)
    assert outcome == Outcome(OutcomeKind.SUCCEEDED, result={"deleted": 3})
    [(headers, body)] = site.orders
    for secret in (SECRET, OLD):
        Webhook(secret).verify(body, headers)
    assert headers["webhook-id"] == str(ORDER.approval_id)
    assert headers["idempotency-key"] == f'"{ORDER.approval_id}"'
    sent: dict[str, Any] = json.loads(body)
    assert sent["type"] == "action.execute"
    assert int(datetime.fromisoformat(sent["timestamp"]).timestamp()) == int(headers["webhook-timestamp"])
    assert sent["data"] == {
        "approval_id": str(ORDER.approval_id),
        "agent": "bookkeeper",
        "action_type": "delete_files",
        "tool": "delete_file",
        "args": {"path": "报告/2025", "deep": [1, {"x": None}]},
        "action_digest": "sha256:5d1f6a",
    }


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("", None),
        ("  ", None),
        ("42", 42),
        ("done", "done"),
        (b"\xff\x00", "��"),
        ('{"a":"\\u0000\\ud800"}', {"a": "��"}),
        ('{"a":NaN}', '{"a":NaN}'),
    ],
)
async def test_the_result_is_json_or_text_that_can_be_stored(
    executor: HttpExecutor, site: Site, body: str | bytes, result: object
) -> None:
    assert await ran(executor, site, answer(body, 202)) == Outcome(OutcomeKind.SUCCEEDED, result=result)  # type: ignore[arg-type]


async def test_a_success_too_large_to_keep_is_a_success(executor: HttpExecutor, site: Site) -> None:
    outcome = await ran(executor, site, answer(b"x" * (MAX_ANSWER + 1)))
    assert (outcome.kind, outcome.result) == (OutcomeKind.SUCCEEDED, None)
    assert "1 MiB" in (outcome.error or "")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 429, 500])
async def test_a_refusal_is_a_failure_with_its_words(executor: HttpExecutor, site: Site, status: int) -> None:
    outcome = await ran(executor, site, answer("no such\x00 file", status))
    assert outcome == Outcome(OutcomeKind.FAILED, error=f"HTTP {status}: no such� file")


async def test_a_redirect_is_not_followed(executor: HttpExecutor, site: Site) -> None:
    outcome = await ran(executor, site, answer("", 307, Location=site.url))
    assert outcome == Outcome(OutcomeKind.FAILED, error="HTTP 307")
    assert len(site.orders) == 1


@pytest.mark.parametrize("handler", [reset, half, *(answer("", status) for status in (502, 503, 504))])
async def test_a_lost_answer_is_unknown(executor: HttpExecutor, site: Site, handler: Handler) -> None:
    outcome = await ran(executor, site, handler)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert len(site.orders) == 1  # asked once, never again


async def test_each_order_has_a_fresh_connection(executor: HttpExecutor, site: Site) -> None:
    """A kept one may have died unnoticed, and would make an order unknown that never left."""
    for _ in range(2):
        await executor.execute(site.url, [SECRET], ORDER)
    assert len(site.peers) == 2


async def test_a_time_out_is_unknown(session: aiohttp.ClientSession, site: Site) -> None:
    impatient = HttpExecutor(session, WallClock(), timeout=timedelta(seconds=0.2))
    assert await ran(impatient, site, hang) == Outcome(OutcomeKind.UNKNOWN, error="no answer in time")


async def test_a_connection_refused_is_a_failure(executor: HttpExecutor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = await executor.execute(f"http://127.0.0.1:{port}/run", [SECRET], ORDER)
    assert outcome.kind is OutcomeKind.FAILED
    assert (outcome.error or "").startswith("not reached")


async def test_a_closed_pool_is_a_failure(executor: HttpExecutor, session: aiohttp.ClientSession, site: Site) -> None:
    await session.close()
    assert (await executor.execute(site.url, [SECRET], ORDER)).kind is OutcomeKind.FAILED


async def test_an_unknown_host_is_a_failure(executor: HttpExecutor) -> None:
    outcome = await executor.execute("https://nowhere.invalid/run", [SECRET], ORDER)
    assert outcome.kind is OutcomeKind.FAILED
    assert (outcome.error or "").startswith("not reached")


async def test_plain_http_where_tls_is_expected_is_not_reached(executor: HttpExecutor, site: Site) -> None:
    outcome = await executor.execute(site.url.replace("http:", "https:"), [SECRET], ORDER)
    assert outcome.kind is OutcomeKind.FAILED
    assert site.orders == []


@pytest.mark.parametrize("secrets", [[], ["whsec_short"], [SECRET, "plain"]])
async def test_nothing_is_sent_unsigned(executor: HttpExecutor, site: Site, secrets: list[str]) -> None:
    outcome = await executor.execute(site.url, secrets, ORDER)
    assert outcome.kind is OutcomeKind.FAILED
    assert site.orders == []
    assert not any(secret in (outcome.error or "") for secret in secrets)


async def test_a_name_that_leads_to_the_metadata_service_is_not_asked(
    executor: HttpExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_up(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    outcome = await executor.execute("https://executor.example/run", [SECRET], ORDER)
    assert outcome.kind is OutcomeKind.FAILED
    assert "link-local" in (outcome.error or "")


@pytest.mark.parametrize(
    "url",
    [
        "https://executor.example/run?x=1",
        "https://10.1.2.3:8443/",
        "http://127.0.0.1:8080/run",
        "http://localhost/run",
        "http://192.168.1.5/run",
        "http://executor:8080/run",
        "http://executor.team.internal/run",
        "http://[::1]/run",
        "http://[fd00::5]/run",
    ],
)
def test_urls_of_executors(url: str) -> None:
    assert executor_url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "executor",
        "file:///etc/passwd",
        "https:///run",
        "http://executor.example/run",
        "http://8.8.8.8/run",
        "https://user:pw@executor.example/",
        "https://executor.example/#x",
        "https://executor.example/a b",
        "https://executor.example:port/",
        "https://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25eth0]/",
        "https://0.0.0.0/",
        "https://100.100.100.200/",
        "https://224.0.0.1/",
        "https://2852039166/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://[::1",
    ],
)
async def test_urls_of_nothing_that_we_would_ask(executor: HttpExecutor, url: str) -> None:
    assert executor_url_fault(url) is not None
    assert (await executor.execute(url, [SECRET], ORDER)).kind is OutcomeKind.FAILED


def test_http_to_a_public_host_must_be_asked_for() -> None:
    assert executor_url_fault("http://executor.example/run", allow_http=True) is None
