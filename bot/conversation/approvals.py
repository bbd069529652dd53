"""Answers about approval requests: /pending, /show, /approve, /reject, /audit."""

from __future__ import annotations

from bot import lifecycle
from bot.administration import Administration
from bot.approvals import AlreadyDone, Consenting, Resolved
from bot.commands import Approve, Reject, Show, ShowAudit, Snooze
from bot.consenting import deciding_facts
from bot.conversation.finding import find_approval
from bot.conversation.turn import Answer, Turn
from bot.queueing.opening import Queueing
from bot.queueing.snoozing import Snoozing
from bot.reading import Reading
from bot.secrecy.links import Links
from bot.views import Views, copy_view
from cards import messages
from cards.personal import snoozed
from cards.views import ApprovalView, AuditView
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import ApprovalStatus, Verdict, Via
from models.values import Refusal, RefusalKind, short_code

AUDIT_SHOWN = 10


class ApprovalAnswers:
    def __init__(
        self,
        administration: Administration,
        reading: Reading,
        views: Views,
        links: Links,
        queueing: Queueing,
        snoozing: Snoozing,
    ) -> None:
        self._queueing = queueing
        self._snoozing = snoozing
        self._administration = administration
        self._reading = reading
        self._views = views
        self._links = links

    async def pending(self, turn: Turn) -> Answer:
        """One card with all that waits, in private; as a list where Feishu refuses the card."""
        await self._queueing.open(turn.work, turn.operator, turn.app.app_id)
        return Answer(messages.in_private(turn.language), on_its_way=True)

    async def snooze(self, turn: Turn, command: Snooze) -> Answer:
        found = await find_approval(turn.operator, command.approval, open_only=True)
        if not isinstance(found, ApprovalRequest):
            return turn.no(found)
        until = await self._snoozing.snooze(turn.work, turn.operator, found, command.lasting)
        if isinstance(until, Refusal):
            return turn.no(until)
        code = short_code(found.action_digest)
        return Answer(snoozed(code, until, turn.language, now=turn.now, zone=turn.zone))

    async def show(self, turn: Turn, command: Show) -> Answer:
        found = await find_approval(turn.operator, command.approval)
        if not isinstance(found, ApprovalRequest):
            return turn.no(found)
        copies = await CardCopy.filter(approval_id=found.id).order_by("id").select_related("person")
        return Answer(
            messages.show(
                await self._view(turn, found),
                turn.language,
                delivery=found.delivery,
                copies=[copy_view(row) for row in copies],
                zone=turn.zone,
            )
        )

    async def audit(self, turn: Turn, command: ShowAudit) -> Answer:
        """The newest entries of an agent, of an approval, or of all that this person may see."""
        agent_id = approval_id = None
        if command.subject is not None:
            agent = await self._administration.agents.named(turn.actor, command.subject)
            found = None
            if isinstance(agent, Agent):
                agent_id = agent.id
            elif command.approval is not None:
                found = await find_approval(turn.operator, command.approval)
                if not isinstance(found, ApprovalRequest):
                    return turn.no(found)
                approval_id = found.id
            else:
                return turn.no(agent)
        lines = await self._reading.audit_lines(
            turn.operator, agent_id=agent_id, approval_id=approval_id, limit=AUDIT_SHOWN
        )
        link = None if approval_id is None else self._links.approval(approval_id, turn.operator.id, turn.now)
        view = AuditView(lines=tuple(lines), details_url=link)
        return Answer(messages.audit_list(view, turn.language, now=turn.now, zone=turn.zone))

    async def verdict(
        self,
        turn: Turn,
        command: Approve | Reject,
        approval: ApprovalRequest,
        outcome: Resolved | Consenting | Refusal | AlreadyDone,
    ) -> Answer:
        """What became of a typed verdict. A refusal was audited when it was given."""
        verdict = verdict_of(command)
        await approval.refresh_from_db()
        refusal = await self._again(turn, command, approval) if isinstance(outcome, AlreadyDone) else outcome
        if isinstance(refusal, Refusal):
            return Answer(messages.refusal_text(refusal, turn.language, turn.now, turn.zone))
        view = await self._view(turn, approval)
        if isinstance(outcome, Consenting):
            return Answer(messages.consented_words(view).in_(turn.language))
        return Answer(messages.resolved_text(view, verdict, turn.language))

    async def _again(self, turn: Turn, command: Approve | Reject, approval: ApprovalRequest) -> Refusal | None:
        """What was answered before the process died, from what was recorded; None when the verdict stands."""
        wanted = ApprovalStatus.APPROVED if verdict_of(command) is Verdict.APPROVE else ApprovalStatus.REJECTED
        mine = approval.resolved_by_id == turn.operator.id and approval.resolved_via is Via.COMMAND
        if mine and approval.status is wanted:
            return None
        ruled = lifecycle.resolve(
            await deciding_facts(approval),
            verdict_of(command),
            turn.operator,
            turn.now,
            via=Via.COMMAND,
            code=code_of(command),
        )
        return ruled if isinstance(ruled, Refusal) else Refusal(RefusalKind.STALE)

    async def _view(self, turn: Turn, approval: ApprovalRequest) -> ApprovalView:
        return await self._views.of(approval, turn.now, person_id=turn.operator.id)


def verdict_of(command: Approve | Reject) -> Verdict:
    return Verdict.APPROVE if isinstance(command, Approve) else Verdict.REJECT


def code_of(command: Approve | Reject) -> str | None:
    return command.code if isinstance(command, Approve) else None
