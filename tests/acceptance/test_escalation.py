"""Story: a question goes on to the next people until somebody answers, and it always ends by the plan's last word."""

from __future__ import annotations

import asyncio
from typing import Any

from models.enums import AskedAs, Delivery, Employment, Role
from models.tables import Agent, CardCopy, User
from tests.support.feishu import Message, Person
from tests.support.house_plans import write_plan
from tests.support.service import RunningHouse

LADDER: dict[str, Any] = {
    "groups": {"finance": ["li@example.com", "chen@example.com"]},
    "default": {
        "open_for": "24h",
        "ending": "reject",
        "steps": [
            {"after": "0m", "ask": ["creator"]},
            {"after": "1h", "ask": ["backup", "leader"]},
            {"after": "4h", "ask": ["group:finance"]},
        ],
    },
}


async def cards(house: RunningHouse, *people: Person) -> list[Message]:
    return [await house.feishu.next_card(to=person) for person in people]


async def closed(house: RunningHouse, card: Message, by: Person) -> None:
    """The card shows no button any more, and who decided."""
    await house.feishu.card_until(card, lambda _: "approve" not in house.feishu.buttons(card))
    assert by.name in house.feishu.words(card)


async def test_step_by_step_to_backup_leader_and_group_and_the_first_answer_wins(house: RunningHouse) -> None:
    """The leader is whom Feishu names; the group are two people, each asked privately; all copies say who decided."""
    feishu = house.feishu
    leader, backup = feishu.add_person("leader", "陈总"), feishu.add_person("backup", "周备")
    li = feishu.add_person("li", "李娜", email="li@example.com")
    chen = feishu.add_person("chen", "陈晨", email="chen@example.com")
    feishu.creator.leader = leader
    await write_plan(house, LADDER)
    agent = await house.agent()
    await Agent.all().update(backup_id=(await house.person(backup)).id)
    asked = await agent.asks()
    [own] = await cards(house, feishu.creator)
    await house.later(minutes=61)
    to_backup, to_leader = await cards(house, backup, leader)
    assert feishu.nothing_new(to=li, type="interactive")
    await house.later(hours=3)
    to_li, to_chen = await cards(house, li, chen)
    assert all(len(card.chat.people) == 1 for card in (own, to_backup, to_leader, to_li, to_chen))

    waiting = asyncio.create_task(agent.looks(asked["approval_id"], wait=60))
    click = await feishu.click(to_li, "approve", by=li)
    assert click.toast is not None
    assert click.toast.kind == "success"
    assert (await asyncio.wait_for(waiting, 20))["status"] == "approved"
    for card in (own, to_backup, to_leader, to_chen):
        await closed(house, card, by=li)
    reasons = {copy.person_id: copy.asked_as for copy in await CardCopy.all()}
    assert sorted(reasons.values()) == sorted(
        [AskedAs.CREATOR, AskedAs.BACKUP, AskedAs.LEADER, AskedAs.GROUP, AskedAs.GROUP]
    )


async def test_whoever_was_not_asked_cannot_press(house: RunningHouse) -> None:
    """A forged press on another's card: a polite no, and the question stays open."""
    feishu = house.feishu
    await write_plan(house, LADDER)
    agent = await house.agent()
    asked = await agent.asks()
    [own] = await cards(house, feishu.creator)
    forged = await feishu.click(own, "approve", by=feishu.stranger, unseen=True)
    assert forged.toast is not None
    assert forged.toast.kind != "success"
    assert (await agent.looks(asked["approval_id"]))["status"] == "pending"
    assert len(await house.audited("approval.refused")) == 1


async def test_the_last_word_is_a_rejection_that_the_agent_can_read(house: RunningHouse) -> None:
    feishu = house.feishu
    await write_plan(house, LADDER)
    agent = await house.agent()
    asked = await agent.asks()
    [own] = await cards(house, feishu.creator)
    await house.later(hours=25)
    await feishu.card_until(own, lambda _: "approve" not in feishu.buttons(own))
    looked = await agent.looks(asked["approval_id"])
    assert looked["status"] == "rejected"
    again = await agent.asks()
    assert (again["status"], again["allowed"]) == ("rejected", False)


async def test_a_creator_who_leaves_is_noticed_and_replaced_at_once(house: RunningHouse) -> None:
    """The waiting question reaches the admin with the event; the next one goes there from the start."""
    feishu = house.feishu
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    agent = await house.agent()
    asked = await agent.asks()
    await cards(house, feishu.creator)
    await feishu.leave(feishu.creator)
    [to_admin] = await cards(house, feishu.admin)
    await feishu.next_text(to=feishu.admin, containing="Bookkeeper")
    await feishu.click(to_admin, "approve", by=feishu.admin)
    assert (await agent.looks(asked["approval_id"], wait=10))["status"] == "approved"
    await agent.asks(session="next")
    await house.settled()
    [next_card] = await cards(house, feishu.admin)
    assert next_card.message_id != to_admin.message_id
    assert feishu.nothing_new(to=feishu.creator, type="interactive")
    assert len(await house.audited("person.left")) == 1


async def test_a_frozen_leader_is_found_out_by_looking_and_skipped(house: RunningHouse) -> None:
    """No event was sent: the profile that is looked up when somebody is asked says so."""
    feishu = house.feishu
    leader = feishu.add_person("leader", "陈总")
    feishu.creator.leader = leader
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    await write_plan(house, LADDER)
    agent = await house.agent()
    await agent.asks()
    await cards(house, feishu.creator)
    await house.settled()
    await feishu.freeze_person(leader, tell=False)
    await house.later(minutes=61)
    await cards(house, leader)  # asked before anybody could know
    await house.settled()
    assert (await User.get(name=leader.name)).employment is Employment.FROZEN
    await house.later(hours=24)
    await agent.asks(session="next")
    await cards(house, feishu.creator)
    await house.later(minutes=61)
    [to_admin] = await cards(house, feishu.admin)
    assert feishu.admin in to_admin.chat.people
    assert feishu.nothing_new(to=leader, type="interactive")


async def test_where_nobody_can_be_asked_the_agent_learns_it_at_once(house: RunningHouse) -> None:
    agent = await house.agent()
    await User.all().update(employment=Employment.LEFT)
    answer = await asyncio.wait_for(agent.asks(wait=60), 20)
    assert answer["status"] == "pending"
    assert not answer["allowed"]
    assert (await house.approval(answer)).delivery is Delivery.UNDELIVERABLE
