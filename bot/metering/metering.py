"""The tallies of one agent, opened by one transaction at a time, so that no two checks spend the same budget."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise.connection import get_connection

from bot.database import is_postgres
from bot.database.rows import arrays, insert_rows, table
from bot.metering.counting import Cell, Counting, minute_of
from bot.metering.measures import Measures
from bot.metering.runs import runs
from models.policy import Meter, Tally
from models.values import ActionRequest


class OpenMeter:
    """The counters of one agent, and nobody else's until the transaction ends."""

    def __init__(self, agent_id: UUID, measures: Measures, counting: Counting, now: datetime) -> None:
        self.counters = counting
        self._agent_id = agent_id
        self._measures = measures
        self._now = now

    async def ran(self, request: ActionRequest) -> None:
        """The run is counted when the transaction commits."""
        tool, minute = request.tool or "", minute_of(self._now)
        amounts = self._measures.amounts(request.args)
        cell = self.counters.add(request.action_type, tool, self._now, amounts)
        place: dict[str, Any] = {
            "agent_id": self._agent_id,
            "action_type": request.action_type,
            "tool": tool,
            "minute": minute,
        }
        if cell.count > 1:
            await Tally.filter(**place).update(count=cell.count, sums=_text(cell))
            return
        await Tally.create(**place, count=cell.count, sums=_text(cell))
        await Tally.filter(agent_id=self._agent_id, minute__lt=self._since()).delete()

    def _since(self) -> datetime:
        return minute_of(self._measures.since(self.counters.midnight, self._now))


class Metering:
    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    async def open(self, agent_id: UUID, measures: Measures, now: datetime) -> OpenMeter:
        """The agent's meter is locked and true. In a transaction that holds the epoch, before other locks."""
        if await _insert(agent_id, now):
            counting = await self.from_audit(agent_id, measures, now)
            await _write(agent_id, counting)
        else:
            if is_postgres():
                await Meter.select_for_update().get(agent_id=agent_id)
            counting = await self._read(agent_id, measures, now)
        return OpenMeter(agent_id, measures, counting, now)

    async def peek(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        """What the counters say at this moment. Nothing is locked or written: for dry runs and explanations."""
        if await Meter.exists(agent_id=agent_id):
            return await self._read(agent_id, measures, now)
        return await self.from_audit(agent_id, measures, now)

    async def _read(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        counting = Counting(self.midnight(now))
        since = minute_of(measures.since(counting.midnight, now))
        rows = Tally.filter(agent_id=agent_id, minute__gte=since).values_list(
            "action_type", "tool", "minute", "count", "sums"
        )
        for action_type, tool, minute, count, sums in await rows:
            amounts = {path: Decimal(amount) for path, amount in json.loads(sums).items()}
            counting.put(action_type, tool, minute.astimezone(UTC), Cell(count, amounts))
        return counting

    async def from_audit(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        """What the counters of any rules say, in force or not."""
        counting = Counting(self.midnight(now))
        since = minute_of(measures.since(counting.midnight, now))
        async for run in runs(agent_id, since, now, measures.counts):
            counting.add(run.action_type, run.tool, run.at, measures.amounts(run.args))
        return counting

    def midnight(self, now: datetime) -> datetime:
        """When the local day began."""
        return datetime.combine(now.astimezone(self._zone).date(), time(), self._zone).astimezone(UTC)


async def _insert(agent_id: UUID, now: datetime) -> bool:
    """Whether the agent's meter is new, and ours; whoever inserts it at the same time is waited for."""
    into, row = table(Meter), table(Meter).row(Meter(agent_id=agent_id, counted_from=now))
    if is_postgres():
        sql = f'INSERT INTO "{into.name}" ({into.column_list}) {into.unnest(1)} ON CONFLICT DO NOTHING RETURNING 1'
        return bool(await get_connection("default").execute_query_dict(sql, arrays([row], len(into.columns))))
    if await Meter.exists(agent_id=agent_id):  # the transaction is the only writer
        return False
    await insert_rows(get_connection("default"), into, [row])
    return True


async def _write(agent_id: UUID, counting: Counting) -> None:
    await Tally.filter(agent_id=agent_id).delete()
    cells = counting.cells().items()
    rows = [
        Tally(agent_id=agent_id, action_type=action, tool=tool, minute=minute, count=cell.count, sums=_text(cell))
        for (action, tool, minute), cell in cells
    ]
    await insert_rows(get_connection("default"), table(Tally), [table(Tally).row(row) for row in rows])


def _text(cell: Cell) -> str:
    return json.dumps({path: str(amount) for path, amount in cell.sums.items()})
