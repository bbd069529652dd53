"""The service with one agent, on a free port."""

from __future__ import annotations

import asyncio
import json
import os
import secrets

from aiohttp import web

from bot.app import HOUSE, create_app
from bot.directory import token_hash
from config.logging import configure
from config.settings import load_settings
from models.tables import Agent, PolicyVersion


async def main() -> None:
    configure("ERROR", "json")
    app = await create_app(
        load_settings(
            {
                "ASSENT_DATABASE_URL": os.environ["BENCH_DATABASE_URL"],
                "ASSENT_SECRET_KEY": secrets.token_hex(32),
                "ASSENT_FEISHU_APP_ID": "cli_bench",
                "ASSENT_FEISHU_APP_SECRET": "none",
                "ASSENT_FEISHU_ENCRYPT_KEY": "none",
                "ASSENT_FEISHU_VERIFICATION_TOKEN": "none",
                "ASSENT_FEISHU_BASE_URL": "http://127.0.0.1:9",
                "ASSENT_CHECKS_PER_MINUTE": "10000000",  # the limit is not what is measured
            }
        )
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    token = await _agent(app)
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "token": token}), flush=True)
    await asyncio.Event().wait()


async def _agent(app: web.Application) -> str:
    house, token = app[HOUSE], "ast_" + secrets.token_urlsafe(32)
    now = house.clock.now()
    creator = await house.people.ensure("default", "ou_bench", now=now)
    agent = await Agent.create(
        tenant="default", name="Bench", creator_id=creator.id, token_hash=token_hash(token), created_at=now
    )
    rules = {"read_*": "L1", "delete_*": "L3"}
    document = {"default": "L2", "rules": rules}
    await PolicyVersion.create(
        agent_id=agent.id, version=1, document=json.dumps(document), author="benchmark", created_at=now
    )
    return token


if __name__ == "__main__":
    asyncio.run(main())
