"""What people learn of an approval request, and whoever waits for it: written in the transaction that causes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bot import outbox
from bot.directory import KnownAgent
from bot.ledger import Work
from bot.nudging import pins
from bot.outbox import Bell
from bot.people.joining import People
from bot.people.recipients import Recipient
from bot.queueing import following
from bot.views import Views
from bot.waiters.registry import Waiters
from cards import granting, messages
from cards.views import Audience, GrantUseView, L2View, Notice
from config.zones import zone_named
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.enums import AskedAs, Delivery, Employment, ExecutionStatus, Level, Via
from models.notification import Notification
from models.outbox import OutboxMessage
from models.user import User
from models.values import ActionRequest, Decision

TITLE_LIMIT = 200  # characters of an inbox line's title


@dataclass(frozen=True, slots=True)
class Told:
    """Rows that tell somebody something, not saved yet."""

    messages: tuple[OutboxMessage, ...] = ()
    lines: tuple[Notification, ...] = ()


class Telling:
    def __init__(self, waiters: Waiters, bell: Bell, people: People, views: Views) -> None:
        self._waiters = waiters
        self._bell = bell
        self._people = people
        self._views = views

    async def ask(
        self, work: Work, approval: ApprovalRequest, recipients: Sequence[Recipient], *, app_id: str | None
    ) -> list[UUID]:
        """Each recipient who has no copy yet gets the card and an inbox line. Returns who was newly asked.

        The reason that the copy keeps is what entitles the person to decide: bot.people.recipients chooses.
        Admins are asked through the default app, all others through the agent's, `app_id`.
        """
        has = set(await CardCopy.filter(approval_id=approval.id).values_list("person_id", flat=True))
        reasons = {one.person_id: one.asked_as for one in recipients if one.person_id not in has}
        asked: list[UUID] = []
        for person in await User.filter(id__in=list(reasons)).order_by("id"):
            asked_as = reasons[person.id]
            own_app = None if asked_as is AskedAs.ADMIN else app_id
            copy = await CardCopy.create(
                approval_id=approval.id,
                person_id=person.id,
                app_id=own_app or self._people.default_app_id,
                asked_as=asked_as,
                asked_at=work.now,
            )
            await outbox.add([outbox.approval_card(approval, copy, work.now)])
            view = await self._views.of(approval, work.now, person_id=person.id)
            notice = messages.approval_notice(view, person.language)
            await self._line(work, approval, person, "approval.requested", notice)
            asked.append(person.id)
        if asked:
            await following.moved(asked, approval.tenant, work.now)
        work.after_commit(self._bell.ring)
        return asked

    async def changed(self, work: Work, approval: ApprovalRequest, clicked_message: str | None = None) -> None:
        """Every sent copy follows, and whoever waits is woken, once `work` is committed."""
        copies = await CardCopy.filter(approval_id=approval.id)
        await outbox.add(
            outbox.card_update(
                approval,
                copy,
                work.now,
                delay=outbox.CLICK_GRACE if clicked_message and copy.message_id == clicked_message else None,
            )
            for copy in copies
            if copy.is_card and copy.state is not Delivery.UNDELIVERABLE
        )
        await pins.release(approval, work.now)
        people = {approval.creator_id, *(copy.person_id for copy in copies)}
        await following.moved(people, approval.tenant, work.now)
        await self._waiters.notify(approval.id)
        work.after_commit(lambda: self._waiters.wake([approval.id]))
        work.after_commit(self._bell.ring)

    async def resolution(self, work: Work, approval: ApprovalRequest) -> None:
        """Creator and requester learn the resolution, except who caused it."""
        for person in await self._audience(approval):
            notice = await self._outcome_for(work, approval, person)
            await self._line(work, approval, person, "approval.resolved", notice)
            if person.id != approval.resolved_by_id and approval.resolved_via is not Via.AGENT:
                await self._say(work, approval, person, notice, "resolved")

    async def outcome(self, work: Work, approval: ApprovalRequest) -> None:
        """Creator and requester learn what became of it; of a failure also who decided instead of the creator."""
        failed = approval.execution is not ExecutionStatus.SUCCEEDED
        for person in await self._audience(approval, approval.resolved_by_id if failed else None):
            notice = await self._outcome_for(work, approval, person)
            await self._line(work, approval, person, "execution.finished", notice)
            await self._say(work, approval, person, notice, "outcome")

    async def _outcome_for(self, work: Work, approval: ApprovalRequest, person: User) -> Notice:
        view = await self._views.of(approval, work.now, person_id=person.id)
        decides = person.id in (approval.creator_id, approval.resolved_by_id)
        audience = Audience.CREATOR if decides else Audience.REQUESTER
        return messages.outcome_notice(view, audience, person.language)

    async def _say(self, work: Work, approval: ApprovalRequest, person: User, notice: Notice, step: str) -> None:
        """The notice as a text, in the thread of the person's card where there is one."""
        own = await CardCopy.get_or_none(approval_id=approval.id, person_id=person.id)
        app_id = own.app_id if own else await self._app_of(approval)
        message = outbox.text(
            tenant=approval.tenant,
            person_id=person.id,
            app_id=app_id,
            text=notice.text,
            now=work.now,
            approval_id=approval.id,
            dedupe=f"{step}:{approval.id}:{person.id}:{approval.revision}",
            thread_of=own.id if own else None,
        )
        await outbox.add([message])

    async def _line(self, work: Work, approval: ApprovalRequest, person: User, kind: str, notice: Notice) -> None:
        """The notice as a line in the person's web inbox."""
        await Notification.create(
            tenant=approval.tenant,
            person_id=person.id,
            type=kind,
            title=notice.title[:TITLE_LIMIT],
            body=notice.body,
            link=f"/approvals/{approval.id}",
            approval_id=approval.id,
            created_at=work.now,
        )

    async def _app_of(self, approval: ApprovalRequest) -> str:
        agent = await Agent.get(id=approval.agent_id)
        return agent.app_id or self._people.default_app_id

    async def _audience(self, approval: ApprovalRequest, also: UUID | None = None) -> list[User]:
        """Creator and requester, unless they left or are frozen: nobody would read it."""
        wanted = {approval.creator_id, approval.requester_id, also} - {None}
        return await User.filter(id__in=list(wanted), employment=Employment.ACTIVE)

    async def spared(self, known: KnownAgent, view: GrantUseView, now: datetime) -> Told:
        """A grant spared the question: the creator gets the card that can revoke it, and an inbox line; not saved."""
        creator = await User.get(id=known.facts.creator_id)
        notice = granting.used_notice(view, creator.language)
        message = outbox.card(
            tenant=known.facts.tenant,
            person_id=creator.id,
            app_id=known.facts.app_id or self._people.default_app_id,
            card=granting.used_card(view),
            fallback=notice.text,
            now=now,
        )
        return _told(message, notice, creator, now)

    async def executing(
        self, known: KnownAgent, request: ActionRequest, decision: Decision, check_id: UUID, now: datetime
    ) -> Told:
        """L2: the creator is told that the action is executing, in chat and in the inbox; other levels tell nobody.

        The rows are not saved: the journal commits them together with the check.
        """
        if decision.level is not Level.L2:
            return Told()
        agent = known.facts
        creator = await User.get(id=agent.creator_id)
        view = L2View(
            agent=agent.name,
            action_type=request.action_type,
            args=request.args,
            at=now,
            tool=request.tool,
            requester=request.requested_by,
            claimed_reason=request.reason,
            rule=decision.rule,
            policy_version=decision.policy_version,
            zone=zone_named(creator.time_zone, self._views.zone),
        )
        notice = messages.l2_notice(view, creator.language)
        message = outbox.run_notice(
            tenant=agent.tenant,
            person_id=creator.id,
            app_id=agent.app_id or self._people.default_app_id,
            agent_id=agent.id,
            check_id=check_id,
            text=notice.text,
            now=now,
        )
        return _told(message, notice, creator, now)


def _told(message: OutboxMessage, notice: Notice, creator: User, now: datetime) -> Told:
    """The message, and the same as a line in the inbox."""
    message.lane = f"notice:{creator.id}"  # a talkative agent never stands before anybody's questions
    line = Notification(
        tenant=message.tenant,
        person_id=creator.id,
        type="check.executing",
        title=notice.title[:TITLE_LIMIT],
        body=notice.body,
        created_at=now,
    )
    return Told((message,), (line,))
