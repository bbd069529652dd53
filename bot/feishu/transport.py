"""One HTTP exchange with Feishu: an answer with code 0, or a FeishuFault. Knows nothing of tokens and messages."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from yarl import URL

from bot.feishu.errors import fault, log_id_of
from bot.feishu.origin import base_url_fault
from bot.foreign_json import NotJson, parse_object
from bot.ports import FeishuFault, FeishuMisconfigured, FeishuUnavailable, PayloadRefused
from models.values import AppCredentials, JsonObject

_log: structlog.stdlib.BoundLogger = structlog.get_logger("assent.feishu")


@dataclass(frozen=True, slots=True)
class Call:
    """One endpoint. `template` is the path for the log, where ids would only make noise."""

    method: str
    template: str
    path: str
    body: JsonObject | None = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes


class Transport:
    """Feishu over one pooled session. A redirect is never followed: it would carry the token elsewhere."""

    def __init__(self, session: aiohttp.ClientSession, timeout: float) -> None:
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def exchange(self, app: AppCredentials, call: Call, token: str | None = None) -> JsonObject:
        """The body of a successful answer."""
        started, code, log_id = time.perf_counter(), 0, None
        try:
            answer = await self._request(app, call, token)
            log_id = answer.headers.get("X-Tt-Logid")
            return successful(answer)
        except FeishuFault as failure:
            code, log_id = failure.code or -1, failure.log_id or log_id
            raise
        finally:
            ms = round((time.perf_counter() - started) * 1000, 1)
            write = _log.debug if code == 0 else _log.warning
            write("feishu.call", app=app.app_id, path=call.template, code=code, ms=ms, log_id=log_id)

    async def _request(self, app: AppCredentials, call: Call, token: str | None) -> Answer:
        url, data, headers = _url(app, call), _encoded(call), {"Content-Type": "application/json; charset=utf-8"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if self._session.closed:
            raise FeishuUnavailable("the connection pool is closed")
        options: dict[str, Any] = {"data": data, "headers": headers, "allow_redirects": False}
        try:
            async with self._session.request(call.method, url, timeout=self._timeout, **options) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise FeishuUnavailable(f"no answer: {type(error).__name__}") from None  # its text may hold the URL


def successful(answer: Answer) -> JsonObject:
    """The body, when HTTP and Feishu's own `code` both say success; otherwise raises what it stands for."""
    try:
        body = parse_object(answer.raw)
    except NotJson:
        raise _unreadable(answer, "the answer is not a JSON object") from None
    code = body.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        raise _unreadable(answer, "the answer has no code")
    if code == 0 and 200 <= answer.status < 300:
        return body
    msg = body.get("msg")
    raise fault(answer.status, code, msg if isinstance(msg, str) else "", body, answer.headers)


def _unreadable(answer: Answer, why: str) -> FeishuFault:
    if answer.status == 429:
        return fault(answer.status, 0, why, {}, answer.headers)
    return FeishuUnavailable(f"{why} (HTTP {answer.status})", log_id=log_id_of(answer.headers, {}))


def _url(app: AppCredentials, call: Call) -> URL:
    if why := base_url_fault(app.base_url):
        raise FeishuMisconfigured(f"base URL {why}")
    return URL(app.base_url.rstrip("/") + call.path, encoded=True).with_query(dict(call.query))


def _encoded(call: Call) -> bytes | None:
    if call.body is None:
        return None
    try:
        return json.dumps(call.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError):  # UnicodeEncodeError too
        raise PayloadRefused("the message cannot be written as JSON") from None
