"""Opening the database, and refusing one that may lose what it acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext

from config.database import backend, postgres_credentials, sqlite_path, tortoise_config

_GUARDED = {
    "tortoise.backends.sqlite": "bot.database.guarded_sqlite",
    "tortoise.backends.asyncpg": "bot.database.guarded_asyncpg",
}


class UnsafeDatabase(RuntimeError):
    """The database is set up so that a crash of its machine can lose acknowledged commits. Names the setting."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. The URL stays out of every repr: it may hold a password."""

    url: str = field(repr=False)
    is_postgres: bool

    def listen_credentials(self) -> dict[str, Any]:
        """Arguments of `asyncpg.connect` for a connection beside the pool."""
        return postgres_credentials(self.url)

    @property
    def connection(self) -> BaseDBAsyncClient:
        """Tortoise's client: the transaction's own inside `transaction()`, the shared one outside."""
        return get_connection("default")


def is_postgres() -> bool:
    """Whether the open database is PostgreSQL; SQLite otherwise."""
    return get_connection("default").capabilities.dialect == "postgres"


def guarded_config(url: str) -> dict[str, Any]:
    """Tortoise's configuration with our clients, which survive cancellation."""
    config = tortoise_config(url)
    connection = config["connections"]["default"]
    connection["engine"] = _GUARDED[connection["engine"]]
    return config


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Opens the process's one database for every task, and closes it. The tables must exist: see `migrate`."""
    postgres = backend(url) == "postgres"
    if not postgres:
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    EXECUTOR_CACHE.clear()  # keeps the other dialect's SQL when a process opens a second database (Tortoise 1.1.9)
    async with TortoiseContext() as context:
        await context.init(config=guarded_config(url), _enable_global_fallback=True)
        connection = context.connections.get("default")
        await connection.create_connection(with_db=True)  # two first users at once would open SQLite twice
        await (_check_postgres if postgres else _check_sqlite)(connection)
        yield Database(url, postgres)


async def _check_postgres(connection: BaseDBAsyncClient) -> None:
    [row] = await connection.execute_query_dict(
        "SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,"
        " current_setting('synchronous_commit') AS synchronous_commit"
    )
    for setting, value in row.items():
        if value == "off":
            raise UnsafeDatabase(f"PostgreSQL runs with {setting} = off: a crash could lose acknowledged decisions")


async def _check_sqlite(connection: BaseDBAsyncClient) -> None:
    for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
        [row] = await connection.execute_query_dict(f"PRAGMA {pragma}")
        if row[pragma] != wanted:
            raise UnsafeDatabase(f"SQLite refuses PRAGMA {pragma} = {wanted} (it says {row[pragma]})")


async def now_in_database() -> datetime:
    """The database's clock, UTC: what is due is due for every replica alike. On SQLite the machine's own clock."""
    if not is_postgres():
        return datetime.now(UTC)
    [row] = await get_connection("default").execute_query_dict("SELECT clock_timestamp() AS now")
    now: datetime = row["now"]
    return now.astimezone(UTC)
