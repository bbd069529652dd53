"""Ratios, measured in one run: an L1 check against a bare aiohttp handler, and how soon a waiting agent wakes.

    make bench            about two minutes; SQLite and PostgreSQL

Absolute figures are this machine's; only the ratios say something.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.servers import Served, echo_server, gate_server, postgres_url

SECONDS = 4.0
CONCURRENCY = (1, 16, 64)
WAKES = 50

Call = Callable[[aiohttp.ClientSession], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    per_second: float
    p50: float  # milliseconds
    p99: float


async def main() -> None:
    print(f"{SECONDS:g} s per cell; requests per second (ratio to echo), p50 / p99 in milliseconds\n")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            postgres = stack.enter_context(postgres_url(Path(folder)))
            servers = {
                "echo": await stack.enter_async_context(echo_server()),
                "check, SQLite": await stack.enter_async_context(gate_server(f"sqlite://{folder}/bench.db")),
                "check, PostgreSQL": await stack.enter_async_context(gate_server(postgres)),
            }
            await throughput(servers)
            for name, server in servers.items():
                if server.token:
                    await wake_up(name, server)


async def throughput(servers: dict[str, Served]) -> None:
    print(f"{'':20}" + "".join(f"{f'c={c}':>34}" for c in CONCURRENCY))
    echo: dict[int, float] = {}
    for name, server in servers.items():
        cells = []
        for concurrency in CONCURRENCY:
            load = await measure(server.check, concurrency)
            base = echo.setdefault(concurrency, load.per_second)
            ratio = load.per_second / base
            cells.append(f"{load.per_second:8.0f} ({ratio:4.2f})  {load.p50:6.2f} / {load.p99:6.2f}")
        print(f"{name:20}" + "".join(f"{cell:>34}" for cell in cells), flush=True)


async def measure(call: Call, concurrency: int) -> Load:
    """Closed loop: each of `concurrency` clients calls again as soon as it is answered."""
    times: list[float] = []

    async def client(session: aiohttp.ClientSession, until: float) -> None:
        while (begun := time.perf_counter()) < until:
            await call(session)
            times.append(time.perf_counter() - begun)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(client(session, time.perf_counter() + 0.5) for _ in range(concurrency)))
        times.clear()
        begun = time.perf_counter()
        await asyncio.gather(*(client(session, begun + SECONDS) for _ in range(concurrency)))
        lasted = time.perf_counter() - begun
    ordered = sorted(times)
    return Load(
        len(times) / lasted,
        statistics.median(ordered) * 1000,
        ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
    )


async def wake_up(name: str, server: Served) -> None:
    """From the answer to a rejection by command of the agent itself (cancel) to the end of the long poll."""
    delays = []
    async with aiohttp.ClientSession() as session:
        for number in range(WAKES):
            approval_id = await server.ask(session, f"wake-{number}")
            waiting = asyncio.create_task(server.wait_for(session, approval_id))
            await asyncio.sleep(0.02)
            await server.cancel(session, approval_id)
            resolved = time.perf_counter()
            delays.append((await waiting - resolved) * 1000)
    ordered = sorted(delays)
    print(
        f"\nwake-up, {name}: median {statistics.median(ordered):.1f} ms, worst of {WAKES} {ordered[-1]:.1f} ms"
        " after the answer to the resolving call (negative: before it)"
    )


if __name__ == "__main__":
    asyncio.run(main())
