"""What an action is, on any card that tells of one: headline, arguments, the agent's claim. Masked, cut, plain text."""

from __future__ import annotations

from collections.abc import Iterator

from cards import elements as node
from cards.arguments import Risk, Row, risk, rows, sole, target
from cards.escape import json_bytes
from cards.shown import name, quoted
from cards.words import Bilingual
from models.values import JsonObject

ARGUMENTS = 7_500
"""Bytes of all arguments together while they are to be decided on."""

_TARGET = 600
_MOST_ARGUMENTS = 12
_MOST_OPEN_ARGUMENTS = 5  # more, or a long one, are folded away


def headline_nodes(action_type: str, tool: str | None, args: JsonObject) -> Iterator[JsonObject]:
    """The most telling argument in large letters, the tool above it."""
    shown = name(tool) if tool else None
    telling = _telling(args, risk(action_type, tool))
    over = [shown if telling else None, sole(args, telling, ARGUMENTS)]
    if any(over):
        yield node.note(" · ".join(filter(None, over)))
    if telling or shown:
        yield node.block(telling or shown or "", size="heading")


def argument_nodes(
    action_type: str, tool: str | None, args: JsonObject, *, budget: int = ARGUMENTS, folded: bool
) -> Iterator[JsonObject]:
    """A row for each argument; nothing where there are none, or the headline says it all."""
    shown, hidden = rows(args, budget, _MOST_ARGUMENTS)
    if not shown or sole(args, _telling(args, risk(action_type, tool)), ARGUMENTS) is not None:
        return
    more = Bilingual("还有 {n} 项未显示", "{n} more not shown").format(n=hidden)
    tail = [node.note(more)] if hidden else []
    if folded or len(shown) > _MOST_OPEN_ARGUMENTS or not all(row.is_short for row in shown):
        title = Bilingual("参数（{n} 项）", "Arguments ({n})").format(n=len(args))
        yield node.panel(title, [*(part for row in shown for part in _stacked(row)), *tail])
    else:
        yield from (node.labelled(row.name, row.text) for row in shown)


def claim_nodes(claimed_reason: str | None) -> Iterator[JsonObject]:
    """The agent's own words, and that they are that."""
    if claimed_reason and claimed_reason.strip():
        yield node.note(Bilingual("智能体自称的理由（未核实）", "The agent's own reason (not verified)"))
        yield node.block(quoted(claimed_reason), color="grey")


def _telling(args: JsonObject, family: Risk | None) -> str | None:
    return target(args, family, _TARGET, json_bytes)


def _stacked(row: Row) -> tuple[JsonObject, JsonObject]:
    return node.note(row.name), node.block(row.text)
