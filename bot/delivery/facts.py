"""What the audit is told of deliveries."""

from __future__ import annotations

from uuid import UUID

from bot.delivery.results import words
from bot.ledger import AuditFact
from bot.ports import FeishuFault
from models.approval import ApprovalRequest
from models.outbox import OutboxMessage
from models.values import Json


def fact(
    message: OutboxMessage,
    action: str,
    *,
    fault: BaseException | None = None,
    approval: ApprovalRequest | None = None,
    **more: Json,
) -> AuditFact:
    """A fact about one outbox message; `fault` says what Feishu said."""
    return AuditFact(
        tenant=message.tenant,
        actor="system",
        action=action,
        subject=_subject(message),
        details={
            "message": str(message.id),
            "kind": message.kind.value,
            "person": _text(message.person_id),
            "app": message.app_id,
            "attempts": message.attempts,
            "fault": words(fault) if fault else None,
            "code": fault.code if isinstance(fault, FeishuFault) else None,
            "log_id": fault.log_id if isinstance(fault, FeishuFault) else None,
            **more,
        },
        agent_id=approval.agent_id if approval else None,
        approval_id=message.approval_id,
    )


def _subject(message: OutboxMessage) -> str:
    if message.approval_id:
        return f"approval:{message.approval_id}"
    return f"user:{message.person_id}" if message.person_id else f"outbox:{message.id}"


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
