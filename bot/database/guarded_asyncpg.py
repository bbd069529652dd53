"""Tortoise's asyncpg client, made safe against cancellation.

Upstream (1.1.9) never returns the pool's connection when a task is cancelled during BEGIN, and leaves the task
looking at a closed transaction when it is cancelled during the release.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections

RELEASE_TIMEOUT = 5.0
"""Seconds for a connection to be reset; one that does not answer is closed instead of being waited for."""


class GuardedPostgresTransaction(TransactionContextPooled):
    """Gives the connection back whatever happens."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        try:
            await self.client.begin()
            self.token = get_connections().set(self.connection_name, self.client)
        except BaseException:
            await self._release()
            raise
        return self.client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        get_connections().reset(self.token)
        try:
            if not self.client._finalized:
                if exc_type is None:
                    await self.client.commit()
                else:
                    await self.client.rollback()
        finally:
            await self._release()

    async def _release(self) -> None:
        pool = self.client._parent._pool
        if pool:
            await asyncio.shield(pool.release(self.client._connection, timeout=RELEASE_TIMEOUT))


class GuardedPoolConnection(PoolConnectionWrapper[Any]):
    """A connection for one statement; a server that hangs cannot keep the task in the release."""

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await asyncio.shield(self.client._pool.release(self.connection, timeout=RELEASE_TIMEOUT))


class GuardedAsyncpgClient(AsyncpgDBClient):
    def acquire_connection(self) -> GuardedPoolConnection:
        return GuardedPoolConnection(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return GuardedPostgresTransaction(TransactionWrapper(self), self._pool_init_lock)


client_class = GuardedAsyncpgClient
