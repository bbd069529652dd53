"""Who is who: people joined over Feishu apps by the ids that Feishu's signed events name.

Nobody is ever recognised by a name, an e-mail address in a text or anything else that a person can write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from bot import outbox
from bot.database import in_open_transaction, transaction
from bot.people.uniting import made_up_names, unite
from bot.ports import Receiver, ReceiverType
from models.enums import Language, Role
from models.feishu import FeishuApp, FeishuIdentity
from models.user import User
from models.values import AppCredentials, Operator, PersonIds

WHO_LIMIT = 200  # characters
NAME_LIMIT = 200  # characters
ID_LIMIT = 80  # characters of an id of Feishu's; the column's width, beyond which Tortoise refuses to look

_NOT_YET_KNOWN = "?"
"""Begins the open_id of an identity of which Feishu has not yet told us the open_id; no id of Feishu's begins so."""


class UnusablePerson(ValueError):
    """The text names nobody: it is neither an e-mail address nor an id of Feishu's."""


class People:
    def __init__(
        self, default_app_id: str, default_tenant: str = "default", *, language: Language = Language.ZH_CN
    ) -> None:
        self.default_app_id = default_app_id
        self.default_tenant = default_tenant
        self._language = language

    async def user(self, person_id: UUID) -> User:
        """The person; whoever was joined with another is that other. Raises DoesNotExist."""
        return await _present(person_id)

    async def find(self, tenant: str, who: str) -> User | None:
        """The person of `tenant` named by our id, e-mail address, open_id (of any of its apps), union_id or user_id."""
        return await find_person(tenant, who)

    async def operator(self, app: AppCredentials, ids: PersonIds, now: datetime) -> Operator | None:
        """Who this is: someone known, else a new member of the app's tenant. None for a person of another company.

        Must be called outside a transaction. First messages that arrive at once make one person.
        """
        if is_stranger(app, ids):
            return None
        try:
            person = await self._recognised(app, ids, now)
        except IntegrityError:  # the same person got here by another event: now known
            person = await self._recognised(app, ids, now)
        return None if person is None else _operator(person)

    async def ensure(
        self, tenant: str, who: str, *, role: Role | None = None, now: datetime, quiet: bool = False
    ) -> User:
        """The person named by e-mail address or an id of Feishu's, created when new, with `role` when given.

        `quiet`: no admin hears of an address that Feishu does not know.
        Raises UnusablePerson for a text that names nobody, and for an unknown id of ours.
        """
        person = await self.find(tenant, who)
        if person is None:
            named = _parse(who)
            if named is None or named.uuid is not None:
                raise UnusablePerson(who[:WHO_LIMIT])
            async with _together():
                if named.email is not None:
                    person = await self._by_email(tenant, named.email, now, quiet=quiet)
                else:
                    person = await self._insert(tenant, self.default_app_id, named.ids, self._language, now)
        if role is not None and person.role is not role:
            await User.filter(id=person.id).update(role=role)
            person.role = role
        return person

    async def meet(self, tenant: str, who: str, now: datetime) -> User | None:
        """Who has this address becomes known, so that nobody who is known by another name answers the own request.

        None for anything but an address: an id is compared when somebody decides (bot.consenting).
        """
        if "@" not in who:
            return None
        with suppress(UnusablePerson):
            return await self.ensure(tenant, who, now=now, quiet=True)
        return None

    async def learn_open_id(self, person_id: UUID, app_id: str, open_id: str, now: datetime) -> None:
        """The person is known by `open_id` in this app; whoever was known by it until now is joined with the person.

        Nobody is joined over tenants: agents and roles of one would become another's.
        """
        async with _together():
            person = await self.user(person_id)
            known = await FeishuIdentity.get_or_none(app_id=app_id, open_id=open_id)
            if known is not None and known.person_id != person.id:
                stub = await self.user(known.person_id)
                if stub.tenant == person.tenant:
                    await unite(stub, person)
            elif known is None:
                await _attach(person.id, app_id, PersonIds(open_id=open_id), now)
                await outbox.add([outbox.name(tenant=person.tenant, person_id=person.id, app_id=app_id, now=now)])

    async def open_id(self, person_id: UUID, app_id: str) -> str | None:
        """The person's open_id in this app, where Feishu has told it."""
        identity = await FeishuIdentity.get_or_none(person_id=person_id, app_id=app_id)
        return known_open_id(identity) if identity else None

    async def learn_name(self, person_id: UUID, name: str) -> None:
        """The person is called so; what an admin or an earlier look-up has set stays."""
        person = await self.user(person_id)
        if person.name in await made_up_names(person):
            await User.filter(id=person.id, name=person.name).update(name=name.strip()[:NAME_LIMIT])

    async def admins(self, tenant: str) -> list[User]:
        """The platform's admins and the tenant's own."""
        wanted = Q(role=Role.PLATFORM_ADMIN) | Q(role=Role.ORG_ADMIN, tenant=tenant)
        return await User.filter(wanted, joined_with=None).order_by("id")

    async def receivers(self, person_id: UUID, app_id: str) -> list[Receiver]:
        """The ways to reach this person through this app, best first; each id goes with its own type.

        A user_id names somebody else in another company, so it is used through apps of the person's own only.
        """
        person = await self.user(person_id)
        rows = await FeishuIdentity.filter(person_id=person.id).order_by("id")
        rows.sort(key=lambda row: row.app_id != app_id)
        app = await FeishuApp.get_or_none(app_id=app_id)
        ways: list[Receiver] = []
        if user_id := next((row.user_id for row in rows if row.user_id and _same_company(row, person, app)), None):
            ways.append(Receiver(ReceiverType.USER_ID, user_id))
        if open_id := next((known_open_id(row) for row in rows if row.app_id == app_id), None):
            ways.append(Receiver(ReceiverType.OPEN_ID, open_id))
        if union_id := next((row.union_id for row in rows if row.union_id), None):
            ways.append(Receiver(ReceiverType.UNION_ID, union_id))
        return ways

    async def other_apps(self, person_id: UUID, app_id: str) -> list[str]:
        """Further apps of the person's own tenant in which Feishu has told us the person's open_id."""
        person = await self.user(person_id)
        rows = FeishuIdentity.filter(person_id=person.id, app__tenant=person.tenant, app__archived_at=None)
        return [row.app_id for row in await rows.exclude(app_id=app_id).order_by("id") if known_open_id(row)]

    async def known(self, app: AppCredentials, ids: PersonIds) -> User | None:
        """Whom the ids of an event about somebody name, if we know that person; nobody is created."""
        identity = None if is_stranger(app, ids) else await self._identity(app, ids)
        return None if identity is None else await self.user(identity.person_id)

    async def by_open_id(self, app_id: str, tenant: str, open_id: str, now: datetime) -> User:
        """The person whom this app names so, a new member of `tenant` when unknown."""
        async with _together():
            known = await FeishuIdentity.get_or_none(app_id=app_id, open_id=open_id)
            if known is not None:
                return await self.user(known.person_id)
            return await self._insert(tenant, app_id, PersonIds(open_id=open_id), self._language, now)

    async def _recognised(self, app: AppCredentials, ids: PersonIds, now: datetime) -> User | None:
        identity = await self._identity(app, ids)
        if identity is None:
            if ids.open_id is None:  # Feishu always names it; without it nobody can become a member
                return None
            async with transaction():
                return await self._insert(app.tenant, app.app_id, ids, language_of(app), now)
        if _news(identity, app.app_id, ids):
            async with transaction():
                await _attach(identity.person_id, app.app_id, ids, now)
        return await self.user(identity.person_id)

    async def _identity(self, app: AppCredentials, ids: PersonIds) -> FeishuIdentity | None:
        """(app, open_id), else union_id, else (tenant_key, user_id). The earliest row wins where there are several."""
        if ids.open_id is not None:
            own = await FeishuIdentity.get_or_none(app_id=app.app_id, open_id=ids.open_id)
            if own is not None:
                return own
        ours = FeishuIdentity.filter(person__tenant=app.tenant).order_by("id")
        if ids.union_id is not None and (row := await ours.filter(union_id=ids.union_id).first()):
            return row
        if ids.user_id is None:
            return None
        same = ours.filter(user_id=ids.user_id)
        if ids.tenant_key is not None:
            same = same.filter(Q(tenant_key=ids.tenant_key) | Q(tenant_key=None))
        if ids.union_id is not None:  # a user_id may be given to a successor; the union_id tells them apart
            same = same.filter(union_id=None)
        return await same.first()

    async def _by_email(self, tenant: str, email: str, now: datetime, *, quiet: bool) -> User:
        row = User(tenant=tenant, name=email.partition("@")[0], email=email, language=self._language, created_at=now)
        await User.bulk_create([row], ignore_conflicts=True)
        person = await User.get(tenant=tenant, email=email)
        if person.id == row.id and self.default_app_id:
            app_id = self.default_app_id
            learn = outbox.identity(tenant=tenant, person_id=person.id, app_id=app_id, now=now, quiet=quiet)
            await outbox.add([learn])
        return await self.user(person.id)

    async def _insert(self, tenant: str, app_id: str, ids: PersonIds, language: Language, now: datetime) -> User:
        """A new person with a first identity, or the one whom a concurrent event made of the same ids.

        The id follows from the ids, so that first messages through two apps meet in the primary key.
        """
        row = User(
            id=_person_id(tenant, app_id, ids), tenant=tenant, name=_name(ids), language=language, created_at=now
        )
        met_before = await User.exists(id=row.id)
        await User.bulk_create([row], ignore_conflicts=True)
        person = await self.user(row.id)
        identity = await _attach(person.id, app_id, ids, now)
        if not met_before and ids.open_id is not None:
            await outbox.add([outbox.name(tenant=tenant, person_id=person.id, app_id=app_id, now=now)])
        if identity.person_id != person.id:
            await User.filter(id=person.id, joined_with=None).update(joined_with=identity.person_id)
            person = await self.user(identity.person_id)
        return person


async def find_person(tenant: str, who: str) -> User | None:
    """As People.find. An open_id is one app's, and no two apps give out the same."""
    named = _parse(who)
    if named is None:
        return None
    if named.uuid is not None or named.email is not None:
        wanted = Q(id=named.uuid) if named.uuid else Q(email=named.email)
        row = await User.filter(tenant=tenant).filter(wanted).first()
        return await _present(row.id) if row else None
    identity = await _identities(tenant, named.ids).first()
    return await _present(identity.person_id) if identity else None


def is_stranger(app: AppCredentials, ids: PersonIds) -> bool:
    """Whether the ids are those of a person of another company than the app's."""
    return app.tenant_key is not None and ids.tenant_key is not None and app.tenant_key != ids.tenant_key


async def _present(person_id: UUID) -> User:
    person = await User.get(id=person_id)
    while person.joined_with is not None:
        person = await User.get(id=person.joined_with)
    return person


def _identities(tenant: str, ids: PersonIds) -> QuerySet[FeishuIdentity]:
    ours = FeishuIdentity.filter(person__tenant=tenant).order_by("id")
    if ids.open_id is not None:
        return ours.filter(open_id=ids.open_id)
    return ours.filter(union_id=ids.union_id) if ids.union_id is not None else ours.filter(user_id=ids.user_id)


def _same_company(identity: FeishuIdentity, person: User, app: FeishuApp | None) -> bool:
    """Whether the app belongs to the company that gave out the identity's user_id; by the tenant where unknown."""
    if app is None:
        return True
    if app.tenant_key is not None and identity.tenant_key is not None:
        return app.tenant_key == identity.tenant_key
    return app.tenant == person.tenant


def known_open_id(identity: FeishuIdentity) -> str | None:
    """The open_id, None while Feishu has not told it."""
    return None if identity.open_id.startswith(_NOT_YET_KNOWN) else identity.open_id


def language_of(app: AppCredentials) -> Language:
    """What new members of this app most likely read; events do not tell."""
    host = urlsplit(app.base_url).hostname or ""
    return Language.EN_US if host.endswith("larksuite.com") else Language.ZH_CN


@dataclass(frozen=True, slots=True)
class _Named:
    """What a text names a person by: exactly one of the three."""

    uuid: UUID | None = None
    email: str | None = None
    ids: PersonIds = field(default_factory=PersonIds)


def _parse(who: str) -> _Named | None:
    who = who.strip()
    if not who or len(who) > WHO_LIMIT or not who.isprintable() or " " in who:
        return None
    if "@" in who:
        name, _, host = who.lower().rpartition("@")
        return _Named(email=f"{name}@{host}") if name and "." in host.strip(".") else None
    if len(who) > ID_LIMIT:
        return None
    if who.startswith("ou_"):
        return _Named(ids=PersonIds(open_id=who))
    if who.startswith("on_"):
        return _Named(ids=PersonIds(union_id=who))
    try:
        return _Named(uuid=UUID(who)) if len(who) == 36 else _Named(ids=PersonIds(user_id=who))
    except ValueError:
        return _Named(ids=PersonIds(user_id=who))


def _operator(person: User) -> Operator:
    return Operator(person.id, person.tenant, person.role, person.name, person.language)


def _name(ids: PersonIds) -> str:
    return ids.user_id or ids.open_id or ids.union_id or ""


def _person_id(tenant: str, app_id: str, ids: PersonIds) -> UUID:
    if ids.union_id is not None:
        key = f"union_id:{ids.union_id}"
    elif ids.user_id is not None:
        key = f"user_id:{ids.tenant_key or ''}:{ids.user_id}"
    else:
        key = f"open_id:{app_id}:{ids.open_id}"
    return uuid5(NAMESPACE_URL, f"assent:{tenant}:{key}")


def _news(identity: FeishuIdentity, app_id: str, ids: PersonIds) -> bool:
    """Whether the event tells more of the person than `identity` does."""
    if identity.app_id != app_id:
        return ids.open_id is not None
    return bool(_changes(identity, ids))


def _changes(identity: FeishuIdentity, ids: PersonIds) -> dict[str, str]:
    told = {"open_id": ids.open_id, "union_id": ids.union_id, "user_id": ids.user_id, "tenant_key": ids.tenant_key}
    return {name: value for name, value in told.items() if value is not None and getattr(identity, name) != value}


async def _attach(person_id: UUID, app_id: str, ids: PersonIds, now: datetime) -> FeishuIdentity:
    """The identity row of these ids towards this app: the person's, or that of whoever has the open_id already."""
    row = FeishuIdentity(
        app_id=app_id,
        person_id=person_id,
        open_id=ids.open_id or f"{_NOT_YET_KNOWN}{person_id}",
        union_id=ids.union_id,
        user_id=ids.user_id,
        tenant_key=ids.tenant_key,
        updated_at=now,
    )
    await FeishuIdentity.bulk_create([row], ignore_conflicts=True)
    identity = await FeishuIdentity.get_or_none(app_id=app_id, open_id=row.open_id)
    identity = identity or await FeishuIdentity.get(app_id=app_id, person_id=person_id)
    changes = _changes(identity, ids)
    if changes:
        await FeishuIdentity.filter(id=identity.id).update(**changes, updated_at=now)
        identity.update_from_dict(changes)
    return identity


@asynccontextmanager
async def _together() -> AsyncIterator[None]:
    """All or nothing: in the caller's transaction where there is one."""
    if in_open_transaction():
        yield
    else:
        async with transaction():
            yield
