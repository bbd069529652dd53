"""The commands that a person can type, as a closed union of values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.commands.people_values import PeopleCommand
from bot.commands.policy_values import PolicyCommand, SteeringCommand
from models.enums import Role


@dataclass(frozen=True, slots=True)
class Help:
    topic: str | None = None  # a command's name without the slash


@dataclass(frozen=True, slots=True)
class WhoAmI:
    pass


@dataclass(frozen=True, slots=True)
class Pending:
    pass


@dataclass(frozen=True, slots=True)
class Show:
    approval: str  # here and below: an id or its beginning, lower case, dashes in their places


@dataclass(frozen=True, slots=True)
class Approve:
    approval: str
    code: str


@dataclass(frozen=True, slots=True)
class Reject:
    approval: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ListAgents:
    pass


@dataclass(frozen=True, slots=True)
class CreateAgent:
    name: str


@dataclass(frozen=True, slots=True)
class ShowAgent:
    name: str


@dataclass(frozen=True, slots=True)
class PauseAgent:
    name: str


@dataclass(frozen=True, slots=True)
class ResumeAgent:
    name: str


@dataclass(frozen=True, slots=True)
class RotateToken:
    name: str


@dataclass(frozen=True, slots=True)
class SetExecutor:
    name: str
    url: str | None  # None: off


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """`subject` as typed may name an agent; `approval` is set when it also looks like an id. Try the agent first."""

    subject: str | None = None
    approval: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimAdmin:
    code: str


@dataclass(frozen=True, slots=True)
class ListUsers:
    pass


@dataclass(frozen=True, slots=True)
class SetRole:
    who: str  # e-mail, user_id, open_id or name; a mention has become its open_id
    role: Role


Command: TypeAlias = (
    Help
    | WhoAmI
    | Pending
    | Show
    | Approve
    | Reject
    | ListAgents
    | CreateAgent
    | ShowAgent
    | PauseAgent
    | ResumeAgent
    | RotateToken
    | SetExecutor
    | PolicyCommand
    | SteeringCommand
    | PeopleCommand
    | ShowAudit
    | ClaimAdmin
    | ListUsers
    | SetRole
)


class Problem(StrEnum):
    """Why a text that begins like a command is none."""

    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_SUBCOMMAND = "unknown_subcommand"
    MISSING_WORD = "missing_word"
    TOO_MANY_WORDS = "too_many_words"
    BAD_ID = "bad_id"
    BAD_NAME = "bad_name"
    BAD_LEVEL = "bad_level"
    BAD_ROLE = "bad_role"
    BAD_URL = "bad_url"
    BAD_JSON = "bad_json"
    BAD_DURATION = "bad_duration"
    BAD_DAYS = "bad_days"
    BAD_VERSION = "bad_version"
    BAD_NUMBER = "bad_number"
    BAD_OPTION = "bad_option"
    BAD_LANGUAGE = "bad_language"
    BAD_QUIET = "bad_quiet"
    BAD_WEEKDAYS = "bad_weekdays"
    BAD_ZONE = "bad_zone"
    BAD_CLOCK = "bad_clock"


@dataclass(frozen=True, slots=True)
class Usage:
    """Not run: tell the person how it is written."""

    problem: Problem
    given: str = ""  # the word at fault, cut; from the person, so untrusted
    usage: str | None = None  # how the command is written
    suggestion: str | None = None  # the nearest command


@dataclass(frozen=True, slots=True)
class NotACommand:
    """Ordinary talk."""


Parsed: TypeAlias = Command | Usage | NotACommand
