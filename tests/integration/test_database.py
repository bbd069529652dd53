"""Opening, migrating, transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connection
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
from tests.support.databases import own_server
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


async def test_the_tables_are_what_the_models_say_down_to_the_indexes(database_url: str, tmp_path: Path) -> None:
    """A migration that rebuilds a table, as SQLite needs for many changes, must not lose what stands around it."""
    async with own_schema(database_url, tmp_path) as intended:
        wanted = await _structure(intended)
    found = await _structure(database_url)
    assert found.keys() == wanted.keys()
    differing = [name for name in wanted if found[name] != wanted[name]]
    assert {name: (found[name] - wanted[name], wanted[name] - found[name]) for name in differing} == {}


@asynccontextmanager
async def own_schema(database_url: str, folder: Path) -> AsyncIterator[str]:
    """A database of the same kind whose tables were made from the models, without any migration."""
    if database_url.startswith("sqlite"):
        url = f"sqlite://{folder}/models.db"
        await _from_models(url)
        yield url
    else:
        with own_server() as server, server.database(migrated=False) as url:
            await _from_models(url)
            yield url


async def _from_models(url: str) -> None:
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url))
        await context.generate_schemas()


async def _structure(url: str) -> dict[str, set[tuple[Any, ...]]]:
    """By table: columns, unique groups of columns, indexes, foreign keys. Names of constraints do not matter."""
    async with open_database(url):
        connection = get_connection("default")
        read = _of_postgres if is_postgres() else _of_sqlite
        found = await read(connection.execute_query_dict)
    return {name: parts for name, parts in found.items() if "migrations" not in name}


Query = Callable[..., Awaitable[list[dict[str, Any]]]]


async def _of_sqlite(query: Query) -> dict[str, set[tuple[Any, ...]]]:
    tables = [row["name"] for row in await query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, set[tuple[Any, ...]]] = {name: set() for name in tables if not name.startswith("sqlite_")}
    for name, parts in found.items():
        for column in await query(f'PRAGMA table_info("{name}")'):
            parts.add(("column", column["name"], column["type"], bool(column["notnull"]), bool(column["pk"])))
        for index in await query(f'PRAGMA index_list("{name}")'):
            columns = await query(f'PRAGMA index_info("{index["name"]}")')
            parts.add(("index", bool(index["unique"]), tuple(column["name"] for column in columns)))
        for key in await query(f'PRAGMA foreign_key_list("{name}")'):
            parts.add(("key", key["from"], key["table"], key["to"], key["on_delete"]))
    return found


async def _of_postgres(query: Query) -> dict[str, set[tuple[Any, ...]]]:
    rows = await query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found: dict[str, set[tuple[Any, ...]]] = {row["tablename"]: set() for row in rows}
    for row in await query(
        "SELECT table_name, column_name, udt_name, character_maximum_length AS length, is_nullable"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        found[row["table_name"]].add(("column", row["column_name"], row["udt_name"], row["length"], row["is_nullable"]))
    for row in await query("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"):
        found[row["tablename"]].add(("index", row["indexdef"].partition(" ON ")[2], "UNIQUE" in row["indexdef"]))
    for row in await query(
        "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS told FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    ):
        found[row["name"]].add(("key", row["told"]))
    return found
