"""assent user …"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.console import run, say, say_json, settings_for, table
from models.enums import Role

app = typer.Typer(no_args_is_help=True, help="People and their roles.")


@app.command("list")
def list_users(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the people, admins first."""
    run(_list(tenant, as_json))


@app.command("set-role")
def set_role(
    who: Annotated[str, typer.Argument(help="E-mail address, user_id, open_id, our id, or an unambiguous name.")],
    role: Annotated[Role, typer.Argument(help="What the person becomes.")],
    tenant: Annotated[str, typer.Option(help="The person's tenant.")] = "default",
) -> None:
    """Give a person a role. The last platform admin stays one."""
    run(_set_role(who, role, tenant))


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
