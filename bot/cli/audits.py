"""assent audit …"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.console import FAILED, complain, fail, run, say, settings_for

app = typer.Typer(no_args_is_help=True, help="The audit: prove it, take it out.")


@app.command()
def verify(
    file: Annotated[Path | None, typer.Option(help="Prove an export instead of the database.")] = None,
) -> None:
    """Prove that no audit entry was changed or removed, or name the first that was."""
    run(_verify(file))


@app.command()
def export(
    to: Annotated[str, typer.Argument(help="The file to write, JSON lines; - is standard output.")] = "-",
) -> None:
    """Write every audit entry, one JSON line each, and the heads of the chains at the end."""
    run(_export(to))


async def _verify(file: Path | None) -> None:
    from bot import audit

    if file is not None:
        with file.open(encoding="utf-8") as lines:
            found = audit.verify_export(lines)
    else:
        from bot.cli.desk import open_desk

        async with open_desk(settings_for("administer")):
            found = await audit.verify()
    if isinstance(found, audit.Broken):
        entry = f", entry {found.entry_id}" if found.entry_id is not None else ""
        complain(f"BROKEN: chain {found.writer or '?'}, number {found.seq}{entry}: {found.why}")
        raise typer.Exit(FAILED)
    say(f"The audit is whole: {found.entries} entries in {found.writers} chains.")


async def _export(to: str) -> None:
    from bot import audit
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")):
        if to == "-":
            done = await audit.export(sys.stdout.write)
        else:
            path = Path(to)
            if path.exists():
                fail(f"{to} exists; an export never overwrites.")
            with path.open("w", encoding="utf-8") as file:
                done = await audit.export(file.write)
    typer.echo(f"{done} entries.", err=True)
