"""assent policy …"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.console import fail, run, say, say_json, settings_for

app = typer.Typer(no_args_is_help=True, help="Agents' policies, versioned.")

Agent = Annotated[str, typer.Argument(help="The agent's name or id.")]


@app.command()
def show(agent: Agent) -> None:
    """Print the policy in force as JSON, with its version, author and time."""
    run(_show(agent))


@app.command("set")
def set_policy(
    agent: Agent,
    file: Annotated[str, typer.Argument(help="A JSON file; - or nothing reads standard input.")] = "-",
) -> None:
    """Replace the policy by what a JSON file says, as a new version."""
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
    run(_set(agent, file, text))


_SHOWN_BESIDE = ("agent", "version", "author", "at")


async def _show(agent: str) -> None:
    from bot.cli.desk import granted, open_desk
    from bot.policy import document

    async with open_desk(settings_for("administer")) as desk:
        shown = granted(await desk.administration.policies.show(desk.actor, agent))
        say_json(
            {
                "agent": shown.agent,
                "version": shown.policy.version,
                "author": shown.author,
                "at": shown.at,
                **document(shown.policy),
            }
        )


async def _set(agent: str, file: str, text: bytes) -> None:
    from bot.asking.strict_json import NotStrict, decode
    from bot.cli.desk import open_desk

    try:
        written = decode(text)
    except NotStrict as fault:
        fail(f"{'standard input' if file == '-' else file} is not usable JSON: {fault}")
    if isinstance(written, dict) and "rules" in written:  # as `policy show` prints it
        written = {name: told for name, told in written.items() if name not in _SHOWN_BESIDE}
    async with open_desk(settings_for("administer")) as desk:
        policies = desk.administration.policies
        saved = await desk.change(lambda work: policies.set_document(work, desk.actor, agent, written))
        if saved.changed:
            say(f"Policy v{saved.policy.version} of “{saved.agent}” is in force.")
        else:
            say(f"Policy v{saved.policy.version} of “{saved.agent}” says so already.")
