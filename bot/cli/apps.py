"""assent app …"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.cli.console import fail, run, say, say_json, settings_for, table

app = typer.Typer(no_args_is_help=True, help="Feishu apps beside the default one.")

_ASKED = ("App Secret", "Encrypt Key", "Verification Token")


@app.command()
def add(
    app_id: Annotated[str, typer.Argument(help="cli_…, from the developer console.")],
    name: Annotated[str, typer.Option(help="What it is called here.")],
    tenant: Annotated[str, typer.Option(help="The tenant whose people it serves.")] = "default",
    base_url: Annotated[
        str | None,
        typer.Option(help="https://open.feishu.cn or https://open.larksuite.com; else that of the default app."),
    ] = None,
    secret_stdin: Annotated[
        bool,
        typer.Option(
            "--secret-stdin", help="Read app secret, encrypt key and verification token from 3 lines of stdin."
        ),
    ] = False,
) -> None:
    """Register a Feishu app; its secrets are asked for, or read from standard input, never taken from arguments."""
    app_secret, encrypt_key, verification_token = _secrets_from_stdin() if secret_stdin else _secrets_asked()
    run(_add(app_id, name, tenant, base_url, app_secret, encrypt_key, verification_token))


@app.command("list")
def list_apps(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """List the registered apps, without their secrets."""
    run(_list(as_json))


def _secrets_asked() -> list[str]:
    return [typer.prompt(label, hide_input=True) for label in _ASKED]


def _secrets_from_stdin() -> list[str]:
    lines = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    if len(lines) != len(_ASKED):
        fail(f"Standard input must have 3 lines: {', '.join(_ASKED)}.", code=2)
    return lines


async def _add(
    app_id: str,
    name: str,
    tenant: str,
    base_url: str | None,
    app_secret: str,
    encrypt_key: str,
    verification_token: str,
) -> None:
    from bot.cli.desk import open_desk
    from models.values import AppCredentials

    settings = settings_for("administer")
    credentials = AppCredentials(
        app_id=app_id,
        tenant=tenant,
        base_url=(base_url or settings.feishu_base_url).rstrip("/"),
        app_secret=app_secret,
        encrypt_key=encrypt_key,
        verification_token=verification_token,
    )
    async with open_desk(settings) as desk:
        added = await desk.change(lambda work: desk.administration.apps.add(work, desk.actor, credentials, name=name))
        say(f"Feishu app {added.app_id} is registered for tenant {added.tenant}.")
        say(f"Its request address in the developer console: {settings.public_url}/feishu/{added.app_id}/webhook")


async def _list(as_json: bool) -> None:
    from dataclasses import asdict

    from bot.cli.desk import granted, open_desk

    async with open_desk(settings_for("administer")) as desk:
        lines = granted(await desk.administration.apps.list(desk.actor))
        if as_json:
            say_json([asdict(line) for line in lines])
            return
        table(
            ("APP", "NAME", "TENANT", "BASE URL", "DEFAULT", "ARCHIVED"),
            [
                (
                    line.app_id,
                    line.name,
                    line.tenant,
                    line.base_url,
                    "yes" if line.is_default else "-",
                    "yes" if line.archived else "-",
                )
                for line in lines
            ],
        )
