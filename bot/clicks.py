"""A press on a card as a use case: who pressed what, and what everybody sees then. Grants are bot.granting.presses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from bot.approvals import AlreadyDone, ApprovalService, Consenting, Resolved
from bot.approvals.pressed import Button, read_button
from bot.consenting import deciding_facts
from bot.granting.presses import GrantPressed, GrantPresses, act_of
from bot.lifecycle import entitled
from bot.people.joining import People
from bot.ports import Clock
from bot.pressing import Presses, Shown, act_named, family_of
from bot.views import Views
from cards.views import ApprovalView
from models.approval import ApprovalRequest, CardCopy
from models.enums import Verdict, Via
from models.values import AppCredentials, CardClick, Operator, Refusal, RefusalKind

ACTOR_LIMIT = 80
"""Characters of a stranger's id that the audit keeps."""

_SHOWN_WITH = frozenset(
    {RefusalKind.ALREADY_RESOLVED, RefusalKind.EXPIRED, RefusalKind.CONSENTED, RefusalKind.SEPARATED}
)
"""Refusals after which the card is drawn anew. Any other leaves it, with what the person typed into it."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What came of a press. `view` is what the card shows from now on, for those who may see it."""

    outcome: Resolved | Consenting | Refusal | AlreadyDone
    verdict: Verdict | None
    view: ApprovalView | None


class Clicks:
    def __init__(
        self,
        approvals: ApprovalService,
        people: People,
        views: Views,
        clock: Clock,
        grants: GrantPresses | None = None,
        families: Mapping[str, Presses] = MappingProxyType({}),
    ) -> None:
        """Without `grants` a button about grants is one that nobody knows. `families`: bot.pressing."""
        self._families = families
        self._approvals = approvals
        self._grants = grants
        self._people = people
        self._views = views
        self._clock = clock

    async def press(self, app: AppCredentials, click: CardClick) -> Pressed | GrantPressed | Shown:
        """The press is settled and committed, or refused; the operator is whom the signed event names."""
        operator = await self._people.operator(app, click.operator, self._clock.now())
        named = act_named(click)
        family = self._families.get(family_of(named))
        if family is not None and operator is not None:
            return await family.press(app, operator, named, click, f"{app.app_id}:{click.event_id}")
        act = act_of(click)
        if act is None or self._grants is None:
            return await self._decide(app, click, operator)
        if operator is None:
            return await self._grants.refuse(app.tenant, _stranger(click), act, click)
        return await self._grants.press(operator, act, click, event_key=f"{app.app_id}:{click.event_id}")

    async def _decide(self, app: AppCredentials, click: CardClick, operator: Operator | None) -> Pressed:
        """A verdict on an approval request."""
        button = read_button(click)
        approval_id = await self._approval_of(click, button)
        if operator is None:
            refusal = Refusal(RefusalKind.NOT_YOURS)
            refused = await self._approvals.refuse(app.tenant, _stranger(click), refusal, approval_id)
            return Pressed(refused, button.verdict, None)
        if approval_id is None:
            refusal = Refusal(RefusalKind.UNKNOWN_APPROVAL, detail=click.message_id)
            actor = f"user:{operator.id}"
            refused = await self._approvals.refuse(operator.tenant, actor, refusal, None)
            return Pressed(refused, button.verdict, None)
        outcome = await self._approvals.resolve(
            approval_id,
            button.verdict,
            operator,
            via=Via.CARD,
            reason=button.reason,
            clicked_message=click.message_id,
            code=button.code,
            event_key=f"{app.app_id}:{click.event_id}",
            preset=button.preset,
            edits=button.edits,
        )
        if isinstance(outcome, AlreadyDone):
            outcome = await self._again(operator, approval_id) or outcome
        return Pressed(outcome, button.verdict, await self._view_for(operator, approval_id, outcome))

    @staticmethod
    async def _again(operator: Operator, approval_id: UUID) -> Refusal | None:
        """The refusal of a press that was refused the first time too: a repeat shows a stranger no card either."""
        approval = await ApprovalRequest.get_or_none(id=approval_id)
        if approval is None:
            return Refusal(RefusalKind.UNKNOWN_APPROVAL)
        return None if entitled(await deciding_facts(approval), operator) else Refusal(RefusalKind.NOT_YOURS)

    @staticmethod
    async def _approval_of(click: CardClick, button: Button) -> UUID | None:
        """The approval that the card is about: what the button carried must agree with the message we sent."""
        sent = await CardCopy.get_or_none(message_id=click.message_id) if click.message_id else None
        if sent is None:
            return button.approval_id  # a click may overtake the record of the send
        return sent.approval_id if button.approval_id in (None, sent.approval_id) else None

    async def _view_for(
        self, operator: Operator, approval_id: UUID, outcome: Resolved | Consenting | Refusal | AlreadyDone
    ) -> ApprovalView | None:
        """A refused stranger gets no card: it would replace everybody's."""
        if isinstance(outcome, Refusal) and not _redraws(outcome):
            return None
        if isinstance(outcome, Refusal) and outcome.kind is RefusalKind.EXPIRED:
            # The tick may not have got to it; the card must close now.
            await self._approvals.settling.expire(approval_id)
        approval = await ApprovalRequest.get(id=approval_id)
        return await self._views.card(approval, self._clock.now(), person_id=operator.id)


def _redraws(refusal: Refusal) -> bool:
    """Whether the person sees the card anew: also when somebody else changed the arguments on it meanwhile."""
    return refusal.kind in _SHOWN_WITH or (refusal.kind is RefusalKind.EDITED and refusal.by is not None)


def _stranger(click: CardClick) -> str:
    return f"feishu:{click.operator.open_id or 'unnamed'}"[:ACTOR_LIMIT]
