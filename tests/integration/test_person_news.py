"""What Feishu tells of people, by events and on request: learned where it may be known, and troubling nobody else."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from bot import outbox
from bot.delivery.looking_up import BEFORE
from bot.people.employment import Employments
from bot.people.news import PersonNews
from bot.ports import FeishuFault, FeishuMisconfigured, PayloadRefused, Profile, ReceiverRefused
from models.enums import Employment, OutboxState
from models.tables import AuditEntry, OutboxMessage, User
from models.values import AppCredentials, PersonChanged, PersonIds
from tests.support.gate import APP_ID
from tests.support.office import Office, state_of

APP = AppCredentials(APP_ID, "default", "https://open.feishu.cn", "s", "ek", "vt", tenant_key="t1")


async def looked_up(office: Office, person: User) -> OutboxMessage:
    message = outbox.look_up(tenant=person.tenant, person_id=person.id, app_id=APP_ID, now=office.gate.clock.now())
    await outbox.add([message])
    await office.deliver()
    return await state_of(message)


async def told(office: Office, open_id: str, employment: Employment, *, at: datetime | None = None) -> bool:
    gate = office.gate
    news = PersonNews(gate.ledger, gate.people, Employments(gate.people, gate.approvals.questioning, gate.bell))
    ids = PersonIds(open_id=open_id, tenant_key="t1")
    return await news.changed(APP, PersonChanged("ev", APP_ID, ids, employment, at or gate.clock.now()))


async def now(person: User) -> User:
    return await User.get(id=person.id)


async def test_a_profile_is_learned_and_the_leader_becomes_known(office: Office) -> None:
    ann = await office.person("ou_ann")  # not named by anybody yet
    await User.filter(id=ann.id).update(name="ou_ou_ann")
    office.gateway.profiles["ou_ou_ann"] = Profile("安", Employment.ACTIVE, "ou_boss", "Europe/Berlin")
    assert (await looked_up(office, ann)).state is OutboxState.DELIVERED
    person = await now(ann)
    assert (person.name, person.time_zone, person.employment) == ("安", "Europe/Berlin", Employment.ACTIVE)
    assert person.looked_up_at == office.gate.clock.now()
    assert person.leader_id is not None
    assert await office.gate.people.open_id(person.leader_id, APP_ID) == "ou_boss"
    await looked_up(office, ann)
    assert (await now(ann)).leader_id == person.leader_id


async def test_what_a_person_chose_stays_and_nonsense_is_not_learned(office: Office) -> None:
    ann, bob = await office.person("Ann"), await office.person("Bob")
    await User.filter(id=ann.id).update(time_zone="Asia/Tokyo")
    office.gateway.profiles["ou_ann"] = Profile("Somebody", Employment.ACTIVE, "ou_ann", "Europe/Berlin")
    office.gateway.profiles["ou_bob"] = Profile(None, Employment.ACTIVE, None, "../etc/passwd")
    for person in (ann, bob):
        await looked_up(office, person)
    one, other = await now(ann), await now(bob)
    assert (one.time_zone, one.name, one.leader_id) == ("Asia/Tokyo", "Ann", None)  # nobody leads oneself
    assert other.time_zone is None


@pytest.mark.parametrize(
    "fault",
    [
        FeishuMisconfigured("scope missing", code=99991672),
        ReceiverRefused("unknown id", code=99992351),
        PayloadRefused("no user authority", code=41050),
    ],
)
async def test_what_may_not_be_known_is_let_be_and_an_event_that_comes_late_still_counts(
    office: Office, fault: FeishuFault
) -> None:
    ann = await office.person("Ann")
    office.gateway.always["profile"] = fault
    message = await looked_up(office, ann)
    assert message.state is OutboxState.SUPERSEDED
    person = await now(ann)
    assert (person.looked_up_at, person.employment) == (office.gate.clock.now() - BEFORE, Employment.ACTIVE)
    assert office.gateway.messages == []
    assert await told(office, "ou_ann", Employment.LEFT, at=office.gate.clock.now() - timedelta(hours=7))


async def test_a_person_without_an_open_id_is_not_asked_about(office: Office) -> None:
    message = await looked_up(office, await office.gate.person("Carl"))
    assert message.state is OutboxState.SUPERSEDED
    assert "profile" not in office.gateway.calls


async def test_an_event_tells_who_left_once(office: Office) -> None:
    ann = await office.person("Ann")
    assert await told(office, "ou_ann", Employment.LEFT)
    assert not await told(office, "ou_ann", Employment.LEFT)
    assert not await told(office, "ou_stranger", Employment.LEFT)
    assert (await now(ann)).employment is Employment.LEFT
    [entry] = await AuditEntry.filter(action="person.left")
    assert json.loads(entry.details)["name"] == "Ann"


async def test_an_older_event_that_comes_late_changes_nothing(office: Office) -> None:
    ann = await office.person("Ann")
    before = office.gate.clock.now() - timedelta(hours=1)
    assert await told(office, "ou_ann", Employment.FROZEN)
    assert not await told(office, "ou_ann", Employment.ACTIVE, at=before)
    assert (await now(ann)).employment is Employment.FROZEN


async def test_a_profile_without_a_status_says_nothing_of_the_employment(office: Office) -> None:
    """The scope for the status is one of its own: a look must not bring back who is known to have left."""
    ann = await office.person("Ann")
    await told(office, "ou_ann", Employment.LEFT)
    office.gateway.profiles["ou_ann"] = Profile("Ann")
    await looked_up(office, ann)
    assert (await now(ann)).employment is Employment.LEFT
    office.gateway.profiles["ou_ann"] = Profile("Ann", Employment.ACTIVE)
    await looked_up(office, ann)
    assert (await now(ann)).employment is Employment.ACTIVE
