"""What a press on a queue card says, read from what the client sent. Pure; nothing of who."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from bot.approvals.pressed import REASON_LIMIT
from cards.presets import REASON
from cards.queue import MOST_ALIKE
from models.enums import Verdict
from models.values import CardClick, Json

_CODE_LIMIT = 80
"""Characters; a digest has 71."""


class Act(StrEnum):
    NEXT = "queue_next"
    PREVIOUS = "queue_prev"
    APPROVE = "queue_approve"
    REJECT = "queue_reject"
    SNOOZE = "queue_snooze"
    TOGETHER = "queue_batch"

    @property
    def verdict(self) -> Verdict | None:
        return {Act.APPROVE: Verdict.APPROVE, Act.REJECT: Verdict.REJECT}.get(self)


@dataclass(frozen=True, slots=True)
class Button:
    """One button of a queue card. None: what the client lost, or nobody knows."""

    act: Act | None
    queue_id: UUID | None
    approval_id: UUID | None  # of the request that the person had in view
    code: str | None
    reason: str | None
    listed: tuple[tuple[UUID, str], ...]  # what is approved together, each with the code that the card showed


def read_button(act: str, click: CardClick) -> Button:
    """From the button's value; its name has act and request too, where the client stripped the value."""
    reason = click.form.get(REASON)
    return Button(
        act=next((one for one in Act if one.value == act), None),
        queue_id=_uuid(click.value.get("queue_id")),
        approval_id=_uuid(click.value.get("approval_id")) or _uuid((click.name or "").partition(":")[2]),
        code=_code(click.value.get("code")),
        reason=reason.strip()[:REASON_LIMIT] or None if isinstance(reason, str) else None,
        listed=_listed(click.value.get("ids")),
    )


def _listed(ids: Json) -> tuple[tuple[UUID, str], ...]:
    found: dict[UUID, str] = {}
    for text in ids[:MOST_ALIKE] if isinstance(ids, list) else []:
        whole, _, code = text.partition(" ") if isinstance(text, str) else ("", "", "")
        if (approval_id := _uuid(whole)) is not None and code:
            found[approval_id] = code[:_CODE_LIMIT]
    return tuple(found.items())


def _code(carried: Json) -> str | None:
    """None only where the client lost it: a broken one fits nothing."""
    return None if carried is None else carried[:_CODE_LIMIT] if isinstance(carried, str) else ""


def _uuid(text: Json) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
