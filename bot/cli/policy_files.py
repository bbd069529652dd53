"""Policy files on the command line: named by a path with a telling suffix, or - for standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.console import fail

if TYPE_CHECKING:
    from bot.policy.files import PolicyFile

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


def write_file(file: str, text: str, *, over: bool) -> None:
    """The file holds the text. Never over another one, unless told to."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if over else os.O_EXCL)
        with os.fdopen(os.open(file, flags, 0o644), "w", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        fail(f"{file} exists; --force writes over it.")
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
