"""What people do: press anything that is shown, edit, look, type, and be away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from bot.simulator.deliver import Sending
from bot.simulator.errors import Impossible
from bot.simulator.presses import Control, controls
from bot.simulator.state import Json, Message, Person
from models.tables import ApprovalRequest
from tests.lives.town import Town

_LASTING = ("grant_", "graduat")
"""Names of buttons after which the town would never ask again."""


async def press(town: Town) -> None:
    """Somebody presses any button of any card, perhaps twice, perhaps on what the card showed a while ago."""
    if found := _some_card(town):
        person, card = found
        if buttons := _buttons(card.card):
            button = _button(town, buttons)
            form = {"reason": "看过了"} if town.dice.random() < 0.3 and _has_field(button, "reason") else {}
            await _click(town, card, button.name, person, form=form, again=town.dice.random() < 0.15)


async def press_late(town: Town) -> None:
    """Somebody presses what the card showed before it changed."""
    if found := _some_card(town):
        person, card = found
        shown = card.card
        buttons = _buttons(shown)
        if buttons:
            button = town.dice.choice(buttons)
            await press(town)
            await _click(town, card, button.name, person, shown=shown)


async def rush(town: Town) -> None:
    """Several people press at the same moment."""
    await asyncio.gather(*(press(town) for _ in range(town.dice.randint(2, 4))))


async def edit(town: Town) -> None:
    """Somebody changes an argument and approves."""
    found = _some_card(town, lambda card: '"amend:' in card.content)
    if found is None:
        return
    person, card = found
    names = [each.name for each in controls(card.card)]
    fields = [name for name in names if name.startswith("edit_")]
    amend = next(name for name in names if name.startswith("amend:"))
    changed = {town.dice.choice(fields): town.dice.choice(("7", "8", "ninety", ""))}
    await _click(town, card, amend, person, form=changed)


async def look(town: Town) -> None:
    if found := _some_card(town):
        person, card = found
        await town.feishu.notices(card, person)


async def forge(town: Town) -> None:
    """A stranger sends the callback of a button that was never on the stranger's screen."""
    if found := _some_card(town, lambda card: '"approve:' in card.content):
        _, card = found
        button = next(each for each in _buttons(card.card) if each.name.startswith("approve"))
        await _click(town, card, button.name, town.feishu.stranger, unseen=True)


async def say(town: Town) -> None:
    """Somebody types a command about what was asked lately."""
    if not town.present or not town.lives:
        return
    person, life = town.dice.choice(town.present), town.dice.choice(town.lives[-20:])
    approval = await ApprovalRequest.get(id=life.approval_id)
    text = town.dice.choice(
        (
            "/pending",
            f"/show {approval.id}",
            f"/approve {approval.id} {approval.facts().code}",
            f"/reject {approval.id} not now",
            f"/snooze {approval.id} 1h",
            "/away until 6h",
            f"/away until 1d {town.dice.choice(town.people).email}",
            "/away off",
            "/settings",
        )
    )
    await town.feishu.say(person, text, sending=Sending(copies=2) if town.dice.random() < 0.1 else Sending())


async def open_queue(town: Town) -> None:
    if town.present:
        await town.feishu.press_menu(town.dice.choice(town.present), "pending")


async def freeze(town: Town) -> None:
    """An account is frozen or revived; Feishu says so, or the next look tells."""
    person = town.dice.choice(town.staff)
    await town.feishu.freeze_person(person, frozen=not person.frozen, tell=town.dice.random() < 0.8)


async def leave(town: Town) -> None:
    """Rarely somebody leaves the company; one of the admins always stays, or nobody would be left to ask."""
    candidates = [person for person in town.staff if person.key in ("wang", "zhao", "sun", "deng", "lin")]
    if candidates and town.dice.random() < 0.1:
        await town.feishu.leave(town.dice.choice(candidates))


async def _click(
    town: Town,
    card: Message,
    button: str,
    by: Person,
    *,
    form: Json | None = None,
    again: bool = False,
    **more: Any,
) -> None:
    """What no client could do is left out: the card may have changed, the person may have been frozen meanwhile."""
    with contextlib.suppress(Impossible):
        click = await town.feishu.click(card, button, by=by, form=form or {}, **more)
        assert click.code == 0, f"{by.key} pressed {button} and saw {click.code}: {click.answer.why}"
        if again:
            again_click = await town.feishu.click_again(click)
            assert again_click.code == 0, again_click.answer.why


def _button(town: Town, buttons: list[Control]) -> Control:
    """Half of the time one that approves, where there is one: a card has many ways of saying no."""
    approving = [each for each in buttons if each.name.startswith(("approve", "queue_approve"))]
    return town.dice.choice(approving if approving and town.dice.random() < 0.5 else buttons)


def _buttons(card: Json) -> list[Control]:
    shown = [each for each in controls(card) if each.tag == "button" and each.behavior("callback") and each.name]
    return [each for each in shown if not each.name.startswith(_LASTING)]


def _has_field(button: Control, name: str) -> bool:
    form = {"body": {"elements": [button.form]}} if button.form else {}
    return any(each.name == name for each in controls(form))


def _some_card(town: Town, fits: Callable[[Message], bool] = lambda _: True) -> tuple[Person, Message] | None:
    if not town.present:
        return None
    person = town.dice.choice(town.present)
    cards = town.cards(person, fits)
    return (person, town.dice.choice(cards)) if cards else None
