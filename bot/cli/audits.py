"""assent audit …"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import FAILED, complain, fail, run, say, settings_for

if TYPE_CHECKING:
    from bot.audit.verifying import Broken, Verified

app = typer.Typer(no_args_is_help=True, help="The audit: prove it, take it out.")


@app.command()
def verify(
    file: Annotated[Path | None, typer.Option(help="Prove an export instead of the database.")] = None,
) -> None:
    """Prove that no audit entry was changed or removed, or name the first that was."""
    if file is None:
        found = run(_verify())
    else:
        from bot.audit.verifying import verify_export

        with file.open(encoding="utf-8") as lines:
            found = verify_export(lines)
    _tell(found)


@app.command()
def export(
    to: Annotated[str, typer.Argument(help="The file to write, JSON lines; - is standard output.")] = "-",
) -> None:
    """Write every audit entry, one JSON line each, and the heads of the chains at the end."""
    if to == "-":
        done = run(_export(sys.stdout.write))
    else:
        try:
            with open(to, "x", encoding="utf-8", opener=_for_the_owner_alone) as file:
                done = run(_export(file.write))
        except FileExistsError:
            fail(f"{to} exists; an export never overwrites.")
    typer.echo(f"{done} entries.", err=True)


def _for_the_owner_alone(path: str, flags: int) -> int:
    """The arguments of all actions stand in an export, secrets among them: the chain is proved over them."""
    return os.open(path, flags, 0o600)


async def _verify() -> Verified | Broken:
    from bot.audit import verifying
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")):
        return await verifying.verify()


def _tell(found: Verified | Broken) -> None:
    from bot.audit.verifying import Broken

    if isinstance(found, Broken):
        entry = f", entry {found.entry_id}" if found.entry_id is not None else ""
        complain(f"BROKEN: chain {found.writer or '?'}, number {found.seq}{entry}: {found.why}")
        raise typer.Exit(FAILED)
    say(f"The audit is whole: {found.entries} entries in {found.writers} chains.")


async def _export(write: Callable[[str], object]) -> int:
    from bot.audit import verifying
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")):
        return await verifying.export(write)
