"""Queue cards that Feishu will soon take no change of say so, while it still does: none is left to show what was."""

from __future__ import annotations

from datetime import datetime

from bot.ledger import Ledger
from bot.outbox import Bell
from bot.queueing.following import ALIVE, close
from models.asking import QueueCard
from models.user import User

BATCH = 200


class RetireQueues:
    def __init__(self, ledger: Ledger, bell: Bell) -> None:
        self._ledger = ledger
        self._bell = bell

    async def tick(self, now: datetime) -> int:
        """How many cards were closed by this call, because they are as old as a card that follows may be."""
        old = QueueCard.filter(closed_at=None, created_at__lte=now - ALIVE).order_by("id")
        return sum([await self._retire(card) for card in await old.limit(BATCH)])

    async def _retire(self, card: QueueCard) -> bool:
        person = await User.get(id=card.person_id)
        async with self._ledger.transaction() as work:
            if not await close(card, person.tenant, work.now):
                return False  # another replica, or a newer card, was first
            work.after_commit(self._bell.ring)
            return True
