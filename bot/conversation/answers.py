"""Every command of a person, carried out within the turn's transaction and answered in the person's language."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from bot import commands as c
from bot.administration import Administration, Declined
from bot.commands import COMMANDS, CommandSpec
from bot.conversation.agents import AgentAnswers
from bot.conversation.approvals import ApprovalAnswers
from bot.conversation.personal import PersonalAnswers
from bot.conversation.plans import PlanAnswers
from bot.conversation.policies import PolicyAnswers
from bot.conversation.steering import Steering
from bot.conversation.turn import Answer, Turn
from bot.people.first_admin import FirstAdmin
from bot.people.joining import known_open_id
from bot.reading import Reading
from cards import administration as words
from cards import messages
from cards.escape import text_safe
from cards.views import WhoamiView
from models.agent import Agent
from models.enums import AgentStatus, Language
from models.feishu import FeishuIdentity
from models.user import User

USERS_SHOWN = 50


class Answers:
    def __init__(
        self,
        administration: Administration,
        first_admin: FirstAdmin,
        reading: Reading,
        approvals: ApprovalAnswers,
        agents: AgentAnswers,
        policies: PolicyAnswers,
        steering: Steering,
        plans: PlanAnswers,
        personal: PersonalAnswers,
    ) -> None:
        self._users = administration.users
        self._first_admin = first_admin
        self._reading = reading
        self.approvals = approvals
        self._agents = agents
        self._policies = policies
        self._steering = steering
        self._plans = plans
        self._personal = personal

    async def to(self, turn: Turn, parsed: c.Parsed) -> Answer:
        """The answer, after the command took its effect. /approve and /reject have a transaction of their own."""
        match parsed:
            case c.NotACommand():
                return Answer(messages.not_a_command(turn.language), private=False)
            case c.Usage():
                return Answer(_misread(parsed, turn.language), private=False)
            case c.Help(topic=topic):
                return await self._help(turn, topic)
            case c.WhoAmI():
                return await self._whoami(turn)
            case c.Pending():
                return await self.approvals.pending(turn)
            case c.Show():
                return await self.approvals.show(turn, parsed)
            case c.ShowAudit():
                return await self.approvals.audit(turn, parsed)
            case c.Approve() | c.Reject():
                raise TypeError("a verdict is settled by the approvals' own transaction")
            case c.ListAgents():
                return await self._agents.list(turn)
            case c.CreateAgent():
                return await self._agents.create(turn, parsed)
            case c.ShowAgent():
                return await self._agents.show(turn, parsed)
            case c.PauseAgent():
                return await self._agents.pause(turn, parsed)
            case c.ResumeAgent():
                return await self._agents.resume(turn, parsed)
            case c.RotateToken():
                return await self._agents.rotate(turn, parsed)
            case c.SetExecutor():
                return await self._agents.set_executor(turn, parsed)
            case (
                c.ShowPolicy()
                | c.SetLevel()
                | c.SetDefaultLevel()
                | c.SetPolicy()
                | c.TryPolicy()
                | c.ShowHistory()
                | c.RollBack()
                | c.ReplayPolicy()
            ):
                return await self._policies.to(turn, parsed)
            case (
                c.AskWhy()
                | c.Freeze()
                | c.Unfreeze()
                | c.ListGrants()
                | c.GrantExact()
                | c.GrantKindOf()
                | c.RevokeGrant()
                | c.Observe()
                | c.SetLabels()
                | c.SetLimits()
                | c.CreateAccessToken()
                | c.ListAccessTokens()
                | c.RevokeAccessToken()
            ):
                return await self._steering.to(turn, parsed)
            case c.ShowPlan() | c.SetPlan() | c.ShowPlanHistory() | c.RollBackPlan() | c.TryPlan():
                return await self._plans.to(turn, parsed)
            case c.SetBackup():
                return await self._plans.backup(turn, parsed)
            case c.Snooze():
                return await self.approvals.snooze(turn, parsed)
            case c.GoAway() | c.ComeBack() | c.ShowAway() | c.OpenSettings() | c.SetPreference():
                return await self._personal.to(turn, parsed)
            case c.ClaimAdmin():
                return await self._claim(turn, parsed)
            case c.ListUsers():
                return await self._list_users(turn)
            case c.SetRole():
                return await self._set_role(turn, parsed)
            case unreachable:
                assert_never(unreachable)

    async def _help(self, turn: Turn, topic: str | None) -> Answer:
        specs = _about(topic) if topic else []
        if specs:
            usages = [(spec.usage, spec.describe(turn.language)) for spec in specs]
            return Answer(words.command_help(usages, turn.language), private=False)
        owns = await Agent.exists(creator_id=turn.operator.id, status__not=AgentStatus.ARCHIVED)
        return Answer(messages.help_text(turn.operator.role, owns, turn.language), private=False)

    async def _whoami(self, turn: Turn) -> Answer:
        operator = turn.operator
        identity = await FeishuIdentity.get_or_none(app_id=turn.app.app_id, person_id=operator.id)
        view = WhoamiView(
            name=operator.name,
            role=operator.role,
            tenant=operator.tenant,
            language=operator.language,
            agents=await Agent.filter(creator_id=operator.id).exclude(status=AgentStatus.ARCHIVED).count(),
            pending=await self._reading.pending_count(operator),
            open_id=known_open_id(identity) if identity else None,
        )
        return Answer(messages.whoami(view, turn.language))

    async def _claim(self, turn: Turn, command: c.ClaimAdmin) -> Answer:
        role = await self._first_admin.claim(turn.work, turn.operator, command.code)
        if isinstance(role, Declined):
            return turn.no(role)
        return Answer(messages.became_admin(role, turn.language))

    async def _list_users(self, turn: Turn) -> Answer:
        people = await self._users.list(turn.actor)
        if not isinstance(people, list):
            return turn.no(people)
        shown = [(person.name, person.role, person.email) for person in people[:USERS_SHOWN]]
        return Answer(words.users_list(shown, len(people), turn.language))

    async def _set_role(self, turn: Turn, command: c.SetRole) -> Answer:
        person = await self._users.set_role(turn.work, turn.actor, command.who, command.role)
        if not isinstance(person, User):
            return turn.no(person)
        return Answer(messages.role_set(person.name, person.role, turn.language))


def _misread(usage: c.Usage, language: Language) -> str:
    """What is wrong, and the usage: several one below the other, with placeholders in the reader's language."""
    written = usage.usage and words.usage_words(usage.usage, language)
    if written and _BESIDE in written:
        written = "\n" + written.replace(_BESIDE, "\n")
    return text_safe(c.say(replace(usage, usage=written), language))


_BESIDE = " | "  # between the usages of a group


def _about(topic: str) -> list[CommandSpec]:
    """The command of this name, or those whose first word it is."""
    exact = [spec for spec in COMMANDS if spec.name == topic]
    return exact or [spec for spec in COMMANDS if spec.name.partition(" ")[0] == topic.partition(" ")[0]]
