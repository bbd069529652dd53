"""NUDGE: one person is reminded of one question in the hardest way wished that the budget and Feishu allow."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial

from bot.delivery.facts import fact
from bot.delivery.nudge_cases import NOT_THIS_WAY, NudgeCase, Purse
from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, SUPERSEDED, Later, Result, Settled, words
from bot.ledger import Ledger, Work
from bot.nudging import budget, pins
from bot.nudging.crowd import is_crowd, slot_of
from bot.nudging.sparing import Spared, not_before, spared
from bot.people.joining import People
from bot.plans import Usual
from bot.ports import (
    Clock,
    FeishuFault,
    FeishuGateway,
    MessageGone,
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

NOT_TWICE = frozenset({Nudge.URGENT_SMS, Nudge.URGENT_PHONE})
"""These cost money and nerves; where nobody knows whether one went out, it is not repeated."""

LOOK_AGAIN = timedelta(minutes=1)


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
        self._purse = Purse(ledger, clock, usual)
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
        if case.spent in NOT_TWICE and case.is_unsure:
            return self._reminded(case, case.spent, None, fault="an earlier attempt may have reached the person")
        at = not_before(case.copy, case.person, case.plan, self._usual, now)
        if at > now:
            await self._purse.put_off(case)
            return Later(at, counted=False)
        if case.spent is None and (case.copy.message_id is None or case.came_later):
            return self._without_a_card(case, now)
        return await self._remind(case, now)

    async def _remind(self, case: NudgeCase, now: datetime) -> Result:
        fault: FeishuFault | None = None
        for way in case.ways():
            if way.is_soft and case.spent is None:
                if (seen := await self._seen(case)) is not None:
                    return Settled(OutboxState.SUPERSEDED, partial(self._note_seen, case, seen))
                if way is Nudge.THREAD and await is_crowd(case.person.id, now):
                    return Settled(OutboxState.SUPERSEDED, partial(self._digest, case))
            if not await self._purse.take(case, way):
                continue
            try:
                return self._reminded(case, way, await self._send(case, way), fault=words(fault) if fault else None)
            except NOT_THIS_WAY as refused:
                if way is Nudge.THREAD:
                    raise
                fault = refused
                await self._purse.give_back(case, way)
        return self._left_alone(case, Spared.BUDGET)

    async def _send(self, case: NudgeCase, way: Nudge) -> str | None:
        """The id of the message that was sent, where one was."""
        if way is Nudge.THREAD:
            return await self._say(case)
        open_id = await self._open_id(case)
        if way is Nudge.PIN:
            await self._gateway.pin_bot(case.copy.app_id, [open_id], pinned=True)
        elif open_id in await self._gateway.urgent(case.copy.app_id, case.copy.message_id or "", [open_id], way):
            raise ReceiverRefused("Feishu does not buzz this person")
        return None

    async def _say(self, case: NudgeCase) -> str:
        view = await self._views.of(case.approval, self._clock.now(), person_id=case.person.id)
        text = TextMessage(messages.reminder_text(view, case.person.language).text)
        uuid = str(case.message.id)
        if case.copy.message_id is not None:
            try:
                return (await self._gateway.reply(case.copy.app_id, case.copy.message_id, text, uuid=uuid)).message_id
            except (MessageGone, ReceiverRefused):  # the card was recalled; the person is still there
                pass
        return (await self._reach.send(case.person.id, case.copy.app_id, text, uuid=uuid)).message_id

    async def _open_id(self, case: NudgeCase) -> str:
        open_id = await self._people.open_id(case.person.id, case.copy.app_id)
        if open_id is None:
            open_id = await self._reach.learn(case.person.id, case.copy.app_id)
        if open_id is None:
            raise ReceiverRefused("no open_id of this person in the app")
        return open_id

    async def _seen(self, case: NudgeCase) -> datetime | None:
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

    def _reminded(self, case: NudgeCase, way: Nudge, message_id: str | None, *, fault: str | None) -> Settled:
        return Settled(DELIVERED.state, partial(self._note_reminded, case, way, fault), message_id, fault)

    def _left_alone(self, case: NudgeCase, why: Spared) -> Settled:
        return Settled(OutboxState.SUPERSEDED, partial(self._note_spared, case, why))

    def _without_a_card(self, case: NudgeCase, now: datetime) -> Result:
        """A card that comes later than the reminder was due is one itself; only who is to be buzzed waits for it."""
        if case.how.is_soft or case.copy.message_id is not None:
            return self._left_alone(case, Spared.NEW)
        return Later(now + LOOK_AGAIN, counted=False)

    async def _note_reminded(self, case: NudgeCase, way: Nudge, fault: str | None, work: Work) -> None:
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

    async def _note_spared(self, case: NudgeCase, why: Spared, work: Work) -> None:
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

    async def _note_seen(self, case: NudgeCase, at: datetime, work: Work) -> None:
        await self._receipts.seen(work, case.copy, at)
        await self._note_spared(case, Spared.SEEN, work)

    async def _digest(self, case: NudgeCase, work: Work) -> None:
        """Instead of a third text there is one card, for which one text's budget is taken."""
        day, limit = self._purse.day(case), case.plan.budgets.get(Nudge.THREAD, 0)
        if not await budget.spend(case.person.id, day, Nudge.THREAD, limit):
            await self._note_spared(case, Spared.BUDGET, work)
            return
        if not await self._queueing.digest(work, case.person.id, case.copy.app_id, work.now, slot_of(work.now)):
            await budget.give_back(case.person.id, day, Nudge.THREAD)
        await self._note_spared(case, Spared.DIGEST, work)

    async def _case(self, message: OutboxMessage) -> NudgeCase | None:
        payload = json.loads(message.payload)
        copy = await CardCopy.get_or_none(id=payload["copy_id"])
        if copy is None:
            return None
        approval = await ApprovalRequest.get(id=copy.approval_id)
        spent = payload.get("spent")
        return NudgeCase(
            message=message,
            how=Nudge(payload["how"]),
            step=payload["step"],
            approval=approval,
            copy=copy,
            person=await User.get(id=copy.person_id),
            plan=self._questioning.plan_of(approval),
            spent=Nudge(spent) if spent else None,
        )
