"""Migrations of what only Python sees."""

from __future__ import annotations

from tortoise.migrations.operations import AlterField
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class EnumGrows(AlterField):
    """A column of words may hold further words. The database has a text either way, so nothing is done there.

    Tortoise would build the table anew on SQLite, and lose its indexes and its unique groups of columns by that.
    """

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        """Nothing."""

    async def database_backward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        """Nothing."""
