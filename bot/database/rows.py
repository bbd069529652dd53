"""Unsaved model instances as plain rows, for writing many at once without the ORM's round trips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.fields.base import Field
from tortoise.models import Model


@dataclass(frozen=True, slots=True)
class Table:
    """A model's table: the columns that an insert fills, and their types for PostgreSQL's `unnest`."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    fields: tuple[tuple[str, Field[Any]], ...]

    @property
    def column_list(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)

    def row(self, instance: Model) -> tuple[Any, ...]:
        """The instance's values, converted and validated as the ORM does it."""
        return tuple(field.to_db_value(getattr(instance, name), instance) for name, field in self.fields)

    def unnest(self, first: int) -> str:
        """`SELECT … FROM unnest($first, …)` over one array per column."""
        arrays = ", ".join(f"${first + i}::{kind}[]" for i, kind in enumerate(self.types))
        return f"SELECT * FROM unnest({arrays})"  # noqa: S608

    def insert_sqlite(self) -> str:
        marks = ", ".join("?" * len(self.columns))
        return f'INSERT INTO "{self.name}" ({self.column_list}) VALUES ({marks})'  # noqa: S608


@cache
def table(model: type[Model]) -> Table:
    """The table of `model`, without columns that the database fills itself."""
    meta = model._meta
    names = [name for name in meta.fields_db_projection if not meta.fields_map[name].generated]
    fields = [meta.fields_map[name] for name in names]
    return Table(
        name=meta.db_table,
        columns=tuple(meta.fields_db_projection[name] for name in names),
        types=tuple(_array_type(field) for field in fields),
        fields=tuple(zip(names, fields, strict=True)),
    )


def _array_type(field: Field[Any]) -> str:
    """VARCHAR(n) becomes TEXT: a cast to VARCHAR(n) cuts silently, the assignment from TEXT refuses."""
    sql_type: str = field.get_for_dialect("postgres", "SQL_TYPE")
    return "TEXT" if sql_type.startswith("VARCHAR") else sql_type


def arrays(rows: Sequence[tuple[Any, ...]], columns: int) -> list[list[Any]]:
    """Rows turned into one list per column."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(columns)]


async def insert_rows(connection: BaseDBAsyncClient, into: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """All the rows in one statement, inside the caller's transaction."""
    if not rows:
        return
    if connection.capabilities.dialect == "postgres":
        sql = f'INSERT INTO "{into.name}" ({into.column_list}) {into.unnest(1)}'
        await connection.execute_query(sql, arrays(rows, len(into.columns)))
    else:
        await connection.execute_many(into.insert_sqlite(), [list(row) for row in rows])
