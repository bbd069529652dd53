"""The people around one question, read from the database as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tortoise.connection import get_connection

from bot.consenting import stands
from bot.people.joining import People, UnusablePerson
from bot.people.recipients import HOPS, Circle, Colleague
from models.agent import Agent
from models.approval import ApprovalRequest, CardCopy, Consent
from models.enums import AskedAs, Delivery, Role
from models.user import User


@dataclass(frozen=True, slots=True)
class Concern:
    """What decides whom a question may go to, beside the words of the plan."""

    tenant: str
    agent_id: UUID
    creator_id: UUID
    requester_id: UUID | None = None  # only while duties are separated
    needed: int = 1
    consented: frozenset[UUID] = frozenset()


class Circles:
    def __init__(self, people: People) -> None:
        self._people = people

    async def around(
        self,
        concern: Concern,
        refs: Iterable[str],
        groups: Mapping[str, Sequence[str]],
        asked: Asked,
        *,
        met_at: datetime | None = None,
    ) -> Circle:
        """Everybody whom `refs` name, and whoever may have to stand in.

        With `met_at` somebody who is only known by an e-mail address becomes known, to be asked.
        """
        agent = await Agent.get(id=concern.agent_id)
        creator = await self._people.user(concern.creator_id)
        admins = await self._people.admins(concern.tenant)
        listed = {ref: await self._listed(concern.tenant, emails, met_at) for ref, emails in _lists(refs, groups)}
        wanted = {one for one in (agent.backup_id, creator.leader_id) if one is not None}
        wanted.update(asked.reasons, *listed.values())
        rows = {person.id: person for person in (creator, *admins)}
        await self._with_delegates(rows, wanted)
        return Circle(
            tenant=concern.tenant,
            app_id=agent.app_id,
            creator=creator.id,
            people={given: _colleague(person, concern.tenant) for given, person in rows.items()},
            backup=_present(rows, agent.backup_id),
            leader=_present(rows, creator.leader_id),
            admins=tuple(admin.id for admin in admins),
            org_admins=tuple(admin.id for admin in admins if admin.role is Role.ORG_ADMIN),
            listed=listed,
            requester=concern.requester_id,
            needed=concern.needed,
            consented=concern.consented,
            unreached=asked.unreached,
        )

    async def concern_of(self, approval: ApprovalRequest) -> Concern:
        separated = approval.requester_id if approval.duties_separated else None
        return Concern(
            tenant=approval.tenant,
            agent_id=approval.agent_id,
            creator_id=approval.creator_id,
            requester_id=(await self._people.user(separated)).id if separated else None,
            needed=approval.approvals_needed,
            consented=await _consented(approval) if approval.approvals_needed > 1 else frozenset(),
        )

    async def _listed(self, tenant: str, emails: Iterable[str], met_at: datetime | None) -> tuple[UUID, ...]:
        found: dict[UUID, None] = {}
        for email in emails:
            person = await self._people.find(tenant, email)
            if person is None and met_at is not None:
                with suppress(UnusablePerson):  # no check fails because of a name in a plan
                    person = await self._people.ensure(tenant, email, now=met_at)
            if person is not None:
                found[person.id] = None
        return tuple(found)

    async def _with_delegates(self, rows: dict[UUID, User], wanted: set[UUID]) -> None:
        """`rows` has everybody wanted, and the chain of delegates behind each; whoever was joined is the other."""
        for _ in range(HOPS + 1):
            missing = wanted - rows.keys()
            for person in await User.filter(id__in=list(missing)) if missing else []:
                present = person if person.joined_with is None else await self._people.user(person.id)
                rows[person.id] = rows[present.id] = present
            wanted = {person.delegate_id for person in rows.values() if person.delegate_id is not None}


async def hold_still(people: Collection[UUID]) -> None:
    """Nobody of these goes away or leaves before the transaction ends (PostgreSQL). Whoever just does is waited for.

    Only for a question that is being made. Who goes away holds the own row and then wants the open questions, so
    that nobody who holds one of these may wait here.
    """
    ids = sorted(people)
    if ids:
        numbered = ", ".join(f"${number}" for number in range(1, len(ids) + 1))
        sql = f"SELECT id FROM users WHERE id IN ({numbered}) ORDER BY id FOR SHARE"  # noqa: S608 - placeholders
        await get_connection("default").execute_query(sql, list(ids))


def _lists(refs: Iterable[str], groups: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, Sequence[str]]]:
    for ref in dict.fromkeys(refs):
        kind, _, name = ref.partition(":")
        if kind == "group":
            yield ref, groups.get(name, ())
        elif kind == "person":
            yield ref, (name,)


def _present(rows: Mapping[UUID, User], person_id: UUID | None) -> UUID | None:
    return rows[person_id].id if person_id is not None and person_id in rows else None


def _colleague(person: User, tenant: str) -> Colleague:
    return Colleague(
        id=person.id,
        tenant=person.tenant,
        employment=person.employment,
        away_until=person.away_until,
        delegate_id=person.delegate_id,
        is_admin=person.role is Role.PLATFORM_ADMIN or (person.role is Role.ORG_ADMIN and person.tenant == tenant),
    )


async def _consented(approval: ApprovalRequest) -> frozenset[UUID]:
    given = await Consent.filter(approval_id=approval.id)
    return frozenset(one.person_id for one in given if stands(one, approval, approval.requester_id))


@dataclass(frozen=True, slots=True)
class Asked:
    """Who has a copy, and why; to some of them nothing could be delivered."""

    reasons: Mapping[UUID, AskedAs] = field(default_factory=dict)
    unreached: frozenset[UUID] = frozenset()


async def asked_about(approval: ApprovalRequest) -> Asked:
    """Whoever was joined with another person is that other."""
    copies = await CardCopy.filter(approval_id=approval.id).order_by("id").select_related("person")
    named = [(copy.person.joined_with or copy.person_id, copy) for copy in copies]
    return Asked(
        {person: copy.asked_as for person, copy in named},
        frozenset(person for person, copy in named if copy.state is Delivery.UNDELIVERABLE),
    )
