"""Untrusted texts ready to stand on a card: masked, made visible, cut to the budget of their place.

`Bilingual.format` is only ever given results of these functions, so braces in a name are never read as a format.
"""

from __future__ import annotations

from collections.abc import Sequence

from cards.argument_types import told
from cards.escape import head_tail, json_bytes, one_line, plain
from cards.mask import mask, mask_text
from cards.words import ACTIONS, Bilingual
from models.values import Json

_NAME = 180  # bytes as JSON at worst: 30 Chinese characters or 180 Latin ones
_MOST_NAMES = 5
_CLAIM = 1_200
_REASON = 1_200
_RESULT = 2_400
_LONGEST_READ = 20_000  # characters that are looked at before cutting


def name(text: str, max_bytes: int = _NAME) -> str:
    """A name on one line; never empty, so that a sentence around it stays one."""
    return one_line(mask_text(text[:1_000]), max_bytes, size=json_bytes) or "—"


def names(people: Sequence[str], most: int = _MOST_NAMES) -> str:
    listed = ", ".join(name(person, 90) for person in people[:most])
    return f"{listed} … (+{len(people) - most})" if len(people) > most else listed


def action_phrase(action_type: str) -> Bilingual | None:
    """The verb phrase of a known action type."""
    return ACTIONS.get(action_type)


def action_words(action_type: str) -> Bilingual:
    """The action as a phrase of its own."""
    raw = name(action_type)
    return action_phrase(action_type) or Bilingual(raw, raw)


def quoted(text: str) -> str:
    """The agent's own words, a bar before each line: a line break cannot leave the quotation."""
    cut = plain(mask_text(text[:_LONGEST_READ].strip()), _CLAIM - 12 * 8, max_lines=12, size=json_bytes)
    return "\n".join(f"▎{line}" for line in cut.split("\n"))


def said(text: str) -> str:
    """A person's words."""
    return plain(mask_text(text[:_LONGEST_READ].strip()), _REASON, max_lines=20, size=json_bytes)


def result_text(result: Json) -> str:
    """What the execution gave back; whole in the database, cut here."""
    masked = mask(result)
    text = _members(masked) if isinstance(masked, dict) and _is_flat(masked) else told(masked)
    return head_tail(text, _RESULT, max_lines=40, size=json_bytes)


def _is_flat(result: dict[str, Json]) -> bool:
    """Whether each member fits on a line, so that braces and quotes would only be in the way."""
    return 0 < len(result) <= 12 and not any(isinstance(value, (dict, list)) for value in result.values())


def _members(result: dict[str, Json]) -> str:
    return "\n".join(f"{member}: {told(value)}" for member, value in result.items())


def error_text(error: str) -> str:
    return head_tail(mask_text(error[:_LONGEST_READ]), 1_000, max_lines=20, size=json_bytes)
