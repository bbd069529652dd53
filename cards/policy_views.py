"""What the answers about policies are drawn from: facts, already looked up. No wording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.enums import Layer, Level


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # before or behind other rules
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One difference between two versions. `before` and `after` tell the rule, where there was one."""

    kind: ChangeKind
    rule: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class FindingView:
    """Something that a written policy had better not say, or that has no effect."""

    path: str
    words: str  # English, as rules find it


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One written version of a policy or a floor."""

    version: int
    author: str
    at: datetime
    note: str | None = None
    changes: tuple[ChangeView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedView:
    """What an action request would get now, and why."""

    agent: str
    action_type: str
    tool: str | None
    requester: str | None
    requester_known: bool
    level: Level
    layer: Layer
    rule: str | None
    policy_version: int
    matched: tuple[str, ...]
    faults: tuple[str, ...]
    floor_rule: str | None
    floor_level: Level
    floor_version: int | None
    would_be: Level | None = None
    grant_giver: str | None = None
    frozen_by: str | None = None
    until: datetime | None = None  # of the freeze, the grant or the observation that decides
