"""100,000 past checks of one agent, replayed under a draft with conditions and budgets; SQLite.

python -m benchmarks.replay [CHECKS]
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.administration.agents import AgentAdministration
from bot.asking.parsing import as_json
from bot.audit.chain import AuditFact, Head, details_text, seal
from bot.audit.chain_writer import entries_table, entry_row
from bot.database import migrate, open_database, transaction
from bot.database.rows import insert_rows
from bot.digest import action_digest
from bot.directory import Directory
from bot.hindsight.replaying import Replaying
from bot.people.joining import People
from bot.policy import parse_policy, starter_floor
from bot.policy.evaluate import evaluate
from bot.ports import SystemClock
from bot.secrecy.box import SecretBox
from cards.replays import replay_text
from models.enums import Language, Level
from models.ids import new_id
from models.tables import Agent
from models.values import ActionRequest, AgentFacts, Decision, JsonObject, Question

CHECKS = 100_000
DAYS = 30
ROWS = 2_000  # of one transaction while building
ZONE = ZoneInfo("Asia/Shanghai")

THEN = {"default": "L2", "rules": {"read_*": "L1", "write_*": "L2", "pay_*": "L3", "send_external_message": "L3"}}
DRAFT = {
    "default": "L2",
    "rules": [
        {"action": "read_*", "level": "L1"},
        {"action": "pay_*", "when": "double(args.amount) > 900.0", "level": "DENY"},
        {"action": "pay_*", "when": 'today("amount") > 20000.0 || rate("1h") > 40', "level": "L3"},
        {"action": "write_*", "tool": "git.*", "when": 'args.branch == "main"', "level": "L3"},
        {"action": "send_external_message", "requester": "*@example.com", "level": "L2"},
        {"action": "write_*", "when": 'rate("24h") > 500', "level": "L3"},
    ],
}
_ACTIONS = (
    ("read_files", "read"),
    ("read_files", "grep"),
    ("write_workspace_files", "git.push"),
    ("write_workspace_files", "edit"),
    ("pay_invoice", "bank.transfer"),
    ("send_external_message", "mail"),
    ("create_calendar_event", None),
)


async def main(checks: int = CHECKS) -> None:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/replay.db"
        await migrate(url)
        async with open_database(url):
            people = People("cli_bench")
            creator = await people.ensure("default", "boss@example.com", now=clock.now())
            agent = await Agent.create(
                tenant="default", name="Bench", creator_id=creator.id, token_hash="0" * 64, created_at=clock.now()
            )
            begun = time.perf_counter()
            await build(agent, checks, clock.now())
            print(f"{checks} checks of {DAYS} days written in {time.perf_counter() - begun:.1f} s")
            directory = Directory(default_level=Level.L2)
            agents = AgentAdministration(SecretBox(["k" * 32]), default_level=Level.L2)
            replaying = Replaying(agents, directory, people, clock, default_level=Level.L2, zone=ZONE)
            await replay(replaying, agent)


async def build(agent: Agent, checks: int, now: datetime) -> None:
    """The audit of the agent's checks, evenly over the days, the newest just now."""
    head = Head(str(new_id()))
    rows = []
    for fact, at in _facts(agent, checks, now):
        head, sealed = seal(head, at, [(fact, details_text(fact))])
        rows.append(entry_row(sealed[0]))
        if len(rows) == ROWS:
            await _write(rows)
            rows = []
    await _write(rows)


async def _write(rows: list[tuple[object, ...]]) -> None:
    async with transaction() as connection:
        await insert_rows(connection, entries_table(), rows)


def _facts(agent: Agent, checks: int, now: datetime) -> Iterator[tuple[AuditFact, datetime]]:
    chance = random.Random(20260302)
    policy, floor = parse_policy(THEN, default=Level.L2, version=1), starter_floor()
    facts = AgentFacts(agent.id, agent.tenant, agent.name, agent.creator_id, None, False, False)
    step = timedelta(days=DAYS) / (checks + 1)
    for number in range(checks):
        at = (now - timedelta(days=DAYS) + step * (number + 1)).astimezone(UTC)
        request = _request(chance, number)
        decision = evaluate(policy, floor, Question(request, facts, at))
        yield _fact(agent, request, decision), at


def _request(chance: random.Random, number: int) -> ActionRequest:
    action, tool = chance.choice(_ACTIONS)
    args: JsonObject = {
        "path": f"reports/{number % 997}",
        "note": "x" * 300,
        "branch": chance.choice(["main", "topic"]),
    }
    if action.startswith("pay"):
        args |= {"amount": chance.randrange(1, 1000), "to": f"IBAN{chance.randrange(10**6)}"}
    said = chance.choice(["lin@example.com", "zhao@example.com", None])
    return ActionRequest(action, tool, args, "because", said, f"ses-{number // 50}", f"call-{number}")


def _fact(agent: Agent, request: ActionRequest, decision: Decision) -> AuditFact:
    allowed = decision.level in (Level.L1, Level.L2)
    return AuditFact(
        tenant=agent.tenant,
        actor=f"agent:{agent.id}",
        action="check.allowed" if allowed else "check.pending",
        subject=f"check:{new_id()}",
        details={
            "level": decision.level.value,
            "rule": decision.rule,
            "policy_version": decision.policy_version,
            "reason": decision.reason,
            "layer": decision.layer.value,
            "floor_version": decision.floor_version,
            "action_digest": action_digest(request),
            "request": as_json(request),
        },
        agent_id=agent.id,
        approval_id=None if allowed else new_id(),
    )


async def replay(replaying: Replaying, agent: Agent) -> None:
    """Replays with a progress line, and measures for how long the event loop was held up at worst."""
    gc.collect()
    gc.freeze()  # what was built before is not to be walked through in the middle of the measurement
    draft, holds = parse_policy(DRAFT, default=Level.L2), Holds()
    watching = asyncio.create_task(holds.watch())
    begun = time.perf_counter()
    report = await replaying.replay(agent, draft, days=DAYS + 1, progress=_progress)
    lasted = time.perf_counter() - begun
    watching.cancel()
    print(f"\r{report.checks} checks in {lasted:.1f} s: {report.checks / lasted:.0f} checks/s", " " * 20)
    print(f"the event loop was held for {holds.longest * 1000:.0f} ms at most\n")
    print(replay_text(report, Language.EN_US, now=report.until, zone=ZONE))


class Holds:
    """How much later than asked for a sleep of 1 ms ends."""

    longest = 0.0

    async def watch(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - begun - 0.001)


def _progress(done: int, total: int) -> None:
    share = done * 100 // total if total else 100
    print(f"\rreplaying {done:>7} of {total} ({share} %)", end="", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CHECKS))
