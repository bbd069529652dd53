"""POST /v1/checks/{id}/outcome: how an action ended that ran without being asked about (docs/http-hook.md)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from aiohttp import web

from bot.asking.parsing import BadAsk
from bot.directory import Directory
from bot.noticing.outcomes import RunOutcomes
from handlers.auth import authenticate
from handlers.bodies import guarded, json_answer, json_object
from handlers.errors import problem
from models.values import Refusal, RefusalKind

_CREDENTIAL = "Send the agent's token as Authorization: Bearer ast_…"
_ERROR_LIMIT = 4000  # characters


class CheckOutcomes:
    def __init__(self, directory: Directory, outcomes: RunOutcomes) -> None:
        self._directory = directory
        self._outcomes = outcomes

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/checks/{id}/outcome", guarded(self.report, credential=_CREDENTIAL))]

    async def report(self, request: web.Request) -> web.StreamResponse:
        caller = await authenticate(request, self._directory, fresh=True)
        body = await json_object(request, required={"status"}, optional={"result", "error"})
        status, error = _status(body["status"]), body.get("error")
        if error is not None and (not isinstance(error, str) or len(error) > _ERROR_LIMIT):
            raise BadAsk("error", f"error is a text of at most {_ERROR_LIMIT} characters", "invalid_field")
        try:
            check_id = UUID(request.match_info["id"])
        except ValueError:
            return problem(404, "not_found", "This agent has no such check.")
        told = await self._outcomes.report(caller, check_id, status, body.get("result"), error)
        if isinstance(told, Refusal):
            return _refused(told)
        return json_answer({"check_id": str(told.check_id), "status": told.status, "at": told.at.isoformat()})


def _status(value: object) -> Literal["succeeded", "failed"]:
    match value:
        case "succeeded" | "failed":
            return value
        case _:
            raise BadAsk("status", "status is succeeded or failed", "invalid_field")


def _refused(refusal: Refusal) -> web.Response:
    match refusal.kind:
        case RefusalKind.NOT_APPROVED:
            detail = "Only a check that was allowed at once has an outcome of its own; report others to their approval."
            return problem(409, "not_allowed", detail)
        case RefusalKind.EXPIRED:
            until = refusal.at.isoformat() if refusal.at else None
            return problem(409, "outcome_late", "An outcome is taken within 30 days of the check.", at=until)
        case RefusalKind.OUTCOME_KNOWN:
            at = refusal.at.isoformat() if refusal.at else None
            return problem(409, "outcome_known", "Another outcome of this check was already reported.", at=at)
        case _:
            return problem(404, "not_found", "This agent has no such check.")
