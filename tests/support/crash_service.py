"""The service as a process of its own, made to be killed: any free port, and a clock that may run ahead.

python -m tests.support.crash_service [seconds ahead]; settings come from the environment as always. Prints its base
URL once it is ready, and stops gracefully on SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta

from aiohttp import web

from bot.app import Pace, create_app
from config import logging
from config.settings import load_settings


class ClockAhead:
    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


async def run(ahead: timedelta) -> None:
    settings = load_settings()
    logging.configure(settings.log_level, "json")
    app = await create_app(settings, clock=ClockAhead(ahead), pace=Pace(poll=0.2))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(run(timedelta(seconds=float(sys.argv[1]) if len(sys.argv) > 1 else 0)))
