"""The summary of the day: counted from the audit, once a day for each creator, and none for an idle day."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.database import Database
from bot.digests import Digests, day_of, last_time
from bot.ledger import AuditFact, Ledger
from bot.outbox import Bell
from bot.people.joining import People
from cards.digests import AgentDay, digest_text
from models.enums import AgentStatus, Language, Level
from models.ids import new_id
from models.tables import Agent, OutboxMessage, User
from models.values import JsonObject
from tests.support.clock import MovableClock

SHANGHAI = ZoneInfo("Asia/Shanghai")
SIX = datetime(2026, 3, 2, 10, tzinfo=UTC)  # 18:00 in Shanghai


@dataclass
class Day:
    clock: MovableClock
    ledger: Ledger
    digests: Digests

    async def agent(self, creator: User, name: str) -> Agent:
        return await Agent.create(
            tenant="default", name=name, creator_id=creator.id, token_hash=new_id().hex, created_at=SIX
        )

    async def checks(
        self, agent: Agent, action: str, *, at: datetime, count: int = 1, type_: str = "pay_invoice", **details: object
    ) -> None:
        self.clock.move(seconds=(at - self.clock.now()).total_seconds())
        approval = details.pop("approval", None)
        body: JsonObject = {"level": "L1", "layer": "policy", "request": {"action_type": type_}} | details  # type: ignore[assignment]
        async with self.ledger.transaction() as work:
            for _ in range(count):
                work.audit(
                    AuditFact(
                        "default",
                        f"agent:{agent.id}",
                        action,
                        "check:1",
                        body,
                        agent.id,
                        new_id() if approval else None,
                    )
                )

    async def texts(self) -> list[str]:
        return [json.loads(row.payload)["text"] for row in await OutboxMessage.all().order_by("id")]


def digests(at: time | None = time(18)) -> Digests:
    return Digests(People("cli_default"), Bell(), at=at, zone=SHANGHAI)


@pytest.fixture
async def day(database: Database) -> AsyncIterator[Day]:
    clock = MovableClock(SIX - timedelta(hours=30))
    yield Day(clock, Ledger(clock), digests())


@pytest.fixture
async def ann(day: Day) -> User:
    return await User.create(tenant="default", name="Ann", language=Language.EN_US, created_at=SIX)


async def test_a_day_is_counted_by_what_became_of_the_checks(day: Day, ann: User) -> None:
    agent, noon = await day.agent(ann, "Bookkeeper"), SIX - timedelta(hours=6)
    await day.checks(agent, "check.allowed", at=noon, count=3)
    await day.checks(agent, "check.allowed", at=noon, count=2, level="L2")
    await day.checks(agent, "check.allowed", at=noon, level="L2", layer="grant", would_be="L3")
    await day.checks(agent, "check.allowed", at=noon, level="L3", approval=True)
    await day.checks(agent, "check.pending", at=noon, count=2, level="L3", approval=True)
    await day.checks(agent, "check.denied", at=noon, level="DENY", type_="format_disk")
    await day.checks(agent, "check.denied", at=noon, level="L3", approval=True)
    await day.checks(agent, "check.denied", at=noon, count=4, level="DENY", layer="freeze")
    await day.checks(agent, "check.allowed", at=noon, count=5, layer="observe", would_be="L3", faults=["r: no key"])
    await day.checks(agent, "check.allowed", at=noon, layer="observe", would_be="DENY", type_="format_disk")
    await day.checks(agent, "check.allowed", at=noon, layer="observe", would_be="L2")
    counted = await day_of(agent, SIX - timedelta(days=1), SIX)
    assert counted == AgentDay(
        "Bookkeeper",
        ran=Counter({Level.L1: 3, Level.L2: 2}),
        granted=1,
        asked=Counter({"pay_invoice": 2}),
        denied=Counter({"format_disk": 1}),
        frozen=4,
        observed=7,
        would_ask=Counter({"pay_invoice": 5}),
        would_deny=Counter({"format_disk": 1}),
        faults=5,
    )


async def test_the_day_ends_at_its_time_exactly(day: Day, ann: User) -> None:
    agent = await day.agent(ann, "Bookkeeper")
    for at in (SIX - timedelta(days=1, microseconds=1), SIX - timedelta(days=1), SIX - timedelta(microseconds=1), SIX):
        await day.checks(agent, "check.allowed", at=at)
    assert (await day_of(agent, SIX - timedelta(days=1), SIX)).ran[Level.L1] == 2


async def test_one_text_for_each_creator_who_has_something_to_read(day: Day, ann: User) -> None:
    bob, idle = [await User.create(tenant="default", name=name, created_at=SIX) for name in ("Bob", "Idle")]
    for name in ("Bookkeeper", "Coder", "Sleeper"):
        agent = await day.agent(ann, name)
        if name != "Sleeper":
            await day.checks(agent, "check.allowed", at=SIX - timedelta(hours=1), count=2)
    gone = await day.agent(bob, "Gone")
    await day.checks(gone, "check.pending", at=SIX - timedelta(hours=1), approval=True)
    await Agent.filter(id=gone.id).update(status=AgentStatus.ARCHIVED, archived_at=SIX - timedelta(minutes=5))
    await day.agent(idle, "Quiet")
    assert await day.digests.tick(SIX - timedelta(seconds=1)) == 0  # yesterday's: nothing happened
    assert await day.digests.tick(SIX) == 2
    to_ann, to_bob = await day.texts()
    assert to_ann == (
        "Daily summary, Mar 1, 18:00 to Mar 2, 18:00\n"
        "“Bookkeeper”\n· 2 ran by themselves (L1)\n“Coder”\n· 2 ran by themselves (L1)"
    )
    assert "请求审批 1 次（pay_invoice 1）" in to_bob
    assert [await day.digests.tick(SIX + timedelta(hours=n)) for n in range(6)] == [0] * 6
    assert await OutboxMessage.all().count() == 2


async def test_replicas_and_restarts_send_it_once(day: Day, ann: User) -> None:
    await day.checks(await day.agent(ann, "Bookkeeper"), "check.allowed", at=SIX - timedelta(hours=1))
    await asyncio.gather(*(digests().tick(SIX) for _ in range(4)))
    assert await digests().tick(SIX + timedelta(hours=1)) == 0
    assert await OutboxMessage.all().count() == 1


async def test_a_service_that_was_down_catches_up_the_same_night_only(day: Day, ann: User) -> None:
    await day.checks(await day.agent(ann, "Bookkeeper"), "check.allowed", at=SIX - timedelta(hours=1))
    assert await digests().tick(SIX + timedelta(hours=12, seconds=1)) == 0
    assert await digests().tick(SIX + timedelta(hours=11)) == 1


async def test_no_summaries_are_sent_where_none_are_wanted(day: Day, ann: User) -> None:
    await day.checks(await day.agent(ann, "Bookkeeper"), "check.allowed", at=SIX - timedelta(hours=1))
    assert await digests(None).tick(SIX) == 0
    assert await OutboxMessage.all().count() == 0


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (SIX, SIX),
        (SIX + timedelta(hours=23), SIX),
        (SIX - timedelta(seconds=1), SIX - timedelta(days=1)),
    ],
)
def test_the_last_time_of_day(now: datetime, last: datetime) -> None:
    assert last_time(time(18), SHANGHAI, now) == last


def test_a_day_has_its_length_where_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    end = last_time(time(18), berlin, datetime(2026, 3, 29, 17, tzinfo=UTC))
    assert end == datetime(2026, 3, 29, 16, tzinfo=UTC)
    assert last_time(time(18), berlin, end - timedelta(seconds=1)) == datetime(2026, 3, 28, 17, tzinfo=UTC)


def test_the_text_names_what_is_frequent_and_nothing_is_obeyed() -> None:
    busy = AgentDay("<at id=all></at>", asked=Counter({"delete_files": 9, "b": 2, "a": 2, "c": 1, "d": 1}))
    text = digest_text([busy] * 25, SIX - timedelta(days=1), SIX, Language.ZH_CN)
    assert "请求审批 15 次（删除文件 9、a 2、b 2、c 1 …）" in text
    assert "<at" not in text
    assert text.endswith("还有 5 个智能体未列出。")


async def test_everyone_gets_it_at_the_own_hour_in_the_own_zone(day: Day, ann: User) -> None:
    bob = await User.create(
        tenant="default", name="Bob", created_at=SIX, digest_at="09:00", time_zone="Europe/Berlin"
    )  # 08:00 UTC in winter
    none = await User.create(tenant="default", name="None", created_at=SIX, digest_at="never")
    for creator in (ann, bob, none):
        agent = await day.agent(creator, f"of {creator.name}")
        await day.checks(agent, "check.allowed", at=SIX - timedelta(hours=3))
    assert await day.digests.tick(SIX - timedelta(hours=2, seconds=1)) == 0
    assert await day.digests.tick(SIX - timedelta(hours=2)) == 1
    [to_bob] = await day.texts()
    assert "3月1日 09:00 至 3月2日 09:00" in to_bob
    assert await day.digests.tick(SIX) == 1
    assert await day.digests.tick(SIX + timedelta(hours=12)) == 0
    assert len(await day.texts()) == 2


async def test_an_own_hour_counts_where_the_installation_has_none(day: Day, ann: User) -> None:
    await User.filter(id=ann.id).update(digest_at="18:00")
    await day.checks(await day.agent(ann, "Bookkeeper"), "check.allowed", at=SIX - timedelta(hours=3))
    assert await digests(at=None).tick(SIX) == 1
