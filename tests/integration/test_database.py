"""Opening and migrating."""

from __future__ import annotations

from bot.database import Database, is_postgres, migrate, now_in_database, pending_migrations, transaction
from models.tables import GateEpoch, Installation


async def test_the_tables_of_one_row_have_it(database: Database) -> None:
    assert (await GateEpoch.get()).epoch == 0
    assert (await Installation.get()).claimed_at is None
