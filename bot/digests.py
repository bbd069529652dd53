"""The summary of the day that each creator gets, counted from the audit; one text, at the same time every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

import structlog
from tortoise.connection import get_connection
from tortoise.expressions import Q

from bot import outbox
from bot.database import is_postgres
from bot.outbox import Bell
from bot.people.joining import People
from cards.digests import AgentDay, digest_text
from models.agent import Agent
from models.enums import AgentStatus, Layer, Level
from models.outbox import OutboxMessage
from models.user import User

log = structlog.get_logger(__name__)

LATEST = timedelta(hours=12)
"""After its time a summary of a service that was down still comes; later it is left out."""

_MEMBERS = {
    "level": ("level",),
    "layer": ("layer",),
    "would_be": ("would_be",),
    "action_type": ("request", "action_type"),
}

_COUNTS = """
SELECT action, level, layer, would_be, action_type, of_approval, COUNT(*) AS checks, COUNT(faults) AS faults FROM (
    SELECT action, {members}, {faults} AS faults,
    CASE WHEN approval_id IS NULL THEN 0 ELSE 1 END AS of_approval
    FROM audit_entries WHERE agent_id = {agent} AND at >= {begin} AND at < {end}
    AND action IN ('check.allowed', 'check.pending', 'check.denied')
) AS told GROUP BY action, level, layer, would_be, action_type, of_approval
"""


class Digests:
    def __init__(self, people: People, bell: Bell, *, at: time | None, zone: tzinfo) -> None:
        """`at`: the local time of the summaries, None for no summaries."""
        self._people = people
        self._bell = bell
        self._at = at
        self._zone = zone
        self._done: datetime | None = None

    async def tick(self, now: datetime) -> int:
        """Every creator who has something to read has the newest summary; how many texts that added."""
        if self._at is None:
            return 0
        end = last_time(self._at, self._zone, now)
        if end == self._done or now - end > LATEST:
            return 0
        begin = last_time(self._at, self._zone, end - timedelta(seconds=1))
        told, failed = 0, False
        for creator_id, agents in (await _agents_by_creator(begin)).items():
            try:
                told += await self._tell(creator_id, agents, begin, end, now)
            except Exception:  # one creator's must not keep the others' back; the next tick tries again
                log.exception("digest.failed", creator=str(creator_id))
                failed = True
        if not failed:
            self._done = end
        if told:
            self._bell.ring()
        return told

    async def _tell(
        self, creator_id: UUID, agents: Sequence[Agent], begin: datetime, end: datetime, now: datetime
    ) -> int:
        dedupe = f"digest:{creator_id}:{end.astimezone(self._zone).date().isoformat()}"
        if await OutboxMessage.exists(dedupe=dedupe):
            return 0
        days = [await day_of(agent, begin, end) for agent in agents]
        days = [day for day in days if not day.is_empty]
        if not days:
            return 0
        person = await User.get(id=creator_id)
        message = outbox.text(
            tenant=person.tenant,
            person_id=person.id,
            app_id=next((agent.app_id for agent in agents if agent.app_id), self._people.default_app_id),
            text=digest_text(days, begin, end, person.language, self._zone),
            now=now,
            dedupe=dedupe,
        )
        # Another replica may have been quicker.
        await OutboxMessage.bulk_create([message], ignore_conflicts=True)
        return 1


def last_time(at: time, zone: tzinfo, now: datetime) -> datetime:
    """The latest moment not after `now` at which the clocks of `zone` showed `at`."""
    day = now.astimezone(zone).date()
    moment = datetime.combine(day, at, zone).astimezone(UTC)
    return moment if moment <= now else datetime.combine(day - timedelta(days=1), at, zone).astimezone(UTC)


async def day_of(agent: Agent, begin: datetime, end: datetime) -> AgentDay:
    """The checks of one agent as counts; the database counts them, so that a busy day costs no more to tell."""
    day = AgentDay(agent.name)
    for row in await _rows(agent.id, begin, end):
        day.faults += row["faults"]
        if row["action"] == "check.pending":
            day.asked[_action(row)] += row["checks"]
        elif row["of_approval"]:
            continue  # the question to which it belongs is counted
        elif row["action"] == "check.allowed":
            _count_run(day, row)
        elif row["layer"] == Layer.FREEZE:
            day.frozen += row["checks"]
        else:
            day.denied[_action(row)] += row["checks"]
    return day


def _count_run(day: AgentDay, row: Mapping[str, Any]) -> None:
    if row["layer"] == Layer.GRANT:
        day.granted += row["checks"]
    elif row["layer"] == Layer.OBSERVE:
        day.observed += row["checks"]
        if row["would_be"] == Level.L3:
            day.would_ask[_action(row)] += row["checks"]
        elif row["would_be"] == Level.DENY:
            day.would_deny[_action(row)] += row["checks"]
    else:
        day.ran[Level(row["level"])] += row["checks"]


def _action(row: Mapping[str, Any]) -> str:
    return row["action_type"] or "?"


async def _rows(agent_id: UUID, begin: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
    postgres = is_postgres()
    agent, first, last = ("$1", "$2", "$3") if postgres else ("?", "?", "?")
    members = ", ".join(f"{_member(postgres, path)} AS {name}" for name, path in _MEMBERS.items())
    sql = _COUNTS.format(members=members, faults=_member(postgres, ("faults",)), agent=agent, begin=first, end=last)
    rows: Sequence[Mapping[str, Any]] = await get_connection("default").execute_query_dict(
        sql, [str(agent_id), begin, end]
    )
    return rows


def _member(postgres: bool, path: tuple[str, ...]) -> str:
    if postgres:
        return f"details::json #>> '{{{','.join(path)}}}'"
    return f"json_extract(details, '$.{'.'.join(path)}')"


async def _agents_by_creator(since: datetime) -> dict[UUID, list[Agent]]:
    """All that may have asked for something since then."""
    living = Agent.filter(~Q(status=AgentStatus.ARCHIVED) | Q(archived_at__gte=since)).order_by("name", "id")
    found: dict[UUID, list[Agent]] = {}
    for agent in await living:
        found.setdefault(agent.creator_id, []).append(agent)
    return found
