"""Answers about policies and floors: shown, changed, tried, rolled back, replayed."""

from __future__ import annotations

from typing import assert_never

from bot import outbox
from bot.administration import Administration, Declined, PolicySaved, Why
from bot.administration.grounds import Saved
from bot.administration.values import FloorSaved
from bot.checking.binding import Binding
from bot.commands import (
    FLOOR,
    ReplayPolicy,
    RollBack,
    SetDefaultLevel,
    SetLevel,
    SetPolicy,
    ShowHistory,
    ShowPolicy,
    TryPolicy,
)
from bot.commands.policy_values import PolicyCommand
from bot.conversation.policy_views import change_views, finding_views, policy_view, tried_view, version_view
from bot.conversation.trying import Trying
from bot.conversation.turn import Answer, Turn
from bot.delivery import replaying
from bot.directory import Directory
from bot.outbox import Bell
from cards import policies as words
from cards.replays import draft_invalid
from cards.tried import policy_tried
from models.agent import Agent
from models.values import Refusal, RefusalKind

VERSIONS_SHOWN = 8


class PolicyAnswers:
    def __init__(self, administration: Administration, directory: Directory, binding: Binding, bell: Bell) -> None:
        self._agents = administration.agents
        self._policies = administration.policies
        self._binding = binding
        self._trying = Trying(administration.agents, directory, binding)
        self._bell = bell

    async def to(self, turn: Turn, command: PolicyCommand) -> Answer:
        match command:
            case ShowPolicy():
                return await self.show(turn, command)
            case SetLevel() | SetDefaultLevel() | SetPolicy():
                return await self.set(turn, command)
            case TryPolicy():
                return await self.try_out(turn, command)
            case ShowHistory():
                return await self.history(turn, command)
            case RollBack():
                return await self.roll_back(turn, command)
            case ReplayPolicy():
                return await self.replay(turn, command)
            case unreachable:
                assert_never(unreachable)

    async def show(self, turn: Turn, command: ShowPolicy) -> Answer:
        shown = await self._policies.show(turn.actor, command.agent)
        if not isinstance(shown, PolicySaved | FloorSaved):
            return turn.no(shown)
        return Answer(words.policy_show(policy_view(shown), turn.language, now=turn.now, zone=turn.zone))

    async def set(self, turn: Turn, command: SetLevel | SetDefaultLevel | SetPolicy) -> Answer:
        saved = await self._save(turn, command)
        if not isinstance(saved, PolicySaved | FloorSaved):
            return turn.no(saved)
        if not saved.changed:
            return self._unchanged(turn, saved)
        view = policy_view(saved)
        text = words.policy_saved(
            view,
            turn.language,
            changes=change_views(saved.changes),
            findings=finding_views(saved),
            before=saved.version - 1,
        )
        return Answer(text)

    async def _save(self, turn: Turn, command: SetLevel | SetDefaultLevel | SetPolicy) -> Saved | Refusal | Declined:
        work, actor, expected = turn.work, turn.actor, command.expected
        match command:
            case SetLevel():
                return await self._policies.set_level(
                    work, actor, command.agent, command.action, command.level, expected=expected
                )
            case SetDefaultLevel():
                return await self._policies.set_default(work, actor, command.agent, command.level, expected=expected)
            case SetPolicy():
                return await self._policies.set_document(
                    work, actor, command.agent, command.document, expected=expected
                )

    async def history(self, turn: Turn, command: ShowHistory) -> Answer:
        lines = await self._policies.history(turn.actor, command.agent, limit=VERSIONS_SHOWN)
        if not isinstance(lines, list):
            return turn.no(lines)
        text = words.policy_history(
            command.agent,
            [version_view(line) for line in lines],
            lines[0].version if lines else 0,
            turn.language,
            is_floor=command.agent == FLOOR,
            now=turn.now,
            zone=turn.zone,
        )
        return Answer(text)

    async def roll_back(self, turn: Turn, command: RollBack) -> Answer:
        saved = await self._policies.rollback(turn.work, turn.actor, command.agent, command.version)
        if not isinstance(saved, PolicySaved | FloorSaved):
            return turn.no(saved)
        if not saved.changed:
            return self._unchanged(turn, saved)
        view, changes = policy_view(saved), change_views(saved.changes)
        return Answer(words.rolled_back(view, command.version, changes, finding_views(saved), turn.language))

    async def try_out(self, turn: Turn, command: TryPolicy) -> Answer:
        """What the action would get now, and what stands above the rules meanwhile."""
        if command.agent == FLOOR:
            return turn.no(Declined(Why.FLOOR_NOT_TRIED, FLOOR))
        trial = await self._trying.foresee(turn, command)
        if isinstance(trial, Answer):
            return trial
        question = await self._binding.question(trial.known, trial.request, turn.now)
        view = tried_view(trial.known, question, trial.decision)
        return Answer(policy_tried(view, turn.language, now=turn.now, zone=turn.zone))

    async def replay(self, turn: Turn, command: ReplayPolicy) -> Answer:
        """Computed after the turn, and told when it is done; what is wrong with the draft is told at once."""
        subject = await self._subject(turn, command)
        if isinstance(subject, Declined) and subject.faults:
            return Answer(draft_invalid(subject.faults, turn.language))
        if isinstance(subject, Refusal | Declined):
            return turn.no(subject)
        order = replaying.order(
            tenant=turn.operator.tenant,
            person_id=turn.operator.id,
            app_id=turn.app.app_id,
            subject=subject,
            document=command.draft,
            days=command.days,
            now=turn.now,
        )
        await outbox.add([order])
        turn.work.after_commit(self._bell.ring)
        return Answer(words.replay_begun(command.agent, command.days, turn.language))

    async def _subject(self, turn: Turn, command: ReplayPolicy) -> str | Refusal | Declined:
        if command.agent == FLOOR:
            draft = self._policies.draft_floor(command.draft)
            allowed = turn.actor.administers(turn.operator.tenant)
            refusal = None if allowed else Refusal(RefusalKind.NOT_PERMITTED, detail=FLOOR, admins_only=True)
            return refusal or (draft if isinstance(draft, Declined) else FLOOR)
        agent = await self._agents.named(turn.actor, command.agent)
        if not isinstance(agent, Agent):
            return agent
        written = self._policies.draft(command.draft)
        return written if isinstance(written, Declined) else str(agent.id)

    @staticmethod
    def _unchanged(turn: Turn, saved: Saved) -> Answer:
        view = policy_view(saved)
        return Answer(words.policy_unchanged(view.agent, view.version, turn.language, is_floor=view.is_floor))
