"""Policies and floors: parsed when written, evaluated without I/O. docs/policy.md specifies their language."""

from bot.policy.conditions import Condition, ConditionFault, compile_condition
from bot.policy.counters import Applies, Counters
from bot.policy.evaluate import asks_requester, evaluate, explain, metered
from bot.policy.globs import Glob
from bot.policy.matching import Match
from bot.policy.parse import (
    document,
    effective,
    floor_document,
    parse_floor,
    parse_policy,
    with_default,
    with_floor_level,
    with_level,
)
from bot.policy.reading import PolicyFault
from bot.policy.rules import Floor, Policy, Rule
from bot.policy.starter import STARTER, starter_floor, starter_policy

__all__ = [
    "STARTER",
    "Applies",
    "Condition",
    "ConditionFault",
    "Counters",
    "Floor",
    "Glob",
    "Match",
    "Policy",
    "PolicyFault",
    "Rule",
    "asks_requester",
    "compile_condition",
    "document",
    "effective",
    "evaluate",
    "explain",
    "floor_document",
    "metered",
    "parse_floor",
    "parse_policy",
    "starter_floor",
    "starter_policy",
    "with_default",
    "with_floor_level",
    "with_level",
]
