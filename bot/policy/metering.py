"""`rate` and `today` while one condition is evaluated: past runs from the counters, and the request itself."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Context, Decimal, DecimalException

from bot.policy.counters import Applies, Counters
from models.values import Json, Question

_WINDOW = re.compile(r"([1-9][0-9]{0,3})([mh])")
_LONGEST = timedelta(hours=24)
_PATH = re.compile(r"[^.\s][^.]*(\.[^.]+)*")
_INT64 = 2**63
_EXACT = Context(prec=2000)  # enough for the sum of any numbers of JSON


class Unmeasured(Exception):
    """The number cannot be said; the text says why."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What one rule's condition may count."""

    question: Question
    counters: Counters | None
    applies: Applies
    known: dict[tuple[str, str], int | float] = field(default_factory=dict)

    def rate(self, window: str) -> int:
        past = self._counters().count(self.applies, self.question.now - window_of(window))
        return max(past, 0) + 1

    def today(self, path: str) -> int | float:
        counters = self._counters()
        amount = max(amount_at(self.question, path), Decimal(0))
        return _number(_EXACT.add(counters.total(self.applies, counters.midnight, path), amount))

    def _counters(self) -> Counters:
        if self.counters is None:
            raise Unmeasured("past runs are not counted here")
        return self.counters


METER: ContextVar[Meter | None] = ContextVar("METER", default=None)
"""The meter of the condition under evaluation: CEL binds functions once, for all evaluations."""


def rate(window: str) -> int:
    return int(_once("rate", window))


def today(path: str) -> int | float:
    return _once("today", path)


def _once(function: str, argument: str) -> int | float:
    """A macro may call thousands of times; the counters are asked once."""
    meter = METER.get()
    if meter is None:
        raise Unmeasured("nothing is counted here")
    key = (function, argument)
    if key not in meter.known:
        meter.known[key] = meter.rate(argument) if function == "rate" else meter.today(argument)
    return meter.known[key]


def window_of(text: str) -> timedelta:
    """ "90m" or "24h", from one minute to a day. Raises Unmeasured."""
    written = _WINDOW.fullmatch(text)
    if written is not None:
        number = int(written[1])
        window = timedelta(hours=number) if written[2] == "h" else timedelta(minutes=number)
        if window <= _LONGEST:
            return window
    raise Unmeasured('a window is a text from "1m" to "24h"')


def path_of(text: str) -> tuple[str, ...]:
    """The members that a dotted path goes through. Raises Unmeasured."""
    if _PATH.fullmatch(text) is None:
        raise Unmeasured('a path is a text such as "amount" or "order.total"')
    return tuple(text.split("."))


def amount_at(question: Question, path: str) -> Decimal:
    """The number at the path in this request's args. Raises Unmeasured when there is none."""
    found: Json = question.request.args
    for name in path_of(path):
        if not isinstance(found, dict) or name not in found:
            raise Unmeasured(f"args.{path} is missing")
        found = found[name]
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Unmeasured(f"args.{path} is no number")
    try:
        amount = Decimal(str(found))
    except (DecimalException, ValueError):
        raise Unmeasured(f"args.{path} is no usable number") from None
    if not amount.is_finite():
        raise Unmeasured(f"args.{path} is no usable number")
    return amount


def _number(total: Decimal) -> int | float:
    if not total.is_finite() or abs(total) >= _INT64:
        raise Unmeasured("the sum is beyond what can be compared")
    return int(total) if total == total.to_integral_value() else float(total)
