"""assent agent …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.console import fail, run, say, say_json, settings_for, table

if TYPE_CHECKING:
    from bot.administration import ExecutorSet
    from bot.cli.desk import Desk
    from models.agent import Agent

app = typer.Typer(no_args_is_help=True, help="Agents: create, list, pause, archive, new token, executor.")

Name = Annotated[str, typer.Argument(help="The agent's name or id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="1 to 100 characters, unique in the tenant.")],
    creator: Annotated[str, typer.Option(help="Who decides for it: e-mail address, user_id, open_id or union_id.")],
    app_id: Annotated[str | None, typer.Option("--app", help="Its own Feishu app; else the default one.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant it belongs to.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Create an agent and print its token, once."""
    run(_create(name, creator, app_id, tenant, as_json))


@app.command("list")
def list_agents(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the agents."""
    run(_list(tenant, archived, as_json))


@app.command()
def pause(name: Name) -> None:
    """Deny every check of the agent until it is resumed."""
    run(_become(name, "pause"))


@app.command()
def resume(name: Name) -> None:
    """Let a paused agent ask again."""
    run(_become(name, "resume"))


@app.command()
def archive(name: Name) -> None:
    """Refuse the agent's token for good; its audit stays."""
    run(_become(name, "archive"))


@app.command("rotate-token")
def rotate_token(name: Name, as_json: AsJson = False) -> None:
    """Replace the token and print the new one, once; the old one stops working at once."""
    run(_rotate(name, as_json))


@app.command("set-executor")
def set_executor(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where approved actions are posted to; off: the agent acts itself.")],
    as_json: AsJson = False,
) -> None:
    """Set who performs approved actions and print the signing secret, once."""
    run(_set_executor(name, None if url == "off" else url, as_json))


@app.command()
def observe(
    name: Name,
    lasting: Annotated[str, typer.Argument(help="How long, such as 7d or 12h, at most 30d; off ends it.")],
) -> None:
    """Only observe an agent: all it asks runs, and what would have been asked or denied is recorded."""
    run(_observe(name, lasting))


@app.command()
def label(
    name: Name,
    labels: Annotated[list[str], typer.Argument(help="LABEL=VALUE; LABEL= removes one.")],
) -> None:
    """Set labels of an agent, on which policies and floors match."""
    run(_label(name, labels))


@app.command()
def limit(
    name: Name,
    pending: Annotated[str | None, typer.Option(help="Questions that may wait at once; default: as installed.")] = None,
    per_minute: Annotated[str | None, typer.Option(help="Checks in a minute; default: as installed.")] = None,
) -> None:
    """Set the agent's own limits; what is not named stays."""
    run(_limit(name, {"max_pending": pending, "checks_per_minute": per_minute}))


@app.command()
def backup(
    name: Name,
    who: Annotated[str, typer.Argument(help="A colleague: e-mail address, Feishu id, our id or name; off: nobody.")],
) -> None:
    """Set who is asked as well where the asking plan says backup, or where the creator cannot be asked."""
    run(_backup(name, None if who == "off" else who))


async def _create(name: str, creator: str, app_id: str | None, tenant: str, as_json: bool) -> None:
    from bot.cli.desk import granted, open_desk
    from bot.ledger import Work
    from models.user import User

    async with open_desk(settings_for("administer")) as desk:
        if not desk.people.default_app_id and "@" not in creator:
            fail("Feishu ids belong to an app: set ASSENT_FEISHU_APP_ID, or name the creator by e-mail address.")

        async def body(work: Work) -> object:
            person = await desk.administration.users.ensure(work, desk.actor, creator, tenant=tenant)
            if not isinstance(person, User):
                return person
            made = await desk.administration.agents.create(work, desk.actor, name, creator=person, app_id=app_id)
            granted(made)  # before the commit: no person is left behind by an agent that was not created
            return made

        from bot.administration import AgentCreated

        made = await desk.change(body)
        if not isinstance(made, AgentCreated):
            raise TypeError(made)
        if as_json:
            say_json(
                {
                    "agent_id": made.agent_id,
                    "name": made.name,
                    "tenant": made.tenant,
                    "creator": made.creator,
                    "token": made.token,
                }
            )
            return
        say(f"Agent “{made.name}” created for {made.creator}.")
        say(f"Token (shown once): {made.token}")


async def _list(tenant: str | None, archived: bool, as_json: bool) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        agents = await desk.administration.agents.mine(desk.actor, tenant=tenant, archived=archived)
        if as_json:
            say_json([_line(agent) for agent in agents])
            return
        headings = ("NAME", "TENANT", "CREATOR", "STATUS", "APP", "EXECUTOR", "ID")
        table(headings, [[str(cell or "-") for cell in _line(agent).values()] for agent in agents])


def _line(agent: Agent) -> dict[str, str | None]:
    return {
        "name": agent.name,
        "tenant": agent.tenant,
        "creator": agent.creator.name,
        "status": agent.status.value,
        "app": agent.app_id,
        "executor": agent.executor_url,
        "agent_id": str(agent.id),
    }


async def _become(name: str, act: str) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        agents = desk.administration.agents
        acts = {"pause": agents.pause, "resume": agents.resume, "archive": agents.archive}
        agent = await desk.change(lambda work: acts[act](work, desk.actor, name))
        say(f"Agent “{agent.name}” is {agent.status.value}.")


async def _rotate(name: str, as_json: bool) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        agents = desk.administration.agents
        made = await desk.change(lambda work: agents.rotate_token(work, desk.actor, name))
        if as_json:
            say_json({"agent_id": made.agent_id, "name": made.name, "token": made.token})
            return
        say(f"“{made.name}” has a new token; the old one no longer works.")
        say(f"Token (shown once): {made.token}")


async def _set_executor(name: str, url: str | None, as_json: bool) -> None:
    from bot.cli.desk import open_desk

    async with open_desk(settings_for("administer")) as desk:
        done = await _executor(desk, name, url)
        if as_json:
            say_json({"agent_id": done.agent_id, "name": done.name, "url": done.url, "secret": done.secret})
            return
        say(f"“{done.name}” acts itself." if url is None else f"Approved actions of “{done.name}” go to {done.url}")
        if done.secret:
            say(f"Signing secret (shown once): {done.secret}")


async def _executor(desk: Desk, name: str, url: str | None) -> ExecutorSet:
    return await desk.change(lambda work: desk.administration.agents.set_executor(work, desk.actor, name, url))


async def _observe(name: str, written: str) -> None:
    from bot.administration import AgentObserved
    from bot.cli.desk import open_desk
    from bot.cli.durations import duration

    lasting = None if written == "off" else duration(written)
    async with open_desk(settings_for("administer")) as desk:
        oversight = desk.administration.oversight
        done: AgentObserved = await desk.change(
            lambda work: oversight.set_observe(work, desk.actor, name, work.now + lasting if lasting else None)
        )
        if done.until is None:
            say(f"“{done.name}” is no longer only observed: its policy holds.")
        else:
            say(f"“{done.name}” is only observed until {done.until:%Y-%m-%d %H:%M %Z}: everything it asks runs.")


async def _label(name: str, written: list[str]) -> None:
    from bot.administration import AgentLabelled
    from bot.cli.desk import open_desk

    if wrong := [one for one in written if "=" not in one]:
        fail(f"{wrong[0]} is no LABEL=VALUE.", code=2)
    changes = {key: value for key, _, value in (one.partition("=") for one in written)}
    async with open_desk(settings_for("administer")) as desk:
        oversight = desk.administration.oversight
        done: AgentLabelled = await desk.change(lambda work: oversight.set_labels(work, desk.actor, name, changes))
        say(f"Labels of “{done.name}”: {', '.join(f'{one}={value}' for one, value in done.labels.items()) or 'none'}")


async def _limit(name: str, written: dict[str, str | None]) -> None:
    from bot.administration import AgentLimited
    from bot.cli.desk import open_desk

    limits: dict[str, int | None] = {}
    for key, text in written.items():
        if text is not None and text != "default" and not (text.isascii() and text.isdigit() and len(text) <= 9):
            fail(f"{text} is neither a whole number nor “default”.", code=2)
        if text is not None:
            limits[key] = None if text == "default" else int(text)
    async with open_desk(settings_for("administer")) as desk:
        oversight = desk.administration.oversight
        done: AgentLimited = await desk.change(lambda work: oversight.set_limits(work, desk.actor, name, limits))
        pending, rate = (
            "as installed" if one is None else str(one) for one in (done.max_pending, done.checks_per_minute)
        )
        say(f"Limits of “{done.name}”: pending {pending}, checks a minute {rate}.")


async def _backup(name: str, who: str | None) -> None:
    from bot.administration import BackupSet, Declined
    from bot.cli.desk import open_desk
    from bot.ledger import Work
    from models.agent import Agent
    from models.user import User
    from models.values import Refusal

    async with open_desk(settings_for("administer")) as desk:
        agents, users = desk.administration.agents, desk.administration.users

        async def body(work: Work) -> BackupSet | Refusal | Declined:
            agent = await agents.named(desk.actor, name)
            if not isinstance(agent, Agent):
                return agent
            person = await users.named(desk.actor, who, tenant=agent.tenant) if who else None
            if isinstance(person, User) or person is None:
                return await agents.set_backup(work, desk.actor, name, person)
            return person

        done = await desk.change(body)
        say(f"Backup of “{done.name}”: {done.backup or 'nobody'}.")
