"""Policies, asking plans, their versions, findings and tries, as the HTTP interface and the command line print them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.administration.grounds import Saved
from bot.administration.trials import Tried
from bot.administration.values import PlanSaved, PolicySaved, VersionLine
from bot.policy.diff import Change
from bot.policy.lint import Finding
from models.values import Decision, Json, JsonObject


def saved_json(saved: Saved) -> JsonObject:
    """What is in force: the document, and beside it where it comes from. PUT takes it back as it is."""
    whose: JsonObject = {"agent": saved.agent} if isinstance(saved, PolicySaved) else {"agent": "floor"}
    return whose | _origin(saved) | saved.document


def change_json(saved: Saved) -> JsonObject:
    """The same after a write, with what it changed and what is worth a look."""
    return saved_json(saved) | {
        "changed": saved.changed,
        "changes": changes_json(saved.changes),
        "findings": findings_json(saved.findings),
    }


def plan_json(saved: PlanSaved) -> JsonObject:
    """An asking plan as `saved_json` gives a policy; the command line takes it back as it is."""
    whose: JsonObject = {"tenant": saved.tenant}
    return whose | _origin(saved) | saved.document


def _origin(saved: Saved | PlanSaved) -> JsonObject:
    return {
        "version": saved.version,
        "author": saved.author,
        "at": saved.at.isoformat() if saved.at else None,
        "note": saved.note,
    }


def changes_json(changes: Sequence[Change]) -> list[Json]:
    return [
        {"kind": change.kind.value, "rule": change.rule, "before": change.before, "after": change.after}
        for change in changes
    ]


def findings_json(findings: Sequence[Finding]) -> list[Json]:
    return [
        {"severity": one.severity.value, "code": one.code, "path": one.path, "rule": one.rule, "words": one.words}
        for one in findings
    ]


def history_json(lines: Sequence[VersionLine]) -> list[Json]:
    return [
        {
            "version": line.version,
            "author": line.author,
            "at": line.at.isoformat(),
            "note": line.note,
            "changes": changes_json(line.changes),
        }
        for line in lines
    ]


def tried_json(tried: Tried) -> JsonObject:
    return {"agent": tried.subject, **decision_json(tried.decision), "counted": tried.counted}


def decision_json(decision: Decision) -> JsonObject:
    return {
        "level": decision.level.value,
        "layer": decision.layer.value,
        "rule": decision.rule,
        "policy_version": decision.policy_version,
        "floor_version": decision.floor_version,
        "floor_rule": decision.floor_rule,
        "floor_level": decision.floor_level.value,
        "matched": list(decision.matched),
        "faults": list(decision.faults),
        "reason": decision.reason,
    }
