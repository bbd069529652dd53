"""Which fault each of Feishu's numbers stands for."""

from __future__ import annotations

import pytest

from bot.feishu.errors import TOKEN_REJECTED, fault, reset_after, scopes_in
from bot.feishu.origin import base_url_fault
from bot.ports import (
    FeishuFault,
    FeishuMisconfigured,
    FeishuUnavailable,
    MessageGone,
    PayloadRefused,
    ReceiverRefused,
)
from models.values import JsonObject


def kind(code: int, status: int = 400, msg: str = "no") -> type[FeishuFault]:
    return type(fault(status, code, msg, {}, {}))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((99991400, 230020, 11232, 11233, 11247, 230049, 99991663), FeishuUnavailable),
        ((99991401, 99991662, 99991673, 99991672, 99991679, 230027, 230006, 10014, 10015), FeishuMisconfigured),
        ((99991661, 99991664, 99991665, 99991668, 99991671, 99991677), FeishuMisconfigured),
        ((99992351, 99992361, 99992364, 230034, 230002, 230013, 230029, 230035, 230038, 230053), ReceiverRefused),
        ((230023, 41012, 41050), ReceiverRefused),
        ((230001, 230025, 230099, 230022, 230028), PayloadRefused),
        ((230011, 230110, 230031, 230012), MessageGone),
    ],
)
def test_the_documented_numbers(codes: tuple[int, ...], expected: type[FeishuFault]) -> None:
    assert {code: kind(code) for code in codes} == dict.fromkeys(codes, expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, PayloadRefused),
        (400, PayloadRefused),
        (404, PayloadRefused),
        (401, FeishuMisconfigured),
        (403, FeishuMisconfigured),
        (408, FeishuUnavailable),
        (429, FeishuUnavailable),
        (500, FeishuUnavailable),
        (504, FeishuUnavailable),
        (302, FeishuUnavailable),
    ],
)
def test_an_unknown_number_is_judged_by_the_status(status: int, expected: type[FeishuFault]) -> None:
    assert kind(987654321, status) is expected


def test_a_known_number_wins_over_the_status() -> None:
    assert kind(230013, 500) is ReceiverRefused


def test_a_card_locked_by_a_finger_is_worth_another_try() -> None:
    locked = fault(400, 230099, "Failed to create card content, ext=ErrCode: 11310; ErrMsg: card is LOCKED", {}, {})
    assert isinstance(locked, FeishuUnavailable)
    assert locked.retry_after == 1.0
    assert kind(230099, msg="ext=ErrCode: 11310; ErrMsg: element exceeds the limit") is PayloadRefused
    assert kind(230099, msg="ext=ErrCode: 200861; a locked tag") is PayloadRefused


def test_the_reset_time_travels_with_a_rate_limit() -> None:
    limited = fault(429, 99991400, "slow", {}, {"x-ogw-ratelimit-reset": "42"})
    assert isinstance(limited, FeishuUnavailable)
    assert limited.retry_after == 42.0


@pytest.mark.parametrize("text", ["", "-1", "soon", "nan", "1e9", "99999999"])
def test_an_odd_reset_time_is_none(text: str) -> None:
    assert reset_after({"x-ogw-ratelimit-reset": text}) is None


def test_the_missing_scope_is_named() -> None:
    msg = "Access denied. One of the following scopes is required: [im:message, im:message:send_as_bot].应用尚未开通"
    assert scopes_in(msg, {}) == ["im:message", "im:message:send_as_bot"]
    assert "scope missing: im:message, im:message:send_as_bot" in str(fault(400, 99991672, msg, {}, {}))
    assert scopes_in("", {"error": {"permission_violations": [{"subject": "contact:user.id:readonly"}, 5]}}) == [
        "contact:user.id:readonly"
    ]
    assert "not named" in str(fault(400, 230027, "Lack of necessary permissions", {}, {}))


def test_the_log_id_is_taken_from_header_or_body() -> None:
    body: JsonObject = {"error": {"log_id": "B"}}
    assert fault(400, 1, "", body, {"X-Tt-Logid": "H"}).log_id == "H"
    assert fault(400, 1, "", body, {}).log_id == "B"
    assert fault(400, 1, "", {"error": []}, {}).log_id is None


def test_the_rejected_tokens_are_those_of_the_table() -> None:
    assert {99991663, 99991661, 99991671, 99991664, 99991665, 99991668, 99991677} == TOKEN_REJECTED


@pytest.mark.parametrize(
    "url",
    ["https://open.feishu.cn", "https://open.larksuite.com/", "http://127.0.0.1:9", "http://localhost:1", "http://[::1]"],
)  # fmt: skip
def test_origins_that_are_taken(url: str) -> None:
    assert base_url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "open.feishu.cn",
        "http://open.feishu.cn",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://127.0.0.1",
        "https://",
        "https://user@open.feishu.cn",
        "https://open.feishu.cn/x",
        "https://open.feishu.cn?x",
        "https://open.feishu.cn:port",
        "https://[::1",
    ],
)
def test_origins_that_are_not(url: str) -> None:
    assert base_url_fault(url) is not None
