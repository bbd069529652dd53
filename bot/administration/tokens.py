"""Access tokens: with one, a person uses the HTTP interface of policies under exactly the own rights."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from bot.administration.actors import Actor
from bot.administration.values import AccessTokenCreated, AccessTokenLine, Declined, Why
from bot.directory import CredentialRefused, token_hash
from bot.ledger import AuditFact, Work
from bot.people.joining import People
from models.enums import Employment
from models.ids import new_id
from models.user import AccessToken, User
from models.values import JsonObject, Operator, Refusal, RefusalKind

TOKEN_PREFIX = "asp_"  # noqa: S105
NAME_LIMIT = 100  # characters
LIFETIME = timedelta(days=30)
LONGEST_LIFETIME = timedelta(days=366)
TOKENS_LIMIT = 20
"""Tokens of one person that work at the same time: more are forgotten ones."""


class AccessTokenAdministration:
    def __init__(self, people: People) -> None:
        self._people = people

    async def create(
        self, work: Work, actor: Actor, person: User, name: str, *, lasting: timedelta = LIFETIME
    ) -> AccessTokenCreated | Refusal | Declined:
        """The token is in the result and nowhere else. For oneself only: whoever holds it is that person."""
        name = name.strip()
        if not _is_own(actor, person):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=person.name)
        if not name or len(name) > NAME_LIMIT or not name.isprintable():
            return Declined(Why.BAD_NAME, name[:NAME_LIMIT])
        if not timedelta() < lasting <= LONGEST_LIFETIME:
            return Declined(Why.BAD_END, name)
        await User.filter(id=person.id).select_for_update().first()  # two at once count one after the other
        working = AccessToken.filter(person_id=person.id, revoked_at=None, expires_at__gt=work.now)
        if actor.person is not None and await working.filter(name=name).exists():  # in chat, the name revokes it
            return Declined(Why.TOKEN_NAME_TAKEN, name)
        if await working.count() >= TOKENS_LIMIT:
            return Declined(Why.TOO_MANY_TOKENS, person.name)
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = await AccessToken.create(
            id=new_id(),
            person_id=person.id,
            name=name,
            token_hash=token_hash(token),
            created_at=work.now,
            expires_at=work.now + lasting,
        )
        _audit(work, actor, person, row, "token.created")
        return AccessTokenCreated(row.id, person.name, name, row.expires_at, token)

    async def list(self, actor: Actor, *, person: User | None = None) -> list[AccessTokenLine] | Refusal:
        """The tokens of a person (None: of the actor; of everybody for whoever administers), newest first."""
        wanted = AccessToken.all().select_related("person").order_by("-created_at")
        if person is not None:
            if not _is_own(actor, person) and not actor.administers(person.tenant):
                return Refusal(RefusalKind.NOT_PERMITTED, detail=person.name)
            wanted = wanted.filter(person_id=person.id)
        elif actor.person is not None:
            wanted = wanted.filter(person_id=actor.person.id)
        return [_line(row) for row in await wanted]

    async def revoke(self, work: Work, actor: Actor, which: str) -> AccessTokenLine | Refusal | Declined:
        """The token of this id, or of this name among the actor's own, is refused from the commit on.

        Again is as good. Admins may revoke the tokens of their tenant's people, by id.
        """
        found = await _named(actor, which.strip(), work.now)
        if len(found) > 1:
            return Declined(Why.AMBIGUOUS, which[:NAME_LIMIT])
        if not found:
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=which[:NAME_LIMIT])
        [row] = found
        if await AccessToken.filter(id=row.id, revoked_at=None).update(revoked_at=work.now):
            row.revoked_at = work.now
            _audit(work, actor, row.person, row, "token.revoked")
        return _line(row)

    async def operator(self, token: str, now: datetime) -> Operator:
        """The person behind the token, with the role of this moment. Raises CredentialRefused.

        Looked up by its hash: nothing of a token is compared step by step.
        """
        if not token.startswith(TOKEN_PREFIX):
            raise CredentialRefused
        row = await AccessToken.get_or_none(token_hash=token_hash(token))
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            raise CredentialRefused
        person = await self._people.user(row.person_id)
        if person.employment is not Employment.ACTIVE:
            raise CredentialRefused
        return Operator(person.id, person.tenant, person.role, person.name, person.language)


async def _named(actor: Actor, which: str, now: datetime) -> list[AccessToken]:
    tokens = AccessToken.all().select_related("person")
    try:
        found = await tokens.filter(id=UUID(which))
    except ValueError:
        if actor.person is None or len(which) > NAME_LIMIT or not which.isprintable():
            return []
        return await tokens.filter(person_id=actor.person.id, name=which, revoked_at=None, expires_at__gt=now)
    return [row for row in found if _is_own(actor, row.person) or actor.administers(row.person.tenant)]


def _is_own(actor: Actor, person: User) -> bool:
    return actor.person is None or actor.person.id in (person.id, person.joined_with)


def _line(row: AccessToken) -> AccessTokenLine:
    return AccessTokenLine(row.id, row.person.name, row.name, row.created_at, row.expires_at, row.revoked_at)


def _audit(work: Work, actor: Actor, person: User, row: AccessToken, action: str) -> None:
    details: JsonObject = {"token": str(row.id), "name": row.name, "expires_at": row.expires_at.isoformat()}
    work.audit(
        AuditFact(tenant=person.tenant, actor=actor.name, action=action, subject=f"user:{person.id}", details=details)
    )
