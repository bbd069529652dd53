"""Asking plans as people write them: every fault is named with its path, and none is repaired by guessing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.plans.limits import BUDGET_LIMIT, GROUP_NAME, GROUPS_LIMIT, MEMBERS_LIMIT, QUESTIONS_LIMIT
from bot.plans.terms import MEMBERS, is_email, read_flag, read_terms, written_terms
from bot.plans.values import BUDGETS, AskingPlan, AskingRule, Budgets, Quiet, SeverityTerms, Terms
from bot.policy.reading import (
    CONDITIONS_LIMIT,
    MATCHING,
    NAME_LIMIT,
    Fault,
    kind,
    length_of_conditions,
    name_of,
    read_matchers,
    read_text,
    written_condition,
)
from config.quiet_hours import parse_days, parse_hours
from models.enums import Nudge, Severity
from models.values import JsonObject

_TOP = ("quiet", "budgets", "groups", "questions", "severities", "default")


class PlanFault(ValueError):
    """The document is no asking plan. `faults` names everything that is wrong, each with its path."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{path or 'plan'}: {detail}" for path, detail in faults))
        self.faults = tuple(faults)


def parse_plan(written: object, *, standard: Terms, version: int = 0) -> AskingPlan:
    """The plan that the document describes. A question takes what it leaves out from the terms of its severity, these
    from the document's default, and that from `standard` (bot.plans.starter). Raises PlanFault.
    """
    faults: list[Fault] = []
    if not isinstance(written, dict):
        raise PlanFault([("", f'a plan is a map such as {{"default": {{"steps": […]}}}}, not {kind(written)}')])
    for member in written.keys() - set(_TOP):
        faults.append((str(member)[:40], f"no such member of a plan; it has {', '.join(_TOP)}"))
    groups = _groups(written.get("groups", {}), faults)
    default = _default(written.get("default", {}), standard, groups, faults)
    plan = AskingPlan(
        version=version,
        default=default,
        severities=_severities(written.get("severities", {}), default, groups, faults),
        groups=groups,
        budgets=_budgets(written.get("budgets", {}), faults),
        quiet=_quiet(written.get("quiet", {}), faults),
    )
    plan = replace(plan, questions=_questions(written.get("questions", []), plan, faults))
    if faults:
        raise PlanFault(faults)
    return plan


def plan_document(plan: AskingPlan) -> JsonObject:
    """The canonical form, to be stored, in which nothing is left to a default that may change."""
    quiet: JsonObject = {"critical_passes": plan.quiet.critical_passes}
    if plan.quiet.hours is not None:
        quiet["hours"] = plan.quiet.hours
    if plan.quiet.days is not None:
        quiet["days"] = plan.quiet.days
    return {
        "quiet": quiet,
        "budgets": {nudge.value: plan.budgets[nudge] for nudge in Nudge},
        "groups": {name: list(members) for name, members in plan.groups.items()},
        "questions": [_written_rule(rule) for rule in plan.questions],
        **({"severities": _written_severities(plan)} if plan.severities else {}),
        "default": written_terms(plan.default),
    }


def _default(written: object, standard: Terms, groups: Mapping[str, tuple[str, ...]], faults: list[Fault]) -> Terms:
    if not isinstance(written, dict):
        faults.append(("default", f"a map of terms, not {kind(written)}"))
        return standard
    for member in written.keys() - MEMBERS:
        faults.append((f"default.{str(member)[:40]}", "no such member of the default"))
    return read_terms(written, "default", standard, groups, faults)


def _severities(
    written: object, default: Terms, groups: Mapping[str, tuple[str, ...]], faults: list[Fault]
) -> dict[Severity, SeverityTerms]:
    if not isinstance(written, dict):
        faults.append(("severities", f"a map from a severity to terms, not {kind(written)}"))
        return {}
    severities: dict[Severity, SeverityTerms] = {}
    for name, entry in written.items():
        path = f"severities.{str(name)[:40]}"
        severity = next((each for each in Severity if each.value == name), None)
        if severity is None:
            faults.append((ascii(path)[1:-1], f"no such severity; there are {', '.join(Severity)}"))
        elif not isinstance(entry, dict):
            faults.append((path, f"a map of terms, not {kind(entry)}"))
        else:
            own = MEMBERS - {"severity"}
            for member in entry.keys() - own:
                faults.append((f"{path}.{str(member)[:40]}", "no such member of a severity"))
            terms = read_terms({m: entry[m] for m in entry.keys() & own}, path, default, groups, faults)
            severities[severity] = SeverityTerms(replace(terms, severity=severity), frozenset(entry.keys() & own))
    return severities


def _questions(written: object, plan: AskingPlan, faults: list[Fault]) -> tuple[AskingRule, ...]:
    if not isinstance(written, list):
        faults.append(("questions", f"a list, in which the first that matches decides, not {kind(written)}"))
        return ()
    if len(written) > QUESTIONS_LIMIT:
        faults.append(("questions", f"more than {QUESTIONS_LIMIT} questions"))
        return ()
    if length_of_conditions(written) > CONDITIONS_LIMIT:
        faults.append(("questions", f"the conditions have more than {CONDITIONS_LIMIT} characters in all"))
        return ()
    before = len(faults)
    rules = [_rule(entry, f"questions[{place}]", plan, faults) for place, entry in enumerate(written)]
    named = _with_names(rules, faults)
    if len(faults) == before:
        _refuse_unreachable(named, faults)
    return tuple(named)


def _rule(written: object, path: str, plan: AskingPlan, faults: list[Fault]) -> AskingRule:
    entry: dict[object, object] = written if isinstance(written, dict) else {"action": "*"}
    if not isinstance(written, dict):
        faults.append((path, f'a question is {{"action": …, "steps": …}}, not {kind(written)}'))
    for member in entry.keys() - MEMBERS - MATCHING - {"name"}:
        faults.append((f"{path}.{str(member)[:40]}", "no such member of a question"))
    match, when = read_matchers(entry, path, faults, "a question")
    if when is not None and when.metered:
        faults.append((f"{path}.when", "rate and today count past runs; only a policy can"))
    name = read_text(entry, "name", NAME_LIMIT, path, faults)
    terms = _terms(entry, path, plan, faults)
    own = frozenset(str(member) for member in entry.keys() & MEMBERS)
    return AskingRule(name or "", match, when, terms, own, named=name is not None)


def _terms(entry: dict[object, object], path: str, plan: AskingPlan, faults: list[Fault]) -> dict[Severity, Terms]:
    """For each severity that the question may have; what is wrong whatever the severity is said once."""
    said = entry.get("severity", plan.default.severity)
    fixed = [each for each in Severity if each == said]
    found: list[Fault] = []
    terms = {
        severity: replace(read_terms(entry, path, plan.over_default(severity), plan.groups, found), severity=severity)
        for severity in fixed or (Severity.NORMAL, Severity.HIGH)
    }
    faults += dict.fromkeys(found)
    return terms


def _with_names(rules: list[AskingRule], faults: list[Fault]) -> list[AskingRule]:
    taken: set[str] = set()
    for place, rule in enumerate(rules):
        if rule.named and rule.name in taken:
            faults.append((f"questions[{place}].name", f'another question is called "{rule.name}"'))
        if rule.named:
            taken.add(rule.name)
    return [rule if rule.named else replace(rule, name=_name(rule, taken)) for rule in rules]


def _name(rule: AskingRule, taken: set[str]) -> str:
    plain = name = name_of(rule.match, rule.when)
    number = 1
    while name in taken:
        number += 1
        name = f"{plain[: NAME_LIMIT - 6]} #{number}"
    taken.add(name)
    return name


def _refuse_unreachable(rules: list[AskingRule], faults: list[Fault]) -> None:
    """A question that can never be reached is a misunderstanding."""
    sure: list[AskingRule] = []
    for place, rule in enumerate(rules):
        for earlier in sure:
            if earlier.match.covers(rule.match):
                faults.append((f"questions[{place}]", f'never reached: "{earlier.name}" matches first'))
                return
        if rule.when is None:
            sure.append(rule)


def _groups(written: object, faults: list[Fault]) -> dict[str, tuple[str, ...]]:
    if not isinstance(written, dict):
        faults.append(("groups", f"a map from name to e-mail addresses, not {kind(written)}"))
        return {}
    if len(written) > GROUPS_LIMIT:
        faults.append(("groups", f"more than {GROUPS_LIMIT} groups"))
        return {}
    groups: dict[str, tuple[str, ...]] = {}
    for name, members in written.items():
        path = f"groups.{str(name)[:40]}"
        if not isinstance(name, str) or not re.fullmatch(GROUP_NAME, name):
            faults.append((ascii(path)[1:-1], "a name of 1 to 40 letters, digits, - and _"))
        else:
            groups[name] = _members(members, path, faults)
    return groups


def _members(written: object, path: str, faults: list[Fault]) -> tuple[str, ...]:
    if not isinstance(written, list) or not 0 < len(written) <= MEMBERS_LIMIT:
        faults.append((path, f"a list of 1 to {MEMBERS_LIMIT} e-mail addresses"))
        return ()
    for place, member in enumerate(written):
        if not is_email(member):
            faults.append((f"{path}[{place}]", f"an e-mail address, not {kind(member)}"))
    return tuple(dict.fromkeys(str(member).lower() for member in written))


def _budgets(written: object, faults: list[Fault]) -> Budgets:
    if not isinstance(written, dict):
        faults.append(("budgets", f"a map from a way to remind to a number a day, not {kind(written)}"))
        return BUDGETS
    budgets = dict(BUDGETS)
    ways = {nudge.value: nudge for nudge in Nudge}
    for name, budget in written.items():
        path = f"budgets.{str(name)[:40]}"
        if name not in ways:
            faults.append((path, f"no such way to remind; there are {', '.join(Nudge)}"))
        elif isinstance(budget, bool) or not isinstance(budget, int) or not 0 <= budget <= BUDGET_LIMIT:
            faults.append((path, f"how often a day, from 0 to {BUDGET_LIMIT}, not {kind(budget)}"))
        else:
            budgets[ways[name]] = budget
    return budgets


def _quiet(written: object, faults: list[Fault]) -> Quiet:
    if not isinstance(written, dict):
        faults.append(("quiet", f'a map such as {{"hours": "22:00-08:00"}}, not {kind(written)}'))
        return Quiet()
    for member in written.keys() - {"hours", "days", "critical_passes"}:
        faults.append((f"quiet.{str(member)[:40]}", "no such member of quiet"))
    return Quiet(
        hours=_checked(written, "hours", faults),
        days=_checked(written, "days", faults),
        critical_passes=read_flag(written, "critical_passes", "quiet", True, faults),
    )


def _checked(written: dict[object, object], member: str, faults: list[Fault]) -> str | None:
    if member not in written:
        return None
    text = written[member]
    try:
        if not isinstance(text, str):
            raise ValueError(f"a text, not {kind(text)}")
        parse_hours(text) if member == "hours" else parse_days(text)
    except ValueError as fault:
        faults.append((f"quiet.{member}", str(fault)))
        return None
    return text


def _written_rule(rule: AskingRule) -> JsonObject:
    condition = written_condition(rule.name if rule.named else None, rule.match, rule.when)
    return {**condition, **_own(next(iter(rule.terms.values())), rule.own)}


def _written_severities(plan: AskingPlan) -> JsonObject:
    told = plan.severities
    return {each.value: _own(told[each].terms, told[each].own) for each in Severity if each in told}


def _own(terms: Terms, own: frozenset[str]) -> JsonObject:
    return {member: value for member, value in written_terms(terms).items() if member in own}
