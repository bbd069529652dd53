"""Reminders of all kinds: as hard as wished and affordable, when the person may be disturbed, once, on any replica."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.database import Database, transaction
from bot.directory import Caller
from bot.nudging import budget
from bot.plans import Quiet, Step, Usual, as_json, from_json
from bot.ports import FeishuMisconfigured, FeishuUnavailable, MessageGone, PayloadRefused, ReadReceipt
from models.approval import ApprovalRequest, CardCopy
from models.asking import NudgeDay
from models.enums import ApprovalStatus, Delivery, Employment, Ending, Nudge, OutboxKind, OutboxState, Severity, Via
from models.tables import Agent, AuditEntry, OutboxMessage, User
from tests.support.gate import ZONE
from tests.support.office import Office, copies, facts_of, fresh, open_office, state_of

ALL_OPTED_IN = dict.fromkeys(Nudge, 5)
HOUR = timedelta(hours=1)


@pytest.fixture
async def resting(database: Database) -> AsyncIterator[Office]:
    """Where nobody is disturbed at night and on Sundays."""
    async with open_office(database, usual=Usual(ZONE, "22:00-08:00", "123456")) as office:
        yield office


async def asked(office: Office, who: User, *ladder: Nudge, **changes: Any) -> ApprovalRequest:
    """A delivered question whose plan reminds each hour, in these ways; everything is opted in."""
    approval = await office.asked(who) if not await ApprovalRequest.exists() else await another(office)
    steps = (Step(timedelta(), ("creator",)), *(Step(n * HOUR, (), way) for n, way in enumerate(ladder, start=1)))
    plan = replace(from_json(approval.plan), **{"steps": steps, "budgets": ALL_OPTED_IN, **changes})
    await ApprovalRequest.filter(id=approval.id).update(
        plan=as_json(plan), severity=plan.severity, next_due_at=approval.created_at + HOUR
    )
    await office.deliver()
    return await fresh(approval)


async def another(office: Office) -> ApprovalRequest:
    """A further question of the same agent."""
    first = await ApprovalRequest.first()
    assert first is not None
    agent = await Agent.get(id=first.agent_id)
    details = {"tool": "delete_file", "args": {"path": f"number {await ApprovalRequest.all().count()}"}}
    answer = await office.gate.check(Caller(agent.id, agent.token_hash), details=details)
    return await ApprovalRequest.get(id=answer.approval_id)


async def pass_time(office: Office, **delta: float) -> None:
    office.gate.clock.move(**delta)
    await office.reminders.tick(office.gate.clock.now())
    await office.deliver()


async def last_fact(approval: ApprovalRequest, action: str) -> dict[str, Any]:
    entry = await AuditEntry.filter(approval_id=approval.id, action=action).order_by("-id").first()
    assert entry is not None, await facts_of(approval.id)
    details: dict[str, Any] = json.loads(entry.details)
    return details


async def used(person: User) -> dict[Nudge, int]:
    return {row.nudge: row.used for row in await NudgeDay.filter(person_id=person.id, used__gt=0)}


async def read(office: Office, approval: ApprovalRequest, open_id: str) -> None:
    """Feishu tells, when asked, that this person has read the card."""
    receipt = ReadReceipt(open_id, office.gate.clock.now())
    office.gateway.readers[await message_of(approval)] = [receipt]


async def message_of(approval: ApprovalRequest) -> str:
    [copy] = await copies(approval)
    assert copy.message_id is not None
    return copy.message_id


async def test_the_ladder_from_a_text_to_a_phone_call(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, *Nudge)
    card = await message_of(approval)
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1
    await pass_time(office, hours=1)
    assert office.gateway.pinned == {"ou_ann"}
    for _ in range(3):
        await pass_time(office, hours=1)
    assert office.gateway.buzzes == [
        (card, ("ou_ann",), Nudge.URGENT_APP),
        (card, ("ou_ann",), Nudge.URGENT_SMS),
        (card, ("ou_ann",), Nudge.URGENT_PHONE),
    ]
    assert len(office.gateway.texts) == 1
    assert await used(ann) == dict.fromkeys(Nudge, 1)
    assert (await facts_of(approval.id)).count("approval.nudged") == 5


async def test_soft_reminders_stop_when_it_was_seen_and_hard_ones_do_not(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.THREAD, Nudge.PIN, Nudge.URGENT_APP)
    await read(office, approval, "ou_ann")
    await pass_time(office, hours=1)
    await pass_time(office, hours=1)
    assert (office.gateway.texts, office.gateway.pinned, await used(ann)) == ([], set(), {})
    assert (await last_fact(approval, "approval.nudge_spared"))["why"] == "seen"
    [copy] = await copies(approval)
    assert (copy.state, (await fresh(approval)).delivery) == (Delivery.SEEN, Delivery.SEEN)
    assert (await facts_of(approval.id)).count("delivery.seen") == 1
    assert office.gateway.calls.count("read_by") == 1  # who is known to have seen it is not asked about again
    await pass_time(office, hours=1)
    assert [how for _, _, how in office.gateway.buzzes] == [Nudge.URGENT_APP]


async def test_that_somebody_else_has_seen_it_stops_nothing(office: Office) -> None:
    approval = await asked(office, await office.person("Ann"), Nudge.THREAD)
    await read(office, approval, "ou_somebody")
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1


async def test_an_app_that_may_not_ask_who_has_read_reminds(office: Office) -> None:
    await asked(office, await office.person("Ann"), Nudge.THREAD)
    office.gateway.always["read_by"] = FeishuMisconfigured("scope missing", code=99991672)
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1


async def test_what_is_not_opted_in_comes_softer(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.URGENT_PHONE, budgets={Nudge.THREAD: 20})
    await pass_time(office, hours=1)
    assert (office.gateway.buzzes, len(office.gateway.texts)) == ([], 1)
    told = await last_fact(approval, "approval.nudged")
    assert (told["way"], told["wished"]) == ("thread", "urgent_phone")


async def test_what_is_spent_comes_softer_and_then_not_at_all(office: Office) -> None:
    ann = await office.person("Ann")
    budgets = {Nudge.URGENT_APP: 1, Nudge.THREAD: 1}
    approval = await asked(office, ann, *[Nudge.URGENT_APP] * 3, budgets=budgets)
    for _ in range(3):
        await pass_time(office, hours=1)
    assert (len(office.gateway.buzzes), len(office.gateway.texts)) == (1, 1)
    assert (await last_fact(approval, "approval.nudge_spared"))["why"] == "budget"
    assert await used(ann) == {Nudge.URGENT_APP: 1, Nudge.THREAD: 1}


async def test_the_next_day_of_the_person_has_a_new_budget(office: Office) -> None:
    ann = await office.person("Ann")
    await User.filter(id=ann.id).update(time_zone="America/New_York")
    await asked(office, ann, *[Nudge.THREAD] * 30, budgets={Nudge.THREAD: 2})
    counted = []
    for _ in range(24):
        await pass_time(office, hours=1)
        counted.append(len(office.gateway.texts))
    assert counted[-1] == 4
    days = {row.day for row in await NudgeDay.filter(person_id=ann.id)}
    assert len(days) == 2
    assert await NudgeDay.filter(used__gt=2).count() == 0


async def test_of_many_spenders_at_once_no_more_succeed_than_there_is(database: Database) -> None:
    async with open_office(database) as office:
        ann = await office.person("Ann")
        day = office.gate.clock.now().date()

        async def spender() -> bool:
            async with transaction():
                return await budget.spend(ann.id, day, Nudge.URGENT_SMS, 3)

        assert sum(await asyncio.gather(*(spender() for _ in range(8)))) == 3
        assert await used(ann) == {Nudge.URGENT_SMS: 3}


@pytest.mark.parametrize("fault", [FeishuMisconfigured("no scope"), PayloadRefused("quota"), MessageGone("recalled")])
async def test_what_feishu_refuses_comes_softer_and_costs_nothing(office: Office, fault: Exception) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.URGENT_SMS, budgets={Nudge.URGENT_SMS: 1, Nudge.THREAD: 1})
    office.gateway.always["urgent_sms"] = fault  # type: ignore[assignment]
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1
    assert await used(ann) == {Nudge.THREAD: 1}


async def test_whom_feishu_does_not_buzz_gets_the_softer_way(office: Office) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.URGENT_APP)
    office.gateway.unreachable.add("ou_ann")
    await pass_time(office, hours=1)
    assert office.gateway.pinned == {"ou_ann"}
    assert await used(ann) == {Nudge.PIN: 1}


async def test_a_pin_that_feishu_refuses_is_no_pin(office: Office) -> None:
    approval = await asked(office, await office.person("Ann"), Nudge.PIN)
    office.gateway.always["pin"] = FeishuMisconfigured("no scope")
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1
    assert not (await copies(approval))[0].pinned


async def test_an_outage_delays_a_reminder_and_spends_once(office: Office) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.URGENT_APP, budgets={Nudge.URGENT_APP: 2})
    office.gateway.faults["urgent_app"].append(FeishuUnavailable("down", code=2200))
    await pass_time(office, hours=1)
    assert office.gateway.buzzes == []
    await pass_time(office, minutes=1)
    assert len(office.gateway.buzzes) == 1
    assert await used(ann) == {Nudge.URGENT_APP: 1}


async def test_a_call_that_may_have_been_made_is_not_made_again(office: Office) -> None:
    approval = await asked(office, await office.person("Ann"), Nudge.URGENT_PHONE)
    office.gateway.faults["urgent_phone"].append(FeishuUnavailable("the answer was lost"))
    await pass_time(office, hours=1)
    await pass_time(office, minutes=1)
    assert office.gateway.calls.count("urgent_phone") == 1
    assert "approval.nudged" in await facts_of(approval.id)


async def test_a_crash_between_paying_and_buzzing_pays_once(office: Office) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.URGENT_APP)
    office.gate.clock.move(hours=1)
    await office.reminders.tick(office.gate.clock.now())
    office.gateway.hold = asyncio.Event()
    worker = office.worker(patience=0)
    await worker.take()
    await office.gateway.until_called("urgent_app", 1)
    await worker._leave()  # what is under way is cancelled, as when the machine goes
    office.gateway.hold = None
    await pass_time(office, minutes=2)
    assert len(office.gateway.buzzes) == 1
    assert await used(ann) == {Nudge.URGENT_APP: 1}


async def test_the_bot_is_unpinned_with_the_last_question_that_pinned_it(office: Office) -> None:
    ann = await office.person("Ann")
    first = await asked(office, ann, Nudge.PIN)
    second = await asked(office, ann, Nudge.PIN)
    await pass_time(office, hours=1)
    assert office.gateway.calls.count("pin") == 2
    await office.resolve(first, ann)
    await office.deliver()
    assert office.gateway.pinned == {"ou_ann"}
    await office.resolve(second, ann)
    await office.deliver()
    assert office.gateway.pinned == set()
    assert not await CardCopy.filter(pinned=True).exists()


async def test_a_question_decided_while_feishu_pins_does_not_leave_the_bot_pinned(office: Office) -> None:
    """The call that unpins may overtake the one that pins."""
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.PIN)
    office.gate.clock.move(hours=1)
    await office.reminders.tick(office.gate.clock.now())
    gateway = office.gateway
    reading = gateway.hold = asyncio.Event()
    delivering = asyncio.create_task(office.deliver())
    await gateway.until_called("read_by", 1)
    pinning = gateway.hold = asyncio.Event()
    reading.set()
    await gateway.until_called("pin", 1)
    gateway.hold = None
    await office.resolve(approval, ann)
    await office.deliver()
    await gateway.until_called("unpin", 1)  # by this look at the outbox, or by the one that is under way
    pinning.set()
    await delivering
    await office.deliver()
    assert gateway.calls.count("unpin") == 2
    assert gateway.pinned == set()


async def test_a_question_decided_just_before_feishu_pins_does_not_leave_the_bot_pinned(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.PIN)
    spend = budget.spend

    async def spend_late(*args: Any) -> bool:
        """The question was open when the reminder looked, and its pin is noted after the decision."""
        await CardCopy.filter(approval_id=approval.id).update(state=Delivery.ACTED)
        await ApprovalRequest.filter(id=approval.id).update(status=ApprovalStatus.APPROVED)
        return await spend(*args)

    monkeypatch.setattr(budget, "spend", spend_late)
    await pass_time(office, hours=1)
    assert [call for call in office.gateway.calls if call in ("pin", "unpin")] == ["pin", "unpin"]
    assert not await CardCopy.filter(pinned=True).exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"employment": Employment.LEFT},
        {"employment": Employment.FROZEN},
        {"away_until": datetime(2100, 1, 1, tzinfo=UTC)},
    ],
    ids=["left", "frozen", "away"],
)
async def test_who_cannot_answer_is_not_reminded(office: Office, facts: dict[str, Any]) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.URGENT_APP)
    await User.filter(id=ann.id).update(**facts)
    await pass_time(office, hours=1)
    assert (office.gateway.buzzes, office.gateway.texts) == ([], [])
    [[person, why]] = (await last_fact(approval, "approval.reminded"))["spared"]
    assert person == str(ann.id)
    assert why in ("gone", "away")


async def test_who_has_answered_while_others_must_is_not_reminded(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.THREAD)
    await CardCopy.filter(approval_id=approval.id).update(acted_at=office.gate.clock.now())
    await pass_time(office, hours=1)
    assert office.gateway.texts == []


async def test_who_goes_away_before_the_reminder_is_delivered_is_not_reminded(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.THREAD)
    office.gate.clock.move(hours=1)
    await office.reminders.tick(office.gate.clock.now())
    await User.filter(id=ann.id).update(away_until=office.gate.clock.now() + HOUR)
    await office.deliver()
    assert office.gateway.texts == []
    assert (await last_fact(approval, "approval.nudge_spared"))["why"] == "away"


async def test_a_snoozed_question_is_not_reminded_of_before_the_snooze_ends(office: Office) -> None:
    approval = await asked(office, await office.person("Ann"), Nudge.THREAD)
    until = office.gate.clock.now() + 1.5 * HOUR
    await CardCopy.filter(approval_id=approval.id).update(snoozed_until=until)
    await pass_time(office, hours=1)
    assert office.gateway.texts == []
    await pass_time(office, minutes=31)
    assert len(office.gateway.texts) == 1


async def at_night(office: Office) -> None:
    """It is 21:30 in Shanghai, on a Friday."""
    friday = datetime(2030, 3, 1, 21, 30, tzinfo=ZONE)
    office.gate.clock.move(seconds=(friday - office.gate.clock.now()).total_seconds())


async def test_what_is_due_at_night_comes_once_in_the_morning_as_hard_as_wished(resting: Office) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    approval = await asked(resting, ann, Nudge.THREAD, Nudge.URGENT_APP, Nudge.THREAD)
    for _ in range(10):
        await pass_time(resting, hours=1)
    assert (resting.gateway.texts, resting.gateway.buzzes) == ([], [])
    await pass_time(resting, minutes=30)
    assert (len(resting.gateway.texts), len(resting.gateway.buzzes)) == (0, 1)
    assert (await facts_of(approval.id)).count("approval.reminded") == 3
    states = await OutboxMessage.filter(kind=OutboxKind.NUDGE).order_by("id").values_list("state", flat=True)
    assert states == [OutboxState.SUPERSEDED, OutboxState.SUPERSEDED, OutboxState.DELIVERED]


async def test_a_card_is_no_reminder_and_comes_at_night(resting: Office) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    await asked(resting, ann, Nudge.THREAD)
    await pass_time(resting, hours=2)
    await another(resting)
    await resting.deliver()
    assert len(resting.gateway.cards) == 2


async def test_sunday_is_no_working_day(resting: Office) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    resting.gate.clock.move(days=1)  # Saturday evening
    await asked(resting, ann, Nudge.THREAD)
    await pass_time(resting, hours=24)
    assert resting.gateway.texts == []
    await pass_time(resting, hours=11)
    assert len(resting.gateway.texts) == 1


@pytest.mark.parametrize("passes", [True, False])
async def test_a_critical_question_passes_where_the_plan_says_so(resting: Office, passes: bool) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    quiet = Quiet(critical_passes=passes)
    await asked(resting, ann, Nudge.URGENT_PHONE, severity=Severity.CRITICAL, quiet=quiet)
    await pass_time(resting, hours=1)
    assert len(resting.gateway.buzzes) == passes


async def test_the_persons_own_hours_stand_over_those_of_everybody(resting: Office) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    await User.filter(id=ann.id).update(quiet_hours="never")
    await asked(resting, ann, Nudge.THREAD)
    await pass_time(resting, hours=1)
    assert len(resting.gateway.texts) == 1


async def test_the_night_begins_while_a_reminder_is_delayed(resting: Office) -> None:
    ann = await resting.person("Ann")
    await at_night(resting)
    resting.gate.clock.move(minutes=-45)  # 20:45, the reminder is due at 21:45
    await asked(resting, ann, Nudge.THREAD)
    resting.gate.clock.move(hours=1)
    await resting.reminders.tick(resting.gate.clock.now())
    resting.gate.clock.move(minutes=30)  # the worker was away until 22:15
    await resting.deliver()
    assert resting.gateway.texts == []
    await pass_time(resting, hours=10)
    assert len(resting.gateway.texts) == 1


async def test_a_reminder_before_its_card_is_none_and_a_buzz_waits_for_the_card(office: Office) -> None:
    ann = await office.person("Ann")
    first = await asked(office, ann, Nudge.URGENT_APP)
    await CardCopy.filter(approval_id=first.id).update(message_id=None, sent_at=None)
    await pass_time(office, hours=1)
    assert office.gateway.buzzes == []
    await CardCopy.filter(approval_id=first.id).update(message_id="om_1", sent_at=first.created_at)
    await pass_time(office, minutes=2)
    assert len(office.gateway.buzzes) == 1


async def test_replicas_that_take_a_step_together_remind_once(office: Office) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.URGENT_APP)
    office.gate.clock.move(hours=1)
    now = office.gate.clock.now()
    await asyncio.gather(*(office.reminders.tick(now) for _ in range(3)))
    await asyncio.gather(*(office.worker().drain() for _ in range(3)))
    assert len(office.gateway.buzzes) == 1
    assert await OutboxMessage.filter(kind=OutboxKind.NUDGE).count() == 1


async def test_a_question_whose_plan_ends_so_is_rejected_by_time(office: Office) -> None:
    approval = await asked(office, await office.person("Ann"), ending=Ending.REJECT)
    await pass_time(office, hours=73)
    ended = await fresh(approval)
    assert (ended.status.value, ended.resolved_via) == ("rejected", Via.EXPIRY)
    assert ended.resolution_reason


async def queue_cards(office: Office) -> int:
    return await OutboxMessage.filter(kind=OutboxKind.QUEUE_CARD, state=OutboxState.DELIVERED).count()


async def test_three_questions_are_one_card_and_two_are_two_texts(office: Office) -> None:
    ann = await office.person("Ann")
    await asked(office, ann, Nudge.THREAD, Nudge.THREAD)
    await asked(office, ann, Nudge.THREAD, Nudge.THREAD)
    await pass_time(office, hours=1)
    assert (len(office.gateway.texts), await queue_cards(office)) == (2, 0)
    third = await asked(office, ann, Nudge.THREAD)
    await pass_time(office, hours=1)
    assert (len(office.gateway.texts), await queue_cards(office)) == (2, 1)
    assert (await last_fact(third, "approval.nudge_spared"))["why"] == "digest"
    assert await used(ann) == {Nudge.THREAD: 3}


async def test_within_half_an_hour_there_is_one_such_card(office: Office) -> None:
    ann = await office.person("Ann")
    for _ in range(4):
        await asked(office, ann, *[Nudge.THREAD] * 3)
        office.gate.clock.move(minutes=5)
    for _ in range(12):
        await pass_time(office, minutes=5)
    assert len(office.gateway.texts) == 0
    assert await queue_cards(office) <= 2  # the four fell due within 15 minutes
    assert (await used(ann))[Nudge.THREAD] == await queue_cards(office)


async def test_workers_at_once_send_one_such_card(office: Office) -> None:
    ann = await office.person("Ann")
    for _ in range(6):
        await asked(office, ann, Nudge.THREAD)
    office.gate.clock.move(hours=1)
    await office.reminders.tick(office.gate.clock.now())
    await asyncio.gather(*(office.worker().drain() for _ in range(3)))
    assert (len(office.gateway.texts), await queue_cards(office)) == (0, 1)
    assert await used(ann) == {Nudge.THREAD: 1}


async def test_a_card_with_everything_costs_as_much_as_a_text(office: Office) -> None:
    ann = await office.person("Ann")
    for _ in range(3):
        await asked(office, ann, Nudge.THREAD, budgets={Nudge.THREAD: 0})
    await pass_time(office, hours=1)
    assert (len(office.gateway.texts), await queue_cards(office)) == (0, 0)


async def test_what_is_snoozed_makes_no_crowd(office: Office) -> None:
    ann = await office.person("Ann")
    asleep = [await asked(office, ann) for _ in range(2)]
    until = office.gate.clock.now() + 5 * HOUR
    await CardCopy.filter(approval_id__in=[one.id for one in asleep]).update(snoozed_until=until)
    await asked(office, ann, Nudge.THREAD)
    await pass_time(office, hours=1)
    assert (len(office.gateway.texts), await queue_cards(office)) == (1, 0)


async def test_hard_reminders_are_about_one_question_however_many_wait(office: Office) -> None:
    ann = await office.person("Ann")
    for _ in range(3):
        await asked(office, ann, Nudge.URGENT_APP)
    await pass_time(office, hours=1)
    assert (len(office.gateway.buzzes), await queue_cards(office)) == (3, 0)


async def test_a_recalled_card_does_not_keep_the_person_from_the_text(office: Office) -> None:
    await asked(office, await office.person("Ann"), Nudge.THREAD)
    office.gateway.faults["reply"].append(MessageGone("recalled", code=230011))
    await pass_time(office, hours=1)
    [text] = [message for message in office.gateway.messages if message.text]
    assert text.parent is None
    assert text.to is not None


async def test_a_settled_reminder_stays_settled(office: Office) -> None:
    ann = await office.person("Ann")
    approval = await asked(office, ann, Nudge.THREAD)
    office.gate.clock.move(hours=1)
    await office.reminders.tick(office.gate.clock.now())
    await office.resolve(approval, ann)
    await office.deliver()
    [nudge] = await OutboxMessage.filter(kind=OutboxKind.NUDGE)
    assert (await state_of(nudge)).state is OutboxState.SUPERSEDED
    assert office.gateway.texts == []
