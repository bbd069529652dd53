"""Policies, their versions and decisions as the answers about them are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.administration import PolicySaved
from bot.administration.grounds import Saved
from bot.administration.policies import WHOLE
from bot.administration.values import VersionLine
from bot.checking.deciding import freeze_in_force, sparing, under_grant
from bot.commands import FLOOR
from bot.digest import action_digest
from bot.directory import KnownAgent
from bot.policy.diff import Change
from bot.policy.rules import Rule
from cards.policy_views import ChangeKind, ChangeView, FindingView, TriedView, VersionView
from cards.views import PolicyRuleView, PolicyView
from models.enums import Layer, Level
from models.values import Decision, Question


def policy_view(saved: Saved) -> PolicyView:
    """The policy of an agent, or the floor."""
    is_policy = isinstance(saved, PolicySaved)
    rules = saved.policy.rules if isinstance(saved, PolicySaved) else saved.floor.rules
    return PolicyView(
        agent=saved.agent if isinstance(saved, PolicySaved) else FLOOR,
        version=saved.version,
        default=saved.policy.default if isinstance(saved, PolicySaved) else None,
        rules=tuple(_rule_view(rule, told_note=is_policy) for rule in rules),
        author=saved.author,
        at=saved.at,
    )


def _rule_view(rule: Rule, *, told_note: bool) -> PolicyRuleView:
    conditions = () if rule.is_plain and not rule.named else rule.told
    if not rule.named and rule.when is None:
        conditions = ()  # the name was made of them
    noted = (*conditions, " ".join(rule.note.split())) if rule.note and told_note else conditions
    return PolicyRuleView(pattern=rule.name, level=rule.level, conditions=noted, note=rule.note)


def version_view(line: VersionLine) -> VersionView:
    return VersionView(
        version=line.version,
        author=line.author,
        at=line.at,
        note=None if _says_the_change(line) else line.note,
        changes=change_views(line.changes),
    )


def _says_the_change(line: VersionLine) -> bool:
    """Whether the note is the service's own and says no more than the difference below it."""
    own = {f"{change.rule or 'default'} {_short(change.after, change.rule)}" for change in line.changes}
    return line.note in own or line.note == WHOLE


def change_views(changes: Sequence[Change]) -> tuple[ChangeView, ...]:
    return tuple(
        ChangeView(
            ChangeKind(change.kind.value),
            change.rule or "",
            _short(change.before, change.rule),
            _short(change.after, change.rule),
        )
        for change in changes
    )


def _short(told: str | None, rule: str | None) -> str | None:
    """The level alone where the name of the rule says what it matches."""
    if told is None or rule is None:
        return told
    named = rule.replace(" · ", ", ")
    told = told.removesuffix(f" (action {named})").removesuffix(f" ({named})")
    return told.replace(f" (action {named}, ", " (", 1).replace(f" ({named}, ", " (", 1)


def finding_views(saved: Saved) -> tuple[FindingView, ...]:
    """What is worth a look in what was just changed; what stood there before was told before."""
    touched = {change.rule for change in saved.changes}
    return tuple(
        FindingView(finding.rule or finding.path, finding.words)
        for finding in saved.findings
        if finding.rule in touched
    )


def tried_view(known: KnownAgent, question: Question, decision: Decision) -> TriedView:
    """What the rules say, and what stands above them: pause, freeze, observation, or a grant."""
    request, until, by, giver = question.request, None, None, None
    grants = sparing(known, request, action_digest(request), decision, question.now)
    freeze = freeze_in_force(known, question.now)
    if known.facts.paused:
        decision = _held(decision, Layer.PAUSE)
    elif freeze is not None:
        decision, until, by = _held(decision, Layer.FREEZE), freeze.until, freeze.frozen_by_name
    elif grants:
        decision, until, giver = under_grant(decision, grants[0]), grants[0].expires_at, grants[0].giver_name
    elif decision.layer is Layer.OBSERVE:
        until = known.facts.observe_until
    person = question.requester.person if question.requester else None
    return TriedView(
        agent=known.facts.name,
        action_type=request.action_type,
        tool=request.tool,
        requester=person.name if person else request.requested_by,
        requester_known=person is not None or not known.asks_requester,
        level=decision.level,
        layer=decision.layer,
        rule=decision.rule,
        policy_version=decision.policy_version,
        matched=decision.matched,
        faults=decision.faults,
        floor_rule=decision.floor_rule,
        floor_level=decision.floor_level,
        floor_version=decision.floor_version,
        would_be=decision.would_be,
        grant_giver=giver,
        frozen_by=by,
        until=until,
    )


def _held(decision: Decision, layer: Layer) -> Decision:
    """Denied, whatever the rules say; that is kept as what it would have been."""
    would_be = decision.would_be or decision.level
    return replace(decision, level=Level.DENY, layer=layer, would_be=would_be)
