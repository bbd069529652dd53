"""What Feishu tells of people: by events, and when it is asked for a profile."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.ledger import Ledger, Work
from bot.people.employment import Employments
from bot.people.joining import People
from bot.ports import Profile
from models.user import User
from models.values import AppCredentials, PersonChanged

ZONE_LIMIT = 64


class PersonNews:
    def __init__(self, ledger: Ledger, people: People, employments: Employments) -> None:
        self._ledger = ledger
        self._people = people
        self._employments = employments

    async def changed(self, app: AppCredentials, event: PersonChanged) -> bool:
        """Whether the event was news about somebody we know. Its order is not kept by Feishu: the latest look wins."""
        person = await self._people.known(app.in_company(event.person.tenant_key), event.person)
        if person is None or (person.looked_up_at is not None and event.at < person.looked_up_at):
            return False
        async with self._ledger.transaction() as work:
            news = await self._employments.learn(work, person.id, event.employment)
            await User.filter(id=person.id).update(looked_up_at=event.at)
            return news

    async def learn(self, work: Work, person: User, app_id: str, profile: Profile, now: datetime) -> None:
        """Name, leader, time zone and employment are as Feishu tells them; what a person chose stays.

        `person` is as known when Feishu was asked: an event that came while it answered is newer than the answer.
        """
        overtaken = (await User.get(id=person.id)).looked_up_at != person.looked_up_at
        known: dict[str, object] = {"looked_up_at": now}
        if profile.leader_open_id is not None:
            leader = await self._people.by_open_id(app_id, person.tenant, profile.leader_open_id, now)
            if leader.tenant == person.tenant and leader.id != person.id:
                known["leader_id"] = leader.id
        if person.time_zone is None and profile.time_zone is not None and _is_zone(profile.time_zone):
            known["time_zone"] = profile.time_zone
        await User.filter(id=person.id).update(**known)
        if profile.name is not None:
            await self._people.learn_name(person.id, profile.name)
        if profile.employment is not None and not overtaken:
            await self._employments.learn(work, person.id, profile.employment)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return len(name) <= ZONE_LIMIT
