"""The queue card in each of its states: for golden files and the pictures of docs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from cards.views import AlikeItem, QueueOver, QueueView
from models.enums import AskedAs
from models.values import Json
from tests.support.card_samples import ASKED, SAMPLES

NOW = ASKED + timedelta(hours=2, minutes=5)
_QUEUE = UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f0001")
_DELETE = replace(SAMPLES["pending"], now=NOW, asked_as=AskedAs.CREATOR)
_PAY = replace(SAMPLES["pending_payment_changed"], now=NOW, asked_as=AskedAs.CREATOR, code="c81e07")


def alike(place: int, code: str, **args: Json) -> AlikeItem:
    """A request of the payment's kind; `args` are those in which it is another."""
    return AlikeItem(approval_id=UUID(int=place), code=code, args={**_PAY.args, **args}, created_at=ASKED)


ONE = QueueView(queue_id=_QUEUE, total=1, now=NOW, position=1, shown=_DELETE, oldest=ASKED)
MANY = replace(ONE, total=7, position=3, snoozed=2)
ALIKE = replace(
    ONE,
    total=4,
    position=2,
    shown=_PAY,
    alike=(
        AlikeItem(approval_id=_PAY.approval_id, code=_PAY.code, args=_PAY.args, created_at=ASKED),
        alike(2, "40b2aa", amount=860, memo="四月服务费"),
        alike(3, "9e77d1", amount=1_240.5, memo="五月服务费"),
    ),
    alike_total=3,
)

QUEUES: dict[str, QueueView] = {
    "queue_one": ONE,
    "queue_many": MANY,
    "queue_alike": ALIKE,
    "queue_snoozed": replace(
        ONE, snoozed=1, shown=replace(_DELETE, snoozed_until=NOW + timedelta(minutes=40), asked_as=AskedAs.BACKUP)
    ),
    "queue_critical": replace(
        MANY, position=1, shown=replace(SAMPLES["pending_critical"], now=NOW, asked_as=AskedAs.ADMIN)
    ),
    "queue_consents": replace(MANY, shown=replace(SAMPLES["pending_one_of_two"], asked_as=AskedAs.CREATOR)),
    "queue_not_asked": replace(MANY, shown=replace(_DELETE, asked_as=None)),
    "queue_empty": QueueView(queue_id=_QUEUE, total=0, now=NOW),
    "queue_moved": QueueView(queue_id=_QUEUE, total=0, now=NOW, over=QueueOver.MOVED),
    "queue_old": QueueView(queue_id=_QUEUE, total=0, now=NOW, over=QueueOver.OLD),
}
