"""Bringing the tables up to date; any number of processes may try at once."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor

from bot.database.opening import guarded_config
from config.database import backend, postgres_credentials, sqlite_path

MIGRATION_LOCK = 0x0A55E27
"""The PostgreSQL advisory lock under which migrations run."""


async def migrate(url: str) -> list[str]:
    """Applies what is missing and returns the names; creates the SQLite file. Waits while another process migrates."""
    async with _lock(url), _executor(url) as (executor, connection):
        applied = [step.migration.name for step in await executor.plan()]
        await executor.migrate()
        await _first_rows(connection)
    return applied


async def pending_migrations(url: str) -> list[str]:
    """The migrations that `migrate` would apply."""
    async with _executor(url) as (executor, _):
        return [step.migration.name for step in await executor.plan()]


@asynccontextmanager
async def _executor(url: str) -> AsyncIterator[tuple[MigrationExecutor, BaseDBAsyncClient]]:
    if backend(url) == "sqlite":
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
        sqlite_path(url).touch(mode=0o600)  # arguments stand in it in clear; its -wal and -shm get the same mode
    config = guarded_config(url)
    async with TortoiseContext() as context:
        await context.init(config=config)
        connection = context.connections.get("default")
        yield MigrationExecutor(connection, config["apps"]), connection


async def _first_rows(connection: BaseDBAsyncClient) -> None:
    """The two tables of one row have it."""
    now = datetime.now(UTC)
    mark = "$1" if connection.capabilities.dialect == "postgres" else "?"
    await connection.execute_query("INSERT INTO gate_epoch (id, epoch) VALUES (1, 0) ON CONFLICT DO NOTHING")
    await connection.execute_query(
        f"INSERT INTO installation (id, created_at) VALUES (1, {mark}) ON CONFLICT DO NOTHING",  # noqa: S608
        [now],
    )


@asynccontextmanager
async def _lock(url: str) -> AsyncIterator[None]:
    if backend(url) == "postgres":
        async with _advisory_lock(url):
            yield
    else:
        async with _file_lock(sqlite_path(url)):
            yield


@asynccontextmanager
async def _advisory_lock(url: str) -> AsyncIterator[None]:
    """Held by a connection of its own, so that it is released with the process, however that ends."""
    credentials = postgres_credentials(url) | {"command_timeout": None}
    credentials["server_settings"] = {"application_name": "assent migrate", "statement_timeout": "0"}
    connection = await asyncpg.connect(**credentials)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        yield
    finally:
        await connection.close()


@asynccontextmanager
async def _file_lock(database: Path) -> AsyncIterator[None]:
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(database.name + ".migrating").open("w") as file:
        while not _locked(file.fileno()):  # noqa: ASYNC110 - the kernel tells nobody when a lock is free
            await asyncio.sleep(0.05)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
