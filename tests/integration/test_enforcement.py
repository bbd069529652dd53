"""The check and the repeats of it, on both databases."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from bot.approvals import Resolved, stored_request
from bot.checking.idempotency import KeyInUse, KeyMismatch
from bot.directory import Caller, CredentialRefused
from models.enums import (
    AgentStatus,
    ApprovalStatus,
    CheckStatus,
    ExecutionStatus,
    Level,
    OutboxKind,
    Role,
    Verdict,
    Via,
)
from models.tables import ApprovalRequest, AuditEntry, CardCopy, Notification, OutboxMessage, User
from models.values import CheckAnswer, Refusal, RefusalKind
from tests.support.gate import Gate, asks, operator


async def approve(gate: Gate, answer: CheckAnswer, by: User) -> None:
    assert answer.approval_id is not None
    outcome = await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(by), via=Via.CARD)
    assert isinstance(outcome, Resolved)


async def reject(gate: Gate, answer: CheckAnswer, by: User, reason: str) -> None:
    assert answer.approval_id is not None
    outcome = await gate.approvals.resolve(
        answer.approval_id, Verdict.REJECT, operator(by), via=Via.CARD, reason=reason
    )
    assert isinstance(outcome, Resolved)


async def test_l1_is_allowed_audited_and_silent(gate: Gate, bookkeeper: Caller) -> None:
    """Defect 20: L1 tells nobody at once."""
    answer = await gate.check(bookkeeper, "read_files")
    assert (answer.allowed, answer.level, answer.status) == (True, Level.L1, CheckStatus.ALLOWED)
    [entry] = await gate.audited("check.allowed")
    assert entry.subject == f"check:{answer.check_id}"
    assert json.loads(entry.details)["rule"] == "read_*"
    assert await OutboxMessage.all().count() == 0
    assert await Notification.all().count() == 0


async def test_l2_is_allowed_and_tells_the_creator_that_it_is_executing(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    """Defect 21: the notice does not claim that the action was executed."""
    answer = await gate.check(bookkeeper, "write_files")
    assert (answer.allowed, answer.level) == (True, Level.L2)
    [message] = await OutboxMessage.all()
    assert (message.kind, message.person_id) == (OutboxKind.NOTICE, lin.id)
    text = json.loads(message.payload)["text"]
    assert "正在" in text
    assert "已执行" not in text
    [line] = await Notification.all()
    assert line.person_id == lin.id


async def test_l3_is_pending_with_card_audit_and_inbox_line_in_one_commit(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    answer = await gate.check(bookkeeper)
    assert (answer.allowed, answer.status) == (False, CheckStatus.PENDING)
    approval = await ApprovalRequest.get(id=answer.approval_id)
    assert approval.creator_id == lin.id
    assert approval.expires_at == gate.clock.now() + timedelta(hours=72)
    cards = OutboxMessage.exclude(kind=OutboxKind.LOOK_UP)
    assert [message.kind for message in await cards] == [OutboxKind.APPROVAL_CARD]
    assert [copy.person_id for copy in await CardCopy.all()] == [lin.id]
    assert await Notification.filter(person_id=lin.id).count() == 1
    assert len(await gate.audited("approval.requested")) == 1
    assert len(await gate.audited("check.pending")) == 1


async def test_notices_never_stand_before_a_question(gate: Gate, bookkeeper: Caller) -> None:
    """A talkative agent's L2 notices have a lane of their own; messages of one lane go out one after the other."""
    await gate.check(bookkeeper, "write_files")
    await gate.check(bookkeeper)
    notice, card = await OutboxMessage.exclude(kind=OutboxKind.LOOK_UP).order_by("id")
    assert (notice.kind, card.kind) == (OutboxKind.NOTICE, OutboxKind.APPROVAL_CARD)
    assert notice.lane != card.lane


async def test_deny_is_denied_and_audited(gate: Gate, bookkeeper: Caller) -> None:
    answer = await gate.check(bookkeeper, "format_disk")
    assert (answer.allowed, answer.status, answer.level) == (False, CheckStatus.DENIED, Level.DENY)
    assert len(await gate.audited("check.denied")) == 1


async def test_unknown_action_takes_the_default_level(gate: Gate, bookkeeper: Caller) -> None:
    answer = await gate.check(bookkeeper, "paint_the_fence")
    assert (answer.level, answer.rule) == (Level.L2, None)


async def test_paused_agent_is_denied_and_archived_agent_is_refused(gate: Gate, bookkeeper: Caller) -> None:
    """Defect 8: who is not known to be allowed is refused."""
    assert (await gate.check(bookkeeper, "read_files")).allowed
    await gate.set_status(bookkeeper, AgentStatus.PAUSED)
    assert (await gate.check(bookkeeper, "read_files")).status is CheckStatus.DENIED
    await gate.set_status(bookkeeper, AgentStatus.ARCHIVED)
    with pytest.raises(CredentialRefused):
        await gate.check(bookkeeper, "read_files")


async def test_policy_that_moves_between_decision_and_commit_is_decided_again(gate: Gate, bookkeeper: Caller) -> None:
    """No answer is older than the policy at its commit."""
    assert (await gate.check(bookkeeper, "read_files")).allowed
    await gate.write_policy(bookkeeper, {"read_*": "DENY"})
    answer = await gate.check(bookkeeper, "read_files")
    assert (answer.allowed, answer.policy_version) == (False, 2)


async def test_arguments_are_stored_whole_and_typed(gate: Gate, bookkeeper: Caller) -> None:
    """Defect 1: nothing is cut; what is hashed is what would be executed."""
    args = {"path": "x" * 5_000, "depth": 3, "force": True, "ratio": 0.5, "nested": [{"a": None}]}
    answer = await gate.check(bookkeeper, details={"tool": "delete_file", "args": args})
    approval = await ApprovalRequest.get(id=answer.approval_id)
    assert stored_request(approval).args == args


async def test_callers_level_in_details_changes_nothing(gate: Gate, bookkeeper: Caller) -> None:
    """Defect 18: the caller's data shares no namespace with ours."""
    answer = await gate.check(bookkeeper, details={"level": "L1", "allowed": True, "status": "approved"})
    assert answer.level is Level.L3
    [entry] = await gate.audited("check.pending")
    assert json.loads(entry.details)["level"] == "L3"


async def test_repeat_while_pending_joins_the_same_request(gate: Gate, bookkeeper: Caller) -> None:
    """Defect 10: identical calls do not stack up."""
    first = await gate.check(bookkeeper, call_id="one")
    second = await gate.check(bookkeeper, call_id="two")
    assert second.approval_id == first.approval_id
    assert await OutboxMessage.filter(kind=OutboxKind.APPROVAL_CARD).count() == 1
    assert len(await gate.audited("check.joined")) == 1


async def test_fifty_identical_checks_at_once_ask_once(gate: Gate, bookkeeper: Caller) -> None:
    answers = await asyncio.gather(*(gate.check(bookkeeper) for _ in range(50)))
    assert len({answer.approval_id for answer in answers}) == 1
    assert await ApprovalRequest.all().count() == 1


async def test_repeat_after_approval_is_allowed_once_and_then_asks_anew(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    first = await gate.check(bookkeeper)
    await approve(gate, first, lin)
    second = await gate.check(bookkeeper)
    assert (second.allowed, second.approval_id, second.status) == (True, first.approval_id, CheckStatus.APPROVED)
    third = await gate.check(bookkeeper)
    assert third.status is CheckStatus.PENDING
    assert third.approval_id != first.approval_id
    assert (await ApprovalRequest.get(id=third.approval_id)).attempt == 2


async def test_twenty_repeats_of_an_approved_call_get_one_go_ahead(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    first = await gate.check(bookkeeper)
    await approve(gate, first, lin)
    answers = await asyncio.gather(*(gate.check(bookkeeper) for _ in range(20)))
    assert sum(answer.allowed for answer in answers) == 1
    assert len(await gate.audited("approval.claimed")) == 1


async def test_repeat_after_rejection_is_denied_with_the_reason_until_the_cooldown_ends(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    first = await gate.check(bookkeeper)
    await reject(gate, first, lin, "先备份")
    again = await gate.check(bookkeeper)
    assert (again.status, again.reason, again.approval_id) == (CheckStatus.REJECTED, "先备份", first.approval_id)
    gate.clock.move(minutes=11)
    assert (await gate.check(bookkeeper)).status is CheckStatus.PENDING


async def test_repeat_after_expiry_asks_anew(gate: Gate, bookkeeper: Caller) -> None:
    first = await gate.check(bookkeeper)
    gate.clock.move(hours=73)
    second = await gate.check(bookkeeper)
    assert second.status is CheckStatus.PENDING
    assert second.approval_id != first.approval_id
    assert (await ApprovalRequest.get(id=first.approval_id)).status is ApprovalStatus.EXPIRED


async def test_unclaimed_go_ahead_lapses(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    first = await gate.check(bookkeeper)
    await approve(gate, first, lin)
    gate.clock.move(hours=25)
    second = await gate.check(bookkeeper)
    assert (second.allowed, second.status) == (False, CheckStatus.PENDING)


async def test_other_session_and_other_agent_do_not_meet(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    other = await gate.agent(lin, name="Clerk")
    ids = {
        (await gate.check(bookkeeper, session="a")).approval_id,
        (await gate.check(bookkeeper, session="b")).approval_id,
        (await gate.check(other, session="a")).approval_id,
    }
    assert len(ids) == 3


async def test_waiting_check_is_answered_with_the_go_ahead(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    waiting = asyncio.create_task(gate.check(bookkeeper, wait=60))
    while (pending := await ApprovalRequest.first()) is None:
        await asyncio.sleep(0.01)
    await gate.approvals.resolve(pending.id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    answer = await asyncio.wait_for(waiting, 10)
    assert (answer.allowed, answer.status) == (True, CheckStatus.APPROVED)


async def test_two_waiting_repeats_get_one_go_ahead(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    waiting = [asyncio.create_task(gate.check(bookkeeper, wait=60)) for _ in range(2)]
    while (pending := await ApprovalRequest.first()) is None or len(gate.waiters) < 2:
        await asyncio.sleep(0.01)
    await gate.approvals.resolve(pending.id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert sorted(answer.allowed for answer in answers) == [False, True]


async def test_same_idempotency_key_gives_the_stored_answer_again(gate: Gate, bookkeeper: Caller) -> None:
    first = await gate.check(bookkeeper, "read_files", key="k1")
    second = await gate.check(bookkeeper, "read_files", key="k1")
    assert second == first
    assert len(await gate.audited("check.allowed")) == 1


async def test_idempotency_key_with_another_payload_is_refused(gate: Gate, bookkeeper: Caller) -> None:
    await gate.check(bookkeeper, "read_files", key="k1")
    with pytest.raises(KeyMismatch):
        await gate.check(bookkeeper, "write_files", key="k1")


async def test_idempotency_keys_of_two_agents_do_not_meet(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    other = await gate.agent(lin, name="Clerk")
    first = await gate.check(bookkeeper, "read_files", key="k1")
    assert (await gate.check(other, "read_files", key="k1")).check_id != first.check_id


async def test_same_key_at_once_is_one_check(gate: Gate, bookkeeper: Caller) -> None:
    results = await asyncio.gather(
        *(gate.check(bookkeeper, "read_files", key="k1") for _ in range(10)), return_exceptions=True
    )
    assert {type(result) for result in results} == {CheckAnswer, KeyInUse}
    assert len(await gate.audited("check.allowed")) == 1


async def test_key_of_a_pending_check_follows_its_approval_to_one_go_ahead(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    first = await gate.check(bookkeeper, key="k1")
    assert (await gate.check(bookkeeper, key="k1")).approval_id == first.approval_id
    await approve(gate, first, lin)
    second = await gate.check(bookkeeper, key="k1")
    third = await gate.check(bookkeeper, key="k1")
    assert second.allowed
    assert third == second  # the answer was lost on the way: the same go-ahead again, not another
    assert len(await gate.audited("approval.claimed")) == 1


async def test_claim_by_id_needs_the_digest_and_works_once(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    early = await gate.engine.claim(bookkeeper, answer.approval_id, answer.action_digest)
    assert isinstance(early, Refusal) and early.kind is RefusalKind.NOT_APPROVED
    await approve(gate, answer, lin)
    wrong = await gate.engine.claim(bookkeeper, answer.approval_id, "sha256:" + "0" * 64)
    assert isinstance(wrong, Refusal) and wrong.kind is RefusalKind.DIGEST_MISMATCH
    claimed = await gate.engine.claim(bookkeeper, answer.approval_id, answer.action_digest)
    assert isinstance(claimed, CheckAnswer) and claimed.allowed
    twice = await gate.engine.claim(bookkeeper, answer.approval_id, answer.action_digest)
    assert isinstance(twice, Refusal) and twice.kind is RefusalKind.ALREADY_CLAIMED and twice.at is not None


async def test_claim_is_refused_when_the_policy_denies_by_now(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    await approve(gate, answer, lin)
    await gate.write_policy(bookkeeper, {"*": "DENY"})
    await gate.directory.refresh()
    refused = await gate.engine.claim(bookkeeper, answer.approval_id, answer.action_digest)
    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.DENIED_NOW


async def test_outcome_is_reported_once_after_the_claim(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    """Defect 12: decision and execution are two axes, and the result is kept."""
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    await approve(gate, answer, lin)
    known = await gate.directory.agent(bookkeeper)
    early = await gate.approvals.using.report_outcome(known, answer.approval_id, ExecutionStatus.SUCCEEDED, None)
    assert isinstance(early, Refusal) and early.kind is RefusalKind.NOT_CLAIMED
    await gate.check(bookkeeper)
    told = await gate.approvals.using.report_outcome(
        known, answer.approval_id, ExecutionStatus.FAILED, {"e": 1}, "disk"
    )
    assert isinstance(told, ApprovalRequest)
    assert (told.status, told.execution) == (ApprovalStatus.APPROVED, ExecutionStatus.FAILED)
    assert (told.execution_result, told.execution_error) == ('{"e": 1}', "disk")
    twice = await gate.approvals.using.report_outcome(known, answer.approval_id, ExecutionStatus.SUCCEEDED, None)
    assert isinstance(twice, Refusal) and twice.kind is RefusalKind.OUTCOME_KNOWN


async def test_cancel_withdraws_a_pending_request_only(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    known = await gate.directory.agent(bookkeeper)
    done = await gate.approvals.settling.cancel(known, answer.approval_id, "no longer needed")
    assert isinstance(done, ApprovalRequest) and done.status is ApprovalStatus.CANCELLED
    again = await gate.approvals.settling.cancel(known, answer.approval_id, None)
    assert isinstance(again, Refusal) and again.kind is RefusalKind.NOT_PENDING
    late = await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(lin), via=Via.CARD)
    assert isinstance(late, Refusal)


async def test_agents_see_their_own_approvals_only(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    other = await gate.agent(lin, name="Clerk")
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    assert await gate.engine.look(other, answer.approval_id) is None
    known = await gate.directory.agent(other)
    refused = await gate.approvals.settling.cancel(known, answer.approval_id, None)
    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.UNKNOWN_APPROVAL


async def test_only_creator_and_admins_of_the_tenant_resolve(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    """Defect 13: roles count within their tenant; the platform's admins everywhere."""
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    strangers = [
        await gate.person("赵磊"),
        await gate.person("Foreign creator", tenant="other"),
        await gate.person("Foreign admin", role=Role.ORG_ADMIN, tenant="other"),
    ]
    for stranger in strangers:
        refused = await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(stranger), via=Via.CARD)
        assert isinstance(refused, Refusal) and refused.kind is RefusalKind.NOT_YOURS
    assert len(await gate.audited("approval.refused")) == 3
    admin = await gate.person("王敏", role=Role.ORG_ADMIN)
    assert isinstance(
        await gate.approvals.resolve(answer.approval_id, Verdict.APPROVE, operator(admin), via=Via.CARD), Resolved
    )
    second = await gate.check(bookkeeper, session="two")
    assert second.approval_id is not None
    platform = await gate.person("Root", role=Role.PLATFORM_ADMIN, tenant="elsewhere")
    assert isinstance(
        await gate.approvals.resolve(second.approval_id, Verdict.REJECT, operator(platform), via=Via.CARD), Resolved
    )


async def test_unknown_verdict_is_refused_and_leaves_the_request_pending(
    gate: Gate, bookkeeper: Caller, lin: User
) -> None:
    """Defect 16: another word than approve does not reject."""
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    refused = await gate.approvals.resolve(answer.approval_id, None, operator(lin), via=Via.CARD)
    assert isinstance(refused, Refusal) and refused.kind is RefusalKind.UNKNOWN_VERDICT
    assert (await ApprovalRequest.get(id=answer.approval_id)).status is ApprovalStatus.PENDING


async def test_second_click_names_the_first(gate: Gate, bookkeeper: Caller, lin: User) -> None:
    answer = await gate.check(bookkeeper)
    assert answer.approval_id is not None
    await approve(gate, answer, lin)
    refused = await gate.approvals.resolve(answer.approval_id, Verdict.REJECT, operator(lin), via=Via.CARD)
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.by, refused.status) == (
        RefusalKind.ALREADY_RESOLVED,
        "林小雨",
        ApprovalStatus.APPROVED,
    )
    assert refused.at == gate.clock.now()


async def test_dry_run_records_nothing(gate: Gate, bookkeeper: Caller) -> None:
    decision = await gate.engine.rehearse(bookkeeper, asks("delete_files"))
    assert decision.level is Level.L3
    assert await AuditEntry.all().count() == 0
    assert await ApprovalRequest.all().count() == 0
