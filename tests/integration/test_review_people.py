"""What must hold when people are joined, leave, sleep or ask for themselves in the middle of a question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from bot.administration.actors import Actor
from bot.administration.users import UserAdministration
from bot.approvals import Consenting, Resolved
from bot.database import Database
from bot.digests import Digests
from bot.hindsight.explaining import Explaining, Why
from bot.noticing.outcomes import Reported, RunOutcomes
from bot.people.absence import Absences, Away
from bot.people.employment import Employments
from bot.people.news import PersonNews
from bot.plans import Step, Usual, as_json, from_json
from bot.ports import FeishuFault, FeishuUnavailable, Profile
from models.approval import ApprovalRequest, CardCopy, Consent
from models.asking import NudgeDay
from models.enums import (
    CheckStatus,
    Employment,
    ExecutionStatus,
    GrantKind,
    Language,
    Layer,
    Nudge,
    OutboxKind,
    Role,
    Via,
)
from models.tables import Agent, FeishuApp, FeishuIdentity, OutboxMessage, User
from models.values import AppCredentials, PersonChanged, PersonIds, Refusal, RefusalKind
from tests.support.deciding import amend, decide, row, write_plan
from tests.support.gate import APP_ID, ZONE, Gate, asks, operator
from tests.support.office import Office, copies, facts_of, fresh, open_office

HOUR = timedelta(hours=1)
APP = AppCredentials(APP_ID, "default", "https://open.feishu.cn", "s", "ek", "vt", tenant_key="t1")


@pytest.fixture
async def resting(database: Database) -> AsyncIterator[Office]:
    """Where nobody is disturbed at night."""
    async with open_office(database, usual=Usual(ZONE, "22:00-08:00", "1234567")) as office:
        yield office


async def reminded_hourly(office: Office, approval: ApprovalRequest, *ladder: Nudge) -> ApprovalRequest:
    """The same question with a plan that reminds each hour in these ways, all of them opted in."""
    plan = from_json(approval.plan)
    first = plan.steps[0]
    steps = (replace(first, after=timedelta()), *(Step(n * HOUR, (), way) for n, way in enumerate(ladder, start=1)))
    plan = replace(plan, steps=steps, budgets=dict.fromkeys(Nudge, 5))
    await ApprovalRequest.filter(id=approval.id).update(plan=as_json(plan), next_due_at=approval.created_at + HOUR)
    return await fresh(approval)


async def pass_time(office: Office, **delta: float) -> None:
    office.gate.clock.move(**delta)
    await office.reminders.tick(office.gate.clock.now())
    await office.deliver()


def news_of(office: Office) -> PersonNews:
    gate = office.gate
    return PersonNews(gate.ledger, gate.people, Employments(gate.people, gate.approvals.questioning, gate.bell))


async def another_app(gate: Gate, app_id: str) -> None:
    await FeishuApp.create(
        app_id=app_id,
        tenant="default",
        name=app_id,
        base_url="https://open.feishu.cn",
        app_secret="",
        encrypt_key="",
        verification_token="",
        created_at=gate.clock.now(),
    )


def kind(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal), outcome
    return outcome.kind


# --- somebody turns out to be somebody else ---


async def test_who_is_joined_keeps_the_absence_and_what_was_chosen(office: Office) -> None:
    """Whoever wrote to the bot said it there; the row of the e-mail address, made by an admin, knows nothing."""
    gate = office.gate
    boss, stand_in = await office.person("Boss"), await office.person("Stand")
    until = gate.clock.now() + timedelta(days=3)
    stub = await office.person("Ann")
    said: dict[str, Any] = {
        "away_since": gate.clock.now(),
        "away_until": until,
        "delegate_id": stand_in.id,
        "leader_id": boss.id,
        "time_zone": "Europe/Berlin",
        "quiet_hours": "20:00-09:00",
        "working_days": "1234",
        "digest_at": "never",
        "language": Language.EN_US,
        "employment": Employment.FROZEN,
        "looked_up_at": gate.clock.now(),
    }
    await User.filter(id=stub.id).update(**said)
    person = await gate.people.ensure("default", "ann@example.com", now=gate.clock.now())
    await gate.people.learn_open_id(person.id, APP_ID, "ou_ann", gate.clock.now())
    joined = await gate.people.user(stub.id)
    assert joined.id == person.id
    assert {name: getattr(joined, name) for name in said} == said


async def test_what_the_joined_person_chose_is_not_overwritten(office: Office) -> None:
    gate = office.gate
    stub = await office.person("Ann")
    await User.filter(id=stub.id).update(time_zone="Europe/Berlin", working_days="1234", language=Language.EN_US)
    person = await gate.people.ensure("default", "ann@example.com", now=gate.clock.now())
    await another_app(gate, "cli_other")
    await FeishuIdentity.create(
        app_id="cli_other", person_id=person.id, open_id="ou_ann_other", updated_at=gate.clock.now()
    )
    await User.filter(id=person.id).update(time_zone="Asia/Tokyo", quiet_hours="never")
    await gate.people.learn_open_id(person.id, APP_ID, "ou_ann", gate.clock.now())
    joined = await gate.people.user(stub.id)
    assert (joined.time_zone, joined.quiet_hours, joined.working_days) == ("Asia/Tokyo", "never", "1234")
    assert joined.language is person.language


async def test_two_names_of_one_person_are_reminded_once(office: Office) -> None:
    gate = office.gate
    ann = await office.person("Ann")
    await write_plan(
        gate,
        {"default": {"steps": [{"after": "0m", "ask": ["creator", "person:ann@example.com"]}], "open_for": "24h"}},
    )
    approval = await reminded_hourly(office, await office.asked(ann), Nudge.THREAD)
    second = await gate.people.find("default", "ann@example.com")
    assert second is not None
    await gate.people.learn_open_id(second.id, APP_ID, "ou_ann", gate.clock.now())
    await office.deliver()
    assert len(await copies(approval)) == 2
    await pass_time(office, hours=1)
    assert len(office.gateway.texts) == 1
    assert [day.person_id for day in await NudgeDay.filter(used__gt=0)] == [second.id]


async def test_the_consent_to_what_stands_is_not_lost_by_joining(office: Office) -> None:
    """An older consent under the one name, to arguments that were changed since, is no reason to drop the newer."""
    gate = office.gate
    stub = await office.person("Ann")
    person = await gate.people.ensure("default", "ann@example.com", now=gate.clock.now())
    approval = await office.asked(stub)
    for who, digest in ((person, "sha256:old"), (stub, approval.action_digest)):
        await Consent.create(
            approval_id=approval.id,
            person_id=who.id,
            person_name="Ann",
            action_digest=digest,
            via=Via.CARD,
            at=gate.clock.now(),
        )
    await gate.people.learn_open_id(person.id, APP_ID, "ou_ann", gate.clock.now())
    assert {(one.person_id, one.action_digest) for one in await Consent.all()} == {
        (person.id, "sha256:old"),
        (person.id, approval.action_digest),
    }


# --- the requester is never one of those who approve ---

SEPARATED = {
    "default": {
        "separate_duties": True,
        "steps": [{"after": "0m", "ask": ["creator", "admins"]}],
        "open_for": "24h",
    }
}


async def test_a_requester_named_by_the_id_of_the_agents_own_app_is_known(office: Office) -> None:
    gate = office.gate
    await write_plan(gate, SEPARATED)
    await another_app(gate, "cli_own")
    ann = await office.person("Ann")
    wang = await gate.person("王敏", role=Role.ORG_ADMIN)
    await FeishuIdentity.create(app_id="cli_own", person_id=wang.id, open_id="ou_wang_own", updated_at=gate.clock.now())
    agent = await gate.agent(ann)
    await Agent.filter(id=agent.agent_id).update(app_id="cli_own")
    asked = await gate.check(agent, requested_by="ou_wang_own")
    assert (await row(asked)).requester_id == wang.id
    assert kind(await decide(gate, asked, wang)) is RefusalKind.SEPARATED


async def test_a_requester_who_becomes_known_while_the_question_waits_is_the_requester(office: Office) -> None:
    gate = office.gate
    await write_plan(gate, SEPARATED)
    ann = await office.person("Ann")
    asked = await gate.check(await gate.agent(ann), requested_by="u_wang")
    assert (await row(asked)).requester_id is None
    wang = await office.person("Wang", role=Role.ORG_ADMIN)
    assert kind(await decide(gate, asked, wang)) is RefusalKind.SEPARATED
    assert isinstance(await decide(gate, asked, ann), Resolved)


async def test_a_requester_known_in_chat_is_recognised_by_the_address(office: Office) -> None:
    """The admin wrote to the bot, which tells no address; Feishu knows to whom the address belongs."""
    gate = office.gate
    await write_plan(gate, SEPARATED)
    ann, wang = await office.person("Ann"), await office.person("Wang", role=Role.ORG_ADMIN)
    office.gateway.emails["wang@example.com"] = "ou_wang"
    asked = await gate.check(await gate.agent(ann), requested_by="Wang@example.com")
    await office.deliver()
    present = await gate.people.user(wang.id)
    assert kind(await decide(gate, asked, present)) is RefusalKind.SEPARATED


async def test_an_unknown_requester_troubles_no_admin(office: Office) -> None:
    gate = office.gate
    await write_plan(gate, SEPARATED)
    ann = await office.person("Ann")
    await office.person("Boss", role=Role.ORG_ADMIN)
    await gate.check(await gate.agent(ann), requested_by="customer@elsewhere.example")
    await office.deliver()
    assert office.gateway.texts == []
    assert len(office.gateway.cards) == 2


# --- the night ---


async def until_shanghai(office: Office, hour: int, minute: int = 0) -> None:
    local = office.gate.clock.now().astimezone(ZONE)
    office.gate.clock.move(
        seconds=(local.replace(hour=hour, minute=minute, second=0, microsecond=0) - local).total_seconds()
    )


@pytest.mark.parametrize("way", [Nudge.THREAD, Nudge.URGENT_APP, Nudge.URGENT_PHONE])
async def test_an_outage_does_not_carry_a_reminder_into_the_night(resting: Office, way: Nudge) -> None:
    """What was paid for and not sent waits for the morning like everything else."""
    ann = await resting.person("Ann")
    await until_shanghai(resting, 20, 58)
    approval = await reminded_hourly(resting, await resting.asked(ann), way)
    await resting.deliver()
    call = "reply" if way is Nudge.THREAD else way.value
    down: FeishuFault = FeishuUnavailable("down", code=2200)
    resting.gateway.always[call] = down
    await pass_time(resting, hours=1)  # 21:58
    assert resting.gateway.calls.count(call) == 1
    del resting.gateway.always[call]
    await pass_time(resting, minutes=30)  # 22:28
    assert resting.gateway.calls.count(call) == 1
    await pass_time(resting, hours=10)
    assert resting.gateway.calls.count(call) == 2
    assert (await facts_of(approval.id)).count("approval.nudged") == 1
    assert [(day.day.isoformat(), day.used) for day in await NudgeDay.filter(used__gt=0)] == [("2026-03-03", 1)]


async def test_a_text_whose_answer_was_lost_before_the_night_is_spent_on_both_days(resting: Office) -> None:
    """It may have arrived, and it is sent again: both are within what each day allows."""
    ann = await resting.person("Ann")
    await until_shanghai(resting, 20, 58)
    await reminded_hourly(resting, await resting.asked(ann), Nudge.THREAD)
    await resting.deliver()
    resting.gateway.always["reply"] = FeishuUnavailable("the answer was lost")
    await pass_time(resting, hours=1)
    del resting.gateway.always["reply"]
    await pass_time(resting, minutes=30)
    assert resting.gateway.calls.count("reply") == 1
    await pass_time(resting, hours=10)
    assert resting.gateway.calls.count("reply") == 2
    days = await NudgeDay.filter(used__gt=0).order_by("day")
    assert [(day.day.isoformat(), day.used) for day in days] == [("2026-03-02", 1), ("2026-03-03", 1)]


# --- somebody leaves ---


@pytest.mark.parametrize("gone", [Employment.LEFT, Employment.FROZEN])
async def test_the_grant_of_somebody_who_left_spares_nothing(office: Office, gone: Employment) -> None:
    gate = office.gate
    ann = await office.person("Ann")
    agent = await gate.agent(ann, policy={"render": "L3"})
    await gate.grant(agent, ann, asks("render"), kind=GrantKind.KIND)
    assert (await gate.check(agent, "render")).layer is Layer.GRANT
    await User.filter(id=ann.id).update(employment=gone)
    assert (await gate.check(agent, "render")).status is CheckStatus.PENDING


async def test_who_left_gets_no_summary_of_the_day(office: Office) -> None:
    gate = office.gate
    ann, ben = await office.person("Ann"), await office.person("Ben")
    for creator in (ann, ben):
        await gate.check(await gate.agent(creator, name=f"of {creator.name}"), "read_files")
    await User.filter(id=ann.id).update(employment=Employment.LEFT)
    gate.clock.move(hours=2)
    at = (gate.clock.now() - timedelta(minutes=5)).astimezone(ZONE).time().replace(second=0, microsecond=0)
    digests = Digests(gate.people, gate.bell, at=time(at.hour, at.minute), zone=ZONE)
    assert await digests.tick(gate.clock.now()) == 1
    assert {one.person_id for one in await OutboxMessage.filter(kind=OutboxKind.TEXT)} == {ben.id}


async def test_an_older_profile_does_not_bring_back_who_left_meanwhile(office: Office) -> None:
    """Feishu says that somebody left while the answer about the profile is on its way."""
    gate = office.gate
    ann = await office.person("Ann")
    asked_about = await User.get(id=ann.id)
    gate.clock.move(seconds=1)
    ids = PersonIds(open_id="ou_ann", tenant_key="t1")
    assert await news_of(office).changed(APP, PersonChanged("ev", APP_ID, ids, Employment.LEFT, gate.clock.now()))
    gate.clock.move(seconds=1)
    async with gate.ledger.transaction() as work:
        old = Profile("Ann", Employment.ACTIVE, None, None)
        await news_of(office).learn(work, asked_about, APP_ID, old, gate.clock.now())
    assert (await User.get(id=ann.id)).employment is Employment.LEFT


# --- why ---


async def test_the_explanation_tells_what_was_changed_and_who_consented(office: Office) -> None:
    gate = office.gate
    await write_plan(
        gate,
        {"default": {"approvals": 2, "steps": [{"after": "0m", "ask": ["creator", "admins"]}], "open_for": "24h"}},
    )
    ann, ben = await office.person("Ann"), await office.person("Ben", role=Role.ORG_ADMIN)
    details = {"tool": "delete_file", "args": {"path": "reports/a", "token": "sk-live-abcdefghijklmnop1234"}}
    asked = await gate.check(await gate.agent(ann), details=details)
    assert isinstance(await amend(gate, asked, ann, {0: "reports/b"}), Consenting)
    assert isinstance(await decide(gate, asked, ben), Resolved)
    seen_at = gate.clock.now()
    await CardCopy.filter(approval_id=asked.approval_id, person_id=ann.id).update(seen_at=seen_at)
    why = await Explaining(gate.people, gate.clock).why(Actor.of(operator(ben)), str(asked.approval_id))
    assert isinstance(why, Why)
    assert why.approval is not None
    assert {one.person: one.seen_at for one in why.approval.asked} == {"Ann": seen_at, "Ben": None}
    told = {step.action: (step.actor, step.detail or "") for step in why.timeline}
    assert told["approval.amended"][0] == "Ann"
    assert "path: reports/a → reports/b" in told["approval.amended"][1]
    assert "sk-live" not in told["approval.amended"][1]
    assert told["approval.consented"][0] == "Ann"
    assert "missing=1" in told["approval.consented"][1]


# --- failures are always told ---


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN, ExecutionStatus.SUCCEEDED])
async def test_who_approved_for_somebody_else_learns_that_it_failed(office: Office, status: ExecutionStatus) -> None:
    """The creator may have left, or be away; whoever said yes must know that it went wrong."""
    gate = office.gate
    ann, ben = await office.person("Ann"), await office.person("Ben", role=Role.ORG_ADMIN)
    agent = await gate.agent(ann)
    asked = await gate.check(agent)
    await User.filter(id=ann.id).update(employment=Employment.LEFT)
    assert isinstance(await decide(gate, asked, ben, via=Via.COMMAND), Resolved)
    assert (await gate.check(agent)).allowed
    async with gate.ledger.transaction() as work:
        assert await gate.approvals.using.finish_execution(work, await row(asked), status, error="disk full")
    texts = await OutboxMessage.filter(kind=OutboxKind.TEXT, person_id=ben.id)
    assert len(texts) == (status is not ExecutionStatus.SUCCEEDED)
    assert not await OutboxMessage.exists(kind=OutboxKind.TEXT, person_id=ann.id)


async def test_a_failed_run_of_somebody_who_left_is_told_to_the_admins(office: Office) -> None:
    gate = office.gate
    ann, ben = await office.person("Ann"), await office.person("Ben", role=Role.ORG_ADMIN)
    gone = await office.person("Zoe", role=Role.ORG_ADMIN)
    await User.filter(id=gone.id).update(employment=Employment.LEFT)
    agent = await gate.agent(ann)
    ran = await gate.check(agent, "write_notes")
    await User.filter(id=ann.id).update(employment=Employment.LEFT)
    outcomes = RunOutcomes(gate.ledger, gate.people, gate.bell, gate.clock, ZONE)
    for _ in range(2):
        assert isinstance(await outcomes.report(agent, ran.check_id, "failed", None, "disk full"), Reported)
    assert [one.person_id for one in await OutboxMessage.filter(kind=OutboxKind.TEXT)] == [ben.id]


# --- somebody goes away while a question to that person is being opened ---


async def test_a_question_that_is_just_being_opened_is_handed_on_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The absence finds the new question, or the question finds the absence; never neither."""
    gate = office.gate
    ann, li = await office.person("Ann"), await office.person("Li", email="li@example.com")
    agent = await gate.agent(ann)
    chosen, telling = asyncio.Event(), gate.approvals.telling
    absences = Absences(gate.people, UserAdministration(gate.people), gate.approvals.questioning, gate.bell)

    async def goes_away() -> None:
        await chosen.wait()
        until = gate.clock.now() + timedelta(days=1)
        async with gate.ledger.transaction() as work:
            assert isinstance(await absences.away(work, Actor.of(operator(ann)), until, "li@example.com"), Away)

    going = asyncio.create_task(goes_away())
    ask = telling.ask

    async def asked_meanwhile(*args: Any, **kwargs: Any) -> Any:
        chosen.set()
        await asyncio.wait({going}, timeout=0.5)  # it may have to wait for us
        return await ask(*args, **kwargs)

    monkeypatch.setattr(telling, "ask", asked_meanwhile)
    approval = await row(await gate.check(agent))
    await going
    assert {copy.person_id for copy in await copies(approval)} == {ann.id, li.id}
