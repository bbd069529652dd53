"""Who is away, until when, and who decides meanwhile.

A delegate may decide no more than the person who is away: only questions that went to that person, never a role, and
nothing that several must approve (bot.people.recipients). An absence ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot import outbox
from bot.administration.actors import Actor
from bot.administration.users import UserAdministration
from bot.administration.values import Declined, Why
from bot.ledger import AuditFact, Work
from bot.outbox import Bell
from bot.people.joining import People
from bot.people.recipients import is_away
from bot.questioning import Questioning
from cards import absences as words
from cards.words import CHINA
from config.zones import zone_named
from models.enums import Employment
from models.user import User
from models.values import JsonObject, Refusal, RefusalKind

LONGEST = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Away:
    """The person is away until then. `handed_on`: open questions about which somebody else was asked just now."""

    name: str
    until: datetime
    delegate: str | None
    handed_on: int = 0
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Back:
    name: str
    was_away: bool


class Absences:
    def __init__(
        self,
        people: People,
        users: UserAdministration,
        questioning: Questioning,
        bell: Bell,
        zone: tzinfo = CHINA,
    ) -> None:
        self._people = people
        self._users = users
        self._questioning = questioning
        self._bell = bell
        self._zone = zone

    async def away(
        self,
        work: Work,
        actor: Actor,
        until: datetime,
        delegate: str | None = None,
        *,
        person: User | None = None,
    ) -> Away | Refusal | Declined:
        """The person (the actor, unless an admin says whom) is away; what waits is handed on now.

        `delegate` names somebody of the same tenant; None: nobody in particular stands in.
        """
        absent = await self._of(actor, person)
        if not isinstance(absent, User):
            return absent
        if not work.now < until <= work.now + LONGEST:
            return Declined(Why.BAD_ABSENCE, absent.name)
        chosen = await self._delegate(actor, absent, delegate) if delegate is not None else None
        if isinstance(chosen, Refusal | Declined):
            return chosen
        name, delegate_id = (chosen.name, chosen.id) if chosen else (None, None)
        if (absent.away_until, absent.delegate_id) == (until, delegate_id):
            return Away(absent.name, until, name, changed=False)
        since = absent.away_since if is_away(absent.away_until, work.now) else work.now
        await User.filter(id=absent.id).update(away_since=since, away_until=until, delegate_id=delegate_id)
        details: JsonObject = {"until": until.isoformat(), "delegate": str(delegate_id) if delegate_id else None}
        self._audit(work, actor, absent, "person.away", details)
        handed = await self._questioning.person_changed(work, absent.id)
        if chosen is not None:
            zone = zone_named(chosen.time_zone, self._zone)
            text = words.asked_to_stand_in(absent.name, until, work.now, len(handed), chosen.language, zone)
            await self._say(work, chosen, text)
        await self._release(work, absent, except_for=chosen)
        return Away(absent.name, until, name, len(handed))

    async def back(self, work: Work, actor: Actor, *, person: User | None = None) -> Back | Refusal:
        """The person is asked and reminded again. Whoever was asked meanwhile may still answer."""
        absent = await self._of(actor, person)
        if not isinstance(absent, User):
            return absent
        was_away = is_away(absent.away_until, work.now)
        if absent.away_until is not None:
            await User.filter(id=absent.id).update(away_since=None, away_until=None, delegate_id=None)
        if was_away:
            self._audit(work, actor, absent, "person.back", {})
            await self._release(work, absent)
        return Back(absent.name, was_away)

    async def _of(self, actor: Actor, person: User | None) -> User | Refusal:
        """Whose absence it is. Nobody sends others away but their admins."""
        own = actor.person.id if actor.person else None
        if person is None and own is not None:
            return await self._people.user(own)
        if person is None or (person.id != own and not actor.administers(person.tenant)):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=person.name if person else None, admins_only=True)
        return await self._people.user(person.id)

    async def _delegate(self, actor: Actor, absent: User, who: str) -> User | Refusal | Declined:
        found = await self._users.named(actor, who, tenant=absent.tenant)
        if not isinstance(found, User):
            return found
        usable = found.id != absent.id and found.tenant == absent.tenant and found.employment is Employment.ACTIVE
        return found if usable else Declined(Why.BAD_DELEGATE, found.name)

    async def _release(self, work: Work, absent: User, *, except_for: User | None = None) -> None:
        """A delegate whom an absence named before knows that it is over, or another's."""
        before = absent.delegate_id if is_away(absent.away_until, work.now) else None
        if before is not None and (except_for is None or before != except_for.id):
            former = await self._people.user(before)
            if former.employment is Employment.ACTIVE:
                await self._say(work, former, words.released(absent.name, former.language))

    async def _say(self, work: Work, person: User, text: str) -> None:
        app_id = self._people.default_app_id
        message = outbox.text(tenant=person.tenant, person_id=person.id, app_id=app_id, text=text, now=work.now)
        await outbox.add([message])
        work.after_commit(self._bell.ring)

    @staticmethod
    def _audit(work: Work, actor: Actor, person: User, action: str, details: JsonObject) -> None:
        subject = f"user:{person.id}"
        work.audit(AuditFact(person.tenant, actor.name, action, subject, {"name": person.name, **details}))
