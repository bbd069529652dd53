"""Whether the database is there and up to date; asked by /readyz. Each returns None, or the reason why not."""

from __future__ import annotations

from bot.database import Database, pending_migrations


async def database_answers(database: Database) -> str | None:
    """One statement through the pool that the use cases share: an exhausted pool is not ready either."""
    await database.connection.execute_query("SELECT 1")
    return None


class MigrationsApplied:
    """Asks until the answer was yes: tables are never migrated backwards under a running process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._applied = False

    async def __call__(self) -> str | None:
        if self._applied:
            return None
        pending = await pending_migrations(self._database.url)
        self._applied = not pending
        return f"not applied: {', '.join(pending)}" if pending else None
