"""Secrets are hidden by the name of their field and by their look; what a decision needs stays readable."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.mask import hidden, mask, mask_text, names_secret
from models.values import Json

_json: st.SearchStrategy[Json] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(), inner, max_size=5)),
    max_leaves=20,
)
_secrets = st.text("abcdefghjkmnpqrstuvwxyz0123456789", min_size=6, max_size=60)


def test_a_hidden_secret_shows_its_length_and_the_beginning_of_its_digest() -> None:
    secret = "correct horse battery staple"
    assert hidden(secret) == f"●●●● (28, #{hashlib.sha256(secret.encode()).hexdigest()[:4]})"


def test_a_short_secret_shows_no_digest_because_it_could_be_guessed_from_it() -> None:
    assert mask({"pin": "4711"}) == {"pin": "●●●● (4)"}


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "userPassword",
        "token",
        "access_token",
        "apiKey",
        "X-Api-Key",
        "client_secret",
        "Authorization",
        "Set-Cookie",
        "private_key",
        "privateKey",
        "pwd",
        "db_pass",
        "otp",
        "cvv",
        "credentials",
        "密码",
        "登录口令",
        "私钥",
    ],
)
def test_a_field_of_this_name_holds_a_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "path",
        "max_tokens",
        "password_policy",
        "author",
        "passport",
        "secretary",
        "pinned",
        "amount",
        "to",
        "key",
        "token_count",
        "收件人",
    ],
)
def test_a_field_of_this_name_does_not(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abc-DEF_123",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKC\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nnever ends",
        "q8Zr2Lx0Vb7Nw4Tk9Hs1Pd6Fy3Gm5JcR",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "ast_0123456789abcdefghij",
    ],
)
def test_a_value_of_this_look_is_hidden_wherever_it_stands(secret: str) -> None:
    told = mask_text(f"use {secret} now")
    assert secret not in told
    assert told.startswith("use ●●●● (")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:s3cret@db/x", "postgres://app:●●●● (6)@db/x"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ●●●● (11)"),
        ("mysql --password hunter2", "mysql --password ●●●● (7)"),
        ('{"token": "abcdefgh"}', '{"token": "●●●● (8)"}'),
        ("https://x.cn/?access_token=abcd1234&y=2", "https://x.cn/?access_token=●●●● (8)&y=2"),
        ("密码是abc12345。", "密码是●●●● (8)。"),
        ("打 13812345678 或 138-1234-5678", "打 138****5678 或 138****5678"),
        ("身份证 11010519491231002X", "身份证 110105**********2X"),
        ("卡号 6222021234567890128", "卡号 6222***********0128"),
    ],
)
def test_the_secret_part_is_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "reports/2025/Q3/Finance-Summary-Final-v2.xlsx",
        "5d1f6a52-3a10-4a2e-9d6e-0c6a0f4c9b11",
        "ou_3c14f3a59eaf2825dbe25359f15b1234",
        "SELECT * FROM orders WHERE id = 1763802000000",
        "lin@example.com",
        "sendExternalMessageToCustomerAccountList2025",
        "2026-03-05T14:32:00+08:00",
    ],
)
def test_what_a_decision_needs_stays_readable(text: str) -> None:
    assert mask_text(text) == text


def test_everything_below_a_secret_name_is_hidden() -> None:
    masked = mask({"credentials": {"user": "lin", "list": ["abc", 42]}, "n": 13812345678})
    assert masked == {
        "credentials": {"user": "●●●● (3)", "list": ["●●●● (3)", "●●●●"]},
        "n": "138****5678",
    }


def test_two_names_that_mask_alike_both_stay() -> None:
    masked = mask({"a=13812345678": 1, "a=13800005678": 2})
    assert isinstance(masked, dict)
    assert sorted(map(str, masked.values())) == ["1", "2"]


@settings(deadline=None)
@given(_json)
def test_masking_never_raises_and_twice_is_once(value: Json) -> None:
    once = mask(value)
    assert json.dumps(mask(once)) == json.dumps(once)


@settings(deadline=None)
@given(_secrets, st.sampled_from(["password", "apiKey", "client_secret", "令牌"]))
def test_no_secret_survives_under_its_name(secret: str, name: str) -> None:
    assert secret not in json.dumps(mask({"a": [{name: secret}]}), ensure_ascii=False).replace(hidden(secret), "")
    assert f"={secret}" not in mask_text(f"{name}={secret}")


def test_a_tower_deeper_than_any_allowed_is_dropped() -> None:
    tower: Json = "secret"
    for _ in range(10_000):
        tower = [tower]
    assert "…" in json.dumps(mask(tower), ensure_ascii=False)


@pytest.mark.parametrize(
    "piece", ["a", "eyJ", "-----BEGIN RSA PRIVATE KEY-----", "://a:", "password", "1 ", "Bearer ", "token : ", "a1B"]
)
def test_hostile_repetition_takes_linear_time(piece: str) -> None:
    """256 KiB, the most the hook takes. A quadratic pattern needs minutes here and meets the suite's time limit."""
    text = piece * (256 * 1024 // len(piece))
    assert mask_text(mask_text(text)) == mask_text(text)
