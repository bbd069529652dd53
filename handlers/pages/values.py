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
    def is_plain_list(self) -> bool:
        """Whether its members are all short texts: their kind and place need no saying."""
        short = all(child.kind == "text" and child.shown and not child.block for child in self.children)
        return self.kind == "list" and bool(self.children) and short

    @property
    def block(self) -> bool:
        """Whether the text needs lines of its own."""
        return "\n" in self.shown or len(self.shown) > 200


def tree(value: Json) -> Node:
    """The value as nodes. Call it away from the event loop: masking 256 KiB takes a while."""
    masked = mask(value)
    return json_node(masked) if is_large(masked) else drawn(masked)


def is_large(masked: Json) -> bool:
    """Whether it has too many values for a tree to help."""
    return sum(1 for _ in islice(_each(masked), MOST_NODES + 1)) > MOST_NODES


def json_node(masked: Json, name: str | None = None) -> Node:
    """All of it as one JSON text."""
    return Node("json", name, shown=whole(json.dumps(masked, ensure_ascii=False, indent=1)))


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


def drawn(value: Json, name: str | None = None) -> Node:
    """What is masked already, as nodes."""
    match value:
        case dict():
            members = tuple(drawn(member, whole(key)) for key, member in value.items())
            return Node("object", name, size=len(members), children=members)
        case list():
            items = tuple(drawn(item, f"[{place}]") for place, item in enumerate(value))
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
