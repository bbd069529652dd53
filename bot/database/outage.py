"""Telling a database that is away from a fault of ours."""

from __future__ import annotations

import asyncpg
from tortoise.exceptions import DBConnectionError, OperationalError


def is_outage(fault: Exception) -> bool:
    """Whether the database could not be asked or did not answer. What was under way may have been committed."""
    away = (
        OSError,  # refused, reset; TimeoutError too
        DBConnectionError,
        asyncpg.InterfaceError,  # the connection or the pool is closed
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,  # shutting down, starting up, statement cancelled
        asyncpg.InsufficientResourcesError,
    )
    return isinstance(fault, away) or (isinstance(fault, OperationalError) and "locked" in str(fault))
