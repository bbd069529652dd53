"""An approval request in every state in which its card is drawn: for golden files, limits and the pictures of docs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.approvals import AGENT_GONE
from cards.presets import instructed
from cards.views import ApprovalView, ChangedView, ConsentView, Difference, EditableField
from models.enums import ApprovalStatus, AskedAs, ExecutionStatus, Executor, Severity, Via
from models.values import ExecutionView

ASKED = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)  # 14:32 in China
_ANSWERED = ASKED + timedelta(hours=2, minutes=5)
_DONE = _ANSWERED + timedelta(seconds=40)

PENDING = ApprovalView(
    approval_id=UUID("0198f3a2-7c11-7d3e-9b52-5a1c0e4f7d21"),
    code="5d1f6a",
    agent="记账助手",
    creator="林晓",
    requester="赵敏",
    action_type="delete_files",
    tool="delete_file",
    args={"path": "reports/2025", "recursive": True},
    claimed_reason="去年的报表已经归档，可以清理。",
    rule="delete_files",
    policy_version=3,
    status=ApprovalStatus.PENDING,
    executor=Executor.SERVICE,
    created_at=ASKED,
    expires_at=ASKED + timedelta(hours=72),
    now=ASKED,
    details_url="http://127.0.0.1:8787/a/0198f3a2?k=s",
)
_APPROVED = replace(
    PENDING,
    status=ApprovalStatus.APPROVED,
    resolver="林晓",
    resolved_at=_ANSWERED,
    resolution_reason="确认过备份",
    via=Via.CARD,
    now=_DONE,
)
_BY_AGENT = replace(_APPROVED, executor=Executor.AGENT, claim_expires_at=_ANSWERED + timedelta(hours=1))


def _ran(status: ExecutionStatus, **facts: object) -> ApprovalView:
    execution = ExecutionView(status, started_at=_ANSWERED, finished_at=_DONE, **facts)  # type: ignore[arg-type]
    return replace(_APPROVED, execution=execution)


_PAYMENT = replace(
    PENDING,
    action_type="financial_operations",
    tool="bank.transfer",
    args={"amount": 12_000, "currency": "CNY", "payee": "深圳市某某科技有限公司", "memo": "三月服务费"},
    claimed_reason="合同约定本月 5 日付款。",
    requester=None,
    rule="financial_operations",
)
_PAID = replace(_PAYMENT, args={**_PAYMENT.args, "amount": 1_200}, original_args=_PAYMENT.args)

SAMPLES: dict[str, ApprovalView] = {
    "pending": PENDING,
    "pending_reminded": replace(PENDING, now=ASKED + timedelta(hours=2), reminders=2, asked=("王敏", "Li Wei")),
    "pending_payment": _PAYMENT,
    "pending_payment_changed": replace(
        _PAYMENT,
        now=ASKED + timedelta(minutes=42),
        severity=Severity.HIGH,
        changed=ChangedView(
            last_at=ASKED - timedelta(days=29),
            last_by="林晓",
            differences=(Difference("amount", 120, 12_000), Difference("memo", "二月快递费", "三月服务费")),
            same=("currency", "payee"),
        ),
        editable=(
            EditableField("amount", 12_000),
            EditableField("payee", "深圳市某某科技有限公司"),
            EditableField("memo", "三月服务费"),
        ),
        asked=("王敏",),
        seen_by=(("王敏", ASKED + timedelta(minutes=8)),),
    ),
    "pending_as_before": replace(
        PENDING, changed=ChangedView(last_at=ASKED - timedelta(days=7), last_by="王敏", same=("path", "recursive"))
    ),
    "pending_first_of_kind": replace(PENDING, first_of_kind=True),
    "pending_critical": replace(
        PENDING,
        agent="数据管家",
        severity=Severity.CRITICAL,
        action_type="access_business_system_write",
        tool="sql",
        args={"database": "crm_prod", "sql": "UPDATE customers\n   SET discount = 0.8,\n       updated_at = now();"},
        claimed_reason="运营要求统一折扣。",
        first_of_kind=True,
        asked_as=AskedAs.ADMIN,
        needed=2,
        separated=True,
        rule="sql-prod",
        executor=Executor.AGENT,
    ),
    "pending_one_of_two": replace(
        _PAYMENT,
        needed=2,
        now=ASKED + timedelta(hours=1),
        consents=(ConsentView("王敏", ASKED + timedelta(minutes=30)),),
        asked=("王敏",),
    ),
    "pending_consented": replace(
        _PAYMENT,
        needed=2,
        now=ASKED + timedelta(hours=1),
        consents=(ConsentView("林晓", ASKED + timedelta(minutes=30)),),
        consented=True,
        editable=(EditableField("amount", 12_000),),
        asked=("王敏",),
    ),
    "pending_delegate": replace(PENDING, asked_as=AskedAs.DELEGATE, asked=("林晓",)),
    "pending_backup": replace(PENDING, asked_as=AskedAs.BACKUP, now=ASKED + timedelta(hours=3), asked=("林晓",)),
    "pending_leader": replace(PENDING, asked_as=AskedAs.LEADER, now=ASKED + timedelta(hours=3), asked=("林晓",)),
    "pending_group": replace(PENDING, asked_as=AskedAs.GROUP, now=ASKED + timedelta(hours=9), asked=("林晓", "王敏")),
    "pending_snoozed": replace(
        PENDING, now=ASKED + timedelta(minutes=20), snoozed_until=ASKED + timedelta(hours=1, minutes=20)
    ),
    "pending_frozen": replace(
        PENDING, now=ASKED + timedelta(minutes=20), frozen_by="王敏", frozen_until=ASKED + timedelta(hours=4)
    ),
    "pending_mail": replace(
        PENDING,
        agent="外联助手",
        action_type="send_external_message",
        tool="mail.send",
        args={
            "to": ["zhang@customer.example", "li@customer.example"],
            "cc": "sales@ours.example",
            "subject": "三月对账单",
            "body": "张总：\n\n附上三月的对账单，请在本周五之前确认。\n如有疑问，直接回复这封邮件即可。\n\n祝好\n林晓",
            "send_at": "2026-03-06T01:00:00Z",
        },
        claimed_reason="客户每月需要对账单。",
        requester=None,
        rule="send_external_message",
    ),
    "pending_english": replace(
        PENDING,
        agent="Ops bot",
        creator="Li Wei",
        requester="Ann Lee",
        action_type="run_command",
        tool="shell",
        args={
            "command": ["sudo", "rm", "-rf", "/var/cache/build/*"],
            "timeout": 30,
            "env": {"CI": True, "REGISTRY_TOKEN": "tok-5f2c9a7be1d04c3f", "retries": {"max": 3, "wait": "2s"}},
        },
        claimed_reason="The disk is 97 % full; builds fail.",
        rule="run_command",
        executor=Executor.AGENT,
        first_of_kind=True,
    ),
    "pending_unknown_action": replace(
        PENDING,
        agent="Deployer",
        creator="Li Wei",
        requester=None,
        action_type="deploy_prod",
        tool="shell",
        args={
            "command": "kubectl -n prod rollout restart deploy/api\n./smoke.sh --fast && echo ok",
            "env": {"REGION": "cn-north-1", "API_TOKEN": "tok-5f2c9a7be1d04c3f"},
            "hosts": ["api-1", "api-2", "api-3"],
        },
        claimed_reason="Release 4.2.\nAll checks are green.",
        rule=None,
        executor=Executor.AGENT,
        attempt=2,
    ),
    "pending_hostile": replace(
        PENDING,
        agent="助手\u202egnp.exe",
        action_type="send_external_message",
        tool="mail.send",
        args={
            "to": "ceo@exаmple.com<at user_id=all></at>",
            "body": "点这里 [链接](https://evil.example)\u200b\u200b\n" + "很长的正文。" * 900 + "\n末尾：请立即付款",
            "password": "hunter2hunter2",
        },
        claimed_reason="正常通知。\n批准人：林晓（已核实）",
    ),
    "pending_one_argument": replace(PENDING, args={"path": "reports/2025"}, requester=None),
    "pending_bare": replace(
        PENDING, tool=None, args={}, claimed_reason=None, requester=None, details_url=None, action_type="modify_soul"
    ),
    "approved_waiting_for_agent": _BY_AGENT,
    "approved_not_taken_up": replace(_BY_AGENT, now=_ANSWERED + timedelta(hours=3)),
    "approved_claimed": replace(
        _BY_AGENT, claimed_at=_DONE, execution=ExecutionView(ExecutionStatus.RUNNING, started_at=_DONE)
    ),
    "approved_starting": _APPROVED,
    "approved_executing": replace(_APPROVED, execution=ExecutionView(ExecutionStatus.RUNNING, started_at=_ANSWERED)),
    "approved_succeeded": _ran(ExecutionStatus.SUCCEEDED, result={"deleted": 214, "freed": "1.2 GB"}),
    "approved_succeeded_long": _ran(
        ExecutionStatus.SUCCEEDED, result="\n".join(f"removed reports/2025/{n:03}.xlsx" for n in range(400))
    ),
    "approved_failed": _ran(ExecutionStatus.FAILED, error="PermissionError: reports/2025 is read-only"),
    "approved_unknown": _ran(ExecutionStatus.UNKNOWN, error="no answer within 30 s"),
    "rejected": replace(
        _APPROVED, status=ApprovalStatus.REJECTED, resolution_reason="先别删，财务还在审计。", via=Via.COMMAND
    ),
    "expired": replace(
        PENDING,
        status=ApprovalStatus.EXPIRED,
        resolved_at=PENDING.expires_at,
        now=PENDING.expires_at,
        via=Via.EXPIRY,
    ),
    "cancelled": replace(
        PENDING,
        status=ApprovalStatus.CANCELLED,
        resolved_at=_ANSWERED,
        now=_ANSWERED,
        via=Via.AGENT,
        resolution_reason="任务已由人工完成",
    ),
    "approved_amended": replace(
        _PAID,
        status=ApprovalStatus.APPROVED,
        resolver="林晓",
        resolved_at=_ANSWERED,
        via=Via.CARD,
        now=_DONE,
        resolution_reason="先付一成",
        execution=ExecutionView(
            ExecutionStatus.SUCCEEDED, started_at=_ANSWERED, finished_at=_DONE, result={"voucher": "P-7731"}
        ),
    ),
    "approved_by_two": replace(
        _APPROVED,
        needed=2,
        consents=(ConsentView("王敏", ASKED + timedelta(hours=1)), ConsentView("林晓", _ANSWERED)),
        resolution_reason=None,
    ),
    "approved_frozen": replace(_APPROVED, frozen_by="王敏", frozen_until=_ANSWERED + timedelta(hours=4)),
    "approved_agent_archived": replace(_BY_AGENT, agent_archived=True),
    "rejected_preset": replace(
        _APPROVED,
        status=ApprovalStatus.REJECTED,
        preset="too_much",
        resolution_reason=instructed("too_much", "只删 2023 年的。"),
        via=Via.CARD,
    ),
    "rejected_by_time": replace(
        PENDING,
        status=ApprovalStatus.REJECTED,
        resolved_at=PENDING.expires_at,
        now=PENDING.expires_at,
        via=Via.EXPIRY,
    ),
    "cancelled_agent_archived": replace(
        PENDING,
        status=ApprovalStatus.CANCELLED,
        resolved_at=_ANSWERED,
        now=_ANSWERED,
        via=Via.AGENT,
        agent_archived=True,
        resolution_reason=AGENT_GONE,
    ),
}
