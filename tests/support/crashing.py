"""A load of checks, clicks and executions for a service that is killed again and again, and what its clients saw.

Every client knows three ends of a call: ok, failed (certainly without effect) and unknown (the answer was lost).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bot.simulator.presses import controls
from bot.simulator.state import Message, Person
from tests.support.feishu import Feishu

POLICY = {"read_*": "L1", "write_*": "L2", "delete_*": "L3"}
CALLS = 60
"""Of one caller between two kills: the load ends by itself on a machine on which nothing else slows it down."""


@dataclass
class Seen:
    """What the clients can testify."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    """Check id → status it was answered with."""
    go_aheads: Counter[str] = field(default_factory=Counter)
    """Approval id → how many answers said `allowed: true`."""
    orders: Counter[str] = field(default_factory=Counter)
    """Approval id → how many times its executor was asked."""
    clicks: dict[str, str] = field(default_factory=dict)
    """Approval id → the button of the click that was answered with success."""
    refused: int = 0
    failed: int = 0
    unknown: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers that nobody should ever get."""

    def summary(self) -> str:
        return (
            f"acknowledged {len(self.acknowledged)}, unknown {self.unknown}, failed {self.failed}, "
            f"clicks {len(self.clicks)}, refused {self.refused}, "
            f"go-aheads {self.go_aheads.total()}, executions {self.orders.total()}"
        )


class NoAnswer(Exception):
    """The call ended without an answer. `sent`: it may have taken effect."""

    def __init__(self, sent: bool) -> None:
        self.sent = sent


@dataclass
class Gate:
    """Where the service is at this moment, if it is anywhere."""

    base_url: str = ""
    up: asyncio.Event = field(default_factory=asyncio.Event)


class Caller:
    """One agent. It repeats its open L3 calls until they are decided, as agents do."""

    def __init__(
        self, name: str, token: str, gate: Gate, seen: Seen, session: aiohttp.ClientSession, seed: int
    ) -> None:
        self.name = name
        self._headers = {"Authorization": f"Bearer {token}"}
        self._gate = gate
        self._seen = seen
        self._session = session
        self._chance = random.Random(seed)
        self._open: list[str] = []
        self._asked = 0

    async def run(self, until: asyncio.Event) -> None:
        """Calls until told to stop, or until CALLS are made."""
        fresh = 1 + self._chance.randrange(2)
        notices = 1
        for _ in range(CALLS):
            if until.is_set():
                return
            draw = self._chance.random()
            if draw < 0.15 and fresh:
                fresh -= 1
                self._asked += 1
                self._open.append(f"reports/{self.name}/{self._asked}")
            if draw < 0.25 and notices:
                notices -= 1
                await self._check("write_files", f"notes/{self.name}")
            elif draw < 0.6 and self._open:
                await self._repeat(self._chance.choice(self._open))
            else:
                await self._check("read_files", f"reports/{self.name}")

    async def _repeat(self, path: str) -> None:
        """Asks, or asks again; the call is given up once it is decided."""
        answer = await self._check("delete_files", path)
        if answer is None:
            return
        finished = (answer.get("execution") or {}).get("status") in ("succeeded", "failed", "unknown")
        if answer["allowed"] or finished or answer["status"] in ("rejected", "expired", "cancelled", "denied"):
            self._open.remove(path)
        if answer["allowed"]:
            self._seen.go_aheads[answer["approval_id"]] += 1
            await self._post(f"/v1/approvals/{answer['approval_id']}/outcome", {"status": "succeeded", "result": path})

    async def _check(self, action: str, path: str) -> dict[str, Any] | None:
        details = {"tool": action, "args": {"path": path}}
        answer = await self._post("/v1/check", {"action_type": action, "details": details})
        if answer is not None and "check_id" in answer:
            self._seen.acknowledged[answer["check_id"]] = answer["status"]
        return answer

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of a 2xx; None when there was none."""
        try:
            return await self._exchange(path, body)
        except NoAnswer as end:
            self._seen.unknown += end.sent
            self._seen.failed += not end.sent
            return None

    async def _exchange(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = self._gate.base_url + path
        try:
            async with self._session.post(url, json=body, headers=self._headers) as response:
                answer: dict[str, Any] = await response.json()
        except aiohttp.ClientConnectorError:
            raise NoAnswer(sent=False) from None
        except (aiohttp.ClientError, OSError, json.JSONDecodeError):
            raise NoAnswer(sent=True) from None
        if response.status == 503:
            raise NoAnswer(sent=False)
        if response.status >= 300:
            self._seen.wrong.append(f"{path}: {response.status} {answer}")
            raise NoAnswer(sent=False)
        return answer


class Clickers:
    """The people: each new card is approved, rejected or left alone; a press that brought an error is repeated."""

    TRIES = 6

    def __init__(self, feishu: Feishu, gate: Gate, seen: Seen, seed: int) -> None:
        self._feishu = feishu
        self._gate = gate
        self._seen = seen
        self._chance = random.Random(seed)

    async def run(self) -> None:
        """Presses until cancelled."""
        while True:
            card = await self._feishu.next_card(timeout=3600)
            verdict = self._chance.choices(["approve", "reject", None], [5, 2, 2])[0]
            if verdict is not None:
                await self._press(card, verdict)

    async def _press(self, card: Message, verdict: str) -> None:
        approval_id, shown = approval_of(card), card.card
        if not approval_id:  # a notice, or somebody's queue
            return
        for _ in range(self.TRIES):
            await self._gate.up.wait()
            click = await self._feishu.click(card, verdict, by=card.chat.people[0], shown=shown)
            if click.code or click.toast is None or click.toast.kind == "warning":
                continue  # nobody answered, or too late: whether it counted is unknown, so the person presses again
            if click.toast.kind == "success":
                self._note(approval_id, verdict)
                await self._feishu.click_again(click)  # Feishu delivers twice; once must be enough
            else:
                self._seen.refused += 1
            return

    def _note(self, approval_id: str, verdict: str) -> None:
        if self._seen.clicks.setdefault(approval_id, verdict) != verdict:
            self._seen.wrong.append(f"{approval_id}: two clicks were told success")


def approval_of(card: Message) -> str:
    """The approval that the open card asks about; empty when it asks no more, and for every other card."""
    for control in controls(card.card):
        behavior = control.behavior("callback") if control.name == "approve" else None
        if behavior is not None and "approval_id" in behavior["value"]:
            return str(behavior["value"]["approval_id"])
    return ""


@asynccontextmanager
async def executor_counting(seen: Seen, seed: int) -> AsyncIterator[str]:
    """The URL of an executor that takes up to a third of a second, so that kills fall into its work."""
    chance = random.Random(seed)

    async def execute(request: web.Request) -> web.Response:
        order = await request.json()
        seen.orders[order["data"]["approval_id"]] += 1
        await asyncio.sleep(chance.uniform(0, 0.35))
        return web.json_response({"deleted": 1})

    app = web.Application()
    app.add_routes([web.post("/execute", execute)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/execute"
    finally:
        await runner.cleanup()


def cards_of(feishu: Feishu, people: Sequence[Person]) -> Counter[tuple[str, str]]:
    """(approval, person) → how many open cards about it this person got."""
    return Counter(
        (approval_id, person.key)
        for person in people
        for card in feishu.messages(to=person, type="interactive")
        if (approval_id := approval_of(card))
    )
