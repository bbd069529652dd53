"""Versions of policies and floors: who may write them, what each changed, and two people who write at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from bot.administration import (
    AccessTokenCreated,
    Actor,
    AgentCreated,
    AgentLabelled,
    AgentLimited,
    AgentObserved,
    Declined,
    FloorSaved,
    PolicySaved,
    Why,
    in_one_transaction,
)
from bot.directory import Caller, CredentialRefused, current_epoch, token_hash
from bot.ledger import Work
from bot.policy.diff import ChangeKind
from models.enums import Level, Role
from models.tables import AccessToken, Agent, AuditEntry, FloorVersion, Meter, PolicyVersion, Tally, User
from models.values import Refusal, RefusalKind
from tests.support.chatroom import Room
from tests.support.gate import operator

T = TypeVar("T")
CLI = Actor.command_line("ops", "default")
EMPTY_FLOOR: dict[str, object] = {"rules": []}


async def do(room: Room, body: Callable[[Work], Awaitable[T]]) -> T:
    return await in_one_transaction(room.gate.ledger, body)


async def agent_of(room: Room, creator: User, name: str = "Bookkeeper") -> Caller:
    agents = room.administration.agents
    made = await do(room, lambda work: agents.create(work, Actor.of(operator(creator)), name, creator=creator))
    assert isinstance(made, AgentCreated)
    return Caller(made.agent_id, token_hash(made.token))


async def set_level(
    room: Room, actor: Actor, action: str, level: Level, *, expected: int | None = None, name: str = "Bookkeeper"
) -> PolicySaved | FloorSaved | Refusal | Declined:
    policies = room.administration.policies
    return await do(room, lambda work: policies.set_level(work, actor, name, action, level, expected=expected))


async def test_each_version_names_author_time_note_and_what_it_changed(room: Room) -> None:
    lin = await room.member("lin")
    await agent_of(room, lin)
    actor, policies = Actor.of(operator(lin)), room.administration.policies
    saved = await set_level(room, actor, "pay_*", Level.L3)
    assert isinstance(saved, PolicySaved)
    assert [(change.kind, change.rule) for change in saved.changes] == [(ChangeKind.ADDED, "pay_*")]
    room.gate.clock.move(minutes=5)
    await do(room, lambda work: policies.set_default(work, CLI, "Bookkeeper", Level.L3, note="quarter end"))
    lines = await policies.history(actor, "Bookkeeper")
    assert isinstance(lines, list)
    assert [(line.version, line.author, line.note) for line in lines] == [
        (3, CLI.name, "quarter end"),
        (2, "lin", "pay_* L3"),
        (1, "lin", "starter policy"),
    ]
    assert lines[0].at - lines[1].at == timedelta(minutes=5)
    assert [(c.kind, c.before, c.after) for c in lines[0].changes] == [(ChangeKind.DEFAULT, "L2", "L3")]
    assert {change.kind for change in lines[2].changes} == {ChangeKind.ADDED}
    newest = await policies.history(actor, "Bookkeeper", limit=1)
    assert isinstance(newest, list)
    assert newest == lines[:1], "the oldest line shown is still compared with the one before it"


async def test_a_write_over_a_version_that_moved_is_refused_naming_who_and_when(room: Room) -> None:
    lin, wang = await room.member("lin"), await room.member("wang", role=Role.ORG_ADMIN)
    await agent_of(room, lin)
    await set_level(room, Actor.of(operator(wang)), "pay_*", Level.L3, expected=1)
    epoch = await current_epoch()
    moved = await set_level(room, Actor.of(operator(lin)), "pay_*", Level.L1, expected=1)
    assert moved == Refusal(RefusalKind.VERSION_MOVED, by="wang", at=room.gate.clock.now(), detail="2")
    assert await current_epoch() == epoch, "what changes nothing does not make replicas read anew"
    assert await PolicyVersion.all().count() == 2
    assert isinstance(await set_level(room, Actor.of(operator(lin)), "pay_*", Level.L1, expected=2), PolicySaved)


async def test_of_two_who_write_over_the_same_version_at_once_one_is_refused(room: Room) -> None:
    people = [await room.member("lin"), await room.member("wang", role=Role.ORG_ADMIN)]
    await agent_of(room, people[0])
    for turn in range(1, 6):
        outcomes = await asyncio.gather(
            *(
                set_level(room, Actor.of(operator(who)), f"act_{turn}_{who.name}", Level.L3, expected=turn)
                for who in people
            )
        )
        saved = [one for one in outcomes if isinstance(one, PolicySaved)]
        refused = [one for one in outcomes if isinstance(one, Refusal)]
        assert len(saved) == len(refused) == 1
        assert (refused[0].kind, refused[0].by, refused[0].detail) == (
            RefusalKind.VERSION_MOVED,
            saved[0].author,
            str(turn + 1),
        )
    assert await PolicyVersion.all().count() == 6


async def test_without_an_expected_version_the_changes_of_many_at_once_all_stay(room: Room) -> None:
    lin = await room.member("lin")
    await agent_of(room, lin)
    outcomes = await asyncio.gather(*(set_level(room, CLI, f"action_{number}", Level.DENY) for number in range(6)))
    assert sorted(one.version for one in outcomes if isinstance(one, PolicySaved)) == [2, 3, 4, 5, 6, 7]
    shown = await room.administration.policies.show(CLI, "Bookkeeper")
    assert isinstance(shown, PolicySaved)
    assert {f"action_{number}" for number in range(6)} <= {rule.name for rule in shown.policy.rules}


async def test_a_rollback_is_a_new_version_that_says_what_the_old_one_said(room: Room) -> None:
    caller = await agent_of(room, await room.member("lin"))
    policies = room.administration.policies
    await set_level(room, CLI, "read_files", Level.DENY)
    assert (await room.gate.check(caller, "read_files")).level is Level.DENY
    back = await do(room, lambda work: policies.rollback(work, CLI, "Bookkeeper", 1, expected=2))
    assert isinstance(back, PolicySaved)
    assert (back.version, back.note) == (3, "rollback to v1")
    assert [(change.rule, change.before, change.after) for change in back.changes] == [("read_files", "DENY", "L1")]
    assert (await room.gate.check(caller, "read_files")).level is Level.L1
    newest = await AuditEntry.filter(action="policy.saved").order_by("-id").first()
    assert newest is not None
    assert json.loads(newest.details)["rolled_back_to"] == 1
    for unknown in (0, 4, -1, 2**40):
        no = await do(room, lambda work, to=unknown: policies.rollback(work, CLI, "Bookkeeper", to))
        assert isinstance(no, Declined)
        assert no.why is Why.NO_SUCH_VERSION
    same = await do(room, lambda work: policies.rollback(work, CLI, "Bookkeeper", 1))
    assert isinstance(same, PolicySaved)
    assert not same.changed
    moved = await do(room, lambda work: policies.rollback(work, CLI, "Bookkeeper", 2, expected=2))
    assert isinstance(moved, Refusal)
    assert moved.kind is RefusalKind.VERSION_MOVED


async def test_the_floor_is_the_admins_to_write_and_every_members_to_read(room: Room) -> None:
    lin = await room.member("lin")
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    foreign = await room.gate.person("Joe", role=Role.ORG_ADMIN, tenant="abroad")
    policies = room.administration.policies
    starter = await policies.show(Actor.of(operator(lin)), "floor")
    assert isinstance(starter, FloorSaved)
    assert (starter.version, starter.author, starter.at) == (0, "system", None)
    assert isinstance(await set_level(room, Actor.of(operator(lin)), "x", Level.DENY, name="floor"), Refusal)
    no = await do(
        room,
        lambda work: policies.set_document(work, Actor.of(operator(foreign)), "floor", EMPTY_FLOOR, tenant="default"),
    )
    assert isinstance(no, Refusal)
    assert no.kind is RefusalKind.NOT_PERMITTED
    assert isinstance(await policies.show(Actor.of(operator(foreign)), "floor", tenant="default"), Refusal)
    saved = await do(
        room, lambda work: policies.set_document(work, Actor.of(operator(wang)), "Floor", {"make_tea": "L3"})
    )
    assert isinstance(saved, FloorSaved)
    assert (saved.version, saved.author, saved.tenant) == (1, "wang", "default")
    assert [rule.name for rule in saved.floor.rules] == ["make_tea"]
    assert not await FloorVersion.filter(tenant="abroad").exists()
    [entry] = await AuditEntry.filter(action="floor.saved")
    assert (entry.tenant, entry.subject, entry.agent_id) == ("default", "tenant:default", None)
    back = await do(room, lambda work: policies.rollback(work, Actor.of(operator(wang)), "floor", 0))
    assert isinstance(back, FloorSaved)
    assert back.document == starter.document
    lines = await policies.history(Actor.of(operator(lin)), "floor")
    assert isinstance(lines, list)
    assert [line.version for line in lines] == [2, 1]
    assert {change.kind for change in lines[1].changes} == {ChangeKind.ADDED, ChangeKind.REMOVED}


async def test_a_floor_decides_the_next_check_whatever_the_policy_says(room: Room) -> None:
    caller = await agent_of(room, await room.member("lin"))
    policies = room.administration.policies
    assert (await room.gate.check(caller, "read_files")).level is Level.L1
    await do(room, lambda work: policies.set_document(work, CLI, "floor", {"READ_*": "DENY"}))
    answer = await room.gate.check(caller, "read_files")
    assert (answer.level, answer.layer) == (Level.DENY, "floor")
    loosened = await set_level(room, CLI, "read_files", Level.L1)
    assert isinstance(loosened, PolicySaved)
    assert "read_files" in {finding.rule for finding in loosened.findings}, "a rule below the floor is pointed out"


async def test_a_floor_without_a_default_and_a_bad_floor_are_declined(room: Room) -> None:
    policies = room.administration.policies
    for change in (
        lambda work: policies.set_default(work, CLI, "floor", Level.L3),
        lambda work: policies.set_document(work, CLI, "floor", {"default": "L2", "rules": []}),
        lambda work: policies.set_document(work, CLI, "floor", {"rules": [{"when": "args.", "level": "L3"}]}),
    ):
        no = await do(room, change)
        assert isinstance(no, Declined)
        assert no.why is Why.BAD_POLICY
    assert not await FloorVersion.exists()


async def test_two_admins_who_write_the_first_floor_at_once_make_one_version_each_or_a_refusal(room: Room) -> None:
    policies = room.administration.policies

    async def write(action: str) -> object:
        return await do(room, lambda work: policies.set_document(work, CLI, "floor", {action: "L3"}, expected=0))

    outcomes = await asyncio.gather(write("a"), write("b"))
    assert sorted(type(one).__name__ for one in outcomes) == ["FloorSaved", "Refusal"]
    assert await FloorVersion.all().count() == 1


async def test_what_is_counted_is_counted_anew_when_the_rules_change(room: Room) -> None:
    lin = await room.member("lin")
    mine, other = await agent_of(room, lin), await agent_of(room, lin, "Other")
    for caller in (mine, other):
        await Meter.create(agent_id=caller.agent_id, counted_from=room.gate.clock.now())
        await Tally.create(agent_id=caller.agent_id, action_type="a", minute=room.gate.clock.now(), count=1, sums="{}")
    await set_level(room, CLI, "pay_*", Level.L3)
    assert [meter.agent_id for meter in await Meter.all()] == [other.agent_id]
    await do(room, lambda work: room.administration.policies.set_document(work, CLI, "floor", EMPTY_FLOOR))
    assert not await Meter.exists()
    assert not await Tally.exists()


async def test_words_that_mean_something_else_are_no_agents_names(room: Room) -> None:
    lin = await room.member("lin")
    for name in ("floor", "Floor", "ALL"):
        no = await do(room, lambda work, name=name: room.administration.agents.create(work, CLI, name, creator=lin))
        assert no == Declined(Why.RESERVED_NAME, name)


async def test_observation_is_the_admins_to_set_and_always_ends(room: Room) -> None:
    lin, wang = await room.member("lin"), await room.member("wang", role=Role.ORG_ADMIN)
    caller = await agent_of(room, lin)
    oversight, now = room.administration.oversight, room.gate.clock.now()
    creator = await do(
        room, lambda w: oversight.set_observe(w, Actor.of(operator(lin)), "Bookkeeper", now + timedelta(days=1))
    )
    assert isinstance(creator, Refusal)
    for until in (now, now - timedelta(days=1), now + timedelta(days=31)):
        no = await do(room, lambda w, until=until: oversight.set_observe(w, CLI, "Bookkeeper", until))
        assert isinstance(no, Declined)
        assert no.why is Why.BAD_END
    await set_level(room, CLI, "read_files", Level.DENY)
    actor = Actor.of(operator(wang))
    done = await do(room, lambda w: oversight.set_observe(w, actor, "Bookkeeper", now + timedelta(days=7)))
    assert isinstance(done, AgentObserved)
    answer = await room.gate.check(caller, "read_files")
    assert (answer.allowed, answer.would_be) == (True, Level.DENY)
    await do(room, lambda w: oversight.set_observe(w, actor, "Bookkeeper", None))
    assert not (await room.gate.check(caller, "read_files")).allowed
    assert await AuditEntry.filter(action__in=["agent.observed", "agent.observe_ended"]).count() == 2


async def test_labels_and_limits_are_the_admins_to_set(room: Room) -> None:
    lin = await room.member("lin")
    await agent_of(room, lin)
    oversight, creator = room.administration.oversight, Actor.of(operator(lin))
    assert isinstance(
        await do(room, lambda w: oversight.set_labels(w, creator, "Bookkeeper", {"env": "test"})), Refusal
    ), "a floor may match on a label"
    await asyncio.gather(
        *(do(room, lambda w, n=n: oversight.set_labels(w, CLI, "Bookkeeper", {f"label {n}": "值"})) for n in range(4))
    )
    done = await do(room, lambda w: oversight.set_labels(w, CLI, "Bookkeeper", {"label 0": "", "env": "prod"}))
    assert isinstance(done, AgentLabelled)
    assert done.labels == {"label 1": "值", "label 2": "值", "label 3": "值", "env": "prod"}
    assert json.loads((await Agent.get()).labels) == done.labels
    for bad in ({"": "x"}, {"x" * 101: "y"}, {"x": "a\nb"}, {f"n{n}": "x" for n in range(30)}):
        no = await do(room, lambda w, bad=bad: oversight.set_labels(w, CLI, "Bookkeeper", bad))
        assert isinstance(no, Declined), bad
    assert isinstance(
        await do(room, lambda w: oversight.set_limits(w, creator, "Bookkeeper", {"max_pending": 5})), Refusal
    )
    limited = await do(room, lambda w: oversight.set_limits(w, CLI, "Bookkeeper", {"max_pending": 5}))
    assert isinstance(limited, AgentLimited)
    limited = await do(room, lambda w: oversight.set_limits(w, CLI, "Bookkeeper", {"checks_per_minute": 0}))
    assert isinstance(limited, AgentLimited)
    assert (limited.max_pending, limited.checks_per_minute) == (5, 0), "what is not named stays"
    for wrong in ({"max_pending": -1}, {"checks_per_minute": 10**9}, {"nonsense": 1}):
        no = await do(room, lambda w, wrong=wrong: oversight.set_limits(w, CLI, "Bookkeeper", wrong))
        assert isinstance(no, Declined), wrong


async def test_an_access_token_is_its_persons_alone_and_ends(room: Room) -> None:
    lin, wang = await room.member("lin"), await room.member("wang", role=Role.PLATFORM_ADMIN)
    tokens, now = room.administration.tokens, room.gate.clock.now
    mine = await do(room, lambda w: tokens.create(w, Actor.of(operator(lin)), lin, "laptop"))
    assert isinstance(mine, AccessTokenCreated)
    assert mine.token.startswith("asp_")
    assert mine.token not in repr(mine)
    row = await AccessToken.get()
    assert row.token_hash == token_hash(mine.token)
    assert row.expires_at == now() + timedelta(days=30)
    assert (await tokens.operator(mine.token, now())).id == lin.id
    as_admin = await do(room, lambda w: tokens.create(w, Actor.of(operator(wang)), lin, "hers"))
    assert isinstance(as_admin, Refusal), "nobody becomes somebody else"
    for wrong in ("asp_" + "x" * 43, mine.token[4:], "ast_" + mine.token[4:], mine.token + "x", ""):
        with pytest.raises(CredentialRefused):
            await tokens.operator(wrong, now())
    await User.filter(id=lin.id).update(role=Role.ORG_ADMIN)
    assert (await tokens.operator(mine.token, now())).role is Role.ORG_ADMIN, "rights are those of this moment"
    room.gate.clock.move(days=30)
    with pytest.raises(CredentialRefused):
        await tokens.operator(mine.token, now())
    assert not [entry for entry in await AuditEntry.all() if mine.token in entry.details]


async def test_an_access_token_is_revoked_by_its_person_or_an_admin(room: Room) -> None:
    lin, zhao = await room.member("lin"), await room.member("zhao")
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    tokens, now = room.administration.tokens, room.gate.clock.now
    made = []
    for name in ("one", "two"):
        one = await do(room, lambda w, name=name: tokens.create(w, CLI, lin, name, lasting=timedelta(days=366)))
        assert isinstance(one, AccessTokenCreated)
        made.append(one)
    stranger = await do(room, lambda w: tokens.revoke(w, Actor.of(operator(zhao)), str(made[0].token_id)))
    assert isinstance(stranger, Refusal)
    assert isinstance(await do(room, lambda w: tokens.revoke(w, Actor.of(operator(zhao)), "one")), Refusal)
    listed = await tokens.list(Actor.of(operator(lin)))
    assert isinstance(listed, list)
    assert {line.name for line in listed} == {"one", "two"}
    assert await tokens.list(Actor.of(operator(zhao))) == []
    assert isinstance(await tokens.list(Actor.of(operator(zhao)), person=lin), Refusal)
    await do(room, lambda w: tokens.revoke(w, Actor.of(operator(lin)), "one"))
    await do(room, lambda w: tokens.revoke(w, Actor.of(operator(wang)), str(made[1].token_id)))
    for one in made:
        with pytest.raises(CredentialRefused):
            await tokens.operator(one.token, now())
    assert await AuditEntry.filter(action="token.revoked").count() == 2
    for days in (0, -1, 367):
        no = await do(room, lambda w, days=days: tokens.create(w, CLI, lin, "x", lasting=timedelta(days=days)))
        assert isinstance(no, Declined)
        assert no.why is Why.BAD_END


async def test_a_person_has_at_most_twenty_tokens_that_work_however_many_are_asked_for_at_once(room: Room) -> None:
    lin = await room.member("lin")
    tokens = room.administration.tokens
    outcomes = await asyncio.gather(*(do(room, lambda w, n=n: tokens.create(w, CLI, lin, f"t{n}")) for n in range(23)))
    assert sum(isinstance(one, AccessTokenCreated) for one in outcomes) == 20
    assert outcomes.count(Declined(Why.TOO_MANY_TOKENS, "lin")) == 3


async def test_a_token_of_a_person_who_was_joined_with_another_is_the_others(room: Room) -> None:
    stub, lin = await room.member("stub"), await room.member("lin")
    tokens = room.administration.tokens
    made = await do(room, lambda w: tokens.create(w, CLI, stub, "laptop"))
    assert isinstance(made, AccessTokenCreated)
    await User.filter(id=stub.id).update(joined_with=lin.id)
    assert (await tokens.operator(made.token, room.gate.clock.now())).id == lin.id
