"""A press on a button about grants: on an approval's card, on the notice of a use, on a review.

The operator is whom the signed event names; what the button carried says only what is meant. One transaction; an
event that was seen before changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from tortoise.exceptions import IntegrityError

from bot.administration.actors import Actor
from bot.approvals import stored_request
from bot.asking.parsing import from_json
from bot.granting.grants import Grants
from bot.granting.offering import MOST_FIELDS
from bot.granting.reviews import Reviews
from bot.granting.showing import grant_view, use_view
from bot.granting.values import Given, Reviewed, Revoked
from bot.ledger import AuditFact, Ledger, Work
from bot.ports import Clock
from bot.seen import first_time
from bot.views import Views
from cards.less import FIXED
from cards.views import ApprovalView, GrantUseView, ReviewView
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy
from models.audit import AuditEntry
from models.enums import ReviewAnswer
from models.grant import Grant, Review
from models.values import CardClick, JsonObject, Operator, Refusal, RefusalKind


class Act(StrEnum):
    """What a button about grants does."""

    EXACT = "grant_exact"
    KIND = "grant_kind"
    GRADUATE = "graduate"
    REVOKE = "grant_revoke"
    RIGHT = "review_right"
    WRONG = "review_wrong"


_CARRIED: dict[Act, str] = {
    Act.EXACT: "approval_id",
    Act.KIND: "approval_id",
    Act.GRADUATE: "approval_id",
    Act.REVOKE: "grant_id",
    Act.RIGHT: "review_id",
    Act.WRONG: "review_id",
}


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same event was handled before."""


GrantOutcome: TypeAlias = Given | Revoked | Reviewed | Repeated | Refusal
Drawn: TypeAlias = ApprovalView | GrantUseView | ReviewView


@dataclass(frozen=True, slots=True)
class GrantPressed:
    """What came of a press. `view` is what the card shows from now on, for those who may see it."""

    outcome: GrantOutcome
    view: Drawn | None = None


def act_of(click: CardClick) -> Act | None:
    """What the button means, by its value, or by its name where the client stripped the value."""
    carried = click.value.get("act")
    word = carried if isinstance(carried, str) else (click.name or "").partition(":")[0]
    return next((act for act in Act if act.value == word), None)


class GrantPresses:
    def __init__(self, ledger: Ledger, grants: Grants, reviews: Reviews, views: Views, clock: Clock) -> None:
        self._ledger = ledger
        self._grants = grants
        self._reviews = reviews
        self._views = views
        self._clock = clock

    async def press(self, operator: Operator, act: Act, click: CardClick, *, event_key: str) -> GrantPressed:
        """The press is settled and committed, or refused; either is audited."""
        subject = _subject(act, click)
        try:
            outcome = await self._settle(operator, act, subject, click, event_key)
        except IntegrityError:  # the same event arrived twice at once, and the other one committed first
            outcome = await self._settle(operator, act, subject, click, event_key)
        return GrantPressed(outcome, await self._shown(operator, act, subject, click, outcome))

    async def refuse(self, tenant: str, actor: str, act: Act, click: CardClick) -> GrantPressed:
        """A stranger's press is audited and changes nothing."""
        refusal = Refusal(RefusalKind.NOT_YOURS)
        async with self._ledger.transaction() as work:
            details: JsonObject = {"refusal": refusal.kind.value, "act": act.value}
            work.audit(AuditFact(tenant, actor, "grant.refused", _named(act, _subject(act, click)), details))
        return GrantPressed(refusal)

    async def _settle(
        self, operator: Operator, act: Act, subject: UUID | None, click: CardClick, event_key: str
    ) -> GrantOutcome:
        async with self._ledger.transaction() as work:
            if subject is None or not await _about(act, subject, click):
                return self._unknown(work, operator, act, click)
            if not await first_time(work, event_key):
                return Repeated() if await _entitled(operator, act, subject) else Refusal(RefusalKind.NOT_YOURS)
            return await self._doing(operator, act, subject, click)(work)

    def _doing(
        self, operator: Operator, act: Act, subject: UUID, click: CardClick
    ) -> Callable[[Work], Awaitable[GrantOutcome]]:
        grants, clicked = self._grants, click.message_id

        async def do(work: Work) -> GrantOutcome:
            match act:
                case Act.EXACT:
                    return await grants.give_exact(work, operator, subject, clicked_message=clicked)
                case Act.KIND:
                    fixed = await _fixed(subject, click)
                    return await grants.give_kind(work, operator, subject, None, fixed, clicked_message=clicked)
                case Act.GRADUATE:
                    return await grants.graduate(work, operator, subject, clicked_message=clicked)
                case Act.REVOKE:
                    return await grants.revoke(work, Actor.of(operator), subject, clicked_message=clicked)
                case Act.RIGHT:
                    return await self._reviews.answer(work, operator, subject, ReviewAnswer.RIGHT)
                case Act.WRONG:
                    return await self._reviews.answer(work, operator, subject, ReviewAnswer.WRONG)

        return do

    @staticmethod
    def _unknown(work: Work, operator: Operator, act: Act, click: CardClick) -> Refusal:
        refusal = Refusal(RefusalKind.UNKNOWN_SUBJECT)
        details: JsonObject = {"refusal": refusal.kind.value, "act": act.value, "message": click.message_id}
        work.audit(AuditFact(operator.tenant, f"user:{operator.id}", "grant.refused", "grant:unknown", details))
        return refusal

    async def _shown(
        self, operator: Operator, act: Act, subject: UUID | None, click: CardClick, outcome: GrantOutcome
    ) -> Drawn | None:
        """The card that was pressed as it stands now. A stranger gets none: it would replace everybody's.

        A button that does not belong to its card gets none either: it says nothing of whose card that is.
        """
        if subject is None or not await _about(act, subject, click) or not await _entitled(operator, act, subject):
            return None
        copy = await CardCopy.get_or_none(message_id=click.message_id) if click.message_id else None
        now = self._clock.now()
        if copy is not None:
            approval = await ApprovalRequest.get(id=copy.approval_id)
            return await self._views.card(approval, now, person_id=operator.id)
        match act:
            case Act.RIGHT | Act.WRONG:
                return await self._reviews.view(await Review.get(id=subject), now)
            case Act.REVOKE:
                return await self._use(subject, click, now)
            case _:
                approval = await ApprovalRequest.get(id=subject)  # a click may overtake the record of the send
                return await self._views.card(approval, now, person_id=operator.id)

    async def _use(self, grant_id: UUID, click: CardClick, now: datetime) -> GrantUseView | None:
        """The run that the notice told of, from the audit; None when the button no longer says which it was."""
        grant = await Grant.get(id=grant_id)
        check_id, at = _uuid(click.value.get("check_id")), _moment(click.value.get("at"))
        if check_id is None or at is None:
            return None
        ran = await AuditEntry.get_or_none(agent_id=grant.agent_id, at=at, subject=f"check:{check_id}")
        details = json.loads(ran.details) if ran is not None else {}
        if ran is None or details.get("grant_id") != str(grant.id):
            return None
        return use_view(await grant_view(grant, now, self._views.zone), from_json(details["request"]), check_id, ran.at)


async def _about(act: Act, subject: UUID, click: CardClick) -> bool:
    """Whether the button stands on the card from which it claims to come, and its subject exists."""
    copy = await CardCopy.get_or_none(message_id=click.message_id) if click.message_id else None
    match act:
        case Act.REVOKE:
            grant = await Grant.get_or_none(id=subject)
            return grant is not None and (copy is None or copy.approval_id == grant.approval_id)
        case Act.RIGHT | Act.WRONG:
            return copy is None and await Review.exists(id=subject)
        case _:
            return (copy is None or copy.approval_id == subject) and await ApprovalRequest.exists(id=subject)


async def _entitled(operator: Operator, act: Act, subject: UUID) -> bool:
    """Whether this person may press such a button, and see what it does."""
    match act:
        case Act.REVOKE:
            owner = await Grant.get_or_none(id=subject)
            agent_id = owner.agent_id if owner else None
        case Act.RIGHT | Act.WRONG:
            review = await Review.get_or_none(id=subject)
            agent_id = (await Grant.get(id=review.grant_id)).agent_id if review else None
        case _:
            approval = await ApprovalRequest.get_or_none(id=subject)
            agent_id = approval.agent_id if approval else None
    agent = await Agent.get_or_none(id=agent_id) if agent_id else None
    return agent is not None and Actor.of(operator).may_change_agent(agent.tenant, agent.creator_id)


async def _fixed(approval_id: UUID, click: CardClick) -> Sequence[str]:
    """The arguments that stay as they are, by their places in the form.

    What the form did not offer stays fixed, and everything does when the client sent no such field, or an odd one.
    """
    names = list(stored_request(await ApprovalRequest.get(id=approval_id)).args)
    chosen, offered = click.form.get(FIXED), names[:MOST_FIELDS]
    places = {str(place): name for place, name in enumerate(offered)}
    if not isinstance(chosen, list) or not all(isinstance(one, str) and one in places for one in chosen):
        return names
    return [*(places[str(one)] for one in chosen), *names[MOST_FIELDS:]]


def _subject(act: Act, click: CardClick) -> UUID | None:
    return _uuid(click.value.get(_CARRIED[act])) or _uuid((click.name or "").partition(":")[2])


def _named(act: Act, subject: UUID | None) -> str:
    return f"{_CARRIED[act].removesuffix('_id')}:{subject or 'unknown'}"


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _moment(text: object) -> datetime | None:
    """None, too, for a time that has no form in UTC."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
