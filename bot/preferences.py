"""What a person sets for himself: language, quiet hours, working days, time zone, digest hour. Not whom to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.commands.preferring import NEVER, Preference
from bot.ledger import AuditFact, Work
from bot.people.joining import People
from bot.plans import AskingPlan
from cards.settings import SettingsView
from config.settings import Settings
from config.zones import zone_named
from models.enums import Language
from models.user import User
from models.values import JsonObject


class _Plans(Protocol):
    async def asking_plan(self, tenant: str) -> AskingPlan:
        """The tenant's plan in force."""
        ...


@dataclass(frozen=True, slots=True)
class Installed:
    """What holds for who set nothing, and whose organisation wrote nothing either."""

    zone: ZoneInfo
    quiet_hours: str
    working_days: str
    digest_at: str

    @classmethod
    def of(cls, settings: Settings) -> Installed:
        digest = f"{settings.digest_at:%H:%M}" if settings.digest_at else NEVER
        return cls(settings.zone, settings.quiet_hours, settings.working_days, digest)


@dataclass(frozen=True, slots=True)
class Saved:
    """`changed` is empty where everything was so already."""

    person: User
    changed: tuple[Preference, ...]


class Preferences:
    def __init__(self, people: People, usual: Installed, plans: _Plans) -> None:
        self._people = people
        self._usual = usual
        self._plans = plans

    async def save(self, work: Work, person_id: UUID, values: Mapping[Preference, str | None]) -> Saved:
        """These are the person's preferences from the commit on; what is not named stays. Audited when it changes."""
        person = await self._people.user(person_id)
        before = {preference: _stored(person, preference) for preference in values}
        changed = tuple(
            preference for preference in Preference if preference in values and before[preference] != values[preference]
        )
        if changed:
            for preference in changed:
                setattr(person, preference.value, _column(preference, values[preference]))
            await person.save(update_fields=[preference.value for preference in changed])
            details: JsonObject = {each.value: {"from": before[each], "to": values[each]} for each in changed}
            fact = AuditFact(person.tenant, f"user:{person.id}", "person.preferences", f"user:{person.id}", details)
            work.audit(fact)
        return Saved(person, changed)

    async def view(self, person_id: UUID, now: datetime, saved: tuple[Preference, ...] | None = None) -> SettingsView:
        """The settings as a card shows them; `saved`: what was changed just now."""
        person = await self._people.user(person_id)
        usual = await self._usual_in(person.tenant)
        delegate = await self._people.user(person.delegate_id) if person.delegate_id else None
        is_away = person.away_until is not None and person.away_until > now
        return SettingsView(
            person_id=person.id,
            name=person.name,
            now=now,
            own={preference.value: _stored(person, preference) for preference in Preference},
            usual={
                Preference.QUIET.value: usual.quiet_hours,
                Preference.DAYS.value: usual.working_days,
                Preference.ZONE.value: usual.zone.key,
                Preference.DIGEST.value: usual.digest_at,
            },
            zone=zone_named(person.time_zone, usual.zone),
            away_until=person.away_until if is_away else None,
            delegate=delegate.name if delegate is not None and is_away else None,
            saved=None if saved is None else tuple(preference.value for preference in saved),
        )

    async def _usual_in(self, tenant: str) -> Installed:
        quiet = (await self._plans.asking_plan(tenant)).quiet
        return replace(
            self._usual,
            quiet_hours=quiet.hours or self._usual.quiet_hours,
            working_days=quiet.days or self._usual.working_days,
        )


def _stored(person: User, preference: Preference) -> str | None:
    value: str | None = getattr(person, preference.value)
    return value


def _column(preference: Preference, value: str | None) -> str | None:
    return Language(value) if preference is Preference.LANGUAGE and value is not None else value
