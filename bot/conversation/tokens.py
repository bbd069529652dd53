"""Answers about a person's own access tokens. A token goes behind a one-time link, never into the chat."""

from __future__ import annotations

from bot.administration import Administration
from bot.administration.tokens import LIFETIME as TOKEN_LIFETIME
from bot.administration.values import AccessTokenCreated, AccessTokenLine
from bot.commands import CreateAccessToken, RevokeAccessToken
from bot.conversation.turn import Answer, Turn
from bot.secrecy.one_time import LIFETIME, OneTimeSecrets
from cards import steering as words
from models.user import User


class TokenAnswers:
    def __init__(self, administration: Administration, one_time: OneTimeSecrets) -> None:
        self._tokens = administration.tokens
        self._one_time = one_time

    async def create(self, turn: Turn, command: CreateAccessToken) -> Answer:
        person = await User.get(id=turn.operator.id)
        lasting = command.lasting or TOKEN_LIFETIME
        made = await self._tokens.create(turn.work, turn.actor, person, command.name, lasting=lasting)
        if not isinstance(made, AccessTokenCreated):
            return turn.no(made)
        title = words.access_token_title(made.name, turn.language)
        url = await self._one_time.put(made.token, title=title, person_id=turn.operator.id, now=turn.now)
        text = words.access_token_link(
            made.name, url, LIFETIME, made.expires_at, turn.language, now=turn.now, zone=turn.zone
        )
        return Answer(text)

    async def list(self, turn: Turn) -> Answer:
        """The own ones that still work."""
        found = await self._tokens.list(turn.actor)
        if not isinstance(found, list):
            return turn.no(found)
        working = [
            (token.name, token.created_at, token.expires_at)
            for token in found
            if token.revoked_at is None and token.expires_at > turn.now
        ]
        return Answer(words.access_tokens(working, turn.language, now=turn.now, zone=turn.zone))

    async def revoke(self, turn: Turn, command: RevokeAccessToken) -> Answer:
        done = await self._tokens.revoke(turn.work, turn.actor, command.name)
        if not isinstance(done, AccessTokenLine):
            return turn.no(done)
        return Answer(words.access_token_revoked(done.name, turn.language))
