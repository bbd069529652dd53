"""Policy files on the command line: named by a path with a telling suffix, or - for standard input."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.cli.console import fail, say

if TYPE_CHECKING:
    from bot.policy.files import PolicyFile
    from models.values import JsonObject

SUFFIXES = (".yaml", ".yml", ".json")


def is_file(what: str) -> bool:
    """Whether an argument names a file and not an agent."""
    return what == "-" or what.lower().endswith(SUFFIXES)


def read_file(file: str) -> PolicyFile:
    """What the file says; where it cannot be read as it must, the command ends with the place."""
    from bot.policy.files import SIZE_LIMIT, FileFault, read

    try:
        if file == "-":
            text = sys.stdin.buffer.read(SIZE_LIMIT + 1)
        else:
            with Path(file).open("rb") as opened:
                text = opened.read(SIZE_LIMIT + 1)
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
    try:
        return read(text, name="" if file == "-" else file)
    except FileFault as fault:
        fail(f"{'standard input' if file == '-' else file}:{fault.place}: error: {fault.detail}")


def write_export(document: JsonObject, to: str, *, over: bool, as_json: bool) -> None:
    """The file, or standard output for -, holds the document: YAML, unless the suffix or `as_json` says otherwise."""
    from bot.policy.files import as_yaml, is_yaml

    yaml = not as_json and (to == "-" or is_yaml(to))
    text = as_yaml(document) if yaml else json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if to == "-":
        typer.echo(text, nl=False)
        return
    _write_file(to, text, over=over)
    say(f"{to} holds v{document['version']}.")


def _write_file(file: str, text: str, *, over: bool) -> None:
    """The file holds the text. Never over another one, unless told to."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if over else os.O_EXCL)
        with os.fdopen(os.open(file, flags, 0o644), "w", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        fail(f"{file} exists; --force writes over it.")
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
