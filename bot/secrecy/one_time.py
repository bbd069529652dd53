"""Secrets that are shown once, behind a link: 10 minutes, one view. A new agent token reaches its creator this way."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from bot.ledger import AuditFact, Ledger
from bot.secrecy.box import SealBroken, SecretBox
from models.enums import Language
from models.notification import OneTimeSecret
from models.user import User

LIFETIME = timedelta(minutes=10)

ONCE = "/once"

log = structlog.get_logger(__name__)


class GoneBecause(StrEnum):
    UNKNOWN = "unknown"  # no such link, or one so old that its row is gone
    EXPIRED = "expired"
    VIEWED = "viewed"
    UNREADABLE = "unreadable"  # sealed with a key that is no longer configured


@dataclass(frozen=True, slots=True)
class Waiting:
    """The secret is there, unseen, until `expires_at`."""

    title: str
    expires_at: datetime
    language: Language | None = None  # of the person for whom it is meant


@dataclass(frozen=True, slots=True)
class Revealed:
    secret: str = field(repr=False)
    title: str
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """There is nothing to show any more; `at` and `meant_for` say since when and whose it was."""

    because: GoneBecause
    at: datetime | None = None
    title: str | None = None
    meant_for: str | None = None
    language: Language | None = None


class OneTimeSecrets:
    def __init__(self, box: SecretBox, ledger: Ledger, public_url: str) -> None:
        self._box = box
        self._ledger = ledger
        self._public_url = public_url.rstrip("/")

    async def put(self, secret: str, *, title: str, person_id: UUID, now: datetime) -> str:
        """The link behind which the secret waits for this person; written by the transaction that the caller is in.

        The link's key has 256 random bits and is stored as its SHA-256 only; the ciphertext is bound to that hash.
        """
        key = secrets.token_urlsafe(32)
        hashed = _hash(key)
        await OneTimeSecret.create(
            key_hash=hashed,
            ciphertext=self._box.seal(secret, bound_to=hashed),
            person_id=person_id,
            title=title[:200],
            expires_at=now + LIFETIME,
        )
        return f"{self._public_url}{ONCE}?k={key}"

    async def look(self, key: str, now: datetime) -> Waiting | Gone:
        """Whether there is something to reveal; changes nothing, for chat clients open links by themselves."""
        row = await OneTimeSecret.get_or_none(key_hash=_hash(key))
        if row is None or row.expires_at <= now or row.ciphertext is None:
            return await _gone(row)
        person = await _person(row)
        return Waiting(row.title, row.expires_at, person.language if person else None)

    async def reveal(self, key: str, now: datetime) -> Revealed | Gone:
        """The secret, to one caller ever, however many ask at once. It is erased and the view audited."""
        hashed = _hash(key)
        async with self._ledger.transaction() as work:
            row = await OneTimeSecret.get_or_none(key_hash=hashed)
            if row is None or row.ciphertext is None:
                return await _gone(row)
            try:
                secret = self._box.open(row.ciphertext, bound_to=hashed)
            except SealBroken:
                log.warning("one_time.unreadable", person=str(row.person_id))
                return await _gone(row, GoneBecause.UNREADABLE)
            taken = await OneTimeSecret.filter(
                key_hash=hashed, viewed_at__isnull=True, expires_at__gt=now, ciphertext__isnull=False
            ).update(ciphertext=None, viewed_at=now)
            if not taken:
                await row.refresh_from_db()
                return await _gone(row)
            person = await _person(row)
            work.audit(_viewed(row, person))
            return Revealed(secret, row.title, person.language if person else None)


def _viewed(row: OneTimeSecret, person: User | None) -> AuditFact:
    """Who held the link is not known; the entry names for whom it was made."""
    return AuditFact(
        tenant=person.tenant if person else "",
        actor=f"link:{row.key_hash[:16]}",
        action="secret.viewed",
        subject=f"user:{row.person_id}" if row.person_id else "user:unknown",
        details={"title": row.title},
    )


async def _gone(row: OneTimeSecret | None, because: GoneBecause | None = None) -> Gone:
    if row is None:
        return Gone(GoneBecause.UNKNOWN)
    person = await _person(row)
    because = because or (GoneBecause.VIEWED if row.viewed_at else GoneBecause.EXPIRED)
    at = row.viewed_at or row.expires_at
    return Gone(because, at, row.title, person.name if person else None, person.language if person else None)


async def _person(row: OneTimeSecret) -> User | None:
    return await User.get_or_none(id=row.person_id) if row.person_id else None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
