"""Grants as people see them: rows with the names of everyone they concern. Reads only."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from uuid import UUID

from bot.granting.bounds import describe
from cards.views import GrantUseView, GrantView
from models.agent import Agent
from models.grant import Grant
from models.user import User
from models.values import ActionRequest


async def grant_view(grant: Grant, now: datetime, zone: tzinfo) -> GrantView:
    """The grant as it stands in this row."""
    agent, giver = await Agent.get(id=grant.agent_id), await User.get(id=grant.giver_id)
    return GrantView(
        grant_id=grant.id,
        kind=grant.kind,
        agent=agent.name,
        action_type=grant.action_type,
        tool=grant.tool,
        limits=describe(json.loads(grant.bounds)),
        giver=giver.name,
        expires_at=grant.expires_at,
        max_uses=grant.max_uses,
        uses=grant.uses,
        revoked_by=grant.revoked_by_name,
        revoked_at=grant.revoked_at,
        now=now,
        zone=zone,
    )


def use_view(grant: GrantView, request: ActionRequest, check_id: UUID, at: datetime) -> GrantUseView:
    """One run under the grant."""
    return GrantUseView(
        grant=grant,
        check_id=check_id,
        args=request.args,
        at=at,
        requester=request.requested_by,
        claimed_reason=request.reason,
    )
