"""Floor, freeze, observation and limits in front of the agent's policy, on every way to a go-ahead."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from tortoise.connection import get_connection

from bot.approvals import Resolved
from bot.database import Database, transaction
from bot.directory import Caller
from bot.quotas import Quotas, TooManyChecks, TooManyPending
from models.enums import AgentStatus, ApprovalStatus, CheckStatus, Layer, Level, Role, Verdict, Via
from models.tables import Agent, ApprovalRequest, AuditEntry, FeishuIdentity, OutboxMessage, User
from models.values import CheckAnswer, Refusal, RefusalKind
from tests.support.gate import APP_ID, Gate, asks, open_gate, operator


async def approve(gate: Gate, answer: CheckAnswer, by: User) -> None:
    assert answer.approval_id is not None
    outcome = await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(by), via=Via.CARD)
    assert isinstance(outcome, Resolved)


async def details_of(gate: Gate, action: str) -> dict[str, Any]:
    details: dict[str, Any] = json.loads((await gate.audited(action))[-1].details)
    return details


@pytest.mark.parametrize("action", ["delete_rows", "Delete_Rows", "ｄｅｌｅｔｅ_rows"])
async def test_starter_floor_asks_where_the_policy_would_not(gate: Gate, lin: User, action: str) -> None:
    lenient = await gate.agent(lin, policy={"*": "L1"})
    answer = await gate.check(lenient, action, details={"tool": "sql"})
    assert (answer.status, answer.level, answer.layer) == (CheckStatus.PENDING, Level.L3, Layer.FLOOR)
    approval = await ApprovalRequest.get(id=answer.approval_id)
    assert (approval.layer, approval.floor_version) == (Layer.FLOOR, 0)
    assert approval.rule == answer.rule != "*"
    assert len(approval.shape) == 64
    told = await details_of(gate, "check.pending")
    assert (told["layer"], told["floor_level"], told["floor_rule"], told["rule"]) == ("floor", "L3", answer.rule, "*")


async def test_floor_looks_at_the_tool_as_well(gate: Gate, lin: User) -> None:
    lenient = await gate.agent(lin, policy={"*": "L1"})
    answer = await gate.check(lenient, "tidy_up", details={"tool": "delete_file"})
    assert (answer.level, answer.layer) == (Level.L3, Layer.FLOOR)


async def test_stricter_policy_stays_as_it_is(gate: Gate, lin: User) -> None:
    strict = await gate.agent(lin, policy={"*": "DENY"})
    answer = await gate.check(strict)
    assert (answer.status, answer.layer) == (CheckStatus.DENIED, Layer.POLICY)


async def test_floor_that_moves_binds_the_next_commit_on_every_engine(
    gate: Gate, database: Database, bookkeeper: Caller
) -> None:
    async with open_gate(database, gate.clock) as replica:
        assert (await replica.check(bookkeeper, "read_files")).allowed
        await gate.write_floor({"read_*": "DENY"})
        assert (await replica.check(bookkeeper, "read_files")).status is CheckStatus.DENIED
        await gate.write_floor({"rules": []})
        assert (await replica.check(bookkeeper, "read_files")).allowed


async def test_approved_go_ahead_is_gone_when_the_floor_denies(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    await approve(gate, answer, lin)
    await gate.write_floor({"delete_*": "DENY"})
    assert (await gate.check(bookkeeper)).layer is Layer.FLOOR
    assert answer.approval_id is not None
    await gate.directory.refresh()
    refused = await gate.engine.claim(bookkeeper, answer.approval_id, answer.action_digest)
    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.DENIED_NOW


async def test_condition_that_fails_is_strict_and_audited(gate: Gate, lin: User) -> None:
    policy = {"default": "L1", "rules": [{"action": "move_*", "when": "args.depth > 3", "level": "L3"}]}
    agent = await gate.agent(lin, policy=policy)
    answer = await gate.check(agent, "move_files", details={"args": {}})
    assert answer.status is CheckStatus.PENDING
    assert "depth" in (await details_of(gate, "check.pending"))["faults"][0]
    assert (await gate.check(agent, "move_files", details={"args": {"depth": 1}})).level is Level.L1


async def test_requester_is_looked_up_only_where_the_rules_ask(gate: Gate, lin: User) -> None:
    await User.filter(id=lin.id).update(email="lin@example.com")
    await FeishuIdentity.create(app_id=APP_ID, person_id=lin.id, open_id="ou_lin", updated_at=gate.clock.now())
    rules = [{"requester": "lin@example.com", "when": "requester.known", "level": "L1"}]
    curious = await gate.agent(lin, policy={"default": "L3", "rules": rules})
    plain = await gate.agent(lin, name="Plain", policy={"*": "L1"})
    assert (await gate.check(curious, "read", requested_by="ou_lin")).level is Level.L1
    assert (await gate.check(curious, "read", requested_by="ou_somebody")).level is Level.L3
    assert (await gate.check(curious, "read")).level is Level.L3
    await gate.check(plain, "read", requested_by="ou_lin")
    asked: list[str] = []
    find = gate.people.find

    async def counting(tenant: str, who: str) -> User | None:
        asked.append(who)
        return await find(tenant, who)

    gate.people.find = counting  # type: ignore[method-assign]
    await gate.check(plain, "read", requested_by="ou_lin")
    assert asked == []
    await gate.check(curious, "read", requested_by="ou_lin")
    assert asked == ["ou_lin"]


async def test_unmetered_l1_check_asks_the_database_nothing_but_its_commit(gate: Gate, bookkeeper: Caller) -> None:
    """The hot path: floors, grants, freezes and counters cost an ordinary check no query."""
    await gate.check(bookkeeper, "read_files")
    connection, asked = get_connection("default"), []
    for name in ("execute_query", "execute_query_dict"):
        run = getattr(type(connection), name)

        async def seen(self: Any, query: str, values: Any = None, *, _run: Any = run) -> Any:
            asked.append(query)
            return await _run(self, query, values)

        setattr(connection, name, seen.__get__(connection))
    try:
        await gate.check(bookkeeper, "read_files")
    finally:
        for name in ("execute_query", "execute_query_dict"):
            delattr(connection, name)
    assert [query for query in asked if not query.startswith("WITH epoch AS")] == []


async def test_nothing_is_allowed_while_frozen_and_everything_is_as_before_afterwards(
    gate: Gate, bookkeeper: Caller
) -> None:
    freeze = await gate.freeze(bookkeeper)
    answer = await gate.check(bookkeeper, "read_files", key="k")
    assert (answer.allowed, answer.status, answer.layer) == (False, CheckStatus.DENIED, Layer.FREEZE)
    assert (await details_of(gate, "check.denied"))["layer"] == "freeze"
    await gate.lift(freeze)
    assert (await gate.check(bookkeeper, "read_files", key="k")).allowed  # a freeze is no answer for good


async def test_freeze_with_an_end_is_over_at_its_end(gate: Gate, bookkeeper: Caller) -> None:
    until = gate.clock.now() + timedelta(hours=2)
    await gate.freeze(until=until)
    answer = await gate.check(bookkeeper, "read_files")
    assert (answer.allowed, answer.frozen_until) == (False, until)
    gate.clock.move(hours=2)
    assert (await gate.check(bookkeeper, "read_files")).allowed


async def test_freeze_concerns_its_agent_or_its_tenant_only(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    clerk = await gate.agent(lin, name="Clerk")
    stranger = await gate.agent(await gate.person("Eve", tenant="other"), name="Other")
    await gate.freeze(bookkeeper)
    assert (await gate.check(clerk, "read_files")).allowed
    await gate.freeze()
    assert not (await gate.check(clerk, "read_files")).allowed
    assert (await gate.check(stranger, "read_files")).allowed


async def test_question_stays_open_during_a_freeze_and_is_reported_as_such(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    asked = await gate.check(bookkeeper, key="k")
    freeze = await gate.freeze(bookkeeper)
    for key in (None, "k"):
        again = await gate.check(bookkeeper, key=key)
        assert (again.status, again.approval_id) == (CheckStatus.PENDING, asked.approval_id)
    await approve(gate, asked, lin)  # pressing is recorded
    for key in (None, "k"):
        frozen = await gate.check(bookkeeper, key=key)
        assert (frozen.allowed, frozen.layer) == (False, Layer.FREEZE)
    assert asked.approval_id is not None
    refused = await gate.engine.claim(bookkeeper, asked.approval_id, asked.action_digest)
    assert isinstance(refused, Refusal) and (refused.kind, refused.by) == (RefusalKind.FROZEN, "王敏")
    assert (await ApprovalRequest.get(id=asked.approval_id)).claimed_at is None
    await gate.lift(freeze)
    claimed = await gate.check(bookkeeper, key="k")
    assert (claimed.allowed, claimed.approval_id) == (True, asked.approval_id)


async def test_frozen_agent_opens_no_question(gate: Gate, bookkeeper: Caller) -> None:
    await gate.freeze(bookkeeper)
    assert (await gate.check(bookkeeper)).status is CheckStatus.DENIED
    assert await ApprovalRequest.all().count() == 0


async def test_stored_go_ahead_is_not_given_again_while_frozen(gate: Gate, bookkeeper: Caller) -> None:
    first = await gate.check(bookkeeper, "read_files", key="k")
    freeze = await gate.freeze(bookkeeper)
    assert (await gate.check(bookkeeper, "read_files", key="k")).layer is Layer.FREEZE
    await gate.lift(freeze)
    assert await gate.check(bookkeeper, "read_files", key="k") == first


async def test_held_check_collects_nothing_that_was_approved_during_a_freeze(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    waiting = asyncio.create_task(gate.check(bookkeeper, wait=60))
    while (pending := await ApprovalRequest.first()) is None or not len(gate.waiters):
        await asyncio.sleep(0.01)
    freeze = await gate.freeze()
    await gate.approvals.resolve(pending.id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    answer = await asyncio.wait_for(waiting, 10)
    assert (answer.allowed, answer.layer) == (False, Layer.FREEZE)
    await gate.lift(freeze)
    assert (await gate.check(bookkeeper)).approval_id == pending.id


async def test_check_that_is_decided_before_a_freeze_does_not_commit_after_it(
    gate: Gate, database: Database, bookkeeper: Caller
) -> None:
    async with open_gate(database, gate.clock) as replica:
        assert (await replica.check(bookkeeper, "read_files")).allowed
        await gate.freeze()
        answers = await asyncio.gather(*(replica.check(bookkeeper, "read_files") for _ in range(20)))
        assert not any(answer.allowed for answer in answers)


async def test_observed_agent_runs_silently_and_leaves_what_it_would_have_been(gate: Gate, bookkeeper: Caller) -> None:
    await gate.observe(bookkeeper, gate.clock.now() + timedelta(days=7))
    for action, would_be in [("delete_files", "L3"), ("format_disk", "DENY"), ("write_files", "L2")]:
        answer = await gate.check(bookkeeper, action)
        assert (answer.allowed, answer.level, answer.layer) == (True, Level.L1, Layer.OBSERVE)
        assert answer.would_be == would_be
        assert (await details_of(gate, "check.allowed"))["would_be"] == would_be
    plain = await gate.check(bookkeeper, "read_files")
    assert (plain.level, plain.layer, plain.would_be) == (Level.L1, Layer.POLICY, None)
    assert await OutboxMessage.all().count() == await ApprovalRequest.all().count() == 0
    gate.clock.move(days=7)
    assert (await gate.check(bookkeeper)).status is CheckStatus.PENDING


async def test_observation_ends_before_a_pause_and_a_freeze(gate: Gate, bookkeeper: Caller) -> None:
    await gate.observe(bookkeeper, gate.clock.now() + timedelta(days=7))
    freeze = await gate.freeze(bookkeeper)
    assert (await gate.check(bookkeeper)).layer is Layer.FREEZE
    await gate.set_status(bookkeeper, AgentStatus.PAUSED)
    assert (await gate.check(bookkeeper)).layer is Layer.PAUSE
    await gate.set_status(bookkeeper, AgentStatus.ACTIVE)
    await gate.lift(freeze)
    assert (await gate.check(bookkeeper)).layer is Layer.OBSERVE


async def test_agent_that_asks_too_often_is_refused_and_nothing_is_recorded(database: Database) -> None:
    moment = [0.0]
    quotas = Quotas(checks_per_minute=3, monotonic=lambda: moment[0])
    async with open_gate(database, quotas=quotas) as gate:
        agent = await gate.agent(await gate.person("Lin"))
        for _ in range(3):
            await gate.check(agent, "read_files")
        with pytest.raises(TooManyChecks) as refused:
            await gate.check(agent, "read_files")
        assert refused.value.retry_after == pytest.approx(20)
        assert await AuditEntry.filter(action="check.allowed").count() == 3
        moment[0] = 21
        assert (await gate.check(agent, "read_files")).allowed


async def test_only_so_many_questions_wait_at_once(gate: Gate, database: Database, lin: User) -> None:
    agent = await gate.agent(lin)
    await Agent.filter(id=agent.agent_id).update(max_pending=5)
    async with open_gate(database, gate.clock) as replica:
        results = await asyncio.gather(
            *((gate, replica)[i % 2].check(agent, session=str(i)) for i in range(20)), return_exceptions=True
        )
        assert sum(isinstance(result, TooManyPending) for result in results) == 15
        assert await ApprovalRequest.filter(status=ApprovalStatus.PENDING).count() == 5
        joined = next(result for result in results if isinstance(result, CheckAnswer))
        assert joined.status is CheckStatus.PENDING
        approval = await ApprovalRequest.get(id=joined.approval_id)
        assert (await gate.check(agent, session=approval.session)).approval_id == approval.id  # repeats still join
        await approve(gate, joined, lin)
        assert (await gate.check(agent, session="more")).status is CheckStatus.PENDING


async def test_rules_written_in_an_open_transaction_do_not_bind_before_their_commit(
    gate: Gate, bookkeeper: Caller
) -> None:
    assert (await gate.check(bookkeeper, "read_files")).allowed
    with pytest.raises(RuntimeError, match="given up"):
        async with transaction():
            await Agent.filter(id=bookkeeper.agent_id).update(status=AgentStatus.PAUSED)
            raise RuntimeError("given up")
    assert (await gate.check(bookkeeper, "read_files")).allowed
    dry = await gate.engine.rehearse(bookkeeper, asks("delete_files"))
    assert (dry.level, dry.layer, dry.floor_level) == (Level.L3, Layer.POLICY, Level.L3)


async def test_creator_is_known_to_rules_by_email(gate: Gate) -> None:
    wang = await gate.person("王敏", role=Role.ORG_ADMIN)
    await User.filter(id=wang.id).update(email="wang@example.com")
    agent = await gate.agent(wang, policy={"default": "L3", "rules": [{"creator": "wang@*", "level": "L1"}]})
    assert (await gate.check(agent, "read")).level is Level.L1
