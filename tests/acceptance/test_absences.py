"""Story: somebody goes away; a colleague decides meanwhile, no more than that person could, and nothing waits."""

from __future__ import annotations

import json

from models.enums import ApprovalStatus, AskedAs, Role
from models.tables import ApprovalRequest, AuditEntry, CardCopy
from tests.support.feishu import Person
from tests.support.service import HookAgent, RunningHouse


async def colleague(house: RunningHouse) -> Person:
    """Known by the e-mail address, which is how one names a delegate."""
    person = house.feishu.add_person("li", "李娜", email="li@example.com")
    row = await house.person(person)
    row.email = "li@example.com"
    await row.save(update_fields=["email"])
    return person


async def statuses(*asked: dict[str, str]) -> list[ApprovalStatus]:
    return [(await ApprovalRequest.get(id=each["approval_id"])).status for each in asked]


async def test_the_delegate_gets_what_waits_and_what_comes_and_decides(house: RunningHouse) -> None:
    feishu = house.feishu
    li, agent = await colleague(house), await house.agent()
    waiting = await agent.asks(session="waiting")
    own = await feishu.next_card(to=feishu.creator)
    await feishu.say(feishu.creator, "/away until 3d li@example.com")
    await feishu.next_text(to=feishu.creator, containing="李娜")
    handed_over = await feishu.next_card(to=li)
    await feishu.next_text(to=li, containing=feishu.creator.name)
    coming = await agent.asks(session="coming")
    to_li = await feishu.next_card(to=li)
    copy_of_it = await feishu.next_card(to=feishu.creator)

    await house.later(hours=9)
    await house.settled()
    assert [text for text in feishu.texts(to=feishu.creator) if "小时" in text and "等" in text] == []  # no reminders

    await feishu.click(handed_over, "approve", by=li)
    await feishu.click(to_li, "reject", by=li, reason="not while Lin is away")
    assert await statuses(waiting, coming) == [ApprovalStatus.APPROVED, ApprovalStatus.REJECTED]
    for card in (own, copy_of_it):
        await feishu.card_until(card, lambda _, card=card: "approve" not in feishu.buttons(card))
        assert "李娜" in feishu.words(card)
    delegated = await CardCopy.filter(asked_as=AskedAs.DELEGATE)
    assert len(delegated) == 2
    [entry] = await AuditEntry.filter(action="person.away")
    assert json.loads(entry.details)["delegate"] == str(delegated[0].person_id)


async def test_who_is_away_may_still_answer(house: RunningHouse) -> None:
    feishu = house.feishu
    li, agent = await colleague(house), await house.agent()
    await feishu.say(feishu.creator, "/away until 3d li@example.com")
    await feishu.next_text(to=feishu.creator)
    asked = await agent.asks()
    own, to_li = await feishu.next_card(to=feishu.creator), await feishu.next_card(to=li)
    await feishu.click(own, "approve", by=feishu.creator)
    assert await statuses(asked) == [ApprovalStatus.APPROVED]
    await feishu.card_until(to_li, lambda _: "approve" not in feishu.buttons(to_li))


async def test_a_delegate_is_not_the_person_in_anything_else(house: RunningHouse) -> None:
    """The admin's delegate decides neither other people's questions nor anything that admins do."""
    feishu = house.feishu
    li = await colleague(house)
    await house.person(feishu.admin, role=Role.ORG_ADMIN)
    agent = await house.agent()
    asked = await agent.asks()
    own = await feishu.next_card(to=feishu.creator)
    await house.later(hours=9)  # the last step asks the admins
    await feishu.next_card(to=feishu.admin)
    await feishu.say(feishu.admin, "/away until 3d li@example.com")
    await feishu.next_text(to=feishu.admin, containing="李娜")
    await house.settled()
    assert feishu.messages(to=li, type="interactive") == []
    forged = await feishu.click(own, "approve", by=li, unseen=True)
    assert forged.toast is not None
    assert forged.toast.kind != "success"
    assert await statuses(asked) == [ApprovalStatus.PENDING]


async def test_back_again_and_an_end_that_comes_by_itself(house: RunningHouse) -> None:
    feishu = house.feishu
    li, agent = await colleague(house), await house.agent()
    await feishu.say(feishu.creator, "/away until 2h li@example.com")
    await feishu.next_text(to=feishu.creator)
    await house.later(hours=2)
    await asks_only_the_creator(house, agent, li, "over")
    await feishu.say(feishu.creator, "/away until 2h li@example.com")
    await feishu.next_text(to=feishu.creator, containing="李娜")
    await feishu.say(feishu.creator, "/away off")
    await feishu.next_text(to=li, containing="不再")
    await asks_only_the_creator(house, agent, li, "off")


async def asks_only_the_creator(house: RunningHouse, agent: HookAgent, other: Person, session: str) -> None:
    before = len(house.feishu.messages(to=other, type="interactive"))
    await agent.asks(session=session)
    await house.feishu.next_card(to=house.feishu.creator)
    await house.settled()
    assert len(house.feishu.messages(to=other, type="interactive")) == before
