"""Performs an approved action by asking the agent's executor over HTTP, once.

Signed as Standard Webhooks 1.0. What the answer proves decides the outcome: a 2xx status says it was done; no
connection says it was not; a lost answer says nothing (UNKNOWN), and the same goes for a gateway's 502, 503 and 504,
behind which the executor may have acted. Every other status is the executor's own refusal or failure (FAILED).
A 2xx whose body is too large to keep stays a success, without its result: the status has already told what happened.
"""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp
from aiohttp.abc import ResolveResult
from yarl import URL

from bot.execution.executor_url import address_fault, executor_url_fault
from bot.execution.webhook_signature import sign
from bot.foreign_json import NotJson, parse, storable_text
from bot.ports import Clock, ExecutionOrder, Outcome, OutcomeKind
from models.values import Json, JsonObject

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an executor's answer that are read."""

_MAX_ERROR = 2000  # characters of an answer that are kept as the error
_CONNECT = 10.0  # seconds
_MAYBE_DONE = frozenset({502, 503, 504})


class _NotReached(Exception):
    """Nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes | None  # None: larger than MAX_ANSWER


class CheckedResolver(aiohttp.ThreadedResolver):
    """Names are resolved to addresses that may be called, at the moment of connecting.

    So a name that answers differently the second time (DNS rebinding) does not get past HttpExecutor's own look.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for each in found:
            if why := address_fault(each["host"]):
                raise OSError(f"the host {why}")
        return found


class HttpExecutor:
    """Implements bot.ports.ActionExecutor."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        timeout: timedelta = timedelta(seconds=30),
        allow_http: bool = False,
    ) -> None:
        """`allow_http`: see executor_url_fault. The session stays the caller's; it resolves by CheckedResolver."""
        seconds = timeout.total_seconds()
        self._session = session
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(_CONNECT, seconds))
        self._allow_http = allow_http

    async def execute(self, url: str, secrets: list[str], order: ExecutionOrder) -> Outcome:
        if self._session.closed:
            return _failed("not reached: the service is shutting down")
        if why := executor_url_fault(url, allow_http=self._allow_http):
            return _failed(f"not reached: the executor's URL {why}")
        try:
            headers, body = self._signed(secrets, order)
        except ValueError:  # a secret that is none, or a value that JSON cannot hold
            return _failed("not reached: the order could not be written and signed")
        try:
            await _look_up(URL(url))
            return outcome_of(await self._post(url, headers, body))
        except _NotReached as error:
            return _failed(f"not reached: {error}")
        except TimeoutError:
            return Outcome(OutcomeKind.UNKNOWN, error="no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(OutcomeKind.UNKNOWN, error=f"the answer was lost: {type(error).__name__}")

    def _signed(self, secrets: list[str], order: ExecutionOrder) -> tuple[dict[str, str], bytes]:
        """Headers and the one serialisation that is both signed and sent."""
        now = self._clock.now()
        body = json.dumps(
            {"type": "action.execute", "timestamp": now.isoformat(), "data": _order(order)}, allow_nan=False
        ).encode("ascii")
        message_id, timestamp = str(order.approval_id), int(now.timestamp())
        if not secrets:
            raise ValueError("no secret")
        headers = {
            "Content-Type": "application/json",
            "Connection": "close",  # a kept connection that has died would make an order unknown that never left
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
            "Idempotency-Key": f'"{message_id}"',  # a structured-field string
        }
        return headers, body

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> _Answer:
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                return _Answer(response.status, await _read(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientSSLError) as error:
            raise _NotReached(type(error).__name__) from None
        except aiohttp.InvalidURL:
            raise _NotReached("InvalidURL") from None


def outcome_of(answer: _Answer) -> Outcome:
    """What an answer proves."""
    if 200 <= answer.status < 300:
        if answer.body is None:
            return Outcome(OutcomeKind.SUCCEEDED, error="the result was larger than 1 MiB and was not kept")
        return Outcome(OutcomeKind.SUCCEEDED, result=_result(answer.body))
    said = _said(answer.body or b"")
    error = f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}"
    return Outcome(OutcomeKind.UNKNOWN if answer.status in _MAYBE_DONE else OutcomeKind.FAILED, error=error)


async def _look_up(url: URL) -> None:
    """Raises _NotReached for a name that is unknown or leads to an address that is never an executor's."""
    host = url.raw_host or ""
    try:
        async with asyncio.timeout(_CONNECT):
            found = await asyncio.get_running_loop().getaddrinfo(host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        raise _NotReached(type(error).__name__) from None
    for *_, address in found:
        if why := address_fault(str(address[0])):
            raise _NotReached(f"the executor's host {why}")


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    read = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        read += chunk
        if len(read) > MAX_ANSWER:
            return None
    return bytes(read)


def _order(order: ExecutionOrder) -> JsonObject:
    return {
        "approval_id": str(order.approval_id),
        "agent": order.agent,
        "action_type": order.action_type,
        "tool": order.tool,
        "args": order.args,
        "action_digest": order.action_digest,
    }


def _result(body: bytes) -> Json:
    """The JSON value of an answer, its text when it is not JSON, None when it is empty."""
    if not body.strip():
        return None
    try:
        return parse(body)
    except NotJson:
        return storable_text(body.decode("utf-8", "replace"))


def _said(body: bytes) -> str:
    return storable_text(body.decode("utf-8", "replace")).strip()[:_MAX_ERROR]


def _failed(error: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, error=error)
