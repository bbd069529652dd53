"""The action request that an approval request keeps, and where repeats of it meet."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID

from bot.asking.parsing import from_json
from models.approval import ApprovalRequest
from models.values import ActionRequest


def rendezvous_of(agent_id: UUID, session: str | None, digest: str) -> str:
    """Where repeats of one call meet: the agent, the session and the action, not the call id."""
    return hashlib.sha256(f"{agent_id}\n{session or ''}\n{digest}".encode()).hexdigest()


def stored_request(approval: ApprovalRequest) -> ActionRequest:
    """Exactly what was hashed: what the agent asked, or what a person made of it."""
    return from_json(json.loads(approval.request))


def original_request(approval: ApprovalRequest) -> ActionRequest | None:
    """What the agent had asked, where a person changed the arguments since."""
    if approval.original_request is None or not approval.facts().amended:
        return None
    return from_json(json.loads(approval.original_request))
