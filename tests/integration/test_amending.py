"""Arguments changed before approving: the original never runs, the changed action once; on both databases and raced."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.amending import Edits
from bot.approvals import Consenting, Resolved, stored_request
from bot.asking.parsing import parse_check
from bot.directory import Caller
from bot.execution.executions import Executions
from bot.ports import ExecutionOrder, Outcome, OutcomeKind
from cards import messages
from models.approval import CardCopy, Consent
from models.enums import (
    ApprovalStatus,
    CheckStatus,
    Delivery,
    ExecutionStatus,
    Language,
    Role,
    Severity,
    Verdict,
    Via,
)
from models.ids import new_id
from models.tables import ApprovalRequest, AuditEntry, User
from models.values import ActionRequest, CheckAnswer, Refusal, RefusalKind
from tests.support.deciding import TWO_PEOPLE, amend, decide, row, write_plan
from tests.support.gate import Gate, asks

PAY = {"tool": "pay", "args": {"amount": 12000, "currency": "CNY", "to": "li@example.com"}, "reason": "Q3", "ticket": 7}
AMOUNT, TO = 0, 2  # places in the form: the arguments in the order in which they are kept
POLICY = {"pay_*": "L3"}
ROUNDS = 30


@pytest.fixture
async def agent(gate: Gate, lin: User, wang: User) -> Caller:
    return await gate.agent(lin, policy=POLICY)


async def pays(gate: Gate, agent: Caller, details: dict[str, Any] | None = None, **more: Any) -> CheckAnswer:
    return await gate.check(agent, "pay_invoice", details=details or PAY, **more)


def told(answer: CheckAnswer) -> dict[str, Any]:
    """The details that the agent is told to send, as they arrive there."""
    assert answer.amended is not None
    details: dict[str, Any] = json.loads(json.dumps(answer.amended.details))
    return details


def refusal(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal), outcome
    return outcome.kind


async def test_the_changed_action_is_approved_and_only_that_runs_once(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent, session="s")
    before = await row(asked)
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "120"}), Resolved)
    approval = await row(asked)
    assert stored_request(approval).args == {"amount": 120, "currency": "CNY", "to": "li@example.com"}
    assert approval.action_digest != before.action_digest == approval.original_digest
    assert (approval.original_request, approval.original_rendezvous) == (before.request, before.rendezvous_key)

    original = await pays(gate, agent, session="s")
    assert (original.allowed, original.status, original.approval_id) == (False, CheckStatus.APPROVED, approval.id)
    assert told(original) == {**PAY, "args": {**PAY["args"], "amount": 120}}  # type: ignore[dict-item]
    assert "amended" in original.message
    assert not (await pays(gate, agent, session="s")).allowed

    changed = await pays(gate, agent, told(original), session="s")
    assert (changed.allowed, changed.approval_id) == (True, approval.id)
    assert not (await pays(gate, agent, told(original), session="s")).allowed
    fresh = await pays(gate, agent, session="s")
    assert (fresh.status, fresh.allowed, fresh.approval_id == approval.id) == (CheckStatus.PENDING, False, False)


async def test_before_and_after_stand_in_the_audit(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120", TO: "wang@example.com"})
    [entry] = await gate.audited("approval.amended")
    details = json.loads(entry.details)
    assert (entry.actor, entry.approval_id) == (f"user:{lin.id}", asked.approval_id)
    assert details["arguments"] == ["amount", "to"]
    assert details["before"]["args"]["amount"] == 12000
    assert details["after"]["args"] == {"amount": 120, "currency": "CNY", "to": "wang@example.com"}
    assert details["digest_before"] == asked.action_digest
    [resolved] = await gate.audited("approval.resolved")
    assert json.loads(resolved.details)["original_digest"] == asked.action_digest


async def test_the_original_is_refused_by_id_too_and_the_refusal_names_what_was_approved(
    gate: Gate, agent: Caller, lin: User
) -> None:
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120"})
    approval = await row(asked)
    refused = await gate.engine.claim(agent, approval.id, asked.action_digest)
    assert refused == Refusal(RefusalKind.DIGEST_MISMATCH, detail=approval.action_digest)
    claimed = await gate.engine.claim(agent, approval.id, approval.action_digest)
    assert isinstance(claimed, CheckAnswer)
    assert claimed.allowed
    assert refusal(await gate.engine.claim(agent, approval.id, approval.action_digest)) is RefusalKind.ALREADY_CLAIMED


async def test_a_waiting_agent_is_told_at_once_and_its_key_keeps_the_answer(
    gate: Gate, agent: Caller, lin: User
) -> None:
    waiting = asyncio.create_task(pays(gate, agent, key="k", wait=60))
    while not await ApprovalRequest.exists():
        await asyncio.sleep(0)
    approval = await ApprovalRequest.get()
    pending = CheckAnswer(False, *(None,) * 5, approval_id=approval.id)  # type: ignore[arg-type]
    assert isinstance(await amend(gate, pending, lin, {AMOUNT: "120"}), Resolved)
    answer = await asyncio.wait_for(waiting, 20)
    assert (answer.allowed, answer.status) == (False, CheckStatus.APPROVED)
    again = await pays(gate, agent, key="k")
    assert (again.allowed, told(again)) == (False, told(answer))
    assert (await pays(gate, agent, told(answer), key="other")).allowed
    assert not (await pays(gate, agent, key="k")).allowed


async def test_the_service_executes_the_changed_action_and_never_the_original(gate: Gate, lin: User) -> None:
    agent = await gate.agent(lin, policy=POLICY, executor=True)
    orders: list[ExecutionOrder] = []

    class Remembering:
        async def execute(self, url: str, secrets: list[str], order: ExecutionOrder) -> Outcome:
            orders.append(order)
            return Outcome(OutcomeKind.SUCCEEDED, {"paid": order.args["amount"]})

    executions = Executions(
        gate.ledger, gate.approvals, gate.directory, gate.binding, Remembering(), lambda sealed, bound_to: ""
    )
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120"})
    meanwhile = await pays(gate, agent)
    assert (meanwhile.allowed, meanwhile.status) == (False, CheckStatus.APPROVED)
    assert meanwhile.execution is not None
    approval = await row(asked)
    await asyncio.gather(*(executions.run(approval.id) for _ in range(2)))
    [order] = orders
    assert (order.args["amount"], order.action_digest) == (120, approval.action_digest)
    report = await pays(gate, agent)
    assert (report.allowed, told(report)["args"]["amount"]) == (False, 120)
    assert report.execution is not None
    assert (report.execution.status, report.execution.result) == (ExecutionStatus.SUCCEEDED, {"paid": 120})
    assert refusal(await gate.engine.claim(agent, approval.id, approval.action_digest)) is RefusalKind.SERVICE_EXECUTES


async def test_the_plain_button_on_a_changed_form_approves_nothing(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    plain = await decide(gate, asked, lin, edits=Edits({AMOUNT: "120"}, meant=False))
    assert plain == Refusal(RefusalKind.EDITED)
    assert (await row(asked)).status is ApprovalStatus.PENDING
    unread = await decide(gate, asked, lin, edits=Edits({AMOUNT: "abc"}, meant=False))
    assert refusal(unread) is RefusalKind.EDITED
    same = await decide(gate, asked, lin, edits=Edits({AMOUNT: "12000.00", TO: "li@example.com"}, meant=False))
    assert isinstance(same, Resolved)
    assert (await row(asked)).original_digest is None


async def test_rejecting_needs_no_tidy_form(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    assert isinstance(await decide(gate, asked, lin, Verdict.REJECT, edits=Edits({AMOUNT: "x"}, False)), Resolved)
    assert (await row(asked)).original_digest is None


@pytest.mark.parametrize("texts", [{}, {AMOUNT: "12,000"}, {AMOUNT: "a lot"}, {TO: "a\u202eb"}, {99: "1"}, {-1: "1"}])
async def test_what_cannot_be_read_changes_and_approves_nothing(
    gate: Gate, agent: Caller, lin: User, texts: dict[int, str]
) -> None:
    asked = await pays(gate, agent)
    outcome = await amend(gate, asked, lin, texts)
    assert refusal(outcome) is RefusalKind.NOT_EDITABLE
    assert isinstance(outcome, Refusal)
    assert messages.refusal_text(outcome, Language.EN_US, gate.clock.now())
    assert (await row(asked)).status is ApprovalStatus.PENDING


async def test_an_edit_that_changes_nothing_is_a_plain_approval(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "12000"}), Resolved)
    assert (await pays(gate, agent)).allowed
    assert not await gate.audited("approval.amended")


async def test_nobody_changes_what_they_may_not_decide(gate: Gate, agent: Caller) -> None:
    asked = await pays(gate, agent)
    assert refusal(await amend(gate, asked, await gate.person("Someone"), {AMOUNT: "1"})) is RefusalKind.NOT_YOURS
    elsewhere = await gate.person("Elsewhere", role=Role.ORG_ADMIN, tenant="globex")
    assert refusal(await amend(gate, asked, elsewhere, {AMOUNT: "1"})) is RefusalKind.NOT_YOURS
    assert (await row(asked)).action_digest == asked.action_digest


async def test_what_the_rules_deny_is_not_reached_by_an_edit(gate: Gate, lin: User) -> None:
    agent = await gate.agent(
        lin,
        policy={
            "default": "L2",
            "rules": [
                {"action": "pay_*", "when": "args.amount > 20000", "level": "DENY"},
                {"action": "pay_*", "level": "L3"},
            ],
        },
    )
    asked = await pays(gate, agent)
    assert refusal(await amend(gate, asked, lin, {AMOUNT: "20001"})) is RefusalKind.DENIED_NOW
    assert (await row(asked)).status is ApprovalStatus.PENDING
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "20000"}), Resolved)


async def test_a_policy_written_meanwhile_binds_the_edit_and_then_the_claim(
    gate: Gate, agent: Caller, lin: User
) -> None:
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120"})
    await gate.write_policy(agent, {"pay_*": "DENY"})
    approval = await row(asked)
    assert refusal(await gate.engine.claim(agent, approval.id, approval.action_digest)) is RefusalKind.DENIED_NOW
    assert (await pays(gate, agent)).status is CheckStatus.DENIED


async def test_a_freeze_stops_the_changed_action_too(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    freeze = await gate.freeze(agent)
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "120"}), Resolved)
    approval = await row(asked)
    assert refusal(await gate.engine.claim(agent, approval.id, approval.action_digest)) is RefusalKind.FROZEN
    assert (await pays(gate, agent)).status is CheckStatus.DENIED
    await gate.lift(freeze)
    original = await pays(gate, agent)
    assert not original.allowed
    assert (await pays(gate, agent, told(original))).allowed


async def test_an_edit_that_equals_another_open_question_is_refused(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    other = await pays(gate, agent, {**PAY, "args": {**PAY["args"], "amount": 120}})  # type: ignore[dict-item]
    outcome = await amend(gate, asked, lin, {AMOUNT: "120"})
    assert refusal(outcome) is RefusalKind.NOT_EDITABLE
    assert isinstance(outcome, Refusal)
    assert other.code in messages.refusal_text(outcome, Language.ZH_CN, gate.clock.now())
    assert {(await row(one)).status for one in (asked, other)} == {ApprovalStatus.PENDING}


async def test_a_grant_for_the_original_does_not_let_it_run_beside_the_changed_one(
    gate: Gate, agent: Caller, lin: User
) -> None:
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120"})
    await gate.grant(agent, lin, asks("pay_invoice", details=PAY))
    assert not (await pays(gate, agent)).allowed


async def test_a_lapsed_go_ahead_makes_room_for_a_new_question(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent)
    await amend(gate, asked, lin, {AMOUNT: "120"})
    changed = told(await pays(gate, agent))
    gate.clock.move(hours=25)
    fresh = await pays(gate, agent)
    assert (fresh.status, fresh.approval_id == asked.approval_id) == (CheckStatus.PENDING, False)
    assert (await pays(gate, agent, changed)).status is CheckStatus.PENDING


# -- two people --------------------------------------------------------------------------------------------------------


async def test_an_edit_asks_the_other_person_anew(gate: Gate, lin: User, wang: User) -> None:
    """What one approved is not what the other changed: nobody's word is taken for something they did not see."""
    await write_plan(gate, TWO_PEOPLE)
    agent = await gate.agent(lin, policy=POLICY)
    asked = await pays(gate, agent)
    seen = asked.action_digest
    assert isinstance(await decide(gate, asked, lin), Consenting)
    assert isinstance(await amend(gate, asked, wang, {AMOUNT: "120"}), Consenting)
    approval = await row(asked)
    assert approval.status is ApprovalStatus.PENDING
    copy = await CardCopy.get(approval_id=approval.id, person_id=lin.id)
    assert (copy.state, copy.acted_at) == (Delivery.SEEN, None)
    assert refusal(await decide(gate, asked, wang)) is RefusalKind.CONSENTED

    stale = await decide(gate, asked, lin, code=seen)
    assert stale == Refusal(RefusalKind.EDITED, by="王敏")
    without = await decide(gate, asked, lin, code=None)
    assert refusal(without) is RefusalKind.EDITED
    typed = await decide(gate, asked, lin, via=Via.COMMAND, code=asked.code)
    assert refusal(typed) is RefusalKind.WRONG_CODE
    unread = await amend(gate, asked, lin, {AMOUNT: "12000"}, code=seen)
    assert refusal(unread) is RefusalKind.EDITED

    joined = await pays(gate, agent)
    assert (joined.status, told(joined)["args"]["amount"]) == (CheckStatus.PENDING, 120)
    assert isinstance(await decide(gate, asked, lin), Resolved)
    assert (await row(asked)).action_digest == approval.action_digest
    assert not (await pays(gate, agent)).allowed
    assert (await pays(gate, agent, told(joined))).allowed


async def test_a_card_that_lost_its_value_is_believed_only_where_it_shows_the_present_state(
    gate: Gate, lin: User, wang: User
) -> None:
    await write_plan(gate, TWO_PEOPLE)
    agent = await gate.agent(lin, policy=POLICY)
    asked = await pays(gate, agent)
    await amend(gate, asked, wang, {AMOUNT: "120"})
    approval = await row(asked)
    mine = CardCopy.filter(approval_id=approval.id, person_id=lin.id)
    await mine.update(message_id="om_1", shown_revision=approval.revision - 1)
    assert refusal(await decide(gate, asked, lin, code=None, clicked_message="om_1")) is RefusalKind.EDITED
    await mine.update(shown_revision=approval.revision)
    assert refusal(await decide(gate, asked, lin, code=None, clicked_message="om_2")) is RefusalKind.EDITED
    assert isinstance(await decide(gate, asked, lin, code=None, clicked_message="om_1"), Resolved)


async def test_changed_back_it_is_what_the_agent_asked(gate: Gate, lin: User, wang: User) -> None:
    await write_plan(gate, TWO_PEOPLE)
    agent = await gate.agent(lin, policy=POLICY)
    asked = await pays(gate, agent)
    await amend(gate, asked, wang, {AMOUNT: "120"})
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "12000"}), Consenting)
    approval = await row(asked)
    assert (approval.action_digest, approval.facts().amended) == (asked.action_digest, False)
    assert (await pays(gate, agent)).amended is None
    assert isinstance(await decide(gate, asked, wang), Resolved)
    assert (await pays(gate, agent)).allowed


async def test_an_edit_into_what_takes_two_people_is_one_of_two_approvals(gate: Gate, lin: User, wang: User) -> None:
    await write_plan(
        gate,
        {
            "questions": [
                {"action": "pay_*", "when": "args.amount > 50000", "approvals": 2, "severity": "critical"},
            ]
        },
    )
    agent = await gate.agent(lin, policy=POLICY)
    asked = await pays(gate, agent)
    assert (await row(asked)).approvals_needed == 1
    assert not await CardCopy.exists(person_id=wang.id)
    assert isinstance(await amend(gate, asked, lin, {AMOUNT: "60000"}), Consenting)
    approval = await row(asked)
    assert (approval.approvals_needed, approval.severity) == (2, Severity.CRITICAL)
    assert await CardCopy.exists(approval_id=approval.id, person_id=wang.id), "somebody else was asked"
    assert (await pays(gate, agent)).status is CheckStatus.PENDING
    lower = await amend(gate, asked, wang, {AMOUNT: "100"})
    assert isinstance(lower, Consenting), "an edit loosens nothing"
    assert isinstance(await decide(gate, asked, lin), Resolved)


async def test_a_requester_may_not_edit_the_way_to_an_approval(gate: Gate, lin: User, wang: User) -> None:
    await write_plan(gate, {"questions": [{"action": "pay_*", "when": "args.amount > 50000", "separate_duties": True}]})
    agent = await gate.agent(lin, policy=POLICY)
    asked = await pays(gate, agent, requested_by=str(lin.id))
    assert refusal(await amend(gate, asked, lin, {AMOUNT: "60000"})) is RefusalKind.SEPARATED
    approval = await row(asked)
    assert (approval.action_digest, approval.duties_separated) == (asked.action_digest, False)


# -- at the same instant -----------------------------------------------------------------------------------------------


async def settled_once(asked: CheckAnswer) -> ApprovalRequest:
    assert await AuditEntry.filter(approval_id=asked.approval_id, action="approval.resolved").count() == 1
    return await row(asked)


async def test_approving_and_amending_at_once_leaves_one_of_them(
    gate: Gate, agent: Caller, lin: User, wang: User
) -> None:
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        session = str(new_id())
        asked = await pays(gate, agent, session=session)
        said = await asyncio.gather(decide(gate, asked, lin), amend(gate, asked, wang, {AMOUNT: "120"}))
        [won] = [one for one in said if isinstance(one, Resolved)]
        approval = await settled_once(asked)
        changed = approval.original_digest is not None
        assert changed is (won.resolution.by is not None and won.resolution.by.id == wang.id)
        assert stored_request(approval).args["amount"] == (120 if changed else 12000)
        assert (await pays(gate, agent, session=session)).allowed is not changed


async def test_two_different_edits_at_once_leave_one(gate: Gate, agent: Caller, lin: User, wang: User) -> None:
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        asked = await pays(gate, agent, session=str(new_id()))
        said = await asyncio.gather(amend(gate, asked, lin, {AMOUNT: "100"}), amend(gate, asked, wang, {AMOUNT: "200"}))
        assert [isinstance(one, Resolved) for one in said].count(True) == 1
        amount = stored_request(await settled_once(asked)).args["amount"]
        assert amount == (100 if isinstance(said[0], Resolved) else 200)


async def test_amending_while_the_agent_repeats_never_lets_the_original_run(
    gate: Gate, agent: Caller, lin: User
) -> None:
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        session = str(new_id())
        asked = await pays(gate, agent, session=session)
        said = await asyncio.gather(
            *(pays(gate, agent, session=session) for _ in range(3)),
            amend(gate, asked, lin, {AMOUNT: "120"}),
            *(pays(gate, agent, session=session) for _ in range(3)),
        )
        answers = [one for one in said if isinstance(one, CheckAnswer)]
        assert not any(one.allowed for one in answers)
        assert {one.approval_id for one in answers} == {asked.approval_id}, "nobody is asked a second time"


async def test_amending_while_the_agent_withdraws_or_the_time_ends(gate: Gate, agent: Caller, lin: User) -> None:
    known = await gate.directory.agent(agent)
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        asked = await pays(gate, agent, session=str(new_id()))
        assert asked.approval_id is not None
        said, withdrawn = await asyncio.gather(
            amend(gate, asked, lin, {AMOUNT: "120"}),
            gate.approvals.settling.cancel(known, asked.approval_id, "never mind"),
        )
        approval = await settled_once(asked)
        assert isinstance(said, Resolved) is isinstance(withdrawn, Refusal)
        assert (approval.status is ApprovalStatus.APPROVED) is isinstance(said, Resolved)
        assert (approval.original_digest is not None) is isinstance(said, Resolved), (
            "a withdrawn one is as it was asked"
        )


async def test_amending_into_a_question_that_is_just_being_asked(gate: Gate, agent: Caller, lin: User) -> None:
    """The unique rendezvous lets one of them in, and the other is told politely."""
    other: dict[str, Any] = {**PAY, "args": {**PAY["args"], "amount": 120}}  # type: ignore[dict-item]
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        session = str(new_id())
        asked = await pays(gate, agent, session=session)
        said, direct = await asyncio.gather(
            amend(gate, asked, lin, {AMOUNT: "120"}), pays(gate, agent, other, session=session)
        )
        if isinstance(said, Refusal):
            assert said.kind is RefusalKind.NOT_EDITABLE
            assert (direct.status, direct.approval_id == asked.approval_id) == (CheckStatus.PENDING, False)
        else:
            assert direct.approval_id == asked.approval_id
            assert direct.allowed or (await pays(gate, agent, other, session=session)).allowed


async def test_the_changed_action_is_claimed_once_however_often_it_is_sent(
    gate: Gate, agent: Caller, lin: User
) -> None:
    for _ in range(ROUNDS // 3):
        gate.clock.move(seconds=1)
        session = str(new_id())
        asked = await pays(gate, agent, session=session)
        await amend(gate, asked, lin, {AMOUNT: "120"})
        changed, approval = told(await pays(gate, agent, session=session)), await row(asked)
        said = await asyncio.gather(
            *(pays(gate, agent, changed, session=session) for _ in range(4)),
            *(gate.engine.claim(agent, approval.id, approval.action_digest) for _ in range(4)),
            *(pays(gate, agent, session=session) for _ in range(2)),
        )
        assert [one.allowed for one in said if isinstance(one, CheckAnswer)].count(True) == 1


async def test_consents_and_edits_at_once_never_approve_what_one_of_them_did_not_see(
    gate: Gate, lin: User, wang: User
) -> None:
    await write_plan(gate, TWO_PEOPLE)
    agent = await gate.agent(lin, policy=POLICY)
    for _ in range(ROUNDS):
        gate.clock.move(seconds=1)
        asked = await pays(gate, agent, session=str(new_id()))
        await decide(gate, asked, lin)
        said = await asyncio.gather(
            amend(gate, asked, wang, {AMOUNT: "120"}, code=asked.action_digest),
            decide(gate, asked, wang, code=asked.action_digest),
            decide(gate, asked, lin, code=asked.action_digest),
        )
        approval = await row(asked)
        if approval.status is ApprovalStatus.APPROVED:
            assert approval.action_digest == asked.action_digest
        else:
            consents = await Consent.filter(approval_id=approval.id, action_digest=approval.action_digest)
            assert [one.person_id for one in consents] == [wang.id], said


def test_the_order_of_the_form_is_that_of_the_kept_request() -> None:
    request: ActionRequest = asks("pay_invoice", details=PAY)
    assert parse_check(json.dumps({"action_type": "pay_invoice", "details": PAY}).encode()) == request
