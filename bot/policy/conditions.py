"""Conditions: CEL expressions, type-checked when written, evaluated without ever raising.

Two things that CEL allows are refused here because an agent could stall the service with them: a pattern of `matches`
that is not written out, and windows and paths of `rate` and `today` that are not. See also `LARGE`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from bot.policy import cel_text, metering, price
from bot.policy.facts import TEXT_LIMIT, VARIABLES, Facts
from bot.policy.parser_words import plainly

CACHED, CACHED_LONG, LONG = 2048, 160, 300
"""Compiled conditions that are kept; those of more than LONG characters take up to 300 KB each."""

LARGE = 2_000_000
"""Steps: how often a condition that relates values of args to each other may touch a character (some 10 ms)."""

GATHERED = 500
"""Values of args up to which lists are built (`map`, `filter`): CEL copies the list with each step."""

_ITERATIONS = 10_000  # CEL's own budget
_REASON_LIMIT = 200
_CARET_LIMIT = 80
_PLACE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class ConditionFault(ValueError):
    """The text is no condition: where and why. `caret` is the line with a mark below the place."""

    def __init__(self, line: int, column: int, detail: str, caret: str) -> None:
        super().__init__(f"line {line}, column {column}: {detail}")
        self.line = line
        self.column = column
        self.detail = detail
        self.caret = caret


@dataclass(frozen=True, slots=True)
class Failure:
    """The condition could not be evaluated on this request."""

    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. Two with the same text are equal."""

    text: str
    metered: bool = field(compare=False)  # asks rate or today
    asks_requester: bool = field(compare=False)
    windows: tuple[str, ...] = field(compare=False)  # of rate
    paths: tuple[str, ...] = field(compare=False)  # of today
    rounds: int = field(compare=False)  # bot.policy.cel_text.rounds
    charges: tuple[price.Charge, ...] = field(compare=False, repr=False)
    mentions: int = field(compare=False)  # of args
    program: Any = field(compare=False, repr=False)

    def holds(self, facts: Facts, meter: metering.Meter | None = None, *, share: int = price.LIMIT) -> bool | Failure:
        """Whether it holds for the request, or why that cannot be said. Never raises, nor costs more than `share`."""
        token = metering.METER.set(meter)
        try:
            if self.rounds and facts.steps(self.rounds, _ITERATIONS, GATHERED) > LARGE:
                return Failure("args are too large for a condition that relates their values to each other")
            if sum(charge.price(facts.size, self.mentions) for charge in self.charges) > min(share, price.LIMIT):
                return Failure("the texts are too long for what the condition does with them")
            return _outcome(self.program.eval(facts.activation(environment())), self.text)
        except Exception as fault:  # CEL's limits, and values that CEL has no form for
            return Failure(_reason(fault, self.text))
        finally:
            metering.METER.reset(token)


def compile_condition(text: str) -> Condition:
    """The condition, type-checked. Raises ConditionFault with the place of the first thing that is wrong."""
    _refuse_unreadable(text)
    return _short(text) if len(text) <= LONG else _long(text)


def _compiled(text: str) -> Condition:
    try:
        program = environment().compile(text)
    except (RuntimeError, TypeError) as fault:
        raise _fault_of(text, str(fault)) from None
    if program.return_type() != cel.Type.BOOL:
        kind = program.return_type().name().lower()
        detail = "compare it with something: this may be any value" if kind == "dyn" else f"this gives {kind}"
        raise _fault(text, 0, f"a condition gives true or false; {detail}")
    read = cel_text.tokens(text)
    windows = _literals(text, read, "rate", metering.window_of)
    paths = _literals(text, read, "today", metering.path_of)
    weights = [price.weight(pattern) for pattern in _literals(text, read, "matches", _light)]
    if sum(weights) > price.WEIGHT_LIMIT:
        raise _fault(text, 0, _HEAVY)
    _literals(text, read, "matches", _pattern)
    return Condition(
        text=text,
        metered=bool(windows or paths),
        asks_requester=cel_text.mentions(read, "requester"),
        windows=windows,
        paths=paths,
        rounds=cel_text.rounds(read),
        charges=price.charges(read, _literal),
        mentions=sum(token.text == "args" for token in read),
        program=program,
    )


_short, _long = lru_cache(CACHED)(_compiled), lru_cache(CACHED_LONG)(_compiled)


@lru_cache(1)
def environment() -> cel.Env:
    """What conditions may use."""
    return cel.NewEnv(
        variables=VARIABLES,
        functions=[
            _function("rate", cel.Type.INT, metering.rate),
            # A static double would compare with no int literal.
            _function("today", cel.Type.DYN, metering.today),
        ],
    )


def _function(name: str, gives: cel.Type, run: Any) -> cel.FunctionDecl:
    overload = cel.Overload(
        id=f"{name}_text", return_type=gives, parameters=[cel.Type.STRING], is_member=False, impl=run
    )
    return cel.FunctionDecl(name, [overload])


def _outcome(value: cel.Value, text: str) -> bool | Failure:
    if value.type() == cel.Type.BOOL:
        return bool(value.value())
    return Failure(_reason(value.value(), text))


def _reason(fault: object, condition: str) -> str:
    """CEL's words in one printable line. What they quote stands only where the condition says it: the key of a map
    may be a value that an agent sent, a secret even, and reasons go to the audit, to chats and to programs.
    """
    said = _STATUS.sub("", str(fault))
    before, quote, quoted = said.partition('"')
    if quote and quoted.removesuffix('"') not in condition:
        said = before.rstrip(" :") or type(fault).__name__
    text = "".join(c if c.isprintable() else " " for c in said)
    return text[:_REASON_LIMIT] or type(fault).__name__


def _refuse_unreadable(text: str) -> None:
    if not text.strip():
        raise ConditionFault(1, 1, "a condition is a CEL expression, not an empty text", "")
    if len(text) > TEXT_LIMIT:
        raise ConditionFault(1, 1, f"longer than {TEXT_LIMIT} characters", "")
    for at, character in enumerate(text):
        if character not in "\n\t " and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise _fault(text, at, f"control or invisible character U+{ord(character):04X}", shown=False)


def _literals(text: str, read: list[cel_text.Token], function: str, check: Any) -> tuple[str, ...]:
    """The literal texts that a function is called with, each acceptable to `check`."""
    found = []
    for call in cel_text.calls(read, function):
        if call.literal is None:
            raise _fault(text, call.at, f"{function} takes one text that is written out, in quotes")
        literal = _literal(call.literal)
        try:
            check(literal)
        except metering.Unmeasured as fault:
            raise _fault(text, call.literal.at, str(fault)) from None
        found.append(literal)
    return tuple(dict.fromkeys(found))


def _literal(token: cel_text.Token) -> str:
    return str(environment().compile(token.text).eval(data={}).value())


_HEAVY = "the patterns are too large: write smaller counts in {…}, or fewer classes such as \\pL"


def _light(pattern: str) -> None:
    if price.weight(pattern) > price.WEIGHT_LIMIT:
        raise metering.Unmeasured(_HEAVY)


def _pattern(pattern: str) -> None:
    """RE2 is asked itself: its syntax is not Python's."""
    tried = environment().compile("action.matches(session)").eval(data={"action": "", "session": pattern})
    if tried.type() != cel.Type.BOOL:
        raise metering.Unmeasured(_reason(tried.value(), str(tried.value())))


def _fault_of(text: str, said: str) -> ConditionFault:
    """CEL's first complaint."""
    found = _PLACE.search(said)
    if found is None:
        return ConditionFault(1, 1, _STATUS.sub("", said.partition("\n")[0])[:_REASON_LIMIT], "")
    detail = plainly(found[3].replace(" (in container '')", "").removesuffix(" [INVALID_ARGUMENT]"))[:_REASON_LIMIT]
    line, column = max(int(found[1]), 1), max(int(found[2]), 1)
    return ConditionFault(line, column, detail, _caret(text, line, column))


def _fault(text: str, at: int, detail: str, *, shown: bool = True) -> ConditionFault:
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    return ConditionFault(line, column, detail, _caret(text, line, column) if shown else "")


def _caret(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    source = lines[min(line, len(lines)) - 1].replace("\t", " ")
    start = max(column - 1 - _CARET_LIMIT // 2, 0)
    before = source[start : column - 1].ljust(column - 1 - start)
    dots = "".join("．" if unicodedata.east_asian_width(c) in "WF" else "." for c in before)
    return f"{source[start : start + _CARET_LIMIT]}\n{dots}^"
