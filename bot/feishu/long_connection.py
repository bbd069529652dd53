"""The other way in: lark-oapi's WebSocket client, for an installation that has no public URL.

Events arrive unsigned inside a TLS connection that our app secret opened, so there is nothing left to verify. Feishu
gives each event to one of an app's connections only: a second process with the same app takes approvals away.

lark-oapi 1.7.5 binds to the event loop that it finds when it is imported, takes seconds to import and cannot be
stopped. Hence a thread of its own, a late import, and the few liberties with its inside that are marked below; the
version is pinned, and tests/integration/test_long_connection.py speaks its protocol to it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import types
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from bot.feishu.events import decode_plain
from bot.foreign_json import NotJson, parse_object
from models.values import AppCredentials, InboundEvent, JsonObject

ANSWER_WITHIN = 2.5
"""Seconds; Feishu gives up after 3. A decision that takes longer is still taken, and the next press is told so."""

_DISCOVERY_TIMEOUT = 10.0  # seconds
_RETRY_AFTER = 30.0  # seconds, after a refusal (wrong secret, too many connections) that the SDK takes for final

Dispatch = Callable[[str, InboundEvent], Awaitable[JsonObject]]

_log: structlog.stdlib.BoundLogger = structlog.get_logger("assent.feishu")


class LongConnection:
    """One app's connection, kept up until `stop`."""

    def __init__(self, credentials: AppCredentials, dispatch: Dispatch, loop: asyncio.AbstractEventLoop) -> None:
        """`dispatch(app_id, event)` runs on `loop` and gives the answer for a card callback, {} for events."""
        self._app = credentials
        self._dispatch = dispatch
        self._app_loop = loop
        self._own_loop = asyncio.new_event_loop()
        self._stopping = threading.Event()
        # A daemon: discovery may block in a socket, and must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name=f"feishu-{credentials.app_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self, within: float = 5.0) -> bool:
        """Whether the connection was closed in time; if not, it dies with the process."""
        self._stopping.set()
        if self._thread.ident is None:  # never started
            self._own_loop.close()
            return True
        with suppress(RuntimeError):  # closed already
            self._own_loop.call_soon_threadsafe(self._own_loop.stop)
        await asyncio.to_thread(self._thread.join, within)
        return not self._thread.is_alive()

    def receive(self, payload: bytes) -> JsonObject:
        """The answer to one event. Called on the connection's thread; whatever it raises is answered with 500."""
        try:
            event = decode_plain(parse_object(payload), self._app.app_id)
        except NotJson:
            return {}  # repeating it would not make it readable
        answering = asyncio.run_coroutine_threadsafe(self._answer(event), self._app_loop)
        return answering.result(timeout=ANSWER_WITHIN)

    async def _answer(self, event: InboundEvent) -> JsonObject:
        return await self._dispatch(self._app.app_id, event)

    def _run(self) -> None:
        asyncio.set_event_loop(self._own_loop)
        client = None
        try:
            client = _client(self._app, self)
            while not self._stopping.is_set():
                self._connected(client)
        except Exception as error:  # the thread's last word
            _log.error("feishu.long_connection_failed", app=self._app.app_id, error=type(error).__name__)
        finally:
            self._close(client)

    def _connected(self, client: Any) -> None:
        """Returns when the SDK gives up, or is stopped."""
        try:
            client.start()
        except Exception as error:
            if self._stopping.wait(0):
                return
            _log.error("feishu.long_connection_lost", app=self._app.app_id, error=type(error).__name__)
            self._stopping.wait(_RETRY_AFTER)

    def _close(self, client: Any) -> None:
        try:
            self._own_loop.run_until_complete(_end(client))
        finally:
            self._own_loop.close()


class _LoopOfThisThread:
    """Stands for lark_oapi.ws.client.loop, so that the connections of several apps do not share one loop."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_event_loop_policy().get_event_loop(), name)


class _Events:
    """Stands for lark_oapi's EventDispatcherHandler, which fails on unknown events and on values that are text."""

    def __init__(self, connection: LongConnection) -> None:
        self._connection = connection

    def _do_without_validation(self, payload: bytes) -> JsonObject:
        return self._connection.receive(payload)


class _WithoutKeys(logging.Filter):
    """Takes the query off WebSocket URLs: it holds the connection's ticket."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"(wss?://[^\s?]*)\?[^\s\]]*", r"\1?…", record.getMessage()), ()
        return True


_importing = threading.Lock()


def _client(app: AppCredentials, connection: LongConnection) -> Any:
    """An SDK client that belongs to the calling thread and its loop."""
    with _importing:
        module = _sdk()
    from lark_oapi.core.enum import LogLevel

    return module.Client(
        app.app_id,
        app.app_secret,
        event_handler=_Events(connection),
        domain=app.base_url.rstrip("/"),
        log_level=LogLevel.ERROR,  # INFO prints the URL with its ticket
    )


def _sdk() -> Any:
    """lark_oapi.ws.client, mended: one loop for each thread, discovery with a time-out, no keys in its log."""
    import lark_oapi.ws.client as module
    import requests

    if not isinstance(module.loop, _LoopOfThisThread):
        module.loop = _LoopOfThisThread()
        post = partial(requests.post, timeout=_DISCOVERY_TIMEOUT, allow_redirects=False)
        module.requests = types.SimpleNamespace(post=post)
        logging.getLogger("Lark").addFilter(_WithoutKeys())
    return module


async def _end(client: Any) -> None:
    """Cancels what the SDK left running and closes its socket."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    connection = getattr(client, "_conn", None)
    if connection is not None:
        try:
            await asyncio.wait_for(connection.close(), 1.0)
        except Exception as error:
            _log.debug("feishu.long_connection_close", error=type(error).__name__)
