"""Answers about the asking plan: shown, changed, tried, rolled back; and an agent's backup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never
from uuid import UUID

from bot.administration import Administration, BackupSet, Declined, PlanSaved
from bot.administration.plan_trials import everybody, foresee
from bot.administration.plans import WHOLE
from bot.administration.values import Why
from bot.checking.binding import Binding
from bot.commands import PlanCommand, RollBackPlan, SetBackup, SetPlan, ShowPlan, ShowPlanHistory, TryPlan
from bot.conversation.plan_views import (
    change_views,
    foreseen_steps,
    plan_view,
    terms_view,
    version_view,
)
from bot.conversation.trying import Trying
from bot.conversation.turn import Answer, Turn
from bot.directory import Directory
from bot.people.joining import People
from bot.people.recipients import Chosen
from bot.questioning import Questioning
from cards import plans_said as words
from cards.plan_foreseen import plan_tried
from cards.plan_views import ForeseenView
from models.user import User
from models.values import Refusal, RefusalKind

VERSIONS_SHOWN = 8


class PlanAnswers:
    def __init__(
        self,
        administration: Administration,
        questioning: Questioning,
        directory: Directory,
        binding: Binding,
        people: People,
    ) -> None:
        self._agents = administration.agents
        self._plans = administration.plans
        self._users = administration.users
        self._questioning = questioning
        self._trying = Trying(administration.agents, directory, binding)
        self._people = people

    async def to(self, turn: Turn, command: PlanCommand) -> Answer:
        match command:
            case ShowPlan():
                return await self._show(turn)
            case SetPlan():
                saved = await self._plans.save(turn.work, turn.actor, command.document, expected=command.expected)
                return self._saved(turn, saved)
            case RollBackPlan():
                saved = await self._plans.rollback(turn.work, turn.actor, command.version)
                return self._saved(turn, saved, rolled_back_to=command.version)
            case ShowPlanHistory():
                return await self._history(turn)
            case TryPlan():
                return await self._try(turn, command)
            case unreachable:
                assert_never(unreachable)

    async def backup(self, turn: Turn, command: SetBackup) -> Answer:
        person = None
        if command.who is not None:
            found = await self._users.named(turn.actor, command.who)
            if not isinstance(found, User):
                return turn.no_such_person(found)
            person = found
        done = await self._agents.set_backup(turn.work, turn.actor, command.agent, person)
        if not isinstance(done, BackupSet):
            return turn.no(done)
        return Answer(words.backup_set(done.name, done.backup, turn.language))

    async def _show(self, turn: Turn) -> Answer:
        shown = await self._plans.show(turn.actor)
        if not isinstance(shown, PlanSaved):
            return turn.no(shown)
        return Answer(words.plan_show(plan_view(shown), turn.language, now=turn.now, zone=turn.zone))

    @staticmethod
    def _saved(turn: Turn, saved: PlanSaved | Refusal | Declined, *, rolled_back_to: int | None = None) -> Answer:
        if isinstance(saved, Declined) and saved.why is Why.BAD_PLAN:
            return Answer(words.plan_invalid(saved.faults, turn.language))
        if isinstance(saved, Declined) and saved.why is Why.NO_SUCH_VERSION:
            return Answer(words.no_such_plan(saved.given, turn.language))
        if isinstance(saved, Refusal) and saved.kind is RefusalKind.VERSION_MOVED:
            turn.no(saved)  # for the audit; its sentence is about policies
            version = saved.detail or ""
            text = words.plan_moved(version, saved.by, saved.at, turn.language, now=turn.now, zone=turn.zone)
            return Answer(text)
        if not isinstance(saved, PlanSaved):
            return turn.no(saved)
        if not saved.changed:
            return Answer(words.plan_unchanged(saved.version, turn.language))
        warnings = [f"{finding.path}: {finding.words}" for finding in saved.findings]
        text = words.plan_saved(
            saved.version, change_views(saved.changes), warnings, turn.language, rolled_back_to=rolled_back_to
        )
        return Answer(text)

    async def _history(self, turn: Turn) -> Answer:
        found = await self._plans.history(turn.actor, limit=VERSIONS_SHOWN)
        if not isinstance(found, list):
            return turn.no(found)
        versions = [replace(version_view(line), note=None if line.note == WHOLE else line.note) for line in found]
        return Answer(words.plan_history(versions, turn.language, now=turn.now, zone=turn.zone))

    async def _try(self, turn: Turn, command: TryPlan) -> Answer:
        """Whom the action would be asked of if it came now; nobody is asked, and nothing is recorded or spent."""
        trial = await self._trying.foresee(turn, command)
        if isinstance(trial, Answer):
            return trial
        known, request, decision = trial.known, trial.request, trial.decision
        plan, chosen = await foresee(self._questioning, self._people, known, request, decision, turn.now)
        view = ForeseenView(
            agent=known.facts.name,
            action_type=request.action_type,
            level=decision.level,
            question=plan.name,
            version=plan.version,
            severity=plan.severity,
            terms=terms_view(plan),
            steps=foreseen_steps(plan, chosen, await _names(chosen)),
        )
        return Answer(plan_tried(view, turn.language))


async def _names(chosen: Iterable[Chosen]) -> dict[UUID, str]:
    return {person.id: person.name for person in await User.filter(id__in=everybody(chosen))}
