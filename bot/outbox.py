"""Outbox messages to add in the transaction that causes them, and the bell that wakes this process's worker.

Nothing is sent here. What a message says is rendered at delivery (bot.delivery) or is text that was final when written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from models.approval import ApprovalRequest, CardCopy
from models.enums import Nudge, OutboxKind
from models.outbox import OutboxMessage
from models.values import Json, JsonObject

CLICK_GRACE = timedelta(seconds=1)
"""A clicked card is patched this long after the answer to the click: a PATCH during the callback may be overwritten."""


def approval_card(approval: ApprovalRequest, copy: CardCopy, now: datetime) -> OutboxMessage:
    """Ask one person: sends `copy` in the state the approval has at that time."""
    return OutboxMessage(
        tenant=approval.tenant,
        kind=OutboxKind.APPROVAL_CARD,
        lane=f"person:{copy.person_id}",
        app_id=copy.app_id,
        approval_id=approval.id,
        person_id=copy.person_id,
        payload=_json({"copy_id": str(copy.id)}),
        dedupe=f"card:{copy.id}",
        due_at=now,
        created_at=now,
    )


def card_update(
    approval: ApprovalRequest, copy: CardCopy, now: datetime, *, delay: timedelta | None = None
) -> OutboxMessage:
    """Bring one sent card to the newest state; superseded when it already shows it."""
    return OutboxMessage(
        tenant=approval.tenant,
        kind=OutboxKind.CARD_UPDATE,
        lane=f"copy:{copy.id}",
        app_id=copy.app_id,
        approval_id=approval.id,
        person_id=copy.person_id,
        payload=_json({"copy_id": str(copy.id)}),
        due_at=now + (delay or timedelta()),
        created_at=now,
    )


def text(
    *,
    tenant: str,
    person_id: UUID,
    app_id: str,
    text: str,
    now: datetime,
    approval_id: UUID | None = None,
    dedupe: str | None = None,
    thread_of: UUID | None = None,
) -> OutboxMessage:
    """A text to one person; with `thread_of` (a card copy's id) it goes into the thread of that card, once sent."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.TEXT,
        lane=f"person:{person_id}",
        app_id=app_id,
        approval_id=approval_id,
        person_id=person_id,
        payload=_json({"text": text, "thread_of": str(thread_of) if thread_of else None}),
        dedupe=dedupe,
        due_at=now,
        created_at=now,
    )


def card(
    *,
    tenant: str,
    person_id: UUID,
    app_id: str,
    card: JsonObject,
    fallback: str,
    now: datetime,
    dedupe: str | None = None,
    approval_id: UUID | None = None,
) -> OutboxMessage:
    """A card to one person, final when written; the person gets the text `fallback` where Feishu refuses it."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.CARD,
        lane=f"person:{person_id}",
        app_id=app_id,
        approval_id=approval_id,
        person_id=person_id,
        payload=_json({"card": card, "fallback": fallback}),
        dedupe=dedupe,
        due_at=now,
        created_at=now,
    )


def queue_card(
    *,
    tenant: str,
    card_id: UUID,
    person_id: UUID,
    app_id: str,
    due_at: datetime,
    now: datetime,
    dedupe: str,
    silent_when_empty: bool,
) -> OutboxMessage:
    """One card with all that waits for one person, drawn when it is sent. Its updates come after it, in its lane."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.QUEUE_CARD,
        lane=queue_lane(card_id),
        app_id=app_id,
        person_id=person_id,
        payload=_json({"card_id": str(card_id), "silent_when_empty": silent_when_empty}),
        dedupe=dedupe[:160],
        due_at=due_at,
        created_at=now,
    )


def queue_update(
    *, tenant: str, card_id: UUID, person_id: UUID, app_id: str, now: datetime, delay: timedelta | None = None
) -> OutboxMessage:
    """Bring one sent queue card to the newest state; superseded when another update is right behind it."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.QUEUE_UPDATE,
        lane=queue_lane(card_id),
        app_id=app_id,
        person_id=person_id,
        payload=_json({"card_id": str(card_id)}),
        due_at=now + (delay or timedelta()),
        created_at=now,
    )


def queue_lane(card_id: UUID) -> str:
    """One queue card and all its updates."""
    return f"queue-card:{card_id}"


def come_back(approval: ApprovalRequest, copy: CardCopy, until: datetime, now: datetime) -> OutboxMessage:
    """What one person put off until then comes back."""
    return OutboxMessage(
        tenant=approval.tenant,
        kind=OutboxKind.QUEUE_CARD,
        lane=f"snooze:{copy.id}:{until.isoformat()}",
        app_id=copy.app_id,
        approval_id=approval.id,
        person_id=copy.person_id,
        payload=_json({"copy_id": str(copy.id), "until": until.isoformat()}),
        due_at=until,
        created_at=now,
    )


def run_notice(
    *, tenant: str, person_id: UUID, app_id: str, agent_id: UUID, check_id: UUID, text: str, now: datetime
) -> OutboxMessage:
    """An L2 action is executing; `text` stands in for the card. Many within an hour become one summary."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.NOTICE,
        lane=f"notice:{person_id}",
        app_id=app_id,
        person_id=person_id,
        payload=_json({"agent_id": str(agent_id), "check_id": str(check_id), "text": text}),
        due_at=now,
        created_at=now,
    )


def nudge(
    approval: ApprovalRequest, copy: CardCopy, how: Nudge, *, step: int, due_at: datetime, now: datetime
) -> OutboxMessage:
    """Remind one person of one question, by `how` or the next softer way that the person's budget allows.

    In a lane of its own: one that waits for the morning keeps no card from the person.
    """
    return OutboxMessage(
        tenant=approval.tenant,
        kind=OutboxKind.NUDGE,
        lane=nudge_lane(copy.id),
        app_id=copy.app_id,
        approval_id=approval.id,
        person_id=copy.person_id,
        payload=_json({"copy_id": str(copy.id), "how": how.value, "step": step}),
        dedupe=f"nudge:{approval.id}:{step}:{copy.person_id}",
        due_at=due_at,
        created_at=now,
    )


def nudge_lane(copy_id: UUID) -> str:
    """All reminders of one person about one question."""
    return f"nudge:{copy_id}"


def unpin(*, tenant: str, person_id: UUID, app_id: str, now: datetime) -> OutboxMessage:
    """The bot stands on top of the person's chats only while a question for which it was put there waits."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.UNPIN,
        lane=f"pin:{app_id}:{person_id}",
        app_id=app_id,
        person_id=person_id,
        payload="{}",
        due_at=now,
        created_at=now,
    )


def reply(
    *,
    tenant: str,
    app_id: str,
    message_id: str,
    chat_id: str,
    text: str,
    now: datetime,
    person_id: UUID | None = None,
    in_thread: bool = False,
) -> OutboxMessage:
    """An answer to one message, in its chat, or in its thread; at most one for each message."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.REPLY,
        lane=f"chat:{app_id}:{chat_id}"[:160],
        app_id=app_id,
        person_id=person_id,
        payload=_json({"message_id": message_id, "text": text, "in_thread": in_thread}),
        dedupe=f"reply:{app_id}:{message_id}"[:160],
        due_at=now,
        created_at=now,
    )


def execution(approval: ApprovalRequest, now: datetime) -> OutboxMessage:
    """Perform the approved action through the agent's executor; one for each approval, ever."""
    return OutboxMessage(
        tenant=approval.tenant,
        kind=OutboxKind.EXECUTE,
        lane=f"execute:{approval.id}",
        approval_id=approval.id,
        payload="{}",
        dedupe=f"execute:{approval.id}",
        due_at=now,
        created_at=now,
    )


def identity(*, tenant: str, person_id: UUID, app_id: str, now: datetime, quiet: bool = False) -> OutboxMessage:
    """Learn the person's open_id in `app_id` from the e-mail address; `quiet` where it may well be nobody's here."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.RESOLVE_IDENTITY,
        lane=f"identity:{app_id}:{person_id}",
        app_id=app_id,
        person_id=person_id,
        payload=_json({"quiet": quiet}),
        due_at=now,
        created_at=now,
    )


def name(*, tenant: str, person_id: UUID, app_id: str, now: datetime) -> OutboxMessage:
    """Learn what a new person is called: signed events carry ids only."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.LEARN_NAME,
        lane=f"name:{app_id}:{person_id}",
        app_id=app_id,
        person_id=person_id,
        payload="{}",
        due_at=now,
        created_at=now,
    )


def look_up(*, tenant: str, person_id: UUID, app_id: str, now: datetime) -> OutboxMessage:
    """Learn what Feishu knows of a person: employment, leader, time zone. A nicety that may fail."""
    return OutboxMessage(
        tenant=tenant,
        kind=OutboxKind.LOOK_UP,
        lane=f"look_up:{person_id}",
        app_id=app_id,
        person_id=person_id,
        payload="{}",
        due_at=now,
        created_at=now,
    )


async def add(messages: Iterable[OutboxMessage]) -> None:
    """The messages are written by the transaction that the caller is in."""
    rows = list(messages)
    if rows:
        await OutboxMessage.bulk_create(rows)


class Bell:
    """Rings after a commit that added outbox messages; the worker of this process wakes at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, timeout: float) -> None:
        """Returns when rung, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
