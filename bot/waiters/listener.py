"""One LISTEN connection per process, beside the pool; it comes back by itself."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

CHANNEL = "assent_approval"

log = structlog.get_logger(__name__)

RETRY_DELAYS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to come back; the last one repeats."""

CHECK_EVERY = 10.0
"""Seconds between two questions to the server: a connection cut without a word is noticed by them only."""


class Listener:
    """Calls `heard` with each payload, and `returned` after every gap in which payloads may have been missed."""

    def __init__(
        self, credentials: dict[str, Any], *, heard: Callable[[str], None], returned: Callable[[], None]
    ) -> None:
        self._credentials = credentials | {"command_timeout": 5.0}
        self._heard = heard
        self._returned = returned
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._listened = False  # whether the last attempt got as far as LISTEN

    async def open(self) -> None:
        """Listens, or keeps trying to: returns when the first attempt has ended."""
        first = asyncio.get_running_loop().create_future()
        self._task = asyncio.get_running_loop().create_task(
            self._listen_forever(first), name="listener", context=contextvars.Context()
        )
        await first

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen_forever(self, first: asyncio.Future[None]) -> None:
        attempt = 0
        while True:
            try:
                await self._listen_once(first)
            except Exception as fault:
                log.warning("listener.lost", fault=type(fault).__name__)
            finally:
                if not first.done():
                    first.set_result(None)
            attempt = 0 if self._listened else attempt + 1
            await asyncio.sleep(RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)])

    async def _listen_once(self, first: asyncio.Future[None]) -> None:
        """Returns when the connection is lost."""
        self._lost.clear()
        self._listened = False
        connection = await asyncpg.connect(**self._credentials)
        try:
            connection.add_termination_listener(lambda _: self._lost.set())
            await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: self._heard(payload))
            self._listened = True
            if first.done():
                self._returned()
            else:
                first.set_result(None)
            while not self._lost.is_set():
                try:
                    async with asyncio.timeout(CHECK_EVERY):
                        await self._lost.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()
