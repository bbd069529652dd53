"""The ceiling: a handler that only reads and writes JSON."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response({"allowed": True, "action_type": body["action_type"]})


async def main() -> None:
    app = web.Application()
    app.add_routes([web.post("/v1/check", echo)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
