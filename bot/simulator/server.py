"""The simulator as a web application: Open API, control API and page on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from bot.simulator.api import MAX_BODY, OpenApi
from bot.simulator.control import Control
from bot.simulator.panels import Panel
from bot.simulator.simulator import Simulator
from bot.simulator.world import World

SIMULATOR = web.AppKey("simulator", Simulator)


def create_simulator(
    world: World | None = None, *, simulator: Simulator | None = None, panels: Sequence[Panel] = ()
) -> web.Application:
    """The application; `panels` are shown beside the chats. The simulator runs from start-up to clean-up."""
    simulator = simulator or Simulator(world)
    app = web.Application(client_max_size=MAX_BODY, handler_args={"access_log": None})
    app[SIMULATOR] = simulator
    app.add_routes(OpenApi(simulator).routes())
    app.add_routes(Control(simulator, panels).routes())
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(_let_go)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    await app[SIMULATOR].start()
    yield
    await app[SIMULATOR].close()


async def _let_go(app: web.Application) -> None:
    """Ends the hanging answers and the pages' streams, so that shutting down does not wait for them."""
    app[SIMULATOR].end()


class RunningSimulator:
    """A simulator that listens; `base_url` is what the bot is given in place of https://open.feishu.cn."""

    def __init__(self, runner: web.AppRunner, base_url: str) -> None:
        self._runner = runner
        self.base_url = base_url

    async def close(self) -> None:
        await self._runner.cleanup()


async def serve(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> RunningSimulator:
    """Listens; returns at once. Port 0 takes a free one."""
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    bound = runner.addresses[0]
    return RunningSimulator(runner, f"http://{_bracketed(str(bound[0]))}:{bound[1]}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
