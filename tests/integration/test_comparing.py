"""How a question differs from the last approved one of its kind, and what else its views say of deciding."""

from __future__ import annotations

from typing import Any

import pytest

from bot.approvals import Resolved
from bot.comparing import changed_since, first_of_kind
from bot.directory import Caller
from bot.granting.graduation import untouched
from cards.approval import approval_card
from cards.views import ConsentView, Difference
from models.approval import CardCopy
from models.enums import AskedAs, Delivery, ExecutionStatus, Role, Severity, Verdict
from models.tables import ApprovalRequest, User
from models.values import CheckAnswer
from tests.support.deciding import TWO_PEOPLE, amend, decide, row, write_plan
from tests.support.gate import Gate


@pytest.fixture
async def agent(gate: Gate, lin: User) -> Caller:
    return await gate.agent(lin, policy={"pay_*": "L3"})


async def pays(gate: Gate, agent: Caller, amount: Any = 120, to: str = "li", **args: Any) -> CheckAnswer:
    gate.clock.move(seconds=1)
    return await gate.check(
        agent, "pay_invoice", details={"tool": "pay", "args": {"amount": amount, "to": to, **args}}, session=str(amount)
    )


async def approved(gate: Gate, agent: Caller, lin: User, **args: Any) -> ApprovalRequest:
    asked = await pays(gate, agent, **args)
    gate.clock.move(seconds=1)
    assert isinstance(await decide(gate, asked, lin), Resolved)
    return await row(asked)


async def test_the_first_of_its_kind_has_nothing_to_differ_from(gate: Gate, agent: Caller, lin: User) -> None:
    approval = await row(await pays(gate, agent))
    assert await changed_since(approval) is None
    assert await first_of_kind(approval)
    await approved(gate, agent, lin, amount=7)
    assert await first_of_kind(approval), "what was approved later says nothing about this question"
    assert await changed_since(approval) is None


async def test_same_recipient_and_a_hundred_times_the_amount(gate: Gate, agent: Caller, lin: User) -> None:
    await approved(gate, agent, lin, amount=5)
    last = await approved(gate, agent, lin, amount=120)
    asked = await row(await pays(gate, agent, amount=12000))
    changed = await changed_since(asked)
    assert changed is not None
    assert changed.differences == (Difference("amount", 120, 12000),)
    assert (changed.same, changed.last_by, changed.last_at) == (("to",), "林小雨", last.resolved_at)
    assert not await first_of_kind(asked)


async def test_equal_as_it_would_be_hashed_is_no_difference(gate: Gate, agent: Caller, lin: User) -> None:
    await approved(gate, agent, lin, amount=120)
    changed = await changed_since(await row(await pays(gate, agent, amount=120.0)))
    assert changed is not None
    assert changed.differences == ()


async def test_only_what_was_approved_and_did_not_fail_counts(gate: Gate, agent: Caller, lin: User) -> None:
    failed = await approved(gate, agent, lin, amount=1)
    await ApprovalRequest.filter(id=failed.id).update(execution=ExecutionStatus.FAILED)
    rejected = await pays(gate, agent, amount=2)
    await decide(gate, rejected, lin, Verdict.REJECT)
    asked = await row(await pays(gate, agent, amount=3))
    assert await changed_since(asked) is None
    assert not await first_of_kind(asked), "it was approved before, though it failed"


async def test_another_shape_another_agent_are_other_kinds(gate: Gate, agent: Caller, lin: User) -> None:
    await approved(gate, agent, lin, amount=1, memo="x")
    other = await gate.agent(lin, name="Clerk", policy={"pay_*": "L3"})
    await approved(gate, other, lin, amount=2)
    assert await changed_since(await row(await pays(gate, agent, amount=3))) is None


async def test_compared_is_with_what_ran_not_with_what_was_asked(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent, amount=12000)
    await amend(gate, asked, lin, {0: "100"})
    changed = await changed_since(await row(await pays(gate, agent, amount=300)))
    assert changed is not None
    assert changed.differences == (Difference("amount", 100, 300),)


async def test_a_changed_request_is_no_untouched_approval(gate: Gate, agent: Caller, lin: User) -> None:
    plain, touched = await approved(gate, agent, lin, amount=1), await pays(gate, agent, amount=2)
    await amend(gate, touched, lin, {0: "1"})
    assert untouched(plain)
    assert not untouched(await row(touched))


async def test_the_view_says_who_consented_saw_and_may_edit(gate: Gate, agent: Caller, lin: User) -> None:
    wang = await gate.person("王敏", role=Role.ORG_ADMIN)
    await write_plan(gate, {"default": {**TWO_PEOPLE["default"], "severity": "critical", "separate_duties": True}})
    asked = await pays(gate, agent, amount=12000)
    await decide(gate, asked, lin)
    at = gate.clock.now()
    approval = await row(asked)
    await CardCopy.filter(approval_id=approval.id, person_id=wang.id).update(
        seen_at=at, state=Delivery.SEEN, snoozed_until=at
    )
    view = await gate.views.card(approval, at, person_id=wang.id)
    assert (view.needed, view.consents, view.consented) == (2, (ConsentView("林小雨", at),), False)
    assert (view.severity, view.separated, view.asked_as) == (Severity.CRITICAL, True, AskedAs.ADMIN)
    assert (view.seen_by, view.snoozed_until) == ((("王敏", at),), at)
    assert [(field.name, field.value) for field in view.editable] == [("amount", 12000), ("to", "li")]
    assert (await gate.views.of(approval, at, person_id=lin.id)).consented
    assert (await gate.views.of(approval, at)).asked_as is None
    assert approval_card(view)


async def test_the_view_of_a_changed_request_shows_both(gate: Gate, agent: Caller, lin: User) -> None:
    asked = await pays(gate, agent, amount=12000)
    before = await gate.views.of(await row(asked), gate.clock.now(), person_id=lin.id)
    assert (before.original_args, before.action_digest) == (None, asked.action_digest)
    await amend(gate, asked, lin, {0: "100"})
    view = await gate.views.card(await row(asked), gate.clock.now(), person_id=lin.id)
    assert (view.args["amount"], view.original_args) == (100, {"amount": 12000, "to": "li"})
    assert view.editable == ()
    assert view.code != asked.code
    assert approval_card(view)


async def test_an_approved_card_says_that_the_agent_stands_still(gate: Gate, agent: Caller, lin: User) -> None:
    approval = await approved(gate, agent, lin)
    freeze = await gate.freeze(agent)
    view = await gate.views.card(approval, gate.clock.now(), person_id=lin.id)
    assert (view.frozen_by, view.frozen_until) == ("王敏", None)
    await gate.lift(freeze)
    assert (await gate.views.card(approval, gate.clock.now(), person_id=lin.id)).frozen_by is None
    await gate.freeze(until=gate.clock.now())
    assert (await gate.views.card(approval, gate.clock.now(), person_id=lin.id)).frozen_by is None
