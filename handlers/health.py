"""/healthz: the process answers. /readyz: it can do its work, or a 503 that names what is missing.

What is asked is given in as callables; each returns None when all is well, else the reason in a few words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from handlers.errors import problem

ReadyCheck = Callable[[], Awaitable[str | None]]

PATIENCE = 1.0
"""Seconds that one readiness check may take; a database that answers later counts as absent."""

log = structlog.get_logger(__name__)

_NO_STORE = {"Cache-Control": "no-store"}


def health_routes(checks: Mapping[str, ReadyCheck], *, patience: float = PATIENCE) -> list[web.RouteDef]:
    """The two routes. `checks` are run at once on every /readyz, and named in its answer."""

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}, headers=_NO_STORE)

    async def readyz(request: web.Request) -> web.Response:
        reasons = await asyncio.gather(*(_ask(name, check, patience) for name, check in checks.items()))
        states = {name: reason or "ok" for name, reason in zip(checks, reasons, strict=True)}
        missing = sorted(name for name, reason in zip(checks, reasons, strict=True) if reason)
        if not missing:
            return web.json_response({"status": "ready", "checks": states}, headers=_NO_STORE)
        return problem(503, "not_ready", f"Not ready: {', '.join(missing)}.", checks={**states}, missing=[*missing])

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def task_runs(task: Callable[[], asyncio.Task[None] | None]) -> ReadyCheck:
    """A check that a background task is alive; asked anew each time, for a task may be replaced."""

    async def check() -> str | None:
        running = task()
        if running is None:
            return "not started"
        return "stopped" if running.done() else None

    return check


async def _ask(name: str, check: ReadyCheck, patience: float) -> str | None:
    """The reason for not being ready; a fault's own text stays in the log, for it may name hosts and users."""
    try:
        async with asyncio.timeout(patience):
            return await check()
    except TimeoutError:
        return f"no answer within {patience:g} s"
    except Exception as fault:
        log.warning("readiness.failed", check=name, fault=type(fault).__qualname__)
        return f"failed ({type(fault).__qualname__})"
