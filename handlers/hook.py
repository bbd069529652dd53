"""The agents' HTTP hook (docs/http-hook.md): protocol translation only."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import structlog
from aiohttp import web

from bot import answers
from bot.approvals import ApprovalService
from bot.asking.parsing import BadAsk, parse_check
from bot.checking.idempotency import KeyInUse, KeyMismatch
from bot.database.outage import is_outage
from bot.digest import NotCanonical, action_digest
from bot.directory import CredentialRefused, Directory
from bot.enforcement import EnforcementEngine, GateBusy
from bot.journal.flushing import JournalFault
from bot.policy.parse import effective
from bot.quotas import QuotaExceeded, TooManyPending
from handlers.auth import authenticate
from handlers.bodies import json_object, read_body
from handlers.errors import problem
from handlers.headers import BadHeader, idempotency_key, wait_parameter, wait_preference
from models.enums import CheckStatus, ExecutionStatus, Level
from models.values import CheckAnswer, Decision, Json, JsonObject, Refusal, RefusalKind, short_code

log = structlog.get_logger(__name__)

RETRY_AFTER = 5
"""Seconds after which a pending check may sensibly be repeated without `Prefer: wait`."""

DIGEST_LENGTH = len("sha256:") + 64

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REFUSALS: dict[RefusalKind, str] = {
    RefusalKind.UNKNOWN_APPROVAL: "not_found",
    RefusalKind.ALREADY_CLAIMED: "already_claimed",
    RefusalKind.NOT_APPROVED: "not_approved",
    RefusalKind.DIGEST_MISMATCH: "digest_mismatch",
    RefusalKind.CLAIM_LAPSED: "claim_lapsed",
    RefusalKind.SERVICE_EXECUTES: "service_executes",
    RefusalKind.DENIED_NOW: "denied_now",
    RefusalKind.FROZEN: "frozen",
    RefusalKind.NOT_PENDING: "not_pending",
    RefusalKind.NOT_CLAIMED: "not_claimed",
    RefusalKind.OUTCOME_KNOWN: "outcome_known",
}


class Hook:
    """The routes under /v1, around the use cases."""

    def __init__(self, directory: Directory, engine: EnforcementEngine, approvals: ApprovalService) -> None:
        self._directory = directory
        self._engine = engine
        self._approvals = approvals

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/check", self._guarded(self.check)),
            web.get("/v1/policy", self._guarded(self.policy)),
            web.get("/v1/approvals/{id}", self._guarded(self.show), allow_head=False),
            web.post("/v1/approvals/{id}/claim", self._guarded(self.claim)),
            web.post("/v1/approvals/{id}/outcome", self._guarded(self.outcome)),
            web.post("/v1/approvals/{id}/cancel", self._guarded(self.cancel)),
        ]

    async def check(self, request: web.Request) -> web.Response:
        caller = await authenticate(request, self._directory)
        dry_run = _flag(request, "dry_run")
        key = idempotency_key(request.headers.getall("Idempotency-Key", []))
        wait = wait_preference(request.headers.getall("Prefer", []))
        ask = parse_check(await read_body(request))
        if dry_run:
            return _json(_rehearsed(await self._engine.rehearse(caller, ask), action_digest(ask)))
        answer = await self._engine.check(
            caller, ask, idempotency_key=key, wait=wait or 0, listening=lambda: _connected(request)
        )
        return _answered(answer, wait)

    async def policy(self, request: web.Request) -> web.Response:
        known = await self._directory.agent(await authenticate(request, self._directory, fresh=True))
        body: JsonObject = {"agent": known.facts.name, "paused": known.facts.paused, **effective(known.policy)}
        return _json(body, headers={"ETag": f'"{known.policy.version}"'})

    async def show(self, request: web.Request) -> web.Response:
        caller = await authenticate(request, self._directory, fresh=True)
        asked = wait_parameter(request.query.get("wait"))
        preferred = wait_preference(request.headers.getall("Prefer", [])) if asked is None else None
        approval_id = _approval_id(request)
        wait = asked or preferred or 0
        state = await self._engine.look(caller, approval_id, wait=wait) if approval_id else None
        if state is None:
            return problem(404, "not_found", "This agent has no such approval.")
        pending = state["status"] == CheckStatus.PENDING
        headers = {"Retry-After": str(RETRY_AFTER)} if pending else {}
        return _json(state, headers=headers | _applied(preferred))

    async def claim(self, request: web.Request) -> web.Response:
        caller = await authenticate(request, self._directory, fresh=True)
        body = await _object(request, required={"action_digest"}, optional=set())
        digest, approval_id = _text(body, "action_digest", DIGEST_LENGTH), _approval_id(request)
        if digest is None:
            raise BadAsk("action_digest", "action_digest is a text", "wrong_type")
        if approval_id is None:
            return problem(404, "not_found", "This agent has no such approval.")
        outcome = await self._engine.claim(caller, approval_id, digest)
        return _refused(outcome) if isinstance(outcome, Refusal) else _json(answers.as_json(outcome))

    async def outcome(self, request: web.Request) -> web.Response:
        caller = await authenticate(request, self._directory, fresh=True)
        body = await _object(request, required={"status"}, optional={"result", "error"})
        status = {"succeeded": ExecutionStatus.SUCCEEDED, "failed": ExecutionStatus.FAILED}.get(str(body["status"]))
        if status is None:
            raise BadAsk("status", "status is succeeded or failed", "invalid_field")
        error = _text(body, "error", 4000)
        approval_id = _approval_id(request)
        if approval_id is None:
            return problem(404, "not_found", "This agent has no such approval.")
        known = await self._directory.agent(caller)
        told = await self._approvals.using.report_outcome(known, approval_id, status, body.get("result"), error)
        return _refused(told) if isinstance(told, Refusal) else _json(answers.approval_json(told))

    async def cancel(self, request: web.Request) -> web.Response:
        caller = await authenticate(request, self._directory, fresh=True)
        body = await _object(request, required=set(), optional={"reason"})
        approval_id = _approval_id(request)
        if approval_id is None:
            return problem(404, "not_found", "This agent has no such approval.")
        known = await self._directory.agent(caller)
        done = await self._approvals.settling.cancel(known, approval_id, _text(body, "reason", 4000))
        return _refused(done) if isinstance(done, Refusal) else _json(answers.approval_json(done))

    def _guarded(self, handler: Handler) -> Handler:
        """Every fault that a caller can cause becomes the problem document that names it."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except CredentialRefused:
                return problem(
                    401,
                    "unauthorized",
                    "Send the agent's token as Authorization: Bearer ast_…",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            except BadAsk as fault:
                status = 413 if fault.code == "body_too_large" else 400
                return problem(status, fault.code, fault.detail, field=fault.field)
            except BadHeader as fault:
                code = "idempotency_key_invalid" if fault.name == "Idempotency-Key" else "invalid_header"
                return problem(400, code, fault.detail, field=fault.name)
            except NotCanonical as fault:
                return problem(400, "not_canonical", fault.why, field=fault.path)
            except KeyInUse:
                return problem(
                    409,
                    "idempotency_in_progress",
                    "A check with this Idempotency-Key is under way.",
                    headers={"Retry-After": "1"},
                )
            except KeyMismatch:
                return problem(422, "idempotency_mismatch", "This Idempotency-Key was used for another payload.")
            except QuotaExceeded as fault:
                return _limited(fault)
            except (GateBusy, JournalFault):
                return problem(
                    503,
                    "busy",
                    "The check could not be recorded; nothing was allowed. Try again.",
                    headers={"Retry-After": "1"},
                )
            except Exception as fault:
                if not is_outage(fault):
                    raise
                log.error("hook.database_away", fault=type(fault).__name__)
                return problem(503, "busy", "The database does not answer; nothing was allowed. Try again.")

        return guarded


def _limited(fault: QuotaExceeded) -> web.Response:
    if isinstance(fault, TooManyPending):
        code, detail = (
            "too_many_pending",
            f"At most {fault.limit} of this agent's questions may wait for people at once.",
        )
    else:
        code, detail = "too_many_checks", f"This agent may send {fault.limit} checks a minute."
    seconds = max(1, math.ceil(fault.retry_after))
    return problem(429, code, detail, headers={"Retry-After": str(seconds)}, limit=fault.limit)


def _answered(answer: CheckAnswer, wait: int | None) -> web.Response:
    pending = answer.status is CheckStatus.PENDING
    headers = _applied(wait)
    if answers.unfinished(answer):
        headers |= {"Location": f"/v1/approvals/{answer.approval_id}", "Retry-After": str(RETRY_AFTER)}
    return _json(answers.as_json(answer), status=202 if pending else 200, headers=headers)


def _rehearsed(decision: Decision, digest: str) -> JsonObject:
    """A dry run never says `allowed: true`: that is said only where it is spent."""
    would = {Level.L1: "allowed", Level.L2: "allowed", Level.L3: "pending", Level.DENY: "denied"}[decision.level]
    return {
        "dry_run": True,
        "allowed": False,
        "would": would,
        "level": decision.level.value,
        "rule": decision.rule,
        "policy_version": decision.policy_version,
        "action_digest": digest,
        "code": short_code(digest),
        "message": f"A check would be answered: {would} ({decision.reason}).",
    }


def _refused(refusal: Refusal) -> web.Response:
    code = _REFUSALS.get(refusal.kind, "not_pending")
    extra: dict[str, Json] = {"refusal": refusal.kind.value}
    if refusal.by:
        extra["by"] = refusal.by
    if refusal.at:
        extra["at"] = refusal.at.isoformat()
    if refusal.kind is RefusalKind.FROZEN and refusal.detail:
        extra["frozen_until"] = refusal.detail
    if refusal.kind is RefusalKind.DIGEST_MISMATCH and refusal.detail:
        extra["amended_action_digest"] = refusal.detail
    if refusal.status:
        extra["approval_status"] = refusal.status.value
    return problem(404 if code == "not_found" else 409, code, _SENTENCES[code], field=None, headers=None, **extra)


_SENTENCES = {
    "not_found": "This agent has no such approval.",
    "already_claimed": "The one go-ahead of this approval was already given.",
    "not_approved": "This approval is not approved.",
    "digest_mismatch": "The action_digest is not the one that was approved.",
    "claim_lapsed": "The approved go-ahead was not claimed in time; ask again.",
    "service_executes": "The service executes this action itself; it cannot be claimed.",
    "denied_now": "The policy in force denies this action now.",
    "frozen": "A person froze this agent; the approval stands, and can be claimed once the freeze is over.",
    "not_pending": "This approval is no longer pending.",
    "not_claimed": "This approval was not claimed, so it has no outcome.",
    "outcome_known": "The outcome of this approval was already reported.",
}


def _connected(request: web.Request) -> bool:
    """Whether the caller still holds the connection; aiohttp lets a handler run on after a hang-up."""
    return request.transport is not None and not request.transport.is_closing()


def _approval_id(request: web.Request) -> UUID | None:
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        return None


async def _object(request: web.Request, *, required: set[str], optional: set[str]) -> JsonObject:
    """A small JSON object with just these members; an empty body stands for {}."""
    return await json_object(request, required=required, optional=optional, absent=b"{}")


def _text(body: JsonObject, name: str, limit: int) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit:
        raise BadAsk(name, f"{name} is a text of at most {limit} characters", "invalid_field")
    return value


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name)
    if value is None or value in ("0", "false"):
        return False
    if value in ("1", "true", ""):
        return True
    raise BadHeader(name, f"{name} is 1 or 0")


def _applied(wait: int | None) -> dict[str, str]:
    return {"Preference-Applied": f"wait={wait}"} if wait is not None else {}


def _json(body: Json, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
