"""The commands that steer how far agents may go alone, each with who answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bot import commands as c
from bot.commands.policy_values import SteeringCommand
from bot.conversation.freezes import FreezeAnswers
from bot.conversation.grants import GrantAnswers
from bot.conversation.oversight import OversightAnswers
from bot.conversation.tokens import TokenAnswers
from bot.conversation.turn import Answer, Turn


@dataclass(frozen=True, slots=True)
class Steering:
    freezes: FreezeAnswers
    grants: GrantAnswers
    oversight: OversightAnswers
    tokens: TokenAnswers

    async def to(self, turn: Turn, command: SteeringCommand) -> Answer:
        match command:
            case c.Freeze():
                return await self.freezes.freeze(turn, command)
            case c.Unfreeze():
                return await self.freezes.unfreeze(turn, command)
            case c.AskWhy():
                return await self.oversight.why(turn, command)
            case c.Observe():
                return await self.oversight.observe(turn, command)
            case c.SetLabels():
                return await self.oversight.label(turn, command)
            case c.SetLimits():
                return await self.oversight.limit(turn, command)
            case c.CreateAccessToken():
                return await self.tokens.create(turn, command)
            case c.ListAccessTokens():
                return await self.tokens.list(turn)
            case c.RevokeAccessToken():
                return await self.tokens.revoke(turn, command)
            case c.ListGrants() | c.GrantExact() | c.GrantKindOf() | c.RevokeGrant():
                return await self._grant(turn, command)
            case unreachable:
                assert_never(unreachable)

    async def _grant(self, turn: Turn, command: c.ListGrants | c.GrantExact | c.GrantKindOf | c.RevokeGrant) -> Answer:
        match command:
            case c.ListGrants():
                return await self.grants.list(turn, command)
            case c.GrantExact():
                return await self.grants.exact(turn, command)
            case c.GrantKindOf():
                return await self.grants.kind(turn, command)
            case c.RevokeGrant():
                return await self.grants.revoke(turn, command)
