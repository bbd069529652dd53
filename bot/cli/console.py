"""What the command line says, and how it ends: 0 done, 1 refused or failed, 2 bad settings or usage."""

from __future__ import annotations

import asyncio
import getpass
import json
import socket
import sys
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from config.settings import Settings

FAILED = 1
BAD_SETTINGS = 2

T = TypeVar("T")


def say(text: str) -> None:
    typer.echo(text)


def say_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def complain(text: str) -> None:
    typer.secho(text, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)


def fail(text: str, *, code: int = FAILED) -> NoReturn:
    complain(text)
    raise typer.Exit(code)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns for people; programs use --json. Without a terminal every row stays on one line, however long."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 1000, highlight=False).print(drawn)


def settings_for(to: Literal["serve", "administer"]) -> Settings:
    """The settings; every fault of them is listed, and the command ends with 2."""
    from config.settings import SettingsFault, load_settings

    try:
        return load_settings(to=to)
    except SettingsFault as fault:
        bad_settings(fault.faults)


def bad_settings(faults: Iterable[tuple[str, str]]) -> NoReturn:
    complain("The settings cannot be used:")
    for variable, sentence in faults:
        complain(f"  {variable} {sentence}")
    complain("See docs/configuration.md.")
    raise typer.Exit(BAD_SETTINGS)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result. What an operator can mend is one line on standard error, never a traceback."""
    from tortoise.exceptions import DBConnectionError

    from bot.database import UnsafeDatabase
    from bot.people.joining import UnusablePerson
    from bot.secrecy.box import SealBroken
    from config.settings import SettingsFault

    try:
        return asyncio.run(work)
    except SettingsFault as fault:
        bad_settings(fault.faults)
    except UnsafeDatabase as fault:
        fail(str(fault))
    except UnusablePerson as fault:
        fail(str(fault), code=BAD_SETTINGS)
    except SealBroken as fault:
        fail(f"A stored secret cannot be opened ({fault}). Is ASSENT_SECRET_KEY the one it was stored with?")
    except (DBConnectionError, ConnectionError, TimeoutError, socket.gaierror) as fault:
        fail(f"No connection: {fault}. assent doctor looks closer.")
    except OSError as fault:  # an address in use, a file that cannot be written
        fail(str(fault))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def login() -> str:
    """Who runs this, for the audit."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a passwd entry
        return "unknown"
