"""The service as real processes: started, killed, stopped; several on one database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support.feishu import Feishu

ROOT = Path(__file__).parents[2]
SECRET_KEY = "process-test-secret-key-0123456789abcdef"
READY_WITHIN = 60.0
"""Real seconds after which a start has failed; generous, since readiness is awaited as an event."""


def environment(feishu: Feishu, database_url: str, **more: str) -> dict[str, str]:
    """The environment of one service: ours without the settings that happen to be there, and its own."""
    app = feishu.app
    settings = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": SECRET_KEY,
        "FEISHU_APP_ID": app.app_id,
        "FEISHU_APP_SECRET": app.app_secret,
        "FEISHU_ENCRYPT_KEY": app.encrypt_key,
        "FEISHU_VERIFICATION_TOKEN": app.verification_token,
        "FEISHU_BASE_URL": feishu.base_url,
        "LOG_LEVEL": "WARNING",
        "DIGEST_AT": "never",  # the tests run at any time of day
        "L2_NOTICES_PER_HOUR": "1000",  # what is sent is counted
        "QUIET_HOURS": "never",
        "WORKING_DAYS": "1234567",
        "NATIVE_COMMANDS": "false",
        **{name.upper(): value for name, value in more.items()},
    }
    return clean_environment() | {f"ASSENT_{name}": value for name, value in settings.items()}


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("ASSENT_")}


@dataclass
class ServiceProcess:
    """One running service. Its standard error is appended to `log`."""

    process: asyncio.subprocess.Process
    base_url: str
    log: Path

    @property
    def webhook(self) -> str:
        return f"{self.base_url}/feishu/webhook"

    async def kill(self) -> None:
        """As when the power fails, for this process: SIGKILL."""
        self.process.kill()
        await self.process.communicate()

    async def stop(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.terminate()
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


async def start_service(env: Mapping[str, str], log: Path, *, ahead: timedelta = timedelta()) -> ServiceProcess:
    """A service that is ready. `ahead`: how far its clock is ahead of the machine's."""
    command = [sys.executable, "-m", "tests.support.crash_service", str(ahead.total_seconds())]
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=dict(env), stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    assert process.stdout is not None
    line = b""
    try:
        async with asyncio.timeout(READY_WITHIN):
            line = await process.stdout.readline()
    finally:
        if not line and process.returncode is None:
            process.kill()
    if not line:
        await process.communicate()
        raise AssertionError(f"the service did not start:\n{log.read_text()[-4000:]}")
    base_url = line.decode().strip()
    return ServiceProcess(process, base_url, log)


@asynccontextmanager
async def services_running(
    env: Mapping[str, str], log: Path, count: int, *, ahead: timedelta = timedelta()
) -> AsyncIterator[list[ServiceProcess]]:
    """So many replicas, started together; killed at the end unless they were stopped before."""
    starts = await asyncio.gather(*(start_service(env, log, ahead=ahead) for _ in range(count)), return_exceptions=True)
    services = [start for start in starts if isinstance(start, ServiceProcess)]
    try:
        for start in starts:
            if isinstance(start, BaseException):
                raise start
        yield services
    finally:
        for service in services:
            if service.process.returncode is None:
                await service.kill()
