"""Why a check was answered as it was, as plain data for programs. Secrets are hidden; the text is in cards.why."""

from __future__ import annotations

from datetime import datetime

from cards.mask import mask, mask_text
from models.values import Json, JsonObject
from models.why import PinnedVersion, Why, WhyApproval, WhyGrant


def why_json(why: Why) -> JsonObject:
    """The same as plain data; arguments and texts of agents are masked, times are UTC."""
    return {
        "check_id": str(why.check_id) if why.check_id else None,
        "at": _iso(why.at),
        "outcome": why.outcome,
        "agent": why.agent,
        "creator": why.creator,
        "requester": {"name": why.requester, "known": why.requester_known} if why.requester else None,
        "action_type": why.request.action_type,
        "tool": why.request.tool,
        "args": mask(why.request.args),
        "session": why.request.session,
        "claimed_reason": mask_text(why.request.reason) if why.request.reason else None,
        "action_digest": why.action_digest,
        "code": why.code,
        "decision": {
            "level": why.level.value,
            "layer": why.layer.value,
            "would_be": why.would_be.value if why.would_be else None,
            "rule": why.rule,
            "rule_note": why.rule_note,
            "matched": list(why.matched),
            "faults": list(why.faults),
            "reason": why.reason,
        },
        "policy": {"version": why.policy_version, **_pinned_json(why.policy)},
        "floor": {
            "version": why.floor_version,
            "rule": why.floor_rule,
            "level": why.floor_level.value if why.floor_level else None,
            **_pinned_json(why.floor),
        },
        "approval": _approval_json(why.approval) if why.approval else None,
        "grant": _grant_json(why.grant) if why.grant else None,
        "timeline": [
            {"at": _iso(step.at), "actor": step.actor, "action": step.action, "detail": step.detail}
            for step in why.timeline
        ],
        "deliveries": [
            {
                "kind": one.kind.value,
                "to": one.to,
                "created_at": _iso(one.created_at),
                "state": one.state.value,
                "attempts": one.attempts,
                "done_at": _iso(one.done_at),
                "fault": one.fault,
            }
            for one in why.deliveries
        ],
    }


def _pinned_json(pinned: PinnedVersion | None) -> dict[str, Json]:
    if pinned is None:
        return {"author": None, "written_at": None, "note": None}
    return {"author": pinned.author, "written_at": _iso(pinned.at), "note": pinned.note}


def _approval_json(approval: WhyApproval) -> JsonObject:
    execution = approval.execution
    return {
        "id": str(approval.id),
        "status": approval.status.value,
        "created_at": _iso(approval.created_at),
        "expires_at": _iso(approval.expires_at),
        "attempt": approval.attempt,
        "reminders": approval.reminders,
        "executor": approval.executor.value,
        "asked": [
            {
                "person": one.person,
                "state": one.state.value,
                "sent_at": _iso(one.sent_at),
                "seen_at": _iso(one.seen_at),
                "detail": one.detail,
            }
            for one in approval.asked
        ],
        "resolution": {
            "at": _iso(approval.resolved_at),
            "by": approval.resolver,
            "via": approval.via.value if approval.via else None,
            "reason": mask_text(approval.resolution_reason) if approval.resolution_reason else None,
        }
        if approval.resolved_at
        else None,
        "claimed_at": _iso(approval.claimed_at),
        "execution": {
            "status": execution.status.value,
            "started_at": _iso(execution.started_at),
            "finished_at": _iso(execution.finished_at),
            "error": mask_text(execution.error) if execution.error else None,
        },
    }


def _grant_json(grant: WhyGrant) -> JsonObject:
    return {
        "id": str(grant.id),
        "kind": grant.kind.value,
        "giver": grant.giver,
        "created_at": _iso(grant.created_at),
        "expires_at": _iso(grant.expires_at),
        "uses": grant.uses,
        "max_uses": grant.max_uses,
        "revoked_at": _iso(grant.revoked_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
