"""NOTICE and NOTICE_SUMMARY: an L2 action is executing, told one by one up to a number within an hour, then together.

The notices of one person through one app stand in one lane, so that of two nobody counts the same place twice.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, tzinfo
from functools import partial
from uuid import UUID

from tortoise.expressions import F

from bot.delivery.reaching import Reach
from bot.delivery.results import DELIVERED, SUPERSEDED, Result, Settled, words
from bot.digests import runs_by_action
from bot.ledger import Work
from bot.noticing.runs import run_of, view_of
from bot.people.joining import People
from bot.ports import CardMessage, Clock, PayloadRefused, TextMessage
from cards.running import run_card, runs_notice
from cards.views import RunsView
from config.zones import zone_named
from models.agent import Agent
from models.asking import NoticeHour
from models.enums import Employment, OutboxKind, OutboxState
from models.ids import new_id
from models.outbox import OutboxMessage

HOUR = timedelta(hours=1)


class TellRun:
    def __init__(self, reach: Reach, people: People, clock: Clock, zone: tzinfo, *, per_hour: int) -> None:
        """`per_hour`: notices of one agent to one person that are told one by one."""
        self._people = people
        self._reach = reach
        self._clock = clock
        self._zone = zone
        self._per_hour = per_hour

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person has the notice, or it is counted for the summary of this hour."""
        payload = json.loads(message.payload)
        if message.person_id and (await self._people.user(message.person_id)).employment is not Employment.ACTIVE:
            return SUPERSEDED  # nobody reads it; the audit has it
        hour = await _hour(message, UUID(payload["agent_id"]), self._clock.now())
        if hour.told >= self._per_hour:
            return Settled(OutboxState.SUPERSEDED, partial(_hold, message, hour))
        try:
            sent = await self._card(message, payload)
        except PayloadRefused as fault:
            # Its own uuid, as for approval cards (bot.delivery.asking).
            text = TextMessage(payload["text"])
            sent = await self._send(message, text, f"{message.id}-text")
            return Settled(DELIVERED.state, partial(_told, hour), message_id=sent, fault=words(fault))
        return Settled(DELIVERED.state, partial(_told, hour), message_id=sent)

    async def _card(self, message: OutboxMessage, payload: dict[str, str]) -> str:
        """Drawn from the audit; where that has no such run any more, the text says it."""
        agent = await Agent.get(id=UUID(payload["agent_id"]))
        run = await run_of(agent, UUID(payload["check_id"]), message.created_at)
        if run is None:
            return await self._send(message, TextMessage(payload["text"]), str(message.id))
        person = await self._people.user(message.person_id) if message.person_id else None
        zone = zone_named(person.time_zone if person else None, self._zone)
        card = run_card(await view_of(run, self._clock.now(), zone))
        return await self._send(message, CardMessage(card), str(message.id))

    async def _send(self, message: OutboxMessage, what: CardMessage | TextMessage, uuid: str) -> str:
        if message.person_id is None or message.app_id is None:
            raise ValueError(f"outbox message {message.id} is for nobody")
        return (await self._reach.send(message.person_id, message.app_id, what, uuid=uuid)).message_id


class TellRuns:
    def __init__(self, reach: Reach, people: People, clock: Clock, zone: tzinfo) -> None:
        self._reach = reach
        self._people = people
        self._clock = clock
        self._zone = zone

    async def deliver(self, message: OutboxMessage) -> Result:
        """The person has one text about what was held back within an hour."""
        hour = await NoticeHour.get(id=UUID(json.loads(message.payload)["hour_id"]))
        if not hour.held or message.app_id is None:
            return SUPERSEDED
        agent, person = await Agent.get(id=hour.agent_id), await self._people.user(hour.person_id)
        end = hour.begins_at + HOUR
        counted: Counter[str] = await runs_by_action(agent.id, hour.begins_at, end)
        view = RunsView(
            agent=agent.name,
            begin=hour.begins_at,
            end=end,
            runs=hour.told + hour.held,
            told=hour.told,
            actions=tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))),
            now=self._clock.now(),
            zone=zone_named(person.time_zone, self._zone),
        )
        text = TextMessage(runs_notice(view, person.language).text)
        sent = await self._reach.send(person.id, message.app_id, text, uuid=str(message.id))
        return Settled(DELIVERED.state, message_id=sent.message_id)


async def _hour(message: OutboxMessage, agent_id: UUID, now: datetime) -> NoticeHour:
    """The hour in which this notice is told, or would be."""
    if message.person_id is None:
        raise ValueError(f"outbox message {message.id} is for nobody")
    begins = now.replace(minute=0, second=0, microsecond=0)
    row = NoticeHour(id=new_id(), person_id=message.person_id, agent_id=agent_id, begins_at=begins)
    await NoticeHour.bulk_create([row], ignore_conflicts=True)
    return await NoticeHour.get(person_id=message.person_id, agent_id=agent_id, begins_at=begins)


async def _told(hour: NoticeHour, _: Work) -> None:
    await NoticeHour.filter(id=hour.id).update(told=F("told") + 1)


async def _hold(message: OutboxMessage, hour: NoticeHour, work: Work) -> None:
    """Counted, and a summary of this hour will be sent when it is over."""
    await NoticeHour.filter(id=hour.id).update(held=F("held") + 1)
    summary = OutboxMessage(
        tenant=message.tenant,
        kind=OutboxKind.NOTICE_SUMMARY,
        lane=f"notice-summary:{hour.person_id}",
        app_id=message.app_id,
        person_id=hour.person_id,
        payload=json.dumps({"hour_id": str(hour.id)}),
        dedupe=f"notice-summary:{hour.id}",
        due_at=hour.begins_at + HOUR,
        created_at=work.now,
    )
    await OutboxMessage.bulk_create([summary], ignore_conflicts=True)
