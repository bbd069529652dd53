"""UNPIN: the bot stands no longer on top of somebody's chats."""

from __future__ import annotations

from bot.delivery.nudge_cases import NOT_THIS_WAY
from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled, words
from bot.nudging import pins
from bot.people.joining import People
from bot.ports import FeishuGateway
from models.enums import OutboxState
from models.outbox import OutboxMessage


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
