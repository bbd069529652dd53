"""Untrusted JSON as a tree that a page can draw: whole, typed, secrets masked, hidden characters made visible."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cards import escape
from cards.mask import mask, mask_text
from models.values import Json

MOST_NODES = 1_500
"""Beyond this a tree is of no help to a person; the value is drawn as one JSON text, just as whole."""

MASKED = "●●●●"
"""Begins what cards.mask puts in place of a secret; it tells the length itself."""

# Runs of these need no look at each character. A run ends one character early, for a mark may belong to that one.
_HARMLESS = re.compile(r"[\n -~、-】一-龥ぁ-ヿ！-～]+(?![^\n -~、-】一-龥ぁ-ヿ！-～])")


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `kind` is text, number, yesno, nothing, list, object or json."""

    kind: str
    name: str | None = None
    shown: str = ""
    size: int | None = None  # characters of a text that is shown as it is, members of a list or object
    children: tuple[Node, ...] = ()

    @property
    def block(self) -> bool:
        """Whether the text needs lines of its own."""
        return "\n" in self.shown or len(self.shown) > 200


def tree(value: Json) -> Node:
    """The value as nodes. Call it away from the event loop: masking 256 KiB takes a while."""
    masked = mask(value)
    if sum(1 for _ in islice(_each(masked), MOST_NODES + 1)) > MOST_NODES:
        return Node("json", shown=whole(json.dumps(masked, ensure_ascii=False, indent=1)))
    return _node(masked, None)


def whole(text: str) -> str:
    """All of the text with hidden characters made visible; nothing is cut."""
    parts, at = [], 0
    for run in _HARMLESS.finditer(text):
        parts.append(_visible(text[at : run.start()]))
        parts.append(run.group())
        at = run.end()
    parts.append(_visible(text[at:]))
    return "".join(parts)


def quoted(text: str) -> str:
    """All of an untrusted text, masked and visible."""
    return whole(mask_text(text))


def name(text: str) -> str:
    """An untrusted name or title on one line, masked: it may be anything."""
    return escape.one_line(mask_text(text), 400)


def _visible(text: str) -> str:
    return "".join(piece.shown for piece in escape.visible(text))


def _node(value: Json, name: str | None) -> Node:
    match value:
        case dict():
            members = tuple(_node(member, whole(key)) for key, member in value.items())
            return Node("object", name, size=len(members), children=members)
        case list():
            items = tuple(_node(item, f"[{place}]") for place, item in enumerate(value))
            return Node("list", name, size=len(items), children=items)
        case str():
            return Node("text", name, shown=whole(value), size=None if MASKED in value else len(value))
        case bool():
            return Node("yesno", name, shown="true" if value else "false")
        case None:
            return Node("nothing", name, shown="null")
        case _:
            return Node("number", name, shown=json.dumps(value))


def _each(value: Json) -> Iterator[Json]:
    yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _each(member)
