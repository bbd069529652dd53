"""Approval requests as use cases: opened, decided, changed, claimed, reported, cancelled, expired."""

from bot.approvals.service import ApprovalService
from bot.approvals.values import (
    AGENT_GONE,
    RESULT_LIMIT,
    AlreadyDone,
    ApprovalTimes,
    Claimed,
    Consenting,
    Resolved,
)
from bot.stored import original_request, rendezvous_of, stored_request

__all__ = [
    "AGENT_GONE",
    "RESULT_LIMIT",
    "AlreadyDone",
    "ApprovalService",
    "ApprovalTimes",
    "Claimed",
    "Consenting",
    "Resolved",
    "original_request",
    "rendezvous_of",
    "stored_request",
]
