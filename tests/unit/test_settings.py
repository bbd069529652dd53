"""Settings: parsed once, all faults at once, no secret in any sentence."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest

from config.durations import parse_duration
from config.settings import Settings, SettingsFault, load_settings

ROOT = Path(__file__).parents[2]

GOOD = {
    "ASSENT_SECRET_KEY": "k" * 32,
    "ASSENT_FEISHU_APP_ID": "cli_a",
    "ASSENT_FEISHU_APP_SECRET": "app-secret-value",
    "ASSENT_FEISHU_ENCRYPT_KEY": "encrypt-key-value",
    "ASSENT_FEISHU_VERIFICATION_TOKEN": "verification-value",
}


def faults(**changed: str) -> dict[str, str]:
    with pytest.raises(SettingsFault) as raised:
        load_settings(GOOD | {f"ASSENT_{name}": value for name, value in changed.items()})
    return {variable.removeprefix("ASSENT_"): sentence for variable, sentence in raised.value.faults}


def settings(**changed: str) -> Settings:
    return load_settings(GOOD | {f"ASSENT_{name}": value for name, value in changed.items()})


def test_the_defaults_are_the_documented_ones() -> None:
    chosen = settings()
    assert chosen.database_url == "sqlite://var/assent.db"
    assert (chosen.host, chosen.port, chosen.public_url) == ("127.0.0.1", 8787, "http://127.0.0.1:8787")
    assert chosen.feishu_base_url == "https://open.feishu.cn"
    assert chosen.feishu_transport == "webhook"
    assert chosen.default_level == "L2"
    assert chosen.approval_ttl == timedelta(hours=72)
    assert chosen.reminders == (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
    assert chosen.claim_ttl == timedelta(hours=24)
    assert chosen.rejection_cooldown == timedelta(minutes=10)
    assert chosen.stale_command_after == timedelta(minutes=5)
    assert chosen.allow_http_executors is False
    assert chosen.feishu_allow_challenge is True
    assert chosen.timezone == "Asia/Shanghai"
    assert (chosen.max_pending, chosen.checks_per_minute) == (100, 600)
    assert (chosen.graduation_after, chosen.graduation_for, chosen.review_sample) == (25, timedelta(days=30), 0.1)
    assert chosen.digest_at == time(18, 0)


@pytest.mark.parametrize(("written", "share"), [("25%", 0.25), ("0.25", 0.25), ("0", 0.0), ("100 %", 1.0), ("1", 1.0)])
def test_a_share_is_a_percentage_or_a_fraction(written: str, share: float) -> None:
    assert settings(REVIEW_SAMPLE=written).review_sample == share


@pytest.mark.parametrize("written", ["10", "101%", "-1%", "nan", "%", "half", "1e400"])
def test_what_is_no_share_is_refused(written: str) -> None:
    assert set(faults(REVIEW_SAMPLE=written)) == {"REVIEW_SAMPLE"}


def test_a_time_of_day_can_be_never() -> None:
    assert settings(DIGEST_AT="7:05").digest_at == time(7, 5)
    assert settings(DIGEST_AT="Never").digest_at is None


@pytest.mark.parametrize("written", ["24:00", "18", "18:60", "18:5", "-1:00", "18:00:00", "٠٧:٠٠", "6pm", ":30"])
def test_what_is_no_time_of_day_is_refused(written: str) -> None:
    assert set(faults(DIGEST_AT=written)) == {"DIGEST_AT"}


def test_quiet_hours_can_be_never() -> None:
    assert settings(QUIET_HOURS="Never").quiet_hours == "never"
    assert settings(QUIET_HOURS="23:00-07:30", WORKING_DAYS="12345").working_days == "12345"


@pytest.mark.parametrize(
    "written",
    [{"QUIET_HOURS": "22-8"}, {"QUIET_HOURS": "08:00-08:00"}, {"WORKING_DAYS": "Mon"}, {"WORKING_DAYS": "11"}],
)
def test_what_is_no_rest_is_refused(written: dict[str, str]) -> None:
    assert set(faults(**written)) == set(written)


def test_limits_have_limits() -> None:
    wrong = faults(MAX_PENDING="0", CHECKS_PER_MINUTE="-1", GRADUATION_AFTER="2", GRADUATION_FOR="0d")
    assert set(wrong) == {"MAX_PENDING", "CHECKS_PER_MINUTE", "GRADUATION_AFTER", "GRADUATION_FOR"}


def test_lists_are_separated_by_commas() -> None:
    chosen = settings(ADMINS="lin@example.com, ou_1 ,u2", SECRET_KEY="a" * 32 + "," + "b" * 40, REMINDERS="1h, 90m,1d")
    assert chosen.admins == ("lin@example.com", "ou_1", "u2")
    assert chosen.secret_keys == ("a" * 32, "b" * 40)
    assert chosen.reminders == (timedelta(hours=1), timedelta(minutes=90), timedelta(days=1))


def test_no_reminders_can_be_asked_for_by_a_comma() -> None:
    assert settings(REMINDERS=",").reminders == ()


def test_all_missing_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsFault) as raised:
        load_settings({})
    assert raised.value.faults == [(variable, "is missing") for variable in GOOD]


def test_administration_needs_no_feishu_app_and_no_key() -> None:
    assert load_settings({}, to="administer").secret_keys == ()


def test_every_fault_is_named_and_none_hides_another() -> None:
    found = faults(
        PORT="eighty", APPROVAL_TTL="14d", REMINDERS="2h,1h", SECRET_KEY="short", DATABASE_URL="mysql://x/y",
        FEISHU_BASE_URL="http://open.feishu.cn", PUBLIC_URL="ftp://x", LOG_LEVEL="loud", LOG_FORMAT="xml",
        FEISHU_TRANSPORT="pigeon", DEFAULT_LEVEL="L4", TIMEZONE="Mars/Olympus", CLAIM_TTL="soon", DATBASE_URL="x",
        FEISHU_APP_SECRET=" ", ALLOW_HTTP_EXECUTORS="perhaps",
    )  # fmt: skip
    assert set(found) == {
        "PORT", "APPROVAL_TTL", "REMINDERS", "SECRET_KEY", "DATABASE_URL", "FEISHU_BASE_URL", "PUBLIC_URL",
        "LOG_LEVEL", "LOG_FORMAT", "FEISHU_TRANSPORT", "DEFAULT_LEVEL", "TIMEZONE", "CLAIM_TTL", "DATBASE_URL",
        "FEISHU_APP_SECRET", "ALLOW_HTTP_EXECUTORS",
    }  # fmt: skip
    assert found["DATBASE_URL"] == "is not a setting of Assent"
    assert found["FEISHU_APP_SECRET"] == "is missing"
    assert "32 characters" in found["SECRET_KEY"]


def test_no_value_of_a_setting_is_in_a_fault_or_a_repr() -> None:
    values = {
        "SECRET_KEY": "hunter2", "DATABASE_URL": "mysql://u:hunter2@h/d", "FEISHU_BASE_URL": "http://hunter2.example",
        "PORT": "hunter2", "APPROVAL_TTL": "hunter2", "LOG_LEVEL": "hunter2", "PUBLIC_URL": "https://u:hunter2@h",
    }  # fmt: skip
    with pytest.raises(SettingsFault) as raised:
        load_settings(GOOD | {f"ASSENT_{name}": value for name, value in values.items()})
    assert "hunter2" not in str(raised.value) + repr(raised.value.faults)
    assert raised.value.__context__ is None or "hunter2" not in str(raised.value.__context__)
    shown = repr(settings(DATABASE_URL="postgres://u:hunter2@h/d"))
    for secret in ("hunter2", "k" * 32, "app-secret-value", "encrypt-key-value", "verification-value"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("ttl", "reminders", "bad"),
    [
        ("1h", "30m,2h", "REMINDERS"),
        ("1h", "1h", "REMINDERS"),
        ("1h", "30m,30m", "REMINDERS"),
        ("1h", "0m,30m", "REMINDERS"),
        ("0s", "", "APPROVAL_TTL"),
        ("336h", "", "APPROVAL_TTL"),
    ],
)
def test_reminders_rise_and_come_before_the_end(ttl: str, reminders: str, bad: str) -> None:
    assert bad in faults(APPROVAL_TTL=ttl, REMINDERS=reminders)


@pytest.mark.parametrize(
    "url", ["https://open.larksuite.com", "http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:8"]
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert settings(FEISHU_BASE_URL=url + "/").feishu_base_url == url


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "https://", "https://h/?a=b", "https://u:p@h", "open.feishu.cn", "https://[x"]
)
def test_other_addresses_are_refused(url: str) -> None:
    assert "FEISHU_BASE_URL" in faults(FEISHU_BASE_URL=url)


def test_a_public_url_is_asked_for_when_the_service_listens_to_others() -> None:
    assert "PUBLIC_URL" in faults(HOST="0.0.0.0")  # noqa: S104
    assert settings(HOST="0.0.0.0", PUBLIC_URL="https://gate.example/").public_url == "https://gate.example"  # noqa: S104
    assert settings(HOST="::1", PORT="99").public_url == "http://[::1]:99"


@pytest.mark.parametrize(
    "url",
    ["sqlite://var/x.db", "sqlite:////srv/x.db", "postgres://u:p%40@h:5433/d", "postgresql:///d?host=/run/postgresql"],
)
def test_both_kinds_of_database_are_taken(url: str) -> None:
    assert settings(DATABASE_URL=url).database_url == url


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite://:memory:", "postgres://h", "postgres://h:port/d", "mysql://h/d", "x"]
)
def test_other_databases_are_refused(url: str) -> None:
    assert "DATABASE_URL" in faults(DATABASE_URL=url)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("".join(f"{k}={v}\n" for k, v in GOOD.items()) + "ASSENT_PORT=1\nASSENT_HOST=::1\n")
    monkeypatch.chdir(tmp_path)
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSENT_PORT", "2")
    chosen = load_settings()
    assert (chosen.port, chosen.host) == (2, "::1")
    assert chosen.feishu_app_secret.get_secret_value() == "app-secret-value"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("72h", 259200), ("3d", 259200), ("1h30m", 5400), (" 2 H ", 7200)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "h", "1w", "-1h", "1.5h", "1h x", "٣h", "9999999999h", "999999999d999999999d"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        parse_duration(text)


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in page] == []
