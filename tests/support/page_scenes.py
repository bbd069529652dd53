"""Approval requests in every state that looks different on their page, with everything that can stand on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.asking.parsing import as_json
from bot.digest import action_digest, canonical
from bot.plans import QuestionPlan, Step
from bot.plans import as_json as stored_plan
from cards.presets import instructed
from models.enums import ApprovalStatus, AskedAs, Delivery, Ending, ExecutionStatus, Executor, Nudge, Severity, Via
from models.tables import ApprovalRequest, CardCopy, Consent, Freeze, User
from models.values import ActionRequest
from tests.support.approval_rows import REQUEST, Town

PLAN = QuestionPlan(
    name="payments",
    severity=Severity.CRITICAL,
    approvals=2,
    separate_duties=True,
    open_for=timedelta(hours=72),
    ending=Ending.REJECT,
    steps=(
        Step(timedelta(0), ("creator", "group:finance")),
        Step(timedelta(minutes=30), (), Nudge.THREAD),
        Step(timedelta(hours=2), ("backup", "leader"), Nudge.URGENT_APP),
        Step(timedelta(hours=8), ("admins",), Nudge.URGENT_SMS),
    ),
    version=4,
    groups={"finance": ("wang@example.com",)},
)
PAYMENT = ActionRequest(
    action_type="financial_operations",
    tool="bank.transfer",
    args={
        "amount": 12000,
        "currency": "CNY",
        "recipient": "杭州云帆科技有限公司",
        "account": "6222 0210 0100 0000 123",
        "memo": "三月服务器费用\n含上月差额",
        "pay_at": "2026-03-03T02:00:00Z",
    },
    reason="三月的服务器账单到了，对方催款。",
    requested_by="lin@example.com",
)
QUERY = ActionRequest(
    action_type="access_business_system_write",
    tool="db.execute",
    args={
        "sql": "DELETE FROM orders;\nDROP TABLE carts;",
        "command": ["sudo", "rm", "-rf", "/srv/exports/2024"],
        "paths": ["../../etc/passwd", "exports/*.csv"],
        "to": ["finance@example.com", "ops@example.com"],
        "url": "https://example.com@evil.example/login",
        "api_key": "sk-abcdefghij0123456789",
        "limits": {"rows": 10, "tables": ["orders", "carts"]},
    },
    reason="Old orders are archived.",
)


async def full_life(town: Town) -> dict[str, ApprovalRequest]:
    """One request for each look; the clock has moved two hours and five minutes since they were asked."""
    last = await _last_payment(town)
    pending = await _payment(town)
    query = await town.approval(QUERY, severity=Severity.HIGH, rule=None, policy_version=0)
    succeeded = await town.approval(attempt=2, reminders_sent=1)
    rejected = await town.approval(replace(REQUEST, args={}, reason=None, extra={}, session=None, call_id=None))
    unknown, amended = await town.approval(), await town.approval(PAYMENT, shape="pay")
    by_rule, frozen = await town.approval(plan=stored_plan(PLAN)), await town.approval(executor=Executor.SERVICE)
    expired, cancelled = await town.approval(), await town.approval()
    town.clock.move(hours=2, minutes=5)
    await _escalated(town, pending)
    await town.resolve(succeeded, ApprovalStatus.APPROVED, reason="确认已归档，可以删。")
    await town.finish(succeeded, ExecutionStatus.SUCCEEDED, result={"deleted": 214, "freed": "1.8 GB"})
    instruction = instructed("too_much", "先导出一份给财务。")
    await town.resolve(rejected, ApprovalStatus.REJECTED, reason=instruction, preset="too_much")
    await town.resolve(unknown, ApprovalStatus.APPROVED)
    await town.finish(unknown, ExecutionStatus.UNKNOWN, error="The executor did not answer within 30 s")
    await _amended(town, amended)
    await town.resolve(by_rule, ApprovalStatus.REJECTED)
    await ApprovalRequest.filter(id=by_rule.id).update(resolved_via=Via.EXPIRY, resolved_by_id=None, resolver_name=None)
    await town.resolve(frozen, ApprovalStatus.APPROVED)
    await town.resolve(expired, ApprovalStatus.EXPIRED)
    await town.resolve(cancelled, ApprovalStatus.CANCELLED)
    return {
        "pending": pending,
        "query": query,
        "succeeded": succeeded,
        "rejected": rejected,
        "unknown": unknown,
        "amended": amended,
        "by-rule": by_rule,
        "approved": frozen,
        "expired": expired,
        "cancelled": cancelled,
        "last": last,
    }


async def freeze(town: Town) -> None:
    """The agent stands still."""
    await Freeze.create(
        tenant="acme", agent_id=town.agent.id, reason="查账", frozen_by=f"user:{town.admin.id}",
        frozen_by_name=town.admin.name, frozen_at=town.clock.now(),
    )  # fmt: skip


async def _last_payment(town: Town) -> ApprovalRequest:
    """The last approved payment: a hundredth of the amount, and without a memo."""
    args = {name: value for name, value in PAYMENT.args.items() if name != "memo"}
    row = await town.approval(replace(PAYMENT, args=args | {"amount": 120}), shape="pay")
    await town.resolve(row, ApprovalStatus.APPROVED)
    await town.finish(row, ExecutionStatus.SUCCEEDED)
    town.clock.move(minutes=1)
    return row


async def _payment(town: Town) -> ApprovalRequest:
    row = await town.approval(
        PAYMENT, shape="pay", severity=Severity.CRITICAL, approvals_needed=2, duties_separated=True,
        plan=stored_plan(PLAN), plan_version=4, rule="payments",
    )  # fmt: skip
    await CardCopy.filter(approval_id=row.id).update(asked_at=town.clock.now())
    await _ask(row, town.colleague, AskedAs.GROUP, Delivery.SENT, town, sent_at=town.clock.now())
    return row


async def _escalated(town: Town, row: ApprovalRequest) -> None:
    """The creator has seen it and put it off, the group approved, the backup and an admin were asked since."""
    now = town.clock.now()
    mine, theirs = (CardCopy.filter(approval_id=row.id, person_id=one.id) for one in (town.creator, town.colleague))
    hour = timedelta(hours=1)
    await mine.update(state=Delivery.SEEN, seen_at=now - hour, snoozed_until=now + hour)
    await theirs.update(state=Delivery.ACTED, seen_at=now - 2 * hour, acted_at=now - 2 * hour)
    await Consent.create(
        approval_id=row.id, person_id=town.colleague.id, person_name=town.colleague.name,
        action_digest=row.action_digest, via=Via.CARD, at=now - 2 * hour,
    )  # fmt: skip
    await _ask(row, town.admin, AskedAs.DELEGATE, Delivery.DEGRADED, town, fault="230099 the card was refused")
    await _ask(row, town.platform_admin, AskedAs.LEADER, Delivery.UNDELIVERABLE, town, fault="230013 no availability")
    await ApprovalRequest.filter(id=row.id).update(reminders_sent=2, delivery=Delivery.ACTED, seen_at=now - 2 * hour)
    people = {one: str(getattr(town, one).id) for one in ("creator", "colleague", "admin", "platform_admin")}
    await town.audit(row, f"user:{people['colleague']}", "approval.consented")
    await town.audit(row, "system", "delivery.seen", person=people["creator"])
    await town.audit(row, f"user:{people['creator']}", "approval.snoozed", until=(now + hour).isoformat())
    await town.audit(row, "system", "approval.nudged", person=people["creator"], way="thread", step=1)
    await town.audit(row, "system", "approval.nudge_spared", person=people["colleague"], why="answered")
    asked = [
        {"person": people["admin"], "as": "delegate", "instead_of": people["platform_admin"]},
        {"person": people["platform_admin"], "as": "leader", "instead_of": None},
    ]
    await town.audit(row, "system", "approval.asked", why="step 2", asked=asked, skipped=[["backup", "nobody"]])
    await town.audit(row, "system", "delivery.degraded", person=people["admin"], fault="230099 the card was refused")
    await town.audit(row, f"user:{town.stranger.id}", "approval.refused", refusal="not_yours")


async def _ask(
    row: ApprovalRequest, person: User, asked_as: AskedAs, state: Delivery, town: Town, **columns: Any
) -> None:
    at = town.clock.now()
    sent = {"sent_at": at} if state is Delivery.DEGRADED else {}
    await CardCopy.create(
        **{"approval_id": row.id, "person_id": person.id, "app_id": "cli_x", "asked_as": asked_as, "state": state,
           "asked_at": at, **sent, **columns}
    )  # fmt: skip


async def _amended(town: Town, row: ApprovalRequest) -> None:
    """The amount was put down to a tenth, then it was approved and ran."""
    after = replace(PAYMENT, args=PAYMENT.args | {"amount": 1200})
    await town.audit(
        row, f"user:{town.creator.id}", "approval.amended",
        arguments=["amount"], before=as_json(PAYMENT), after=as_json(after),
    )  # fmt: skip
    await ApprovalRequest.filter(id=row.id).update(
        original_request=canonical(as_json(PAYMENT)).decode(),
        original_digest=row.action_digest,
        request=canonical(as_json(after)).decode(),
        action_digest=action_digest(after),
    )
    await town.resolve(row, ApprovalStatus.APPROVED)
    await town.finish(row, ExecutionStatus.FAILED, error="Bank: the account is closed")
