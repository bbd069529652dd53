"""Traps that only real processes and servers of one's own can show."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.database import UnsafeDatabase, migrate, open_database, pending_migrations
from bot.journal.flushing import CheckRecord, Journal, JournalFault, Recorded
from bot.ports import SystemClock
from models.tables import GateEpoch
from tests.integration.test_journal import chain_is_whole
from tests.support.databases import PostgresServer, own_server
from tests.support.facts import fact

ROOT = Path(__file__).parents[2]

MIGRATE = "import asyncio, sys; from bot.database import migrate; print(len(asyncio.run(migrate(sys.argv[1]))))"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/new/assent.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with server.database(migrated=False) as url:
            yield url


async def test_trap_four_replicas_migrate_at_once(empty_url: str) -> None:
    """Tortoise's migrations take no lock: without ours, two or three of four crash."""
    command = [sys.executable, "-c", MIGRATE, empty_url]
    replicas = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ends = [await asyncio.to_thread(replica.communicate) for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0] * 4, ends
    applied = [int(out) for out, _ in ends]
    assert sorted(applied)[:3] == [0, 0, 0]
    assert max(applied) >= 1
    assert await migrate(empty_url) == []
    assert await pending_migrations(empty_url) == []
    async with open_database(empty_url):
        assert (await GateEpoch.get()).epoch == 0


@pytest.fixture(scope="module")
def server_of_our_own() -> Iterator[PostgresServer]:
    with own_server() as server:
        server.prepare_template()
        yield server


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_trap_postgres_without_durability_is_refused(server_of_our_own: PostgresServer, setting: str) -> None:
    server = server_of_our_own
    with server.database() as url:
        async with open_database(url):
            pass
        server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.reload()
        try:
            with pytest.raises(UnsafeDatabase, match=f"{setting} = off"):
                async with open_database(url):
                    pass
        finally:
            server.psql(f"ALTER SYSTEM RESET {setting}")
            server.reload()
        async with open_database(url):
            pass


async def test_trap_a_server_that_hangs_fails_checks_in_time_and_is_used_again(
    server_of_our_own: PostgresServer,
) -> None:
    """Stopped, not crashed: connections stay open and nobody answers."""
    server = server_of_our_own
    with server.database() as url:
        async with open_database(url):
            journal = Journal(SystemClock(), patience=0.5)
            assert await journal.record(CheckRecord(0, fact("before"))) is Recorded.COMMITTED
            stopped = server.processes()
            for process in stopped:
                process.send_signal(signal.SIGSTOP)
            try:
                async with asyncio.timeout(2):
                    with pytest.raises(JournalFault):
                        await journal.record(CheckRecord(0, fact("during")))
            finally:
                for process in stopped:
                    process.send_signal(signal.SIGCONT)
            answer: object = None
            async with asyncio.timeout(20):
                while answer is not Recorded.COMMITTED:
                    try:
                        answer = await journal.record(CheckRecord(0, fact("after")))
                    except JournalFault:
                        await asyncio.sleep(0.05)
            assert await chain_is_whole()
            await journal.close()


async def test_trap_a_server_that_crashes_loses_nothing_acknowledged(server_of_our_own: PostgresServer) -> None:
    server = server_of_our_own
    with server.database() as url:
        async with open_database(url):
            journal = Journal(SystemClock())
            acknowledged: set[str] = set()

            async def ask(number: int) -> None:
                if await journal.record(CheckRecord(0, fact(f"n{number}"))) is Recorded.COMMITTED:
                    acknowledged.add(f"n{number}")

            load = asyncio.gather(*(ask(number) for number in range(3_000)), return_exceptions=True)
            while len(acknowledged) < 300:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(server.crash)
            await load
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(10):
                while await _is_away(journal):
                    await asyncio.sleep(0.05)
            assert acknowledged <= await _subjects()
            assert await chain_is_whole()
            await journal.close()


async def _is_away(journal: Journal) -> bool:
    try:
        return await journal.record(CheckRecord(0, fact("again"))) is not Recorded.COMMITTED
    except JournalFault:
        return True


async def _subjects() -> set[str]:
    from models.tables import AuditEntry

    return {entry.subject for entry in await AuditEntry.all().only("subject")}


SEQUENTIAL = """
import asyncio, sys
from bot.database import migrate, open_database
from bot.journal.flushing import CheckRecord, Journal
from bot.ports import SystemClock
from tests.support.facts import fact

async def main(url, count):
    async with open_database(url):
        journal = Journal(SystemClock())
        for number in range(count):
            await journal.record(CheckRecord(0, fact(f"n{number}")))
        await journal.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="NOT PROVED HERE: strace is missing (apt install strace)")
def test_trap_sqlite_syncs_every_commit(sqlite_url: str, tmp_path: Path) -> None:
    """Counted in the kernel: `kill -9` shows nothing, since what was written outlives the process without any sync."""
    counts = tmp_path / "strace.txt"
    traced = ["strace", "-f", "-c", "-o", str(counts), "-e", "trace=fdatasync,fsync"]
    command = [*traced, sys.executable, "-c", SEQUENTIAL, sqlite_url, "100"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "ptrace" in ran.stderr and "not permitted" in ran.stderr:
        pytest.skip("NOT PROVED HERE: this container does not allow ptrace")
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in counts.read_text().splitlines() if re.search(r"\bf(data)?sync$", line)]
    assert sum(int(line[3]) for line in lines) >= 100


async def test_trap_sqlite_runs_with_a_write_ahead_log_and_full_synchronous(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as database:
        pragmas = {}
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            [row] = await database.connection.execute_query_dict(f"PRAGMA {pragma}")
            pragmas[pragma] = next(iter(row.values()))
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
