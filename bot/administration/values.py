"""What came of a change. Secrets never appear in a repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from bot.plans import AskingPlan, plan_document
from bot.policy.diff import Change
from bot.policy.lint import Finding
from bot.policy.parse import document, floor_document
from bot.policy.rules import Floor, Policy
from models.values import JsonObject


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
    RESERVED_NAME = "reserved_name"  # stands for something else in commands
    NO_SUCH_VERSION = "no_such_version"
    BAD_END = "bad_end"  # an end that lies in the past or too far away
    BAD_LABEL = "bad_label"
    BAD_LIMIT = "bad_limit"
    FLOOR_NOT_TRIED = "floor_not_tried"
    TOKEN_NAME_TAKEN = "token_name_taken"  # noqa: S105  # a name revokes exactly one
    TOO_MANY_TOKENS = "too_many_tokens"
    BAD_PLAN = "bad_plan"
    BAD_ABSENCE = "bad_absence"  # an end that lies in the past or too far away
    BAD_DELEGATE = "bad_delegate"  # oneself, somebody of another tenant, or who left
    BAD_BACKUP = "bad_backup"  # the creator, somebody of another tenant, or who left


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saved:
    """What is in force, and where it comes from; `changed` is False when it was in force already."""

    author: str
    at: datetime | None  # None: nobody wrote it
    changed: bool = True
    changes: tuple[Change, ...] = ()  # against the version before
    findings: tuple[Finding, ...] = ()  # what to look at
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySaved(_Saved):
    """An agent's policy; its findings consider the floor."""

    agent: str
    policy: Policy
    at: datetime

    @property
    def version(self) -> int:
        return self.policy.version

    @property
    def document(self) -> JsonObject:
        return document(self.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorSaved(_Saved):
    """A tenant's floor. Version 0 is the starter floor, which nobody wrote."""

    tenant: str
    floor: Floor

    @property
    def version(self) -> int:
        return self.floor.version

    @property
    def document(self) -> JsonObject:
        return floor_document(self.floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSaved(_Saved):
    """A tenant's asking plan. Version 0 is the starter plan, which nobody wrote."""

    tenant: str
    plan: AskingPlan

    @property
    def version(self) -> int:
        return self.plan.version

    @property
    def document(self) -> JsonObject:
        return plan_document(self.plan)


@dataclass(frozen=True, slots=True)
class BackupSet:
    """Who is asked where the asking plan says "backup"; None: nobody."""

    agent_id: UUID
    name: str
    backup: str | None
    changed: bool = True


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version of a policy, floor or asking plan: who wrote it, and what it changed."""

    version: int
    author: str
    at: datetime
    note: str | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class AgentObserved:
    """Until `until` everything the agent asks runs, and what would have been decided is recorded; None: no longer."""

    agent_id: UUID
    name: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class AgentLabelled:
    agent_id: UUID
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentLimited:
    """None: the installation's limit holds."""

    agent_id: UUID
    name: str
    max_pending: int | None
    checks_per_minute: int | None


@dataclass(frozen=True, slots=True)
class AccessTokenCreated:
    token_id: UUID
    person: str
    name: str
    expires_at: datetime
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessTokenLine:
    """One token, without its secret."""

    token_id: UUID
    person: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
