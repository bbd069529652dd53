"""One reminder of one person as it is at delivery, and what it costs of the person's day.

It is paid for before the network is used, together with a note in the outbox, so that a crash in between neither
spends twice nor reminds in two ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bot.ledger import Ledger
from bot.nudging import budget
from bot.nudging.sparing import person_hours
from bot.plans import QuestionPlan, Usual
from bot.ports import Clock, FeishuMisconfigured, MessageGone, PayloadRefused, ReceiverRefused
from models.approval import ApprovalRequest, CardCopy
from models.enums import Nudge, OutboxState
from models.outbox import OutboxMessage
from models.user import User

NOT_THIS_WAY = (FeishuMisconfigured, MessageGone, PayloadRefused, ReceiverRefused)
"""What another way of reminding may get around: a missing scope, a recalled card, somebody who cannot be buzzed."""


@dataclass(frozen=True, slots=True)
class NudgeCase:
    """One reminder with all that it is about, as it is at delivery."""

    message: OutboxMessage
    how: Nudge
    step: int
    approval: ApprovalRequest
    copy: CardCopy
    person: User
    plan: QuestionPlan
    spent: Nudge | None  # paid for by an earlier attempt, which may have sent it

    def ways(self) -> Iterator[Nudge]:
        """The way that was paid for, or the one that is wished, and then the softer ones."""
        first = self.spent or self.how
        return (way for way in reversed(Nudge) if way.hardness <= first.hardness)

    @property
    def came_later(self) -> bool:
        """Whether the card was sent after the reminder was due."""
        return self.copy.sent_at is not None and self.copy.sent_at >= self.message.created_at

    @property
    def is_unsure(self) -> bool:
        """Whether nobody knows if an earlier attempt reached the person."""
        return bool(json.loads(self.message.payload).get("unsure"))


class Purse:
    """What reminders cost, paid in transactions of their own."""

    def __init__(self, ledger: Ledger, clock: Clock, usual: Usual) -> None:
        self._ledger = ledger
        self._clock = clock
        self._usual = usual

    async def take(self, case: NudgeCase, way: Nudge) -> bool:
        """Whether this way was affordable, and is paid for; an earlier attempt of this message may have done so."""
        if case.spent is way:
            return True
        async with self._ledger.transaction():
            day = self.day(case)
            if not await budget.spend(case.person.id, day, way, case.plan.budgets.get(way, 0)):
                return False
            await self._mark(case.message, spent=way.value, day=day.isoformat())
            if way is Nudge.PIN:
                await CardCopy.filter(id=case.copy.id).update(pinned=True)
        return True

    async def put_off(self, case: NudgeCase) -> None:
        """Paid for, and not sent before the night: it is paid for anew on the day on which it is sent.

        What may have arrived all the same was spent.
        """
        if case.spent is None:
            return
        if not case.is_unsure:
            await self.give_back(case, case.spent)
            return
        async with self._ledger.transaction():
            await self._mark(case.message, spent=None)

    async def give_back(self, case: NudgeCase, way: Nudge) -> None:
        """It was paid for and not sent."""
        async with self._ledger.transaction():
            day = date.fromisoformat(json.loads(case.message.payload)["day"])
            await self._mark(case.message, spent=None)
            await budget.give_back(case.person.id, day, way)
            if way is Nudge.PIN:
                await CardCopy.filter(id=case.copy.id).update(pinned=False)

    def day(self, case: NudgeCase) -> date:
        """The person's own day."""
        return person_hours(case.person, case.plan, self._usual).day(self._clock.now())

    async def _mark(self, message: OutboxMessage, **paid: str | None) -> None:
        """What was paid for stands in the outbox. Raises when another worker has taken the message over."""
        payload = json.dumps({**json.loads(message.payload), **paid}, ensure_ascii=False)
        held = OutboxMessage.filter(
            id=message.id, state=OutboxState.SENDING, lease_owner=message.lease_owner, attempts=message.attempts
        )
        if not await held.update(payload=payload):
            raise RuntimeError(f"outbox message {message.id} is another worker's")
        message.payload = payload
