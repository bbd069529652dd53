"""Presses on a queue card: turn to another request, decide the one that is shown, put it off, approve all of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F

from bot import outbox
from bot.approvals import AlreadyDone, ApprovalService, Consenting, Resolved
from bot.ledger import AuditFact, Ledger, Work
from bot.people.joining import People
from bot.ports import Clock
from bot.pressing import Shown
from bot.queueing.following import update
from bot.queueing.pressed import Act, Button, read_button
from bot.queueing.reading import Waiting, place_of, queue_of, view_of
from bot.queueing.snoozing import Snoozing
from bot.queueing.together import Together
from bot.seen import first_time
from bot.views import Views
from cards import messages
from cards.queue import queue_card
from cards.queue_toasts import batch_toast, not_your_queue_toast, snoozed_toast, turned_toast
from cards.words import moment
from models.approval import ApprovalRequest
from models.asking import QueueCard
from models.enums import Verdict, Via
from models.values import AppCredentials, CardClick, JsonObject, Operator, Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class _Press:
    """One press that belongs to this card and this person."""

    card: QueueCard
    operator: Operator
    button: Button
    event_key: str


class QueuePresses:
    def __init__(
        self,
        ledger: Ledger,
        people: People,
        approvals: ApprovalService,
        views: Views,
        snoozing: Snoozing,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._people = people
        self._approvals = approvals
        self._together = Together(approvals)
        self._views = views
        self._snoozing = snoozing
        self._clock = clock

    async def press(self, app: AppCredentials, operator: Operator, act: str, click: CardClick, event_key: str) -> Shown:
        """The press is settled, and answered with the card as it stands then. Only the card's own person may press."""
        button = read_button(act, click)
        card = await self._card_of(operator, button, click)
        if card is None:
            await self._refuse(operator, act, click)
            return Shown(not_your_queue_toast(), word="not_yours")
        if card.message_id is None and click.message_id is not None:  # the press overtook the record of the send
            await QueueCard.filter(id=card.id, message_id=None).update(message_id=click.message_id)
        toast = await self._settle(_Press(card, operator, button, event_key))
        view = await view_of(await QueueCard.get(id=card.id), self._views, self._clock.now())
        return Shown(toast, queue_card(view), button.act.value if button.act else "unknown")

    async def _settle(self, press: _Press) -> JsonObject:
        match press.button.act:
            case None:
                return messages.refusal_toast(Refusal(RefusalKind.UNKNOWN_VERDICT), self._clock.now())
            case Act.APPROVE:
                return await self._decide(press, Verdict.APPROVE)
            case Act.REJECT:
                return await self._decide(press, Verdict.REJECT)
            case Act.TOGETHER:
                return await self._decide_together(press)
            case Act.NEXT | Act.PREVIOUS | Act.SNOOZE:
                return await self._once(press)

    async def _decide(self, press: _Press, verdict: Verdict) -> JsonObject:
        """The request that was in view is decided as on its own card; then the queue turns to the next one."""
        approval_id = press.button.approval_id
        if approval_id is None:
            return messages.refusal_toast(Refusal(RefusalKind.UNKNOWN_APPROVAL), self._clock.now())
        before = await self._waiting(press)
        outcome = await self._approvals.resolve(
            approval_id,
            verdict,
            press.operator,
            via=Via.CARD,
            reason=press.button.reason,
            code=press.button.code if verdict is Verdict.APPROVE else None,
            event_key=press.event_key,
        )
        if isinstance(outcome, Refusal) and outcome.kind is RefusalKind.EXPIRED:
            # The tick may not have got to it; the cards must close now.
            await self._approvals.settling.expire(approval_id)
        await self._turn_on(press, before)
        return await self._said(approval_id, press.operator, outcome)

    async def _said(
        self, approval_id: UUID, operator: Operator, outcome: Resolved | Consenting | Refusal | AlreadyDone
    ) -> JsonObject:
        if isinstance(outcome, Refusal):
            zone = await self._views.zone_for(operator.id)
            return messages.refusal_toast(outcome, self._clock.now(), zone)
        approval = await ApprovalRequest.get(id=approval_id)
        return messages.resolved_toast(await self._views.of(approval, self._clock.now(), person_id=operator.id))

    async def _decide_together(self, press: _Press) -> JsonObject:
        before = await self._waiting(press)
        button = press.button
        counted = await self._together.approve(button.approval_id, button.listed, press.operator, press.event_key)
        await self._turn_on(press, before)
        return batch_toast(counted)

    async def _turn_on(self, press: _Press, before: Sequence[Waiting]) -> None:
        """What was in view and waits no more gives way to what came after it.

        What still waits stays, so that the person sees why; and so does what another device has turned to meanwhile.
        """
        async with self._ledger.transaction() as work:
            card = await QueueCard.get(id=press.card.id)
            there = {one.id for one in await queue_of(card.person_id, work.now)}
            seen = press.button.approval_id
            if seen in there:
                await _show(work, card, press.operator, seen)
            elif card.approval_id in there:
                await _show(work, card, press.operator, card.approval_id)
            else:
                await _show(work, card, press.operator, _next(seen, before, there))

    async def _once(self, press: _Press) -> JsonObject:
        """An event that was seen before changes nothing more."""
        try:
            async with self._ledger.transaction() as work:
                if not await first_time(work, press.event_key):
                    return await self._place(press)
                return await (self._snooze if press.button.act is Act.SNOOZE else self._turn)(work, press)
        except IntegrityError:  # the same event arrived twice at once
            return await self._place(press)

    async def _snooze(self, work: Work, press: _Press) -> JsonObject:
        approval = await ApprovalRequest.get_or_none(id=press.button.approval_id)
        if approval is None:
            return messages.refusal_toast(Refusal(RefusalKind.UNKNOWN_APPROVAL), work.now)
        before = await self._waiting(press)
        until = await self._snoozing.snooze(work, press.operator, approval)
        zone = await self._views.zone_for(press.operator.id)
        if isinstance(until, Refusal):
            return messages.refusal_toast(until, work.now, zone)
        awake = {one.id for one in before if not one.snoozed and one.id != approval.id}
        await _show(work, press.card, press.operator, _next(approval.id, before, awake))
        return snoozed_toast(moment(until, work.now, zone))

    async def _turn(self, work: Work, press: _Press) -> JsonObject:
        waiting = await queue_of(press.card.person_id, work.now)
        if not waiting:
            return turned_toast(0, 0)
        step = 1 if press.button.act is Act.NEXT else -1
        there = any(one.id == press.button.approval_id for one in waiting)
        place = (place_of(press.button.approval_id, waiting) + step) % len(waiting) if there else 0
        await _show(work, press.card, press.operator, waiting[place].id)
        return turned_toast(place + 1, len(waiting))

    async def _place(self, press: _Press) -> JsonObject:
        """The answer to a repeated event."""
        waiting = await self._waiting(press)
        card = await QueueCard.get(id=press.card.id)
        return turned_toast(place_of(card.approval_id, waiting) + 1, len(waiting))

    async def _waiting(self, press: _Press) -> list[Waiting]:
        return await queue_of(press.card.person_id, self._clock.now())

    async def _card_of(self, operator: Operator, button: Button, click: CardClick) -> QueueCard | None:
        """The operator's own queue card from which the press comes: the message decides, the button only helps."""
        card = await QueueCard.get_or_none(message_id=click.message_id) if click.message_id else None
        if card is None and button.queue_id is not None:
            card = await QueueCard.get_or_none(id=button.queue_id, message_id=None)
        if card is None or button.queue_id not in (None, card.id):
            return None
        return card if (await self._people.user(card.person_id)).id == operator.id else None

    async def _refuse(self, operator: Operator, act: str, click: CardClick) -> None:
        details: JsonObject = {"refusal": RefusalKind.NOT_YOURS.value, "act": act[:40], "message": click.message_id}
        async with self._ledger.transaction() as work:
            work.audit(AuditFact(operator.tenant, f"user:{operator.id}", "queue.refused", "queue:unknown", details))


def _next(seen: UUID | None, before: Sequence[Waiting], there: set[UUID]) -> UUID | None:
    """Of what is still there, the first that came after the one in view; None: the front."""
    order = [one.id for one in before]
    place = order.index(seen) + 1 if seen in order else 0
    return next((one for one in (*order[place:], *order[:place]) if one in there), None)


async def _show(work: Work, card: QueueCard, operator: Operator, approval_id: UUID | None) -> None:
    """The card is turned to this request; its message follows shortly after the answer to the press."""
    await QueueCard.filter(id=card.id).update(approval_id=approval_id, revision=F("revision") + 1)
    await outbox.add([update(card, operator.tenant, work.now, delay=outbox.CLICK_GRACE)])
