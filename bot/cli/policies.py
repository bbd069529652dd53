"""assent policy …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import drafts
from bot.cli.console import fail, run, say, say_json, settings_for
from bot.cli.histories import say_history
from bot.cli.policy_files import read_file, write_export

if TYPE_CHECKING:
    from bot.administration import Saved, VersionLine
    from bot.policy.files import PolicyFile

app = typer.Typer(no_args_is_help=True, help="Policies of agents and floors of tenants, versioned.")

Agent = Annotated[str, typer.Argument(help="The agent's name or id, or floor for the tenant's floor.")]
Tenant = Annotated[str, typer.Option(help="Whose floor.")]
Note = Annotated[str | None, typer.Option(help="Why, for the history.")]
IfVersion = Annotated[int | None, typer.Option("--if-version", help="Refuse unless this version is in force.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

app.command("lint")(drafts.lint)
app.command("diff")(drafts.diff)
app.command("test")(drafts.test)
app.command("replay")(drafts.replay)


@app.command()
def show(agent: Agent, tenant: Tenant = "default") -> None:
    """Print what is in force as JSON, with its version, author and time."""
    run(_show(agent, tenant))


@app.command("set")
def set_policy(
    agent: Agent,
    file: Annotated[str, typer.Argument(help="YAML or JSON; - or nothing reads standard input.")] = "-",
    if_version: IfVersion = None,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Replace the policy by what a file says, as a new version, whatever version is in force."""
    run(_set(agent, file, read_file(file), if_version, note, tenant))


@app.command()
def export(
    agent: Agent,
    to: Annotated[str, typer.Argument(help="The file to write: .yaml, .yml or .json; - is standard output.")] = "-",
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: AsJson = False,
    tenant: Tenant = "default",
) -> None:
    """Write what is in force to a file, with the version that import will compare."""
    run(_export(agent, to, force, as_json, tenant))


@app.command("import")
def import_policy(
    agent: Agent,
    file: Annotated[str, typer.Argument(help="YAML or JSON, as export wrote it; - reads standard input.")],
    force: Annotated[bool, typer.Option("--force", help="Whatever version is in force, and whose it was.")] = False,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Put a file in force as a new version, unless somebody wrote one since it was exported."""
    run(_import(agent, file, force, note, tenant))


@app.command()
def history(
    agent: Agent,
    limit: Annotated[int, typer.Option(help="At most so many versions, the newest.")] = 20,
    as_json: AsJson = False,
    tenant: Tenant = "default",
) -> None:
    """List the versions with author, time, note and what each changed."""
    run(_history(agent, limit, as_json, tenant))


@app.command()
def rollback(
    agent: Agent,
    version: Annotated[int, typer.Argument(help="The version that shall be in force again; 0: the starter floor.")],
    if_version: IfVersion = None,
    tenant: Tenant = "default",
) -> None:
    """Say again what an older version said, as a new version."""
    run(_rollback(agent, version, if_version, tenant))


@app.command()
def schema() -> None:
    """Print the JSON Schema of policies, for editors and pipelines."""
    from bot.policy.schema import schema as document

    say_json(document())


async def _show(agent: str, tenant: str) -> None:
    from bot.administration.as_json import saved_json

    say_json(saved_json(await _in_force(agent, tenant)))


async def _in_force(agent: str, tenant: str) -> Saved:
    from bot.administration import Declined
    from bot.cli.desk import open_desk, refuse
    from models.values import Refusal

    async with open_desk(settings_for("administer")) as desk:
        shown = await desk.administration.policies.show(desk.actor, agent, tenant=tenant)
        if isinstance(shown, Refusal | Declined):
            refuse(shown)
        return shown


async def _set(agent: str, file: str, read: PolicyFile, expected: int | None, note: str | None, tenant: str) -> None:
    from bot.administration import Declined, Why
    from bot.cli.desk import open_desk
    from bot.ledger import Work
    from models.values import Refusal

    async with open_desk(settings_for("administer")) as desk:
        policies = desk.administration.policies

        async def body(work: Work) -> Saved | Refusal | Declined:
            saved = await policies.set_document(
                work, desk.actor, agent, read.document, note=note, expected=expected, tenant=tenant
            )
            if isinstance(saved, Declined) and saved.why is Why.BAD_POLICY and file != "-":
                return Declined(saved.why, saved.given, tuple(_placed(fault, read) for fault in saved.faults))
            return saved

        saved: Saved = await desk.change(body)
        _told(saved)


def _placed(fault: str, read: PolicyFile) -> str:
    path = fault.partition(": ")[0]
    return f"line {read.place(path).line}: {fault}"


def _told(saved: Saved) -> None:
    from bot.administration import PolicySaved

    what, whose = ("Policy", saved.agent) if isinstance(saved, PolicySaved) else ("Floor", saved.tenant)
    if not saved.changed:
        say(f"{what} v{saved.version} of “{whose}” says so already.")
        return
    say(f"{what} v{saved.version} of “{whose}” is in force.")
    drafts.say_changes(saved.changes)
    for finding in saved.findings:
        say(f"  {finding.severity.value}: {finding.rule or ''}{': ' if finding.rule else ''}{finding.words}")


async def _export(agent: str, to: str, force: bool, as_json: bool, tenant: str) -> None:
    from bot.administration.as_json import saved_json

    document = saved_json(await _in_force(agent, tenant))
    write_export(document, to, over=force, as_json=as_json)


async def _import(agent: str, file: str, force: bool, note: str | None, tenant: str) -> None:
    read = read_file(file)
    if force:
        await _set(agent, file, read, None, note, tenant)
        return
    if read.version is None:
        fail(f"{file} names no version, so it cannot be compared; --force puts it in force all the same.")
    shown = await _in_force(agent, tenant)
    name = getattr(shown, "agent", "floor")
    if read.agent is not None and read.agent != name:
        fail(f"{file} was exported from “{read.agent}”; --force puts it in force all the same.")
    if read.version != shown.version and read.document == shown.document:
        say(f"v{shown.version} of “{name}” says so already.")
        return
    await _set(agent, file, read, read.version, note, tenant)


async def _history(agent: str, limit: int, as_json: bool, tenant: str) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        lines: list[VersionLine] = granted(
            await desk.administration.policies.history(desk.actor, agent, limit=limit, tenant=tenant)
        )
        say_history(lines, as_json=as_json)


async def _rollback(agent: str, version: int, expected: int | None, tenant: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        policies = desk.administration.policies
        saved: Saved = await desk.change(
            lambda work: policies.rollback(work, desk.actor, agent, version, expected=expected, tenant=tenant)
        )
        _told(saved)
