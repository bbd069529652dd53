"""NUDGE and UNPIN: one person is reminded of one question in the hardest way wished that the budget and Feishu allow.

What a reminder costs of the person's day is taken before the network is used, together with a note in the outbox, so
that a crash in between neither spends twice nor reminds in two ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from bot.delivery.facts import fact
from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, SUPERSEDED, Later, Result, Settled, words
from bot.ledger import Ledger, Work
from bot.nudging import budget, pins
from bot.nudging.crowd import is_crowd, slot_of
from bot.nudging.sparing import Spared, not_before, person_hours, spared
from bot.people.joining import People
from bot.plans import QuestionPlan, Usual
from bot.ports import (
    Clock,
    FeishuFault,
    FeishuGateway,
    FeishuMisconfigured,
    MessageGone,
    PayloadRefused,
    ReceiverRefused,
    TextMessage,
)
from bot.questioning import Questioning
from bot.queueing.opening import Queueing
from bot.receipts import Receipts
from bot.views import Views
from cards import messages
from models.approval import ApprovalRequest, CardCopy
from models.enums import Nudge, OutboxState
from models.outbox import OutboxMessage
from models.user import User

NOT_THIS_WAY = (FeishuMisconfigured, MessageGone, PayloadRefused, ReceiverRefused)
"""What another way of reminding may get around: a missing scope, a recalled card, somebody who cannot be buzzed."""

NOT_TWICE = frozenset({Nudge.URGENT_SMS, Nudge.URGENT_PHONE})
"""These cost money and nerves; where nobody knows whether one went out, it is not repeated."""

LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Case:
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


class RemindPerson:
    """Delivers NUDGE messages."""

    def __init__(
        self,
        gateway: FeishuGateway,
        reach: Reach,
        people: People,
        views: Views,
        questioning: Questioning,
        ledger: Ledger,
        clock: Clock,
        usual: Usual,
        receipts: Receipts,
        queueing: Queueing,
    ) -> None:
        self._gateway = gateway
        self._reach = reach
        self._people = people
        self._views = views
        self._questioning = questioning
        self._queueing = queueing
        self._receipts = receipts
        self._ledger = ledger
        self._clock = clock
        self._usual = usual

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person was reminded, or is better left alone, or will be when the quiet hours are over."""
        case = await self._case(message)
        if case is None:
            return SUPERSEDED
        now = self._clock.now()
        if why := spared(case.approval, case.copy, case.person, now):
            return self._left_alone(case, why)
        if case.spent in NOT_TWICE and json.loads(message.payload).get("unsure"):
            return self._reminded(case, case.spent, None, fault="an earlier attempt may have reached the person")
        at = not_before(case.copy, case.person, case.plan, self._usual, now)
        if at > now:
            await self._put_off(case)
            return Later(at, counted=False)
        if case.spent is None and (case.copy.message_id is None or _came_later(case)):
            return self._without_a_card(case, now)
        return await self._remind(case, now)

    async def _remind(self, case: _Case, now: datetime) -> Result:
        fault: FeishuFault | None = None
        for way in case.ways():
            if way.is_soft and case.spent is None:
                if (seen := await self._seen(case)) is not None:
                    return Settled(OutboxState.SUPERSEDED, partial(self._note_seen, case, seen))
                if way is Nudge.THREAD and await is_crowd(case.person.id, now):
                    return Settled(OutboxState.SUPERSEDED, partial(self._digest, case))
            if not await self._take(case, way):
                continue
            try:
                return self._reminded(case, way, await self._send(case, way), fault=words(fault) if fault else None)
            except NOT_THIS_WAY as refused:
                if way is Nudge.THREAD:
                    raise
                fault = refused
                await self._give_back(case, way)
        return self._left_alone(case, Spared.BUDGET)

    async def _send(self, case: _Case, way: Nudge) -> str | None:
        """The id of the message that was sent, where one was."""
        if way is Nudge.THREAD:
            return await self._say(case)
        open_id = await self._open_id(case)
        if way is Nudge.PIN:
            await self._gateway.pin_bot(case.copy.app_id, [open_id], pinned=True)
        elif open_id in await self._gateway.urgent(case.copy.app_id, case.copy.message_id or "", [open_id], way):
            raise ReceiverRefused("Feishu does not buzz this person")
        return None

    async def _say(self, case: _Case) -> str:
        view = await self._views.of(case.approval, self._clock.now(), person_id=case.person.id)
        text = TextMessage(messages.reminder_text(view, case.person.language).text)
        uuid = str(case.message.id)
        if case.copy.message_id is not None:
            try:
                return (await self._gateway.reply(case.copy.app_id, case.copy.message_id, text, uuid=uuid)).message_id
            except (MessageGone, ReceiverRefused):  # the card was recalled; the person is still there
                pass
        return (await self._reach.send(case.person.id, case.copy.app_id, text, uuid=uuid)).message_id

    async def _open_id(self, case: _Case) -> str:
        open_id = await self._people.open_id(case.person.id, case.copy.app_id)
        if open_id is None:
            open_id = await self._reach.learn(case.person.id, case.copy.app_id)
        if open_id is None:
            raise ReceiverRefused("no open_id of this person in the app")
        return open_id

    async def _seen(self, case: _Case) -> datetime | None:
        """When the person saw the card, by what Feishu told or tells now. One who cannot tell has not seen it."""
        if case.copy.seen_at is not None:
            return case.copy.seen_at
        open_id = await self._people.open_id(case.person.id, case.copy.app_id)
        if open_id is None or case.copy.message_id is None:
            return None
        try:
            receipts = await self._gateway.read_by(case.copy.app_id, case.copy.message_id)
        except FeishuFault:  # the scope is optional, and older messages are not told
            return None
        return next((receipt.at for receipt in receipts if receipt.open_id == open_id), None)

    async def _take(self, case: _Case, way: Nudge) -> bool:
        """Whether this way was affordable, and is paid for; an earlier attempt of this message may have done so."""
        if case.spent is way:
            return True
        async with self._ledger.transaction():
            day = self._day(case)
            if not await budget.spend(case.person.id, day, way, case.plan.budgets.get(way, 0)):
                return False
            await self._mark(case.message, spent=way.value, day=day.isoformat())
            if way is Nudge.PIN:
                await CardCopy.filter(id=case.copy.id).update(pinned=True)
        return True

    async def _give_back(self, case: _Case, way: Nudge) -> None:
        async with self._ledger.transaction():
            day = date.fromisoformat(json.loads(case.message.payload)["day"])
            await self._mark(case.message, spent=None)
            await budget.give_back(case.person.id, day, way)
            if way is Nudge.PIN:
                await CardCopy.filter(id=case.copy.id).update(pinned=False)

    async def _put_off(self, case: _Case) -> None:
        """Paid for, and not sent before the night: it is paid for anew on the day on which it is sent.

        What may have arrived all the same was spent.
        """
        if case.spent is None:
            return
        if not json.loads(case.message.payload).get("unsure"):
            await self._give_back(case, case.spent)
            return
        async with self._ledger.transaction():
            await self._mark(case.message, spent=None)

    async def _mark(self, message: OutboxMessage, **paid: str | None) -> None:
        """What was paid for stands in the outbox. Raises when another worker has taken the message over."""
        payload = json.dumps({**json.loads(message.payload), **paid}, ensure_ascii=False)
        held = OutboxMessage.filter(
            id=message.id, state=OutboxState.SENDING, lease_owner=message.lease_owner, attempts=message.attempts
        )
        if not await held.update(payload=payload):
            raise RuntimeError(f"outbox message {message.id} is another worker's")
        message.payload = payload

    def _day(self, case: _Case) -> date:
        return person_hours(case.person, case.plan, self._usual).day(self._clock.now())

    def _reminded(self, case: _Case, way: Nudge, message_id: str | None, *, fault: str | None) -> Settled:
        return Settled(DELIVERED.state, partial(self._note_reminded, case, way, fault), message_id, fault)

    def _left_alone(self, case: _Case, why: Spared) -> Settled:
        return Settled(OutboxState.SUPERSEDED, partial(self._note_spared, case, why))

    def _without_a_card(self, case: _Case, now: datetime) -> Result:
        """A card that comes later than the reminder was due is one itself; only who is to be buzzed waits for it."""
        if case.how.is_soft or case.copy.message_id is not None:
            return self._left_alone(case, Spared.NEW)
        return Later(now + LOOK_AGAIN, counted=False)

    async def _note_reminded(self, case: _Case, way: Nudge, fault: str | None, work: Work) -> None:
        work.audit(
            fact(
                case.message,
                "approval.nudged",
                approval=case.approval,
                way=way.value,
                wished=case.how.value,
                step=case.step,
                instead_because=fault,
            )
        )
        if way is Nudge.PIN:
            await pins.settle(case.copy.id, work.now)

    async def _note_spared(self, case: _Case, why: Spared, work: Work) -> None:
        if why is not Spared.CLOSED:
            told = fact(
                case.message,
                "approval.nudge_spared",
                approval=case.approval,
                wished=case.how.value,
                step=case.step,
                why=why.value,
            )
            work.audit(told)

    async def _note_seen(self, case: _Case, at: datetime, work: Work) -> None:
        await self._receipts.seen(work, case.copy, at)
        await self._note_spared(case, Spared.SEEN, work)

    async def _digest(self, case: _Case, work: Work) -> None:
        """Instead of a third text there is one card, for which one text's budget is taken."""
        day, limit = self._day(case), case.plan.budgets.get(Nudge.THREAD, 0)
        if not await budget.spend(case.person.id, day, Nudge.THREAD, limit):
            await self._note_spared(case, Spared.BUDGET, work)
            return
        if not await self._queueing.digest(work, case.person.id, case.copy.app_id, work.now, slot_of(work.now)):
            await budget.give_back(case.person.id, day, Nudge.THREAD)
        await self._note_spared(case, Spared.DIGEST, work)

    async def _case(self, message: OutboxMessage) -> _Case | None:
        payload = json.loads(message.payload)
        copy = await CardCopy.get_or_none(id=payload["copy_id"])
        if copy is None:
            return None
        approval = await ApprovalRequest.get(id=copy.approval_id)
        spent = payload.get("spent")
        return _Case(
            message=message,
            how=Nudge(payload["how"]),
            step=payload["step"],
            approval=approval,
            copy=copy,
            person=await User.get(id=copy.person_id),
            plan=self._questioning.plan_of(approval),
            spent=Nudge(spent) if spent else None,
        )


class UnpinBot:
    """Delivers UNPIN messages."""

    def __init__(self, gateway: FeishuGateway, people: People) -> None:
        self._gateway = gateway
        self._people = people

    async def deliver(self, message: OutboxMessage) -> Result:
        """The bot stands no longer on top of the person's chats, unless another question holds it there."""
        if message.person_id is None or message.app_id is None:
            raise ValueError(f"outbox message {message.id} is for nobody")
        if await pins.is_held(message.person_id, message.app_id):
            return SUPERSEDED
        open_id = await self._people.open_id(message.person_id, message.app_id)
        if open_id is None:
            return SUPERSEDED
        try:
            await self._gateway.pin_bot(message.app_id, [open_id], pinned=False)
        except NOT_THIS_WAY as fault:  # the scope was taken away since; nothing can be done about it
            return Settled(OutboxState.SUPERSEDED, fault=words(fault))
        return DELIVERED


def _came_later(case: _Case) -> bool:
    """Whether the card was sent after the reminder was due."""
    return case.copy.sent_at is not None and case.copy.sent_at >= case.message.created_at
