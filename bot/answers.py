"""What an agent is told: check answers from decisions and approval requests, and their JSON form. Pure of I/O."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bot.amending import details_of
from bot.asking.parsing import from_json as request_from
from models.approval import ApprovalRequest
from models.enums import ApprovalStatus, CheckStatus, Delivery, ExecutionStatus, Executor, Layer, Level, Via
from models.values import Amended, CheckAnswer, Decision, ExecutionView, FreezeFacts, Json, JsonObject

SERVICE_RUNS = "The service executes the approved action itself; do not run it."


def decided(check_id: UUID, digest: str, decision: Decision, freeze: FreezeFacts | None = None) -> CheckAnswer:
    """L1 and L2 are allowed, DENY is denied; `freeze` is what denies when the layer is that of a freeze."""
    allowed = decision.level in (Level.L1, Level.L2)
    return CheckAnswer(
        allowed=allowed,
        level=decision.level,
        status=CheckStatus.ALLOWED if allowed else CheckStatus.DENIED,
        message=_allowed(decision) if allowed else _denied(decision, freeze),
        check_id=check_id,
        action_digest=digest,
        rule=asked_by(decision),
        policy_version=decision.policy_version,
        layer=decision.layer,
        would_be=decision.would_be,
        grant_id=decision.grant_id,
        frozen_until=freeze.until if freeze else None,
    )


def of_approval(check_id: UUID, decision: Decision, approval: ApprovalRequest) -> CheckAnswer:
    """The state of an approval, without a go-ahead."""
    return CheckAnswer(
        allowed=False,
        level=Level.L3,
        status=_status(approval),
        message=_message(approval),
        check_id=check_id,
        action_digest=approval.action_digest,
        rule=asked_by(decision),
        policy_version=decision.policy_version,
        approval_id=approval.id,
        expires_at=approval.expires_at,
        reason=approval.resolution_reason,
        execution=execution_of(approval) if _runs(approval) else None,
        delivery=approval.delivery,
        seen_at=approval.seen_at,
        layer=decision.layer,
        preset=approval.preset,
        amended=_standing_amendment(approval),
    )


def claimed(check_id: UUID, decision: Decision, approval: ApprovalRequest) -> CheckAnswer:
    """The one go-ahead of an approval."""
    return CheckAnswer(
        allowed=True,
        level=Level.L3,
        status=CheckStatus.APPROVED,
        message="Approved; go ahead once, then report the outcome.",
        check_id=check_id,
        action_digest=approval.action_digest,
        rule=asked_by(decision),
        policy_version=decision.policy_version,
        approval_id=approval.id,
        expires_at=approval.expires_at,
        reason=approval.resolution_reason,
        execution=execution_of(approval),
        delivery=approval.delivery,
        seen_at=approval.seen_at,
        layer=decision.layer,
    )


def asked_by(decision: Decision) -> str | None:
    """The rule that decided, of the floor or of the policy as the layer says."""
    return decision.floor_rule if decision.layer is Layer.FLOOR else decision.rule


def unfinished(answer: CheckAnswer) -> bool:
    """Whether waiting may change the answer."""
    if answer.status is CheckStatus.PENDING:
        return True
    running = answer.execution is not None and not answer.execution.status.finished
    return answer.status is CheckStatus.APPROVED and not answer.allowed and running


def may_change(approval: ApprovalRequest) -> bool:
    """Whether an agent that waits for this approval may still learn more by waiting."""
    if approval.status is ApprovalStatus.PENDING:
        return True
    serving = approval.status is ApprovalStatus.APPROVED and approval.executor is Executor.SERVICE
    return serving and not approval.execution.finished


def in_vain(approval: ApprovalRequest) -> bool:
    """Whether nobody has got the question: an agent is told so at once, and not kept waiting."""
    return approval.status is ApprovalStatus.PENDING and approval.delivery is Delivery.UNDELIVERABLE


def _runs(approval: ApprovalRequest) -> bool:
    """Whether the execution says anything to who asked: an amended action is not run until the agent sends it."""
    if approval.status is not ApprovalStatus.APPROVED:
        return False
    return approval.executor is Executor.SERVICE or approval.claimed_at is not None or not approval.facts().amended


def _amendment(approval: ApprovalRequest) -> Amended:
    """The action as a person changed it."""
    return Amended(details_of(request_from(json.loads(approval.request))), approval.action_digest)


def _standing_amendment(approval: ApprovalRequest) -> Amended | None:
    live = approval.status in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
    return _amendment(approval) if live and approval.facts().amended else None


def execution_of(approval: ApprovalRequest) -> ExecutionView:
    return ExecutionView(
        status=approval.execution,
        started_at=approval.execution_started_at,
        finished_at=approval.execution_finished_at,
        result=json.loads(approval.execution_result) if approval.execution_result else None,
        error=approval.execution_error,
    )


def as_json(answer: CheckAnswer) -> JsonObject:
    """The wire form (docs/http-hook.md)."""
    body: JsonObject = {
        "allowed": answer.allowed,
        "level": answer.level.value,
        "status": answer.status.value,
        "approval_id": str(answer.approval_id) if answer.approval_id else None,
        "message": answer.message,
        "check_id": str(answer.check_id),
        "rule": answer.rule,
        "policy_version": answer.policy_version,
        "action_digest": answer.action_digest,
        "code": answer.code,
        "layer": answer.layer.value if answer.layer else None,
    }
    if answer.would_be is not None:
        body["would_be"] = answer.would_be.value
    if answer.grant_id is not None:
        body["grant_id"] = str(answer.grant_id)
    if answer.frozen_until is not None:
        body["frozen_until"] = _iso(answer.frozen_until)
    if answer.approval_id is not None:
        body["expires_at"] = _iso(answer.expires_at)
        body["reason"] = answer.reason
        body["delivery"] = answer.delivery.value if answer.delivery else None
        body["seen_at"] = _iso(answer.seen_at)
        body["preset"] = answer.preset
    if answer.amended is not None:
        body["amended"] = amended_json(answer.amended)
    if answer.execution is not None:
        body["execution"] = execution_json(answer.execution)
    return body


def amended_json(amended: Amended) -> JsonObject:
    return {"details": amended.details, "action_digest": amended.action_digest}


def execution_json(execution: ExecutionView) -> JsonObject:
    return {
        "status": execution.status.value,
        "started_at": _iso(execution.started_at),
        "finished_at": _iso(execution.finished_at),
        "result": execution.result,
        "error": execution.error,
    }


def from_json(body: dict[str, Any]) -> CheckAnswer:
    """The answer that `as_json` wrote; a stored answer is given again word for word."""
    execution = body.get("execution")
    return CheckAnswer(
        allowed=body["allowed"],
        level=Level(body["level"]),
        status=CheckStatus(body["status"]),
        message=body["message"],
        check_id=UUID(body["check_id"]),
        action_digest=body["action_digest"],
        rule=body["rule"],
        policy_version=body["policy_version"],
        approval_id=UUID(body["approval_id"]) if body["approval_id"] else None,
        expires_at=_time(body.get("expires_at")),
        reason=body.get("reason"),
        delivery=Delivery(body["delivery"]) if body.get("delivery") else None,
        seen_at=_time(body.get("seen_at")),
        execution=_execution(execution) if execution else None,
        layer=Layer(body["layer"]) if body.get("layer") else None,
        would_be=Level(body["would_be"]) if body.get("would_be") else None,
        grant_id=UUID(body["grant_id"]) if body.get("grant_id") else None,
        frozen_until=_time(body.get("frozen_until")),
        preset=body.get("preset"),
        amended=Amended(body["amended"]["details"], body["amended"]["action_digest"]) if "amended" in body else None,
    )


def approval_json(approval: ApprovalRequest, *, reached: int | None = None) -> JsonObject:
    """GET /v1/approvals/{id}: status, resolution, execution, delivery. `reached`: how many people have the question."""
    delivery: JsonObject = {
        "state": approval.delivery.value,
        "detail": approval.delivery_detail,
        "seen_at": _iso(approval.seen_at),
    }
    if reached is not None:
        delivery["reached"] = reached
    return {
        "approval_id": str(approval.id),
        "status": approval.status.value,
        "action_type": approval.action_type,
        "tool": approval.tool,
        "action_digest": approval.action_digest,
        "code": approval.facts().code,
        "created_at": _iso(approval.created_at),
        "expires_at": _iso(approval.expires_at),
        "resolution": {
            "at": _iso(approval.resolved_at),
            "by": approval.resolver_name,
            "via": approval.resolved_via.value if approval.resolved_via else None,
            "reason": approval.resolution_reason,
            "preset": approval.preset,
        }
        if approval.resolved_at
        else None,
        "amended": amended_json(_amendment(approval)) if approval.facts().amended else None,
        "claimed_at": _iso(approval.claimed_at),
        "claim_expires_at": _iso(approval.claim_expires_at),
        "executor": approval.executor.value,
        "execution": execution_json(execution_of(approval)),
        "delivery": delivery,
    }


def _allowed(decision: Decision) -> str:
    match decision.layer:
        case Layer.GRANT:
            return "Allowed under a grant; go ahead."
        case Layer.OBSERVE:
            return f"Allowed, because this agent is only observed (else: {decision.would_be}); go ahead."
        case _:
            return "Allowed; go ahead."


def _denied(decision: Decision, freeze: FreezeFacts | None) -> str:
    if decision.layer is not Layer.FREEZE:
        return f"Denied by policy: {decision.reason}. Do not repeat the call."
    until = f" until {_iso(freeze.until)}" if freeze is not None and freeze.until else ""
    return f"Everything stands still{until}: a person froze this agent. Do not act; repeat after the end of the freeze."


def _status(approval: ApprovalRequest) -> CheckStatus:
    return CheckStatus(approval.status.value)


def _message(approval: ApprovalRequest) -> str:
    match approval.status:
        case ApprovalStatus.PENDING if approval.delivery is Delivery.UNDELIVERABLE:
            return (
                "Nobody could be reached in Feishu, not even an admin. Do not act; the approval stays open until it"
                " expires."
            )
        case ApprovalStatus.PENDING if approval.facts().amended:
            return (
                "A person changed the arguments (see `amended`) and approved that; somebody else must approve it too."
                " Repeat the same call or watch the approval."
            )
        case ApprovalStatus.PENDING if approval.seen_at is not None:
            seen = f"{approval.seen_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            return f"Waiting for a person, who saw the question {seen}; repeat the same call or watch the approval."
        case ApprovalStatus.PENDING:
            return "Waiting for a person to decide; repeat the same call or watch the approval."
        case ApprovalStatus.APPROVED if approval.executor is Executor.SERVICE and approval.facts().amended:
            return (
                "A person changed the arguments and approved that. The service executes the changed action (see"
                f" `amended`); do not run it, nor what you had asked. Execution: {approval.execution.value}."
            )
        case ApprovalStatus.APPROVED if approval.facts().amended and approval.claimed_at is None:
            return (
                "A person changed the arguments and approved that, and not what you had asked. Send a check with"
                " exactly `amended.details`, in the same session, to get the go-ahead; do not repeat this call."
            )
        case ApprovalStatus.APPROVED if approval.executor is Executor.SERVICE:
            return f"{SERVICE_RUNS} Execution: {approval.execution.value}."
        case ApprovalStatus.APPROVED if approval.claimed_at is not None:
            return "Approved, and the one go-ahead was already given to another call."
        case ApprovalStatus.APPROVED:
            return "Approved; claim it or repeat the same call to get the go-ahead."
        case ApprovalStatus.REJECTED if approval.resolved_via is Via.EXPIRY:
            return "Nobody decided in time, and then this call is rejected; do not repeat it."
        case ApprovalStatus.REJECTED:
            return "Rejected by a person; do not repeat the call."
        case ApprovalStatus.EXPIRED:
            return "Nobody decided in time; repeat the call to ask again."
        case ApprovalStatus.CANCELLED:
            return "The request was withdrawn."


def _execution(body: JsonObject) -> ExecutionView:
    result: Json = body.get("result")
    error = body.get("error")
    return ExecutionView(
        status=ExecutionStatus(str(body["status"])),
        started_at=_time(body.get("started_at")),
        finished_at=_time(body.get("finished_at")),
        result=result,
        error=error if isinstance(error, str) else None,
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if isinstance(text, str) else None
