"""Story: the operator starts and stops the real command; it ends well, and says all that is wrong with its settings."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]
import pytest

from bot.app import default_app
from bot.database import open_database
from bot.people.apps import FeishuApps
from bot.people.joining import People
from bot.secrecy.box import SecretBox
from models.enums import OutboxKind, OutboxState
from models.ids import new_id
from models.tables import AuditEntry, OutboxMessage
from tests.support.feishu import Feishu, feishu_running
from tests.support.processes import READY_WITHIN, ROOT, SECRET_KEY, clean_environment, environment
from tests.support.registering import register_agent, register_person
from tests.support.service import POLICY, HookAgent, TravellingClock, settings_for

BAD: Mapping[str, str] = {
    "ASSENT_DATABASE_URL": "mysql://root:hunter2@db/assent",
    "ASSENT_SECRET_KEY": "too-short-to-be-a-key",
    "ASSENT_FEISHU_APP_SECRET": "correct-horse-battery",
    "ASSENT_FEISHU_BASE_URL": "http://open.feishu.cn",
    "ASSENT_PORT": "99999",
    "ASSENT_APPROVAL_TTL": "20d",
    "ASSENT_REMINDERS": "2h,1h",
    "ASSENT_DEFAULT_LEVEL": "L4",
    "ASSENT_FEISHU_ENCRYPTION_KEY": "misspelt-and-secret",
}
MISSING = ("ASSENT_FEISHU_APP_ID", "ASSENT_FEISHU_ENCRYPT_KEY", "ASSENT_FEISHU_VERIFICATION_TOKEN")


@asynccontextmanager
async def serving(env: Mapping[str, str]) -> AsyncIterator[tuple[Process, str]]:
    """`python -m bot serve`, once it says that it has started, and its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", cwd=ROOT, env=dict(env), stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stderr is not None
        said = b""
        async with asyncio.timeout(READY_WITHIN):
            while b"service.started" not in said:
                said = await process.stderr.readline()
                assert said, "it ended instead of starting"
        [port] = {
            each.laddr.port
            for each in psutil.Process(process.pid).net_connections(kind="tcp")
            if each.status == psutil.CONN_LISTEN
        }
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def registered(feishu: Feishu, database_url: str) -> str:
    """An agent's token, written before the service starts."""
    clock, box = TravellingClock(), SecretBox([SECRET_KEY])
    async with open_database(database_url):
        await FeishuApps(box, default_app(settings_for(feishu, database_url))).ensure_default(clock.now())
        creator = await register_person(People(feishu.app.app_id), feishu, feishu.creator, clock.now())
        return await register_agent(creator, box, clock.now(), name="Bookkeeper", policy=POLICY)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
async def test_stop_answers_who_is_held_gives_leases_back_and_exits_with_0(
    database_url: str, end: signal.Signals
) -> None:
    async with feishu_running() as feishu, aiohttp.ClientSession() as session:
        token = await registered(feishu, database_url)
        env = environment(feishu, database_url, port="0", log_level="INFO", log_format="json")
        async with serving(env) as (process, base_url):
            feishu.connect(f"{base_url}/feishu/webhook")
            agent = HookAgent(session, base_url, token, "Bookkeeper")
            held = asyncio.create_task(agent.call("POST", "/v1/check", ask(), Prefer="wait=600"))
            await feishu.next_card(to=feishu.creator)
            hanging = feishu.fail_next("send", "hang", None)
            assert (await agent.asks("write_files"))["allowed"]
            await feishu.met(hanging)
            process.send_signal(end)
            status, answer = await asyncio.wait_for(held, 30)
            assert (status, answer["status"], answer["allowed"]) == (202, "pending", False)
            feishu.lift()
            said, complaints = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0
            assert b"Traceback" not in said + complaints
            assert b"service.stopping" in complaints
            assert token.encode() not in said + complaints
    await nothing_is_lost(database_url)


def ask() -> dict[str, object]:
    return {"action_type": "delete_files", "details": {"tool": "delete_file", "args": {"path": str(new_id())}}}


async def nothing_is_lost(database_url: str) -> None:
    """No lease is left; what could not be sent waits for the next start."""
    async with open_database(database_url):
        told = [OutboxKind.APPROVAL_CARD, OutboxKind.NOTICE]
        states = [message.state for message in await OutboxMessage.filter(kind__in=told)]
        assert sorted(states) == [OutboxState.DELIVERED, OutboxState.WAITING]
        assert await OutboxMessage.filter(lease_owner__not_isnull=True).count() == 0
        assert await AuditEntry.filter(action="check.pending").count() == 1


async def test_bad_settings_are_named_all_at_once_without_their_values(tmp_path: Path) -> None:
    env = clean_environment() | dict(BAD) | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", cwd=tmp_path, env=env, stdout=PIPE, stderr=PIPE
    )
    said, complaints = (part.decode() for part in await asyncio.wait_for(process.communicate(), READY_WITHIN))
    assert process.returncode == 2
    for name in (*(BAD.keys() - {"ASSENT_FEISHU_APP_SECRET"}), *MISSING):
        assert name in complaints
    assert "ASSENT_FEISHU_APP_SECRET" not in complaints  # nothing is wrong with it
    assert "Traceback" not in said + complaints
    for value in ("hunter2", "too-short-to-be-a-key", "correct-horse-battery", "misspelt-and-secret"):
        assert value not in said + complaints
    assert list(tmp_path.iterdir()) == []
