"""LOOK_UP: what Feishu knows of one person. Scopes are optional, so it may learn nothing; nobody is troubled."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from tortoise.expressions import Q

from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled
from bot.ledger import Work
from bot.people.joining import People
from bot.people.news import PersonNews
from bot.ports import (
    Clock,
    FeishuGateway,
    FeishuMisconfigured,
    MessageGone,
    PayloadRefused,
    Profile,
    ReceiverRefused,
)
from models.outbox import OutboxMessage
from models.user import User

BEFORE = timedelta(hours=12)
"""A look in vain counts as one of so long ago: the next is not at once, and an event that comes late is still news."""


class LookUp:
    def __init__(self, gateway: FeishuGateway, people: People, news: PersonNews, clock: Clock) -> None:
        self._gateway = gateway
        self._people = people
        self._news = news
        self._clock = clock

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person's profile is learned, where the app may see it."""
        if message.person_id is None or message.app_id is None:
            raise ValueError(f"outbox message {message.id} is about nobody")
        person = await self._people.user(message.person_id)
        open_id = await self._people.open_id(person.id, message.app_id)
        if open_id is None:
            return SUPERSEDED
        try:
            profile = await self._gateway.profile(message.app_id, open_id)
        except (FeishuMisconfigured, ReceiverRefused, PayloadRefused, MessageGone):
            profile = None
        if profile is None:
            return Settled(SUPERSEDED.state, partial(self._in_vain, person))
        return Settled(DELIVERED.state, partial(self._learn, person, message.app_id, profile))

    async def _learn(self, person: User, app_id: str, profile: Profile, work: Work) -> None:
        await self._news.learn(work, person, app_id, profile, self._clock.now())

    async def _in_vain(self, person: User, _: Work) -> None:
        at = self._clock.now() - BEFORE
        await User.filter(Q(looked_up_at=None) | Q(looked_up_at__lt=at), id=person.id).update(looked_up_at=at)
