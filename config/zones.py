"""Whose time it is."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo


def zone_named(name: str | None, default: tzinfo) -> tzinfo:
    """The zone of a person who set `name`; the installation's when none, or when the zone database lost it."""
    try:
        return ZoneInfo(name) if name else default
    except (OSError, ValueError, KeyError):
        return default
