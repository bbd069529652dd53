"""APPROVAL_CARD: one person is asked with a card, else with a text, else the admins are asked instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog
from tortoise.expressions import F

from bot import outbox
from bot.approvals import ApprovalService
from bot.delivery.alerts import Alerts
from bot.delivery.facts import fact
from bot.delivery.reaching import Reach
from bot.delivery.results import SUPERSEDED, Result, Settled, words
from bot.ledger import Work
from bot.people.joining import People
from bot.ports import CardMessage, Clock, FeishuFault, PayloadRefused, ReceiverRefused, SentMessage, TextMessage
from bot.receipts import reached
from bot.views import Views
from bot.waiters.registry import Waiters
from cards import messages
from cards.approval import approval_card
from cards.views import ApprovalView, UndeliverableView
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Delivery, OutboxState
from models.outbox import OutboxMessage
from models.values import JsonObject

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What arrived. `shown`: the revision that it certainly shows, 0 when an older drawing may have arrived."""

    message: SentMessage
    is_card: bool
    shown: int
    fault: FeishuFault | None = None  # why it is not a card

    @property
    def words(self) -> str | None:
        return words(self.fault) if self.fault else None


class AskWithCard:
    def __init__(
        self,
        reach: Reach,
        people: People,
        views: Views,
        approvals: ApprovalService,
        alerts: Alerts,
        waiters: Waiters,
        clock: Clock,
    ) -> None:
        self._reach = reach
        self._people = people
        self._views = views
        self._approvals = approvals
        self._alerts = alerts
        self._waiters = waiters
        self._clock = clock

    async def deliver(self, message: OutboxMessage) -> Result:
        """The newest state is drawn and sent. A question that is closed before it was ever sent is not asked."""
        copy = await CardCopy.get_or_none(id=_copy_id(message))
        if copy is None or copy.message_id is not None:
            return SUPERSEDED
        approval = await ApprovalRequest.get(id=copy.approval_id)
        if approval.status is not ApprovalStatus.PENDING and not _unsure(message):
            return Settled(OutboxState.SUPERSEDED, partial(self._withdraw, copy, approval.id))
        try:
            sent = await self._send(message, copy, approval)
        except (ReceiverRefused, PayloadRefused) as fault:
            return self.give_up(message, fault)
        return Settled(
            OutboxState.DELIVERED, partial(self._sent, message, copy, sent), sent.message.message_id, sent.words
        )

    def give_up(self, message: OutboxMessage, fault: BaseException) -> Settled:
        """This person cannot be asked: visible on the approval, audited, and the admins are asked instead."""
        return Settled(OutboxState.DISCARDED, partial(self._undeliverable, message, fault), fault=words(fault))

    async def _send(self, message: OutboxMessage, copy: CardCopy, approval: ApprovalRequest) -> _Sent:
        view = await self._views.card(approval, self._clock.now(), person_id=copy.person_id)
        shown = 0 if _unsure(message) else view.rev
        try:
            card = CardMessage(_draw(view))
            sent = await self._reach.send(copy.person_id, copy.app_id, card, uuid=str(message.id))
            return _Sent(sent, is_card=True, shown=shown)
        except PayloadRefused as fault:
            person = await self._people.user(copy.person_id)
            text = TextMessage(messages.fallback_text(view, person.language).text)
            # Its own uuid: under the card's, Feishu would give a lost text's message id to a repeated card.
            sent = await self._reach.send(copy.person_id, copy.app_id, text, uuid=f"{message.id}-text")
            return _Sent(sent, is_card=False, shown=shown, fault=fault)

    async def _sent(self, message: OutboxMessage, copy: CardCopy, sent: _Sent, work: Work) -> None:
        # Locked: whoever changes the approval either has committed, and is seen here, or will find the message id.
        approval = await ApprovalRequest.select_for_update().get(id=copy.approval_id)
        present = await CardCopy.get(id=copy.id)
        await CardCopy.filter(id=copy.id).update(
            app_id=sent.message.app_id or copy.app_id,
            message_id=sent.message.message_id,
            chat_id=sent.message.chat_id,
            is_card=sent.is_card,
            state=_how_far(present, sent),
            shown_revision=sent.shown,
            fault=sent.words,
            sent_at=work.now,
        )
        if sent.fault is not None:
            work.audit(fact(message, "delivery.degraded", fault=sent.fault, approval=approval))
        if sent.is_card and approval.revision > sent.shown:
            await outbox.add([outbox.card_update(approval, copy, work.now)])
        await reached(work, approval, self._waiters)

    async def _withdraw(self, copy: CardCopy, approval_id: UUID, work: Work) -> None:
        """The person was never asked, so nothing says that it was: neither the copy nor the others' cards."""
        approval = await ApprovalRequest.select_for_update().get(id=approval_id)
        if await CardCopy.filter(id=copy.id, message_id=None).delete():
            await self._follow(work, approval)
        await reached(work, approval, self._waiters)

    async def _follow(self, work: Work, approval: ApprovalRequest) -> None:
        """The cards that say who else was asked say it again."""
        await ApprovalRequest.filter(id=approval.id).update(revision=F("revision") + 1)
        await approval.refresh_from_db(fields=["revision"])
        await self._approvals.telling.changed(work, approval)

    async def _undeliverable(self, message: OutboxMessage, fault: BaseException, work: Work) -> None:
        approval = await ApprovalRequest.select_for_update().get(id=message.approval_id)
        copy = await CardCopy.get(id=_copy_id(message))
        await CardCopy.filter(id=copy.id).update(state=Delivery.UNDELIVERABLE, fault=words(fault))
        asked: list[UUID] = []
        if approval.status is ApprovalStatus.PENDING:
            asked = await self._approvals.questioning.unreachable(work, approval, copy.person_id)
        await self._follow(work, approval)
        await self._alert(work, approval, copy, fault)
        work.audit(
            fact(message, "delivery.failed", fault=fault, approval=approval, asked_instead=[str(one) for one in asked])
        )
        await reached(work, approval, self._waiters)

    async def _alert(self, work: Work, approval: ApprovalRequest, copy: CardCopy, fault: BaseException) -> None:
        facts = await self._views.of(approval, work.now)
        person = await self._people.user(copy.person_id)
        view = UndeliverableView(
            subject=person.name,
            detail=words(fault),
            agent=facts.agent,
            action_type=facts.action_type,
            approval_id=approval.id,
            code=facts.code,
            expires_at=approval.expires_at,
        )
        await self._alerts.tell(work, approval.tenant, f"card:{copy.id}", view, spare=person.id)


def _how_far(copy: CardCopy, sent: _Sent) -> Delivery:
    """A press, or a receipt, may overtake the record of the send."""
    if copy.acted_at is not None:
        return Delivery.ACTED
    if copy.seen_at is not None:
        return Delivery.SEEN
    return Delivery.SENT if sent.is_card else Delivery.DEGRADED


def _draw(view: ApprovalView) -> JsonObject:
    """The card. One that cannot be drawn is as good as refused: the person is asked with a text all the same."""
    try:
        return approval_card(view)
    except Exception as fault:
        log.exception("card.not_drawn", approval=str(view.approval_id))
        raise PayloadRefused(f"the card could not be drawn: {type(fault).__name__}") from fault


def _copy_id(message: OutboxMessage) -> UUID:
    return UUID(json.loads(message.payload)["copy_id"])


def _unsure(message: OutboxMessage) -> bool:
    """Whether an earlier attempt may have arrived."""
    return bool(json.loads(message.payload).get("unsure"))
