"""Structured logs: one event, one line; no tokens, secrets, cards or bodies, whoever logs them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO
from uuid import UUID

import structlog

HIDDEN = "[hidden]"

_SECRET_NAMES = ("token", "secret", "authorization", "password", "cookie", "card", "body", "encrypt_key", "ciphertext")

_SECRET_TEXTS = (
    (re.compile(r"\bast_[A-Za-z0-9_-]{6,}"), "ast_" + HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 " + HIDDEN),
    (re.compile(r"\b[tu]-[A-Za-z0-9._-]{20,}"), HIDDEN),  # Feishu's tenant and user access tokens
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), r"\1:" + HIDDEN + "@"),
    (re.compile(r"(?i)([?&](?:token|key|sig|signature|secret|t|k)=)[^&\s\"']+"), r"\1" + HIDDEN),  # t, k: our own links
)

_QUIET = {
    "tortoise": logging.INFO,
    "tortoise.db_client": logging.WARNING,  # its DEBUG lines hold every value of every statement
    "aiohttp.access": logging.WARNING,  # its lines hold signed links
    "aiosqlite": logging.WARNING,
    "asyncio": logging.INFO,
    "apscheduler": logging.WARNING,
    "Lark": logging.WARNING,
}


def configure(
    level: str = "INFO", style: Literal["console", "json"] = "console", *, stream: TextIO | None = None
) -> None:
    """Our events and those of libraries go to `stream` (standard error) in one format, secrets hidden."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, at_least in _QUIET.items():
        logging.getLogger(name).setLevel(max(at_least, root.level))


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Fields whose name sounds secret lose their value; texts lose what looks like a token."""
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own, never rendered
            event[name] = _hidden(name, value)
    return event


def _hidden(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, UUID):
        return str(value)
    if not name.endswith("_id") and any(word in name.lower() for word in _SECRET_NAMES):
        return HIDDEN
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {key: _hidden(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden("", inner) for inner in value]
    return _clean(str(value))


def _clean(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text
