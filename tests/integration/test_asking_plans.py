"""A tenant's asking plan: who may read and write it, its versions, and what it would do to an action."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from bot.administration import Actor, BackupSet, Declined, PlanSaved, Why, in_one_transaction
from bot.administration.plan_trials import PlanTrials, PlanTried
from bot.administration.tokens import AccessTokenAdministration
from bot.administration.trials import Trials
from bot.directory import CredentialRefused
from bot.ledger import Work
from bot.metering import Metering
from bot.people.recipients import Skipped
from bot.plans import AskingPlan
from bot.policy.diff import ChangeKind
from models.enums import AskedAs, Employment, Level, Nudge, Role
from models.tables import Agent, AskingPlanVersion, AuditEntry, CardCopy, OutboxMessage, User
from models.values import Json, JsonObject, Refusal, RefusalKind
from tests.support.chatroom import Room
from tests.support.gate import ZONE, asks, operator

T = TypeVar("T")
CLI = Actor.command_line("ops", "default")
PLAN: JsonObject = {
    "groups": {"finance": ["li@example.com"]},
    "questions": [
        {
            "action": "delete_*",
            "severity": "critical",
            "approvals": 2,
            "steps": [
                {"after": "0m", "ask": ["creator"]},
                {"after": "1h", "ask": ["backup", "group:finance"], "nudge": "thread"},
            ],
        }
    ],
}


async def do(room: Room, body: Callable[[Work], Awaitable[T]]) -> T:
    return await in_one_transaction(room.gate.ledger, body)


async def saved(room: Room, written: Json = PLAN, actor: Actor = CLI, **kwargs: Any) -> PlanSaved:
    done = await do(room, lambda work: room.administration.plans.save(work, actor, written, **kwargs))
    assert isinstance(done, PlanSaved), done
    return done


async def member(room: Room, name: str, role: Role = Role.MEMBER, **columns: Any) -> Actor:
    person = await room.member(name, role=role)
    await User.filter(id=person.id).update(email=f"{name}@example.com", **columns)
    return Actor.of(operator(await User.get(id=person.id)))


async def test_a_plan_is_a_version_with_author_note_and_audit(room: Room) -> None:
    plans = room.administration.plans
    start = await plans.show(CLI)
    assert isinstance(start, PlanSaved)
    assert (start.version, start.author, start.at) == (0, "system", None)
    root = await member(room, "root", Role.ORG_ADMIN)
    done = await saved(room, actor=root, note="two pairs of eyes")
    assert (done.version, done.author, done.note, done.changed) == (1, "root", "two pairs of eyes", True)
    added = {change.rule for change in done.changes if change.kind is ChangeKind.ADDED}
    assert {"questions[0].approvals", "groups.finance"} <= added
    assert [(one.path, one.code) for one in done.findings] == [("groups.finance[0]", "unknown_person")]
    [entry] = await AuditEntry.filter(action="plan.saved")
    assert (entry.actor, entry.subject) == (root.name, "tenant:default")
    assert json.loads(entry.details)["plan"]["questions"][0]["approvals"] == 2
    assert (await plans.show(CLI)) == await plans.show(root)


async def test_the_same_again_is_no_version(room: Room) -> None:
    await saved(room)
    again = await saved(room)
    assert (again.version, again.changed, again.changes) == (1, False, ())
    assert await AskingPlanVersion.all().count() == 1


async def test_what_the_starter_says_may_be_written_down(room: Room) -> None:
    """So that it stays when the settings change."""
    done = await saved(room, {})
    assert (done.version, done.changed) == (1, True)


async def test_everybody_reads_and_only_the_tenants_admins_write(room: Room) -> None:
    ann = await member(room, "ann")
    foreign = Actor.of(operator(await room.gate.person("Foreign", tenant="elsewhere", role=Role.ORG_ADMIN)))
    plans = room.administration.plans
    assert isinstance(await plans.show(ann), PlanSaved)
    assert isinstance(await plans.history(ann), list)
    for actor in (ann, foreign):
        for attempt in (
            lambda work, actor=actor: plans.save(work, actor, PLAN, tenant="default"),
            lambda work, actor=actor: plans.rollback(work, actor, 0, tenant="default"),
        ):
            refused = await do(room, attempt)
            assert isinstance(refused, Refusal)
            assert refused.kind is RefusalKind.NOT_PERMITTED
    assert isinstance(await plans.show(foreign, tenant="default"), Refusal)
    assert isinstance(await plans.version(foreign, None, tenant="default"), Refusal)
    assert isinstance(await plans.history(foreign, tenant="default"), Refusal)
    assert await AskingPlanVersion.all().count() == 0


async def test_each_tenant_has_its_own(room: Room) -> None:
    await saved(room, tenant="elsewhere")
    questioning = room.gate.approvals.questioning
    assert (await questioning.asking_plan("elsewhere")).version == 1
    assert (await questioning.asking_plan("default")).version == 0


async def test_faults_are_named_with_their_places(room: Room) -> None:
    written: Json = {"default": {"ending": "approve", "steps": [{"after": "5m", "ask": ["everybody"]}]}}
    declined = await do(room, lambda work: room.administration.plans.save(work, CLI, written))
    assert isinstance(declined, Declined)
    assert declined.why is Why.BAD_PLAN
    assert any(fault.startswith("default.ending: ") for fault in declined.faults)
    assert any(fault.startswith("default.steps[0].ask[0]: ") for fault in declined.faults)


async def test_a_version_that_moved_is_not_written_over(room: Room) -> None:
    await saved(room, expected=0)
    plans = room.administration.plans
    refused = await do(room, lambda work: plans.save(work, CLI, {}, expected=0))
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.by, refused.detail) == (RefusalKind.VERSION_MOVED, "cli:ops", "1")


async def test_of_two_writers_at_once_neither_is_lost(room: Room) -> None:
    texts: list[Json] = [{"default": {"open_for": f"{hours}h"}} for hours in (24, 48)]
    first, second = await asyncio.gather(*(saved(room, text) for text in texts))
    assert {first.version, second.version} == {1, 2}
    refused = await asyncio.gather(
        *(
            do(room, lambda work, text=text: room.administration.plans.save(work, CLI, text, expected=2))
            for text in ({"default": {"open_for": "1h"}}, {"default": {"open_for": "2h"}})
        )
    )
    assert sorted(type(one).__name__ for one in refused) == ["PlanSaved", "Refusal"]


async def test_a_rollback_is_a_new_version(room: Room) -> None:
    await saved(room)
    await saved(room, {})
    plans = room.administration.plans
    back = await do(room, lambda work: plans.rollback(work, CLI, 1))
    assert isinstance(back, PlanSaved)
    assert (back.version, back.note) == (3, "rollback to v1")
    starter = await do(room, lambda work: plans.rollback(work, CLI, 0))
    assert isinstance(starter, PlanSaved)
    assert starter.document == (await plans.show(CLI)).document  # type: ignore[union-attr]
    history = await plans.history(CLI)
    assert isinstance(history, list)
    assert [line.version for line in history] == [4, 3, 2, 1]
    assert all(line.changes for line in history[:3])
    first = await plans.version(CLI, 1)
    assert isinstance(first, AskingPlan)
    assert first.questions
    declined = await do(room, lambda work: plans.rollback(work, CLI, 9))
    assert isinstance(declined, Declined)
    assert declined.why is Why.NO_SUCH_VERSION


async def test_a_trial_says_whom_each_step_asks_and_asks_nobody(room: Room) -> None:
    ann = await member(room, "ann")
    await member(room, "root", Role.ORG_ADMIN)
    assert ann.person is not None
    creator = await User.get(id=ann.person.id)
    caller = await room.gate.agent(creator)
    agent = await Agent.get(id=caller.agent_id)
    await saved(room)
    before = await User.all().count(), await OutboxMessage.all().count()
    tried = await trials(room).test(ann, agent.name, asks("delete_files"))
    assert isinstance(tried, PlanTried)
    assert (tried.asks, tried.plan.approvals, tried.plan.version) == (True, 2, 1)
    first, second = tried.steps
    # The group's only member is not known yet, nobody is the backup: too few, so the admins are asked at once.
    assert [(one.name, one.asked_as) for one in first.asked] == [("ann", AskedAs.CREATOR), ("root", AskedAs.ADMIN)]
    assert second.nudge is Nudge.THREAD
    assert second.skipped == (("backup", Skipped.NOBODY), ("group:finance", Skipped.NOBODY))
    assert (await User.all().count(), await OutboxMessage.all().count()) == before
    assert await CardCopy.all().count() == 0


async def test_a_trial_of_a_draft_with_somebody_away(room: Room) -> None:
    li = await member(room, "li")
    assert li.person is not None
    until = room.gate.clock.now() + timedelta(days=1)
    ann = await member(room, "ann", away_until=until, delegate_id=li.person.id)
    assert ann.person is not None
    caller = await room.gate.agent(await User.get(id=ann.person.id))
    agent = await Agent.get(id=caller.agent_id)
    draft: Json = {"default": {"steps": [{"after": "0m", "ask": ["creator"]}]}}
    tried = await trials(room).test(ann, agent.name, asks("read_files"), written=draft)
    assert isinstance(tried, PlanTried)
    assert not tried.asks
    [step] = tried.steps
    assert [(one.name, one.instead_of, one.away_until) for one in step.asked] == [
        ("ann", None, until),
        ("li", "ann", None),
    ]
    stranger = Actor.of(operator(await room.gate.person("Stranger")))
    assert isinstance(await trials(room).test(stranger, agent.name, asks("read_files")), Refusal)
    assert isinstance(await trials(room).test(ann, agent.name, asks("read_files"), written=[]), Declined)


async def test_a_backup_is_a_present_colleague_set_by_who_may_change_the_agent(room: Room) -> None:
    ann, li = await member(room, "ann"), await member(room, "li")
    assert ann.person is not None
    assert li.person is not None
    caller = await room.gate.agent(await User.get(id=ann.person.id))
    agent = await Agent.get(id=caller.agent_id)
    agents = room.administration.agents
    colleague = await User.get(id=li.person.id)
    done = await do(room, lambda work: agents.set_backup(work, ann, agent.name, colleague))
    assert done == BackupSet(agent.id, agent.name, "li")
    assert (await Agent.get(id=agent.id)).backup_id == colleague.id
    again = await do(room, lambda work: agents.set_backup(work, ann, agent.name, colleague))
    assert isinstance(again, BackupSet)
    assert not again.changed
    assert len(await AuditEntry.filter(action="agent.backup_set")) == 1
    refused = await do(room, lambda work: agents.set_backup(work, li, agent.name, colleague))
    assert isinstance(refused, Refusal)
    stranger = await room.gate.person("Stranger", tenant="elsewhere")
    creator = await User.get(id=ann.person.id)
    await User.filter(id=colleague.id).update(employment=Employment.LEFT)
    for wrong in (stranger, creator, await User.get(id=colleague.id)):
        declined = await do(room, lambda work, wrong=wrong: agents.set_backup(work, ann, agent.name, wrong))
        assert isinstance(declined, Declined)
        assert declined.why is Why.BAD_BACKUP
    nobody = await do(room, lambda work: agents.set_backup(work, ann, agent.name, None))
    assert nobody == BackupSet(agent.id, agent.name, None)


@pytest.mark.parametrize("how", [Employment.LEFT, Employment.FROZEN])
async def test_the_access_token_of_somebody_who_is_gone_opens_nothing(room: Room, how: Employment) -> None:
    ann = await member(room, "ann")
    assert ann.person is not None
    person = await User.get(id=ann.person.id)
    tokens = AccessTokenAdministration(room.gate.people)
    made = await do(room, lambda work: tokens.create(work, ann, person, "laptop"))
    assert not isinstance(made, Refusal | Declined)
    assert (await tokens.operator(made.token, room.gate.clock.now())).id == person.id
    await User.filter(id=person.id).update(employment=how)
    with pytest.raises(CredentialRefused):
        await tokens.operator(made.token, room.gate.clock.now())


def trials(room: Room) -> PlanTrials:
    gate, administration = room.gate, room.administration
    decisions = Trials(
        administration.agents, gate.directory, gate.people, Metering(ZONE), gate.clock, default_level=Level.L2
    )
    return PlanTrials(
        administration.agents,
        administration.plans,
        decisions,
        gate.approvals.questioning,
        gate.directory,
        gate.people,
        gate.clock,
    )
