"""Replays over real checks: the same as deciding one by one again, nothing counted twice, nobody else's checks read."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from bot import outbox
from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.values import Declined
from bot.asking.parsing import from_json
from bot.database import Database
from bot.delivery import Delivery, lanes
from bot.delivery.replaying import TellReplay, order
from bot.directory import Caller
from bot.hindsight.replaying import Replaying
from bot.metering.counting import Counting
from bot.people.facts import person_facts, requester_of
from bot.policy import evaluate, parse_floor, parse_policy
from bot.policy.replay import change_of
from bot.policy.rules import Floor, Policy
from bot.secrecy.links import Links
from models.enums import AgentStatus, Language, Level, OutboxKind, OutboxState, Role, Verdict, Via
from models.replay import Change, ReplayReport
from models.tables import Agent, ApprovalRequest, AuditEntry, OutboxMessage, PolicyVersion, User
from models.values import ActionRequest, AgentFacts, Decision, JsonObject, Question, Refusal, RefusalKind
from tests.support.gate import APP_ID, POLICY, ZONE, Gate, operator
from tests.support.office import Office, open_office

DRAFT: JsonObject = {
    "default": "L2",
    "rules": [
        {"action": "pay_*", "when": "double(args.amount) > 800.0", "level": "DENY"},
        {"action": "pay_*", "when": 'today("amount") > 3000 || rate("1h") > 6', "level": "L3"},
        {"action": "delete_*", "requester": "*@example.com", "level": "L2"},
        {"action": "write_*", "when": 'rate("30m") > 4', "level": "L3"},
        {"action": "read_*", "session": "s-1", "level": "L2"},
        {"action": "read_*", "level": "L1"},
        {"action": "format_disk", "level": "L3"},
    ],
}
ACTIONS = ("pay_invoice", "pay_invoice", "delete_files", "write_notes", "read_notes", "format_disk")
OPEN_FLOOR: JsonObject = {"rules": []}


@dataclass(frozen=True)
class Desk:
    office: Office
    creator: User
    caller: Caller
    replaying: Replaying

    @property
    def gate(self) -> Gate:
        return self.office.gate

    async def agent(self) -> Agent:
        return await Agent.get(id=self.caller.agent_id)

    async def replay(self, draft: JsonObject, floor: JsonObject | None = None, **kwargs: Any) -> ReplayReport:
        policy = parse_policy(draft, default=Level.L2)
        over = parse_floor(floor) if floor is not None else None
        return await self.replaying.replay(await self.agent(), policy, over, **kwargs)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with open_office(database) as office:
        gate = office.gate
        await gate.write_floor(OPEN_FLOOR)
        creator = await office.person("Chen", email="chen@example.com")
        caller = await gate.agent(creator)
        agents = AgentAdministration(office.box, default_level=Level.L2)
        replaying = Replaying(agents, gate.directory, gate.people, gate.clock, default_level=Level.L2, zone=ZONE)
        yield Desk(office, creator, caller, replaying)


async def live(desk: Desk, checks: int) -> None:
    """A past with everything in it: repeats, approvals, claims, rejections, pauses, freezes and observation."""
    gate, chance = desk.gate, random.Random(7)
    for number in range(checks):
        gate.clock.move(seconds=chance.randrange(1, 900))
        action = chance.choice(
            ["pay_invoice", "pay_invoice", "delete_files", "write_notes", "read_notes", "format_disk"]
        )
        args: JsonObject = {"amount": chance.randrange(1000)} if chance.random() < 0.8 else {"n": chance.randrange(9)}
        request: dict[str, Any] = {
            "details": {"tool": action, "args": args if action == "pay_invoice" else {"n": chance.randrange(9)}},
            "session": chance.choice(["s-1", "s-2", None]),
            "requested_by": chance.choice([None, "chen@example.com", "nobody@example.com"]),
        }
        match number % 60:
            case 20:
                await gate.set_status(desk.caller, AgentStatus.PAUSED)
            case 24:
                await gate.set_status(desk.caller, AgentStatus.ACTIVE)
            case 30:
                await gate.observe(desk.caller, gate.clock.now() + timedelta(minutes=40))
            case 40:
                freeze = await gate.freeze(desk.caller)
            case 44:
                await gate.lift(freeze)
            case 50:
                await gate.write_policy(desk.caller, {**POLICY, "pay_*": chance.choice(["L1", "L3"])})
            case _:
                pass
        answer = await gate.check(desk.caller, action, **request)
        if answer.approval_id is not None and chance.random() < 0.7:
            verdict = Verdict.APPROVE if chance.random() < 0.8 else Verdict.REJECT
            await gate.approvals.resolve(answer.approval_id, verdict, operator(desk.creator), via=Via.CARD)
            await gate.check(desk.caller, action, **request)


async def naively(desk: Desk, draft: Policy, floor: Floor) -> tuple[Counter[Change], set[UUID]]:
    """One check after the other, with everything read and counted anew for each; and the checks that changed."""
    agent = await desk.agent()
    facts = AgentFacts(
        agent.id, agent.tenant, agent.name, agent.creator_id, None, False, False,
        creator=await person_facts(await User.get(id=agent.creator_id)),
    )  # fmt: skip
    entries = await AuditEntry.filter(agent_id=agent.id).order_by("at", "id")
    approved = {row.id: from_json(json.loads(row.request)) for row in await ApprovalRequest.all()}
    counts: Counter[Change] = Counter()
    changed, seen = set(), set()
    for entry in entries:
        details = json.loads(entry.details)
        if not entry.action.startswith("check.") or entry.subject in seen:
            continue
        seen.add(entry.subject)
        request = from_json(details["request"])
        requester = await requester_of(desk.gate.people, agent.tenant, request.requested_by)
        question = Question(request, facts, entry.at, requester)
        counters = counted_before(entry, entries, approved)
        old = Level(details.get("would_be") or details["level"])
        if details["layer"] in ("pause", "freeze"):
            version = await desk_policy(desk, details["policy_version"])
            old = evaluate(version, parse_floor(OPEN_FLOOR), question, counters).level
        change = change_of(old, evaluate(draft, floor, question, counters).level)
        counts[change] += 1
        if change is not Change.SAME:
            changed.add(UUID(entry.subject.removeprefix("check:")))
    return counts, changed


def counted_before(entry: AuditEntry, entries: list[AuditEntry], approved: dict[UUID, ActionRequest]) -> Counting:
    local = entry.at.astimezone(ZONE)
    counting = Counting(datetime.combine(local.date(), time(), ZONE))
    for other in entries:
        if (other.at, other.id) >= (entry.at, entry.id):
            break
        same_claim = other.at == entry.at and other.approval_id is not None and other.approval_id == entry.approval_id
        if other.action in ("approval.claimed", "execution.started") and not same_claim:
            assert other.approval_id is not None
            request = approved[other.approval_id]
        elif other.action == "check.allowed" and other.approval_id is None:
            request = from_json(json.loads(other.details)["request"])
        else:
            continue
        amount = request.args.get("amount")
        amounts = {"amount": Decimal(str(amount))} if isinstance(amount, int) and amount > 0 else {}
        counting.add(request.action_type, request.tool or "", other.at, amounts)
    return counting


async def desk_policy(desk: Desk, version: int) -> Policy:
    row = await PolicyVersion.get(agent_id=desk.caller.agent_id, version=version)
    return parse_policy(json.loads(row.document), default=Level.L2)


async def test_a_replay_is_the_same_as_deciding_every_check_again_one_by_one(desk: Desk) -> None:
    await live(desk, 240)
    draft, floor = parse_policy(DRAFT, default=Level.L2), parse_floor({"write_*": "L2"})

    report = await desk.replay(DRAFT, {"write_*": "L2"}, days=366)

    counts, changed = await naively(desk, draft, floor)
    assert {change: report.of(change) for change in Change} == {change: counts[change] for change in Change}
    assert all(counts[change] for change in (Change.MORE_ASKED, Change.FEWER_ASKED, Change.NEWLY_DENIED))
    assert counts[Change.NO_LONGER_DENIED]
    shown = {example.check_id for examples in report.examples.values() for example in examples}
    assert shown <= changed
    assert report.faults
    assert report.by_policy
    assert report.metered
    assert not report.unreadable


async def test_the_policy_that_decided_changes_nothing_also_where_it_counts(desk: Desk) -> None:
    """What the service counted when it decided is what a replay counts: also claims, and a day's end."""
    await desk.gate.write_policy(desk.caller, DRAFT)
    gate, chance = desk.gate, random.Random(11)
    for _ in range(120):
        gate.clock.move(seconds=chance.randrange(1, 1800))
        action = chance.choice(["pay_invoice", "write_notes", "read_notes"])
        details = {"tool": action, "args": {"amount": chance.randrange(1000), "n": chance.randrange(3)}}
        answer = await gate.check(desk.caller, action, details=details)
        if answer.approval_id is not None and chance.random() < 0.6:
            await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(desk.creator), via=Via.CARD)
            await gate.check(desk.caller, action, details=details)

    report = await desk.replay(DRAFT, days=30)

    levels = Counter(json.loads(e.details)["level"] for e in await AuditEntry.filter(action__startswith="check."))
    assert min(levels[Level.L1], levels[Level.L2], levels[Level.L3], levels[Level.DENY]) > 3
    assert report.changed == 0


async def test_joins_claims_and_waits_are_one_question_and_held_checks_are_counted_once(desk: Desk) -> None:
    gate = desk.gate
    first = await gate.check(desk.caller)
    await gate.check(desk.caller)  # joins
    assert first.approval_id is not None
    await gate.approvals.resolve(first.approval_id, Verdict.APPROVE, operator(desk.creator), via=Via.CARD)
    await gate.check(desk.caller)  # claims
    gate.clock.move(minutes=1)
    held = await gate.check(desk.caller, key="k", session="other", wait=0.05)
    assert held.approval_id is not None
    await gate.approvals.resolve(held.approval_id, Verdict.APPROVE, operator(desk.creator), via=Via.CARD)
    await gate.check(desk.caller, key="k", session="other", wait=5)
    entries = await AuditEntry.filter(action__startswith="check.").order_by("id")

    report = await desk.replay({"*": "L2"})

    assert report.checks == len({entry.subject for entry in entries})
    assert (report.of(Change.FEWER_ASKED), report.questions_before) == (report.checks, 2)
    assert (report.more_questions, report.fewer_questions) == (0, 2)


async def test_a_check_that_was_recorded_again_at_the_end_of_its_wait_is_one_check(desk: Desk) -> None:
    await desk.gate.check(desk.caller)
    [pending] = await AuditEntry.filter(action="check.pending")
    again = {f: getattr(pending, f) for f in ("tenant", "actor", "subject", "agent_id", "approval_id", "details")}
    await AuditEntry.create(**again, action="check.allowed", at=pending.at, writer="w", seq=1, prev="", hash="")

    report = await desk.replay({"*": "L2"})

    assert (report.checks, report.of(Change.FEWER_ASKED)) == (1, 1)


async def test_freeze_pause_observation_are_compared_by_what_the_policy_would_have_said(desk: Desk) -> None:
    gate = desk.gate
    await gate.set_status(desk.caller, AgentStatus.PAUSED)
    await gate.check(desk.caller, "delete_files")
    await gate.check(desk.caller, "format_disk")
    await gate.set_status(desk.caller, AgentStatus.ACTIVE)
    freeze = await gate.freeze(desk.caller)
    await gate.check(desk.caller, "read_notes")
    await gate.lift(freeze)
    await gate.observe(desk.caller, gate.clock.now() + timedelta(hours=1))
    observed = await gate.check(desk.caller, "delete_files", session="observed")
    assert observed.allowed

    report = await desk.replay(dict(POLICY))

    assert (report.checks, report.of(Change.SAME), report.by_policy) == (4, 4, 4)
    assert (report.questions_before, report.questions_after) == (2, 2)


async def test_the_floor_of_the_time_is_part_of_what_would_have_been_said(desk: Desk) -> None:
    gate = desk.gate
    await gate.set_status(desk.caller, AgentStatus.PAUSED)
    gate.clock.move(minutes=1)
    await gate.check(desk.caller, "read_notes")
    gate.clock.move(minutes=1)
    await gate.write_floor({"read_*": "L3"})
    gate.clock.move(minutes=1)
    await gate.check(desk.caller, "read_notes")

    report = await desk.replay(dict(POLICY), OPEN_FLOOR)

    assert (report.of(Change.SAME), report.of(Change.FEWER_ASKED)) == (1, 1)
    assert report.examples[Change.FEWER_ASKED][0].old_rule == "read_*"


async def test_a_draft_of_the_floor_is_tried_on_all_agents_of_the_tenant_and_no_others(desk: Desk) -> None:
    gate = desk.gate
    other = await gate.agent(desk.creator, name="Other", policy={"*": "L1"})
    stranger = await gate.agent(await gate.person("Far", tenant="far"), name="Far", policy={"*": "L1"})
    for caller in (desk.caller, other, stranger):
        await gate.check(caller, "read_notes")
    admin = await gate.person("Admin", role=Role.ORG_ADMIN)

    report = await desk.replaying.under(Actor.of(operator(admin)), "floor", {"read_*": "L3"})

    assert isinstance(report, ReplayReport)
    assert (report.subject, report.checks, report.of(Change.MORE_ASKED), report.more_questions) == ("floor", 2, 2, 2)
    assert {example.agent for example in report.examples[Change.MORE_ASKED]} == {"Bookkeeper", "Other"}


async def test_only_the_period_and_of_it_the_newest_are_replayed(desk: Desk) -> None:
    gate = desk.gate
    await gate.check(desk.caller, "write_old")
    gate.clock.move(days=10)
    for number in range(6):
        gate.clock.move(minutes=1)
        await gate.check(desk.caller, "write_new" if number > 2 else "write_middle")

    week = await desk.replay({"*": "L3"}, days=7)
    newest = await desk.replay({"*": "L3"}, days=7, limit=3)
    everything = await desk.replay({"*": "L3"}, days=11)

    assert (week.checks, week.limited, everything.checks) == (6, False, 7)
    assert (newest.checks, newest.limited) == (3, True)
    assert {example.action_type for example in newest.examples[Change.MORE_ASKED]} == {"write_new"}
    assert newest.since == gate.clock.now() - timedelta(minutes=2)


async def test_runs_from_before_the_period_are_counted(desk: Desk) -> None:
    gate = desk.gate
    for _ in range(3):
        await gate.check(desk.caller, "write_notes")
    gate.clock.move(hours=23, minutes=30)
    await gate.check(desk.caller, "write_notes")

    late: JsonObject = {"rules": [{"action": "write_*", "when": 'rate("24h") > 3', "level": "L3"}]}
    report = await desk.replay(late, days=1, limit=1)

    assert (report.checks, report.of(Change.MORE_ASKED)) == (1, 1)


async def test_more_checks_than_one_batch_in_one_instant_are_all_replayed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.hindsight.rereading.BATCH", 4)
    monkeypatch.setattr("bot.hindsight.rereading.OUTLINE", 3)
    for number in range(10):
        await desk.gate.check(desk.caller, "write_notes", session=f"s-{number}")
    told: list[tuple[int, int]] = []

    report = await desk.replay({"*": "L3"}, progress=lambda done, total: told.append((done, total)))

    assert (report.checks, report.more_questions) == (10, 10)
    assert told[0] == (0, 10)
    assert told[-1] == (10, 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


async def test_everybody_else_gets_turns_between_the_checks_of_a_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.hindsight.rereading.SLICE", -1.0)  # every check takes longer than its share
    for number in range(30):
        await desk.gate.check(desk.caller, "write_notes", session=f"s-{number}")
    turns: list[int] = []
    decided: list[int] = []

    async def others() -> None:
        while True:
            turns.append(len(decided))
            await asyncio.sleep(0)

    def deciding(*args: Any) -> Decision:
        decided.append(1)
        return evaluate(*args)

    monkeypatch.setattr("bot.hindsight.replaying.evaluate", deciding)
    task = asyncio.create_task(others())
    await desk.replay({"*": "L3"})
    task.cancel()

    assert len(decided) == 30
    assert set(turns) >= set(range(30))


async def test_entries_that_no_check_wrote_are_counted_and_passed_over(desk: Desk) -> None:
    await desk.gate.check(desk.caller, "write_notes")
    [entry] = await AuditEntry.filter(action="check.allowed")
    for seq, details in enumerate(("[]", "{}", '{"level": "L9"}', json.dumps({"request": None}))):
        await AuditEntry.create(
            tenant=entry.tenant, actor="x", subject=f"check:{seq}", agent_id=entry.agent_id, details=details,
            action="check.allowed", at=entry.at, writer="w", seq=seq + 1, prev="", hash="",
        )  # fmt: skip

    report = await desk.replay({"*": "L2"})

    assert (report.checks, report.unreadable) == (1, 4)


async def test_who_may_not_administer_the_agent_gets_no_replay(desk: Desk) -> None:
    stranger = Actor.of(operator(await desk.gate.person("Wang")))

    named = await desk.replaying.under(stranger, "Bookkeeper", {"*": "L3"})
    floor = await desk.replaying.under(stranger, "floor", {"*": "L3"})
    unknown = await desk.replaying.under(Actor.of(operator(desk.creator)), "Nobody", {"*": "L3"})

    assert isinstance(named, Refusal) and named.kind is RefusalKind.NOT_PERMITTED
    assert isinstance(floor, Refusal) and floor.kind is RefusalKind.NOT_PERMITTED
    assert isinstance(unknown, Refusal) and unknown.kind is RefusalKind.UNKNOWN_SUBJECT


async def test_a_draft_that_is_no_policy_is_declined_with_its_faults(desk: Desk) -> None:
    declined = await desk.replaying.under(Actor.of(operator(desk.creator)), "Bookkeeper", {"pay_*": "l3"})

    assert isinstance(declined, Declined)
    assert any("pay_*" in fault for fault in declined.faults)


@pytest.mark.parametrize(("days", "limit"), [(0, 10), (367, 10), (7, 0), (7, 100_001)])
async def test_senseless_bounds_are_refused(desk: Desk, days: int, limit: int) -> None:
    actor = Actor.of(operator(desk.creator))

    refused = await desk.replaying.under(actor, "Bookkeeper", {"*": "L3"}, days=days, limit=limit)

    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.INVALID


async def test_without_a_draft_the_rules_in_force_are_tried(desk: Desk) -> None:
    await desk.gate.check(desk.caller, "write_notes")
    await desk.gate.write_policy(desk.caller, {"*": "L3"})

    report = await desk.replaying.under(Actor.of(operator(desk.creator)), "Bookkeeper")

    assert isinstance(report, ReplayReport)
    assert report.of(Change.MORE_ASKED) == 1


def telling(desk: Desk) -> Office:
    """The office with a worker that replays."""
    gate = desk.gate
    replays = TellReplay(desk.replaying, gate.people, gate.bell, gate.clock, ZONE)
    delivery = Delivery(
        desk.office.gateway, gate.people, gate.views, Links("http://127.0.0.1:8787", ["k" * 32]), gate.approvals,
        desk.office.executions, gate.waiters, gate.bell, gate.clock, also={OutboxKind.REPLAY: replays},
    )  # fmt: skip
    return replace(desk.office, delivery=delivery)


async def ordered(desk: Desk, by: User, document: JsonObject, *, subject: str | None = None) -> OutboxMessage:
    message = order(
        tenant=by.tenant, person_id=by.id, app_id=APP_ID, subject=subject or str(desk.caller.agent_id),
        document=document, days=7, now=desk.gate.clock.now(),
    )  # fmt: skip
    await outbox.add([message])
    return message


def texts(desk: Desk) -> list[str]:
    """What was sent but for the notices of what ran."""
    return [
        text for text in desk.office.gateway.texts if "write_notes" not in text or "回放" in text or "Replay" in text
    ]


async def test_the_asker_is_told_when_the_replay_is_done(desk: Desk) -> None:
    await desk.gate.check(desk.caller, "write_notes")
    await User.filter(id=desk.creator.id).update(language=Language.EN_US)
    message = await ordered(desk, desk.creator, {"*": "L3"})

    await telling(desk).deliver()

    assert (await OutboxMessage.get(id=message.id)).state is OutboxState.DELIVERED
    assert any(text.startswith("Replay · “Bookkeeper”: would ask 1 more") for text in texts(desk))


async def test_a_replay_that_a_crash_interrupted_is_begun_anew_and_told_once(desk: Desk) -> None:
    await desk.gate.check(desk.caller, "write_notes")
    office = telling(desk)
    message = await ordered(desk, desk.creator, {"*": "L3"})
    await OutboxMessage.filter(id=message.id).update(
        state=OutboxState.SENDING, lease_owner="worker:gone", lease_until=desk.gate.clock.now(), attempts=1
    )
    desk.gate.clock.move(seconds=1)

    assert await lanes.take_back(desk.gate.clock.now()) == 1
    await office.deliver()
    await office.deliver()

    assert sum("回放" in text for text in texts(desk)) == 1


async def test_an_asker_who_lost_the_right_meanwhile_is_refused(desk: Desk) -> None:
    admin = await desk.office.person("Admin", role=Role.ORG_ADMIN)
    await ordered(desk, admin, {"*": "L3"})
    await User.filter(id=admin.id).update(role=Role.MEMBER)

    await telling(desk).deliver()

    assert texts(desk) == ["您没有权限这样做，需要智能体的创建者或组织管理员。"]


async def test_a_draft_that_is_none_is_told_to_the_asker(desk: Desk) -> None:
    await ordered(desk, desk.creator, {"pay_*": "l3"})

    await telling(desk).deliver()

    assert texts(desk)[0].startswith("草稿不是有效的策略")
