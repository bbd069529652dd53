"""What the rules in force count: which runs, which of their arguments, and how far back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from bot.policy.metering import path_of, window_of
from bot.policy.rules import Floor, Policy, Rule
from models.values import Json, JsonObject


@dataclass(frozen=True)
class Measures:
    """The rules with `rate` or `today` in their conditions."""

    of_policy: tuple[Rule, ...]
    of_floor: tuple[Rule, ...]

    @classmethod
    def of(cls, policy: Policy, floor: Floor) -> Measures:
        return cls(tuple(filter(_metered, policy.rules)), tuple(filter(_metered, floor.rules)))

    @cached_property
    def none(self) -> bool:
        return not self.of_policy and not self.of_floor

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Of the arguments that are summed."""
        conditions = [rule.when for rule in (*self.of_policy, *self.of_floor)]
        return tuple(sorted({path for when in conditions if when for path in when.paths}))

    @cached_property
    def window(self) -> timedelta:
        """The longest that `rate` looks back on."""
        conditions = [rule.when for rule in (*self.of_policy, *self.of_floor)]
        return max((window_of(text) for when in conditions if when for text in when.windows), default=timedelta())

    def counts(self, action_type: str, tool: str) -> bool:
        """Whether a run is counted: action and tool are those of a counting rule, whatever else the rule asks."""
        return any(self.kind(action_type, tool))

    def kind(self, action_type: str, tool: str) -> tuple[bool, ...]:
        """For each counting rule whether it counts such a run."""
        return (
            *(rule.match.names(action_type, tool) for rule in self.of_policy),
            *(rule.match.names_folded(action_type, tool) for rule in self.of_floor),
        )

    def amounts(self, args: JsonObject) -> dict[str, Decimal]:
        """What a run adds to the sums, by path."""
        found = {path: _number_at(args, path) for path in self.paths}
        return {path: amount for path, amount in found.items() if amount > 0}

    def since(self, midnight: datetime, now: datetime) -> datetime:
        """No counter looks back further."""
        return min(midnight, now - self.window) if self.paths else now - self.window


def _metered(rule: Rule) -> bool:
    return rule.when is not None and rule.when.metered


def _number_at(args: JsonObject, path: str) -> Decimal:
    """Zero for what is missing or no number: then the rule was decided strictly when it ran."""
    found: Json = args
    for name in path_of(path):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return Decimal()
    return Decimal(str(found))
