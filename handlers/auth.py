"""Who calls: the bearer token of an agent or of a person, from the request's header."""

from __future__ import annotations

from aiohttp import web

from bot.administration import AccessTokenAdministration, Actor
from bot.directory import Caller, CredentialRefused, Directory
from bot.ports import Clock

TOKEN_LIMIT = 200


def bearer_token(request: web.Request) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750). Raises CredentialRefused."""
    values = request.headers.getall("Authorization", [])
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LIMIT or not token.isascii():
        raise CredentialRefused
    return token.strip()


async def authenticate(request: web.Request, directory: Directory, *, fresh: bool = False) -> Caller:
    """The agent that calls. Raises CredentialRefused, which the problem middleware answers with 401."""
    return await directory.authenticate(bearer_token(request), fresh=fresh)


async def authenticate_person(request: web.Request, tokens: AccessTokenAdministration, clock: Clock) -> Actor:
    """The person who calls, with the rights of this moment. Raises CredentialRefused."""
    return Actor.of(await tokens.operator(bearer_token(request), clock.now()))
