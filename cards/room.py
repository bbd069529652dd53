"""How much of arguments, names and differences a card shows. Feishu takes no card beyond a size; less always fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from models.values import Json, JsonObject

MOST_BYTES = 28 * 1024
"""Feishu's limit is 30 KB for a whole card."""
MOST_NODES = 180
"""Objects with a tag. Feishu says 200, and counted differently over time."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes as the most wasteful JSON writer writes them, and numbers of things."""

    arguments: int = 7_500  # of all arguments together, while they are to be decided on
    past_arguments: int = 4_000  # and when a result needs room as well
    folded: bool = True  # whether what does not stand open is folded away, or on the full page only
    edits: int = 2_700  # of the present values of all fields that can be edited; they are never cut
    differences: int = 5
    people: int = 4  # in one enumeration
    name: int = 180  # 30 Chinese characters or 180 Latin ones


_ROOMS = (
    Room(),
    Room(arguments=5_000, past_arguments=2_500, edits=1_500, differences=4, people=3, name=90),
    Room(arguments=2_400, past_arguments=1_000, folded=False, edits=0, differences=2, people=2, name=60),
)


def within(draw: Callable[[Room], JsonObject]) -> JsonObject:
    """The card with as much on it as Feishu takes."""
    *wider, least = _ROOMS
    drawn = (draw(room) for room in wider)
    return next((card for card in drawn if fits(card)), None) or draw(least)


def fits(card: JsonObject) -> bool:
    return nodes(card) <= MOST_NODES and len(json.dumps(card)) <= MOST_BYTES


def nodes(value: Json) -> int:
    if isinstance(value, dict):
        return ("tag" in value) + sum(map(nodes, value.values()))
    return sum(map(nodes, value)) if isinstance(value, list) else 0
