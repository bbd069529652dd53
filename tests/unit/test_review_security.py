"""What hostile values must not do: slip past the masks, stall the service, make us call where nobody may."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
import structlog

from bot.execution.executor_url import address_fault
from bot.feishu.crypto import signature
from bot.feishu.events import decode_plain
from bot.feishu.inbound import Unauthentic, decode
from cards.arguments import Risk, target
from cards.mask import mask, mask_text
from cards.said_in_text import safe_target
from config import logging
from models.values import AppCredentials, CardClick, ChatMessage, JsonObject

SECRET = "hunter2-and-more"
APP = AppCredentials("cli_a", "default", "https://open.feishu.cn", "s", "encrypt key", "vt")


# --- masks


@pytest.mark.parametrize(
    "args",
    [
        {"password": {"value": SECRET}},
        {"credentials": {"key": SECRET}},
        {"api_key": {"id": SECRET}},
        {"command": ["mysql", "--password", SECRET]},
        {"cmd": ["deploy", "--auth-token", SECRET, "--verbose"]},
    ],
)
def test_the_telling_argument_never_is_a_secret_of_a_nested_member(args: JsonObject) -> None:
    for family in (*Risk, None):
        assert SECRET not in (target(args, family, 600) or "")
    assert SECRET not in (safe_target("delete_files", "rm", args) or "")


@pytest.mark.parametrize(
    "value",
    [
        {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"headers": [{"key": "X-Api-Key", "value": SECRET}]},
        {"headers": [{"name": "Authorization", "value": [SECRET]}]},
        {"argv": ["psql", "--password", SECRET]},
        {"argv": ["tool", "-token", SECRET]},
    ],
)
def test_a_secret_that_is_named_beside_it_is_masked(value: JsonObject) -> None:
    assert SECRET not in json.dumps(mask(value))


def test_what_only_looks_like_a_named_secret_stays_readable() -> None:
    value: JsonObject = {
        "fields": [{"name": "city", "value": "Oslo"}, {"name": "max_tokens", "value": "512"}],
        "argv": ["rm", "--recursive", "/data", "--token-limit", "5", "--password", "--verbose"],
    }
    assert mask(value) == value


def test_an_environment_line_with_a_pass_is_masked() -> None:
    assert SECRET not in mask_text(f"DB_PASS={SECRET} run")


def test_thousands_of_names_that_mask_alike_cost_no_more_than_others() -> None:
    """Each used to try all the others' names, one character longer each: hours for one request of 256 KiB."""
    members: JsonObject = {f"138{number:04d}1234": number for number in range(10_000)}
    masked = mask({"deep": members})
    assert isinstance(masked, dict)
    deep = masked["deep"]
    assert isinstance(deep, dict)
    assert list(deep.values()) == list(range(10_000))
    assert max(len(name) for name in deep) < 20
    assert not any(name in deep for name in members)


def test_counted_names_do_not_hide_a_member_that_is_called_so() -> None:
    members: JsonObject = {"138****1234": 0, "138****1234′1": 1, "13800001234": 2, "13899991234": 3}
    masked = mask(members)
    assert isinstance(masked, dict)
    assert list(masked.values()) == [0, 1, 2, 3]


# --- where an executor may be


@pytest.mark.parametrize(
    "address",
    [
        "168.63.129.16",
        "192.0.0.192",
        "2002:a9fe:a9fe::",
        "64:ff9b::a9fe:a9fe",
        "::ffff:169.254.169.254",
        "fe80::1%eth0",
    ],
)
def test_a_cloud_s_metadata_is_no_executor_however_it_is_written(address: str) -> None:
    assert address_fault(address)


@pytest.mark.parametrize("address", ["10.0.0.5", "127.0.0.1", "::1", "2002:a00:5::", "93.184.216.34"])
def test_ordinary_addresses_are_executors(address: str) -> None:
    assert address_fault(address) is None


# --- the webhook


def test_strangers_do_not_have_us_decrypt_a_megabyte() -> None:
    body = json.dumps({"encrypt": "A" * 100_000}).encode()
    unsigned = decode({}, body, APP, datetime.now(UTC))
    assert unsigned == Unauthentic("unsigned, and too large for a url_verification")
    at = str(int(datetime.now(UTC).timestamp()))
    headers = {
        "X-Lark-Request-Timestamp": at,
        "X-Lark-Request-Nonce": "n",
        "X-Lark-Signature": signature(at, "n", APP.encrypt_key, body),
    }
    assert decode(headers, body, APP, datetime.now(UTC)) == Unauthentic("decryption")


def test_events_say_to_which_company_they_were_delivered() -> None:
    ids: JsonObject = {"open_id": "ou_guest", "union_id": "on_guest", "user_id": "u_1"}
    header: JsonObject = {"event_id": "e", "app_id": "cli_a", "tenant_key": "tk_ours", "create_time": "1608725989000"}
    click = decode_plain(
        {
            "schema": "2.0",
            "header": header | {"event_type": "card.action.trigger"},
            "event": {"operator": {**ids, "tenant_key": "tk_guest"}, "action": {"value": {}}, "context": {}},
        },
        "cli_a",
    )
    assert isinstance(click, CardClick)
    assert (click.company, click.operator.tenant_key) == ("tk_ours", "tk_guest")
    said = decode_plain(
        {
            "schema": "2.0",
            "header": header | {"event_type": "im.message.receive_v1"},
            "event": {
                "sender": {"sender_id": ids, "sender_type": "user", "tenant_key": "tk_guest"},
                "message": {
                    "message_id": "om_1",
                    "chat_id": "oc_1",
                    "chat_type": "p2p",
                    "create_time": "1608725989000",
                },
            },
        },
        "cli_a",
    )
    assert isinstance(said, ChatMessage)
    assert (said.company, said.sender.tenant_key) == ("tk_ours", "tk_guest")


# --- logs


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_fault_is_logged_without_local_variables_and_links_without_their_keys(style: str) -> None:
    stream = io.StringIO()
    logging.configure("INFO", "json" if style == "json" else "console", stream=stream)
    try:
        _fails()
    except ValueError:
        structlog.get_logger().exception("test.failed", app="x\n2026-01-01 [info] forged\x1b[31m")
    written = stream.getvalue()
    assert "local-" + "variable" not in written
    assert "signed-" + "link" not in written
    assert "once-" + "key" not in written
    assert "\x1b" not in written
    assert "\n2026-01-01" not in written


def _fails() -> None:
    held = "-".join(("local", "variable"))
    link, key = "-".join(("signed", "link")), "-".join(("once", "key"))
    raise ValueError(f"{len(held)}: https://assent.example/inbox?t={link}&lang=en_us /once?k={key}")
