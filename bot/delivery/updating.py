"""CARD_UPDATE: a sent card is brought to the newest state. Many updates of one card collapse into the last."""

from __future__ import annotations

import json
from functools import partial

from bot.delivery.facts import fact
from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled, words
from bot.ledger import Work
from bot.ports import Clock, FeishuGateway, MessageGone
from bot.views import Views
from cards.approval import approval_card
from models.approval import ApprovalRequest, CardCopy
from models.enums import OutboxState
from models.outbox import OutboxMessage


class UpdateCard:
    def __init__(self, gateway: FeishuGateway, views: Views, clock: Clock) -> None:
        self._gateway = gateway
        self._views = views
        self._clock = clock

    async def deliver(self, message: OutboxMessage) -> Result:
        """The copy shows the newest state, or already showed it.

        A copy that is not yet sent needs no update: whoever records that it was sent compares the revisions under
        the approval's lock, and adds an update when the approval has moved in the meantime (bot.delivery.asking).
        """
        copy = await CardCopy.get_or_none(id=json.loads(message.payload)["copy_id"])
        if copy is None or copy.message_id is None or not copy.is_card:
            return SUPERSEDED
        approval = await ApprovalRequest.get(id=copy.approval_id)
        if copy.shown_revision >= approval.revision:
            return SUPERSEDED
        view = await self._views.card(approval, self._clock.now(), person_id=copy.person_id)
        try:
            await self._gateway.patch_card(copy.app_id, copy.message_id, approval_card(view))
        except MessageGone as gone:  # recalled or too old: whoever removed it does not miss it
            return Settled(OutboxState.DISCARDED, partial(_gone, message, approval, gone), fault=words(gone))
        return Settled(DELIVERED.state, partial(_shown, copy, view.rev))


async def _shown(copy: CardCopy, revision: int, _: Work) -> None:
    await CardCopy.filter(id=copy.id, shown_revision__lt=revision).update(shown_revision=revision)


async def _gone(message: OutboxMessage, approval: ApprovalRequest, gone: MessageGone, work: Work) -> None:
    work.audit(fact(message, "card.gone", fault=gone, approval=approval))
