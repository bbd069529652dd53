"""What the operator sets, from the environment (prefix ASSENT_) and `.env`. All faults are found at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from config.database import DEFAULT_URL, backend, postgres_credentials, sqlite_path
from config.durations import parse_duration, parse_durations
from config.quiet_hours import parse_days, parse_hours

PREFIX = "ASSENT_"

LONGEST_APPROVAL = timedelta(days=14)
"""Feishu refuses to update a card that is older (feishu-protocol, section 3)."""

LONGEST = timedelta(days=366)
"""Beyond this a length of time is a slip of the finger, and arithmetic with dates may overflow."""

SHORTEST_SECRET = 32
"""Characters of a secret key: 16 random bytes written as hex."""

REQUIRED_TO_SERVE = (
    "secret_key",
    "feishu_app_id",
    "feishu_app_secret",
    "feishu_encrypt_key",
    "feishu_verification_token",
)


class SettingsFault(Exception):
    """The settings cannot be used. `faults` are (variable, sentence) pairs; no value of a setting is in them."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{variable} {sentence}" for variable, sentence in faults))
        self.faults = faults


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _one_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _many_durations(value: object) -> object:
    return parse_durations(value) if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _percent(value: object) -> object:
    if isinstance(value, str) and value.rstrip().endswith("%"):
        try:
            return float(value.rstrip().removesuffix("%")) / 100
        except ValueError:
            return value
    return value


def _clock_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "never":
        return None
    hours, colon, minutes = value.strip().partition(":")
    if not (colon and hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        raise ValueError("must be a time of day such as 18:00, or never")
    if int(hours) > 23 or int(minutes) > 59 or len(minutes) != 2:
        raise ValueError("must be a time of day such as 18:00, or never")
    return time(int(hours), int(minutes))


def _sensible(value: timedelta) -> timedelta:
    if not timedelta() < value <= LONGEST:
        raise ValueError("must be longer than zero and at most 366d")
    return value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_list)]
Duration = Annotated[timedelta, BeforeValidator(_one_duration), AfterValidator(_sensible)]
Share = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=1, allow_inf_nan=False)]
ClockTime = Annotated[time | None, BeforeValidator(_clock_time)]
Durations = Annotated[tuple[timedelta, ...], NoDecode, BeforeValidator(_many_durations)]


class Settings(BaseSettings):
    """One field per variable; the descriptions are the ones of docs/configuration.md."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(default=DEFAULT_URL, repr=False)
    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)
    public_url: str = ""
    secret_key: SecretList = ()
    feishu_app_id: str = ""
    feishu_app_secret: SecretStr = SecretStr("")
    feishu_encrypt_key: SecretStr = SecretStr("")
    feishu_verification_token: SecretStr = SecretStr("")
    feishu_base_url: str = "https://open.feishu.cn"
    feishu_transport: Literal["webhook", "long_connection"] = "webhook"
    feishu_allow_challenge: bool = True
    admins: CommaList = ()
    default_level: Annotated[Literal["L1", "L2", "L3", "DENY"], BeforeValidator(_upper)] = "L2"
    approval_ttl: Duration = timedelta(hours=72)
    reminders: Durations = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
    claim_ttl: Duration = timedelta(hours=24)
    rejection_cooldown: Duration = timedelta(minutes=10)
    stale_command_after: Duration = timedelta(minutes=5)
    max_pending: int = Field(default=100, ge=1, le=100_000)
    checks_per_minute: int = Field(default=600, ge=1, le=10_000_000)
    graduation_after: int = Field(default=25, ge=3, le=1000)
    graduation_for: Duration = timedelta(days=30)
    review_sample: Share = 0.1
    digest_at: ClockTime = time(18, 0)
    quiet_hours: str = "22:00-08:00"
    working_days: str = "1234567"
    l2_notices_per_hour: int = Field(default=6, ge=0, le=1000)
    native_commands: bool = True
    allow_http_executors: bool = False
    timezone: str = "Asia/Shanghai"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    log_format: Literal["console", "json"] = "console"

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys in the clear, the one in use first."""
        return tuple(key.get_secret_value() for key in self.secret_key)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values come from `load_settings` alone, which also sees the variables that are not ours."""
        return (init_settings,)

    @field_validator("database_url")
    @classmethod
    def _usable_database(cls, value: str) -> str:
        postgres_credentials(value) if backend(value) == "postgres" else sqlite_path(value)
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_SECRET for key in value):
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters in each key")
        return value

    @field_validator("public_url", "feishu_base_url")
    @classmethod
    def _https_or_loopback(cls, value: str) -> str:
        return web_address(value) if value else value

    @field_validator("approval_ttl")
    @classmethod
    def _card_lives_as_long(cls, value: timedelta) -> timedelta:
        if value >= LONGEST_APPROVAL:
            raise ValueError("must be shorter than 14d: Feishu refuses to update an older card")
        return value

    @field_validator("reminders")
    @classmethod
    def _ascending(cls, value: tuple[timedelta, ...], info: ValidationInfo) -> tuple[timedelta, ...]:
        if list(value) != sorted(set(value)) or any(step <= timedelta() for step in value):
            raise ValueError("must rise from step to step, as in 30m,2h,8h")
        if value and "approval_ttl" in info.data and value[-1] >= info.data["approval_ttl"]:
            raise ValueError(f"must all come before {PREFIX}APPROVAL_TTL ends")
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _hours_of_a_day(cls, value: str) -> str:
        parse_hours(value.lower())
        return value.lower()

    @field_validator("working_days")
    @classmethod
    def _days_of_a_week(cls, value: str) -> str:
        parse_days(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):
            raise ValueError("must be a time zone's name, such as Asia/Shanghai") from None
        return value


def web_address(value: str) -> str:
    """The origin (and path) without a final slash; https, or http on this machine only."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        raise ValueError("must be a plain https:// address")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must be https:// (http:// is for this machine only: localhost, 127.0.0.1)")
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine by itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(env: Mapping[str, str] | None = None, *, to: Literal["serve", "administer"] = "serve") -> Settings:
    """The settings, or a SettingsFault that names everything that is wrong with them.

    `env` None: the process environment over `.env`. `to="administer"` (migrate, agent list, audit …) asks for no
    Feishu app and no secret key.
    """
    given = _given(_environment() if env is None else env)
    faults = [(PREFIX + name.upper(), "is not a setting of Assent") for name in sorted(given.keys() - _NAMES)]
    values: dict[str, Any] = {name: value for name, value in given.items() if name in _NAMES}
    if to == "serve":
        faults += [(PREFIX + name.upper(), "is missing") for name in REQUIRED_TO_SERVE if name not in values]
    if "public_url" not in values:
        host = values.get("host", "127.0.0.1")
        if is_loopback(host):
            values["public_url"] = f"http://{f'[{host}]' if ':' in host else host}:{values.get('port', 8787)}"
        elif to == "serve":
            faults.append((PREFIX + "PUBLIC_URL", f"is missing; it has no default unless {PREFIX}HOST is this machine"))
    try:
        settings = Settings(**values)
    except ValidationError as fault:
        faults += [_sentence(error) for error in fault.errors(include_url=False, include_input=False)]
    if faults:
        raise SettingsFault(list(dict.fromkeys(faults)))
    return settings


_NAMES = frozenset(Settings.model_fields)


def _environment() -> dict[str, str]:
    path = Path(".env")
    stored = dotenv_values(path, interpolate=False) if path.is_file() else {}
    return {name: value for name, value in stored.items() if value is not None} | dict(os.environ)


def _given(env: Mapping[str, str]) -> dict[str, str]:
    """Our variables, without prefix, lower case. An empty one counts as not given."""
    return {
        name[len(PREFIX) :].lower(): value.strip()
        for name, value in env.items()
        if name.upper().startswith(PREFIX) and value.strip()
    }


def _sentence(error: Any) -> tuple[str, str]:
    """Pydantic's finding as (variable, sentence); Pydantic's own words hold the expectation, never the value."""
    variable = PREFIX + str(error["loc"][0]).upper()
    said: str = error["msg"].removeprefix("Value error, ")
    return variable, said.replace("Input should be", "must be")
