"""Over HTTP: 429 with Retry-After for an agent that asks too much, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.database import Database, transaction
from bot.directory import move_epoch, token_hash
from bot.quotas import Quotas
from handlers.errors import problem_middleware
from handlers.hook import Hook
from models.tables import Agent, ApprovalRequest, AuditEntry, OutboxMessage
from tests.support.gate import Gate, open_gate


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    gate: Gate
    client: TestClient[web.Request, web.Application]
    seconds: Seconds

    async def asks(self, action: str, session: str = "", *, by: str = "One", key: str = "") -> ClientResponse:
        body: dict[str, Any] = {"action_type": action, "details": {"tool": "t", "args": {}}}
        if session:
            body["session"] = session
        headers = {"Authorization": f"Bearer {_token(by)}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.client.post("/v1/check", data=json.dumps(body), headers=headers)


def _token(name: str) -> str:
    return f"ast_{name:_<43}"


@asynccontextmanager
async def open_desk(database: Database, *, checks: int, pending: int) -> AsyncIterator[Desk]:
    seconds = Seconds()
    quotas = Quotas(checks_per_minute=checks, max_pending=pending, monotonic=seconds)
    async with open_gate(database, quotas=quotas) as gate:
        ann = await gate.person("Ann")
        for name in ("One", "Two"):
            caller = await gate.agent(ann, name=name)
            await Agent.filter(id=caller.agent_id).update(token_hash=token_hash(_token(name)))
        app = web.Application(middlewares=[problem_middleware])
        app.add_routes(Hook(gate.directory, gate.engine, gate.approvals).routes())
        async with TestClient(TestServer(app)) as client:
            yield Desk(gate, client, seconds)


async def refused(response: ClientResponse) -> tuple[int, str, int, int]:
    body = await response.json()
    assert response.content_type == "application/problem+json"
    return response.status, body["code"], body["limit"], int(response.headers["Retry-After"])


async def test_too_many_checks_are_refused_and_leave_no_trace(database: Database) -> None:
    async with open_desk(database, checks=3, pending=100) as desk:
        for _ in range(3):
            assert (await desk.asks("read_files")).status == 200
        assert await refused(await desk.asks("read_files")) == (429, "too_many_checks", 3, 20)
        assert await AuditEntry.all().count() == 3
        assert (await desk.asks("read_files", by="Two")).status == 200
        desk.seconds.now += 20
        assert (await desk.asks("read_files")).status == 200
        assert (await desk.asks("read_files")).status == 429


async def test_too_many_pending_are_refused_until_one_is_answered(database: Database) -> None:
    async with open_desk(database, checks=1_000, pending=2) as desk:
        assert [(await desk.asks("delete_files", session)).status for session in ("a", "b")] == [202, 202]
        cards = await OutboxMessage.all().count()
        status, code, limit, wait = await refused(await desk.asks("delete_files", "c", key="k"))
        assert (status, code, limit) == (429, "too_many_pending", 2)
        assert wait >= 1
        assert await ApprovalRequest.all().count() == 2
        assert await OutboxMessage.all().count() == cards
        assert (await desk.asks("delete_files", "a")).status == 202  # joins the one that waits
        assert (await desk.asks("read_files")).status == 200
        assert (await desk.asks("delete_files", "c", by="Two")).status == 202
        one = await ApprovalRequest.all().order_by("id").first()
        assert one is not None
        response = await desk.client.post(
            f"/v1/approvals/{one.id}/cancel", json={}, headers={"Authorization": f"Bearer {_token('One')}"}
        )
        assert response.status == 200
        assert (await desk.asks("delete_files", "c", key="k")).status == 202


@pytest.mark.parametrize("limit", ["checks_per_minute", "max_pending"])
async def test_an_agents_own_limit_counts_as_soon_as_it_is_known(database: Database, limit: str) -> None:
    async with open_desk(database, checks=1_000, pending=100) as desk:
        assert (await desk.asks("delete_files", "a")).status == 202
        async with transaction():
            await move_epoch()
            await Agent.filter(name="One").update(**{limit: 1})
        # The first check may still be admitted as before; it finds that the epoch has moved.
        answers = [(await desk.asks("delete_files", session)).status for session in ("b", "c", "d")]
        assert answers[-1] == 429
        assert (await desk.asks("delete_files", "b", by="Two")).status == 202
