"""The way in which every use case writes: one transaction, its audit facts chained and committed with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from bot.audit.chain import AuditFact, UnrecordableFact, details_text
from bot.audit.chain_writer import ChainMoved, ChainPool
from bot.database import transaction
from bot.ports import Clock
from models.agent import Agent
from models.approval import ApprovalRequest
from models.values import JsonObject

__all__ = ["AuditFact", "ChainMoved", "Ledger", "UnrecordableFact", "Work", "agent_fact", "approval_fact"]


class Work:
    """One use case's transaction while it is open. Rows are written through the models as usual."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._facts: list[tuple[AuditFact, str]] = []
        self._callbacks: list[Callable[[], None]] = []

    def audit(self, fact: AuditFact) -> None:
        """The fact is chained and inserted at the end of the transaction. Raises UnrecordableFact at once."""
        self._facts.append((fact, details_text(fact)))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls back once the commit is certain; never after a rollback. For wake-ups: a crash loses them."""
        self._callbacks.append(callback)


class Ledger:
    """Opens transactions. At most `chains` run at once in this process, each with an audit chain of its own.

    The chain is taken before the database connection, so that a task never holds a connection while it waits.
    """

    def __init__(self, clock: Clock, *, chains: int = 4) -> None:
        self._clock = clock
        self._chains = ChainPool(clock, chains)

    def now(self) -> datetime:
        """The time that a transaction begun at this moment has."""
        return self._clock.now()

    def transaction(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that commits when the block ends and rolls back when it raises or is cancelled.

        Must not be nested, and no task may be started inside it (it would inherit the connection).
        """
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Work]:
        async with self._chains.take() as chain:
            work = Work(self._clock.now())
            if not chain.known:
                await chain.open()
            async with transaction() as connection:
                yield work
                if work._facts:
                    await chain.append(connection, work.now, work._facts)
            chain.committed()
        for callback in work._callbacks:
            callback()


def approval_fact(approval: ApprovalRequest, actor: str, action: str, details: JsonObject) -> AuditFact:
    """A fact about an approval request, found again by the request and by its agent."""
    return AuditFact(
        tenant=approval.tenant,
        actor=actor,
        action=action,
        subject=f"approval:{approval.id}",
        details=details,
        agent_id=approval.agent_id,
        approval_id=approval.id,
    )


def agent_fact(agent: Agent, actor: str, action: str, details: JsonObject) -> AuditFact:
    """A fact about an agent, with the name that it has now."""
    return AuditFact(
        tenant=agent.tenant,
        actor=actor,
        action=action,
        subject=f"agent:{agent.id}",
        details={"name": agent.name, **details},
        agent_id=agent.id,
    )
