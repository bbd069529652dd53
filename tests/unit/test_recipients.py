"""Whom a question goes to: every word of a plan, everybody who may stand in, and who never may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.people.recipients import Chosen, Circle, Colleague, Recipient, Skipped, choose, standing_in
from models.enums import AskedAs, Employment

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOLIDAY = NOW + timedelta(days=7)
CREATOR, BACKUP, LEADER, ADMIN, ROOT, LI, WANG, REQUESTER = (UUID(int=n) for n in range(1, 9))
NAMES = {
    CREATOR: "creator",
    BACKUP: "backup",
    LEADER: "leader",
    ADMIN: "admin",
    ROOT: "root",
    LI: "li",
    WANG: "wang",
    REQUESTER: "requester",
}


def circle(changes: Mapping[UUID, Colleague] | None = None, **kwargs: object) -> Circle:
    """A tenant with everybody at work: an admin of its own, ROOT of the platform, LI and WANG in finance."""
    people = {one: Colleague(one, "acme", is_admin=one is ADMIN) for one in NAMES}
    people[ROOT] = Colleague(ROOT, "headquarters", is_admin=True)
    given_: dict[str, object] = {
        "backup": BACKUP,
        "leader": LEADER,
        "admins": (ADMIN, ROOT),
        "org_admins": (ADMIN,),
        "listed": {"group:finance": (LI, WANG), "person:li@example.com": (LI,)},
        **kwargs,
    }
    return Circle("acme", CREATOR, {**people, **(changes or {})}, **given_)  # type: ignore[arg-type]


def away(person: UUID, delegate: UUID | None = None, **kwargs: object) -> dict[UUID, Colleague]:
    return {person: Colleague(person, "acme", away_until=HOLIDAY, delegate_id=delegate, **kwargs)}  # type: ignore[arg-type]


def gone(person: UUID, how: Employment = Employment.LEFT, **kwargs: object) -> dict[UUID, Colleague]:
    return {person: Colleague(person, "acme", employment=how, **kwargs)}  # type: ignore[arg-type]


def told(chosen: Chosen) -> list[str]:
    return [f"{NAMES[one.person_id]} as {one.asked_as}" for one in chosen.recipients]


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        (["creator"], ["creator as creator"]),
        (["backup", "leader"], ["backup as backup", "leader as leader"]),
        (["admins"], ["admin as admin", "root as admin"]),
        (["role:org_admin"], ["admin as admin"]),
        (["group:finance"], ["li as group", "wang as group"]),
        (["person:li@example.com", "group:finance"], ["li as group", "wang as group"]),
    ],
)
def test_every_word_of_a_plan(refs: list[str], expected: list[str]) -> None:
    chosen = choose(refs, circle(), NOW)
    assert told(chosen) == expected
    assert chosen.skipped == ()


def test_nobody_is_asked_twice() -> None:
    chosen = choose(["creator", "group:finance"], circle(), NOW, asked={CREATOR: AskedAs.CREATOR, LI: AskedAs.ADMIN})
    assert told(chosen) == ["wang as group"]
    assert Recipient(LI, AskedAs.GROUP) in chosen.confirmed


def test_a_name_in_the_plan_weighs_more_than_a_role_or_an_absence() -> None:
    """A role may be taken away, and a delegate hangs on somebody; who is named by the plan may decide all the same."""
    listed = {"group:finance": (ADMIN, BACKUP)}
    chosen = choose(["admins", "creator", "group:finance"], circle(away(CREATOR, BACKUP), listed=listed), NOW)
    assert told(chosen) == ["admin as group", "root as admin", "creator as creator", "backup as group"]


def test_who_is_away_keeps_a_copy_and_the_delegate_is_asked() -> None:
    chosen = choose(["creator"], circle(away(CREATOR, LI)), NOW)
    assert chosen.recipients == (
        Recipient(CREATOR, AskedAs.CREATOR),
        Recipient(LI, AskedAs.DELEGATE, instead_of=CREATOR),
    )
    assert chosen.skipped == ()


def test_an_absence_that_is_over_is_none() -> None:
    late = circle({CREATOR: Colleague(CREATOR, "acme", away_until=NOW, delegate_id=LI)})
    assert told(choose(["creator"], late, NOW)) == ["creator as creator"]


def test_a_delegate_who_is_away_has_a_delegate_in_turn() -> None:
    people = {**away(CREATOR, LI), **away(LI, WANG), **away(WANG, LEADER)}
    assert "leader as delegate" in told(choose(["creator"], circle(people), NOW))
    people |= {**away(LEADER, BACKUP)}
    assert "backup as delegate" not in told(choose(["creator"], circle(people), NOW))  # a fourth hop


def test_delegates_in_a_circle_lead_to_nobody() -> None:
    people = {**away(CREATOR, LI), **away(LI, CREATOR)}
    chosen = choose(["creator"], circle(people), NOW)
    assert told(chosen) == ["creator as creator", "backup as backup"]
    assert chosen.skipped == (("creator", Skipped.AWAY),)


@pytest.mark.parametrize(
    "delegate",
    [
        Colleague(LI, "elsewhere"),
        Colleague(LI, "elsewhere", is_admin=True),
        Colleague(LI, "acme", employment=Employment.LEFT),
        Colleague(LI, "acme", employment=Employment.FROZEN),
    ],
)
def test_nobody_of_another_tenant_and_nobody_who_left_stands_in(delegate: Colleague) -> None:
    chosen = choose(["creator"], circle({**away(CREATOR, LI), LI: delegate}), NOW)
    assert told(chosen) == ["creator as creator", "backup as backup"]


def test_the_requester_does_not_stand_in_where_duties_are_separated() -> None:
    people = away(CREATOR, REQUESTER)
    assert "requester as delegate" in told(choose(["creator"], circle(people), NOW))
    assert "requester as delegate" not in told(choose(["creator"], circle(people, requester=REQUESTER), NOW))


def test_a_role_is_not_handed_on() -> None:
    """An admin's delegate stands in for an admin only by being one; otherwise the other admins are enough."""
    people = {**away(ADMIN, LI, is_admin=True)}
    assert told(choose(["admins"], circle(people), NOW)) == ["admin as admin", "root as admin"]
    people[LI] = Colleague(LI, "acme", is_admin=True)
    chosen = choose(["admins"], circle(people), NOW)
    assert Recipient(LI, AskedAs.ADMIN, instead_of=ADMIN) in chosen.recipients


def test_who_left_hands_nothing_on() -> None:
    """The absence of somebody who left meanwhile gives nobody a right any more; the backup is asked."""
    left = Colleague(CREATOR, "acme", employment=Employment.LEFT, away_until=HOLIDAY, delegate_id=LI)
    chosen = choose(["creator"], circle({CREATOR: left}), NOW)
    assert chosen.recipients == (Recipient(BACKUP, AskedAs.BACKUP, instead_of=CREATOR),)
    assert chosen.skipped == (("creator", Skipped.LEFT),)


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({}, ["backup as backup"]),
        (gone(BACKUP), ["leader as leader"]),
        (away(BACKUP), ["leader as leader"]),
        ({**gone(BACKUP), **gone(LEADER, Employment.FROZEN)}, ["admin as admin", "root as admin"]),
        ({**gone(BACKUP), **gone(LEADER), **gone(ADMIN)}, ["root as admin"]),
        ({**gone(BACKUP), **gone(LEADER), **gone(ADMIN), **gone(ROOT)}, []),
    ],
)
def test_backup_leader_and_admins_in_turn(people: dict[UUID, Colleague], expected: list[str]) -> None:
    """The first of them who is there replaces a creator who left."""
    assert told(choose(["creator"], circle({**gone(CREATOR), **people}), NOW)) == expected


def test_a_step_whose_names_are_not_set_asks_nobody_while_somebody_was_asked() -> None:
    chosen = choose(["backup"], circle(backup=None), NOW, asked={CREATOR: AskedAs.CREATOR})
    assert chosen == Chosen((), (("backup", Skipped.NOBODY),))


def test_a_first_step_whose_names_are_not_set_asks_the_next_in_turn() -> None:
    assert told(choose(["backup"], circle(backup=None), NOW)) == ["leader as leader"]


def test_a_step_that_only_reaches_absent_people_goes_on_to_the_next_in_turn() -> None:
    chosen = choose(["leader"], circle(gone(LEADER)), NOW, asked={CREATOR: AskedAs.CREATOR})
    assert told(chosen) == ["backup as backup"]
    in_part = choose(["group:finance"], circle(gone(LI)), NOW, asked={CREATOR: AskedAs.CREATOR})
    assert told(in_part) == ["wang as group"]


def test_the_separated_requester_is_not_asked() -> None:
    own = circle(requester=CREATOR)
    chosen = choose(["creator"], own, NOW)
    assert told(chosen) == ["leader as leader"]  # whom nobody who asks for the own action has chosen, as the backup is
    assert chosen.skipped == (("creator", Skipped.REQUESTER),)


def test_an_admin_of_the_platform_is_asked_in_every_tenant_but_for_no_other_reason() -> None:
    assert "root as admin" in told(choose(["admins"], circle(), NOW))
    chosen = choose(["leader"], circle(leader=ROOT), NOW, asked={CREATOR: AskedAs.CREATOR})
    assert Recipient(ROOT, AskedAs.LEADER) not in chosen.recipients
    assert chosen.skipped == (("leader", Skipped.ELSEWHERE),)


class TestSeveralMustApprove:
    def test_the_admins_are_asked_where_the_plan_reaches_too_few(self) -> None:
        chosen = choose(["creator"], circle(needed=2), NOW)
        assert told(chosen) == ["creator as creator", "admin as admin", "root as admin"]

    def test_they_are_not_as_long_as_later_steps_reach_enough(self) -> None:
        assert told(choose(["creator"], circle(needed=2), NOW, later=["leader"])) == ["creator as creator"]
        thin = circle(gone(LEADER), needed=2)
        assert "admin as admin" in told(choose(["creator"], thin, NOW, later=["leader"]))

    def test_who_consented_is_counted_even_when_away(self) -> None:
        present = circle(away(CREATOR), needed=2, consented=frozenset({CREATOR}))
        chosen = choose(["leader"], present, NOW, asked={CREATOR: AskedAs.CREATOR})
        assert told(chosen) == ["leader as leader"]

    def test_nobody_picks_the_second_pair_of_eyes(self) -> None:
        """Neither a delegate nor the backup, both of whom the creator chose; the leader, whom Feishu names."""
        chosen = choose(["creator"], circle(away(CREATOR, LI), needed=2), NOW)
        assert told(chosen) == ["creator as creator", "leader as leader", "admin as admin", "root as admin"]

    def test_the_backup_counts_where_the_plan_names_it(self) -> None:
        assert told(choose(["creator", "backup"], circle(needed=2), NOW)) == ["creator as creator", "backup as backup"]


class TestAbsentAfterwards:
    ASKED: ClassVar = {CREATOR: AskedAs.CREATOR}

    def test_the_delegate_gets_what_waits(self) -> None:
        asked = {**self.ASKED, BACKUP: AskedAs.BACKUP}
        chosen = choose((), circle(away(CREATOR, LI)), NOW, asked=asked, absent=[CREATOR])
        assert chosen.recipients == (Recipient(LI, AskedAs.DELEGATE, instead_of=CREATOR),)

    def test_without_a_delegate_only_what_waits_for_absent_people_alone_is_handed_on(self) -> None:
        present = circle(away(CREATOR))
        others = {**self.ASKED, LEADER: AskedAs.LEADER}
        assert choose((), present, NOW, asked=others, absent=[CREATOR]).recipients == ()
        alone = choose((), present, NOW, asked=self.ASKED, absent=[CREATOR])
        assert alone.recipients == (Recipient(BACKUP, AskedAs.BACKUP, instead_of=CREATOR),)

    def test_who_left_is_replaced(self) -> None:
        assert told(choose((), circle(gone(CREATOR)), NOW, asked=self.ASKED, absent=[CREATOR])) == ["backup as backup"]

    def test_an_admin_who_was_asked_and_is_none_any_more_is_not_counted_on(self) -> None:
        demoted = circle({ADMIN: Colleague(ADMIN, "acme"), **gone(CREATOR)}, admins=(ROOT,), backup=None, leader=None)
        asked = {**self.ASKED, ADMIN: AskedAs.ADMIN}
        assert told(choose((), demoted, NOW, asked=asked, absent=[CREATOR])) == ["root as admin"]

    def test_who_cannot_be_reached_is_not_counted_on(self) -> None:
        lost = circle(unreached=frozenset({CREATOR}), admins=())
        assert told(choose(["admins"], lost, NOW, asked=self.ASKED, absent=[CREATOR])) == ["backup as backup"]
        lost = circle(unreached=frozenset({CREATOR}))
        chosen = choose(["admins"], lost, NOW, asked=self.ASKED, absent=[CREATOR])
        assert told(chosen) == ["admin as admin", "root as admin"]

    def test_who_consented_hands_nothing_on(self) -> None:
        circle_ = circle(away(CREATOR, LI), consented=frozenset({CREATOR}))
        asked = {**self.ASKED, LEADER: AskedAs.LEADER}
        assert choose((), circle_, NOW, asked=asked, absent=[CREATOR]).recipients == ()

    def test_who_was_not_asked_hands_nothing_on(self) -> None:
        assert choose((), circle(away(LI, WANG)), NOW, asked=self.ASKED, absent=[LI]).recipients == ()


def colleagues() -> st.SearchStrategy[dict[UUID, Colleague]]:
    states = st.builds(
        Colleague,
        id=st.just(CREATOR),
        tenant=st.sampled_from(["acme", "acme", "acme", "elsewhere"]),
        employment=st.sampled_from([Employment.ACTIVE, Employment.ACTIVE, Employment.LEFT, Employment.FROZEN]),
        away_until=st.sampled_from([None, None, NOW, HOLIDAY]),
        delegate_id=st.sampled_from([None, *NAMES]),
        is_admin=st.booleans(),
    )
    return st.fixed_dictionaries({one: states.map(lambda each, one=one: replace(each, id=one)) for one in NAMES})


REFS = st.lists(
    st.sampled_from(["creator", "backup", "leader", "admins", "role:org_admin", "group:finance"]), max_size=4
)


@given(
    people=colleagues(),
    refs=REFS,
    asked=st.sets(st.sampled_from(list(NAMES))),
    needed=st.integers(1, 3),
    requester=st.sampled_from([None, *NAMES]),
)
def test_whatever_the_circle(
    people: dict[UUID, Colleague], refs: list[str], asked: set[UUID], needed: int, requester: UUID | None
) -> None:
    """Nobody unfit is ever asked, nobody twice, and where anybody is there who may be asked, somebody is."""
    admins = tuple(one for one, person in people.items() if person.is_admin)
    own = tuple(one for one in admins if people[one].tenant == "acme")
    around = circle(people, admins=admins, org_admins=own, needed=needed, requester=requester)
    before = dict.fromkeys(asked, AskedAs.GROUP)
    chosen = choose(refs, around, NOW, asked=before)
    new = [one.person_id for one in chosen.recipients]
    assert len(new) == len(set(new))
    assert not asked & set(new)
    for one in chosen.recipients:
        person = people[one.person_id]
        assert person.employment is Employment.ACTIVE
        assert person.id != requester
        assert person.tenant == "acme" or (one.asked_as is AskedAs.ADMIN and person.is_admin)
        assert one.asked_as is not AskedAs.ADMIN or person.is_admin
        assert one.asked_as is not AskedAs.DELEGATE or needed == 1
    there = [
        one
        for one in {*asked, *new}
        if people[one].employment is Employment.ACTIVE and not people[one].is_away(NOW) and one != requester
        and (people[one].tenant == "acme" or one in new or people[one].is_admin)  # who may decide by the role
    ]  # fmt: skip
    able_admins = [
        one
        for one in admins
        if people[one].employment is Employment.ACTIVE and not people[one].is_away(NOW) and one != requester
    ]
    assert there or not able_admins


@given(people=colleagues(), start=st.sampled_from(list(NAMES)), reason=st.sampled_from(list(AskedAs)))
def test_standing_in_always_ends_with_somebody_else_who_is_there(
    people: dict[UUID, Colleague], start: UUID, reason: AskedAs
) -> None:
    found = standing_in(people[start], reason, circle(people), NOW)
    if found is not None:
        assert found != start
        assert not people[found].is_away(NOW)
        assert people[found].employment is Employment.ACTIVE
        assert people[found].tenant == "acme"
        assert reason is not AskedAs.ADMIN or people[found].is_admin
