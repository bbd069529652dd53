"""The card in every state, as a person has looked at it. `TEST_UPDATE_GOLDEN=1 pytest …` writes the files anew."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from cards.approval import approval_card
from cards.views import ApprovalView
from models.enums import ApprovalStatus, ExecutionStatus, Executor, Via
from models.values import ExecutionView

_GOLDEN = Path(__file__).parent.parent / "data" / "cards"
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


SAMPLES: dict[str, ApprovalView] = {
    "pending": PENDING,
    "pending_reminded": replace(PENDING, now=ASKED + timedelta(hours=2), reminders=2, asked=("王敏", "Li Wei")),
    "pending_payment": replace(
        PENDING,
        action_type="financial_operations",
        tool="bank.transfer",
        args={"amount": 12_000, "currency": "CNY", "payee": "深圳市某某科技有限公司", "memo": "三月服务费"},
        claimed_reason="合同约定本月 5 日付款。",
        requester=None,
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
}


@pytest.mark.parametrize("state", SAMPLES)
def test_the_card_is_the_one_that_was_looked_at(state: str) -> None:
    golden = _GOLDEN / f"approval_{state}.json"
    drawn = json.dumps(approval_card(SAMPLES[state]), ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("TEST_UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(drawn, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == drawn


def test_every_golden_file_has_its_state() -> None:
    assert {path.stem.removeprefix("approval_") for path in _GOLDEN.glob("approval_*.json")} == set(SAMPLES)
