"""Freezes: who may freeze and lift what, what stands beside what, who is told, and that time ends them by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.administration.values import Declined, Why
from bot.database import Database, open_database
from bot.epoch import current_epoch
from bot.freezing.freezes import Freezing, Frozen, Lifted
from bot.freezing.notices import FreezeNotices
from bot.freezing.standstill import freeze_facts, freezes_of, longest
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.people.joining import People
from bot.secrecy.box import SecretBox
from models.enums import AgentStatus, Language, Level, OutboxKind, Role
from models.ids import new_id
from models.tables import Agent, AuditEntry, Freeze, Notification, OutboxMessage, User
from models.values import Refusal, RefusalKind
from tests.support.clock import MovableClock
from tests.support.gate import operator

APP_ID = "cli_default"


@dataclass
class Desk:
    clock: MovableClock
    ledger: Ledger
    bell: Bell
    freezing: Freezing

    async def person(
        self,
        name: str,
        role: Role = Role.MEMBER,
        *,
        tenant: str = "default",
        language: Language = Language.ZH_CN,
    ) -> User:
        now = self.clock.now()
        return await User.create(tenant=tenant, name=name, role=role, language=language, created_at=now)

    async def agent(self, creator: User, name: str = "Bookkeeper", app_id: str | None = None) -> Agent:
        return await Agent.create(
            tenant=creator.tenant,
            name=name,
            creator_id=creator.id,
            app_id=app_id,
            token_hash=new_id().hex,
            created_at=self.clock.now(),
        )

    async def freezes(
        self, who: User | Actor, subject: str, until: datetime | None = None, reason: str | None = None
    ) -> Frozen | Refusal | Declined:
        async with self.ledger.transaction() as work:
            return await self.freezing.freeze(work, _actor(who), subject, until=until, reason=reason)

    async def froze(self, who: User | Actor, subject: str, until: datetime | None = None) -> Frozen:
        frozen = await self.freezes(who, subject, until)
        assert isinstance(frozen, Frozen), frozen
        return frozen

    async def unfreezes(self, who: User | Actor, subject: str) -> Lifted | Refusal | Declined:
        async with self.ledger.transaction() as work:
            return await self.freezing.unfreeze(work, _actor(who), subject)

    async def lifted(self, who: User | Actor, subject: str) -> Lifted:
        lifted = await self.unfreezes(who, subject)
        assert isinstance(lifted, Lifted), lifted
        return lifted

    async def holds(self, agent: Agent) -> bool:
        standing = [freeze_facts(one) for one in await freezes_of(agent.tenant, agent.id)]
        return longest(standing, self.clock.now()) is not None

    def later(self, **delta: float) -> datetime:
        return self.clock.now() + timedelta(**delta)


def _actor(who: User | Actor) -> Actor:
    return who if isinstance(who, Actor) else Actor.of(operator(who))


def desk_of() -> Desk:
    clock, bell = MovableClock(), Bell()
    ledger = Ledger(clock)
    agents = AgentAdministration(SecretBox(["s" * 32]), default_level=Level.L2)
    return Desk(clock, ledger, bell, Freezing(agents, FreezeNotices(People(APP_ID)), ledger, bell))


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    yield desk_of()


async def told(kind: OutboxKind) -> dict[str, str]:
    """What each person is sent, by name."""
    names = {person.id: person.name for person in await User.all()}
    rows = await OutboxMessage.filter(kind=kind).order_by("id")
    return {names[row.person_id]: row.payload for row in rows if row.person_id}


async def test_a_creator_freezes_the_own_agent_and_lifts_it(desk: Desk) -> None:
    ann = await desk.person("Ann")
    agent, other = await desk.agent(ann), await desk.agent(ann, "Other")
    epoch = await current_epoch()
    frozen = await desk.froze(ann, "Bookkeeper")
    assert (frozen.standing.agent, frozen.standing.freeze.until, frozen.replaced, frozen.also) == (
        "Bookkeeper", None, (), (),
    )  # fmt: skip
    assert await desk.holds(agent)
    assert not await desk.holds(other)
    assert await current_epoch() == epoch + 1
    lifted = await desk.lifted(ann, "Bookkeeper")
    assert ([one.freeze.id for one in lifted.lifted], lifted.still) == ([frozen.standing.freeze.id], ())
    assert not await desk.holds(agent)
    assert await current_epoch() == epoch + 2
    entries = await AuditEntry.all().order_by("id")
    assert [(one.action, one.actor, one.agent_id) for one in entries] == [
        ("freeze.set", f"user:{ann.id}", agent.id), ("freeze.lifted", f"user:{ann.id}", agent.id),
    ]  # fmt: skip


async def test_only_admins_of_the_tenant_freeze_all(desk: Desk) -> None:
    ann, admin = await desk.person("Ann"), await desk.person("Mia", Role.ORG_ADMIN)
    elsewhere = await desk.person("Eve", Role.ORG_ADMIN, tenant="other")
    agent = await desk.agent(ann)
    foreign = await desk.agent(elsewhere, "Foreign")
    assert await desk.freezes(ann, "all") == Refusal(RefusalKind.NOT_PERMITTED, detail="all")
    async with desk.ledger.transaction() as work:
        refused = await desk.freezing.freeze(work, _actor(elsewhere), "all", tenant="default")
    assert isinstance(refused, Refusal)
    assert not await desk.holds(agent)
    assert (await desk.froze(admin, " ALL ")).standing.agent is None
    assert await desk.holds(agent)
    assert not await desk.holds(foreign)


async def test_nobody_freezes_or_lifts_what_is_not_theirs(desk: Desk) -> None:
    ann, bob = await desk.person("Ann"), await desk.person("Bob")
    agent = await desk.agent(ann)
    for refused in (await desk.freezes(bob, "Bookkeeper"), await desk.freezes(bob, "Nobody")):
        assert isinstance(refused, Refusal)
    await desk.froze(ann, "Bookkeeper")
    assert isinstance(await desk.unfreezes(bob, "Bookkeeper"), Refusal)
    assert isinstance(await desk.unfreezes(bob, "all"), Refusal)
    assert await desk.holds(agent)


async def test_an_archived_agent_and_a_time_that_has_passed_are_declined(desk: Desk) -> None:
    ann = await desk.person("Ann")
    agent = await desk.agent(ann)
    assert await desk.freezes(ann, "Bookkeeper", desk.clock.now()) == Refusal(RefusalKind.INVALID, detail="until")
    await Agent.filter(id=agent.id).update(status=AgentStatus.ARCHIVED)
    declined = await desk.freezes(ann, "Bookkeeper")
    assert isinstance(declined, Declined)
    assert declined.why is Why.ARCHIVED
    assert await Freeze.all().count() == 0


async def test_freezing_again_replaces_and_says_so(desk: Desk) -> None:
    ann = await desk.person("Ann")
    await desk.agent(ann)
    first = await desk.froze(ann, "Bookkeeper", desk.later(hours=2))
    longer = await desk.froze(ann, "Bookkeeper", desk.later(hours=5))
    assert [one.freeze.id for one in longer.replaced] == [first.standing.freeze.id]
    assert longer.also == ()
    shorter = await desk.froze(ann, "Bookkeeper", desk.later(hours=1))
    assert [one.freeze.until for one in shorter.replaced] == [longer.standing.freeze.until]
    assert await Freeze.filter(lifted_at=None).count() == 1
    [entry] = await AuditEntry.filter(action="freeze.set").order_by("-id").limit(1)
    assert json.loads(entry.details)["replaces"] == [str(longer.standing.freeze.id)]


async def test_what_an_admin_froze_its_creator_cannot_loosen(desk: Desk) -> None:
    """Neither lift it, nor shorten it by a freeze of one's own."""
    ann, admin = await desk.person("Ann"), await desk.person("Mia", Role.ORG_ADMIN)
    agent = await desk.agent(ann)
    held = await desk.froze(admin, "Bookkeeper")
    refusal = await desk.unfreezes(ann, "Bookkeeper")
    assert refusal == Refusal(RefusalKind.NOT_PERMITTED, by="Mia", at=desk.clock.now(), detail="Bookkeeper")
    own = await desk.froze(ann, "Bookkeeper", desk.later(hours=1))
    assert own.replaced == ()
    assert [one.freeze.id for one in own.also] == [held.standing.freeze.id]
    lifted = await desk.lifted(ann, "Bookkeeper")
    assert [one.freeze.id for one in lifted.lifted] == [own.standing.freeze.id]
    assert [one.freeze.id for one in lifted.still] == [held.standing.freeze.id]
    assert await desk.holds(agent)
    await desk.lifted(admin, "Bookkeeper")
    assert not await desk.holds(agent)


async def test_the_tenants_freeze_and_an_agents_are_lifted_apart(desk: Desk) -> None:
    ann, admin = await desk.person("Ann"), await desk.person("Mia", Role.ORG_ADMIN)
    agent, free = await desk.agent(ann), await desk.agent(ann, "Free")
    one = await desk.froze(ann, "Bookkeeper")
    everything = await desk.froze(admin, "all")
    assert [other.agent for other in everything.also] == ["Bookkeeper"]
    lifted = await desk.lifted(admin, "all")
    assert [other.freeze.id for other in lifted.lifted] == [everything.standing.freeze.id]
    assert [(other.agent, other.freeze.id) for other in lifted.still] == [("Bookkeeper", one.standing.freeze.id)]
    assert (await desk.holds(agent), await desk.holds(free)) == (True, False)
    await desk.froze(admin, "all")
    lifted = await desk.lifted(ann, "Bookkeeper")
    assert [other.agent for other in lifted.still] == [None]
    assert await desk.holds(agent)


async def test_what_is_not_frozen_can_be_lifted_without_effect(desk: Desk) -> None:
    ann = await desk.person("Ann")
    await desk.agent(ann)
    lifted = await desk.lifted(ann, "Bookkeeper")
    assert (lifted.lifted, lifted.still) == ((), ())
    assert await AuditEntry.all().count() == 0
    assert await OutboxMessage.all().count() == 0


async def test_everyone_concerned_gets_the_red_card_once(desk: Desk) -> None:
    """Creators and admins; in a lane of their own, before whatever else waits for them."""
    ann, bob = await desk.person("Ann"), await desk.person("Bob", language=Language.EN_US)
    admin = await desk.person("Mia", Role.ORG_ADMIN)
    await desk.person("Bystander")
    await desk.agent(ann, app_id=None)
    await desk.agent(ann, "Second")
    await desk.agent(bob, "Third")
    async with desk.ledger.transaction() as work:
        frozen = await desk.freezing.freeze(work, _actor(admin), "all", reason="正在重复付款")
    assert isinstance(frozen, Frozen)
    assert frozen.told == 3
    cards = await told(OutboxKind.CARD)
    assert set(cards) == {"Ann", "Bob", "Mia"}
    card = json.loads(cards["Bob"])
    assert card["card"]["header"]["template"] == "red"
    assert card["fallback"].startswith("Frozen: all agents")
    assert "正在重复付款" in json.dumps(card["card"], ensure_ascii=False)
    assert {row.lane for row in await OutboxMessage.all()} == {f"freeze:{who.id}" for who in (ann, bob, admin)}
    assert {row.title for row in await Notification.filter(person_id=ann.id)} == {"【已冻结】全部智能体"}
    await desk.lifted(admin, "all")
    texts = await told(OutboxKind.TEXT)
    assert set(texts) == {"Ann", "Bob", "Mia"}
    assert "Ended by Mia" in json.loads(texts["Bob"])["text"]


async def test_a_freeze_of_one_agent_is_told_to_its_creator_and_the_admins(desk: Desk) -> None:
    ann, bob = await desk.person("Ann"), await desk.person("Bob")
    await desk.person("Mia", Role.ORG_ADMIN)
    await desk.agent(ann)
    await desk.agent(bob, "Third")
    await desk.froze(ann, "Bookkeeper")
    assert set(await told(OutboxKind.CARD)) == {"Ann", "Mia"}


async def test_time_ends_a_freeze_even_if_nobody_ticks(desk: Desk) -> None:
    ann = await desk.person("Ann")
    agent = await desk.agent(ann)
    await desk.froze(ann, "Bookkeeper", desk.later(hours=2))
    desk.clock.move(hours=1, minutes=59)
    assert await desk.freezing.lift_due(desk.clock.now()) == 0
    assert await desk.holds(agent)
    desk.clock.move(minutes=1)
    assert not await desk.holds(agent)
    assert await desk.freezing.lift_due(desk.clock.now()) == 1
    assert await desk.freezing.lift_due(desk.clock.now()) == 0
    [entry] = await AuditEntry.filter(action="freeze.ended")
    assert (entry.actor, entry.agent_id) == ("system", agent.id)
    assert "到时间自动结束" in (await told(OutboxKind.TEXT))["Ann"]


async def test_replicas_that_tick_at_once_tell_once(desk: Desk) -> None:
    ann = await desk.person("Ann")
    await desk.agent(ann)
    await desk.froze(ann, "Bookkeeper", desk.later(hours=2))
    desk.clock.move(hours=3)
    counts = await asyncio.gather(*(desk.freezing.lift_due(desk.clock.now()) for _ in range(4)))
    assert sum(counts) == 1
    assert await OutboxMessage.filter(kind=OutboxKind.TEXT).count() == 1
    assert await AuditEntry.filter(action="freeze.ended").count() == 1


async def test_a_freeze_after_one_whose_time_is_over_replaces_nothing(desk: Desk) -> None:
    ann = await desk.person("Ann")
    await desk.agent(ann)
    await desk.froze(ann, "Bookkeeper", desk.later(hours=2))
    desk.clock.move(hours=3)
    again = await desk.froze(ann, "Bookkeeper")
    assert (again.replaced, again.also) == ((), ())
    assert await Freeze.filter(lifted_at=None).count() == 1


async def test_two_freeze_at_once_and_one_stands(postgres_url: str) -> None:
    """On SQLite transactions come one after the other anyway."""
    async with open_database(postgres_url):
        desk = desk_of()
        ann, admin = await desk.person("Ann"), await desk.person("Mia", Role.ORG_ADMIN)
        agent = await desk.agent(ann)
        both = await asyncio.gather(*(desk.froze(admin, "Bookkeeper", desk.later(hours=n)) for n in (1, 2, 3, 4)))
        assert sorted(len(one.replaced) for one in both) == [0, 1, 1, 1]
        assert await Freeze.filter(lifted_at=None).count() == 1
        await asyncio.gather(desk.froze(admin, "all"), desk.lifted(admin, "Bookkeeper"), desk.froze(ann, "Bookkeeper"))
        assert await desk.holds(agent)


async def test_the_command_line_freezes_by_tenant(desk: Desk) -> None:
    ann = await desk.person("Ann", tenant="acme")
    agent = await desk.agent(ann)
    async with desk.ledger.transaction() as work:
        frozen = await desk.freezing.freeze(work, Actor.command_line("root", "default"), "all", tenant="acme")
    assert isinstance(frozen, Frozen)
    assert frozen.standing.freeze.frozen_by_name == "cli:root"
    assert await desk.holds(agent)


async def test_a_list_of_what_stands_shows_what_concerns_the_reader(desk: Desk) -> None:
    ann, bob = await desk.person("Ann"), await desk.person("Bob")
    admin = await desk.person("Mia", Role.ORG_ADMIN)
    await desk.agent(ann)
    await desk.agent(bob, "Third")
    await desk.froze(ann, "Bookkeeper", desk.later(hours=1))
    await desk.froze(bob, "Third")
    await desk.froze(admin, "all")

    async def listed(who: User) -> list[str | None]:
        return [one.agent for one in await desk.freezing.standing(_actor(who), desk.clock.now())]

    assert await listed(admin) == ["Bookkeeper", "Third", None]
    assert await listed(ann) == ["Bookkeeper", None]
    desk.clock.move(hours=1)
    assert await listed(ann) == [None]
