"""Rows that have served their purpose leave the database. Audit, approvals, people and agents never do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from tortoise.expressions import Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from bot.noticing.outcomes import OUTCOME, TAKEN_FOR
from models.approval import ApprovalRequest, IdempotentCheck
from models.asking import NoticeHour, NudgeDay, QueueCard
from models.enums import OutboxState
from models.inbound import InboundRecord
from models.notification import OneTimeSecret
from models.outbox import OutboxMessage

log = structlog.get_logger(__name__)

INBOUND = timedelta(hours=24)
"""Feishu redelivers for about 7 hours (feishu-protocol 1.6)."""

OUTCOMES = TAKEN_FOR + timedelta(days=1)
"""What agents said of their runs: one report each, for as long as any is taken."""

IDEMPOTENT = timedelta(days=7)
"""After the check, or after the approval that it opened was resolved."""

ONE_TIME = timedelta(days=1)
"""After the end of a link; until then it says that it has expired. Its secret is erased at once."""

OUTBOX = timedelta(days=30)
"""After delivery. What was discarded stays: somebody may look for it."""

NUDGES = timedelta(days=30)
"""What was spent on reminding and telling people; only today's counts."""

QUEUES = timedelta(days=30)
"""Cards of a queue that a newer one replaced; Feishu takes no change of them after 14 days (feishu-protocol 2.6)."""

BATCH = 1000
MAX_BATCHES = 50


class Housekeeping:
    async def tick(self, now: datetime) -> dict[str, int]:
        """How many rows left, by table. Small statements, none inside a transaction of another."""
        await OneTimeSecret.filter(expires_at__lt=now, ciphertext__not_isnull=True).update(ciphertext=None)
        gone = {
            "inbound_events": await _purge(_received(now)),
            "idempotent_checks": await _purge(_idempotent(now - IDEMPOTENT)),
            "notice_hours": await _purge(NoticeHour.filter(begins_at__lt=now - NUDGES)),
            "nudge_days": await _purge(NudgeDay.filter(day__lt=(now - NUDGES).date())),
            "one_time_secrets": await _purge(OneTimeSecret.filter(expires_at__lt=now - ONE_TIME)),
            "outbox": await _purge(_done(now - OUTBOX)),
            "queue_cards": await _purge(QueueCard.filter(closed_at__lt=now - QUEUES)),
        }
        if any(gone.values()):
            log.info("housekeeping.done", **gone)
        return gone


def _received(now: datetime) -> QuerySet[InboundRecord]:
    old = InboundRecord.filter(received_at__lt=now - INBOUND)
    return old.filter(Q(received_at__lt=now - OUTCOMES) | ~Q(kind__startswith=OUTCOME))


def _idempotent(before: datetime) -> QuerySet[IdempotentCheck]:
    resolved = Subquery(ApprovalRequest.filter(resolved_at__lt=before).values("id"))
    return IdempotentCheck.filter(Q(approval_id=None) | Q(approval_id__in=resolved), created_at__lt=before)


def _done(before: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.filter(state__in=[OutboxState.DELIVERED, OutboxState.SUPERSEDED], done_at__lt=before)


async def _purge(rows: QuerySet[Any]) -> int:
    """All of them, a thousand at a time: a large delete would hold its locks too long."""
    model: type[Model] = rows.model
    purged = 0
    for _ in range(MAX_BATCHES):
        keys = [row.pk for row in await rows.limit(BATCH)]
        if not keys:
            break
        purged += await model.filter(pk__in=keys).delete()
    return purged
