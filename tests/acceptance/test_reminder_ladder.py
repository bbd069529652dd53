"""Story: reminders climb from a text to a phone call; who has seen it, sleeps or never agreed is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.administration import Actor, PlanSaved
from models.enums import Nudge
from models.tables import NudgeDay, User
from tests.support.service import RunningHouse

OPTED_IN = {nudge.value: 3 for nudge in Nudge}
STEPS = [{"after": "0m", "ask": ["creator"]}]


def ladder(*ways: str, every: int = 1, **terms: Any) -> dict[str, Any]:
    """A plan that reminds every so many hours, in these ways."""
    steps = [{"after": f"{every * n}h", "nudge": way} for n, way in enumerate(ways, start=1)]
    return {"budgets": OPTED_IN, "default": {**terms, "steps": [*STEPS, *steps]}}


async def decree(house: RunningHouse, plan: dict[str, Any]) -> None:
    async with house.house.ledger.transaction() as work:
        actor = Actor.command_line("test", "default")
        assert isinstance(await house.house.administration.plans.save(work, actor, plan), PlanSaved)


async def hours_pass(house: RunningHouse, hours: float) -> None:
    await house.later(hours=hours)
    await house.settled()


def texts(house: RunningHouse) -> int:
    return len(house.feishu.texts(to=house.feishu.creator))


async def test_from_a_text_over_a_pin_to_a_phone_call_and_down_again(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("thread", "pin", "urgent_app", "urgent_sms", "urgent_phone"))
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=creator)
    await hours_pass(house, 1)
    text = await house.feishu.next_text(to=creator)
    assert text.relation.root_id == card.message_id
    assert not house.feishu.pinned(creator)
    await hours_pass(house, 1)
    assert house.feishu.pinned(creator)
    for buzzes in (1, 2, 3):
        await hours_pass(house, 1)
        assert house.feishu.buzzes(creator) == ["urgent_app", "urgent_sms", "urgent_phone"][:buzzes]
    assert texts(house) == 1
    await house.feishu.click(card, "approve", by=creator)
    await house.settled()
    assert not house.feishu.pinned(creator)
    assert len(await house.audited("approval.nudged")) == 5


async def test_what_was_seen_is_not_said_again_softly(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("thread", "pin", "urgent_app"))
    agent = await house.agent()
    answer = await agent.asks()
    card = await house.feishu.next_card(to=creator)
    await house.settled()
    house.feishu.read(card, creator)  # and Feishu does not say so of itself
    await hours_pass(house, 1)
    await hours_pass(house, 1)
    assert texts(house) == 0
    assert not house.feishu.pinned(creator)
    assert (await agent.looks(answer["approval_id"]))["delivery"]["state"] == "seen"
    await hours_pass(house, 1)
    assert house.feishu.buzzes(creator) == ["urgent_app"]


async def test_a_read_event_is_enough_and_feishu_is_not_asked(house: RunningHouse) -> None:
    creator = house.feishu.creator
    agent = await house.agent()
    await agent.asks()
    card = await house.feishu.next_card(to=creator)
    await house.settled()
    await house.feishu.notices(card, creator)
    await house.later(minutes=31)
    await house.settled()
    assert texts(house) == 0
    assert house.feishu.calls("read_users") == []
    [spared] = await house.audited("approval.nudge_spared")
    assert '"seen"' in spared.details


async def test_who_sleeps_is_reminded_once_in_the_morning(house: RunningHouse) -> None:
    creator = house.feishu.creator
    plan = ladder("thread", "urgent_app", "thread")
    await decree(house, {**plan, "quiet": {"hours": night_now(house)}})
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    for _ in range(7):
        await hours_pass(house, 1)
    assert (texts(house), house.feishu.buzzes(creator)) == (0, [])
    await hours_pass(house, 1)
    assert (texts(house), house.feishu.buzzes(creator)) == (0, ["urgent_app"])
    assert len(await house.audited("approval.reminded")) == 3


async def test_a_critical_question_wakes_people_and_a_weekend_does_not_hold_it(house: RunningHouse) -> None:
    creator = house.feishu.creator
    plan = ladder("urgent_phone", severity="critical")
    days = "".join(sorted({str(1 + (local(house).weekday() + ahead) % 7) for ahead in (3, 4)}))
    await decree(house, {**plan, "quiet": {"hours": night_now(house), "days": days}})
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    await hours_pass(house, 1)
    assert house.feishu.buzzes(creator) == ["urgent_phone"]


async def test_the_persons_own_hours_count(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, {**ladder("thread"), "quiet": {"hours": night_now(house)}})
    agent = await house.agent()
    await User.filter(name=creator.name).update(quiet_hours="never")
    await agent.asks()
    await house.feishu.next_card(to=creator)
    await hours_pass(house, 1)
    assert texts(house) == 1


async def test_where_feishu_has_no_quota_left_it_comes_softer(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("urgent_phone", "urgent_phone"))
    house.feishu.app.buzzes_left["urgent_phone"] = 1
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    await hours_pass(house, 1)
    await hours_pass(house, 1)
    assert house.feishu.buzzes(creator) == ["urgent_phone", "urgent_sms"]
    spent = {row.nudge: row.used for row in await NudgeDay.filter(used__gt=0)}
    assert spent == {Nudge.URGENT_PHONE: 1, Nudge.URGENT_SMS: 1}


async def test_an_app_without_the_scopes_reminds_by_text(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("urgent_app"))
    app = house.feishu.app
    app.scopes = app.scopes - {"im:message.urgent", "im:datasync.feed_card.time_sensitive:write"}
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    await hours_pass(house, 1)
    assert (texts(house), house.feishu.buzzes(creator), house.feishu.pinned(creator)) == (1, [], False)


async def test_nobody_is_called_who_did_not_agree(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, {**ladder("urgent_phone", "urgent_sms", "pin"), "budgets": {"thread": 1}})
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    for _ in range(3):
        await hours_pass(house, 1)
    assert (texts(house), house.feishu.buzzes(creator), house.feishu.pinned(creator)) == (1, [], False)


async def test_three_questions_that_wait_are_one_card_with_all_of_them(house: RunningHouse) -> None:
    creator = house.feishu.creator
    agent = await house.agent()
    for number in range(3):
        await agent.asks(session=str(number))
        await house.feishu.next_card(to=creator)
    await house.later(minutes=31)
    queue = await house.feishu.next_card(to=creator)
    await house.settled()
    assert "3 个请求等您决定" in house.feishu.words(queue)
    assert texts(house) == 0
    assert len(house.feishu.messages(to=creator)) == 4


async def test_a_question_that_must_be_answered_ends_rejected(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("thread", open_for="4h", ending="reject"))
    agent = await house.agent()
    answer = await agent.asks()
    card = await house.feishu.next_card(to=creator)
    await hours_pass(house, 5)
    looked = await agent.looks(answer["approval_id"])
    assert looked["status"] == "rejected"
    await house.feishu.card_until(card, lambda _: "approve" not in house.feishu.buttons(card))
    assert (await agent.asks())["status"] == "rejected"  # the cool-down


async def test_an_outage_delays_a_reminder_and_doubles_none(house: RunningHouse) -> None:
    creator = house.feishu.creator
    await decree(house, ladder("urgent_app"))
    agent = await house.agent()
    await agent.asks()
    await house.feishu.next_card(to=creator)
    await house.settled()
    with house.feishu.outage(endpoint="urgent") as fault:
        await house.later(hours=1)
        await house.feishu.met(fault, times=1)
        await house.settled()
    await house.until_next_attempts()
    await house.settled()
    assert house.feishu.buzzes(creator) == ["urgent_app"]
    assert (await NudgeDay.get(nudge=Nudge.URGENT_APP)).used == 1


def local(house: RunningHouse) -> Any:
    return house.clock.now().astimezone(house.house.settings.zone)


def night_now(house: RunningHouse) -> str:
    """Quiet hours that began one hour ago and end in seven and a half."""
    begin, end = local(house) - timedelta(hours=1), local(house) + timedelta(hours=7, minutes=30)
    return f"{begin:%H:%M}-{end:%H:%M}"
