"""Where the database is and how it is spoken to, from one URL. Opens nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

DEFAULT_URL = "sqlite://var/assent.db"

COMMAND_TIMEOUT = 30.0
"""Seconds after which the client gives up on one statement; the server gives up at the same time."""

POOL = {"minsize": 1, "maxsize": 10}


class UnusableDatabaseUrl(ValueError):
    """The URL names no database that Assent can use. The message never repeats the URL: it may hold a password."""


def backend(url: str) -> Literal["sqlite", "postgres"]:
    """Which of the two kinds of database `url` names."""
    match url.partition("://")[0]:
        case "sqlite":
            return "sqlite"
        case "postgres" | "postgresql":
            return "postgres"
        case _:
            raise UnusableDatabaseUrl("must begin with sqlite://, postgres:// or postgresql://")


def sqlite_path(url: str) -> Path:
    """The absolute path: `sqlite://var/x.db` is relative to the working directory, `sqlite:///x.db` is not."""
    path = unquote(url.partition("://")[2].partition("?")[0])
    if not path or path == ":memory:":
        raise UnusableDatabaseUrl("must name a file, for example sqlite://var/assent.db; memory is not durable")
    return Path(path).absolute()


def postgres_credentials(url: str) -> dict[str, Any]:
    """Arguments of `asyncpg.connect`. A Unix socket directory is given as `?host=/path`."""
    try:
        parts = urlsplit(url)
        options: dict[str, str | None] = dict(parse_qsl(parts.query))
        port = parts.port or int(options.pop("port", None) or 5432)
    except ValueError:
        raise UnusableDatabaseUrl("is not a well-formed URL (is the port a number, the password escaped?)") from None
    host = parts.hostname or options.pop("host", None)
    database = unquote(parts.path.lstrip("/")) or options.pop("dbname", None)
    if not database:
        raise UnusableDatabaseUrl("names no database, as in postgres://user@host/assent")
    credentials: dict[str, Any] = {
        "host": unquote(host) if host else None,
        "port": port,
        "user": unquote(parts.username) if parts.username else options.pop("user", None),
        "password": unquote(parts.password) if parts.password else options.pop("password", None),
        "database": database,
        "timeout": 10.0,
        "command_timeout": COMMAND_TIMEOUT,
        "server_settings": {
            "application_name": "assent",
            "timezone": "UTC",
            "statement_timeout": str(int(COMMAND_TIMEOUT * 1000)),
            "idle_in_transaction_session_timeout": "60000",
        },
    }
    if "sslmode" in options:
        credentials["ssl"] = options["sslmode"]
    if "statement_cache_size" in options:  # 0 behind a pooler that pools transactions
        credentials["statement_cache_size"] = int(options["statement_cache_size"] or 0)
    return credentials


def tortoise_config(url: str) -> dict[str, Any]:
    """Tortoise's configuration for `url`."""
    if backend(url) == "sqlite":
        connection: dict[str, Any] = {
            "engine": "tortoise.backends.sqlite",
            # The order counts: without busy_timeout first, switching to WAL fails while another process opens the file.
            "credentials": {
                "file_path": str(sqlite_path(url)),
                "busy_timeout": 5000,
                "journal_mode": "WAL",
                "synchronous": "FULL",
                "foreign_keys": "ON",
                "journal_size_limit": 64 * 1024 * 1024,
            },
        }
    else:
        connection = {"engine": "tortoise.backends.asyncpg", "credentials": {**postgres_credentials(url), **POOL}}
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": ["models.tables"],
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def __getattr__(name: str) -> Any:
    """`TORTOISE_ORM` for Tortoise's own command: `tortoise -c config.database.TORTOISE_ORM makemigrations`.

    Made when it is asked for: importing this module must not fail over a URL that load_settings will explain.
    """
    if name == "TORTOISE_ORM":
        return tortoise_config(os.environ.get("ASSENT_DATABASE_URL") or DEFAULT_URL)
    raise AttributeError(name)
