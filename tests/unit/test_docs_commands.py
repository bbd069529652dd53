"""docs/commands.md and the table of commands agree."""

from __future__ import annotations

import re
from pathlib import Path

from bot.commands import COMMANDS

PAGE = (
    (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8").replace(r"\|", "|")
)  # a table escapes it


def test_every_command_is_documented_as_it_is_written() -> None:
    for spec in COMMANDS:
        for usage in spec.usage.split(", "):
            assert f"`{usage}`" in PAGE, f"docs/commands.md does not have {usage}"


def test_every_chinese_name_is_documented() -> None:
    for spec in COMMANDS:
        for alias in spec.aliases:
            if not alias.isascii():
                assert alias in PAGE, f"docs/commands.md does not have {alias} ({spec.name})"


def test_nothing_is_documented_that_is_no_command() -> None:
    known = {usage for spec in COMMANDS for usage in spec.usage.split(", ")}
    rows = re.findall(r"^\| `(/[^`]+)`", PAGE, re.MULTILINE)
    assert set(rows) == known
    assert len(rows) == len(known)
