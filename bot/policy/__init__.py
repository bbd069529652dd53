"""Policies: parsed when written, evaluated without I/O."""

from bot.policy.evaluate import evaluate, explain
from bot.policy.parse import PolicyFault, document, effective, parse_policy, with_default, with_level
from bot.policy.rules import ActionGlob, Policy, Rule
from bot.policy.starter import STARTER, starter_policy

__all__ = [
    "STARTER",
    "ActionGlob",
    "Policy",
    "PolicyFault",
    "Rule",
    "document",
    "effective",
    "evaluate",
    "explain",
    "parse_policy",
    "starter_policy",
    "with_default",
    "with_level",
]
