"""The law of cards: the last state that anybody sees is what the database says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.queueing.reading import view_of
from bot.simulator.presses import controls
from bot.simulator.state import Message
from cards.approval import approval_card
from cards.queue import queue_card
from models.tables import ApprovalRequest, CardCopy, QueueCard
from tests.lives.broken import Broken, demand
from tests.lives.town import Town

_DECISIONS = ("approve", "reject", "amend", "queue_")
_OFFERS = ("grant_", "graduat", "kind_")
"""Named so, a button offers to ask no more; offers end by themselves, with the clock."""

UPDATABLE = timedelta(days=14)
"""After that Feishu takes no change of a card (feishu-protocol 2.6)."""


async def true_cards(town: Town) -> int:
    """Every copy shows its request as it is; nobody has two of them. How many were compared."""
    house, now, compared = town.house.house, town.clock.now(), 0
    seen: set[tuple[object, object]] = set()
    for copy in await CardCopy.all().order_by("id"):
        approval = await ApprovalRequest.get(id=copy.approval_id)
        demand((copy.approval_id, copy.person_id) not in seen, "somebody has two copies", approval)
        seen.add((copy.approval_id, copy.person_id))
        message = town.feishu.world.messages.get(copy.message_id or "")
        if message is None:
            demand(copy.message_id is None, "the copy is of a message that does not exist", approval)
            continue
        _receipt(copy, message, approval)
        if not copy.is_card or _cannot_change(message):
            continue
        drawn = approval_card(await house.views.card(approval, now, person_id=copy.person_id))
        _same(message.card, drawn, f"{approval.id} ({approval.status.value}, {approval.execution.value})")
        compared += 1
    return compared


def _receipt(copy: CardCopy, message: Message, approval: ApprovalRequest) -> None:
    """Nobody counts as having seen what is unread in Feishu, and was not answered in another way."""
    read = message.chat.people[0].key in message.read_by
    answered = copy.acted_at is not None or copy.snoozed_until is not None
    demand(copy.seen_at is None or read or answered, "seen, but unread", approval)


async def true_queues(town: Town) -> int:
    house, now, compared = town.house.house, town.clock.now(), 0
    for card in await QueueCard.filter(message_id__not_isnull=True).order_by("id"):
        message = town.feishu.world.messages[card.message_id or ""]
        closed_late = card.closed_at is not None and card.closed_at - message.created_at >= UPDATABLE
        if _cannot_change(message) or closed_late:
            continue
        _same(message.card, queue_card(await view_of(card, house.views, now)), f"queue card {card.id}")
        compared += 1
    return compared


async def nothing_left_to_press(town: Town) -> None:
    """All is decided, so no card anywhere offers a decision, also none that the database has forgotten."""
    known = {copy.message_id for copy in await CardCopy.all()} | {card.message_id for card in await QueueCard.all()}
    for message in town.feishu.world.messages.values():
        if message.msg_type != "interactive" or _cannot_change(message):
            continue
        if left := [each.name for each in controls(message.card) if each.name.startswith(_DECISIONS)]:
            card = f"a card of {message.created_at}, which the database {_knows(message, known)}"
            raise Broken(f"{message.chat.people[0].key} can still press {left[-1]} of {card}")


def _knows(message: Message, known: set[str | None]) -> str:
    return "knows" if message.message_id in known else "has forgotten"


def _cannot_change(message: Message) -> bool:
    """Feishu takes no change of a card whose reader has left."""
    return message.recalled or any(person.resigned for person in message.chat.people)


def _same(shown: dict[str, Any], drawn: dict[str, Any], whose: str) -> None:
    if difference := _difference(_lasting(shown), _lasting(drawn)):
        raise Broken(f"the card of {whose} lies: {difference}")


def _lasting(card: Any) -> Any:
    """The card without its offers, and without the keys of its links, which tell when they were drawn."""
    if isinstance(card, list):
        return [_lasting(each) for each in card if not _offers(each)]
    if isinstance(card, dict):
        return {key: _lasting(each) for key, each in card.items()}
    return card.partition("?t=")[0] if isinstance(card, str) else card


def _offers(element: Any) -> bool:
    if not isinstance(element, dict):
        return False
    inside = controls({"body": {"elements": [element]}})
    return bool(inside) and all(each.name.startswith(_OFFERS) for each in inside if each.tag == "button")


def _difference(shown: Any, drawn: Any, path: str = "") -> str:
    """The first place at which they differ."""
    if isinstance(shown, dict) and isinstance(drawn, dict):
        for key in {**shown, **drawn}:
            if found := _difference(shown.get(key), drawn.get(key), f"{path}.{key}"):
                return found
        return ""
    if isinstance(shown, list) and isinstance(drawn, list) and len(shown) == len(drawn):
        for index, pair in enumerate(zip(shown, drawn, strict=True)):
            if found := _difference(*pair, f"{path}[{index}]"):
                return found
        return ""
    return "" if shown == drawn else f"{path} is {_short(shown)} and must be {_short(drawn)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:400]}…"
