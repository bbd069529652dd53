"""What must not happen between two processes, under a policy that moves, and when an answer is asked for twice."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

import pytest
from tortoise.connection import get_connection

from bot.approvals import AlreadyDone, Resolved
from bot.checking.idempotency import KeyMismatch
from bot.clicks import Clicks, Pressed
from bot.database import Database, open_database, transaction
from bot.directory import Caller, CredentialRefused, move_epoch, token_hash
from bot.ledger import Ledger
from cards import messages
from handlers.card_clicks import CardClicks
from models.enums import AgentStatus, CheckStatus, ExecutionStatus, Level, Verdict, Via
from models.tables import Agent, ApprovalRequest, FeishuIdentity, GateEpoch, IdempotentCheck, User
from models.values import AppCredentials, CardClick, CheckAnswer, PersonIds, Refusal, RefusalKind
from tests.support.gate import APP_ID, Gate, asks, open_gate, operator

APP = AppCredentials(APP_ID, "default", "http://127.0.0.1:9", "", "", "")


@pytest.fixture
async def replica(database: Database, gate: Gate) -> AsyncIterator[Gate]:
    """A second process: another engine with a memory of its own, on the same database."""
    async with open_gate(database, gate.clock) as opened:
        yield opened


async def decide(gate: Gate, answer: CheckAnswer, by: User, verdict: Verdict = Verdict.APPROVE) -> uuid.UUID:
    assert answer.approval_id is not None
    outcome = await gate.approvals.resolve(answer.approval_id, verdict, operator(by), via=Via.CARD)
    assert not isinstance(outcome, Refusal)
    return answer.approval_id


async def execute(gate: Gate, approval_id: uuid.UUID, result: str = "done") -> None:
    """The service performs the approved action."""
    async with gate.ledger.transaction() as work:
        approval = await ApprovalRequest.get(id=approval_id)
        await ApprovalRequest.filter(id=approval_id).update(execution=ExecutionStatus.RUNNING)
        assert await gate.approvals.using.finish_execution(work, approval, ExecutionStatus.SUCCEEDED, result=result)


def just_before(
    owner: Any, name: str, happens: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`happens` once, in the moment before `owner.name` is entered."""
    original = getattr(owner, name)
    left = [happens]

    async def interrupted(*args: Any, **kwargs: Any) -> Any:
        if left:
            await left.pop()()
        return await original(*args, **kwargs)

    monkeypatch.setattr(owner, name, interrupted)


def before_transaction(
    ledger: Ledger, happens: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`happens` once, in the moment before the next transaction of `ledger` begins."""
    original = ledger.transaction
    left = [happens]

    @asynccontextmanager
    async def interrupted() -> AsyncIterator[Any]:
        if left:
            await left.pop()()
        async with original() as work:
            yield work

    monkeypatch.setattr(ledger, "transaction", interrupted)


# --- no go-ahead against the policy in force ---


@pytest.mark.parametrize("how", ["policy", "pause"])
async def test_key_of_an_approved_check_is_denied_once_the_policy_denies(
    gate: Gate, bookkeeper: Caller, lin: User, how: str
) -> None:
    await decide(gate, await gate.check(bookkeeper, key="k"), lin)
    await forbid(gate, bookkeeper, how)
    answer = await gate.check(bookkeeper, key="k")
    assert (answer.allowed, answer.status) == (False, CheckStatus.DENIED)
    assert len(await gate.audited("check.denied")) == 1
    assert await gate.audited("approval.claimed") == []


@pytest.mark.parametrize("how", ["policy", "pause"])
@pytest.mark.parametrize("action", ["read_files", "delete_files"])
async def test_stored_go_ahead_is_not_repeated_once_the_policy_denies(
    gate: Gate, replica: Gate, bookkeeper: Caller, lin: User, how: str, action: str
) -> None:
    first = await replica.check(bookkeeper, action, key="k")
    if action == "delete_files":
        await decide(gate, first, lin)
        first = await replica.check(bookkeeper, action, key="k")
    assert first.allowed
    await forbid(gate, bookkeeper, how)
    assert not (await replica.check(bookkeeper, action, key="k")).allowed
    await gate.set_status(bookkeeper, AgentStatus.ACTIVE)
    await gate.write_policy(bookkeeper, {"read_*": "L1", "delete_*": "L3"})
    assert await replica.check(bookkeeper, action, key="k") == first  # the same single go-ahead, not a second one


async def forbid(gate: Gate, caller: Caller, how: str) -> None:
    if how == "policy":
        await gate.write_policy(caller, {"*": "DENY"})
    else:
        await gate.set_status(caller, AgentStatus.PAUSED)


async def test_stored_answer_is_refused_to_an_archived_agent_whom_another_process_remembers(
    gate: Gate, replica: Gate, bookkeeper: Caller
) -> None:
    assert (await replica.check(bookkeeper, "read_files", key="k")).allowed
    await gate.set_status(bookkeeper, AgentStatus.ARCHIVED)
    with pytest.raises(CredentialRefused):
        await replica.check(bookkeeper, "read_files", key="k")


async def test_claim_by_id_loses_against_a_policy_that_moves_before_its_transaction(
    gate: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await gate.check(bookkeeper)
    approval_id = await decide(gate, answer, lin)
    before_transaction(gate.ledger, lambda: gate.write_policy(bookkeeper, {"*": "DENY"}), monkeypatch)
    refused = await gate.engine.claim(bookkeeper, approval_id, answer.action_digest)
    assert isinstance(refused, Refusal)
    assert refused.kind is RefusalKind.DENIED_NOW
    assert (await ApprovalRequest.get(id=approval_id)).claimed_at is None


async def test_claim_by_id_loses_against_an_archiving_before_its_transaction(
    gate: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await gate.check(bookkeeper)
    approval_id = await decide(gate, answer, lin)
    before_transaction(gate.ledger, lambda: gate.set_status(bookkeeper, AgentStatus.ARCHIVED), monkeypatch)
    with pytest.raises(CredentialRefused):
        await gate.engine.claim(bookkeeper, approval_id, answer.action_digest)


async def test_claim_by_id_in_a_process_with_an_old_memory(
    gate: Gate, replica: Gate, bookkeeper: Caller, lin: User
) -> None:
    await replica.check(bookkeeper, "read_files")
    answer = await gate.check(bookkeeper)
    approval_id = await decide(gate, answer, lin)
    await gate.write_policy(bookkeeper, {"*": "DENY"})
    refused = await replica.engine.claim(bookkeeper, approval_id, answer.action_digest)
    assert isinstance(refused, Refusal)


async def test_result_is_not_told_to_an_agent_that_was_archived_meanwhile(gate: Gate, replica: Gate, lin: User) -> None:
    caller = await gate.agent(lin, executor=True)
    await execute(gate, await decide(gate, await replica.check(caller), lin))
    await gate.set_status(caller, AgentStatus.ARCHIVED)
    with pytest.raises(CredentialRefused):
        await replica.check(caller)


async def test_denial_after_a_wait_is_in_the_audit(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    waiting = asyncio.create_task(gate.check(bookkeeper, key="k", wait=60))
    pending = await asked(gate)
    await gate.write_policy(bookkeeper, {"*": "DENY"})
    await gate.approvals.resolve(pending.id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    answer = await asyncio.wait_for(waiting, 10)
    assert answer.status is CheckStatus.DENIED
    [entry] = await gate.audited("check.denied")
    assert entry.subject == f"check:{answer.check_id}"
    assert await gate.check(bookkeeper, key="k") == answer


async def asked(gate: Gate, waiting: int = 1) -> ApprovalRequest:
    """The approval request, once so many wait for it."""
    while (pending := await ApprovalRequest.first()) is None or len(gate.waiters) < waiting:
        await asyncio.sleep(0.01)
    return pending


async def test_held_look_ends_with_the_token(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    held = asyncio.create_task(gate.engine.look(bookkeeper, answer.approval_id, wait=60))
    await asked(gate)
    await gate.set_status(bookkeeper, AgentStatus.ARCHIVED)
    await decide(gate, answer, lin)
    with pytest.raises(CredentialRefused):
        await asyncio.wait_for(held, 10)


async def test_rehearsal_in_a_process_with_an_old_memory_knows_the_policy_in_force(
    gate: Gate, replica: Gate, bookkeeper: Caller
) -> None:
    assert (await replica.engine.rehearse(bookkeeper, asks("read_files"))).level is Level.L1
    await gate.write_policy(bookkeeper, {"*": "DENY"})
    assert (await replica.engine.rehearse(bookkeeper, asks("read_files"))).level is Level.DENY


# --- one Idempotency-Key over two processes ---


async def test_key_taken_by_another_payload_while_claiming_keeps_both_answers_apart(
    gate: Gate, replica: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the go-ahead of one action is stored as the answer to the other, which nobody approved."""
    await decide(gate, await gate.check(bookkeeper), lin)
    before_transaction(gate.ledger, lambda: replica.check(bookkeeper, "delete_database", key="k"), monkeypatch)
    with pytest.raises(KeyMismatch):
        await gate.check(bookkeeper, key="k")
    other = await replica.check(bookkeeper, "delete_database", key="k")
    assert (other.allowed, other.status) == (False, CheckStatus.PENDING)
    assert await gate.audited("approval.claimed") == []


async def test_key_taken_by_another_payload_while_opening_asks_nobody(
    gate: Gate, replica: Gate, bookkeeper: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_transaction(gate.ledger, lambda: replica.check(bookkeeper, "read_files", key="k"), monkeypatch)
    with pytest.raises(KeyMismatch):
        await gate.check(bookkeeper, key="k")
    assert await ApprovalRequest.all().count() == 0


@pytest.mark.parametrize("verdict", [None, Verdict.REJECT])
async def test_key_taken_by_another_payload_while_joining_or_denied_is_a_mismatch(
    gate: Gate,
    replica: Gate,
    bookkeeper: Caller,
    lin: User,
    verdict: Verdict | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = await gate.check(bookkeeper)
    if verdict is not None:
        await decide(gate, first, lin, verdict)
    just_before(gate.journal, "record", lambda: replica.check(bookkeeper, "delete_database", key="k"), monkeypatch)
    with pytest.raises(KeyMismatch):
        await gate.check(bookkeeper, key="k")
    assert (await replica.check(bookkeeper, "delete_database", key="k")).status is CheckStatus.PENDING


@pytest.mark.parametrize("service", [False, True])
async def test_same_key_and_payload_at_once_in_two_processes_is_one_go_ahead_or_result(
    gate: Gate, replica: Gate, lin: User, service: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await gate.agent(lin, executor=service)
    approval_id = await decide(gate, await gate.check(caller), lin)
    if service:
        await execute(gate, approval_id)
    seen: list[CheckAnswer] = []

    async def elsewhere() -> None:
        seen.append(await replica.check(caller, key="k"))

    before_transaction(gate.ledger, elsewhere, monkeypatch)
    assert [await gate.check(caller, key="k")] == seen
    assert await ApprovalRequest.all().count() == 1


async def test_key_whose_approval_another_call_used_up_opens_no_second_request(
    gate: Gate, replica: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await gate.check(bookkeeper, key="k")
    await decide(gate, first, lin)
    before_transaction(gate.ledger, lambda: replica.check(bookkeeper), monkeypatch)
    answer = await gate.check(bookkeeper, key="k")
    assert (answer.allowed, answer.approval_id) == (False, first.approval_id)
    assert await ApprovalRequest.all().count() == 1


async def test_key_that_met_a_running_execution_follows_it(gate: Gate, lin: User) -> None:
    """Otherwise its repeat opens a new request when another call has collected the result."""
    caller = await gate.agent(lin, executor=True)
    approval_id = await decide(gate, await gate.check(caller), lin)
    running = await gate.check(caller, key="k")
    assert (running.status, running.allowed) == (CheckStatus.APPROVED, False)
    await execute(gate, approval_id)
    await gate.check(caller)
    told = await gate.check(caller, key="k")
    assert told.approval_id == approval_id
    assert told.execution is not None and told.execution.result == "done"
    assert await gate.check(caller, key="k") == told
    with pytest.raises(KeyMismatch):
        await gate.check(caller, "read_files", key="k")


@pytest.mark.parametrize("end", ["rejected", "expired", "cancelled", "lapsed"])
async def test_key_of_an_approval_that_ended_gives_its_end_again(
    gate: Gate, bookkeeper: Caller, lin: User, end: str
) -> None:
    first = await gate.check(bookkeeper, key="k")
    assert first.approval_id is not None
    if end == "rejected":
        await decide(gate, first, lin, Verdict.REJECT)
        gate.clock.move(minutes=11)
    elif end == "cancelled":
        await gate.approvals.settling.cancel(await gate.directory.agent(bookkeeper), first.approval_id, None)
    elif end == "lapsed":
        await decide(gate, first, lin)
        gate.clock.move(hours=25)
    else:
        gate.clock.move(hours=73)
    again = await gate.check(bookkeeper, key="k")
    assert (again.allowed, again.approval_id) == (False, first.approval_id)
    assert again.status.value == ("approved" if end == "lapsed" else end)
    assert await ApprovalRequest.all().count() == 1
    assert (await gate.check(bookkeeper)).approval_id != first.approval_id


# --- repeats ---


async def test_result_is_handed_over_once_by_two_processes(gate: Gate, replica: Gate, lin: User) -> None:
    caller = await gate.agent(lin, executor=True)
    approval_id = await decide(gate, await gate.check(caller), lin)
    await execute(gate, approval_id)
    answers = await asyncio.gather(*(one.check(caller) for one in [gate, replica] * 5))
    assert sum(answer.approval_id == approval_id for answer in answers) == 1
    assert len({answer.approval_id for answer in answers}) == 2


async def test_result_that_nobody_collected_does_not_answer_for_ever(gate: Gate, lin: User) -> None:
    """An agent that looked instead of repeating would be told next month that last month's execution was this one."""
    caller = await gate.agent(lin, executor=True)
    approval_id = await decide(gate, await gate.check(caller), lin)
    await execute(gate, approval_id)
    gate.clock.move(days=30)
    again = await gate.check(caller)
    assert (again.status, again.approval_id == approval_id) == (CheckStatus.PENDING, False)


async def test_the_latest_request_is_known_when_the_clock_stands_still_or_steps_back(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    first = await gate.check(bookkeeper)
    assert first.approval_id is not None
    await gate.approvals.settling.cancel(await gate.directory.agent(bookkeeper), first.approval_id, None)
    gate.clock.move(seconds=-1)
    second = await gate.check(bookkeeper)
    await decide(gate, second, lin, Verdict.REJECT)
    assert (await gate.check(bookkeeper)).status is CheckStatus.REJECTED


async def test_two_processes_open_one_request_at_once(gate: Gate, replica: Gate, bookkeeper: Caller) -> None:
    answers = await asyncio.gather(*(one.check(bookkeeper) for one in [gate, replica] * 10))
    assert len({answer.approval_id for answer in answers}) == 1
    assert len(await gate.audited("check.pending")) + len(await gate.audited("check.joined")) == 20


async def test_approval_at_the_last_moment_of_a_wait_is_still_taken(
    gate: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`approved` without a go-ahead says "do not act"; the agent would never come back for it."""
    answer = await gate.check(bookkeeper)

    async def deadline(*_: Any) -> None:
        await decide(gate, answer, lin)

    monkeypatch.setattr(gate.waiters, "wait", deadline)
    assert (await gate.check(bookkeeper, wait=1)).allowed


async def test_go_ahead_is_kept_for_an_agent_that_hung_up(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    """Nobody hears the answer: the next repeat gets the go-ahead instead of asking the person again."""
    held = asyncio.create_task(gate.engine.check(bookkeeper, asks(), wait=60, listening=lambda: False))
    pending = await asked(gate)
    await gate.approvals.resolve(pending.id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    assert not (await asyncio.wait_for(held, 10)).allowed
    repeated = await gate.check(bookkeeper)
    assert (repeated.allowed, repeated.approval_id) == (True, pending.id)


# --- memory and reads ---


async def test_cached_l1_check_reads_nothing_before_its_commit(
    gate: Gate, bookkeeper: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gate.check(bookkeeper, "read_files")
    read = forbid_reads(monkeypatch)
    assert (await gate.check(bookkeeper, "read_files")).allowed
    assert read == []


async def test_memory_catches_up_with_an_epoch_that_moved_elsewhere(
    gate: Gate, replica: Gate, bookkeeper: Caller, lin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process remembered another agent under the former epoch; this one must be remembered too."""
    other = await gate.agent(lin, name="Clerk")
    await replica.check(other, "read_files")
    await gate.write_policy(other, {"*": "L1"})
    await replica.check(bookkeeper, "read_files")
    read = forbid_reads(monkeypatch)
    await replica.check(bookkeeper, "read_files")
    assert read == []
    monkeypatch.undo()
    assert (await replica.check(other, "format_disk")).level is Level.L1


def forbid_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of a check's decision that were read since."""
    read: list[str] = []
    for model in (Agent, GateEpoch, IdempotentCheck, User, ApprovalRequest):
        for name in ("get", "get_or_none", "filter", "exists"):
            original = getattr(model, name)

            def noted(*args: Any, _original: Any = original, _table: str = model.__name__, **kwargs: Any) -> Any:
                read.append(_table)
                return _original(*args, **kwargs)

            monkeypatch.setattr(model, name, noted)
    return read


# --- presses ---


@pytest.fixture
async def pressing(gate: Gate, lin: User) -> Callable[..., Awaitable[Pressed]]:
    await FeishuIdentity.create(app_id=APP_ID, person_id=lin.id, open_id="ou_lin", updated_at=gate.clock.now())
    clicks = Clicks(gate.approvals, gate.people, gate.views, gate.clock)

    async def press(approval_id: uuid.UUID, open_id: str, event_id: str, **ids: str) -> Pressed:
        value = {"approval_id": str(approval_id), "verdict": "approve"}
        person = PersonIds(open_id=open_id, **ids)
        app = AppCredentials(APP_ID, "default", "http://127.0.0.1:9", "", "", "", tenant_key="ours")
        return await clicks.press(app, CardClick(event_id, APP_ID, person, None, None, value, None, {}, None))

    return press


async def test_repeated_event_of_a_stranger_shows_no_card(
    gate: Gate, bookkeeper: Caller, lin: User, pressing: Callable[..., Awaitable[Pressed]]
) -> None:
    """The card would replace everybody's, with the stranger's own link to the whole page on it."""
    approval_id = (await gate.check(bookkeeper)).approval_id
    for _ in range(2):
        pressed = await pressing(approval_id, "ou_stranger", "e1")
        assert isinstance(pressed.outcome, Refusal) and pressed.outcome.kind is RefusalKind.NOT_YOURS
        assert pressed.view is None


async def test_repeated_event_of_the_creator_shows_the_present_card(
    gate: Gate, bookkeeper: Caller, lin: User, pressing: Callable[..., Awaitable[Pressed]]
) -> None:
    approval_id = (await gate.check(bookkeeper)).approval_id
    await pressing(approval_id, "ou_lin", "e1")
    again = await pressing(approval_id, "ou_lin", "e1")
    assert isinstance(again.outcome, AlreadyDone)
    assert again.view is not None


async def test_presses_of_other_companies_and_on_unknown_cards_are_audited(
    gate: Gate, bookkeeper: Caller, lin: User, pressing: Callable[..., Awaitable[Pressed]]
) -> None:
    approval_id = (await gate.check(bookkeeper)).approval_id
    assert approval_id is not None
    foreign = await pressing(approval_id, "ou_foreign", "e1", tenant_key="theirs")
    assert isinstance(foreign.outcome, Refusal) and foreign.outcome.kind is RefusalKind.NOT_YOURS
    unknown = await pressing(uuid.UUID(int=7), "ou_lin", "e2")
    assert isinstance(unknown.outcome, Refusal) and unknown.outcome.kind is RefusalKind.UNKNOWN_APPROVAL
    kinds = [json.loads(entry.details)["refusal"] for entry in await gate.audited("approval.refused")]
    assert kinds == ["not_yours", "unknown_approval"]


async def test_press_after_the_time_is_over_closes_the_card_at_once(
    gate: Gate, bookkeeper: Caller, lin: User, pressing: Callable[..., Awaitable[Pressed]]
) -> None:
    """Before the tick has got to it, the card in the answer would still offer its buttons."""
    approval_id = (await gate.check(bookkeeper)).approval_id
    gate.clock.move(hours=73)
    pressed = await pressing(approval_id, "ou_lin", "e1")
    assert isinstance(pressed.outcome, Refusal) and pressed.outcome.kind is RefusalKind.EXPIRED
    assert pressed.view is not None and pressed.view.status.value == "expired"


async def test_press_that_is_cut_off_in_its_transaction_leaves_nothing_and_may_be_repeated(
    gate: Gate,
    bookkeeper: Caller,
    lin: User,
    pressing: Callable[..., Awaitable[Pressed]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the 2.5 seconds of a card callback do to a press that is too slow."""
    approval_id = (await gate.check(bookkeeper)).approval_id
    resolved, for_ever = asyncio.Event(), asyncio.Event()

    async def hang(*_: Any) -> None:
        resolved.set()
        await for_ever.wait()

    with monkeypatch.context() as slow:
        slow.setattr(gate.approvals.telling, "changed", hang)
        press = asyncio.ensure_future(pressing(approval_id, "ou_lin", "e1"))
        await resolved.wait()
        press.cancel()
        await asyncio.wait([press])
    assert (await ApprovalRequest.get(id=approval_id)).status.value == "pending"
    assert isinstance((await pressing(approval_id, "ou_lin", "e1")).outcome, Resolved)
    assert len(await gate.audited("approval.resolved")) == 1


@pytest.mark.parametrize("fault", [TimeoutError(), ConnectionRefusedError()])
async def test_press_without_a_database_is_answered_with_a_toast(
    gate: Gate, lin: User, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(gate.people, "operator", away)
    clicks = Clicks(gate.approvals, gate.people, gate.views, gate.clock)
    click = CardClick("e1", APP_ID, PersonIds(open_id="ou_lin"), None, None, {}, None, {}, None)
    assert await CardClicks(clicks, gate.clock, UTC).answer(APP, click) == {"toast": messages.busy_toast()}


# --- locks ---


async def test_rotating_the_token_while_a_request_is_opened_is_no_fault_of_the_check(postgres_url: str) -> None:
    """The rotation locks the agent, then the epoch; the opening locks them the other way round: a deadlock."""
    async with open_database(postgres_url) as database, open_gate(database) as gate:
        caller = await gate.agent(await gate.person("林小雨"))
        await gate.check(caller, session="before")
        locked = asyncio.Event()

        async def rotate() -> None:
            async with transaction():
                await Agent.filter(id=caller.agent_id).update(token_hash=token_hash("another"))
                locked.set()
                while not await blocked():
                    await asyncio.sleep(0.01)
                await move_epoch()

        async def blocked() -> bool:
            """Whether the opening waits for us, and so holds the epoch."""
            sql = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            return bool(await get_connection("default").execute_query_dict(sql))

        rotating = asyncio.create_task(rotate())
        await locked.wait()
        async with asyncio.timeout(30):
            [checked, _] = await asyncio.gather(gate.check(caller, session="s"), rotating, return_exceptions=True)
        if isinstance(checked, CheckAnswer):  # the rotation was the one that PostgreSQL gave up
            assert checked.status is CheckStatus.PENDING
        else:
            assert isinstance(checked, CredentialRefused)
