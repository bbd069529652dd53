"""Whom the gate asks on a real database: when a question is opened, at its steps, and when somebody becomes absent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.administration import Actor, Declined, PlanAdministration, PlanSaved, Why, in_one_transaction
from bot.administration.users import UserAdministration
from bot.database import Database
from bot.directory import Caller
from bot.people.absence import Absences, Away, Back
from bot.people.employment import Employments
from bot.plans import starter_plan
from models.approval import ApprovalRequest, CardCopy, Consent
from models.enums import (
    ApprovalStatus,
    AskedAs,
    Delivery,
    Employment,
    OutboxKind,
    OutboxState,
    Role,
    Severity,
    Verdict,
    Via,
)
from models.tables import Agent, AuditEntry, OutboxMessage, User
from models.values import Json, Refusal, RefusalKind
from tests.support.gate import TIMES, Gate, open_gate, operator

ROOT = Actor.command_line("ops", "default")
TOMORROW = timedelta(days=1)


@pytest.fixture
async def gate(database: Database) -> AsyncIterator[Gate]:
    async with open_gate(database) as gate:
        yield gate


def plans(gate: Gate) -> PlanAdministration:
    return PlanAdministration(gate.people, starter_plan(TIMES.reminders, TIMES.ttl))


async def plan(gate: Gate, **document: Json) -> PlanSaved:
    """The tenant's plan in force."""
    saved = await in_one_transaction(gate.ledger, lambda work: plans(gate).save(work, ROOT, document))
    assert isinstance(saved, PlanSaved), saved
    return saved


def steps(*refs: list[str]) -> Json:
    """One step an hour."""
    return [{"after": f"{hour}h" if hour else "0m", "ask": list(ask)} for hour, ask in enumerate(refs)]


async def asked(gate: Gate, caller: Caller, **ask: Any) -> ApprovalRequest:
    answer = await gate.check(caller, **ask)
    assert answer.approval_id is not None
    return await ApprovalRequest.get(id=answer.approval_id)


async def reasons(approval: ApprovalRequest) -> dict[str, AskedAs]:
    copies = await CardCopy.filter(approval_id=approval.id).select_related("person").order_by("id")
    return {copy.person.name: copy.asked_as for copy in copies}


async def step(gate: Gate, approval: ApprovalRequest, index: int) -> tuple[int, list[tuple[str, str]]]:
    async with gate.ledger.transaction() as work:
        done = await gate.approvals.questioning.step(work, approval, index)
    return len(done.asked), [(ref, why.value) for ref, why in done.skipped]


def absences(gate: Gate) -> Absences:
    return Absences(gate.people, UserAdministration(gate.people), gate.approvals.questioning, gate.bell)


async def away(gate: Gate, person: User, delegate: str | None = None, **kwargs: Any) -> Away:
    until = kwargs.pop("until", gate.clock.now() + TOMORROW)
    actor = Actor.of(operator(person))
    done = await in_one_transaction(
        gate.ledger, lambda work: absences(gate).away(work, actor, until, delegate, **kwargs)
    )
    assert isinstance(done, Away), done
    return done


async def leaves(gate: Gate, person: User, how: Employment = Employment.LEFT) -> bool:
    employments = Employments(gate.people, gate.approvals.questioning, gate.bell)
    return await in_one_transaction(gate.ledger, lambda work: employments.learn(work, person.id, how))


async def decide(gate: Gate, approval: ApprovalRequest, by: User, verdict: Verdict = Verdict.APPROVE) -> object:
    return await gate.approvals.resolve(approval.id, verdict, operator(await User.get(id=by.id)), via=Via.CARD)


async def colleague(gate: Gate, name: str, **columns: Any) -> User:
    person = await gate.person(name, role=columns.pop("role", Role.MEMBER), tenant=columns.pop("tenant", "default"))
    await User.filter(id=person.id).update(email=f"{name.lower()}@example.com", **columns)
    return await User.get(id=person.id)


class TestOpening:
    async def test_without_a_plan_the_creator_alone_is_asked(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        approval = await asked(gate, await gate.agent(ann))
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR}
        assert (approval.plan_version, approval.approvals_needed) == (0, 1)
        assert await gate.audited("approval.asked") == []

    async def test_the_first_step_of_the_plan_decides(self, gate: Gate) -> None:
        ann, li, wang = [await colleague(gate, name) for name in ("Ann", "Li", "Wang")]
        saved = await plan(
            gate,
            groups={"finance": ["li@example.com", "Wang@Example.com"]},
            questions=[{"action": "delete_*", "severity": "critical", "steps": steps(["creator", "group:finance"])}],
        )
        approval = await asked(gate, await gate.agent(ann))
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Li": AskedAs.GROUP, "Wang": AskedAs.GROUP}
        assert (approval.plan_version, approval.severity) == (saved.version, Severity.CRITICAL)
        [entry] = await gate.audited("approval.asked")
        told = json.loads(entry.details)
        assert {(each["person"], each["as"]) for each in told["asked"]} == {
            (str(ann.id), "creator"),
            (str(li.id), "group"),
            (str(wang.id), "group"),
        }
        await decide(gate, approval, wang)
        assert (await ApprovalRequest.get(id=approval.id)).resolver_name == "Wang"

    async def test_somebody_who_is_only_known_by_an_address_becomes_known_and_is_asked(self, gate: Gate) -> None:
        await plan(gate, default={"steps": steps(["person:new@example.com"])})
        approval = await asked(gate, await gate.agent(await colleague(gate, "Ann")))
        assert await reasons(approval) == {"new": AskedAs.GROUP}
        assert await OutboxMessage.exists(kind=OutboxKind.RESOLVE_IDENTITY)

    async def test_an_address_that_no_host_has_stops_no_check(self, gate: Gate) -> None:
        await plan(gate, default={"steps": steps(["person:li@localhost", "creator"])})
        approval = await asked(gate, await gate.agent(await colleague(gate, "Ann")))
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR}

    async def test_nobody_at_all_is_undeliverable_at_once(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann", employment=Employment.LEFT)
        answer = await gate.check(await gate.agent(ann))
        assert answer.approval_id is not None
        approval = await ApprovalRequest.get(id=answer.approval_id)
        assert approval.delivery is Delivery.UNDELIVERABLE
        assert await CardCopy.filter(approval_id=approval.id).count() == 0

    async def test_a_creator_who_left_is_replaced_by_the_backup_then_the_leader_then_the_admins(
        self, gate: Gate
    ) -> None:
        leader, backup, admin = [await colleague(gate, name) for name in ("Leader", "Backup", "Admin")]
        await User.filter(id=admin.id).update(role=Role.ORG_ADMIN)
        ann = await colleague(gate, "Ann", employment=Employment.LEFT, leader_id=leader.id)
        caller = await gate.agent(ann)
        await Agent.filter(id=caller.agent_id).update(backup_id=backup.id)
        assert await reasons(await asked(gate, caller, session="1")) == {"Backup": AskedAs.BACKUP}
        await User.filter(id=backup.id).update(employment=Employment.FROZEN)
        approval = await asked(gate, caller, session="2")
        assert await reasons(approval) == {"Leader": AskedAs.LEADER}
        await User.filter(id=leader.id).update(away_until=gate.clock.now() + TOMORROW)
        assert await reasons(await asked(gate, caller, session="3")) == {"Admin": AskedAs.ADMIN}

    async def test_the_requester_is_not_asked_where_duties_are_separated(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li", role=Role.ORG_ADMIN)
        await plan(gate, default={"separate_duties": True})
        approval = await asked(gate, await gate.agent(ann), requested_by="ann@example.com")
        assert await reasons(approval) == {"Li": AskedAs.ADMIN}
        refused = await decide(gate, approval, ann)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.SEPARATED
        await decide(gate, approval, li)
        assert (await ApprovalRequest.get(id=approval.id)).status is ApprovalStatus.APPROVED

    async def test_two_approvals_draw_in_the_admins_where_the_plan_reaches_one(self, gate: Gate) -> None:
        ann, admin = await colleague(gate, "Ann"), await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        await plan(gate, default={"approvals": 2})
        approval = await asked(gate, await gate.agent(ann))
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR}  # the last step of the starter plan asks the admins
        await plan(gate, default={"approvals": 2, "steps": steps(["creator"])})
        approval = await asked(gate, await gate.agent(ann, name="Second"))
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Admin": AskedAs.ADMIN}
        await decide(gate, approval, ann)
        assert await Consent.filter(approval_id=approval.id).count() == 1
        await decide(gate, approval, admin)
        assert (await ApprovalRequest.get(id=approval.id)).status is ApprovalStatus.APPROVED

    async def test_feishu_is_asked_about_people_once_a_day(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        caller = await gate.agent(ann)
        await asked(gate, caller, session="1")
        await asked(gate, caller, session="2")
        look_ups = OutboxMessage.filter(kind=OutboxKind.LOOK_UP)
        assert [row.person_id for row in await look_ups] == [ann.id]  # one is on its way
        await look_ups.update(state=OutboxState.DELIVERED)
        await User.filter(id=ann.id).update(looked_up_at=gate.clock.now())
        await asked(gate, caller, session="2b")
        assert await look_ups.count() == 1
        gate.clock.move(hours=25)
        await asked(gate, caller, session="3")
        assert await look_ups.count() == 2

    async def test_a_plan_that_is_written_later_changes_no_open_question(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        await plan(gate, default={"steps": steps(["creator"], ["person:li@example.com"])})
        approval = await asked(gate, await gate.agent(ann))
        await plan(gate, default={"steps": steps(["creator"], ["admins"])})
        await step(gate, approval, 1)
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Li": AskedAs.GROUP}
        assert li.id in {copy.person_id for copy in await CardCopy.filter(approval_id=approval.id)}


class TestSteps:
    async def test_each_step_asks_its_people_once_and_says_whom_it_missed(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        await plan(gate, default={"steps": steps(["creator"], ["backup", "leader"], ["person:li@example.com"])})
        caller = await gate.agent(ann)
        approval = await asked(gate, caller)
        assert await step(gate, approval, 1) == (0, [("backup", "nobody"), ("leader", "nobody")])
        assert await step(gate, approval, 2) == (1, [])
        assert await step(gate, approval, 2) == (0, [])
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Li": AskedAs.GROUP}
        assert li.name == "Li"

    async def test_what_was_opened_before_there_were_plans_goes_by_the_starter(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        approval = await asked(gate, await gate.agent(ann))
        await ApprovalRequest.filter(id=approval.id).update(plan="")
        await approval.refresh_from_db()
        assert len(gate.approvals.questioning.plan_of(approval).steps) == 4
        assert await step(gate, approval, 3) == (1, [])
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Admin": AskedAs.ADMIN}

    async def test_who_was_asked_as_an_admin_and_is_named_by_the_plan_may_decide_without_the_role(
        self, gate: Gate
    ) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li", role=Role.ORG_ADMIN)
        await plan(gate, default={"steps": steps(["admins"], ["person:li@example.com"])})
        approval = await asked(gate, await gate.agent(ann))
        await User.filter(id=li.id).update(role=Role.MEMBER)
        refused = await decide(gate, approval, li)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.NOT_YOURS
        await step(gate, approval, 1)
        await decide(gate, approval, li)
        assert (await ApprovalRequest.get(id=approval.id)).status is ApprovalStatus.APPROVED

    async def test_people_of_another_tenant_are_never_asked(self, gate: Gate) -> None:
        """Not as leader, backup or delegate, whatever the rows say."""
        stranger = await gate.person("Stranger", tenant="elsewhere")
        ann = await colleague(
            gate, "Ann", leader_id=stranger.id, delegate_id=stranger.id, away_until=gate.clock.now() + TOMORROW
        )
        caller = await gate.agent(ann)
        await Agent.filter(id=caller.agent_id).update(backup_id=stranger.id)
        await plan(gate, default={"steps": steps(["creator"], ["backup", "leader"])})
        approval = await asked(gate, caller)
        assert await step(gate, approval, 1) == (0, [("backup", "elsewhere"), ("leader", "elsewhere")])
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR}


class TestAbsences:
    async def test_the_delegate_gets_what_waits_and_what_comes(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        caller = await gate.agent(ann)
        waiting = await asked(gate, caller, session="1")
        done = await away(gate, ann, "li@example.com")
        assert (done.delegate, done.handed_on, done.changed) == ("Li", 1, True)
        coming = await asked(gate, caller, session="2")
        for approval in (waiting, coming):
            assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Li": AskedAs.DELEGATE}
            await decide(gate, approval, li)
            assert (await ApprovalRequest.get(id=approval.id)).resolver_name == "Li"
        text = json.loads((await OutboxMessage.get(kind=OutboxKind.TEXT, person_id=li.id, approval_id=None)).payload)[
            "text"
        ]
        assert "Ann" in text
        assert "1 个请求" in text
        [entry] = await gate.audited("person.away")
        assert entry.actor == f"user:{ann.id}"
        assert json.loads(entry.details)["delegate"] == str(li.id)

    async def test_a_delegate_decides_nothing_that_the_person_could_not(self, gate: Gate) -> None:
        """Another's question stays closed to the delegate, and so does what the person is only asked by role."""
        ann, li, bob = [await colleague(gate, name) for name in ("Ann", "Li", "Bob")]
        await User.filter(id=ann.id).update(role=Role.ORG_ADMIN)
        ann = await User.get(id=ann.id)
        await plan(gate, default={"steps": steps(["creator", "admins"])})
        approval = await asked(gate, await gate.agent(bob))
        assert await reasons(approval) == {"Bob": AskedAs.CREATOR, "Ann": AskedAs.ADMIN}
        assert (await away(gate, ann, "li@example.com")).handed_on == 0
        assert "Li" not in await reasons(approval)
        refused = await decide(gate, approval, li)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.NOT_YOURS

    async def test_the_second_approval_never_comes_from_whom_the_first_one_named(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        admin = await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        await plan(gate, default={"approvals": 2, "steps": steps(["creator"])})
        caller = await gate.agent(ann)
        await Agent.filter(id=caller.agent_id).update(backup_id=li.id)
        first = await asked(gate, caller, session="1")
        await away(gate, ann, "li@example.com")
        second = await asked(gate, caller, session="2")
        for approval in (first, second):
            assert set(await reasons(approval)) == {"Ann", "Admin"}
            await decide(gate, approval, ann)
            assert isinstance(await decide(gate, approval, li), Refusal)
            assert (await ApprovalRequest.get(id=approval.id)).status is ApprovalStatus.PENDING
            await decide(gate, approval, admin)
            assert (await ApprovalRequest.get(id=approval.id)).status is ApprovalStatus.APPROVED

    async def test_a_delegate_is_none_of_several_who_became_necessary_by_an_edit(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        approval = await asked(gate, await gate.agent(ann))
        await away(gate, ann, "li@example.com")
        await ApprovalRequest.filter(id=approval.id).update(approvals_needed=2)
        await approval.refresh_from_db()
        async with gate.ledger.transaction() as work:
            await gate.approvals.questioning.enough(work, approval)
        assert await reasons(approval) == {
            "Ann": AskedAs.CREATOR,
            "Li": AskedAs.DELEGATE,
            "Admin": AskedAs.ADMIN,
        }
        refused = await decide(gate, approval, li)
        assert isinstance(refused, Refusal)
        assert refused.kind is RefusalKind.NOT_YOURS

    async def test_without_a_delegate_only_what_waits_for_nobody_else_is_handed_on(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        await colleague(gate, "Li")
        await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        caller = await gate.agent(ann)
        alone = await asked(gate, caller, session="1")
        await plan(gate, default={"steps": steps(["creator", "person:li@example.com"])})
        shared = await asked(gate, caller, session="2")
        assert (await away(gate, ann)).handed_on == 1
        assert set(await reasons(alone)) == {"Ann", "Admin"}
        assert set(await reasons(shared)) == {"Ann", "Li"}

    async def test_what_was_decided_is_not_handed_on(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        await colleague(gate, "Li")
        caller = await gate.agent(ann)
        decided = await asked(gate, caller, session="1")
        await decide(gate, decided, ann)
        expired = await asked(gate, caller, session="2")
        gate.clock.move(hours=73)
        assert (await away(gate, ann, "li@example.com")).handed_on == 0
        for approval in (decided, expired):
            assert set(await reasons(approval)) == {"Ann"}

    async def test_an_absence_ends_by_itself_and_by_being_back(self, gate: Gate) -> None:
        ann, _ = await colleague(gate, "Ann"), await colleague(gate, "Li")
        caller = await gate.agent(ann)
        await away(gate, ann, "li@example.com")
        gate.clock.move(hours=24)
        assert set(await reasons(await asked(gate, caller, session="1"))) == {"Ann"}
        await away(gate, ann, "li@example.com")
        actor = Actor.of(operator(ann))
        back = await in_one_transaction(gate.ledger, lambda work: absences(gate).back(work, actor))
        assert back == Back("Ann", was_away=True)
        assert set(await reasons(await asked(gate, caller, session="2"))) == {"Ann"}
        again = await in_one_transaction(gate.ledger, lambda work: absences(gate).back(work, actor))
        assert again == Back("Ann", was_away=False)
        assert len(await gate.audited("person.back")) == 1

    async def test_the_same_absence_again_is_no_news(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        until = gate.clock.now() + TOMORROW
        await away(gate, ann, "li@example.com", until=until)
        assert not (await away(gate, ann, "li@example.com", until=until)).changed
        assert len(await gate.audited("person.away")) == 1
        assert await OutboxMessage.filter(kind=OutboxKind.TEXT, person_id=li.id).count() == 1

    async def test_a_former_delegate_is_told(self, gate: Gate) -> None:
        ann, li, wang = [await colleague(gate, name) for name in ("Ann", "Li", "Wang")]
        await away(gate, ann, "li@example.com")
        await away(gate, ann, "wang@example.com")
        texts = [json.loads(row.payload)["text"] for row in await OutboxMessage.filter(person_id=li.id).order_by("id")]
        assert len(texts) == 2
        assert "Ann" in texts[1]
        assert await OutboxMessage.filter(person_id=wang.id).count() == 1

    @pytest.mark.parametrize(
        ("delegate", "why"),
        [
            ("ann@example.com", Why.BAD_DELEGATE),
            ("gone@example.com", Why.BAD_DELEGATE),
            ("frozen@example.com", Why.BAD_DELEGATE),
        ],
    )
    async def test_nobody_stands_in_who_cannot(self, gate: Gate, delegate: str, why: Why) -> None:
        ann = await colleague(gate, "Ann")
        await colleague(gate, "Gone", employment=Employment.LEFT)
        await colleague(gate, "Frozen", employment=Employment.FROZEN)
        actor, until = Actor.of(operator(ann)), gate.clock.now() + TOMORROW
        declined = await in_one_transaction(gate.ledger, lambda work: absences(gate).away(work, actor, until, delegate))
        assert isinstance(declined, Declined)
        assert declined.why is why
        assert (await User.get(id=ann.id)).away_until is None

    async def test_strangers_and_unknown_people_stand_in_for_nobody(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        stranger = await colleague(gate, "Stranger", tenant="elsewhere")
        actor, until = Actor.of(operator(ann)), gate.clock.now() + TOMORROW
        for who in ("stranger@example.com", str(stranger.id), "Stranger", "nobody@example.com"):
            refused = await in_one_transaction(
                gate.ledger, lambda work, who=who: absences(gate).away(work, actor, until, who)
            )
            assert isinstance(refused, Refusal), who
            assert refused.kind is RefusalKind.UNKNOWN_SUBJECT

    @pytest.mark.parametrize("days", [0, -1, 91])
    async def test_an_absence_lies_ahead_and_ends_within_ninety_days(self, gate: Gate, days: int) -> None:
        ann = await colleague(gate, "Ann")
        until = gate.clock.now() + timedelta(days=days)
        declined = await in_one_transaction(
            gate.ledger, lambda work: absences(gate).away(work, Actor.of(operator(ann)), until)
        )
        assert isinstance(declined, Declined)
        assert declined.why is Why.BAD_ABSENCE

    async def test_nobody_sends_others_away_but_their_admins(self, gate: Gate) -> None:
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        foreign = await colleague(gate, "Foreign", tenant="elsewhere", role=Role.ORG_ADMIN)
        until = gate.clock.now() + TOMORROW
        for actor in (li, foreign):
            refused = await in_one_transaction(
                gate.ledger,
                lambda work, actor=actor: absences(gate).away(work, Actor.of(operator(actor)), until, person=ann),
            )
            assert isinstance(refused, Refusal)
            assert refused.kind is RefusalKind.NOT_PERMITTED
        done = await in_one_transaction(
            gate.ledger, lambda work: absences(gate).away(work, ROOT, until, "li@example.com", person=ann)
        )
        assert isinstance(done, Away)
        [entry] = await gate.audited("person.away")
        assert entry.actor == "cli:ops"


class TestPeopleWhoLeft:
    async def test_what_only_waits_for_somebody_who_left_reaches_somebody_else(self, gate: Gate) -> None:
        ann, admin = await colleague(gate, "Ann"), await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        approval = await asked(gate, await gate.agent(ann))
        assert await leaves(gate, ann)
        assert await reasons(approval) == {"Ann": AskedAs.CREATOR, "Admin": AskedAs.ADMIN}
        assert (await ApprovalRequest.get(id=approval.id)).revision == approval.revision + 1
        [entry] = await gate.audited("person.left")
        assert json.loads(entry.details)["handed_on"] == [str(approval.id)]
        texts = await OutboxMessage.filter(kind=OutboxKind.TEXT, person_id=admin.id)
        assert len(texts) == 1
        assert "Bookkeeper" in texts[0].payload

    async def test_the_same_news_twice_is_one(self, gate: Gate) -> None:
        ann = await colleague(gate, "Ann")
        assert await leaves(gate, ann, Employment.FROZEN)
        assert not await leaves(gate, ann, Employment.FROZEN)
        assert len(await gate.audited("person.frozen")) == 1
        assert await leaves(gate, ann, Employment.ACTIVE)
        assert len(await gate.audited("person.returned")) == 1

    async def test_the_delegation_of_somebody_who_left_is_worth_nothing(self, gate: Gate) -> None:
        """Where an account was taken over, ending it ends what was handed on in its name."""
        ann, _, admin = (
            await colleague(gate, "Ann"),
            await colleague(gate, "Li"),
            await colleague(gate, "Admin", role=Role.ORG_ADMIN),
        )
        caller = await gate.agent(ann)
        await away(gate, ann, "li@example.com")
        await leaves(gate, ann)
        assert set(await reasons(await asked(gate, caller))) == {"Admin"}
        assert admin.name == "Admin"

    async def test_who_left_is_told_of_nothing_any_more(self, gate: Gate) -> None:
        ann, admin = await colleague(gate, "Ann"), await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        approval = await asked(gate, await gate.agent(ann))
        await leaves(gate, ann)
        await decide(gate, approval, admin)
        assert not await OutboxMessage.exists(kind=OutboxKind.TEXT, person_id=ann.id)

    async def test_where_a_card_cannot_be_delivered_the_admins_or_the_backup_are_asked(self, gate: Gate) -> None:
        ann, backup = await colleague(gate, "Ann"), await colleague(gate, "Backup")
        caller = await gate.agent(ann)
        await Agent.filter(id=caller.agent_id).update(backup_id=backup.id)

        async def lost(session: str) -> dict[str, AskedAs]:
            approval = await asked(gate, caller, session=session)
            await CardCopy.filter(approval_id=approval.id).update(state=Delivery.UNDELIVERABLE)
            async with gate.ledger.transaction() as work:
                await gate.approvals.questioning.unreachable(work, approval, ann.id)
            return await reasons(approval)

        assert await lost("1") == {"Ann": AskedAs.CREATOR, "Backup": AskedAs.BACKUP}
        await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        assert await lost("2") == {"Ann": AskedAs.CREATOR, "Admin": AskedAs.ADMIN}

    async def test_two_at_once_ask_each_replacement_once(self, gate: Gate) -> None:
        """On PostgreSQL the two transactions meet at the approval's row; nobody gets two copies, nothing fails."""
        ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
        await colleague(gate, "Admin", role=Role.ORG_ADMIN)
        await plan(gate, default={"steps": steps(["creator", "person:li@example.com"])})
        approval = await asked(gate, await gate.agent(ann))
        await asyncio.gather(leaves(gate, ann), leaves(gate, li))
        told = await reasons(approval)
        assert set(told) == {"Ann", "Li", "Admin"}


async def test_the_audit_says_why_everybody_who_may_decide_was_asked(gate: Gate) -> None:
    """Every copy but the creator's own is explained by an entry: who, as what, and instead of whom."""
    ann, li = await colleague(gate, "Ann"), await colleague(gate, "Li")
    await colleague(gate, "Admin", role=Role.ORG_ADMIN)
    await plan(gate, default={"steps": steps(["creator"], ["admins"])})
    approval = await asked(gate, await gate.agent(ann))
    await away(gate, ann, "li@example.com")
    await step(gate, approval, 1)
    entries = await AuditEntry.filter(action="approval.asked", approval_id=approval.id).order_by("id")
    explained: dict[str, tuple[str, str | None]] = {
        each["person"]: (each["as"], each["instead_of"])
        for entry in entries
        for each in json.loads(entry.details)["asked"]
    }
    copies = await CardCopy.filter(approval_id=approval.id).exclude(person_id=ann.id)
    assert {str(copy.person_id) for copy in copies} == set(explained)
    assert explained[str(li.id)] == ("delegate", str(ann.id))
