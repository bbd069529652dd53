"""Words for one person, an answer to one message, and who is behind an address or an id."""

from __future__ import annotations

import json
from functools import partial
from uuid import UUID

from bot.delivery.facts import fact
from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled, words
from bot.ledger import Work
from bot.people.joining import People
from bot.ports import (
    CardMessage,
    FeishuGateway,
    FeishuMisconfigured,
    MessageGone,
    PayloadRefused,
    ReceiverRefused,
    SentMessage,
    TextMessage,
)
from models.approval import CardCopy
from models.enums import OutboxState
from models.outbox import OutboxMessage


class UnknownAddress(Exception):
    """Feishu knows nobody by this person's e-mail address, or there is none."""


class SayText:
    def __init__(self, gateway: FeishuGateway, reach: Reach) -> None:
        self._gateway = gateway
        self._reach = reach

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person has the text, in the thread of the card where there is one."""
        payload = json.loads(message.payload)
        text = TextMessage(payload["text"])
        sent = await self._in_thread(message, text, payload.get("thread_of"))
        if sent is None:
            person_id, app_id = _addressee(message)
            sent = await self._reach.send(person_id, app_id, text, uuid=str(message.id))
        return Settled(DELIVERED.state, message_id=sent.message_id)

    async def _in_thread(self, message: OutboxMessage, text: TextMessage, copy_id: str | None) -> SentMessage | None:
        copy = await CardCopy.get_or_none(id=copy_id) if copy_id else None
        if copy is None or copy.message_id is None:
            return None
        try:
            return await self._gateway.reply(copy.app_id, copy.message_id, text, uuid=str(message.id))
        except (MessageGone, ReceiverRefused):  # the card was recalled; the person is still there
            return None


class SayCard:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person has the card, or where Feishu refuses it the text that stands in for it."""
        payload = json.loads(message.payload)
        person_id, app_id = _addressee(message)
        try:
            sent = await self._reach.send(person_id, app_id, CardMessage(payload["card"]), uuid=str(message.id))
            return Settled(DELIVERED.state, message_id=sent.message_id)
        except PayloadRefused as fault:
            # Its own uuid, as for approval cards (bot.delivery.asking).
            text = TextMessage(payload["fallback"])
            sent = await self._reach.send(person_id, app_id, text, uuid=f"{message.id}-text")
            record = partial(_degraded, message, fault)
            return Settled(DELIVERED.state, record, message_id=sent.message_id, fault=words(fault))


class SendReply:
    def __init__(self, gateway: FeishuGateway, reach: Reach) -> None:
        self._gateway = gateway
        self._reach = reach

    async def deliver(self, message: OutboxMessage) -> Result:
        """The message is answered where it stands; when it was recalled, its sender is answered, if known."""
        payload = json.loads(message.payload)
        text = TextMessage(payload["text"])
        try:
            sent = await self._gateway.reply(
                message.app_id or "",
                payload["message_id"],
                text,
                uuid=str(message.id),
                in_thread=payload.get("in_thread", False),
            )
        except MessageGone as gone:
            if message.person_id is None:
                return Settled(OutboxState.DISCARDED, partial(_gone, message, gone), fault=words(gone))
            sent = await self._reach.send(message.person_id, message.app_id or "", text, uuid=str(message.id))
        return Settled(DELIVERED.state, message_id=sent.message_id)


class LearnIdentity:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person's open_id in the app is known. Raises UnknownAddress, unless that is nothing to be told."""
        if await self._reach.learn(*_addressee(message)) is None:
            if json.loads(message.payload).get("quiet"):
                return SUPERSEDED
            raise UnknownAddress
        return DELIVERED


class LearnName:
    def __init__(self, gateway: FeishuGateway, people: People) -> None:
        self._gateway = gateway
        self._people = people

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person is called as in Feishu, where the app may know that; else the ids must do."""
        person_id, app_id = _addressee(message)
        open_id = await self._people.open_id(person_id, app_id)
        try:
            name = await self._gateway.name(app_id, open_id) if open_id else None
        except (FeishuMisconfigured, ReceiverRefused, PayloadRefused, MessageGone):  # the scope is optional
            return SUPERSEDED
        if name is not None:
            await self._people.learn_name(person_id, name)
        return DELIVERED


def _addressee(message: OutboxMessage) -> tuple[UUID, str]:
    if message.person_id is None or message.app_id is None:
        raise ValueError(f"outbox message {message.id} is for nobody")
    return message.person_id, message.app_id


async def _degraded(message: OutboxMessage, fault: PayloadRefused, work: Work) -> None:
    work.audit(fact(message, "delivery.degraded", fault=fault))


async def _gone(message: OutboxMessage, gone: MessageGone, work: Work) -> None:
    work.audit(fact(message, "reply.gone", fault=gone))
