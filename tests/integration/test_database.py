"""Opening, migrating, transactions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector

from bot.database import (
    Database,
    NestedTransaction,
    UnsafeDatabase,
    in_open_transaction,
    is_postgres,
    migrate,
    now_in_database,
    open_database,
    pending_migrations,
    transaction,
)
from bot.database.rows import insert_rows, table
from config.database import tortoise_config
from models.tables import GateEpoch, InboundRecord, Installation, OutboxMessage
from tests.support.facts import NOON, text_message


async def test_the_models_and_the_migrations_agree() -> None:
    """Otherwise: `tortoise -c config.database.TORTOISE_ORM makemigrations`, read the result, commit it."""
    config = tortoise_config("sqlite://never-opened.db")
    async with TortoiseContext() as context:
        await context.init(config=config)
        assert context.apps is not None
        changes = await MigrationAutodetector(context.apps, config["apps"]).changes()
    assert [operation for writer in changes for operation in writer.operations] == []


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert await pending_migrations(database_url) == []
    assert await migrate(database_url) == []
    async with open_database(database_url):
        assert await GateEpoch.all().count() == 1
        assert await Installation.all().count() == 1


async def test_migrating_does_not_reset_what_is_there(database_url: str) -> None:
    async with open_database(database_url):
        await GateEpoch.filter(id=1).update(epoch=42)
    await migrate(database_url)
    async with open_database(database_url):
        assert (await GateEpoch.get()).epoch == 42


async def test_a_new_sqlite_file_gets_its_folder_and_tables(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/new/folder/assent.db"
    assert await pending_migrations(url)
    assert await migrate(url)
    async with open_database(url):
        assert (await Installation.get()).claimed_at is None


async def test_a_relative_sqlite_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await migrate("sqlite://var/assent.db")
    assert (tmp_path / "var" / "assent.db").is_file()


async def test_the_tables_of_one_row_have_it(database: Database) -> None:
    assert (await GateEpoch.get()).epoch == 0
    assert (await Installation.get()).claimed_at is None


async def test_a_database_knows_its_kind_and_hides_its_password(database: Database) -> None:
    assert database.is_postgres is is_postgres()
    assert "://" not in repr(database)


async def test_two_databases_can_be_opened_one_after_the_other(sqlite_url: str, postgres_url: str) -> None:
    for url in (sqlite_url, postgres_url, sqlite_url):
        async with open_database(url):
            await InboundRecord.filter(key="k").delete()
            await InboundRecord.create(key="k", kind="x", received_at=NOON)
            assert await InboundRecord.filter(key="k").count() == 1


async def test_a_sqlite_file_that_cannot_have_a_write_ahead_log_is_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.database import opening

    config = opening.guarded_config(sqlite_url)
    config["connections"]["default"]["credentials"]["synchronous"] = "NORMAL"
    monkeypatch.setattr(opening, "guarded_config", lambda _: config)
    with pytest.raises(UnsafeDatabase, match="synchronous"):
        async with open_database(sqlite_url):
            pass


async def test_times_are_aware_and_in_utc(database: Database) -> None:
    await InboundRecord.create(key="k", kind="x", received_at=NOON + timedelta(microseconds=7))
    stored = (await InboundRecord.get(key="k")).received_at
    assert stored == NOON + timedelta(microseconds=7)
    assert stored.utcoffset() == timedelta()


async def test_the_databases_clock_is_near_ours_and_aware(database: Database) -> None:
    assert abs(await now_in_database() - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_transaction_commits_or_rolls_back_as_a_whole(database: Database) -> None:
    with pytest.raises(LookupError):
        async with transaction():
            await InboundRecord.create(key="lost", kind="x", received_at=NOON)
            assert in_open_transaction()
            raise LookupError
    assert not in_open_transaction()
    async with transaction():
        await InboundRecord.create(key="kept", kind="x", received_at=NOON)
    assert [row.key for row in await InboundRecord.all()] == ["kept"]


async def test_a_transaction_inside_another_is_refused(database: Database) -> None:
    async with transaction():
        with pytest.raises(NestedTransaction):
            async with transaction():
                pass
        await InboundRecord.create(key="outer", kind="x", received_at=NOON)
    assert await InboundRecord.all().count() == 1


async def test_of_two_conditional_updates_at_once_one_wins(database: Database) -> None:
    async def claim() -> int:
        async with transaction():
            return await GateEpoch.filter(id=1, epoch=0).update(epoch=1)

    assert sorted(await asyncio.gather(*(claim() for _ in range(20)))) == [0] * 19 + [1]


async def test_rows_written_in_bulk_read_back_as_the_models_they_came_from(database: Database) -> None:
    messages = [text_message(f'{{"n":{number}}}') for number in range(3)]
    async with transaction() as connection:
        await insert_rows(connection, table(OutboxMessage), [table(OutboxMessage).row(each) for each in messages])
        await insert_rows(connection, table(OutboxMessage), [])
    stored = await OutboxMessage.all().order_by("id")
    columns = OutboxMessage._meta.fields_db_projection
    expected = sorted(messages, key=lambda message: message.id)
    assert [[getattr(row, c) for c in columns] for row in stored] == [
        [getattr(m, c) for c in columns] for m in expected
    ]


async def test_a_statement_that_takes_too_long_is_given_up_by_the_server(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:
        [row] = await database.connection.execute_query_dict(
            "SELECT current_setting('statement_timeout') AS statement,"
            " current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('TimeZone') AS zone"
        )
    assert row == {"statement": "30s", "idle": "1min", "zone": "UTC"}
