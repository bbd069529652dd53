"""The gateway and the simulator over HTTP: what one sends the other takes, by the same reading of Feishu's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.feishu.client import FeishuClient
from bot.ports import (
    CardMessage,
    FeishuFault,
    FeishuMisconfigured,
    PayloadRefused,
    Receiver,
    ReceiverRefused,
    ReceiverType,
    SlashCommand,
)
from models.enums import Employment, Nudge
from models.values import AppCredentials
from tests.support.feishu import Feishu, Message
from tests.support.little_bot import approval_card


@pytest.fixture
async def client(feishu: Feishu) -> AsyncIterator[FeishuClient]:
    async def credentials(app_id: str) -> AppCredentials:
        return AppCredentials(app_id, "acme", feishu.base_url, feishu.app.app_secret, "ek", "vt")

    async with aiohttp.ClientSession() as session:
        client = FeishuClient(session, credentials)
        yield client
        await client.close()


async def card_of(feishu: Feishu, client: FeishuClient) -> Message:
    to = Receiver(ReceiverType.OPEN_ID, feishu.open_id(feishu.creator))
    await client.send(feishu.app.app_id, to, CardMessage(approval_card()), uuid="u1")
    return await feishu.next_card(to=feishu.creator)


def without(feishu: Feishu, *scopes: str) -> None:
    feishu.app.scopes = feishu.app.scopes - set(scopes)


URGENT = [Nudge.URGENT_APP, Nudge.URGENT_SMS, Nudge.URGENT_PHONE]


@pytest.mark.parametrize("how", URGENT)
async def test_a_person_is_buzzed(feishu: Feishu, client: FeishuClient, how: Nudge) -> None:
    card, lin = await card_of(feishu, client), feishu.creator
    stranger = feishu.open_id(feishu.admin)  # known, and not in the chat
    refused = await client.urgent(feishu.app.app_id, card.message_id, [feishu.open_id(lin), stranger], how)
    assert refused == [stranger]
    assert feishu.buzzes(lin) == [how.value]
    assert feishu.buzzes(feishu.admin) == []


async def test_a_quota_and_two_hundred_unread_buzzes_are_refusals(feishu: Feishu, client: FeishuClient) -> None:
    card, lin = await card_of(feishu, client), feishu.open_id(feishu.creator)
    feishu.app.buzzes_left = {"urgent_phone": 0}
    with pytest.raises(FeishuFault) as caught:
        await client.urgent(feishu.app.app_id, card.message_id, [lin], Nudge.URGENT_PHONE)
    assert (type(caught.value), caught.value.code) == (PayloadRefused, 230024)
    without(feishu, "im:message.urgent:sms")
    with pytest.raises(FeishuMisconfigured, match=r"im:message\.urgent:sms"):
        await client.urgent(feishu.app.app_id, card.message_id, [lin], Nudge.URGENT_SMS)
    await client.urgent(feishu.app.app_id, card.message_id, [lin], Nudge.URGENT_APP)
    card.buzzes = card.buzzes * 200
    feishu.world.messages |= {f"om_more_{n}": card for n in range(200)}
    with pytest.raises(ReceiverRefused) as full:
        await client.urgent(feishu.app.app_id, card.message_id, [lin], Nudge.URGENT_APP)
    assert full.value.code == 230023


async def test_the_bot_stands_on_top_and_no_longer(feishu: Feishu, client: FeishuClient) -> None:
    lin = feishu.open_id(feishu.creator)
    await client.pin_bot(feishu.app.app_id, [lin], pinned=True)
    assert feishu.pinned(feishu.creator)
    await client.pin_bot(feishu.app.app_id, [lin], pinned=False)
    assert not feishu.pinned(feishu.creator)
    feishu.app.availability = {feishu.admin}
    with pytest.raises(ReceiverRefused, match="230013"):
        await client.pin_bot(feishu.app.app_id, [lin], pinned=True)


async def test_readers_of_several_pages_are_all_found(feishu: Feishu, client: FeishuClient) -> None:
    card = await card_of(feishu, client)
    assert await client.read_by(feishu.app.app_id, card.message_id) == []
    feishu.read(card, feishu.creator)
    [receipt] = await client.read_by(feishu.app.app_id, card.message_id)
    assert receipt.open_id == feishu.open_id(feishu.creator)
    assert abs(receipt.at - feishu.now()) < timedelta(minutes=1)
    for number in range(150):
        person = feishu.add_person(f"reader{number}")
        card.read_by[person.key] = feishu.now()
    found = await client.read_by(feishu.app.app_id, card.message_id)
    assert len({one.open_id for one in found}) == 151
    assert len(feishu.calls("read_users")) == 2 + 2
    await feishu.advance(timedelta(days=8))
    with pytest.raises(FeishuFault) as old:
        await client.read_by(feishu.app.app_id, card.message_id)
    assert old.value.code == 230033


async def test_a_profile_says_what_the_scopes_allow(feishu: Feishu, client: FeishuClient) -> None:
    lin, app = feishu.creator, feishu.app.app_id
    lin.leader, lin.time_zone = feishu.admin, "Asia/Shanghai"
    told = await client.profile(app, feishu.open_id(lin))
    assert told is not None
    assert (told.name, told.employment, told.time_zone) == (lin.name, Employment.ACTIVE, "Asia/Shanghai")
    assert told.leader_open_id == feishu.open_id(feishu.admin)
    await feishu.freeze_person(lin, tell=False)
    frozen = await client.profile(app, feishu.open_id(lin))
    assert frozen is not None
    assert frozen.employment is Employment.FROZEN
    without(feishu, "contact:user.employee:readonly", "contact:user.department:readonly")
    less = await client.profile(app, feishu.open_id(lin))
    assert less is not None
    assert (less.name, less.employment, less.leader_open_id, less.time_zone) == (lin.name, None, None, None)
    feishu.app.availability = {feishu.admin}
    with pytest.raises(ReceiverRefused):
        await client.profile(app, feishu.open_id(lin))
    without(feishu, "contact:contact.base:readonly")
    with pytest.raises(FeishuMisconfigured, match=r"contact:contact\.base:readonly"):
        await client.profile(app, feishu.open_id(feishu.admin))


async def test_slash_commands_are_registered_once_and_follow(feishu: Feishu, client: FeishuClient) -> None:
    app = feishu.app.app_id
    first = [SlashCommand("pending", "待审批", "what waits"), SlashCommand("help", "帮助", "help")]
    assert await client.register_commands(app, first) == 2
    assert await client.register_commands(app, first) == 0
    then = [SlashCommand("pending", "等您决定", "what waits"), SlashCommand("away", "离开", "go away")]
    assert await client.register_commands(app, then) == 3
    registered: list[Any] = list(feishu.app.slash_commands.values())
    assert {one["command"]: one["description"]["i18n"]["zh_cn"] for one in registered} == {
        "pending": "等您决定",
        "away": "离开",
    }
    assert await client.register_commands(app, []) == 2
    assert feishu.app.slash_commands == {}
