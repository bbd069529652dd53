"""The tallies of one agent, opened by one transaction at a time, so that no two checks spend the same budget."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise.connection import get_connection

from bot.database import is_postgres
from bot.database.rows import arrays, insert_rows, table
from bot.metering.counting import Cell, Counting, minute_of
from bot.metering.measures import Measures
from bot.metering.runs import Heads, Run, heads, runs, runs_after
from models.policy import Meter, Tally
from models.values import ActionRequest


@dataclass(slots=True)
class Counted:
    """What the audit says as far as `upto`, counted before the transaction that needs it."""

    measures: Measures
    since: datetime
    upto: Heads
    counting: Counting

    async def catch_up(self, agent_id: UUID) -> None:
        """What came since is in it as well. Useless when this is cut off half-way."""
        upto = await heads()
        async for run in runs_after(agent_id, self.upto, upto):
            self.add(run)
        self.upto = upto

    def add(self, run: Run) -> None:
        if self.measures.counts(run.action_type, run.tool):
            self.counting.add(run.action_type, run.tool, run.at, self.measures.amounts(run.args))


class OpenMeter:
    """The counters of one agent, and nobody else's until the transaction ends."""

    def __init__(self, agent_id: UUID, measures: Measures, counting: Counting, now: datetime) -> None:
        self.counters = counting
        self._agent_id = agent_id
        self._measures = measures
        self._now = now

    async def ran(self, request: ActionRequest) -> None:
        """The run is counted when the transaction commits."""
        tool, amounts = request.tool or "", self._measures.amounts(request.args)
        cell = self.counters.add(request.action_type, tool, self._now, amounts)
        names = self.counters.names(request.action_type, tool)
        place: dict[str, Any] = {
            "agent_id": self._agent_id,
            "action_type": names[0],
            "tool": names[1],
            "minute": minute_of(self._now),
        }
        if cell.count > 1:
            await Tally.filter(**place).update(count=cell.count, sums=_text(cell))
            return
        await Tally.create(**place, count=cell.count, sums=_text(cell))
        since = minute_of(self._measures.since(self.counters.midnight, self._now))
        if await Tally.filter(agent_id=self._agent_id, minute__lt=since).delete():
            await Meter.filter(agent_id=self._agent_id).update(counted_from=since)


class Metering:
    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._ahead: dict[UUID, Counted] = {}  # whatever the epoch does meanwhile, nobody counts the same twice

    async def prepare(self, agent_id: UUID, measures: Measures, now: datetime) -> None:
        """The next `open` has little to count. Outside its transaction, which would hold up everybody for seconds."""
        if await self._is_whole(agent_id, measures, now):
            return
        ahead = self._taken(agent_id, measures, now) or await self._count(agent_id, measures, now)
        await ahead.catch_up(agent_id)
        self._ahead[agent_id] = ahead

    async def open(self, agent_id: UUID, measures: Measures, now: datetime) -> OpenMeter:
        """The agent's meter is locked and true. In a transaction that holds the epoch, before other locks."""
        meter = None if await _insert(agent_id, now) else await _locked(agent_id)
        since = self._since(measures, now)
        if meter is not None and meter.counted_from <= since:
            counting = await self._read(agent_id, measures, now)
        else:
            counting = await self._caught_up(agent_id, measures, now)
            await _write(agent_id, counting, since)
        self._ahead.pop(agent_id, None)
        return OpenMeter(agent_id, measures, counting, now)

    async def peek(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        """What the counters say at this moment. Nothing is locked or written: for dry runs and explanations."""
        if await self._is_whole(agent_id, measures, now):
            return await self._read(agent_id, measures, now)
        return await self.from_audit(agent_id, measures, now)

    async def from_audit(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        """What the counters of any rules say, in force or not."""
        return (await self._count(agent_id, measures, now)).counting

    async def _is_whole(self, agent_id: UUID, measures: Measures, now: datetime) -> bool:
        """Whether the tallies go back far enough: not when none were kept, or the clock or the zone was set back."""
        return await Meter.filter(agent_id=agent_id, counted_from__lte=self._since(measures, now)).exists()

    async def _read(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        counting = self._empty(measures, now)
        rows = Tally.filter(agent_id=agent_id, minute__gte=self._since(measures, now)).order_by("minute", "id")
        for action_type, tool, minute, count, sums in await rows.values_list(
            "action_type", "tool", "minute", "count", "sums"
        ):
            amounts = {path: Decimal(amount) for path, amount in json.loads(sums).items()}
            counting.put(action_type, tool, minute.astimezone(UTC), Cell(count, amounts))
        return counting

    async def _count(self, agent_id: UUID, measures: Measures, now: datetime) -> Counted:
        counting, upto = self._empty(measures, now), await heads()
        counted = Counted(measures, self._since(measures, now), upto, counting)
        async for run in runs(agent_id, counted.since, upto):
            counted.add(run)
        return counted

    async def _caught_up(self, agent_id: UUID, measures: Measures, now: datetime) -> Counting:
        """With the meter locked, so that no run is added: what was counted ahead, and what came since."""
        ahead = self._taken(agent_id, measures, now)
        if ahead is None:
            return await self.from_audit(agent_id, measures, now)
        await ahead.catch_up(agent_id)
        ahead.counting.midnight = self.midnight(now)
        return ahead.counting

    def _taken(self, agent_id: UUID, measures: Measures, now: datetime) -> Counted | None:
        """What was counted ahead, where it serves these rules. It serves once: the next transaction may be undone."""
        ahead = self._ahead.pop(agent_id, None)
        serves = ahead is not None and ahead.measures == measures and ahead.since <= self._since(measures, now)
        return ahead if serves else None

    def _empty(self, measures: Measures, now: datetime) -> Counting:
        return Counting(self.midnight(now), measures.kind)

    def midnight(self, now: datetime) -> datetime:
        """When the local day began."""
        return datetime.combine(now.astimezone(self._zone).date(), time(), self._zone).astimezone(UTC)

    def _since(self, measures: Measures, now: datetime) -> datetime:
        """No counter looks back further."""
        return minute_of(measures.since(self.midnight(now), now))


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


async def _locked(agent_id: UUID) -> Meter:
    meters = Meter.filter(agent_id=agent_id)
    return await (meters.select_for_update() if is_postgres() else meters).get()


async def _write(agent_id: UUID, counting: Counting, since: datetime) -> None:
    await Tally.filter(agent_id=agent_id).delete()
    await Meter.filter(agent_id=agent_id).update(counted_from=since)
    cells = counting.cells().items()
    rows = [
        Tally(agent_id=agent_id, action_type=action, tool=tool, minute=minute, count=cell.count, sums=_text(cell))
        for (action, tool, minute), cell in cells
    ]
    await insert_rows(get_connection("default"), table(Tally), [table(Tally).row(row) for row in rows])


def _text(cell: Cell) -> str:
    return json.dumps({path: str(amount) for path, amount in cell.sums.items()})
