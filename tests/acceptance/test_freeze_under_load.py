"""Story: several services under load share one database; somebody freezes everything, and from there on nothing runs.

The judge is the audit, not the clock. A check commits while it shares the gate epoch, which the freeze takes for itself
as its first step: so whatever may rightly be allowed has been committed by then, and can be read inside the freeze's
own transaction. What is in the audit as allowed at the end and could not be read there, was allowed after the freeze.
The callers judge too: none whose request began after the freeze was acknowledged may be told to go ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.administration.actors import Actor
from bot.administration.agents import AgentAdministration
from bot.app import default_app
from bot.database import open_database
from bot.freezing.freezes import Freezing, Frozen, Lifted
from bot.freezing.notices import FreezeNotices
from bot.ledger import Ledger
from bot.outbox import Bell
from bot.people.apps import FeishuApps
from bot.people.joining import People
from bot.ports import SystemClock
from bot.secrecy.box import SecretBox
from bot.simulator.clock import WorldClock
from models.enums import ApprovalStatus, ExecutionStatus, Level
from models.tables import ApprovalRequest, AuditEntry
from tests.support.feishu import feishu_running
from tests.support.processes import SECRET_KEY, ServiceProcess, environment, services_running
from tests.support.registering import register_agent, register_person
from tests.support.service import POLICY, TravellingClock, settings_for

RUNS = ("check.allowed", "approval.claimed", "execution.started")
"""What the audit has of every go-ahead."""

CLIENTS = 6  # for each process
APPROVED = 60  # questions that a person has answered before
KEPT = 10  # of these, so many are not touched before the freeze
BEFORE = 300  # go-aheads until the freeze
AFTER = 15  # answers to each client after it


@dataclass
class Answer:
    process: int
    after: bool  # the request began after the freeze was acknowledged
    status: int
    body: dict[str, Any]

    @property
    def allowed(self) -> bool:
        return bool(self.body.get("allowed"))


@dataclass
class Load:
    """Agents that ask all services at once, without a pause, until they are told to stop."""

    services: list[ServiceProcess]
    tokens: list[str]
    session: aiohttp.ClientSession
    approved: list[dict[str, Any]]
    answers: list[Answer] = field(default_factory=list)
    frozen: bool = False
    stopping: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def client(self, number: int) -> None:
        process = number % len(self.services)
        for turn in count():
            if self.stopping:
                return
            await self.ask(process, number, turn)

    async def ask(self, process: int, number: int, turn: int) -> None:
        """By turns: something silent, something that is reported, a repeat with its key, an approved call."""
        kind = turn % 4
        if kind == 0:
            await self.check(process, number, "read_files", {"turn": turn})
        elif kind == 1:
            await self.check(process, number, "write_files", {"turn": turn})
        elif kind == 2:
            await self.check(process, number, "read_files", {"always": "the same"}, key=f"key-{number}")
        elif self.approved:
            await self.claim(process, self.approved.pop())

    async def check(
        self, process: int, number: int, action: str, args: dict[str, Any], *, key: str = "", session: str = ""
    ) -> Answer:
        body = {"action_type": action, "details": {"tool": "files", "args": args}} | (
            {"session": session} if session else {}
        )
        headers = {"Idempotency-Key": key} if key else {}
        return await self._post(process, "/v1/check", body, self.tokens[number % len(self.tokens)], headers)

    async def claim(self, process: int, approval: dict[str, Any]) -> Answer:
        """The go-ahead of an approved call, by a claim or by a repeat of the call."""
        if process % 2:
            path, body = f"/v1/approvals/{approval['approval_id']}/claim", {"action_digest": approval["action_digest"]}
            return await self._post(process, path, body, self.tokens[0], {})
        return await self.check(process, 0, "delete_files", {}, session=approval["session"])

    async def _post(self, process: int, path: str, body: Any, token: str, headers: dict[str, str]) -> Answer:
        after = self.frozen
        url = self.services[process].base_url + path
        headers = headers | {"Authorization": f"Bearer {token}"}
        async with self.session.post(url, json=body, headers=headers) as response:
            answer = Answer(process, after, response.status, await response.json())
        self.answers.append(answer)
        self.moved.set()
        return answer

    async def until(self, enough: Callable[[], bool]) -> None:
        while not enough():
            self.moved.clear()
            await self.moved.wait()


@dataclass
class Town:
    url: str
    log: Path
    env: dict[str, str]
    tokens: list[str]
    freezing: Freezing
    ledger: Ledger

    @asynccontextmanager
    async def under_load(self, processes: int) -> AsyncIterator[Load]:
        async with services_running(self.env, self.log, processes) as services, aiohttp.ClientSession() as session:
            load = Load(services, self.tokens, session, [])
            load.approved = await self.answered(load)
            yield load

    async def answered(self, load: Load) -> list[dict[str, Any]]:
        """Questions that were asked through the hook and approved; nobody has claimed them yet."""
        asked = []
        for number in range(APPROVED):
            session = f"session-{number}"
            answer = await load.check(0, 0, "delete_files", {}, session=session)
            asked.append(answer.body | {"session": session})
        load.answers.clear()
        now = SystemClock().now()
        async with open_database(self.url):
            await ApprovalRequest.all().update(
                status=ApprovalStatus.APPROVED, resolved_at=now, claim_expires_at=now + timedelta(hours=1)
            )
        return asked

    async def freeze(self) -> set[int]:
        """Everything is frozen; the go-aheads that were given before."""
        async with open_database(self.url), self.ledger.transaction() as work:
            frozen = await self.freezing.freeze(work, ACTOR, "all")
            before = await _runs()
        assert isinstance(frozen, Frozen), frozen
        return before

    async def unfreeze(self) -> None:
        async with open_database(self.url), self.ledger.transaction() as work:
            lifted = await self.freezing.unfreeze(work, ACTOR, "all")
        assert isinstance(lifted, Lifted), lifted

    async def runs(self) -> set[int]:
        async with open_database(self.url):
            return await _runs()

    async def unclaimed(self) -> int:
        async with open_database(self.url):
            waiting = ApprovalRequest.filter(status=ApprovalStatus.APPROVED, execution=ExecutionStatus.NOT_STARTED)
            return await waiting.count()


ACTOR = Actor.command_line("test", "default")


async def _runs() -> set[int]:
    return set(await AuditEntry.filter(action__in=RUNS).values_list("id", flat=True))  # type: ignore[arg-type]


@asynccontextmanager
async def town_on(url: str, log: Path) -> AsyncIterator[Town]:
    clock, box = TravellingClock(), SecretBox([SECRET_KEY])
    async with feishu_running(clock=WorldClock(clock.now)) as feishu:
        people = People(feishu.app.app_id)
        async with open_database(url):
            await FeishuApps(box, default_app(settings_for(feishu, url))).ensure_default(clock.now())
            creator = await register_person(people, feishu, feishu.creator, clock.now())
            tokens = [
                await register_agent(creator, box, clock.now(), name=name, policy=POLICY) for name in ("One", "Two")
            ]
        ledger = Ledger(SystemClock())
        agents = AgentAdministration(box, default_level=Level.L2)
        freezing = Freezing(agents, FreezeNotices(people), ledger, Bell())
        env = environment(feishu, url, checks_per_minute="10000000", digest_at="never")
        yield Town(url, log, env, tokens, freezing, ledger)


@pytest.mark.parametrize(("kind", "processes"), [("postgres", 4), ("sqlite", 2)])
async def test_after_the_freeze_nothing_is_allowed_anywhere(
    kind: str, processes: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    async with town_on(url, tmp_path / "service.log") as town, town.under_load(processes) as load:
        kept, load.approved = load.approved[:KEPT], load.approved[KEPT:]
        clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS * processes)]
        await load.until(lambda: sum(answer.allowed for answer in load.answers) >= BEFORE)
        before = await town.freeze()
        load.frozen = True
        await load.until(lambda: all(_after(load, process) >= AFTER * CLIENTS for process in range(processes)))
        refused = [await load.claim(number % processes, approval) for number, approval in enumerate(kept)]
        load.stopping = True
        await asyncio.gather(*clients)

        allowed_later = len(await town.runs() - before)
        assert allowed_later == 0
        assert not [answer for answer in load.answers if answer.after and answer.allowed]
        assert {answer.body.get("layer") or answer.body.get("code") for answer in refused} == {"freeze", "frozen"}
        checks = [answer.body for answer in load.answers if answer.after and answer.status == 200]
        assert {(body["status"], body["layer"]) for body in checks} == {("denied", "freeze")}
        assert await town.unclaimed() >= KEPT

        await town.unfreeze()
        load.frozen = False
        for process in range(processes):
            assert (await load.check(process, 0, "read_files", {})).allowed
        again = [await load.claim(number % processes, approval) for number, approval in enumerate(kept)]
        assert all(answer.allowed for answer in again)


def _after(load: Load, process: int) -> int:
    return sum(answer.after and answer.process == process for answer in load.answers)
