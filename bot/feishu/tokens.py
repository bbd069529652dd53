"""One tenant_access_token per app, fetched by one call however many need it.

Feishu gives out the same token while 30 minutes remain and a new one after that, both being valid then
(open.feishu.cn, "Get tenant_access_token of a custom app"). Lifetimes are counted on the monotonic clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.ports import FeishuFault, FeishuUnavailable
from models.values import AppCredentials

REFRESH_AHEAD = 30 * 60.0
"""Seconds of life below which a successor is fetched while the old token still serves."""

REFRESH_NOW = 5 * 60.0
"""Seconds of life below which callers wait for the successor."""

_BETWEEN_FAILURES = 30.0  # seconds; a failing token endpoint is not asked ahead of need more often

AppKey = tuple[str, str]  # base_url, app_id: the same id may exist in both clouds


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    expires: float  # monotonic


class TokenCache:
    def __init__(
        self, fetch: Callable[[AppCredentials], Awaitable[tuple[str, float]]], monotonic: Callable[[], float]
    ) -> None:
        """`fetch` asks Feishu: the token and its remaining seconds."""
        self._fetch = fetch
        self._monotonic = monotonic
        self._tokens: dict[AppKey, Token] = {}
        self._fetching: dict[AppKey, asyncio.Task[Token]] = {}
        self._failed_at: dict[AppKey, float] = {}

    async def get(self, app: AppCredentials) -> Token:
        """A token that lives long enough for a call; a FeishuFault when Feishu gives none."""
        key = _key(app)
        token = self._tokens.get(key)
        remaining = token.expires - self._monotonic() if token else 0.0
        if token is None or remaining < REFRESH_NOW:
            return await self._wait_for(self._fetch_once(app))
        if remaining < REFRESH_AHEAD and not self._failed_lately(key):
            self._fetch_once(app)
        return token

    def drop(self, app: AppCredentials, token: Token) -> None:
        """Forgets `token`, unless a newer one has already taken its place."""
        if self._tokens.get(_key(app)) is token:
            del self._tokens[_key(app)]

    async def close(self) -> None:
        """Ends the fetches under way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for(self, fetch: asyncio.Task[Token]) -> Token:
        """Shielded: the caller that started the fetch may be cancelled while others still want the token."""
        try:
            return await asyncio.shield(fetch)
        except asyncio.CancelledError:
            if fetch.cancelled():
                raise FeishuUnavailable("closed while a token was fetched") from None
            raise

    def _fetch_once(self, app: AppCredentials) -> asyncio.Task[Token]:
        key = _key(app)
        task = self._fetching.get(key)
        if task is None:
            task = asyncio.create_task(self._renew(app), name="feishu-token")
            task.add_done_callback(lambda done: self._finished(key, done))
            self._fetching[key] = task
        return task

    async def _renew(self, app: AppCredentials) -> Token:
        key = _key(app)
        try:
            asked = self._monotonic()
            text, seconds = await self._fetch(app)
            token = self._tokens[key] = Token(text, asked + seconds)
            self._failed_at.pop(key, None)
            return token
        except FeishuFault:
            self._failed_at[key] = self._monotonic()
            raise

    def _finished(self, key: AppKey, task: asyncio.Task[Token]) -> None:
        del self._fetching[key]
        if not task.cancelled():
            task.exception()  # nobody may be waiting for it any more; that is no fault

    def _failed_lately(self, key: AppKey) -> bool:
        failed_at = self._failed_at.get(key)
        return failed_at is not None and self._monotonic() - failed_at < _BETWEEN_FAILURES


def _key(app: AppCredentials) -> AppKey:
    return app.base_url, app.app_id
