"""assent grant …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import run, say, say_json, settings_for, table

if TYPE_CHECKING:
    from uuid import UUID

    from bot.granting.values import Revoked
    from cards.views import GrantView

app = typer.Typer(no_args_is_help=True, help="Standing permissions that spare questions: list, revoke.")


@app.command("list")
def list_grants(
    agent: Annotated[str | None, typer.Argument(help="Only this agent's, by name or id.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant of the agent.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the grants that stand, newest first. Grants are given in Feishu, by the people who decide."""
    run(_list(agent, tenant, as_json))


@app.command()
def revoke(grant: Annotated[str, typer.Argument(help="The grant's id, or how it begins or ends.")]) -> None:
    """End a grant: from now on the action is asked for again."""
    run(_revoke(grant))


async def _list(agent: str | None, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer"), tenant=tenant) as desk:
        grants: list[GrantView] = granted(await desk.grants.standing(desk.actor, agent))
        lines = [_line(grant) for grant in grants]
        if as_json:
            say_json(lines)
            return
        headings = ("AGENT", "ACTION", "TOOL", "KIND", "GIVER", "UNTIL", "USES", "ID")
        table(headings, [[str(cell or "-") for cell in line.values()] for line in lines])


def _line(grant: GrantView) -> dict[str, object]:
    return {
        "agent": grant.agent,
        "action_type": grant.action_type,
        "tool": grant.tool,
        "kind": grant.kind.value,
        "giver": grant.giver,
        "expires_at": grant.expires_at,
        "uses": f"{grant.uses}/{grant.max_uses}",
        "grant_id": grant.grant_id,
    }


async def _revoke(written: str) -> None:
    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        grants = desk.grants
        grant_id: UUID = granted(await grants.find(desk.actor, written))
        done: Revoked = await desk.change(lambda work: grants.revoke(work, desk.actor, grant_id))
        again = " already" if done.again else ""
        say(f"The grant of {done.grant.giver} for {done.grant.action_type} of “{done.grant.agent}” is revoked{again}.")
