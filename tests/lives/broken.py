"""How a law that does not hold is told."""

from __future__ import annotations

from models.tables import ApprovalRequest


class Broken(AssertionError):
    """A law does not hold."""


def demand(holds: bool, law: str, approval: ApprovalRequest) -> None:
    if not holds:
        state = f"{approval.status.value} {approval.execution.value} rev {approval.revision} due {approval.next_due_at}"
        raise Broken(f"{law}: {approval.id} ({approval.action_type}, {state})")
