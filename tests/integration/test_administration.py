"""Agents, policies, roles and the first admin: who may, what is audited, and that checks follow at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bot.administration import (
    Actor,
    AgentCreated,
    Declined,
    ExecutorSet,
    PolicySaved,
    TokenRotated,
    Why,
    in_one_transaction,
)
from bot.directory import Caller, CredentialRefused, current_epoch, token_hash
from bot.ledger import Work
from bot.people.first_admin import TRIES, FirstAdmin
from bot.people.joining import UnusablePerson
from bot.policy import STARTER
from cards.administration import _DECLINED
from models.enums import CheckStatus, Language, Level, Role
from models.tables import Agent, AuditEntry, Installation, PolicyVersion, User
from models.values import Json, Refusal, RefusalKind
from tests.support.chatroom import KEYS, Room
from tests.support.gate import operator

T = TypeVar("T")
CLI = Actor.command_line("ops", "default")


async def do(room: Room, body: Callable[[Work], Awaitable[T]]) -> T:
    return await in_one_transaction(room.gate.ledger, body)


async def created(room: Room, creator: User, name: str = "Bookkeeper", actor: Actor | None = None) -> AgentCreated:
    who = actor or Actor.of(operator(creator))
    made = await do(room, lambda work: room.administration.agents.create(work, who, name, creator=creator))
    assert isinstance(made, AgentCreated)
    return made


async def test_a_member_creates_an_agent_of_its_own(room: Room) -> None:
    """A token shown once and stored as a hash, the starter policy as version 1, audited, and it can ask at once."""
    lin = await room.member("lin")
    made = await created(room, lin)
    assert re.fullmatch(r"ast_[A-Za-z0-9_-]{43}", made.token)
    assert made.token not in repr(made)
    row = await Agent.get(id=made.agent_id)
    assert row.token_hash == token_hash(made.token)
    policy = await PolicyVersion.get(agent_id=made.agent_id)
    assert (policy.version, policy.author) == (1, f"user:{lin.id}")
    assert {rule["action"]: rule["level"] for rule in json.loads(policy.document)["rules"]} == STARTER
    [entry] = await AuditEntry.filter(action="agent.created")
    assert (entry.actor, entry.agent_id) == (f"user:{lin.id}", made.agent_id)
    assert made.token not in entry.details
    caller = await room.gate.directory.authenticate(made.token)
    answer = await room.gate.check(caller, "read_files")
    assert answer.level is Level.L1
    assert answer.allowed


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\0b", "tab\tbed", "\ud800"])
async def test_a_bad_name_is_declined(room: Room, name: str) -> None:
    lin = await room.member("lin")
    declined = await do(room, lambda work: room.administration.agents.create(work, CLI, name, creator=lin))
    assert isinstance(declined, Declined)
    assert declined.why is Why.BAD_NAME
    assert not await Agent.exists()


async def test_a_name_is_taken_once_per_tenant_also_by_an_archived_agent(room: Room) -> None:
    lin, joe = await room.member("lin"), await room.gate.person("Joe", tenant="abroad")
    agents = room.administration.agents
    await created(room, lin)
    taken = await do(room, lambda work: agents.create(work, CLI, "Bookkeeper", creator=lin))
    assert taken == Declined(Why.NAME_TAKEN, "Bookkeeper")
    await created(room, joe, actor=CLI)
    await do(room, lambda work: agents.archive(work, CLI, "Bookkeeper"))
    archived = await do(room, lambda work: agents.create(work, CLI, "Bookkeeper", creator=lin))
    assert archived == Declined(Why.NAME_ARCHIVED, "Bookkeeper")


async def test_the_same_name_at_once_is_taken_once(room: Room) -> None:
    lin = await room.member("lin")
    agents = room.administration.agents
    made = await asyncio.gather(
        *(do(room, lambda work: agents.create(work, CLI, "Bookkeeper", creator=lin)) for _ in range(5))
    )
    assert sum(isinstance(one, AgentCreated) for one in made) == 1
    assert made.count(Declined(Why.NAME_TAKEN, "Bookkeeper")) == 4
    assert await AuditEntry.filter(action="agent.created").count() == 1


async def test_an_agent_of_an_app_that_is_not_registered_is_declined(room: Room) -> None:
    lin = await room.member("lin")
    agents = room.administration.agents
    no = await do(room, lambda work: agents.create(work, CLI, "A", creator=lin, app_id="cli_nobody"))
    assert no == Declined(Why.UNKNOWN_APP, "cli_nobody")


async def test_who_may_change_which_agent(room: Room) -> None:
    """Creators their own, the tenant's admin the tenant's, the platform's admin all; nobody else."""
    lin, zhao = await room.member("lin"), await room.member("zhao")
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    root = await room.member("root", role=Role.PLATFORM_ADMIN)
    foreign = await room.gate.person("Joe", role=Role.ORG_ADMIN, tenant="abroad")
    made = await created(room, lin)
    agents = room.administration.agents
    for who, allowed in ((lin, True), (wang, True), (root, True), (zhao, False), (foreign, False)):
        found = await agents.named(Actor.of(operator(who)), "Bookkeeper")
        assert isinstance(found, Agent) is allowed, who.name
        by_id = await agents.named(Actor.of(operator(who)), str(made.agent_id))
        assert isinstance(by_id, Agent) is allowed, who.name
    stranger = await agents.named(Actor.of(operator(foreign)), str(made.agent_id))
    assert isinstance(stranger, Refusal)
    assert stranger.kind is RefusalKind.UNKNOWN_SUBJECT
    colleague = await do(room, lambda work: agents.pause(work, Actor.of(operator(zhao)), "Bookkeeper"))
    assert isinstance(colleague, Refusal)
    assert colleague.kind is RefusalKind.NOT_PERMITTED
    for hostile in ("x" * 1000, "a\0b", "\ud800"):
        assert isinstance(await agents.named(Actor.of(operator(wang)), hostile), Refusal)
    for_another = await do(room, lambda work: agents.create(work, Actor.of(operator(zhao)), "Mine", creator=lin))
    assert isinstance(for_another, Refusal)
    assert [agent.name for agent in await agents.mine(Actor.of(operator(zhao)))] == []
    assert [agent.name for agent in await agents.mine(Actor.of(operator(wang)))] == ["Bookkeeper"]


async def test_pause_resume_and_archive_hold_from_their_commit_on(room: Room) -> None:
    lin = await room.member("lin")
    made = await created(room, lin)
    caller, agents, actor = Caller(made.agent_id, token_hash(made.token)), room.administration.agents, CLI
    assert (await room.gate.check(caller, "read_files")).allowed
    await do(room, lambda work: agents.pause(work, actor, "Bookkeeper"))
    assert (await room.gate.check(caller, "read_files")).status is CheckStatus.DENIED
    await do(room, lambda work: agents.resume(work, actor, "Bookkeeper"))
    assert (await room.gate.check(caller, "read_files")).allowed
    await do(room, lambda work: agents.resume(work, actor, "Bookkeeper"))
    await do(room, lambda work: agents.archive(work, actor, "Bookkeeper"))
    with pytest.raises(CredentialRefused):
        await room.gate.check(caller, "read_files")
    no = await do(room, lambda work: agents.resume(work, actor, "Bookkeeper"))
    assert no == Declined(Why.ARCHIVED, "Bookkeeper")
    changes = [entry.action for entry in await AuditEntry.filter(action__startswith="agent.").order_by("id")]
    assert changes == ["agent.created", "agent.paused", "agent.resumed", "agent.archived"]


async def test_defect_22_an_archived_agent_keeps_its_audit(room: Room) -> None:
    lin = await room.member("lin")
    made = await created(room, lin)
    await room.gate.check(Caller(made.agent_id, token_hash(made.token)), "read_files")
    await do(room, lambda work: room.administration.agents.archive(work, CLI, "Bookkeeper"))
    assert await Agent.exists(id=made.agent_id)
    assert await AuditEntry.filter(agent_id=made.agent_id, action="check.allowed").count() == 1


async def test_a_rotated_token_ends_the_old_one(room: Room) -> None:
    lin = await room.member("lin")
    made = await created(room, lin)
    old = await room.gate.directory.authenticate(made.token)
    rotated = await do(room, lambda work: room.administration.agents.rotate_token(work, CLI, "Bookkeeper"))
    assert isinstance(rotated, TokenRotated)
    with pytest.raises(CredentialRefused):
        await room.gate.check(old, "read_files")
    await room.gate.directory.authenticate(rotated.token, fresh=True)
    [entry] = await AuditEntry.filter(action="agent.token_rotated")
    assert rotated.token not in entry.details
    assert rotated.token not in repr(rotated)


async def test_an_executor_gets_a_secret_that_is_sealed_for_its_agent(room: Room) -> None:
    await created(room, await room.member("lin"))
    agents = room.administration.agents
    done = await do(room, lambda work: agents.set_executor(work, CLI, "Bookkeeper", "https://run.example/do"))
    assert isinstance(done, ExecutorSet)
    assert done.secret is not None
    assert done.secret.startswith("whsec_")
    row = await Agent.get(id=done.agent_id)
    assert row.executor_url == "https://run.example/do"
    assert row.executor_secret is not None
    assert done.secret not in row.executor_secret
    assert room.box.open(row.executor_secret, bound_to=str(row.id)) == done.secret
    [entry] = await AuditEntry.filter(action="agent.executor_set")
    assert done.secret not in entry.details
    off = await do(room, lambda work: agents.set_executor(work, CLI, "Bookkeeper", None))
    assert isinstance(off, ExecutorSet)
    await row.refresh_from_db()
    assert (row.executor_url, row.executor_secret) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://run.example/do",
        "https://169.254.169.254/x",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example/" + "x" * 500,
    ],
)
async def test_an_executor_that_must_not_be_called_is_declined(room: Room, url: str) -> None:
    await created(room, await room.member("lin"))
    no = await do(room, lambda work: room.administration.agents.set_executor(work, CLI, "Bookkeeper", url))
    assert isinstance(no, Declined)
    assert no.why is Why.BAD_URL
    assert not await Agent.filter(executor_url__isnull=False)


async def test_a_policy_change_is_a_new_version_and_decides_the_next_check(room: Room) -> None:
    lin = await room.member("lin")
    made = await created(room, lin)
    caller, policies = Caller(made.agent_id, token_hash(made.token)), room.administration.policies
    assert (await room.gate.check(caller, "read_files")).level is Level.L1
    epoch, actor = await current_epoch(), Actor.of(operator(lin))
    saved = await do(room, lambda work: policies.set_level(work, actor, "Bookkeeper", "read_*", Level.DENY))
    assert isinstance(saved, PolicySaved)
    assert (saved.policy.version, saved.author) == (2, "lin")
    assert await current_epoch() == epoch + 1
    assert (await room.gate.check(caller, "read_secrets")).level is Level.DENY
    await do(room, lambda work: policies.set_level(work, actor, "Bookkeeper", "read_files", Level.DENY))
    assert (await room.gate.check(caller, "read_files")).level is Level.DENY
    await do(room, lambda work: policies.set_default(work, actor, "Bookkeeper", Level.L1))
    assert (await room.gate.check(caller, "anything")).level is Level.L1
    versions = await PolicyVersion.filter(agent_id=made.agent_id).order_by("version")
    assert [row.version for row in versions] == [1, 2, 3, 4]
    assert {row.author for row in versions} == {f"user:{lin.id}"}
    entries = await AuditEntry.filter(action="policy.saved").order_by("id")
    assert [json.loads(entry.details)["version"] for entry in entries] == [2, 3, 4]


async def test_a_policy_that_says_the_same_is_no_new_version(room: Room) -> None:
    await created(room, await room.member("lin"))
    policies = room.administration.policies
    same = await do(room, lambda work: policies.set_level(work, CLI, "Bookkeeper", "read_files", Level.L1))
    assert isinstance(same, PolicySaved)
    assert not same.changed
    assert await PolicyVersion.all().count() == 1


BAD_POLICIES: list[Json] = [["read_files", "L1"], {"read_files": "l3"}, {"read_files": None}, "L3", {"": "L1"}]


@pytest.mark.parametrize("written", BAD_POLICIES)
async def test_defect_17_a_policy_that_is_none_is_declined_when_it_is_written(room: Room, written: Json) -> None:
    made = await created(room, await room.member("lin"))
    no = await do(room, lambda work: room.administration.policies.set_document(work, CLI, "Bookkeeper", written))
    assert isinstance(no, Declined)
    assert no.why is Why.BAD_POLICY
    assert no.faults
    assert await PolicyVersion.filter(agent_id=made.agent_id).count() == 1


async def test_changes_of_one_policy_at_once_are_all_kept(room: Room) -> None:
    made = await created(room, await room.member("lin"))
    policies = room.administration.policies

    async def deny(action: str) -> object:
        return await do(room, lambda work: policies.set_level(work, CLI, "Bookkeeper", action, Level.DENY))

    await asyncio.gather(*(deny(f"action_{number}") for number in range(4)))
    newest = await PolicyVersion.filter(agent_id=made.agent_id).order_by("-version").first()
    assert newest is not None
    assert newest.version == 5
    rules = {rule["action"] for rule in json.loads(newest.document)["rules"]}
    assert {f"action_{number}" for number in range(4)} <= rules


async def test_who_may_give_which_role(room: Room) -> None:
    lin = await room.member("lin")
    wang = await room.member("wang", role=Role.ORG_ADMIN)
    root = await room.member("root", role=Role.PLATFORM_ADMIN)
    users = room.administration.users

    async def give(by: User, who: str, role: Role) -> User | Refusal | Declined:
        return await do(room, lambda work: users.set_role(work, Actor.of(operator(by)), who, role))

    assert isinstance(await give(lin, "u_lin", Role.ORG_ADMIN), Refusal)
    assert isinstance(await give(wang, "u_lin", Role.PLATFORM_ADMIN), Refusal)
    assert isinstance(await give(wang, "u_root", Role.MEMBER), Refusal)
    assert isinstance(await give(wang, "u_lin", Role.ORG_ADMIN), User)
    assert isinstance(await give(root, "u_lin", Role.PLATFORM_ADMIN), User)
    assert isinstance(await give(root, "nobody", Role.MEMBER), Refusal)
    foreign = await room.gate.person("Joe", role=Role.ORG_ADMIN, tenant="abroad")
    assert isinstance(await give(foreign, str(lin.id), Role.MEMBER), Refusal)
    assert (await User.get(id=lin.id)).role is Role.PLATFORM_ADMIN
    entries = await AuditEntry.filter(action="user.role_set").order_by("id")
    assert [(entry.actor, json.loads(entry.details)["role"]) for entry in entries] == [
        (f"user:{wang.id}", "org_admin"),
        (f"user:{root.id}", "platform_admin"),
    ]
    listed = await users.list(Actor.of(operator(wang)))
    assert isinstance(listed, list)
    assert {person.tenant for person in listed} == {"default"}
    zhao = await room.member("zhao")
    assert isinstance(await users.list(Actor.of(operator(zhao))), Refusal)


async def test_the_last_platform_admin_stays_one_whoever_asks_and_however_many_at_once(room: Room) -> None:
    users = room.administration.users
    for name in ("wang", "root"):
        await room.member(name, role=Role.PLATFORM_ADMIN)

    async def demote(who: str) -> User | Refusal | Declined:
        return await do(room, lambda work: users.set_role(work, CLI, who, Role.MEMBER))

    outcomes = await asyncio.gather(demote("u_wang"), demote("u_root"))
    assert sum(isinstance(one, User) for one in outcomes) == 1
    assert sum(isinstance(one, Declined) and one.why is Why.LAST_ADMIN for one in outcomes) == 1
    assert await User.filter(role=Role.PLATFORM_ADMIN).count() == 1


async def test_a_name_that_two_people_have_names_neither(room: Room) -> None:
    await room.gate.person("Lin")
    await room.gate.person("Lin")
    no = await do(room, lambda work: room.administration.users.set_role(work, CLI, "Lin", Role.ORG_ADMIN))
    assert no == Declined(Why.AMBIGUOUS, "Lin")


async def test_the_code_makes_its_writer_the_first_admin_once(room: Room) -> None:
    lin, zhao = await room.member("lin"), await room.member("zhao")
    code = await room.first_admin.prepare()
    assert code is not None
    assert await room.first_admin.prepare() == code  # a restart and another replica print the same
    stored = await Installation.get(id=1)
    assert stored.claim_code_hash is not None
    assert code not in stored.claim_code_hash
    typed = code.lower().replace("-", " ")
    assert await do(room, lambda work: room.first_admin.claim(work, operator(lin), typed)) is Role.PLATFORM_ADMIN
    again = await do(room, lambda work: room.first_admin.claim(work, operator(zhao), code))
    assert again == Declined(Why.CLAIMED)
    assert (await User.get(id=lin.id)).role is Role.PLATFORM_ADMIN
    assert (await User.get(id=zhao.id)).role is Role.MEMBER
    assert await room.first_admin.prepare() is None
    [entry] = await AuditEntry.filter(action="installation.claimed")
    assert entry.actor == f"user:{lin.id}"


async def test_two_who_claim_at_once_are_one_admin(room: Room) -> None:
    people = [await room.member(name) for name in ("lin", "zhao")]
    code = await room.first_admin.prepare()
    assert code is not None

    async def claim(person: User) -> Role | Declined:
        return await do(room, lambda work: room.first_admin.claim(work, operator(person), code))

    outcomes = await asyncio.gather(*(claim(person) for person in people))
    assert sorted(isinstance(one, Role) for one in outcomes) == [False, True]
    assert await User.filter(role=Role.PLATFORM_ADMIN).count() == 1


async def test_guessing_the_code_ends_after_some_tries_and_is_audited(room: Room) -> None:
    lin = await room.member("lin")
    code = await room.first_admin.prepare()
    assert code is not None
    for _ in range(TRIES):
        guess = await do(room, lambda work: room.first_admin.claim(work, operator(lin), "AAAA-AAAA-AAAA-AAAA"))
        assert guess == Declined(Why.WRONG_CLAIM)
    even_right = await do(room, lambda work: room.first_admin.claim(work, operator(lin), code))
    assert even_right == Declined(Why.TOO_MANY_TRIES)
    assert await AuditEntry.filter(action="claim.refused").count() == TRIES + 1
    room.gate.clock.move(minutes=11)
    assert await do(room, lambda work: room.first_admin.claim(work, operator(lin), code)) is Role.PLATFORM_ADMIN


async def test_whoever_the_settings_name_is_admin_and_there_is_nothing_to_claim(room: Room) -> None:
    first = FirstAdmin(room.gate.ledger, room.gate.people, KEYS, ["wang@example.com", "ou_lin"])
    assert await first.prepare() is None
    assert await first.prepare() is None
    assert await User.filter(role=Role.PLATFORM_ADMIN).count() == 2
    assert await AuditEntry.filter(action="user.role_set", actor="system").count() == 2
    with pytest.raises(UnusablePerson, match="ASSENT_ADMINS"):
        await FirstAdmin(room.gate.ledger, room.gate.people, KEYS, ["not a person"]).prepare()


def test_every_reason_has_words_in_both_languages() -> None:
    from cards.administration import declined

    assert set(_DECLINED) == {why.value for why in Why}
    for why in Why:
        for language in Language:
            assert declined(why.value, "thing", ("a fault",), language)
