"""The gate epoch: it moves with everything that binds agents, and every commit of a check compares it."""

from __future__ import annotations

from tortoise.connection import get_connections
from tortoise.expressions import F

from bot.database import is_postgres
from models.policy import GateEpoch


async def current_epoch() -> int:
    epoch: int = (await GateEpoch.get(id=1)).epoch
    return epoch


async def hold_epoch() -> int:
    """The epoch, which cannot move before the caller's transaction ends (on SQLite it is the only writer)."""
    connection = get_connections().get("default")
    lock = " FOR SHARE" if is_postgres() else ""
    rows = await connection.execute_query_dict(f"SELECT epoch FROM gate_epoch WHERE id = 1{lock}")  # noqa: S608
    epoch: int = rows[0]["epoch"]
    return epoch


async def move_epoch() -> None:
    """To be called in the transaction that changes an agent or a policy."""
    await GateEpoch.filter(id=1).update(epoch=F("epoch") + 1)
