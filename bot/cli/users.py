"""assent user …"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.console import fail, run, say, say_json, settings_for, table
from models.enums import Role

app = typer.Typer(no_args_is_help=True, help="People, their roles and absences.")

Who = Annotated[str, typer.Argument(help="E-mail address, user_id, open_id, our id, or an unambiguous name.")]
Tenant = Annotated[str, typer.Option(help="The person's tenant.")]


@app.command("list")
def list_users(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the people, admins first."""
    run(_list(tenant, as_json))


@app.command("set-role")
def set_role(
    who: Who,
    role: Annotated[Role, typer.Argument(help="What the person becomes.")],
    tenant: Tenant = "default",
) -> None:
    """Give a person a role. The last platform admin stays one."""
    run(_set_role(who, role, tenant))


@app.command()
def away(
    who: Who,
    until: Annotated[str, typer.Argument(help='Until when: 7d, 2026-12-01, "Friday 9:00"; at most 90 days.')],
    delegate: Annotated[str | None, typer.Option(help="Who decides meanwhile; a colleague of the tenant.")] = None,
    tenant: Tenant = "default",
) -> None:
    """Say that a person is away; what waits goes to the delegate, or to whoever is asked in turn."""
    run(_away(who, until, delegate, tenant))


@app.command()
def back(who: Who, tenant: Tenant = "default") -> None:
    """Say that a person is back before the time."""
    run(_back(who, tenant))


async def _list(tenant: str | None, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        people = granted(await desk.administration.users.list(desk.actor, tenant=tenant))
        lines = [
            {
                "name": person.name,
                "tenant": person.tenant,
                "role": person.role.value,
                "email": person.email,
                "user_id": str(person.id),
            }
            for person in people
        ]
        if as_json:
            say_json(lines)
            return
        table(("NAME", "TENANT", "ROLE", "E-MAIL", "ID"), [[cell or "-" for cell in line.values()] for line in lines])


async def _set_role(who: str, role: Role, tenant: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        users = desk.administration.users
        person = await desk.change(lambda work: users.set_role(work, desk.actor, who, role, tenant=tenant))
        say(f"{person.name} is {person.role.value}.")


async def _away(who: str, until: str, delegate: str | None, tenant: str) -> None:
    from bot.cli.desk import granted, open_desk
    from bot.commands.when import NotWhen, read_when

    async with open_desk(settings_for("administer")) as desk:
        person = granted(await desk.administration.users.named(desk.actor, who, tenant=tenant))
        when = read_when(until, desk.clock.now(), desk.settings.zone)
        if isinstance(when, NotWhen) or when.rest:
            fail(f"{until} is no moment to come; write 7d, 2026-12-01 or 2026-12-01 9:00.", code=2)
        done = await desk.change(lambda work: desk.absences.away(work, desk.actor, when.at, delegate, person=person))
        local = f"{done.until.astimezone(desk.settings.zone):%Y-%m-%d %H:%M %Z}"
        stands_in = f"; {done.delegate} decides meanwhile" if done.delegate else ""
        say(f"{done.name} is away until {local}{stands_in}. {done.handed_on} waiting question(s) went to others.")


async def _back(who: str, tenant: str) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        person = granted(await desk.administration.users.named(desk.actor, who, tenant=tenant))
        done = await desk.change(lambda work: desk.absences.back(work, desk.actor, person=person))
        say(f"{done.name} is back." if done.was_away else f"{done.name} was not away.")
