"""What a condition may cost at most, from its text and the size of what it looks at. Never too low; in nanoseconds.

RE2 is linear in the text, but with a factor of the pattern's size, it compiles the pattern with each call, and looking
for one long text in another takes time with both: an author could hold the event loop for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from bot.policy.cel_text import Token, closing, is_macro, over_literal

LIMIT = 50_000_000
"""Of one condition: 50 ms."""

TOTAL = 200_000_000
"""Of all conditions of one policy, or of one floor: each has its share."""

WEIGHT_LIMIT = 10_000
"""Of all patterns of one condition: some 10 ms for compiling them."""

_COMPILE, _STEP = 1_000, 30  # for each part of a pattern: once, and for each character
_VALUE, _CHARACTER, _SOUGHT = 30, 2, 10  # comparing one value, one character; looking for a text at one character
_NEEDLES = 30  # characters of the text that is looked for, at the cost of one more nanosecond
_ITERATIONS = 10_000  # CEL's own budget
_ANY_CLASS = 1_000  # \pL and its like are tables of hundreds of ranges
_COUNT = re.compile(r"\{(\d+)(,(\d*))?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:[^]]*:\]|[^]\\])*\]", re.DOTALL)
_PROPERTY = re.compile(r"\\[pP](?:\{[^}]*\}|.)", re.DOTALL)

Size = tuple[int, int]  # values, and characters in them
Sizes = Callable[[tuple[str, ...] | None], Size]
"""The size of a variable's member; of everything for None."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One place in a condition where time goes with the size of what is there."""

    each: int  # nanoseconds for each call
    character: int  # and for each character
    value: int  # and for each value
    needle: int | None  # characters that are looked for; None: as many as there are
    path: tuple[str, ...] | None  # what is looked at; None: nobody can tell
    loops: tuple[int | None, ...]  # the macros around it: so many rounds, or None for one with each value
    parts: bool  # whether its innermost loop goes through the parts of the arguments, one at a time

    def price(self, sizes: Sizes, mentions: int) -> int:
        values, characters = sizes(self.path)
        rounds = over = _rounds(self.loops, sizes)
        if self.path is None and self.parts:
            over = _rounds(self.loops[:-1], sizes)
        elif self.path is None:
            over *= max(mentions, 1)  # put together with +
        needle = sizes(None)[1] * max(mentions, 1) if self.needle is None else self.needle
        return rounds * self.each + over * (values * self.value + characters * (self.character + needle // _NEEDLES))


def _rounds(loops: tuple[int | None, ...], sizes: Sizes) -> int:
    return min(prod(loop or sizes(None)[0] for loop in loops), _ITERATIONS)


def charges(read: Sequence[Token], literal: Callable[[Token], str]) -> tuple[Charge, ...]:
    """All such places. `literal` gives the text that a written string stands for."""
    return tuple(_charges(read, literal))


def weight(pattern: str) -> int:
    """The parts of a pattern after its counted repetitions are written out; RE2's program is about as long."""
    if r"\Q" in pattern:  # quotes what would have a meaning
        return _ANY_CLASS * len(pattern) * prod(_most(count) for count in _COUNT.finditer(pattern))
    groups, atom, at = [0], 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "(":
            groups[-1] += atom
            groups.append(0)
            atom, at = 0, at + 1
        elif character == ")":
            inner = groups.pop() + atom if len(groups) > 1 else groups[0] + atom
            groups = groups or [0]
            atom, at = inner + 2, at + 1
        elif found := _COUNT.match(pattern, at):
            atom, at = (atom + 1) * _most(found), found.end()
        elif character in "*+?":
            atom, at = atom + 1, at + 1
        else:
            groups[-1] += atom
            atom, at = _atom(pattern, at)
    total = sum(groups) + atom
    return 2 * total if "(?" in pattern else total  # (?i) doubles letters


def _atom(pattern: str, at: int) -> tuple[int, int]:
    if found := _PROPERTY.match(pattern, at):
        return _ANY_CLASS, found.end()
    if pattern[at] == "\\":
        return 4, at + 2
    if pattern[at] == "[" and (found := _CLASS.match(pattern, at)):
        wide = _PROPERTY.search(found[0]) is not None
        return (_ANY_CLASS if wide else 5 + len(found[0]) // 8), found.end()
    return 4 if pattern[at] in ".|^$" or not pattern[at].isascii() else 1, at + 1


def _most(count: re.Match[str]) -> int:
    return max(int(count[1]), int(count[3] or 0), 1)


def _charges(read: Sequence[Token], literal: Callable[[Token], str]) -> Iterator[Charge]:
    macros = list(_macros(read))
    for place, token in enumerate(read):
        if token.kind != "name":
            continue
        around = [macro for macro in macros if macro.begin < place < macro.end]
        loops = tuple(macro.rounds for macro in around)
        is_call = place + 1 < len(read) and read[place + 1].text == "(" and place > 0 and read[place - 1].text == "."
        if token.text in ("matches", "contains") and is_call:
            path = _path_before(read, place - 1)
            of_parts = bool(around) and around[-1].of_args and path == (around[-1].variable,)
            hidden = path is not None and any(macro.variable == path[0] for macro in around)
            known = path if path is not None and path[0] in _ROOTS and not hidden else None
            argument = read[place + 2]
            if token.text == "matches":
                heavy = weight(literal(argument))
                yield Charge(_COMPILE * heavy, _STEP * heavy, 0, 0, known, loops, of_parts)
            else:
                alone = read[place + 3].text == ")"
                needle = len(literal(argument)) if alone and argument.kind == "string" else None
                if alone and argument.kind == "name":
                    needle = _longest(argument, around)
                yield Charge(_VALUE, _SOUGHT, 0, needle, known, loops, of_parts)
        elif token.text == "args" and (place == 0 or read[place - 1].text != "."):
            yield Charge(0, _CHARACTER, _VALUE, 0, _path_after(read, place), loops, False)


_ROOTS = frozenset({"args", "action", "tool", "session", "agent", "creator", "requester"})


@dataclass(frozen=True, slots=True)
class _Macro:
    begin: int  # of its body, with the variable
    end: int
    variable: str
    rounds: int | None  # None: as many as there are values
    of_args: bool  # goes through a plain member of args
    longest: int | None  # of the constants that it goes through; None when it goes through others


def _macros(read: Sequence[Token]) -> Iterator[_Macro]:
    for place in range(len(read) - 2):
        if is_macro(read, place):
            path = _path_before(read, place - 1)
            yield _Macro(
                begin=place + 1,
                end=closing(read, place + 1),
                variable=read[place + 2].text,
                rounds=_written(read, place - 2),
                of_args=path is not None and path[0] == "args",
                longest=_longest_before(read, place - 2) if over_literal(read, place) else None,
            )


def _longest(argument: Token, around: Sequence[_Macro]) -> int | None:
    """How long the text of this variable may be; of several macros with one name the innermost counts."""
    own = [macro for macro in around if macro.variable == argument.text]
    return own[-1].longest if own else None


def _longest_before(read: Sequence[Token], end: int) -> int:
    """The longest text in the list that ends here."""
    begin = next(at for at in range(end, -1, -1) if read[at].text == "[" and read[at].kind == "other")
    return max((len(token.text) for token in read[begin:end]), default=0)


def _written(read: Sequence[Token], end: int) -> int | None:
    """How many values a list has that its author wrote; None when the place is no end of such a list."""
    if end < 0 or read[end].text != "]" or read[end].kind != "other":
        return None
    depth, commas = 0, 0
    for at in range(end, -1, -1):
        token = read[at]
        if token.kind == "other":
            depth += {"]": 1, "[": -1}.get(token.text, 0)
            commas += token.text == ","
        if depth == 0:
            indexes = at > 0 and (read[at - 1].kind != "other" or read[at - 1].text in ")]}")
            return None if indexes else commas + 1
    return None


def _path_before(read: Sequence[Token], dot: int) -> tuple[str, ...] | None:
    """The plain dotted name that ends before this dot."""
    names: list[str] = []
    while dot > 0 and read[dot].text == "." and read[dot - 1].kind == "name":
        names.insert(0, read[dot - 1].text)
        dot -= 2
    return tuple(names) if names and (dot < 0 or read[dot].text != ".") else None


def _path_after(read: Sequence[Token], place: int) -> tuple[str, ...]:
    """The plain dotted name that begins here, without a function that is called on it."""
    names = [read[place].text]
    while place + 2 < len(read) and read[place + 1].text == "." and read[place + 2].kind == "name":
        place += 2
        names.append(read[place].text)
    called = place + 1 < len(read) and read[place + 1].text == "("
    return tuple(names[:-1] if called and len(names) > 1 else names)
