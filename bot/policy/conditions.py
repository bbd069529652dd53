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

from bot.policy import cel_text, metering
from bot.policy.facts import VARIABLES, Facts

TEXT_LIMIT = 2000  # characters
CACHED = 4096
LARGE = 2_000_000
"""Steps: how often a condition that relates values of args to each other may touch a character (some 10 ms)."""

GATHERED = 500
"""Values of args up to which lists are built (`map`, `filter`): CEL copies the list with each step."""

_ITERATIONS = 10_000  # CEL's own budget
_REASON_LIMIT = 200
_CARET_LIMIT = 80
_PLACE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_MEANT = {
    "and": "; write &&",
    "AND": "; write &&",
    "or": "; write ||",
    "OR": "; write ||",
    "not": "; write !",
    "=": "; write ==",
}
"""What people write who know another language."""

_PARSER_WORDS = (
    (re.compile(r"Syntax error: \w+ input '<EOF>' expecting .*"), "it ends too early"),
    (re.compile(r"Syntax error: \w+ input '(.+?)' expecting .*"), "'{0}' is not expected here{1}"),
    (re.compile(r"Syntax error: no viable alternative at input '.*"), "this cannot be read"),
    (re.compile(r"Syntax error: token recognition error at: '(=|.+?) ?'"), "'{0}' is not expected here{1}"),
)
_OPERATOR = re.compile(r"'_?(\W+?)_?' (?=applied to )")
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
    program: Any = field(compare=False, repr=False)

    def holds(self, facts: Facts, meter: metering.Meter | None = None) -> bool | Failure:
        """Whether it holds for the request, or why that cannot be said. Never raises."""
        token = metering.METER.set(meter)
        try:
            if self.rounds and facts.steps(self.rounds, _ITERATIONS, GATHERED) > LARGE:
                return Failure("args are too large for a condition that relates their values to each other")
            return _outcome(self.program.eval(facts.activation(environment())))
        except Exception as fault:  # CEL's limits, and values that CEL has no form for
            return Failure(_reason(fault))
        finally:
            metering.METER.reset(token)


@lru_cache(CACHED)
def compile_condition(text: str) -> Condition:
    """The condition, type-checked. Raises ConditionFault with the place of the first thing that is wrong."""
    _refuse_unreadable(text)
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
    _literals(text, read, "matches", _pattern)
    return Condition(
        text=text,
        metered=bool(windows or paths),
        asks_requester=cel_text.mentions(read, "requester"),
        windows=windows,
        paths=paths,
        rounds=cel_text.rounds(read),
        program=program,
    )


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


def _outcome(value: cel.Value) -> bool | Failure:
    if value.type() == cel.Type.BOOL:
        return bool(value.value())
    return Failure(_reason(value.value()))


def _reason(fault: object) -> str:
    """CEL's words in one printable line; they may quote what an agent sent."""
    text = "".join(c if c.isprintable() else " " for c in _STATUS.sub("", str(fault)))
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
        literal = str(environment().compile(call.literal.text).eval(data={}).value())
        try:
            check(literal)
        except metering.Unmeasured as fault:
            raise _fault(text, call.literal.at, str(fault)) from None
        found.append(literal)
    return tuple(dict.fromkeys(found))


def _pattern(pattern: str) -> None:
    """RE2 is asked itself: its syntax is not Python's."""
    tried = environment().compile("action.matches(session)").eval(data={"action": "", "session": pattern})
    if tried.type() != cel.Type.BOOL:
        raise metering.Unmeasured(_reason(tried.value()))


def _fault_of(text: str, said: str) -> ConditionFault:
    """CEL's first complaint."""
    found = _PLACE.search(said)
    if found is None:
        return ConditionFault(1, 1, _STATUS.sub("", said.partition("\n")[0])[:_REASON_LIMIT], "")
    detail = _plainly(found[3].replace(" (in container '')", "").removesuffix(" [INVALID_ARGUMENT]"))[:_REASON_LIMIT]
    line, column = max(int(found[1]), 1), max(int(found[2]), 1)
    return ConditionFault(line, column, detail, _caret(text, line, column))


def _plainly(detail: str) -> str:
    """The parser's own words as its user would say them; those of other faults as they are."""
    for pattern, words in _PARSER_WORDS:
        if found := pattern.fullmatch(detail):
            return "Syntax error: " + words.format(*found.groups(), *[_MEANT.get(one, "") for one in found.groups()])
    return _OPERATOR.sub(r"'\1' ", detail)


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
