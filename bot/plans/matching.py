"""Which terms of a plan are for an action request. Nothing is awaited or looked up."""

from __future__ import annotations

from bot.plans.values import AskingPlan, AskingRule, QuestionPlan, Step, Terms, usual_severity
from bot.policy.conditions import Failure
from bot.policy.facts import Facts
from bot.policy.price import TOTAL
from models.enums import Ending, Severity
from models.values import Question

DEFAULT_NAME = "default"


def plan_for(plan: AskingPlan, question: Question, *, grave: bool) -> QuestionPlan:
    """How this question is asked. A condition that cannot be evaluated counts as true and as false, and the stricter
    terms stand: whatever an agent sends, it gets no fewer approvals by it.
    """
    name, terms = max(_candidates(plan, question, grave=grave), key=lambda each: _strictness(each[1]))
    return QuestionPlan(
        name=name,
        severity=terms.severity or usual_severity(grave=grave),
        approvals=terms.approvals,
        separate_duties=terms.separate_duties,
        open_for=terms.open_for,
        ending=terms.ending,
        steps=terms.steps,
        version=plan.version,
        groups={group: plan.groups[group] for group in _groups(terms.steps) if group in plan.groups},
        budgets=plan.budgets,
        quiet=plan.quiet,
    )


def _candidates(plan: AskingPlan, question: Question, *, grave: bool) -> list[tuple[str, Terms]]:
    """The rules that may match, and the first that surely does; `max` takes the earliest of equals.

    A rule may match when its condition failed, and when the names match but for case and width: an agent that writes
    "PAY" for "pay" slips through no rule.
    """
    found: list[tuple[str, Terms]] = []
    facts = Facts(question)
    share = TOTAL // max(sum(rule.when is not None for rule in plan.questions), 1)
    for rule in plan.questions:
        if not rule.match.applies(question, folded=True):
            continue
        outcome = _holds(rule, facts, share)
        if outcome is not False:
            found.append((rule.name, rule.terms_of(grave=grave)))
        if outcome is True and rule.match.applies(question):
            return found
    return [*found, (DEFAULT_NAME, plan.otherwise(grave=grave))]


def _holds(rule: AskingRule, facts: Facts, share: int) -> bool | Failure:
    return True if rule.when is None else rule.when.holds(facts, None, share=share)


def _strictness(terms: Terms) -> tuple[int, bool, int, bool]:
    severity = list(Severity).index(terms.severity or Severity.NORMAL)
    return terms.approvals, terms.separate_duties, severity, terms.ending is Ending.REJECT


def _groups(steps: tuple[Step, ...]) -> list[str]:
    named = (ref.removeprefix("group:") for step in steps for ref in step.ask if ref.startswith("group:"))
    return list(dict.fromkeys(named))
