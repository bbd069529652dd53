"""People's roles. Somebody always administers the platform."""

from __future__ import annotations

from bot.administration.actors import Actor
from bot.administration.values import Declined, Why
from bot.ledger import AuditFact, Work
from bot.people.joining import People, UnusablePerson
from models.enums import Role
from models.user import User
from models.values import Refusal, RefusalKind

NAME_LIMIT = 200  # characters


class UserAdministration:
    def __init__(self, people: People) -> None:
        self._people = people

    async def list(self, actor: Actor, *, tenant: str | None = None) -> list[User] | Refusal:
        """The people whom this actor administers; admins first, then by name."""
        if not actor.administers(actor.tenant):
            return Refusal(RefusalKind.NOT_PERMITTED, admins_only=True)
        wanted = User.filter(joined_with=None)
        if not actor.everywhere:
            wanted = wanted.filter(tenant=actor.tenant)
        if tenant is not None:
            wanted = wanted.filter(tenant=tenant)
        seniority = list(Role)
        return sorted(await wanted, key=lambda person: (-seniority.index(person.role), person.tenant, person.name))

    async def named(self, actor: Actor, who: str, *, tenant: str | None = None) -> User | Refusal | Declined:
        """The person by id, e-mail address, Feishu id, or a name that only one person of the tenant has."""
        tenant = tenant or actor.tenant
        person = await self._people.find(tenant, who)
        if person is not None:
            return person
        name = who.strip()
        if len(name) > NAME_LIMIT or not name.isprintable():
            return Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=who[:NAME_LIMIT])
        namesakes = await User.filter(tenant=tenant, name=name, joined_with=None)
        if len(namesakes) > 1:
            return Declined(Why.AMBIGUOUS, who)
        return namesakes[0] if namesakes else Refusal(RefusalKind.UNKNOWN_SUBJECT, detail=who)

    async def ensure(
        self, work: Work, actor: Actor, who: str, *, tenant: str | None = None
    ) -> User | Refusal | Declined:
        """The person, who becomes known when named by an e-mail address or an id of Feishu's. For admins."""
        tenant = tenant or actor.tenant
        known = await self.named(actor, who, tenant=tenant)
        if isinstance(known, User | Declined):
            return known
        if not actor.administers(tenant):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=who, admins_only=True)
        try:
            person = await self._people.ensure(tenant, who, now=work.now)
        except UnusablePerson:
            return Declined(Why.BAD_PERSON, who)
        self._audit(work, actor, person, "user.added")
        return person

    async def set_role(
        self, work: Work, actor: Actor, who: str, role: Role, *, tenant: str | None = None
    ) -> User | Refusal | Declined:
        """The person has the role; refused to who may not, and for the last platform admin."""
        # The right is looked at first, so that nobody learns by trying who exists.
        if not actor.administers(tenant or actor.tenant):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=who, admins_only=True)
        person = await self.named(actor, who, tenant=tenant)
        if not isinstance(person, User):
            return person
        # Held until the commit: two platform admins who demote each other at once meet here.
        senior = await User.filter(role=Role.PLATFORM_ADMIN, joined_with=None).order_by("id").select_for_update()
        present = Role.PLATFORM_ADMIN if any(one.id == person.id for one in senior) else person.role
        if not actor.may_set_role(person.tenant, present, role):
            return Refusal(RefusalKind.NOT_PERMITTED, detail=who, admins_only=True)
        if present is role:
            return person
        if present is Role.PLATFORM_ADMIN and len(senior) == 1:
            return Declined(Why.LAST_ADMIN, person.name)
        await User.filter(id=person.id).update(role=role)
        person.role = role
        self._audit(work, actor, person, "user.role_set")
        return person

    @staticmethod
    def _audit(work: Work, actor: Actor, person: User, action: str) -> None:
        work.audit(
            AuditFact(
                tenant=person.tenant,
                actor=actor.name,
                action=action,
                subject=f"user:{person.id}",
                details={"name": person.name, "role": person.role.value},
            )
        )
