"""The first admin: named by ASSENT_ADMINS, or whoever writes `/claim CODE` with the code that `serve` printed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.administration.values import Declined, Why
from bot.ledger import AuditFact, Ledger, Work
from bot.people.joining import People, UnusablePerson
from bot.secrecy.box import derive, usable
from models.enums import Role
from models.notification import Installation
from models.user import User
from models.values import Operator

TRIES = 10
TRIES_WITHIN = timedelta(minutes=10)
"""Wrong codes that one process takes, from everybody together. The code has 80 bits; this keeps the audit short."""


class FirstAdmin:
    def __init__(self, ledger: Ledger, people: People, secret_keys: Sequence[str], admins: Sequence[str] = ()) -> None:
        self._ledger = ledger
        self._people = people
        self._secret_key = usable(secret_keys)[0]
        self._admins = tuple(admins)
        self._wrong: deque[datetime] = deque(maxlen=TRIES)

    async def prepare(self) -> str | None:
        """Whoever is named in ASSENT_ADMINS is a platform admin. While there is none, the code to claim that, to print.

        Every replica and every restart prints the same code: it follows from the secret key and the installation.
        Raises UnusablePerson for an entry of ASSENT_ADMINS that names nobody.
        """
        async with self._ledger.transaction() as work:
            for who in self._admins:
                await self._make_admin(work, who)
            if await _somebody_administers():
                return None
            installation = await Installation.get(id=1)
            if installation.claimed_at is not None:
                return None
            code = _code(self._secret_key, installation)
            await Installation.filter(id=1).update(claim_code_hash=_hash(code))
            return code

    async def claim(self, work: Work, operator: Operator, typed: str) -> Role | Declined:
        """The writer is a platform admin, once in the life of the installation."""
        while self._wrong and work.now - self._wrong[0] > TRIES_WITHIN:
            self._wrong.popleft()
        if len(self._wrong) >= TRIES:
            return self._declined(work, operator, Why.TOO_MANY_TRIES)
        installation = await Installation.get(id=1)
        expected = installation.claim_code_hash
        if expected is None or installation.claimed_at is not None or await _somebody_administers():
            return self._declined(work, operator, Why.CLAIMED)
        if not hmac.compare_digest(_hash(typed), expected):
            self._wrong.append(work.now)
            return self._declined(work, operator, Why.WRONG_CLAIM)
        claimed = Installation.filter(id=1, claimed_at=None, claim_code_hash=expected)
        if not await claimed.update(claimed_at=work.now, claim_code_hash=None):
            return self._declined(work, operator, Why.CLAIMED)
        await User.filter(id=operator.id).update(role=Role.PLATFORM_ADMIN)
        self._audit(work, operator.tenant, f"user:{operator.id}", "installation.claimed", f"user:{operator.id}")
        return Role.PLATFORM_ADMIN

    async def _make_admin(self, work: Work, who: str) -> None:
        tenant = self._people.default_tenant
        known = await self._people.find(tenant, who)
        if known is not None and known.role is Role.PLATFORM_ADMIN:
            return
        try:
            person = await self._people.ensure(tenant, who, role=Role.PLATFORM_ADMIN, now=work.now)
        except UnusablePerson:
            raise UnusablePerson(
                f"ASSENT_ADMINS names nobody with {who[:80]!r}: write e-mail addresses or ids"
            ) from None
        self._audit(work, tenant, "system", "user.role_set", f"user:{person.id}", role=Role.PLATFORM_ADMIN.value)

    def _declined(self, work: Work, operator: Operator, why: Why) -> Declined:
        self._audit(work, operator.tenant, f"user:{operator.id}", "claim.refused", "installation", refusal=why.value)
        return Declined(why)

    @staticmethod
    def _audit(work: Work, tenant: str, actor: str, action: str, subject: str, **details: str) -> None:
        work.audit(AuditFact(tenant=tenant, actor=actor, action=action, subject=subject, details=dict(details)))


async def _somebody_administers() -> bool:
    """Then a code that was printed before is worth nothing any more: logs keep it."""
    return await User.exists(role=Role.PLATFORM_ADMIN, joined_with=None)


def _code(secret_key: str, installation: Installation) -> str:
    """16 letters and digits in groups of 4, none of which look alike (RFC 4648 base 32)."""
    bits = derive(secret_key, f"claim code: {installation.created_at.isoformat()}")[:10]
    text = base64.b32encode(bits).decode()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def _hash(code: str) -> str:
    """Case, dashes and blanks do not count."""
    plain = "".join(char for char in code.upper() if char.isascii() and char.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
