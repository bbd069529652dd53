"""The operator's command line: `assent …`, or `python -m bot …`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli import agents, apps, audits, doctor, grants, plans, policies, steering, tokens, users
from bot.cli.console import run, say, say_json, settings_for

app = typer.Typer(
    name="assent",
    help="Assent: an approval gate for AI agents that lives in Feishu/Lark chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and those may be secrets
)
app.add_typer(agents.app, name="agent")
app.add_typer(apps.app, name="app")
app.add_typer(users.app, name="user")
app.add_typer(policies.app, name="policy")
app.add_typer(plans.app, name="plan")
app.add_typer(grants.app, name="grant")
app.add_typer(tokens.app, name="token")
app.add_typer(audits.app, name="audit")
app.command("why")(steering.why)
app.command("freeze")(steering.freeze)
app.command("unfreeze")(steering.unfreeze)


@app.command()
def serve() -> None:
    """Run the service: the hook, Feishu's callbacks, the outbox worker and the scheduler."""
    settings = settings_for("serve")
    from bot import app as service
    from config import logging

    logging.configure(settings.log_level, settings.log_format)
    run(service.serve(settings))


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="The page's port; 0 takes a free one. [default: 8788]")] = None,
) -> None:
    """Run the service with a local Feishu and a sample agent; nothing outside this machine is reached."""
    from bot.demo import run as run_demo

    run(run_demo(port))


@app.command()
def simulator(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 8788,
    callback_url: Annotated[
        str, typer.Option(help="Where events and card callbacks go.")
    ] = "http://127.0.0.1:8787/feishu/webhook",
) -> None:
    """Run the local Feishu alone, with its page of chats; the app of the settings, if there is one, lives in it."""
    from bot.simulator.cli import run_simulator

    settings = settings_for("administer")
    run(
        run_simulator(
            host,
            port,
            callback_url=callback_url,
            app_id=settings.feishu_app_id or None,
            app_secret=settings.feishu_app_secret.get_secret_value() or None,
            encrypt_key=settings.feishu_encrypt_key.get_secret_value() or None,
            verification_token=settings.feishu_verification_token.get_secret_value() or None,
            say=say,
        )
    )


@app.command()
def migrate() -> None:
    """Bring the database up to date; several at once wait for each other."""
    from bot.database import migrate as apply

    applied = run(apply(settings_for("administer").database_url))
    say(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


@app.command("doctor")
def examine(
    lark: Annotated[bool, typer.Option("--lark", help="Also import lark-oapi; takes some seconds.")] = False,
) -> None:
    """Check settings, database, migrations and the Feishu app; say how to mend what is wrong."""
    doctor.examine(lark)


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the hook."""
    from handlers.openapi import document

    say_json(document())


def main() -> None:
    app()


if __name__ == "__main__":
    main()
