"""The commands about policies, freezes, grants, observation, limits and access tokens, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from models.enums import Level
from models.values import Json, JsonObject

FLOOR = "floor"
"""Names the tenant's floor wherever a policy command takes an agent."""

ALL = "all"
"""Names every agent, for /freeze and /unfreeze."""


@dataclass(frozen=True, slots=True)
class ShowPolicy:
    agent: str  # here and below: an agent or FLOOR


@dataclass(frozen=True, slots=True)
class SetLevel:
    agent: str
    action: str  # a pattern
    level: Level
    expected: int | None = None  # the version that must still be in force


@dataclass(frozen=True, slots=True)
class SetDefaultLevel:
    agent: str
    level: Level
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class SetPolicy:
    agent: str
    document: Json  # not validated yet: parse_policy does
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class TryPolicy:
    agent: str
    action: str
    details: JsonObject = field(default_factory=dict)  # as in a check
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class ShowHistory:
    agent: str


@dataclass(frozen=True, slots=True)
class RollBack:
    agent: str
    version: int


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    agent: str
    days: int
    draft: Json


@dataclass(frozen=True, slots=True)
class AskWhy:
    subject: str  # the id of a check, or the id or code of an approval request


@dataclass(frozen=True, slots=True)
class Freeze:
    subject: str = ALL
    lasting: timedelta | None = None  # None: until somebody lifts it
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unfreeze:
    subject: str = ALL


@dataclass(frozen=True, slots=True)
class ListGrants:
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class GrantExact:
    approval: str
    lasting: timedelta


@dataclass(frozen=True, slots=True)
class GrantKindOf:
    approval: str
    lasting: timedelta | None = None  # None: for today
    fixed: frozenset[str] | None = None  # None: as the card proposes
    uses: int | None = None


@dataclass(frozen=True, slots=True)
class RevokeGrant:
    grant: str  # an id or its beginning


@dataclass(frozen=True, slots=True)
class Observe:
    agent: str
    lasting: timedelta | None  # None: off


@dataclass(frozen=True, slots=True)
class SetLabels:
    agent: str
    labels: dict[str, str]  # an empty value removes the label


@dataclass(frozen=True, slots=True)
class SetLimits:
    """What is not named in `limits` stays; None is the installation's."""

    agent: str
    limits: dict[str, int | None]  # "pending", "rate"


@dataclass(frozen=True, slots=True)
class CreateAccessToken:
    name: str
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ListAccessTokens:
    pass


@dataclass(frozen=True, slots=True)
class RevokeAccessToken:
    name: str


PolicyCommand: TypeAlias = (
    ShowPolicy | SetLevel | SetDefaultLevel | SetPolicy | TryPolicy | ShowHistory | RollBack | ReplayPolicy
)
SteeringCommand: TypeAlias = (
    AskWhy
    | Freeze
    | Unfreeze
    | ListGrants
    | GrantExact
    | GrantKindOf
    | RevokeGrant
    | Observe
    | SetLabels
    | SetLimits
    | CreateAccessToken
    | ListAccessTokens
    | RevokeAccessToken
)
