"""Tortoise's SQLite client, made safe against cancellation.

Upstream (1.1.9) keeps the connection's lock for good when a task is cancelled during BEGIN, leaves a transaction
open when one is cancelled in executemany, and begins by committing whatever an earlier failure left behind.
"""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

# Times are compared as text in SQLite: one offset and one number of digits keep them in order.
sqlite3.register_adapter(datetime, lambda at: at.astimezone(UTC).isoformat(" ", timespec="microseconds"))


class GuardedSqliteWrapper(SqliteTransactionWrapper):
    """One transaction, IMMEDIATE: it waits for the write lock at its start and cannot fail by upgrading later."""

    async def begin(self) -> None:
        try:
            await self._connection.rollback()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as fault:
            raise OperationalError(fault) from fault


class GuardedSqliteTransaction(SqliteTransactionContext):
    """Gives the lock back whatever happens. Statements run in one thread in order, so a rollback follows its BEGIN."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
            self.token = get_connections().set(self.connection_name, self.connection)
        except BaseException:
            await self._abandon()
            raise
        return self.connection  # type: ignore[no-any-return]

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        get_connections().reset(self.token)
        if exc_type is None and not self.connection._finalized:
            try:
                await self.connection.commit()
            except BaseException:
                await self._abandon()
                raise
            self._trxlock.release()
        else:
            await self._abandon()

    async def _abandon(self) -> None:
        try:
            if self.connection._connection:
                await asyncio.shield(self.connection._connection.rollback())
        finally:
            self._trxlock.release()


class GuardedSqliteClient(SqliteClient):
    def _in_transaction(self) -> TransactionContext:
        return GuardedSqliteTransaction(GuardedSqliteWrapper(self), self._lock)

    @translate_exceptions
    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        async with self.acquire_connection() as connection:
            try:
                await connection.execute("BEGIN IMMEDIATE")
                await connection.executemany(query, values)
                await connection.commit()
            except BaseException:
                await asyncio.shield(connection.rollback())
                raise


client_class = GuardedSqliteClient
