"""Presses on cards other than an approval's verdict buttons: queue, notices, settings. Each family has its own module.

A button carries its act in `value["act"]` and in its name ("queue_next:…"), because some clients strip the value; the
family is the word before the first underscore.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.values import AppCredentials, CardClick, JsonObject, Operator


@dataclass(frozen=True, slots=True)
class Shown:
    """What the person sees after a press: a toast, and the card as it now stands where it may be replaced."""

    toast: JsonObject
    card: JsonObject | None = None
    word: str = "done"  # for the log


class Presses(Protocol):
    """One family of buttons. Settled and committed within one call; safe to repeat for the same `event_key`."""

    async def press(self, app: AppCredentials, operator: Operator, act: str, click: CardClick, event_key: str) -> Shown:
        """Refusals are answers too; they are audited."""
        ...


def act_named(click: CardClick) -> str:
    """The act of the button, by its value, or by its name where the client stripped the value; "" for none."""
    carried = click.value.get("act")
    return carried if isinstance(carried, str) else (click.name or "").partition(":")[0]


def family_of(act: str) -> str:
    return act.partition("_")[0]
