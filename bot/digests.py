"""The summary of the day for each creator, counted from the audit; one text, at the hour that the person chose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

import structlog
from tortoise.connection import get_connection
from tortoise.expressions import Q, Subquery

from bot import outbox
from bot.database import is_postgres
from bot.outbox import Bell
from bot.people.joining import People
from cards.digests import AgentDay, digest_text
from config.zones import zone_named
from models.agent import Agent
from models.enums import AgentStatus, Employment, Layer, Level
from models.outbox import OutboxMessage
from models.user import User

log = structlog.get_logger(__name__)

NEVER = "never"
"""Stands for no hour in a person's preferences."""

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


@dataclass(frozen=True, slots=True)
class _Day:
    begin: datetime
    end: datetime
    zone: tzinfo


class Digests:
    def __init__(self, people: People, bell: Bell, *, at: time | None, zone: tzinfo) -> None:
        """`at` and `zone`: of those who chose none themselves; `at` None for no summaries."""
        self._people = people
        self._bell = bell
        self._at = at
        self._zone = zone
        self._done: dict[UUID, datetime] = {}  # for each person the end of the newest summary

    async def tick(self, now: datetime) -> int:
        """Every creator who has something to read has the newest summary; how many texts that added."""
        creators = await _creators()
        due = [(person, day) for person in creators if (day := self._day(person, now)) is not None]
        told = 0
        for person, day in due:
            try:
                told += await self._tell(person, day, now)
                self._done[person.id] = day.end
            except Exception:  # one creator's must not keep the others' back; the next tick tries again
                log.exception("digest.failed", creator=str(person.id))
        if told:
            self._bell.ring()
        return told

    def _day(self, person: User, now: datetime) -> _Day | None:
        """The day that is over for this person and of which nothing was told by this process; None for no such day."""
        at, zone = self._hour(person), zone_named(person.time_zone, self._zone)
        if at is None:
            return None
        end = last_time(at, zone, now)
        if end == self._done.get(person.id) or now - end > LATEST:
            return None
        return _Day(last_time(at, zone, end - timedelta(seconds=1)), end, zone)

    def _hour(self, person: User) -> time | None:
        """The person's own hour, else the installation's; None for no summaries."""
        if person.digest_at is None:
            return self._at
        return None if person.digest_at == NEVER else time.fromisoformat(person.digest_at)

    async def _tell(self, person: User, day: _Day, now: datetime) -> int:
        dedupe = f"digest:{person.id}:{day.end.astimezone(day.zone).date().isoformat()}"
        if await OutboxMessage.exists(dedupe=dedupe):
            return 0
        agents = await _agents_of(person.id, day.begin)
        days = [told for agent in agents if not (told := await day_of(agent, day.begin, day.end)).is_empty]
        if not days:
            return 0
        message = outbox.text(
            tenant=person.tenant,
            person_id=person.id,
            app_id=next((agent.app_id for agent in agents if agent.app_id), self._people.default_app_id),
            text=digest_text(days, day.begin, day.end, person.language, day.zone),
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


async def runs_by_action(agent_id: UUID, begin: datetime, end: datetime) -> Counter[str]:
    """The L2 runs of one agent, by action type: those of which people are told one by one."""
    counted: Counter[str] = Counter()
    for row in await _rows(agent_id, begin, end):
        told = row["action"] == "check.allowed" and not row["of_approval"] and row["level"] == Level.L2
        if told and row["layer"] not in (Layer.GRANT, Layer.OBSERVE):
            counted[_action(row)] += row["checks"]
    return counted


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


async def _creators() -> list[User]:
    creators = User.filter(id__in=Subquery(Agent.all().values("creator_id")))
    return await creators.filter(employment=Employment.ACTIVE).order_by("id")


async def _agents_of(creator_id: UUID, since: datetime) -> list[Agent]:
    """All that may have asked for something since then."""
    living = Agent.filter(~Q(status=AgentStatus.ARCHIVED) | Q(archived_at__gte=since))
    return await living.filter(creator_id=creator_id).order_by("name", "id")
