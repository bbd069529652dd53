"""Logs: one line an event, no secrets, whoever logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from config.logging import HIDDEN, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What was logged; the root logger is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("DEBUG", "json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def events(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_with_its_fields(stream: io.StringIO) -> None:
    approval = UUID(int=7)
    structlog.get_logger("x").info("approval.resolved", approval=approval, verdict="approve", waited=1.5, 原因="好")
    [event] = events(stream)
    assert event["event"] == "approval.resolved"
    assert event["approval"] == str(approval)
    assert (event["verdict"], event["waited"], event["level"], event["原因"]) == ("approve", 1.5, "info", "好")
    assert str(event["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "name",
    ["token", "agent_token", "app_secret", "Authorization", "card", "body", "request_body", "Set-Cookie", "password"],
)
def test_fields_that_sound_secret_lose_their_value(stream: io.StringIO, name: str) -> None:
    structlog.get_logger("x").info("e", **{name: "hunter2", "nested": {name: {"deep": "hunter2"}}})
    assert "hunter2" not in stream.getvalue()
    assert events(stream)[0][name] == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "ast_hunter2hunter2",
        "Authorization: Bearer hunter2hunter2",
        "postgres://lin:hunter2@db/assent",
        "https://gate/pages/1?sig=hunter2&x=1",
        "t-hunter2hunter2hunter2hunter2",
    ],
)
def test_texts_lose_what_looks_like_a_token(stream: io.StringIO, text: str) -> None:
    structlog.get_logger("x").info("e", said=[f"seen {text} there"])
    logging.getLogger("library").warning("seen %s there", text)
    try:
        raise RuntimeError(text)
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("library").exception("failed")
    assert "hunter2" not in stream.getvalue()
    assert len(events(stream)) == 4


def test_numbers_are_never_hidden(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("e", cards=3, tokens_left=0, card_id="om_1")
    assert (events(stream)[0]["cards"], events(stream)[0]["tokens_left"]) == (3, 0)
    assert events(stream)[0]["card_id"] == "om_1"


def test_the_database_library_never_logs_statements(stream: io.StringIO) -> None:
    """Its DEBUG lines hold every value of every statement."""
    logging.getLogger("tortoise.db_client").debug("INSERT …: %s", ["private"])
    logging.getLogger("aiohttp.access").info("GET /pages/1?sig=private")
    assert stream.getvalue() == ""


def test_the_console_style_shows_the_same_fields() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("INFO", "console", stream=stream)
    structlog.get_logger("x").info("approval.resolved", token="hunter2", by="Lin")
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    assert "approval.resolved" in stream.getvalue()
    assert "by=Lin" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
