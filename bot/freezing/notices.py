"""Telling people of a freeze and of its end: whoever created an agent that stands still, and the tenant's admins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from uuid import UUID

from bot import outbox
from bot.ledger import Work
from bot.people.joining import People
from cards import freezing as cards
from cards.freezing import FreezeView
from cards.words import CHINA
from models.agent import Agent
from models.enums import AgentStatus
from models.notification import Notification
from models.outbox import OutboxMessage
from models.user import User
from models.values import FreezeFacts


class FreezeNotices:
    def __init__(self, people: People, zone: tzinfo = CHINA) -> None:
        self._people = people
        self._zone = zone

    async def frozen(self, work: Work, tenant: str, agent: Agent | None, freeze: FreezeFacts) -> int:
        """Everyone concerned gets the red card and an inbox line; how many they are."""
        view = self._view(agent.name if agent else None, freeze, work.now)
        card = cards.freeze_card(view)
        messages, notes = [], []
        for person, app_id in await self._concerned(tenant, agent):
            text = cards.freeze_text(view, person.language)
            message = outbox.card(
                tenant=tenant,
                person_id=person.id,
                app_id=app_id,
                card=card,
                fallback=text,
                now=work.now,
                dedupe=f"freeze:{freeze.id}:{person.id}",
            )
            messages.append(_ahead(message))
            notes.append(_line(work, tenant, person, "freeze.set", cards.freeze_title(view, person.language), text))
        await _write(messages, notes)
        return len(messages)

    async def lifted(
        self,
        work: Work,
        tenant: str,
        agent: Agent | None,
        freeze: FreezeFacts,
        by: str | None,
        still: Sequence[tuple[str | None, FreezeFacts]],
    ) -> None:
        """Everyone who was told of the freeze is told of its end, by a person or (None) by its time."""
        view = self._view(agent.name if agent else None, freeze, work.now)
        held = tuple(self._view(name, one, work.now) for name, one in still)
        messages, notes = [], []
        for person, app_id in await self._concerned(tenant, agent):
            text = cards.lifted_text(view, by, held, person.language)
            message = outbox.text(
                tenant=tenant,
                person_id=person.id,
                app_id=app_id,
                text=text,
                now=work.now,
                dedupe=f"unfreeze:{freeze.id}:{person.id}",
            )
            messages.append(_ahead(message))
            notes.append(_line(work, tenant, person, "freeze.ended", cards.lifted_title(view, person.language), text))
        await _write(messages, notes)

    async def _concerned(self, tenant: str, agent: Agent | None) -> list[tuple[User, str]]:
        """Each person once, with the app through which the person knows the agent."""
        agents = [agent] if agent else await Agent.filter(tenant=tenant).exclude(status=AgentStatus.ARCHIVED)
        apps: dict[UUID, str] = {}
        for one in agents:
            apps.setdefault(one.creator_id, one.app_id or self._people.default_app_id)
        people = {person.id: person for person in await User.filter(id__in=list(apps))} if apps else {}
        for admin in await self._people.admins(tenant):
            people.setdefault(admin.id, admin)
        return [(person, apps.get(person.id, self._people.default_app_id)) for person in people.values()]

    def _view(self, agent: str | None, freeze: FreezeFacts, now: datetime) -> FreezeView:
        return FreezeView(
            agent=agent,
            by=freeze.frozen_by_name,
            at=freeze.frozen_at,
            now=now,
            until=freeze.until,
            reason=freeze.reason,
            zone=self._zone,
        )


def _ahead(message: OutboxMessage) -> OutboxMessage:
    """In a lane of its own: behind the thousand notices of a runaway agent it would come too late."""
    message.lane = f"freeze:{message.person_id}"
    return message


def _line(work: Work, tenant: str, person: User, kind: str, title: str, body: str) -> Notification:
    return Notification(
        tenant=tenant, person_id=person.id, type=kind, title=title[:200], body=body, created_at=work.now
    )


async def _write(messages: Sequence[OutboxMessage], notes: Sequence[Notification]) -> None:
    await outbox.add(messages)
    if notes:
        await Notification.bulk_create(list(notes))
