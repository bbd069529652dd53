"""The part of YAML that every reader understands alike, with the place of every member."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import AliasEvent, Event
from yaml.reader import ReaderError

from bot.asking.strict_json import DEPTH_LIMIT, faults, join
from bot.policy.places import FileFault, Place, place_at
from models.values import Json

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LITERALS: Mapping[str, Json] = {"true": True, "false": False, "null": None}
_NUMBER_LIKE = re.compile(
    r"[+-]?[0-9][0-9a-fA-F_:.oOxXeE+-]*|[+-]?\.[0-9][0-9_eE+-]*|[+-]?\.(?:inf|nan)", re.IGNORECASE
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "=", "<<"})
_TEXT = "tag:yaml.org,2002:str"


class _Mark(Protocol):
    """Where PyYAML saw something; counts from 0."""

    line: int
    column: int


class _Loader(yaml.SafeLoader):
    """Composes nodes without anchors, aliases, tags and depth; constructs nothing."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        _refuse_reference(event)
        self.depth += 1
        if self.depth > DEPTH_LIMIT + 1:
            raise FileFault(_place(event.start_mark), f"nested deeper than {DEPTH_LIMIT} levels")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _refuse_reference(event: Event) -> None:
    place = _place(event.start_mark)
    if isinstance(event, AliasEvent):
        raise FileFault(place, f'“*{event.anchor}” would be an alias; to mean the text, quote it: "*{event.anchor}"')
    if getattr(event, "anchor", None) is not None:
        raise FileFault(place, "anchors are not taken; to mean a text that begins with &, quote it")
    if getattr(event, "tag", None) is not None:
        raise FileFault(place, "tags are not taken; to mean a text that begins with !, quote it")


def read_yaml(text: str) -> tuple[Json, Mapping[str, Place]]:
    """The value and the place of each path. Raises FileFault."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except ReaderError as fault:
        raise FileFault(place_at(text, fault.position), "a character that YAML does not take") from None
    except MarkedYAMLError as fault:
        raise FileFault(_marked_place(fault), _wording(fault)) from None
    if node is None:
        raise FileFault(Place(1, 1), "the file is empty")
    places: dict[str, Place] = {}
    return _value(node, "", places), places


def is_surprising(plain: str) -> bool:
    """Whether some reader takes this text, written without quotes, for something else than a text."""
    if plain.lower() in _WORDS or _NUMBER_LIKE.fullmatch(plain):
        return True
    return bool(yaml.SafeLoader("").resolve(yaml.ScalarNode, plain, (True, False)) != _TEXT)  # type: ignore[no-untyped-call]


def _value(node: yaml.Node, path: str, places: dict[str, Place]) -> Json:
    places.setdefault(path, _place(node.start_mark))
    match node:
        case yaml.MappingNode():
            return _members(node, path, places)
        case yaml.SequenceNode():
            return [_value(item, f"{path}[{position}]", places) for position, item in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node)
        case _:
            raise FileFault(_place(node.start_mark), "not a value of JSON")


def _members(node: yaml.MappingNode, path: str, places: dict[str, Place]) -> Json:
    found: dict[str, Json] = {}
    for key_node, value_node in node.value:
        place = _place(key_node.start_mark)
        key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            raise FileFault(place, "a key is a text; quote it")
        below = join(path, key)
        if key in found:
            raise FileFault(place, f"“{key[:100]}” stands twice here, first on line {places[below].line}")
        places[below] = place
        found[key] = _value(value_node, below, places)
    return found


def _scalar(node: yaml.ScalarNode) -> Json:
    """A quoted or block scalar is text; a plain one is text unless it is a literal or a number of JSON."""
    value = _plain(node) if node.style is None else str(node.value)
    if fault := next(faults(value), None):
        raise FileFault(_place(node.start_mark), fault.detail)
    return value


def _plain(node: yaml.ScalarNode) -> Json:
    text = str(node.value)
    if text in _LITERALS:
        return _LITERALS[text]
    if number := _NUMBER.fullmatch(text):
        return float(text) if number[1] or number[2] else _integer(text, node)
    if not text:
        raise FileFault(_place(node.start_mark), "nothing is written here; write a value, or null")
    if is_surprising(text):
        raise FileFault(_place(node.start_mark), f'readers differ in what “{text[:100]}” is; quote it: "{text[:100]}"')
    return text


def _integer(text: str, node: yaml.ScalarNode) -> int:
    if len(text) > 20:  # far beyond what is exact, and int() takes its time
        raise FileFault(_place(node.start_mark), "an integer beyond 2^53 - 1 is not exact; quote it")
    return int(text)


def _marked_place(fault: MarkedYAMLError) -> Place:
    return _place(fault.problem_mark or fault.context_mark)


def _wording(fault: MarkedYAMLError) -> str:
    problem, context = fault.problem or "not YAML", fault.context
    if "expected alphabetic or numeric" in problem:  # a glob at the start of a plain scalar
        return f'{problem}; a text that begins with * or & must be quoted: "*"'
    if "mapping values" in problem:
        return f"{problem}; a text that holds “: ” must be quoted"
    return f"{problem} ({context})" if context else problem


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
