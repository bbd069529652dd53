"""`assent simulator`: runs the simulator alone until it is interrupted. Wired into the command line by bot.__main__."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

from bot.simulator.demo import demo_world
from bot.simulator.panels import Panel
from bot.simulator.server import create_simulator, serve


async def run_simulator(
    host: str = "127.0.0.1",
    port: int = 8788,
    *,
    callback_url: str | None = None,
    app_id: str | None = None,
    app_secret: str | None = None,
    encrypt_key: str | None = None,
    verification_token: str | None = None,
    panels: Sequence[Panel] = (),
    say: Callable[[str], None] = lambda line: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves the demo's world until `stop`, or SIGINT or SIGTERM.

    `say` gets the lines that an operator needs, the settings for `.env`.
    """
    world, app = demo_world(
        callback_url,
        app_id=app_id,
        app_secret=app_secret,
        encrypt_key=encrypt_key,
        verification_token=verification_token,
    )
    stop = stop or _interrupted()
    running = await serve(create_simulator(world, panels=panels), host, port)
    try:
        say(f"Feishu simulator: {running.base_url}/")
        say(f"ASSENT_FEISHU_BASE_URL={running.base_url}")
        say(f"ASSENT_FEISHU_APP_ID={app.app_id}")
        say(f"ASSENT_FEISHU_APP_SECRET={app.app_secret}")
        say(f"ASSENT_FEISHU_ENCRYPT_KEY={app.encrypt_key}")
        say(f"ASSENT_FEISHU_VERIFICATION_TOKEN={app.verification_token}")
        say(f"Events and callbacks go to {app.callback_url or 'nowhere yet'}")
        await stop.wait()
    finally:
        await running.close()


def _interrupted() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, also where the shell that started it in the background had SIGINT ignored."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop
