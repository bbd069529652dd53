"""What an agent did before, as conditions may ask it: the port behind `rate` and `today`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeAlias

Applies: TypeAlias = Callable[[str, str], bool]
"""Whether a past run counts, by its action type and tool ("" for none)."""


class Counters(Protocol):
    """The past runs of one agent; a run is an allowed check, a claim, or an execution that the service started.

    The request under evaluation is no past run: `evaluate` adds it. Whoever keeps minutes counts the whole minute into
    which `since` falls, so that the answer is never less than the truth.
    """

    @property
    def midnight(self) -> datetime:
        """When today began, in the installation's time zone."""
        ...

    def count(self, applies: Applies, since: datetime) -> int:
        """How many runs there were from `since` on."""
        ...

    def total(self, applies: Applies, since: datetime, path: str) -> Decimal:
        """The sum of the numbers at a dotted path of their arguments; what is missing, negative or no number is 0."""
        ...
