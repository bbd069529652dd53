"""One use case, one transaction, taken again when somebody else was first at a unique name or number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tortoise.exceptions import IntegrityError

from bot.ledger import Ledger, Work

ROUNDS = 5

T = TypeVar("T")


async def in_one_transaction(ledger: Ledger, body: Callable[[Work], Awaitable[T]]) -> T:
    """The body's result once it is committed. The body runs up to ROUNDS times, each time in a new transaction."""
    for _ in range(ROUNDS - 1):
        try:
            async with ledger.transaction() as work:
                return await body(work)
        except IntegrityError:  # the next round sees what the other one wrote
            continue
    async with ledger.transaction() as work:
        return await body(work)
