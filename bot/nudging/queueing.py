"""Reminders on their way into the outbox: one for each person and step, the newest instead of those that still wait."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from bot import outbox
from bot.nudging.sparing import Spared, not_before, spared
from bot.plans import QuestionPlan, Usual
from models.approval import ApprovalRequest, CardCopy
from models.enums import Nudge, OutboxKind, OutboxState
from models.outbox import OutboxMessage
from models.user import User


async def nudge(
    approval: ApprovalRequest, copy: CardCopy, plan: QuestionPlan, how: Nudge, step: int, usual: Usual, now: datetime
) -> Spared | None:
    """The reminder of this step waits in the outbox until the person may be disturbed, or why there is none."""
    person = await User.get(id=copy.person_id)
    why = spared(approval, copy, person, now)
    if why is not None:
        return why
    hardest = max((how, *await _instead_of(copy, now)), key=lambda way: way.hardness)
    due_at = not_before(copy, person, plan, usual, now)
    await outbox.add([outbox.nudge(approval, copy, hardest, step=step, due_at=due_at, now=now)])
    return None


async def _instead_of(copy: CardCopy, now: datetime) -> Collection[Nudge]:
    """How earlier reminders would have come that wait for the morning; they do not come any more."""
    ways: list[Nudge] = []
    waiting = OutboxMessage.filter(lane=outbox.nudge_lane(copy.id), kind=OutboxKind.NUDGE, state=OutboxState.WAITING)
    for message in await waiting:
        still = OutboxMessage.filter(id=message.id, state=OutboxState.WAITING)
        if await still.update(state=OutboxState.SUPERSEDED, done_at=now):
            ways.append(Nudge(json.loads(message.payload)["how"]))
    return ways
