"""The database: opening, migrating, and the only way into a transaction."""

from __future__ import annotations

from bot.database.migrating import migrate, pending_migrations
from bot.database.opening import Database, UnsafeDatabase, is_postgres, now_in_database, open_database
from bot.database.transactions import NestedTransaction, in_open_transaction, transaction

__all__ = [
    "Database",
    "NestedTransaction",
    "UnsafeDatabase",
    "in_open_transaction",
    "is_postgres",
    "migrate",
    "now_in_database",
    "open_database",
    "pending_migrations",
    "transaction",
]
