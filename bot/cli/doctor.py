"""assent doctor: what is not right yet, with one line each on how to mend it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from bot.cli.console import FAILED, run, say

if TYPE_CHECKING:
    from config.settings import Settings


class Health(StrEnum):
    OK = "ok"
    WARNING = "warn"
    BAD = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `fix` is what the operator does about it."""

    health: Health
    what: str
    fix: str = ""


def examine(lark: bool) -> None:
    """Prints every finding; ends with 1 when one is bad."""
    run(_examine(lark))


async def _examine(lark: bool) -> None:
    from config import logging

    logging.configure("ERROR")  # the findings say it already
    bad = False
    async for finding in findings(lark):
        bad = bad or finding.health is Health.BAD
        say(f"{finding.health.value:<5} {finding.what}")
        if finding.fix:
            say(f"      → {finding.fix}")
    if bad:
        raise typer.Exit(FAILED)


async def findings(lark: bool) -> AsyncIterator[Finding]:
    from config.settings import SettingsFault, load_settings

    try:
        settings = load_settings(to="serve")
    except SettingsFault as fault:
        for variable, sentence in fault.faults:
            yield Finding(Health.BAD, f"{variable} {sentence}", "see docs/configuration.md")
        return
    yield Finding(Health.OK, "settings")
    async for finding in _database(settings):
        yield finding
    async for finding in _feishu(settings):
        yield finding
    if lark or settings.feishu_transport == "long_connection":
        yield _lark_oapi()


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    from bot.database import UnsafeDatabase, open_database, pending_migrations
    from config.database import backend

    kind = backend(settings.database_url)
    try:
        async with open_database(settings.database_url):
            yield Finding(Health.OK, f"database: {kind} answers and keeps what it commits")
            async for finding in registered_commands(settings):
                yield finding
        missing = await pending_migrations(settings.database_url)
    except UnsafeDatabase as fault:
        yield Finding(Health.BAD, f"database: {fault}", "turn the setting on and restart the database")
        return
    except Exception as fault:  # whatever it is, it is what the operator wants to read
        yield Finding(Health.BAD, f"database: {_short(fault)}", "check ASSENT_DATABASE_URL and that the server runs")
        return
    if missing:
        yield Finding(
            Health.WARNING, f"migrations: {len(missing)} not applied", "run: assent migrate (serve does it too)"
        )
    else:
        yield Finding(Health.OK, "migrations: all applied")


async def registered_commands(settings: Settings) -> AsyncIterator[Finding]:
    """Whether Feishu completes our slash commands, as the last start left it. Nothing before the first start."""
    from bot.database import pending_migrations
    from models.enums import OutboxKind, OutboxState
    from models.tables import OutboxMessage

    if not settings.native_commands or await pending_migrations(settings.database_url):
        return
    for row in await OutboxMessage.filter(kind=OutboxKind.COMMANDS).order_by("app_id"):
        if row.state is OutboxState.DELIVERED:
            yield Finding(Health.OK, f"slash commands: registered with {row.app_id}")
        elif row.fault:
            fix = (
                "optional: grant the scope application:app_slash_command:write and publish a version, then restart;"
                " or set ASSENT_NATIVE_COMMANDS=false"
            )
            yield Finding(Health.WARNING, f"slash commands: not registered with {row.app_id}: {row.fault}", fix)


async def _feishu(settings: Settings) -> AsyncIterator[Finding]:
    import aiohttp

    from bot.cli.desk import default_app
    from bot.feishu.client import FeishuClient
    from bot.ports import FeishuFault, FeishuMisconfigured
    from models.values import AppCredentials

    async def credentials(_: str) -> AppCredentials:
        return default_app(settings)

    async with aiohttp.ClientSession() as session:
        client = FeishuClient(session, credentials)
        try:
            bot = await client.bot(settings.feishu_app_id)
            yield Finding(Health.OK, f"Feishu: app {settings.feishu_app_id} is the bot “{bot.name}” ({bot.open_id})")
        except FeishuMisconfigured as fault:
            fix = "compare app id and secret with the developer console; enable the bot; publish a version of the app"
            yield Finding(Health.BAD, f"Feishu: {_short(fault)}", fix)
        except FeishuFault as fault:
            fix = "check that this machine reaches ASSENT_FEISHU_BASE_URL (proxy, firewall), then try again"
            yield Finding(Health.BAD, f"Feishu: {_short(fault)}", fix)
        finally:
            await client.close()
    yield _callback(settings)


def _callback(settings: Settings) -> Finding:
    """How Feishu reaches us."""
    from urllib.parse import urlsplit

    from config.settings import is_loopback

    if settings.feishu_transport == "long_connection":
        hint = "developer console → Events and callbacks: choose “long connection” for both"
        return Finding(Health.OK, "callbacks: by long connection, no public address needed", hint)
    url = f"{settings.public_url}/feishu/webhook"
    local = is_loopback(urlsplit(settings.public_url).hostname or "")
    simulated = is_loopback(urlsplit(settings.feishu_base_url).hostname or "")
    if local and not simulated:
        fix = (
            "set ASSENT_PUBLIC_URL to an https address that Feishu reaches, or ASSENT_FEISHU_TRANSPORT=long_connection"
        )
        return Finding(Health.BAD, f"callbacks: Feishu cannot reach {url}", fix)
    hint = (
        f"developer console → Events and callbacks: request address {url} for events and for card callbacks;"
        " subscribe im.message.receive_v1 and card.action.trigger"
    )
    return Finding(Health.OK, "callbacks: by webhook", hint)


def _lark_oapi() -> Finding:
    try:
        import lark_oapi.ws  # noqa: F401 - takes some seconds and 170 MB, so only where it is used
    except ImportError as fault:
        return Finding(Health.BAD, f"lark-oapi: {_short(fault)}", "reinstall from requirements.lock (make setup)")
    return Finding(Health.OK, "lark-oapi: can be imported")


def _short(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}".splitlines()[0][:300]
