"""docs/cli.md and the command line agree: every command, argument and option is there, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from bot.__main__ import app

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def _commands(group: Any, path: str = "assent") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(_commands(typer.main.get_command(app)))


def _section(command: str) -> str:
    found = re.search(rf"^### `{re.escape(command)}[^`]*`\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section for {command}"
    return found[0]


def test_every_command_has_a_section_with_all_its_options() -> None:
    assert len(COMMANDS) > 15
    for name, command in COMMANDS.items():
        section = _section(name)
        for parameter in command.params:
            if parameter.name == "help":
                continue
            shown = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
            assert shown in section, f"{name}: {shown} is not in docs/cli.md"


def test_every_section_is_a_command() -> None:
    headed = re.findall(r"^### `(assent [a-z -]+?)(?: [A-Z\[-][^`]*)?`$", PAGE, re.MULTILINE)
    assert sorted(headed) == sorted(COMMANDS)
