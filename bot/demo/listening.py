"""Applications on loopback ports; a port that is taken is replaced by a free one."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

LOOPBACK = "127.0.0.1"
_STOP_WITHIN = 2.0  # seconds


def bound(port: int) -> socket.socket:
    """A loopback socket bound to this port, or to any free one."""
    for wanted in (port, 0):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, wanted))
        except OSError as fault:
            sock.close()
            if fault.errno != errno.EADDRINUSE or wanted == 0:
                raise
            continue
        return sock
    raise RuntimeError("a loop that always returns has ended")


def address(sock: socket.socket) -> str:
    return f"http://{LOOPBACK}:{sock.getsockname()[1]}"


@asynccontextmanager
async def listening(app: web.Application, sock: socket.socket) -> AsyncIterator[str]:
    """The application answers at the yielded address until the block ends."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_WITHIN)
    try:
        await runner.setup()
        await web.SockSite(runner, sock).start()
        yield address(sock)
    finally:
        await runner.cleanup()
        sock.close()
