"""Every polite no is audited, in the transaction that gave it."""

from __future__ import annotations

from bot.ledger import AuditFact, Work, approval_fact
from models.approval import ApprovalRequest
from models.values import JsonObject, Operator, Refusal


def refused(work: Work, operator: Operator, refusal: Refusal, approval: ApprovalRequest | None = None) -> Refusal:
    return audited(work, operator.tenant, f"user:{operator.id}", refusal, approval)


def audited(work: Work, tenant: str, actor: str, refusal: Refusal, approval: ApprovalRequest | None = None) -> Refusal:
    """The refusal, written down where it belongs; one that is about no approval, beside the tenant's others."""
    if approval is not None:
        audit_refusal(work, actor, refusal, approval)
    else:
        details: JsonObject = {"refusal": refusal.kind.value, "detail": refusal.detail}
        work.audit(AuditFact(tenant, actor, "approval.refused", "approval:unknown", details))
    return refusal


def audit_refusal(work: Work, actor: str, refusal: Refusal, approval: ApprovalRequest) -> None:
    work.audit(approval_fact(approval, actor, "approval.refused", {"refusal": refusal.kind.value}))
