"""Answers about grants: listed, given, revoked."""

from __future__ import annotations

from uuid import UUID

from bot.administration import Declined
from bot.commands import GrantExact, GrantKindOf, ListGrants, RevokeGrant
from bot.conversation.finding import find_approval
from bot.conversation.turn import Answer, Turn
from bot.granting.grants import Grants
from bot.granting.values import KIND_USES, Given, Revoked
from cards import grants_said, messages
from models.approval import ApprovalRequest
from models.values import Refusal


class GrantAnswers:
    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def list(self, turn: Turn, command: ListGrants) -> Answer:
        standing = await self._grants.standing(turn.actor, command.agent)
        if not isinstance(standing, list):
            return turn.no(standing)
        return Answer(grants_said.grants_list(standing, command.agent, turn.language, turn.zone))

    async def exact(self, turn: Turn, command: GrantExact) -> Answer:
        approval = await self._approval(turn, command.approval)
        if not isinstance(approval, UUID):
            return turn.no(approval)
        given = await self._grants.give_exact(turn.work, turn.operator, approval, command.lasting)
        return self._given(turn, given)

    async def kind(self, turn: Turn, command: GrantKindOf) -> Answer:
        approval = await self._approval(turn, command.approval)
        if not isinstance(approval, UUID):
            return turn.no(approval)
        until = turn.now + command.lasting if command.lasting else None
        uses = KIND_USES if command.uses is None else command.uses
        given = await self._grants.give_kind(turn.work, turn.operator, approval, until, command.fixed, uses=uses)
        return self._given(turn, given)

    async def revoke(self, turn: Turn, command: RevokeGrant) -> Answer:
        grant = await self._grants.find(turn.actor, command.grant)
        if not isinstance(grant, UUID):
            return turn.no(grant)
        revoked = await self._grants.revoke(turn.work, turn.actor, grant, why="command")
        if not isinstance(revoked, Revoked):
            return _audited_no(turn, revoked)
        return Answer(grants_said.grant_revoked(revoked.grant, revoked.again, turn.language, turn.zone))

    @staticmethod
    async def _approval(turn: Turn, written: str) -> UUID | Refusal | Declined:
        found = await find_approval(turn.operator, written)
        return found.id if isinstance(found, ApprovalRequest) else found

    @staticmethod
    def _given(turn: Turn, given: Given | Refusal) -> Answer:
        if not isinstance(given, Given):
            return _audited_no(turn, given)
        return Answer(grants_said.granted(given.grant, given.again, turn.language, turn.zone))


def _audited_no(turn: Turn, refusal: Refusal) -> Answer:
    """The use case audited it already."""
    return Answer(messages.refusal_text(refusal, turn.language, turn.now, turn.zone))
