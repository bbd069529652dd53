"""Whom a question goes to: the people that a step of the asking plan names, and who stands in for them. Pure.

Whoever is asked may decide, so nobody is asked who is not of the tenant, who has left or is frozen, or who is the
requester while duties are separated. Somebody who is away keeps a copy and is stood in for; who left is only replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from models.enums import AskedAs, Employment

HOPS = 3
"""Delegates of delegates that are followed; longer chains, and circles, lead to nobody."""

IN_TURN = ("backup", "leader", "admins")
"""Who is asked instead where nobody that was named is there: the first of these who is."""


class Skipped(StrEnum):
    """Why somebody who was named was not asked, or not counted on."""

    NOBODY = "nobody"  # no such person is set or known
    ELSEWHERE = "elsewhere"  # of another tenant
    LEFT = "left"
    FROZEN = "frozen"
    REQUESTER = "requester"  # duties are separated
    AWAY = "away"  # has a copy; nobody stands in


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person to be asked, and why; the reason is what entitles the person to decide."""

    person_id: UUID
    asked_as: AskedAs
    instead_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person as asking sees one."""

    id: UUID
    tenant: str
    employment: Employment = Employment.ACTIVE
    away_until: datetime | None = None
    delegate_id: UUID | None = None
    is_admin: bool = False  # of the question's tenant

    def is_away(self, now: datetime) -> bool:
        return is_away(self.away_until, now)


@dataclass(frozen=True, slots=True)
class Circle:
    """The people around one question, as they are now. `people` holds everybody who is named here."""

    tenant: str
    creator: UUID
    people: Mapping[UUID, Colleague]
    app_id: str | None = None  # the agent's own
    backup: UUID | None = None
    leader: UUID | None = None  # the creator's
    admins: tuple[UUID, ...] = ()
    org_admins: tuple[UUID, ...] = ()
    listed: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)  # "group:finance" and "person:…" → people
    requester: UUID | None = None  # only while duties are separated
    needed: int = 1  # distinct people who must approve
    consented: frozenset[UUID] = frozenset()
    unreached: frozenset[UUID] = frozenset()  # has a copy that could not be delivered

    @property
    def others_decide(self) -> bool:
        """Whether somebody besides the creator must approve, whom the creator therefore does not pick."""
        return self.needed > 1 or self.requester == self.creator


@dataclass(frozen=True, slots=True)
class Chosen:
    """`recipients` are new: nobody of them has a copy. The confirmed were asked before, and are named again."""

    recipients: tuple[Recipient, ...] = ()
    skipped: tuple[tuple[str, Skipped], ...] = ()
    confirmed: tuple[Recipient, ...] = ()


def is_away(away_until: datetime | None, now: datetime) -> bool:
    return away_until is not None and now < away_until


def choose(
    refs: Sequence[str],
    circle: Circle,
    now: datetime,
    *,
    asked: Mapping[UUID, AskedAs] = MappingProxyType({}),
    later: Sequence[str] = (),
    absent: Iterable[UUID] = (),
) -> Chosen:
    """Whom to ask besides those who were asked: the people of `refs`, and in turn whoever replaces the absent.

    `later` is what further steps will ask: as long as that is enough for the approvals that are needed, nobody else is
    drawn in. `absent` are people asked before who cannot answer any more.
    """
    table = _Table(circle, now, asked)
    for person_id in absent:
        if person_id in asked:
            table.hand_over(person_id, asked[person_id])
    for ref in refs:
        table.seat(ref)
    table.fill()
    table.complete(later)
    seats = table.seats.values()
    new = tuple(one for one in seats if one.person_id not in asked)
    return Chosen(new, tuple(table.skipped), tuple(one for one in seats if one.person_id in asked))


def standing_in(person: Colleague, asked_as: AskedAs, circle: Circle, now: datetime) -> UUID | None:
    """Who decides for somebody who is away: the delegate, or the delegate's, as long as these are away too.

    Nobody stands in by the word of who left or is frozen, nor where several must approve: the second pair of eyes
    is never picked by the first. A role is not handed on: only another admin stands in for an admin.
    """
    if circle.needed > 1:
        return None
    seen = {person.id}
    for _ in range(HOPS):
        if person.delegate_id is None or person.delegate_id in seen:
            return None
        seen.add(person.delegate_id)
        delegate = circle.people.get(person.delegate_id)
        if delegate is None or unfit(delegate, AskedAs.DELEGATE, circle) is not None:
            return None
        if asked_as is AskedAs.ADMIN and not delegate.is_admin:
            return None
        if not delegate.is_away(now):
            return delegate.id
        person = delegate
    return None


def unfit(person: Colleague, asked_as: AskedAs, circle: Circle) -> Skipped | None:
    """Why this person may not be asked for this reason. Only as an admin is somebody of another tenant asked."""
    if person.tenant != circle.tenant and not (asked_as is AskedAs.ADMIN and person.is_admin):
        return Skipped.ELSEWHERE
    if person.employment is Employment.LEFT:
        return Skipped.LEFT
    if person.employment is Employment.FROZEN:
        return Skipped.FROZEN
    return Skipped.REQUESTER if person.id == circle.requester else None


def named(ref: str, circle: Circle) -> Iterator[tuple[UUID, AskedAs]]:
    """The people whom a word of the plan stands for."""
    match ref:
        case "creator":
            yield circle.creator, AskedAs.CREATOR
        case "backup":
            yield from _one(circle.backup, AskedAs.BACKUP)
        case "leader":
            yield from _one(circle.leader, AskedAs.LEADER)
        case "admins":
            yield from ((admin, AskedAs.ADMIN) for admin in circle.admins)
        case "role:org_admin":
            yield from ((admin, AskedAs.ADMIN) for admin in circle.org_admins)
        case _:
            yield from ((person, AskedAs.GROUP) for person in circle.listed.get(ref, ()))


def _one(person_id: UUID | None, asked_as: AskedAs) -> Iterator[tuple[UUID, AskedAs]]:
    if person_id is not None:
        yield person_id, asked_as


class _Table:
    """Seats are taken one after the other; of several reasons to sit there the one that depends on least stays."""

    def __init__(self, circle: Circle, now: datetime, asked: Mapping[UUID, AskedAs]) -> None:
        self._circle = circle
        self._now = now
        self._asked = asked
        self._named: set[str] = set()
        self._lacking = False  # whether a step named somebody who is not there and whom nobody stands in for
        self._missing: list[UUID] = []
        self.seats: dict[UUID, Recipient] = {}
        self.skipped: list[tuple[str, Skipped]] = []

    def seat(self, ref: str) -> None:
        self._named.add(ref)
        people = list(named(ref, self._circle))
        if not people:
            self.skipped.append((ref, Skipped.NOBODY))
        for person_id, asked_as in people:
            fault = self._seat_one(person_id, asked_as)
            if fault is not None:
                self.skipped.append((ref, fault))
                self._missing.append(person_id)
                self._lacking = True

    def hand_over(self, person_id: UUID, asked_as: AskedAs) -> None:
        """Somebody who has a copy cannot answer any more; who consented already is not waited for."""
        person = self._circle.people.get(person_id)
        if person is None or person_id in self._circle.consented:
            return
        fits = unfit(person, asked_as, self._circle) is None
        if fits and (not person.is_away(self._now) or self._seat_delegate(person, asked_as)):
            return
        self._missing.append(person_id)

    def fill(self) -> None:
        """Where the step reaches nobody who is there, the next in turn is asked."""
        arrived = any(one not in self._asked and self._is_there(one, seat.asked_as) for one, seat in self.seats.items())
        if (self._lacking and not arrived) or not self._able():
            self._seat_in_turn()

    def complete(self, later: Sequence[str]) -> None:
        """Where several must approve and too few could, the admins are asked too."""
        circle = self._circle
        if circle.needed < 2:
            return
        coming = {one for ref in later for one, asked_as in named(ref, circle) if self._is_there(one, asked_as)}
        if len(self._able() | coming | circle.consented) < circle.needed:
            for person_id, asked_as in named("admins", circle):
                if self._is_new(person_id, asked_as):
                    self._sit(Recipient(person_id, asked_as))

    def _seat_one(self, person_id: UUID, asked_as: AskedAs) -> Skipped | None:
        """Why nobody is there for this name after all."""
        person = self._circle.people.get(person_id)
        if person is None:
            return Skipped.NOBODY
        if fault := unfit(person, asked_as, self._circle):
            return fault
        self._sit(Recipient(person_id, asked_as))
        if person.is_away(self._now) and not self._seat_delegate(person, asked_as):
            return Skipped.AWAY
        return None

    def _seat_delegate(self, person: Colleague, asked_as: AskedAs) -> bool:
        delegate = standing_in(person, asked_as, self._circle, self._now)
        if delegate is None:
            return False
        reason = AskedAs.ADMIN if asked_as is AskedAs.ADMIN else AskedAs.DELEGATE
        self._sit(Recipient(delegate, reason, instead_of=person.id))
        return True

    def _seat_in_turn(self) -> None:
        instead_of = self._missing[0] if self._missing else None
        for ref in IN_TURN:
            if ref == "backup" and ref not in self._named and self._circle.others_decide:
                continue  # chosen by the creator, as a delegate is
            there = [one for one in named(ref, self._circle) if self._is_new(*one)]
            for person_id, asked_as in there:
                self._sit(Recipient(person_id, asked_as, instead_of))
            if there:
                return

    def _sit(self, recipient: Recipient) -> None:
        seated = self.seats.get(recipient.person_id)
        if seated is None or _dependence(recipient.asked_as) < _dependence(seated.asked_as):
            self.seats[recipient.person_id] = recipient

    def _able(self) -> set[UUID]:
        """Who has a copy, or will have one, and can answer."""
        reasons = {**self._asked, **{one: seat.asked_as for one, seat in self.seats.items()}}
        return {one for one, asked_as in reasons.items() if self._is_there(one, asked_as)}

    def _is_new(self, person_id: UUID, asked_as: AskedAs) -> bool:
        return person_id not in self._asked and person_id not in self.seats and self._is_there(person_id, asked_as)

    def _is_there(self, person_id: UUID, asked_as: AskedAs) -> bool:
        person = self._circle.people.get(person_id)
        if person is None or unfit(person, asked_as, self._circle) or person.is_away(self._now):
            return False
        if person_id in self._circle.unreached:
            return False
        if asked_as is AskedAs.DELEGATE:
            return self._circle.needed == 1  # several became needed after the delegate was asked
        return person.is_admin or asked_as is not AskedAs.ADMIN


def _dependence(asked_as: AskedAs) -> int:
    """A role may be taken away, and a delegate hangs on somebody else; a name in the plan stands."""
    return {AskedAs.ADMIN: 2, AskedAs.DELEGATE: 1}.get(asked_as, 0)
