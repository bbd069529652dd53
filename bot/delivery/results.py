"""How an attempt to deliver one outbox message ended: values that the worker writes down in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.foreign_json import storable_text
from bot.ledger import Work
from bot.ports import FeishuFault
from models.enums import OutboxState

FAULT_LIMIT = 500  # characters of a fault that are kept

Record: TypeAlias = Callable[[Work], Awaitable[None]]
"""Writes what follows from a delivery, in the transaction that settles the message."""


async def nothing(_: Work) -> None:
    """Nothing follows."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The message is done with: delivered, superseded or discarded."""

    state: OutboxState
    record: Record = nothing
    message_id: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Try again at `at`. `counted`: the attempt is one of those after which we give up.

    `unsure`: it may have arrived all the same; whoever tries again must not take it for unsent.
    """

    at: datetime
    fault: str | None = None
    counted: bool = True
    unsure: bool = False
    record: Record = nothing


Result: TypeAlias = Settled | Later

DELIVERED = Settled(OutboxState.DELIVERED)
SUPERSEDED = Settled(OutboxState.SUPERSEDED)


def words(fault: BaseException) -> str:
    """The fault for a person who looks into it: kind and sentence, fit for every database."""
    if isinstance(fault, FeishuFault):
        return storable_text(f"{type(fault).__name__}: {fault}")[:FAULT_LIMIT]
    return type(fault).__name__  # the text of any other error may hold what must not be shown
