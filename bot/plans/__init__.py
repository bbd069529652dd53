"""Asking plans: who is asked when, how people are reminded, how a question ends. Pure; docs/asking.md specifies them.

bot.questioning finds the people that a plan names, bot.reminders takes its steps when they are due.
"""

from bot.plans.matching import plan_for
from bot.plans.quiet import Hours, Usual, Wishes, hours_of
from bot.plans.reading import PlanFault, parse_plan, plan_document
from bot.plans.starter import starter_plan, starter_terms
from bot.plans.stored import as_json, from_json
from bot.plans.values import (
    BUDGETS,
    AskingPlan,
    AskingRule,
    Budgets,
    QuestionPlan,
    Quiet,
    Step,
    Terms,
)

__all__ = [
    "BUDGETS",
    "AskingPlan",
    "AskingRule",
    "Budgets",
    "Hours",
    "PlanFault",
    "QuestionPlan",
    "Quiet",
    "Step",
    "Terms",
    "Usual",
    "Wishes",
    "as_json",
    "from_json",
    "hours_of",
    "parse_plan",
    "plan_document",
    "plan_for",
    "starter_plan",
    "starter_terms",
]
