"""The outbox worker: takes due messages under a lease, delivers each lane in order and many lanes at once.

Any number of workers may run on one database. It never holds a transaction while it delivers. It promises at least
once: what a crash interrupts is tried again under the same id, by which Feishu drops the repetition for an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.delivery import lanes
from bot.delivery.results import Result
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.ports import Clock
from models.enums import OutboxKind
from models.ids import new_id
from models.outbox import OutboxMessage

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""Longer than one delivery with all its calls; it is prolonged while one lasts. After a crash this is the pause."""

EXECUTING = frozenset({OutboxKind.EXECUTE})
SENDING = frozenset(OutboxKind) - EXECUTING


@dataclass(slots=True)
class _Slots:
    """How many messages of these kinds are delivered at once; slow executors never take the place of cards."""

    kinds: frozenset[OutboxKind]
    size: int
    busy: dict[asyncio.Task[None], OutboxMessage] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.size - len(self.busy)


class Worker:
    def __init__(
        self,
        ledger: Ledger,
        deliver: Callable[[OutboxMessage], Awaitable[Result]],
        bell: Bell,
        clock: Clock,
        *,
        sending: int = 16,
        executing: int = 8,
        lease: timedelta = LEASE,
        poll: float = 1.0,
        patience: float = 20.0,
    ) -> None:
        """`poll`: seconds until other processes' messages are seen; `patience`: seconds to end what is begun."""
        self.name = f"worker:{new_id()}"
        self._ledger = ledger
        self._deliver = deliver
        self._bell = bell
        self._clock = clock
        self._slots = (_Slots(SENDING, sending), _Slots(EXECUTING, executing))
        self._lease = lease
        self._poll = poll
        self._patience = patience
        self._stopping = False
        self._prolonged_at = 0.0  # of the loop's clock

    async def run(self) -> None:
        """Delivers until `stop`, or until cancelled; ends what is begun, gives back what it could not end."""
        try:
            while not self._stopping:
                await self._round()
                await self._bell.wait(self._poll)
        finally:
            await self._leave()

    def stop(self) -> None:
        """`run` takes nothing more, and returns soon."""
        self._stopping = True
        self._bell.ring()

    async def drain(self) -> int:
        """Delivers everything that is due by now, and what that adds; how many deliveries it took."""
        taken = 0
        while True:
            idle = not self._tasks()  # before the look: what ends during it makes the next of its lane due
            begun = await self.take()
            taken += begun
            tasks = self._tasks()
            if idle and not begun and not tasks:  # what was begun may have ended already, and made another due
                return taken
            if not tasks:
                continue
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # lets finished tasks leave their slots

    async def take(self) -> int:
        """Begins to deliver as many due messages as there are free slots; how many."""
        taken = 0
        for slots in self._slots:
            if slots.free <= 0:
                continue
            claimed = await lanes.claim(
                self.name, self._clock.now(), lease=self._lease, kinds=slots.kinds, limit=slots.free
            )
            for message in claimed:
                self._begin(slots, message)
            taken += len(claimed)
        return taken

    async def _round(self) -> None:
        """One look at the outbox. A database that is away is waited for; nothing is lost by that."""
        try:
            await lanes.take_back(self._clock.now())
            await self.take()
            await self._prolong()
        except Exception:
            log.exception("outbox.round_failed", worker=self.name)
            await asyncio.sleep(self._poll)

    def _begin(self, slots: _Slots, message: OutboxMessage) -> None:
        task = asyncio.create_task(self._one(message), name=f"outbox:{message.kind}:{message.id}")
        slots.busy[task] = message

        def ended(task: asyncio.Task[None]) -> None:
            slots.busy.pop(task, None)
            self._bell.ring()  # the next of this lane may go

        task.add_done_callback(ended)

    async def _one(self, message: OutboxMessage) -> None:
        """Delivers and settles one message. Whatever goes wrong here, its lease runs out and it is tried again."""
        try:
            result = await self._deliver(message)
            async with self._ledger.transaction() as work:
                settled = await lanes.settle(work, message, result)
            fields = {"message": str(message.id), "kind": message.kind.value, "attempt": message.attempts}
            if settled:
                log.info("outbox.settled", result=_name(result), fault=result.fault, **fields)
            else:
                log.warning("outbox.lease_lost", **fields)
        except Exception:
            log.exception("outbox.delivery_failed", message=str(message.id), kind=message.kind.value)

    async def _prolong(self) -> None:
        """Leases of deliveries under way are renewed, by the monotonic clock, at a third of their length."""
        messages = [message for slots in self._slots for message in slots.busy.values()]
        if messages and self._loop_time() - self._prolonged_at >= self._lease.total_seconds() / 3:
            await lanes.extend(self.name, [one.id for one in messages], self._clock.now() + self._lease)
            self._prolonged_at = self._loop_time()

    async def _leave(self) -> None:
        tasks = self._tasks()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await lanes.give_back(self.name, self._clock.now())
        except Exception:
            log.exception("outbox.leases_not_given_back", worker=self.name)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for slots in self._slots for task in slots.busy]

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()


def _name(result: Result) -> str:
    return result.state.value if hasattr(result, "state") else "later"
