"""Asking plans as the answers about them are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from bot.administration.values import PlanSaved, VersionLine
from bot.people.recipients import Chosen, Skipped
from bot.plans import AskingPlan, QuestionPlan, Step, Terms
from bot.plans.values import AskingRule
from bot.policy.diff import Change
from cards.plan_views import ForeseenStep, PersonAsked, PlanView, QuestionView, StepView, TermsView
from cards.policy_views import ChangeKind, ChangeView, VersionView
from models.enums import Nudge, Severity


def plan_view(saved: PlanSaved) -> PlanView:
    plan = saved.plan
    return PlanView(
        version=plan.version,
        default=terms_view(plan.default),
        questions=tuple(_question(rule, plan) for rule in plan.questions),
        severities=tuple(terms_view(plan.over_default(each)) for each in Severity if each in plan.severities),
        groups=tuple((name, len(members)) for name, members in plan.groups.items()),
        quiet_hours=plan.quiet.hours,
        working_days=plan.quiet.days,
        critical_passes=plan.quiet.critical_passes,
        rings=tuple((nudge, n) for nudge, n in plan.budgets.items() if nudge is not Nudge.THREAD and n),
        author=saved.author if saved.at is not None else None,
        at=saved.at,
    )


def _question(rule: AskingRule, plan: AskingPlan) -> QuestionView:
    matched = tuple(f"{name} {glob.pattern}" for name, glob in rule.match.globs()) if rule.named else ()
    condition = () if rule.when is None else (f"when {rule.when.text}",)
    usual, grave = rule.terms_of(grave=False), rule.terms_of(grave=True)
    differs = replace(usual, severity=grave.severity) != grave
    said = "severity" in rule.own or plan.default.severity is not None
    return QuestionView(
        rule.name,
        (*matched, *condition),
        terms_view(usual if said or differs else replace(usual, severity=None)),
        when_grave=terms_view(grave) if differs else None,
    )


def terms_view(terms: Terms | QuestionPlan) -> TermsView:
    return TermsView(
        steps=_steps(terms.steps),
        open_for=terms.open_for,
        ending=terms.ending,
        severity=terms.severity,
        approvals=terms.approvals,
        separate_duties=terms.separate_duties,
    )


def _steps(steps: Sequence[Step]) -> tuple[StepView, ...]:
    return tuple(StepView(step.after, step.ask, step.nudge) for step in steps)


def foreseen_steps(plan: QuestionPlan, chosen: Sequence[Chosen], names: Mapping[UUID, str]) -> tuple[ForeseenStep, ...]:
    """Each step with the people whom it would ask."""
    return tuple(
        ForeseenStep(
            at=step.after,
            people=tuple(
                PersonAsked(
                    names.get(one.person_id, str(one.person_id)),
                    one.asked_as,
                    names.get(one.instead_of) if one.instead_of else None,
                )
                for one in found.recipients
            ),
            unreached=tuple(dict.fromkeys(ref for ref, why in found.skipped if not _is_new(ref, why))),
            unknown=tuple(dict.fromkeys(ref for ref, why in found.skipped if _is_new(ref, why))),
            nudge=step.nudge,
        )
        for step, found in zip(plan.steps, chosen, strict=True)
    )


def _is_new(ref: str, why: Skipped) -> bool:
    """Whether it is an address that nobody is known by yet: whoever has it is looked up when asked."""
    return why is Skipped.NOBODY and ref.startswith(("group:", "person:"))


def change_views(changes: Sequence[Change]) -> tuple[ChangeView, ...]:
    return tuple(
        ChangeView(ChangeKind(change.kind.value), change.rule or "", change.before, change.after) for change in changes
    )


def version_view(line: VersionLine) -> VersionView:
    return VersionView(
        version=line.version, author=line.author, at=line.at, note=line.note, changes=change_views(line.changes)
    )
