"""JSON with the place of every member."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]

from bot.asking.strict_json import NotStrict, decode, join
from bot.policy.places import FileFault, Place
from models.values import Json

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def read_json(text: str) -> tuple[Json, Mapping[str, Place]]:
    """The value and the place of each path. Raises FileFault."""
    try:
        value = decode(text.encode())
    except NotStrict as fault:
        raise FileFault(_fault_place(text), f"not usable JSON: {fault}") from None
    places: dict[str, Place] = {}
    _Walk(text, places).value(0, "")
    return value, places


def _fault_place(text: str) -> Place:
    """What is no JSON at all has a place; for the rest (a repeated key, a NUL) the fault names the path."""
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        return Place(fault.lineno, fault.colno)
    except RecursionError:
        pass
    return Place(1, 1)


class _Walk:
    """Over a text that is known to be sound JSON of little depth."""

    def __init__(self, text: str, places: dict[str, Place]) -> None:
        self._text = text
        self._places = places
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def value(self, at: int, path: str) -> int:
        """The index behind the value that begins here."""
        at = self._skip(at)
        if path not in self._places:
            self._mark(at, path)
        match self._text[at]:
            case "{":
                return self._members(at + 1, path)
            case "[":
                return self._items(at + 1, path)
            case '"':
                end: int = scanstring(self._text, at + 1)[1]
                return end
            case _:
                found = _SCALAR.match(self._text, at)
                return found.end() if found else at + 1

    def _members(self, at: int, path: str) -> int:
        at = self._skip(at)
        while self._text[at] != "}":
            start = at
            key, at = scanstring(self._text, at + 1)
            below = join(path, key)
            self._mark(start, below)
            at = self._skip(self.value(self._skip(at) + 1, below))
            at = self._skip(at + 1) if self._text[at] == "," else at
        return at + 1

    def _items(self, at: int, path: str) -> int:
        at, position = self._skip(at), 0
        while self._text[at] != "]":
            at = self._skip(self.value(at, f"{path}[{position}]"))
            at = self._skip(at + 1) if self._text[at] == "," else at
            position += 1
        return at + 1

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _mark(self, at: int, path: str) -> None:
        line = bisect_right(self._lines, at)
        self._places[path] = Place(line, at - self._lines[line - 1] + 1)
