"""The only way into a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction


class NestedTransaction(RuntimeError):
    """A transaction was opened inside another: one use case has one transaction."""


def in_open_transaction() -> bool:
    """Whether the calling code already runs inside a transaction."""
    return isinstance(get_connection("default"), TransactionalDBClient)


@asynccontextmanager
async def transaction() -> AsyncIterator[BaseDBAsyncClient]:
    """Commits at the end of the block, rolls back when it raises or is cancelled; the connection always returns.

    IMMEDIATE on SQLite. Cancelled during the commit itself, the outcome is unknown. Start no task inside: it would
    inherit the connection.
    """
    if in_open_transaction():
        raise NestedTransaction("a transaction is already open in this task")
    async with in_transaction("default") as connection:
        yield connection
