"""Cards that ask for no approval: delivered once, as a text where Feishu refuses them, else the admins learn it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot import outbox
from bot.database import Database
from bot.ports import PayloadRefused
from models.enums import OutboxState, Role
from models.tables import AuditEntry, OutboxMessage, User
from models.values import JsonObject
from tests.support.gate import APP_ID
from tests.support.office import Office, open_office, state_of

CARD: JsonObject = {"schema": "2.0", "body": {"elements": []}}


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with open_office(database) as opened:
        yield opened


async def told(office: Office, person: User) -> OutboxMessage:
    message = outbox.card(
        tenant=person.tenant,
        person_id=person.id,
        app_id=APP_ID,
        card=CARD,
        fallback="/grant revoke 1",
        now=office.gate.clock.now(),
    )
    await outbox.add([message])
    return message


async def test_person_gets_the_card_and_its_message_is_known(office: Office) -> None:
    message = await told(office, await office.person("Ann"))
    await office.deliver()
    [card] = office.gateway.cards
    now = await state_of(message)
    assert (now.state, now.message_id, now.fault) == (OutboxState.DELIVERED, card.message_id, None)
    assert not office.gateway.texts


async def test_refused_card_becomes_the_text_that_stands_in(office: Office) -> None:
    message = await told(office, await office.person("Ann"))
    office.gateway.faults["send"].append(PayloadRefused("ext=ErrCode: 200861", code=230099))
    await office.deliver()
    assert office.gateway.texts == ["/grant revoke 1"]
    now = await state_of(message)
    assert now.state is OutboxState.DELIVERED
    assert "200861" in (now.fault or "")
    assert await AuditEntry.filter(action="delivery.degraded").count() == 1


async def test_lost_answer_sends_no_second_card(office: Office) -> None:
    message = await told(office, await office.person("Ann"))
    office.gateway.lost = 1
    await office.deliver()
    office.gate.clock.move(seconds=2)
    await office.deliver()
    assert len(office.gateway.cards) == 1
    assert (await state_of(message)).state is OutboxState.DELIVERED


async def test_card_that_reaches_nobody_is_told_to_the_admins_once(office: Office) -> None:
    await office.person("Root", role=Role.ORG_ADMIN)
    office.gateway.unreachable |= {"u_ann", "ou_ann"}
    ann = await office.person("Ann")
    messages = [await told(office, ann) for _ in range(3)]
    await office.deliver()
    assert {(await state_of(message)).state for message in messages} == {OutboxState.DISCARDED}
    [alert] = office.gateway.texts
    assert "Ann" in alert
    assert await AuditEntry.filter(action="delivery.failed").count() == 3
