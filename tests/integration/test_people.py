"""Who is who: joined over apps by Feishu's ids, never by what a person can write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.administration import Actor
from bot.database import Database
from bot.people.joining import People, UnusablePerson
from bot.ports import Receiver, ReceiverType
from models.enums import Language, OutboxKind, Role
from models.tables import Agent, FeishuApp, FeishuIdentity, OutboxMessage, User
from models.values import PersonIds
from tests.support.chatroom import APP, COMPANY, Room, ids, open_room
from tests.support.gate import APP_ID

OTHER = replace(APP, app_id="cli_other")
ABROAD = replace(
    APP, app_id="cli_abroad", tenant="abroad", tenant_key="tk_abroad", base_url="https://open.larksuite.com"
)


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    async with open_room(database) as room:
        for app in (OTHER, ABROAD):
            await FeishuApp.create(
                app_id=app.app_id, tenant=app.tenant, name=app.app_id, base_url=app.base_url, app_secret="",
                encrypt_key="", verification_token="", created_at=room.gate.clock.now(),
            )  # fmt: skip
        yield room


@pytest.fixture
def people(room: Room) -> People:
    return room.gate.people


async def test_a_person_who_writes_the_first_time_becomes_a_member_of_the_apps_tenant(room: Room) -> None:
    now = room.gate.clock.now()
    first = await room.gate.people.operator(APP, ids("lin"), now)
    again = await room.gate.people.operator(APP, ids("lin"), now)
    assert first is not None
    assert first == again
    assert (first.tenant, first.role, first.language) == ("default", Role.MEMBER, Language.ZH_CN)
    abroad = await room.gate.people.operator(ABROAD, ids("joe", tenant_key="tk_abroad"), now)
    assert abroad is not None
    assert (abroad.tenant, abroad.language) == ("abroad", Language.EN_US)


async def test_the_same_person_is_joined_over_apps_by_union_id_and_by_user_id(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    here = await people.operator(APP, ids("lin"), now)
    by_union = await people.operator(OTHER, PersonIds("ou_lin_other", "on_lin", None, COMPANY), now)
    wang = await people.operator(APP, PersonIds("ou_wang", None, "u_wang", COMPANY), now)
    by_user = await people.operator(OTHER, PersonIds("ou_wang_other", None, "u_wang", COMPANY), now)
    assert here is not None
    assert wang is not None
    assert by_union == here
    assert by_user == wang
    assert await User.all().count() == 2
    assert await FeishuIdentity.filter(person_id=here.id).count() == 2


async def test_a_user_id_that_was_given_to_a_successor_is_not_the_predecessor(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    old = await people.operator(APP, PersonIds("ou_old", "on_old", "u_desk7", COMPANY), now)
    new = await people.operator(APP, PersonIds("ou_new", "on_new", "u_desk7", COMPANY), now)
    assert old is not None
    assert new is not None
    assert old.id != new.id


async def test_the_same_user_id_in_another_tenant_is_another_person(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    here = await people.operator(APP, PersonIds("ou_a", None, "u_1", COMPANY), now)
    there = await people.operator(ABROAD, PersonIds("ou_b", None, "u_1", "tk_abroad"), now)
    assert here is not None
    assert there is not None
    assert here.id != there.id
    assert here.tenant != there.tenant


async def test_a_person_of_another_company_is_nobody_here(room: Room, people: People) -> None:
    assert await people.operator(APP, ids("spy", tenant_key="tk_rival"), room.gate.clock.now()) is None
    assert not await User.exists()
    unlearned = replace(APP, tenant_key=None)
    assert await people.operator(unlearned, ids("spy", tenant_key="tk_rival"), room.gate.clock.now()) is not None


async def test_first_messages_that_arrive_at_once_make_one_person(room: Room, people: People) -> None:
    """Through one app or through two."""
    now = room.gate.clock.now()
    seen = await asyncio.gather(
        *(people.operator(app, ids("lin", app="" if app is APP else "_2"), now) for app in (APP, OTHER) * 10)
    )
    assert len({operator.id for operator in seen if operator}) == 1
    assert await User.all().count() == 1
    assert await FeishuIdentity.all().count() == 2


async def test_an_identity_follows_the_ids_that_feishu_tells(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    bare = await people.operator(APP, PersonIds("ou_lin", None, None, None), now)
    told = await people.operator(APP, ids("lin"), now)
    assert bare is not None
    assert told is not None
    assert bare.id == told.id
    row = await FeishuIdentity.get(app_id=APP_ID, open_id="ou_lin")
    assert (row.union_id, row.user_id, row.tenant_key) == ("on_lin", "u_lin", COMPANY)


async def test_defect_11_duplicate_identity_rows_never_raise(room: Room, people: People) -> None:
    """Two people already carry the same union_id and user_id: the earlier one is taken, every time."""
    now = room.gate.clock.now()
    first, second = await room.gate.person("Lin"), await room.gate.person("Lin again")
    for person, open_id in ((first, "ou_1"), (second, "ou_2")):
        await FeishuIdentity.create(
            app_id=APP_ID, person_id=person.id, open_id=open_id, union_id="on_x", user_id="u_x", updated_at=now
        )
    found = await people.operator(OTHER, PersonIds("ou_3", "on_x", "u_x", COMPANY), now)
    assert found is not None
    assert found.id == first.id
    for who in ("on_x", "u_x"):
        person = await people.find("default", who)
        assert person is not None
        assert person.id == first.id


async def test_find_knows_every_kind_of_name_within_one_tenant(room: Room, people: People) -> None:
    lin = await room.member("lin")
    await User.filter(id=lin.id).update(email="lin@example.com")
    for who in (str(lin.id), "Lin@Example.com", "ou_lin", "on_lin", "u_lin", "  u_lin "):
        found = await people.find("default", who)
        assert found is not None, who
        assert found.id == lin.id
        assert await people.find("abroad", who) is None
    for nobody in (
        "",
        "lin",
        "lin@",
        "ou_nobody",
        "a b",
        "x" * 201,
        "x" * 150,
        "ou_" + "x" * 100,
        "u_lin\0",
        str(Role.MEMBER),
    ):
        assert await people.find("default", nobody) is None


async def test_ensure_makes_people_of_addresses_and_ids_once(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    for who in ("wang@example.com", "ou_wang", "on_zhao", "u_chen"):
        made = await people.ensure("default", who, role=Role.PLATFORM_ADMIN, now=now)
        assert (await people.ensure("default", who.upper() if "@" in who else who, now=now)).id == made.id
        assert (await User.get(id=made.id)).role is Role.PLATFORM_ADMIN
    assert await User.all().count() == 4
    [learn] = await OutboxMessage.filter(kind=OutboxKind.RESOLVE_IDENTITY)
    assert learn.person_id == (await User.get(email="wang@example.com")).id
    for nobody in ("", "a b", "u" * 100, "0198aaaa-0000-7000-8000-000000000000"):
        with pytest.raises(UnusablePerson):
            await people.ensure("default", nobody, now=now)


async def test_who_was_ensured_by_union_id_or_user_id_is_recognised_by_the_first_event(room: Room) -> None:
    now, people = room.gate.clock.now(), room.gate.people
    by_union = await people.ensure("default", "on_lin", now=now)
    by_user = await people.ensure("default", "u_wang", now=now)
    assert await people.receivers(by_union.id, APP_ID) == [Receiver(ReceiverType.UNION_ID, "on_lin")]
    lin = await people.operator(APP, ids("lin"), now)
    wang = await people.operator(APP, PersonIds("ou_wang", None, "u_wang", COMPANY), now)
    assert lin is not None
    assert wang is not None
    assert (lin.id, wang.id) == (by_union.id, by_user.id)
    assert await room.known_as(by_union) == ["ou_lin"]


async def test_ensuring_at_once_makes_one_person(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    made = await asyncio.gather(*(people.ensure("default", "lin@example.com", now=now) for _ in range(10)))
    assert len({person.id for person in made}) == 1
    assert await OutboxMessage.filter(kind=OutboxKind.RESOLVE_IDENTITY).count() == 1


async def test_learning_an_open_id_joins_the_stub_that_wrote_meanwhile(room: Room, people: People) -> None:
    """Agents, rights and identities of the stub go over; its id still leads to the person."""
    now = room.gate.clock.now()
    person = await people.ensure("default", "lin@example.com", now=now)
    stub = await room.member("lin", role=Role.ORG_ADMIN)
    agent = await room.gate.agent(stub)
    await people.learn_open_id(person.id, APP_ID, "ou_lin", now)
    await people.learn_open_id(person.id, APP_ID, "ou_lin", now)
    joined = await people.user(stub.id)
    assert joined.id == person.id
    assert joined.role is Role.ORG_ADMIN
    assert (await Agent.get(id=agent.agent_id)).creator_id == person.id
    operator = await people.operator(APP, ids("lin"), now)
    assert operator is not None
    assert operator.id == person.id
    assert [admin.id for admin in await people.admins("default")] == [person.id]


async def test_learning_an_open_id_of_somebody_new_attaches_it(room: Room, people: People) -> None:
    now = room.gate.clock.now()
    person = await people.ensure("default", "lin@example.com", now=now)
    await people.learn_open_id(person.id, APP_ID, "ou_lin", now)
    operator = await people.operator(APP, ids("lin"), now)
    assert operator is not None
    assert operator.id == person.id
    assert await User.all().count() == 1


async def test_defect_5_each_id_goes_with_its_own_type(room: Room, people: People) -> None:
    """user_id first, then the open_id of this very app, never that of another app, then the union_id."""
    now = room.gate.clock.now()
    lin = await people.operator(APP, ids("lin"), now)
    assert lin is not None
    assert await people.receivers(lin.id, APP_ID) == [
        Receiver(ReceiverType.USER_ID, "u_lin"),
        Receiver(ReceiverType.OPEN_ID, "ou_lin"),
        Receiver(ReceiverType.UNION_ID, "on_lin"),
    ]
    assert await people.receivers(lin.id, OTHER.app_id) == [
        Receiver(ReceiverType.USER_ID, "u_lin"),
        Receiver(ReceiverType.UNION_ID, "on_lin"),
    ]
    plain = await people.operator(APP, PersonIds("ou_plain", None, None, None), now)
    assert plain is not None
    assert await people.receivers(plain.id, APP_ID) == [Receiver(ReceiverType.OPEN_ID, "ou_plain")]
    assert await people.receivers(plain.id, OTHER.app_id) == []


async def test_admins_are_the_platforms_and_the_tenants_own(room: Room, people: People) -> None:
    await room.member("lin")
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    zhao = await room.member("zhao", role=Role.PLATFORM_ADMIN)
    joe = await room.gate.person("Joe", role=Role.ORG_ADMIN, tenant="abroad")
    assert {admin.id for admin in await people.admins("default")} == {wang.id, zhao.id}
    assert {admin.id for admin in await people.admins("abroad")} == {joe.id, zhao.id}


async def test_the_actor_of_an_operator_names_the_person(room: Room, people: People) -> None:
    lin = await people.operator(APP, ids("lin"), room.gate.clock.now())
    assert lin is not None
    assert Actor.of(lin).name == f"user:{lin.id}"
