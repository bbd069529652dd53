"""QUEUE_CARD and QUEUE_UPDATE: a person's queue is sent once and then follows what waits."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from uuid import UUID

from bot import outbox
from bot.delivery.facts import fact
from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled, words
from bot.ledger import Work
from bot.people.joining import People
from bot.ports import CardMessage, Clock, FeishuGateway, MessageGone, PayloadRefused, SentMessage, TextMessage
from bot.queueing.coming_back import come_back
from bot.queueing.reading import items_of, queue_of, view_of
from bot.views import Views
from cards import messages
from cards.queue import queue_card
from cards.views import PendingView
from models.asking import QueueCard
from models.enums import OutboxKind, OutboxState
from models.outbox import OutboxMessage
from models.values import JsonObject

_LISTED = 20


class SendQueue:
    def __init__(self, reach: Reach, people: People, views: Views, clock: Clock) -> None:
        self._reach = reach
        self._people = people
        self._views = views
        self._clock = clock

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person has the card as it is now, or where Feishu refuses it the list as a text."""
        payload: JsonObject = json.loads(message.payload)
        if "copy_id" in payload:  # outbox.come_back
            until = datetime.fromisoformat(str(payload["until"]))
            return Settled(SUPERSEDED.state, partial(come_back, UUID(str(payload["copy_id"])), until))
        card, now = await _card(message), self._clock.now()
        if card is None or card.closed_at is not None or card.message_id is not None:
            return SUPERSEDED
        view = await view_of(card, self._views, now)
        if view.shown is None and payload["silent_when_empty"]:
            return Settled(SUPERSEDED.state, partial(_close, card))
        drawn = CardMessage(queue_card(view))
        try:
            sent = await self._reach.send(card.person_id, card.app_id, drawn, uuid=str(message.id))
        except PayloadRefused as fault:
            # Its own uuid, as for approval cards (bot.delivery.asking).
            text = await self._as_text(card, now)
            said = await self._reach.send(card.person_id, card.app_id, text, uuid=f"{message.id}-text")
            degraded = partial(_degraded, message, card, fault)
            return Settled(DELIVERED.state, degraded, message_id=said.message_id, fault=words(fault))
        shown = view.shown.approval_id if view.shown else None
        return Settled(DELIVERED.state, partial(_sent, card, sent, shown), message_id=sent.message_id)

    async def _as_text(self, card: QueueCard, now: datetime) -> TextMessage:
        person, waiting = await self._people.user(card.person_id), await queue_of(card.person_id, now)
        items = await items_of(waiting[:_LISTED])
        view = PendingView(items=items, total=len(waiting), now=now)
        zone = await self._views.zone_for(person.id)
        return TextMessage(messages.pending_list(view, person.language, zone))


class UpdateQueue:
    def __init__(self, gateway: FeishuGateway, views: Views, clock: Clock) -> None:
        self._gateway = gateway
        self._views = views
        self._clock = clock

    async def deliver(self, message: OutboxMessage) -> Result:
        """The card shows what waits now. One that was not sent was drawn late enough, or never will be."""
        card, now = await _card(message), self._clock.now()
        if card is None or card.message_id is None or await _drawn_soon_anyway(message, now):
            return SUPERSEDED
        view = await view_of(card, self._views, now)
        try:
            await self._gateway.patch_card(card.app_id, card.message_id, queue_card(view))
        except MessageGone as gone:  # recalled or too old: a new one is opened when somebody asks
            return Settled(OutboxState.DISCARDED, partial(_close, card), fault=words(gone))
        shown = view.shown.approval_id if view.shown else None
        return Settled(DELIVERED.state, partial(_drawn, card, shown))


async def _card(message: OutboxMessage) -> QueueCard | None:
    return await QueueCard.get_or_none(id=UUID(json.loads(message.payload)["card_id"]))


async def _drawn_soon_anyway(message: OutboxMessage, now: datetime) -> bool:
    """Whether another update waits right behind this one; it draws later than now, and so at least as much."""
    return await OutboxMessage.exists(
        lane=message.lane,
        app_id=message.app_id,
        kind=OutboxKind.QUEUE_UPDATE,
        state=OutboxState.WAITING,
        id__gt=message.id,
        due_at__lte=now + outbox.CLICK_GRACE,
    )


async def _sent(card: QueueCard, sent: SentMessage, shown: UUID | None, work: Work) -> None:
    """Sent as it was at `card.revision`; what moved it meanwhile waits in its lane."""
    await QueueCard.filter(id=card.id).update(
        app_id=sent.app_id or card.app_id,
        message_id=sent.message_id,
        chat_id=sent.chat_id,
        sent_at=work.now,
        shown_revision=card.revision,
    )
    await _keep_shown(card, shown)


async def _drawn(card: QueueCard, shown: UUID | None, _: Work) -> None:
    later = QueueCard.filter(id=card.id, shown_revision__lt=card.revision)
    await later.update(shown_revision=card.revision)
    await _keep_shown(card, shown)


async def _keep_shown(card: QueueCard, shown: UUID | None) -> None:
    """The card stays at what it shows; what a press has turned to meanwhile goes before."""
    if shown != card.approval_id:
        await QueueCard.filter(id=card.id, revision=card.revision).update(approval_id=shown)


async def _close(card: QueueCard, work: Work) -> None:
    await QueueCard.filter(id=card.id, closed_at=None).update(closed_at=work.now)


async def _degraded(message: OutboxMessage, card: QueueCard, fault: PayloadRefused, work: Work) -> None:
    await _close(card, work)
    work.audit(fact(message, "delivery.degraded", fault=fault))
