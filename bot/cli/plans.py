"""assent plan …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import FAILED, fail, run, say, say_json, settings_for
from bot.cli.histories import say_history
from bot.cli.plan_files import PlanFile, read_plan
from bot.cli.policy_files import write_export

if TYPE_CHECKING:
    from bot.administration import PlanSaved
    from bot.administration.plan_trials import Foreseen, PlanTried

app = typer.Typer(no_args_is_help=True, help="Asking plans of tenants: who is asked when, and how people are reminded.")

Tenant = Annotated[str, typer.Option(help="Whose plan.")]
Note = Annotated[str | None, typer.Option(help="Why, for the history.")]
IfVersion = Annotated[int | None, typer.Option("--if-version", help="Refuse unless this version is in force.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def show(tenant: Tenant = "default") -> None:
    """Print the plan in force as JSON, with its version, author and time."""
    run(_show(tenant))


@app.command("set")
def set_plan(
    file: Annotated[str, typer.Argument(help="YAML or JSON; - or nothing reads standard input.")] = "-",
    if_version: IfVersion = None,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Replace the plan by what a file says, as a new version, whatever version is in force."""
    run(_set(read_plan(file), if_version, note, tenant))


@app.command()
def export(
    to: Annotated[str, typer.Argument(help="The file to write: .yaml, .yml or .json; - is standard output.")] = "-",
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: AsJson = False,
    tenant: Tenant = "default",
) -> None:
    """Write the plan in force to a file, with the version that import will compare."""
    run(_export(to, force, as_json, tenant))


@app.command("import")
def import_plan(
    file: Annotated[str, typer.Argument(help="YAML or JSON, as export wrote it; - reads standard input.")],
    force: Annotated[bool, typer.Option("--force", help="Whatever version is in force, and whose it was.")] = False,
    note: Note = None,
    tenant: Tenant = "default",
) -> None:
    """Put a file in force as a new version, unless somebody wrote one since it was exported."""
    run(_import(file, read_plan(file), force, note, tenant))


@app.command()
def lint(file: Annotated[str, typer.Argument(help="YAML or JSON; - reads standard input.")]) -> None:
    """Say what is wrong with a plan in a file, with its lines; nothing is changed and no database is needed."""
    from datetime import timedelta

    from bot.plans import PlanFault, parse_plan, starter_terms

    read = read_plan(file)
    try:
        plan = parse_plan(read.document, standard=starter_terms((), timedelta(days=3)))
    except PlanFault as fault:
        for path, detail in fault.faults:
            say(f"{file}:{read.read.place(path)}: error: {path or 'plan'}: {detail}")
        raise typer.Exit(FAILED) from None
    say(f"{len(plan.questions)} questions, {len(plan.groups)} groups: nothing is wrong.")


@app.command()
def test(
    agent: Annotated[str, typer.Argument(help="The agent's name or id.")],
    action: Annotated[str, typer.Argument(help="The action type.")],
    details: Annotated[str, typer.Option(help="The details of the check, JSON.")] = "{}",
    requested_by: Annotated[str | None, typer.Option(help="For whom the agent says it acts.")] = None,
    draft: Annotated[str | None, typer.Option(help="Try a plan in a file; else the one in force.")] = None,
) -> None:
    """Say who would be asked about an action, and when. Nothing is recorded and nobody is asked."""
    run(_test(agent, action, details, requested_by, read_plan(draft) if draft else None))


@app.command()
def history(
    limit: Annotated[int, typer.Option(help="At most so many versions, the newest.")] = 20,
    as_json: AsJson = False,
    tenant: Tenant = "default",
) -> None:
    """List the versions with author, time, note and what each changed."""
    run(_history(limit, as_json, tenant))


@app.command()
def rollback(
    version: Annotated[int, typer.Argument(help="The version that shall be in force again; 0: the starter plan.")],
    if_version: IfVersion = None,
    tenant: Tenant = "default",
) -> None:
    """Say again what an older version said, as a new version."""
    run(_rollback(version, if_version, tenant))


@app.command()
def schema() -> None:
    """Print the JSON Schema of asking plans, for editors and pipelines."""
    from bot.plans.schema import schema as document

    say_json(document())


async def _show(tenant: str) -> None:
    from bot.administration.as_json import plan_json

    say_json(plan_json(await _in_force(tenant)))


async def _in_force(tenant: str) -> PlanSaved:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        return granted(await desk.administration.plans.show(desk.actor, tenant=tenant))


async def _set(read: PlanFile, expected: int | None, note: str | None, tenant: str) -> None:
    from bot.administration import Declined
    from bot.cli.desk import open_desk
    from bot.ledger import Work
    from models.values import Refusal

    async with open_desk(settings_for("administer")) as desk:
        plans = desk.administration.plans

        async def body(work: Work) -> PlanSaved | Refusal | Declined:
            saved = await plans.save(work, desk.actor, read.document, expected=expected, note=note, tenant=tenant)
            if isinstance(saved, Declined):
                return Declined(saved.why, saved.given, tuple(read.placed(fault) for fault in saved.faults))
            return saved

        _told(await desk.change(body))


def _told(saved: PlanSaved) -> None:
    from bot.cli.drafts import say_changes

    if not saved.changed:
        say(f"Asking plan v{saved.version} of “{saved.tenant}” says so already.")
        return
    say(f"Asking plan v{saved.version} of “{saved.tenant}” is in force for every question from now on.")
    say_changes(saved.changes)
    for finding in saved.findings:
        say(f"  {finding.severity.value}: {finding.path}: {finding.words}")


async def _export(to: str, force: bool, as_json: bool, tenant: str) -> None:
    from bot.administration.as_json import plan_json

    document = plan_json(await _in_force(tenant))
    write_export(document, to, over=force, as_json=as_json)


async def _import(file: str, read: PlanFile, force: bool, note: str | None, tenant: str) -> None:
    if not force and read.version is None:
        fail(f"{file} names no version, so it cannot be compared; --force puts it in force all the same.")
    if not force and read.tenant not in (None, tenant):
        fail(f"{file} was exported from “{read.tenant}”; --force puts it in force all the same.")
    await _set(read, None if force else read.version, note, tenant)


async def _history(limit: int, as_json: bool, tenant: str) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        lines = granted(await desk.administration.plans.history(desk.actor, limit=limit, tenant=tenant))
        say_history(lines, as_json=as_json)


async def _rollback(version: int, expected: int | None, tenant: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        plans = desk.administration.plans
        saved: PlanSaved = await desk.change(
            lambda work: plans.rollback(work, desk.actor, version, expected=expected, tenant=tenant)
        )
        _told(saved)


async def _test(agent: str, action: str, details: str, requested_by: str | None, draft: PlanFile | None) -> None:
    from bot.cli.desk import granted, open_desk
    from bot.cli.drafts import request_of

    request = request_of(action, details, requested_by, None)
    async with open_desk(settings_for("administer")) as desk:
        written = draft.document if draft else None
        tried = granted(await desk.plan_trials.test(desk.actor, agent, request, written=written))
        _say_tried(tried)


def _say_tried(tried: PlanTried) -> None:
    from bot.plans.terms import written_length

    plan = tried.plan
    if not tried.asks:
        say(f"{tried.decision.level.value}: nobody is asked about this ({tried.decision.reason}). If somebody were:")
    people = "one person approves" if plan.approvals == 1 else f"{plan.approvals} people approve"
    separated = ", the requester is none of them" if plan.separate_duties else ""
    say(f"“{plan.name}” (v{plan.version}): {plan.severity.value}, {people}{separated}.")
    for step in tried.steps:
        told = [_person(one) for one in step.asked]
        told += [f"{ref}: {why.value}" for ref, why in step.skipped]
        told += [f"reminder by {step.nudge.value}"] if step.nudge else []
        say(f"  after {written_length(step.after)}: {'; '.join(told) or 'nobody else'}")
    say(f"  after {written_length(plan.open_for)}: {plan.ending.value}")


def _person(one: Foreseen) -> str:
    instead = f" instead of {one.instead_of}" if one.instead_of else ""
    away = f", away until {one.away_until:%Y-%m-%d %H:%M %Z}" if one.away_until else ""
    return f"{one.name} (as {one.asked_as.value}{instead}{away})"
