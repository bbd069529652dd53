"""The outbox as lanes: which messages may go out now, who holds them, and how they are settled.

Messages of one lane of one app go out one after the other, oldest id first: only the head of a lane is ever taken,
and while it is on its way or backing off it holds its own lane and no other. A message is held by a lease; a lease
that ran out (its holder crashed) is taken back. All times are those of the Clock that the writers of the outbox use.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.connection import get_connection

from bot.database import is_postgres, transaction
from bot.delivery.results import Later, Result, Settled
from bot.ledger import Work
from models.enums import OutboxKind, OutboxState
from models.outbox import OutboxMessage

_HEADS = """
SELECT m.id FROM outbox m
WHERE m.state = 'waiting' AND m.due_at <= {now} AND m.kind IN ({kinds})
AND NOT EXISTS (
    SELECT 1 FROM outbox o WHERE o.lane = m.lane AND o.state IN ('waiting', 'sending') AND o.id < m.id
    AND COALESCE(o.app_id, '') = COALESCE(m.app_id, '')
)
ORDER BY m.due_at, m.id LIMIT {limit}
"""


async def claim(
    owner: str, now: datetime, *, lease: timedelta, kinds: Collection[OutboxKind], limit: int
) -> list[OutboxMessage]:
    """Up to `limit` due heads of lanes, now leased to `owner`. Of several claimants exactly one gets each."""
    if not await _heads(now, kinds, limit):
        return []  # an idle worker looks without a transaction
    async with transaction():
        ids = await _heads(now, kinds, limit, lock=True)
        ours = OutboxMessage.filter(id__in=ids, state=OutboxState.WAITING)
        for message in (claimed := await ours.order_by("due_at", "id")):
            message.state, message.lease_owner, message.lease_until = OutboxState.SENDING, owner, now + lease
            message.attempts += 1
            await OutboxMessage.filter(id=message.id).update(
                state=message.state,
                lease_owner=message.lease_owner,
                lease_until=message.lease_until,
                attempts=message.attempts,
            )
        return claimed


async def _heads(now: datetime, kinds: Collection[OutboxKind], limit: int, *, lock: bool = False) -> list[UUID]:
    postgres = is_postgres()
    sql = _HEADS.format(
        now="$1" if postgres else "?",
        kinds=", ".join(f"'{OutboxKind(kind).value}'" for kind in kinds),
        limit=int(limit),
    )
    if lock and postgres:  # SQLite's transaction is the only writer anyway
        sql += " FOR UPDATE OF m SKIP LOCKED"
    rows = await get_connection("default").execute_query_dict(sql, [now])
    return [UUID(str(row["id"])) for row in rows]


async def extend(owner: str, ids: Iterable[UUID], until: datetime) -> None:
    """The leases that `owner` still holds last until then."""
    held = OutboxMessage.filter(id__in=list(ids), state=OutboxState.SENDING, lease_owner=owner)
    await held.update(lease_until=until)


async def take_back(now: datetime) -> int:
    """How many messages wait again because their holder let the lease run out; each may have been sent already."""
    expired = await OutboxMessage.filter(state=OutboxState.SENDING, lease_until__lte=now).limit(500)
    return sum([await _wait_again(message, now) for message in expired])


async def give_back(owner: str, now: datetime) -> int:
    """How many messages wait again because `owner`, which stops, gave them back; each may have been sent already."""
    held = await OutboxMessage.filter(state=OutboxState.SENDING, lease_owner=owner)
    return sum([await _wait_again(message, now) for message in held])


async def _wait_again(message: OutboxMessage, now: datetime) -> int:
    still_held = OutboxMessage.filter(
        id=message.id,
        state=OutboxState.SENDING,
        attempts=message.attempts,
        lease_owner=message.lease_owner,
        lease_until=message.lease_until,
    )
    return await still_held.update(
        state=OutboxState.WAITING, due_at=now, lease_owner=None, lease_until=None, payload=_unsure(message.payload)
    )


async def settle(work: Work, message: OutboxMessage, result: Result) -> bool:
    """Writes the result and what follows from it; False, and nothing, when the lease was lost in the meantime."""
    held = OutboxMessage.filter(
        id=message.id, state=OutboxState.SENDING, lease_owner=message.lease_owner, attempts=message.attempts
    )
    match result:
        case Settled():
            changed = await held.update(
                state=result.state,
                done_at=work.now,
                lease_owner=None,
                lease_until=None,
                message_id=result.message_id,
                fault=result.fault,
            )
        case Later():
            changed = await held.update(
                state=OutboxState.WAITING,
                due_at=result.at,
                lease_owner=None,
                lease_until=None,
                attempts=message.attempts if result.counted else message.attempts - 1,
                fault=result.fault,
                payload=_unsure(message.payload) if result.unsure else message.payload,
            )
    if changed:
        await result.record(work)
    return bool(changed)


def _unsure(payload: str) -> str:
    return json.dumps({**json.loads(payload), "unsure": True}, ensure_ascii=False)
