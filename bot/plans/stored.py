"""A question's own plan as its row keeps it. It was valid when it was written, so reading it checks nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from bot.plans.values import QuestionPlan, Quiet, Step
from models.enums import Ending, Nudge, Severity


def as_json(plan: QuestionPlan) -> str:
    """Canonical JSON: the same plan is always the same text."""
    stored = {
        "name": plan.name,
        "version": plan.version,
        "severity": plan.severity.value,
        "approvals": plan.approvals,
        "separate_duties": plan.separate_duties,
        "open_for": plan.open_for.total_seconds(),
        "ending": plan.ending.value,
        "steps": [_step(step) for step in plan.steps],
        "groups": {name: list(members) for name, members in plan.groups.items()},
        "budgets": {nudge.value: plan.budgets[nudge] for nudge in Nudge if nudge in plan.budgets},
        "quiet": {
            "hours": plan.quiet.hours,
            "days": plan.quiet.days,
            "critical_passes": plan.quiet.critical_passes,
        },
    }
    return json.dumps(stored, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> QuestionPlan:
    """What `as_json` wrote. A row from before there were plans keeps "": ask `starter_plan` instead."""
    stored: dict[str, Any] = json.loads(text)
    quiet: dict[str, Any] = stored["quiet"]
    return QuestionPlan(
        name=stored["name"],
        version=stored["version"],
        severity=Severity(stored["severity"]),
        approvals=stored["approvals"],
        separate_duties=stored["separate_duties"],
        open_for=timedelta(seconds=stored["open_for"]),
        ending=Ending(stored["ending"]),
        steps=tuple(_read_step(step) for step in stored["steps"]),
        groups={name: tuple(members) for name, members in stored["groups"].items()},
        budgets={Nudge(name): budget for name, budget in stored["budgets"].items()},
        quiet=Quiet(quiet["hours"], quiet["days"], quiet["critical_passes"]),
    )


def _step(step: Step) -> dict[str, Any]:
    return {
        "after": step.after.total_seconds(),
        "ask": list(step.ask),
        "nudge": step.nudge.value if step.nudge else None,
    }


def _read_step(stored: dict[str, Any]) -> Step:
    nudge = stored["nudge"]
    return Step(timedelta(seconds=stored["after"]), tuple(stored["ask"]), Nudge(nudge) if nudge else None)
