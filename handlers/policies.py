"""The people's HTTP interface of policies and floors (docs/policy-api.md): protocol translation only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.administration import FLOOR, Actor, Administration, Declined, Saved, Why, in_one_transaction
from bot.administration.as_json import change_json, history_json, saved_json, tried_json
from bot.administration.trials import Trials
from bot.asking.parsing import BadAsk, parse_check
from bot.directory import Caller, Directory
from bot.hindsight.explaining import Explaining
from bot.hindsight.replaying import DAYS, LIMIT, MOST_DAYS, Replaying
from bot.ledger import Ledger, Work
from bot.policy import schema
from bot.policy.files import without_origin
from bot.ports import Clock
from cards.replays import replay_json
from cards.why_data import why_json
from handlers.auth import authenticate, authenticate_person, bearer_token
from handlers.bodies import Handler, guarded, json_answer, json_body, json_object, whole_number
from handlers.errors import problem
from handlers.etags import etag, is_held, versions_of
from handlers.headers import BadHeader
from models.values import Json, JsonObject, Refusal, RefusalKind

CREDENTIAL = "Send your own access token as Authorization: Bearer asp_… (/token create, assent token create)"
EITHER = "Send the agent's token (ast_…) or your own access token (asp_…) as Authorization: Bearer …"
AGENT_PREFIX = "ast_"
VERSION_LIMIT = 10**9
NOTE_LIMIT = 500  # characters
HISTORY_LIMIT = 500
_ASKED = {"action_type", "details", "requested_by", "session", "call_id"}

_NOWHERE = "You administer no such agent."


class PolicyRoutes:
    def __init__(
        self,
        administration: Administration,
        trials: Trials,
        replaying: Replaying,
        explaining: Explaining,
        directory: Directory,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._policies = administration.policies
        self._tokens = administration.tokens
        self._trials = trials
        self._replaying = replaying
        self._explaining = explaining
        self._directory = directory
        self._ledger = ledger
        self._clock = clock
        self._replays = False  # one at a time in this process: it reads a lot

    def routes(self) -> list[web.RouteDef]:
        found = [web.get("/v1/policy/schema", _schema, allow_head=False)]
        found.append(web.get("/v1/checks/{id}", guarded(self.why, credential=EITHER), allow_head=False))
        for root in ("/v1/agents/{agent}/policy", "/v1/floor"):
            found += [
                web.get(root, self._for_person(self.show), allow_head=False),
                web.put(root, self._for_person(self.put)),
                web.get(f"{root}/history", self._for_person(self.history), allow_head=False),
                web.post(f"{root}/rollback", self._for_person(self.rollback)),
                web.post(f"{root}/test", self._for_person(self.test)),
                web.post(f"{root}/replay", self._for_person(self.replay)),
            ]
        return found

    async def show(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        shown = await self._policies.show(actor, _subject(request))
        if isinstance(shown, Refusal | Declined):
            return _no(shown)
        tag = {"ETag": etag(shown.version)}
        if is_held(request.headers.getall("If-None-Match", []), shown.version):
            return web.Response(status=304, headers=tag)
        return json_answer(saved_json(shown), headers=tag)

    async def put(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        written, note = without_origin(await json_body(request)), _note(request)
        subject = _subject(request)
        return await self._write(
            request,
            actor,
            lambda work, expected: self._policies.set_document(
                work, actor, subject, written, note=note, expected=expected
            ),
        )

    async def rollback(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        body = await json_object(request, required={"version"}, optional=set())
        version = whole_number(body, "version", least=0, most=VERSION_LIMIT)
        if version is None:
            raise BadAsk("version", "version is a whole number", "wrong_type")
        subject = _subject(request)
        return await self._write(
            request,
            actor,
            lambda work, expected: self._policies.rollback(work, actor, subject, version, expected=expected),
        )

    async def history(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        lines = await self._policies.history(actor, _subject(request), limit=_limit(request))
        return _no(lines) if isinstance(lines, Refusal | Declined) else json_answer({"versions": history_json(lines)})

    async def test(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        body = await json_object(request, required={"action_type"}, optional=_ASKED | {"document"})
        written = without_origin(body.pop("document", None))
        asked = parse_check(json.dumps(body, ensure_ascii=False).encode())  # no longer than it came
        tried = await self._trials.test(actor, _subject(request), asked, written=written)
        return _no(tried) if isinstance(tried, Refusal | Declined) else json_answer(tried_json(tried))

    async def replay(self, request: web.Request, actor: Actor) -> web.StreamResponse:
        body = await json_object(request, required=set(), optional={"days", "document", "limit"})
        days = whole_number(body, "days", least=1, most=MOST_DAYS) or DAYS
        limit = whole_number(body, "limit", least=1, most=LIMIT) or LIMIT
        written = without_origin(body.get("document"))
        if self._replays:
            detail = "Another replay is under way; nothing was replayed."
            return problem(503, "busy", detail, headers={"Retry-After": "10"})
        self._replays = True
        try:
            report = await self._replaying.under(actor, _subject(request), written, days=days, limit=limit)
        finally:
            self._replays = False
        return _no(report) if isinstance(report, Refusal | Declined) else json_answer(replay_json(report))

    async def why(self, request: web.Request) -> web.StreamResponse:
        """For the agent that asked, and for whoever may decide for it."""
        reader: Actor | Caller
        if bearer_token(request).startswith(AGENT_PREFIX):
            reader = await authenticate(request, self._directory, fresh=True)
        else:
            reader = await authenticate_person(request, self._tokens, self._clock)
        why = await self._explaining.why(reader, request.match_info["id"])
        if isinstance(why, Refusal):
            return problem(404, "not_found", "There is no such check, or it is not yours to see.")
        return _no(why) if isinstance(why, Declined) else json_answer(why_json(why))

    def _for_person(self, handler: Callable[[web.Request, Actor], Awaitable[web.StreamResponse]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await handler(request, await authenticate_person(request, self._tokens, self._clock))

        return guarded(handle, credential=CREDENTIAL)

    async def _write(
        self,
        request: web.Request,
        actor: Actor,
        change: Callable[[Work, int | None], Awaitable[Saved | Refusal | Declined]],
    ) -> web.StreamResponse:
        """Only over the version that the caller names."""
        values = request.headers.getall("If-Match", [])
        if not values:
            detail = 'Send If-Match with the ETag of the version that you read, such as "v5".'
            return problem(428, "precondition_required", detail)
        expected = await self._expected(versions_of(values), actor, _subject(request))
        saved = await in_one_transaction(self._ledger, lambda work: change(work, expected))
        if isinstance(saved, Refusal | Declined):
            return _no(saved)
        return json_answer(change_json(saved), headers={"ETag": etag(saved.version)})

    async def _expected(self, named: frozenset[int] | None, actor: Actor, subject: str) -> int | None:
        """Of several named versions the one in force; where none of them is, one that never was."""
        if named is None:
            return None
        if len(named) == 1:
            return next(iter(named))
        shown = await self._policies.show(actor, subject)
        return shown.version if not isinstance(shown, Refusal | Declined) and shown.version in named else -1


async def _schema(_: web.Request) -> web.Response:
    return web.json_response(schema.schema(), content_type=schema.MEDIA_TYPE)


def _subject(request: web.Request) -> str:
    return request.match_info.get("agent", FLOOR)


def _note(request: web.Request) -> str | None:
    note = request.query.get("note")
    if note is not None and (len(note) > NOTE_LIMIT or not note.isprintable()):
        raise BadHeader("note", f"note is at most {NOTE_LIMIT} printable characters")
    return note or None


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "20")
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= HISTORY_LIMIT):
        raise BadHeader("limit", f"limit is 1 to {HISTORY_LIMIT}")
    return int(text)


def _no(no: Refusal | Declined) -> web.Response:
    return _declined(no) if isinstance(no, Declined) else _refused(no)


def _refused(refusal: Refusal) -> web.Response:
    match refusal.kind:
        case RefusalKind.VERSION_MOVED:
            at = refusal.at.isoformat() if refusal.at else None
            version = int(refusal.detail or 0)
            detail = f"Version {refusal.detail} of {refusal.by or 'somebody'} ({at or 'no time'}) is in force."
            return problem(412, "version_moved", detail, by=refusal.by, at=at, version=version)
        case RefusalKind.NOT_PERMITTED:
            return problem(403, "forbidden", "You may not see or change this.")
        case RefusalKind.INVALID:
            return problem(400, "invalid_field", f"{refusal.detail or 'A member'} cannot be used.")
        case _:
            return problem(404, "not_found", _NOWHERE)


def _declined(declined: Declined) -> web.Response:
    match declined.why:
        case Why.BAD_POLICY:
            faults: list[Json] = [_fault(fault) for fault in declined.faults]
            return problem(422, "invalid_policy", f"{len(faults)} fault(s); nothing was changed.", faults=faults)
        case Why.NO_SUCH_VERSION:
            return problem(404, "not_found", f"There is no version {declined.given}.")
        case Why.ARCHIVED:
            return problem(409, "archived", f"{declined.given} is archived.")
        case Why.AMBIGUOUS:
            return problem(409, "ambiguous", "The name or short id fits more than one; use the whole id.")
        case _:
            return problem(400, "invalid_field", f"It cannot be done: {declined.why.value}.")


def _fault(fault: str) -> JsonObject:
    path, _, detail = fault.partition(": ")
    return {"path": path, "detail": detail}
