"""The whole service over real HTTP beside the Feishu simulator, and the three kinds of people who use it.

async with house_running(database_url) as house:
    agent = await house.agent(creator=house.feishu.creator, policy={"delete_*": "L3"})
    asked = await agent.asks("delete_files")
    card = await house.feishu.next_card(to=house.feishu.creator)
    await house.feishu.click(card, "approve", by=house.feishu.creator)
    assert (await agent.asks("delete_files"))["allowed"]
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from bot.app import HOUSE, House, Pace, create_app
from bot.people.joining import People
from bot.simulator.clock import WorldClock
from bot.simulator.limits import Limits
from bot.simulator.state import App, Person
from config.settings import Settings, load_settings
from models.enums import OutboxState, Role
from models.tables import ApprovalRequest, AuditEntry, OutboxMessage, User
from tests.support.feishu import Feishu, feishu_running
from tests.support.registering import register_agent, register_person

SECRET_KEY = "acceptance-test-secret-key-0123456789"
POLICY: Mapping[str, Any] = {"read_*": "L1", "write_*": "L2", "delete_*": "L3", "format_disk": "DENY"}
FILES: Mapping[str, Any] = {"tool": "delete_file", "args": {"path": "reports/2025"}, "reason": "the quarter is closed"}


class TravellingClock:
    """Runs like the real one and can be moved; service and simulator agree on it."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class HookAgent:
    """An AI agent: it knows its token and the hook, nothing else."""

    session: aiohttp.ClientSession
    base_url: str
    token: str
    name: str

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.base_url + path, json=body, headers=sent) as response:
            return response.status, await response.json()

    async def asks(self, action: str = "delete_files", *, wait: int = 0, key: str | None = None, **ask: Any) -> Any:
        """The answer to one check; fails the test when it is a problem."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        if key is not None:
            headers["Idempotency_Key"] = key
        tool = FILES["tool"] if action == "delete_files" else action  # the starter floor looks at the tool too
        body = {"action_type": action, "details": ask.pop("details", {**FILES, "tool": tool}), **ask}
        status, answer = await self.call("POST", "/v1/check", body, **headers)
        assert status in (200, 202), answer
        return answer

    async def looks(self, approval_id: str, *, wait: int = 0) -> Any:
        status, answer = await self.call("GET", f"/v1/approvals/{approval_id}" + (f"?wait={wait}" if wait else ""))
        assert status == 200, answer
        return answer

    async def reports(self, approval_id: str, status: str, result: Any = None) -> Any:
        code, answer = await self.call(
            "POST", f"/v1/approvals/{approval_id}/outcome", {"status": status, "result": result}
        )
        assert code == 200, answer
        return answer


@dataclass
class ExecutorServer:
    """A registered executor: remembers each order it was given, answers as it is told."""

    url: str
    orders: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Mapping[str, Any] = field(default_factory=lambda: {"deleted": 3})
    status: int = 200
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event | None = None


@dataclass
class RunningHouse:
    app: web.Application
    base_url: str
    feishu: Feishu
    clock: TravellingClock
    session: aiohttp.ClientSession

    @property
    def house(self) -> House:
        return self.app[HOUSE]

    @property
    def people(self) -> People:
        return self.house.people

    async def person(self, who: Person, *, role: Role | None = None, app: App | None = None) -> User:
        """Our user for a person of the simulator's world, as an admin would register it: by Feishu id."""
        return await register_person(self.people, self.feishu, who, self.clock.now(), role=role, app=app)

    async def agent(
        self,
        *,
        creator: Person | None = None,
        name: str = "Bookkeeper",
        policy: Mapping[str, Any] = POLICY,
        executor: ExecutorServer | None = None,
        app_id: str | None = None,
    ) -> HookAgent:
        """A registered agent with its policy; `executor` gets a secret that ExecutorServer does not check."""
        token = await register_agent(
            await self.person(creator or self.feishu.creator),
            self.house.box,
            self.clock.now(),
            name=name,
            policy=policy,
            executor_url=executor.url if executor else None,
            app_id=app_id,
        )
        return HookAgent(self.session, self.base_url, token, name)

    async def approval(self, answer: Mapping[str, Any]) -> ApprovalRequest:
        return await ApprovalRequest.get(id=answer["approval_id"])

    async def audited(self, action: str) -> list[AuditEntry]:
        return await AuditEntry.filter(action=action).order_by("id")

    async def later(self, **delta: float) -> None:
        """Time passes, for the service and for Feishu; what fell due has been noticed when this returns."""
        await self.settled()
        self.clock.offset += timedelta(**delta)
        await self.feishu.advance(timedelta())
        await self.house.reminders.tick(self.clock.now())
        await self.house.executions.recover(self.clock.now())
        await self.house.old_queues.tick(self.clock.now())

    async def until_next_attempts(self) -> None:
        """It is the time at which everything that waits in the outbox is due, and the worker looks."""
        waiting = await OutboxMessage.filter(state=OutboxState.WAITING).order_by("-due_at").first()
        if waiting is not None:
            self.clock.offset += max(waiting.due_at - self.clock.now(), timedelta())
        self.house.bell.ring()

    async def settled(self) -> None:
        """Nothing is due or on its way any more."""
        async with asyncio.timeout(30):
            while await self._under_way():
                self.house.bell.ring()
                await asyncio.sleep(0.02)

    async def _under_way(self) -> bool:
        """Whether a message is on its way or could be: one behind another that waits for its time cannot."""
        heads: dict[tuple[str, str | None], OutboxMessage] = {}
        async for message in OutboxMessage.filter(state__in=[OutboxState.WAITING, OutboxState.SENDING]).order_by("id"):
            heads.setdefault((message.lane, message.app_id), message)
        now = self.clock.now()
        return any(head.state is OutboxState.SENDING or head.due_at <= now for head in heads.values())


def settings_for(feishu: Feishu, database_url: str, **more: str) -> Settings:
    app = feishu.app
    return load_settings(
        {
            "ASSENT_DATABASE_URL": database_url,
            "ASSENT_SECRET_KEY": SECRET_KEY,
            "ASSENT_FEISHU_APP_ID": app.app_id,
            "ASSENT_FEISHU_APP_SECRET": app.app_secret,
            "ASSENT_FEISHU_ENCRYPT_KEY": app.encrypt_key,
            "ASSENT_FEISHU_VERIFICATION_TOKEN": app.verification_token,
            "ASSENT_FEISHU_BASE_URL": feishu.base_url,
            "ASSENT_DIGEST_AT": "never",  # the tests run at any time of day
            "ASSENT_QUIET_HOURS": "never",
            "ASSENT_WORKING_DAYS": "1234567",
            "ASSENT_NATIVE_COMMANDS": "false",
            **{f"ASSENT_{name.upper()}": value for name, value in more.items()},
        }
    )


@asynccontextmanager
async def house_running(
    database_url: str, *, pace: Pace | None = None, limits: Limits | None = None, deadline: float = 3.0, **settings: str
) -> AsyncIterator[RunningHouse]:
    """Service and simulator on loopback ports of their own, connected both ways, until the block ends."""
    clock = TravellingClock()
    async with (
        feishu_running(clock=WorldClock(clock.now), limits=limits, deadline=deadline) as feishu,
        service_running(feishu, clock, database_url, pace=pace, **settings) as house,
    ):
        yield house


@asynccontextmanager
async def service_running(
    feishu: Feishu, clock: TravellingClock, database_url: str, *, pace: Pace | None = None, **settings: str
) -> AsyncIterator[RunningHouse]:
    """The service beside a Feishu that is there already; it stops gracefully when the block ends."""
    async with aiohttp.ClientSession() as session:
        app = await create_app(settings_for(feishu, database_url, **settings), clock=clock, pace=pace or Pace(poll=0.2))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            feishu.connect(f"{base_url}/feishu/webhook")
            yield RunningHouse(app, base_url, feishu, clock, session)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def executor_running() -> AsyncIterator[ExecutorServer]:
    """An executor on a free loopback port."""
    server = ExecutorServer("")

    async def execute(request: web.Request) -> web.Response:
        server.orders.append(await request.json())
        server.headers.append(dict(request.headers))
        server.asked.set()
        if server.hold is not None:
            await server.hold.wait()
        return web.json_response(dict(server.answer), status=server.status)

    app = web.Application()
    app.add_routes([web.post("/execute", execute)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/execute"
        yield server
    finally:
        await runner.cleanup()
