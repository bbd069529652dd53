"""What came of a change. Secrets never appear in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from bot.policy.rules import Policy


class Why(StrEnum):
    """Why a change cannot be made as it was asked for, whoever asks."""

    NAME_TAKEN = "name_taken"
    NAME_ARCHIVED = "name_archived"  # taken by an archived agent: its audit keeps the name
    BAD_NAME = "bad_name"
    BAD_URL = "bad_url"
    BAD_POLICY = "bad_policy"
    BAD_PERSON = "bad_person"
    BAD_APP = "bad_app"
    UNKNOWN_APP = "unknown_app"
    ARCHIVED = "archived"
    LAST_ADMIN = "last_admin"
    AMBIGUOUS = "ambiguous"
    WRONG_CLAIM = "wrong_claim"
    CLAIMED = "claimed"
    TOO_MANY_TRIES = "too_many_tries"


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing was changed. `given` is the word at fault, as it was typed; `faults` name everything that is wrong."""

    why: Why
    given: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentCreated:
    agent_id: UUID
    name: str
    tenant: str
    creator: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRotated:
    """The old token stopped working."""

    agent_id: UUID
    name: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExecutorSet:
    """Approved actions go to `url`, signed with `secret`; without a URL the agent acts itself."""

    agent_id: UUID
    name: str
    url: str | None
    secret: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class PolicySaved:
    """`policy` is in force; `changed` is False when it already was."""

    agent: str
    policy: Policy
    author: str
    at: datetime
    changed: bool = True
