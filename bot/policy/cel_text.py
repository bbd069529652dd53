"""What the text of a condition says of its cost and its needs, before it is ever run. Only for text that compiles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)
    |(?P<string>
        [bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"{3}(?:\\.|.)*?\"{3}|'{3}(?:\\.|.)*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_GATHERING = frozenset({"map", "filter"})  # these copy the list that they build with each step


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # string, name, other
    text: str
    at: int  # offset in characters


@dataclass(frozen=True, slots=True)
class Call:
    """A function that is called with one literal text, or with something else (`literal` is None)."""

    function: str
    at: int
    literal: Token | None


def tokens(text: str) -> list[Token]:
    return [
        Token(found.lastgroup or "", found.group(), found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "skip"
    ]


def mentions(read: Sequence[Token], name: str) -> bool:
    """Whether a variable of this name, or with this first part, is used."""
    return any(
        token.kind == "name" and token.text == name and (place == 0 or read[place - 1].text != ".")
        for place, token in enumerate(read)
    )


def calls(read: Sequence[Token], function: str) -> Iterator[Call]:
    for place, token in enumerate(read[:-1]):
        if token.kind == "name" and token.text == function and read[place + 1].text == "(":
            argument = read[place + 2 : place + 4]
            literal = len(argument) == 2 and argument[0].kind == "string" and argument[1].text == ")"
            yield Call(function, token.at, argument[0] if literal else None)


def rounds(read: Sequence[Token]) -> int:
    """How many times over the condition may go through args: its cost grows with this power of their size.

    0 when the cost is linear: no macro, or one whose body looks at nothing but the element. Never too small.
    """
    return max((_rounds(read, place) for place in range(len(read)) if is_macro(read, place)), default=0)


def _rounds(read: Sequence[Token], place: int) -> int:
    body = read[place + 2 : closing(read, place + 1)]
    inner = max((1 + _rounds(body, at) for at in range(len(body)) if is_macro(body, at)), default=0)
    if over_literal(read, place):
        return max(inner - 1, 0)
    return max(inner, 1 if read[place].text in _GATHERING or mentions(body, "args") else 0)


def is_macro(read: Sequence[Token], place: int) -> bool:
    return (
        read[place].text in _MACROS
        and 0 < place < len(read) - 1
        and read[place - 1].text == "."
        and read[place + 1].text == "("
    )


def over_literal(read: Sequence[Token], place: int) -> bool:
    """Whether the macro goes through a list that its author wrote: `["a", "b"].exists(…)`."""
    if place < 2 or read[place - 2].text != "]":
        return False
    depth = 0
    for at in range(place - 2, -1, -1):
        depth += {"]": 1, "[": -1}.get(read[at].text, 0) if read[at].kind == "other" else 0
        if depth == 0:
            within = read[at + 1 : place - 2]
            opens_index = at > 0 and (read[at - 1].kind != "other" or read[at - 1].text in ")]}")
            return not opens_index and all(
                token.kind == "string" or token.text in ",-." or token.text.isdigit() for token in within
            )
    return False


def closing(read: Sequence[Token], opening: int) -> int:
    depth = 0
    for place in range(opening, len(read)):
        if read[place].kind == "other":
            depth += {"(": 1, ")": -1}.get(read[place].text, 0)
        if depth == 0:
            return place
    return len(read)
