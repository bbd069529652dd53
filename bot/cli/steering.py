"""assent why, freeze, unfreeze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import run, say, say_json, settings_for

if TYPE_CHECKING:
    from bot.freezing.freezes import Frozen, Lifted, Standing
    from models.why import Why

Subject = Annotated[str, typer.Argument(help="The agent's name or id; all: every agent of the tenant.")]
Tenant = Annotated[str, typer.Option(help="The tenant.")]


def why(
    id: Annotated[str, typer.Argument(help="A check or an approval: its id, how it begins, or the code.")],
    tenant: Tenant = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say why a check was answered as it was: rule, version, who was asked, what was delivered."""
    run(_why(id, tenant, as_json))


def freeze(
    subject: Subject = "all",
    for_: Annotated[str | None, typer.Option("--for", help="How long, such as 2h; else until it is lifted.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; people read it on the card.")] = None,
    tenant: Tenant = "default",
) -> None:
    """Stop everything of one agent or of all: from the commit on nothing is allowed, on any replica."""
    run(_freeze(subject, for_, reason, tenant))


def unfreeze(subject: Subject = "all", tenant: Tenant = "default") -> None:
    """Lift the freezes of one agent, or those of all."""
    run(_unfreeze(subject, tenant))


async def _why(what: str, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk
    from bot.hindsight.explaining import Explaining
    from cards.why import why as why_text
    from cards.why_data import why_json
    from models.enums import Language

    async with open_desk(settings_for("administer"), tenant=tenant) as desk:
        found: Why = granted(await Explaining(desk.people, desk.clock).why(desk.actor, what))
        if as_json:
            say_json(why_json(found))
        else:
            say(why_text(found, Language.EN_US, zone=desk.settings.zone))


async def _freeze(subject: str, written: str | None, reason: str | None, tenant: str) -> None:
    from bot.cli.desk import open_desk
    from bot.cli.durations import duration

    lasting = duration(written) if written else None
    async with open_desk(settings_for("administer"), tenant=tenant) as desk:
        freezing = desk.freezing
        done: Frozen = await desk.change(
            lambda work: freezing.freeze(
                work, desk.actor, subject, tenant=tenant, until=work.now + lasting if lasting else None, reason=reason
            )
        )
        say(f"{_what(done.standing)} stands still {_until(done.standing)}. People who are told: {done.told}.")
        for other in done.also:
            say(f"Also: {_what(other)}, by {other.freeze.frozen_by_name}, {_until(other)}.")


async def _unfreeze(subject: str, tenant: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer"), tenant=tenant) as desk:
        freezing = desk.freezing
        done: Lifted = await desk.change(lambda work: freezing.unfreeze(work, desk.actor, subject, tenant=tenant))
        what = f"“{done.agent}”" if done.agent else f"Tenant {done.tenant}"
        say(f"{what}: {len(done.lifted)} freeze(s) lifted." if done.lifted else f"{what} was not frozen.")
        for other in done.still:
            say(f"Still: {_what(other)} stands still, by {other.freeze.frozen_by_name}, {_until(other)}.")


def _what(standing: Standing) -> str:
    return f"“{standing.agent}”" if standing.agent else f"Every agent of tenant {standing.tenant}"


def _until(standing: Standing) -> str:
    until = standing.freeze.until
    return f"until {until:%Y-%m-%d %H:%M %Z}" if until else "until it is lifted"
