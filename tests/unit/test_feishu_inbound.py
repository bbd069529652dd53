"""What gets through the webhook's gate, and what it becomes."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from bot.feishu.crypto import decrypt, signature
from bot.feishu.events import CARD_CLICK, ENTERED, ID_LIMIT, LEFT, MENU, MESSAGE, READ, UPDATED, decode_plain
from bot.feishu.inbound import MAX_BODY, Toast, ToastKind, Unauthentic, answer, decode
from bot.feishu.timestamps import instant
from models.enums import Employment
from models.values import (
    AppCredentials,
    CardClick,
    ChatMessage,
    MenuPress,
    MessagesRead,
    PersonChanged,
    PersonIds,
    UnhandledEvent,
    UrlChallenge,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "feishu-vectors.json").read_text("utf-8"))
EK, VT = VECTORS["encrypt_key"], VECTORS["verification_token"]
APP = AppCredentials("cli_a5fb0ae6a4test", "acme", "https://open.feishu.cn", "secret", EK, VT)
NOW = datetime.fromtimestamp(1767225600, UTC)
SIGNED = {vector["name"]: vector for vector in VECTORS["signed_requests"]}
CLICK = SIGNED["card.action.trigger button approve"]
FORM = SIGNED["card.action.trigger form submit (multibyte, quotes, newline)"]
CHALLENGE = SIGNED["url_verification encrypted"]
COMMAND = SIGNED["im.message.receive_v1 group slash command"]


def sealed(plaintext: bytes, key: str = EK) -> bytes:
    """The body that Feishu would send for `plaintext`, made by other means than the code under test."""
    padder = padding.PKCS7(128).padder()
    iv = bytes(range(16))
    encryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    secret = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
    return json.dumps({"encrypt": base64.b64encode(iv + secret).decode()}).encode()


def signed(body: bytes, timestamp: str = "1767225600", nonce: str = "n") -> dict[str, str]:
    given = hashlib.sha256(f"{timestamp}{nonce}{EK}".encode() + body).hexdigest()
    return {
        "X-Lark-Request-Timestamp": timestamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": given,
    }


def arrives(envelope: object, *, timestamp: str = "1767225600", now: datetime = NOW) -> object:
    body = sealed(json.dumps(envelope).encode())
    return decode(signed(body, timestamp), body, APP, now)


def envelope(event_type: str, event: object, **header: object) -> dict[str, Any]:
    return {
        "schema": "2.0",
        "header": {
            "event_id": "ev1",
            "event_type": event_type,
            "create_time": "1767225600000",
            "token": VT,
            "app_id": APP.app_id,
            "tenant_key": "t1",
        }
        | header,
        "event": event,
    }


def click(**action: object) -> dict[str, Any]:
    return envelope(
        "card.action.trigger",
        {
            "operator": {"open_id": "ou_1", "tenant_key": "t1"},
            "action": action,
            "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
        },
    )


def message(**over: object) -> dict[str, Any]:
    fields: dict[str, object] = {
        "message_id": "om_9",
        "chat_id": "oc_9",
        "chat_type": "p2p",
        "message_type": "text",
        "create_time": "1767225600100",
        "content": '{"text":"/pending"}',
    }
    sender = {"sender_id": {"open_id": "ou_1"}, "sender_type": "user", "tenant_key": "t1"}
    return envelope("im.message.receive_v1", {"sender": sender, "message": fields | over})


# --- the published vectors


@pytest.mark.parametrize("vector", VECTORS["decrypt"], ids=lambda v: v["name"])
def test_decrypts_what_other_implementations_encrypted(vector: dict[str, str]) -> None:
    assert decrypt(vector["encrypt"], vector["encrypt_key"]).decode() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["signed_requests"], ids=lambda v: v["name"])
def test_computes_the_signatures_of_the_vectors(vector: dict[str, Any]) -> None:
    headers = vector["headers"]
    computed = signature(
        headers["X-Lark-Request-Timestamp"], headers["X-Lark-Request-Nonce"], EK, vector["body"].encode()
    )
    assert computed == headers["X-Lark-Signature"]


def test_a_press_on_a_button_becomes_a_card_click() -> None:
    got = decode(CLICK["headers"], CLICK["body"].encode(), APP, NOW)
    assert isinstance(got, CardClick)
    assert (got.event_id, got.app_id) == ("f7984f25108f8137722bb63cee927e66", APP.app_id)
    assert (got.operator.open_id, got.operator.user_id) == ("ou_3c14f3a59eaf2825dbe25359f15test0", "86712345")
    assert got.operator.tenant_key == "2df73991750test"
    assert got.value["decision"] == "approve"
    assert (got.message_id, got.name, got.form) == ("om_574d639e4a44e4dd646eaf628e2test0", None, {})
    assert got.at == datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)


def test_a_submitted_form_keeps_every_character_of_the_reason() -> None:
    got = decode(FORM["headers"], FORM["body"].encode(), APP, NOW)
    assert isinstance(got, CardClick)
    assert got.name == "btn_reject"
    assert got.form == {"reason": '预算不足 — "ask again" <at id=all></at> 😀\nline2'}


def test_a_command_with_a_go_timestamp_becomes_a_chat_message() -> None:
    got = decode(COMMAND["headers"], COMMAND["body"].encode(), APP, NOW)
    assert isinstance(got, ChatMessage)
    assert got.event_id == got.message_id == "om_5ce6d572455d361153b7cb51da133945"
    assert got.text == "@_user_1 /approvals list"
    assert got.mentions == {"@_user_1": "ou_botopenid00000000000000000000000"}
    assert got.is_group
    assert got.sender.tenant_key == "2df73991750test"


def test_a_schema_1_event_is_authentic_and_unhandled() -> None:
    vector = SIGNED["schema 1.0 event"]
    got = decode(vector["headers"], vector["body"].encode(), APP, NOW)
    assert got == UnhandledEvent("bc447199585340d1f3728d26b1c0297a", APP.app_id, "p2p_chat_create")


def test_a_signed_event_without_a_verification_token_is_refused() -> None:
    vector = SIGNED["plaintext multiple of block size (full pad block)"]
    assert decode(vector["headers"], vector["body"].encode(), APP, NOW) == Unauthentic("verification token")


@pytest.mark.parametrize("headers", [CHALLENGE["headers"], {}], ids=["signed", "as the platform sends it"])
def test_the_url_challenge_is_answered(headers: dict[str, str]) -> None:
    assert decode(headers, CHALLENGE["body"].encode(), APP, NOW) == UrlChallenge("ajls384kdjxxxx")


def test_the_unsigned_challenge_can_be_switched_off() -> None:
    assert isinstance(decode({}, CHALLENGE["body"].encode(), APP, NOW, allow_challenge=False), Unauthentic)


def test_a_body_signed_but_not_encrypted_is_refused() -> None:
    vector = next(v for name, v in SIGNED.items() if name.startswith("signed but unencrypted"))
    assert decode(vector["headers"], vector["body"].encode(), APP, NOW) == Unauthentic("body is not encrypted")


@pytest.mark.parametrize("vector", [v for v in VECTORS["negative"] if not v["headers"]][-2:], ids=lambda v: v["name"])
def test_ciphertext_of_a_wrong_shape_is_no_plaintext(vector: dict[str, str]) -> None:
    assert "multiple" in vector["name"] or "padding" in vector["name"]
    with pytest.raises(ValueError, match=r"^(length|padding)$"):
        decrypt(json.loads(vector["body"])["encrypt"], EK)


REFUSED = [*VECTORS["negative"], *VECTORS["plain"], *VECTORS["legacy_card"], CLICK | {"headers": {}}]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda v: v["name"])
def test_every_negative_vector_is_refused(vector: dict[str, Any]) -> None:
    assert isinstance(decode(vector.get("headers", {}), vector["body"].encode(), APP, NOW), Unauthentic)


# --- the gate


def test_header_names_may_have_any_case() -> None:
    body = CLICK["body"].encode()
    lower = {name.lower(): value for name, value in CLICK["headers"].items()}
    assert isinstance(decode(lower, body, APP, NOW), CardClick)
    assert isinstance(decode(CIMultiDictProxy(CIMultiDict(lower)), body, APP, NOW), CardClick)


def test_two_different_signatures_are_refused() -> None:
    headers = CIMultiDict(CLICK["headers"])
    headers.add("X-Lark-Signature", "0" * 64)
    assert isinstance(decode(headers, CLICK["body"].encode(), APP, NOW), Unauthentic)


def test_too_large_a_body_is_refused_before_anything_is_computed() -> None:
    body = b"x" * (MAX_BODY + 1)
    assert decode(signed(body), body, APP, NOW) == Unauthentic("body too large")


@pytest.mark.parametrize("missing", ["encrypt_key", "verification_token"])
def test_an_app_without_its_keys_takes_nothing(missing: str) -> None:
    bare = replace(APP, **{missing: ""})
    body = sealed(json.dumps(click(value={}) | {"token": ""}).encode(), bare.encrypt_key)
    given = hashlib.sha256(f"1767225600n{bare.encrypt_key}".encode() + body).hexdigest()
    assert isinstance(decode(signed(body) | {"X-Lark-Signature": given}, body, bare, NOW), Unauthentic)


@pytest.mark.parametrize(("seconds", "accepted"), [(-300, True), (300, True), (-301, False), (301, False)])
def test_the_signed_time_must_lie_in_the_window(seconds: int, accepted: bool) -> None:
    got = arrives(message(), timestamp=str(1767225600 + seconds))
    assert isinstance(got, ChatMessage) is accepted


def test_a_click_of_another_hour_is_refused_even_when_signed_now() -> None:
    now = NOW + timedelta(hours=1)
    assert arrives(click(value={}), timestamp=str(int(now.timestamp())), now=now) == Unauthentic(
        "outside the time window"
    )


def test_a_message_repeated_after_six_hours_is_accepted() -> None:
    now = NOW + timedelta(hours=6)
    assert isinstance(arrives(message(), timestamp=str(int(now.timestamp())), now=now), ChatMessage)


def test_an_unreadable_timestamp_leaves_the_click_to_its_own_time() -> None:
    assert isinstance(arrives(click(value={}), timestamp="yesterday"), CardClick)
    assert isinstance(arrives(click(value={}), timestamp="yesterday", now=NOW + timedelta(hours=1)), Unauthentic)
    timeless = click(value={})
    timeless["header"]["create_time"] = "never"
    assert isinstance(arrives(timeless, timestamp="yesterday"), Unauthentic)


def test_an_unreadable_timestamp_leaves_the_message_to_de_duplication() -> None:
    assert isinstance(arrives(message(), timestamp="yesterday", now=NOW + timedelta(hours=6)), ChatMessage)


@pytest.mark.parametrize("member", ["token", "app_id"])
def test_another_apps_event_is_refused(member: str) -> None:
    foreign = message()
    foreign["header"][member] = "other"
    assert isinstance(arrives(foreign), Unauthentic)
    del foreign["header"][member]
    assert isinstance(arrives(foreign), Unauthentic)


@pytest.mark.parametrize(
    "inside",
    [b"[]", b"null", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}', b"[" * 200_000, b""],
    ids=["list", "null", "not utf-8", "duplicate key", "nan", "infinite", "deep", "empty"],
)
def test_what_is_no_strict_json_object_is_refused(inside: bytes) -> None:
    body = sealed(inside)
    assert decode(signed(body), body, APP, NOW) == Unauthentic("decryption")


@pytest.mark.parametrize("challenge", ["", "x" * 2000, 5, None])
def test_an_odd_challenge_is_refused(challenge: object) -> None:
    body = sealed(json.dumps({"type": "url_verification", "token": VT, "challenge": challenge}).encode())
    assert isinstance(decode({}, body, APP, NOW), Unauthentic)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*CLICK["headers"], "Host"]), st.text(st.characters())), st.binary())
def test_nothing_that_a_stranger_sends_raises(headers: dict[str, str], body: bytes) -> None:
    assert isinstance(decode(headers, body, APP, NOW), Unauthentic)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EVENT_KEYS = st.sampled_from(
    [
        "operator",
        "action",
        "context",
        "sender",
        "message",
        "operator_id",
        "value",
        "sender_id",
        "open_id",
        "event_key",
        "reader",
        "reader_id",
        "message_id_list",
        "object",
        "status",
        "is_frozen",
        "read_time",
    ]
)
TYPES = st.sampled_from([CARD_CLICK, ENTERED, LEFT, MENU, MESSAGE, READ, UPDATED, "x"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TYPES, st.dictionaries(EVENT_KEYS, st.dictionaries(EVENT_KEYS, JSON, max_size=4) | JSON, max_size=6))
def test_no_authentic_shape_raises(event_type: str, event: dict[str, Any]) -> None:
    assert not isinstance(arrives(envelope(event_type, event)), Unauthentic)


# --- the values


@pytest.mark.parametrize(
    ("value", "carried"),
    [({"a": 1}, {"a": 1}), ('{"a":1}', {"a": 1}), ("approve", {}), ("[1]", {}), (None, {}), (7, {})],
)
def test_the_value_of_a_button_is_an_object_or_empty(value: object, carried: dict[str, object]) -> None:
    got = decode_plain(click(value=value), APP.app_id)
    assert isinstance(got, CardClick)
    assert got.value == carried


@pytest.mark.parametrize("sender_type", ["app", "bot", None])
def test_what_a_bot_says_is_not_handled(sender_type: str | None) -> None:
    own = message()
    own["event"]["sender"]["sender_type"] = sender_type
    assert decode_plain(own, APP.app_id) == UnhandledEvent("ev1", APP.app_id, "im.message.receive_v1")


def test_a_click_without_an_operator_is_not_handled() -> None:
    anonymous = click(value={})
    anonymous["event"]["operator"] = {"open_id": ""}
    assert decode_plain(anonymous, APP.app_id) == UnhandledEvent("ev1", APP.app_id, "card.action.trigger")


def test_a_post_is_read_as_its_lines() -> None:
    nodes = [
        [{"tag": "at", "user_id": "@_user_1"}, {"tag": "text", "text": " /reject 5 "}],
        [{"tag": "img"}, {"tag": "a", "text": "no"}],
    ]
    content = {"title": "", "content": nodes}
    for each in (content, {"zh_cn": content}):
        got = decode_plain(message(message_type="post", content=json.dumps(each)), APP.app_id)
        assert isinstance(got, ChatMessage)
        assert got.text == "@_user_1 /reject 5 \nno"
        assert not got.is_group


@pytest.mark.parametrize("fields", [{"message_type": "image"}, {"content": "{"}, {"content": 5}, {"content": "[]"}])
def test_a_message_without_text_has_none(fields: dict[str, Any]) -> None:
    got = decode_plain(message(**fields), APP.app_id)
    assert isinstance(got, ChatMessage)
    assert got.text is None


def test_characters_that_no_database_holds_are_replaced() -> None:
    got = arrives(message(content='{"text":"a\\u0000b\\ud800c"}'))
    assert isinstance(got, ChatMessage)
    assert got.text == "a�b�c"


def test_the_bot_menu_names_its_key_and_time() -> None:
    ids = {"open_id": "ou_1", "union_id": "on_1"}
    event = {"operator": {"operator_id": ids}, "event_key": "pending", "timestamp": 1767225600}
    got = arrives(envelope("application.bot.menu_v6", event))
    assert isinstance(got, MenuPress)
    assert (got.key, got.at, got.operator.open_id, got.operator.tenant_key) == ("pending", NOW, "ou_1", "t1")


def test_opening_the_chat_is_a_press_on_entered() -> None:
    event = {"chat_id": "oc_1", "operator_id": {"open_id": "ou_1"}}
    got = arrives(envelope("im.chat.access_event.bot_p2p_chat_entered_v1", event))
    assert isinstance(got, MenuPress)
    assert (got.key, got.operator.open_id) == ("entered", "ou_1")


def read_event(**over: object) -> dict[str, Any]:
    reader = {"reader_id": {"open_id": "ou_1", "union_id": "on_1"}, "read_time": "1767225600123", "tenant_key": "t2"}
    return envelope(READ, {"reader": reader, "message_id_list": ["om_1", "om_2"]} | over)


def test_a_receipt_names_the_reader_the_messages_and_the_time() -> None:
    got = arrives(read_event())
    at = NOW + timedelta(milliseconds=123)
    reader = PersonIds("ou_1", "on_1", None, "t2")
    assert got == MessagesRead("ev1", APP.app_id, reader, ("om_1", "om_2"), at)


def test_a_receipt_without_its_own_time_or_tenant_takes_the_headers() -> None:
    got = decode_plain(read_event(reader={"reader_id": {"open_id": "ou_1"}}), APP.app_id)
    assert isinstance(got, MessagesRead)
    assert (got.at, got.reader.tenant_key) == (NOW, "t1")


def test_ids_in_a_receipt_that_cannot_be_ours_are_left_out() -> None:
    ids = ["om_1", "", 7, None, "x" * (ID_LIMIT + 1), "a\0b", *(f"om_{n}" for n in range(2000))]
    got = decode_plain(read_event(message_id_list=ids), APP.app_id)
    assert isinstance(got, MessagesRead)
    assert len(got.message_ids) == 500
    assert got.message_ids[:2] == ("om_1", "om_0")


@pytest.mark.parametrize(
    "over", [{"message_id_list": None}, {"reader": {}}, {"reader": None}, {"message_id_list": "om"}]
)
def test_a_receipt_of_nobody_or_nothing_is_not_handled(over: dict[str, Any]) -> None:
    assert decode_plain(read_event(**over), APP.app_id) == UnhandledEvent("ev1", APP.app_id, READ)


@pytest.mark.parametrize(
    ("event_type", "status", "employment"),
    [
        (LEFT, {}, Employment.LEFT),
        (LEFT, None, Employment.LEFT),
        (UPDATED, {"is_frozen": True, "is_resigned": False}, Employment.FROZEN),
        (UPDATED, {"is_frozen": False, "is_resigned": True}, Employment.LEFT),
        (UPDATED, {"is_exited": True}, Employment.LEFT),
        (UPDATED, {"is_frozen": False, "is_resigned": False}, Employment.ACTIVE),
        (UPDATED, {"is_frozen": "true"}, Employment.ACTIVE),
    ],
)
def test_what_happened_to_an_account(event_type: str, status: Any, employment: Employment) -> None:
    person = {"open_id": "ou_1", "union_id": "on_1", "user_id": "u1", "name": "林"}
    got = arrives(envelope(event_type, {"object": person | {"status": status}, "old_object": {}}))
    assert got == PersonChanged("ev1", APP.app_id, PersonIds("ou_1", "on_1", "u1", "t1"), employment, NOW)


@pytest.mark.parametrize("person", [{"open_id": "ou_1"}, {"open_id": "ou_1", "status": None}, {"status": {}}, None])
def test_a_change_of_anything_else_is_not_handled(person: Any) -> None:
    got = arrives(envelope(UPDATED, {"object": person}))
    assert got == UnhandledEvent("ev1", APP.app_id, UPDATED)


@pytest.mark.slow
def test_lark_oapi_reads_the_same_members_of_these_events() -> None:
    from lark_oapi.api.contact.v3.model.p2_contact_user_updated_v3 import P2ContactUserUpdatedV3
    from lark_oapi.api.im.v1.model.p2_im_message_message_read_v1 import P2ImMessageMessageReadV1

    read = P2ImMessageMessageReadV1(read_event())
    assert read.event.message_id_list == ["om_1", "om_2"]
    reader = read.event.reader
    assert (reader.reader_id.open_id, reader.read_time, reader.tenant_key) == ("ou_1", "1767225600123", "t2")
    changed = {"object": {"open_id": "ou_1", "status": {"is_frozen": True, "is_exited": False}}}
    told = P2ContactUserUpdatedV3(envelope(UPDATED, changed)).event.object
    assert (told.open_id, told.status.is_frozen, told.status.is_exited) == ("ou_1", True, False)


def test_a_message_id_too_long_for_any_of_ours_is_none_of_them() -> None:
    long = click(value={})
    long["event"]["context"]["open_message_id"] = "x" * (ID_LIMIT + 1)
    got = decode_plain(long, APP.app_id)
    assert isinstance(got, CardClick)
    assert got.message_id is None


def test_the_long_connection_ignores_another_apps_event() -> None:
    assert decode_plain(message(), "cli_other") == UnhandledEvent("ev1", "cli_other", "im.message.receive_v1")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1767225600", NOW),
        ("1767225600123", NOW + timedelta(milliseconds=123)),
        ("1767225600123456", NOW + timedelta(microseconds=123456)),
        ("1767225600123456789", NOW + timedelta(microseconds=123456)),
        ("2026-01-01 08:00:00.123456789 +0800 CST m=+12345.6", NOW + timedelta(microseconds=123456)),
        ("2026-01-01 08:00:00.5 +0800 CST", NOW + timedelta(milliseconds=500)),
        ("2026-01-01 00:00:00 +0000 UTC", NOW),
        ("2025-12-31 21:00:00 -0300 -03 m=-1.5", NOW),
        *((text, None) for text in ["", "-5", "１７６７", "2026-13-01 00:00:00 +0000", "now", "9" * 30, " 1767225600"]),
        ("0001-01-01 00:00:00 +0800 CST", None),
        (True, None),
        (None, None),
        (1767225600, NOW),
    ],
)
def test_instants_in_all_known_notations(text: Any, moment: datetime | None) -> None:
    assert instant(text) == moment


def test_the_answer_has_exactly_feishus_shape() -> None:
    card: dict[str, Any] = {"schema": "2.0"}
    texts = {"zh_cn": "已同意", "en_us": "Approved"}
    toast = {"type": "success", "content": "已同意", "i18n": texts}
    approved = Toast(ToastKind.SUCCESS, "已同意", "Approved")
    assert answer(approved, card) == {"toast": toast, "card": {"type": "raw", "data": card}}
    assert answer(approved) == {"toast": toast}
    assert answer() == {}


# --- the independent judge


@pytest.mark.slow
def test_lark_oapi_accepts_what_these_tests_sign() -> None:
    from lark_oapi.core.model import RawRequest
    from lark_oapi.core.utils import AESCipher
    from lark_oapi.event.dispatcher_handler import EventDispatcherHandler

    seen: list[str] = []
    builder = EventDispatcherHandler.builder(EK, VT)
    handler = builder.register_p2_im_message_receive_v1(
        lambda event: seen.append(event.event.message.message_id)
    ).build()
    body = sealed(json.dumps(message()).encode())
    raw = RawRequest()
    raw.uri, raw.headers, raw.body = "/", signed(body), body
    assert handler.do(raw).status_code == 200
    assert seen == ["om_9"]
    assert AESCipher(EK).decrypt_str(json.loads(body)["encrypt"]) == json.dumps(message())
