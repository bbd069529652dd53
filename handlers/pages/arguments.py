"""Arguments by what they are, and how two calls differ: whole, masked, hidden characters made visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from cards.argument_signs import Kind, Sign
from cards.argument_types import told_as
from cards.changed import times_as_much
from cards.mask import mask
from cards.views import Difference
from handlers.pages.values import Node, drawn, is_large, json_node, whole
from models.values import Json, JsonObject

_RETOLD = (Kind.MONEY, Kind.TIME, Kind.SHELL)
"""Kinds that read better than they are written: 12,000.00 CNY, the local time, a command instead of a list."""

_BLOCKS = (Kind.SQL, Kind.SHELL, Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument exactly as it is (`node`), and as what a person reads it (`told`), where that is another text."""

    node: Node
    kind: Kind = Kind.PLAIN
    told: str | None = None
    signs: tuple[Sign, ...] = ()

    @property
    def is_block(self) -> bool:
        """Whether its text stands in lines of its own."""
        return self.node.kind == "text" and (self.kind in _BLOCKS or self.node.block)


@dataclass(frozen=True, slots=True)
class Change:
    """One argument then and now; None where it did not exist."""

    name: str
    before: Argument | None
    after: Argument | None
    times: str = ""  # how many times as much


def arguments(args: JsonObject, zone: tzinfo) -> Node | list[Argument]:
    """All of them by type; one JSON text where they are too many to help. Call it away from the event loop."""
    masked = mask(args)
    if is_large(masked) or not isinstance(masked, dict):
        return json_node(masked)
    beside = {name.lower(): value for name, value in masked.items()}
    return [_argument(name, value, beside, zone) for name, value in masked.items()]


def changes(differences: Sequence[Difference], zone: tzinfo) -> Iterator[Change]:
    """The differences with both sides whole."""
    for one in differences:
        (name, before), (_, after) = _masked(one.name, one.before), _masked(one.name, one.after)
        yield Change(
            whole(name),
            _argument(name, before, {}, zone) if one.had else None,
            _argument(name, after, {}, zone) if one.has else None,
            times_as_much(before, after) if one.had and one.has else "",
        )


def _masked(name: str, value: Json) -> tuple[str, Json]:
    """Both together: a value may be a secret by its name, and a name may hold one."""
    masked = mask({name: value})
    [pair] = masked.items() if isinstance(masked, dict) else [(name, masked)]
    return pair


def _argument(name: str, value: Json, beside: Mapping[str, Json], zone: tzinfo) -> Argument:
    node = json_node(value, whole(name)) if is_large(value) else drawn(value, whole(name))
    typed = told_as(name, value, beside, zone)
    told = whole(typed.text) if typed.kind in _RETOLD else None
    return Argument(node, typed.kind, told if told != node.shown else None, typed.signs)
