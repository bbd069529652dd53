"""REPLAY: past checks are decided again under a draft, and the asker is told.

Too long for a turn of a chat. It computes outside any transaction; a restart begins it anew; the text goes out once.
"""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from functools import partial
from uuid import UUID

from bot import outbox
from bot.administration.actors import Actor
from bot.administration.values import Declined
from bot.delivery.results import DELIVERED, Result, Settled
from bot.hindsight.replaying import Replaying
from bot.ledger import Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.ports import Clock
from cards.refusals import refusal_text
from cards.replays import draft_invalid, replay_text
from models.enums import Language, OutboxKind
from models.outbox import OutboxMessage
from models.replay import ReplayReport
from models.values import Json, Operator, Refusal, RefusalKind


def order(
    *, tenant: str, person_id: UUID, app_id: str, subject: str, document: Json, days: int, now: datetime
) -> OutboxMessage:
    """Replay the last days under `document` (None: the rules in force) and tell this person.

    `subject` is an agent's id, or "floor". One at a time for each tenant, so that nobody else's wait gets longer.
    """
    payload = {"subject": subject, "document": document, "days": days}
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.REPLAY,
        lane=f"replay:{tenant}",
        app_id=app_id,
        person_id=person_id,
        payload=json.dumps(payload, ensure_ascii=False),
        due_at=now,
        created_at=now,
    )


class TellReplay:
    """Delivers REPLAY messages."""

    def __init__(self, replaying: Replaying, people: People, bell: Bell, clock: Clock, zone: tzinfo) -> None:
        self._replaying = replaying
        self._people = people
        self._bell = bell
        self._clock = clock
        self._zone = zone

    async def deliver(self, message: OutboxMessage) -> Result:
        """The report is on its way to the asker, or why there is none: rights are those of now."""
        if message.person_id is None:
            raise ValueError(f"outbox message {message.id} was asked by nobody")
        person = await self._people.user(message.person_id)
        asker = Operator(person.id, person.tenant, person.role, person.name, person.language)
        payload = json.loads(message.payload)
        found = await self._replaying.under(
            Actor.of(asker), payload["subject"], payload["document"], days=payload["days"]
        )
        text = _words(found, asker.language, self._clock.now(), self._zone)
        return Settled(DELIVERED.state, partial(self._tell, message, person.id, text))

    async def _tell(self, message: OutboxMessage, person_id: UUID, text: str, work: Work) -> None:
        told = outbox.text(
            tenant=message.tenant,
            person_id=person_id,
            app_id=message.app_id or self._people.default_app_id,
            text=text,
            now=work.now,
            dedupe=f"replay:{message.id}",
        )
        await outbox.add([told])
        work.after_commit(self._bell.ring)


def _words(found: ReplayReport | Refusal | Declined, language: Language, now: datetime, zone: tzinfo) -> str:
    match found:
        case ReplayReport():
            return replay_text(found, language, now=now, zone=zone)
        case Refusal():
            return refusal_text(found, language, now, zone)
        case Declined() if found.faults:
            return draft_invalid(found.faults, language)
        case Declined():
            return refusal_text(Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=found.given), language, now, zone)
