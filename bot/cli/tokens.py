"""assent token …"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import run, say, say_json, settings_for, table

if TYPE_CHECKING:
    from bot.administration import AccessTokenCreated, AccessTokenLine
    from models.user import User

app = typer.Typer(no_args_is_help=True, help="People's own tokens for the HTTP interface of policies.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Tenant = Annotated[str, typer.Option(help="The person's tenant.")]
Who = "E-mail address, user_id, open_id, our id, or an unambiguous name."


@app.command()
def create(
    user: Annotated[str, typer.Option(help=Who)],
    name: Annotated[str, typer.Option(help="What it is for: 1 to 100 characters.")],
    days: Annotated[int, typer.Option(help="How long it works, 1 to 366.")] = 30,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Create a token of a person and print it, once. Whoever holds it has that person's rights over policies."""
    run(_create(user, name, days, tenant, as_json))


@app.command("list")
def list_tokens(
    user: Annotated[str | None, typer.Option(help=f"Only of this person. {Who}")] = None,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """List the tokens, newest first, without their secrets."""
    run(_list(user, tenant, as_json))


@app.command()
def revoke(token_id: Annotated[str, typer.Argument(help="The token's id, from the list.")]) -> None:
    """Refuse a token from now on."""
    run(_revoke(token_id))


async def _create(user: str, name: str, days: int, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        person: User = granted(await desk.administration.users.named(desk.actor, user, tenant=tenant))
        lasting = timedelta(days=min(max(days, -1), 10_000))
        tokens = desk.administration.tokens
        made: AccessTokenCreated = await desk.change(
            lambda work: tokens.create(work, desk.actor, person, name, lasting=lasting)
        )
        if as_json:
            say_json(
                {"token_id": made.token_id, "person": made.person, "name": made.name, "expires_at": made.expires_at,
                 "token": made.token}
            )  # fmt: skip
            return
        say(f"Token “{made.name}” of {made.person} works until {made.expires_at:%Y-%m-%d %H:%M %Z}.")
        say(f"Token (shown once): {made.token}")


async def _list(user: str | None, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        person: User | None = None
        if user is not None:
            person = granted(await desk.administration.users.named(desk.actor, user, tenant=tenant))
        found: list[AccessTokenLine] = granted(await desk.administration.tokens.list(desk.actor, person=person))
        lines = [_line(token, _state(token, desk.clock.now())) for token in found]
        if as_json:
            say_json(lines)
            return
        table(("NAME", "PERSON", "STATE", "UNTIL", "ID"), [[str(cell) for cell in line.values()] for line in lines])


def _line(token: AccessTokenLine, state: str) -> dict[str, object]:
    return {
        "name": token.name,
        "person": token.person,
        "state": state,
        "expires_at": token.expires_at,
        "token_id": token.token_id,
    }


def _state(token: AccessTokenLine, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "works" if token.expires_at > now else "over"


async def _revoke(token_id: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        tokens = desk.administration.tokens
        line: AccessTokenLine = await desk.change(lambda work: tokens.revoke(work, desk.actor, token_id))
        say(f"Token “{line.name}” of {line.person} is refused from now on.")
