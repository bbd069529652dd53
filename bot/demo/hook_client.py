"""All that an agent needs to ask: the hook's address, its token, and the rule not to act on anything but `allowed`."""

from __future__ import annotations

from typing import Any

import aiohttp

WAIT = 50
"""Seconds that one call is held while a person thinks; the call is then repeated, and joins the same request."""

_UNFINISHED = frozenset({"not_started", "running"})


class NotAnswered(Exception):
    """The hook gave an error instead of an answer. Nothing was allowed."""


class HookClient:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self._session = session
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def check(self, ask: dict[str, Any], *, wait: int = 0) -> dict[str, Any]:
        return await self._post("/v1/check", ask, {"Prefer": f"wait={wait}"} if wait else {})

    async def settled(self, ask: dict[str, Any]) -> dict[str, Any]:
        """The answer once a person has decided and, where the service executes, the execution is over."""
        while True:
            answer = await self.check(ask, wait=WAIT)
            if not is_open(answer):
                return answer

    async def report(self, approval_id: str, status: str, result: Any) -> None:
        await self._post(f"/v1/approvals/{approval_id}/outcome", {"status": status, "result": result}, {})

    async def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        url = self._base_url + path
        async with self._session.post(url, json=body, headers=self._headers | headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status >= 400:
                raise NotAnswered(str(answer.get("code", response.status)))
            return answer


def is_open(answer: dict[str, Any]) -> bool:
    """Whether asking again may bring another answer."""
    if answer["status"] == "pending":
        return True
    execution = answer.get("execution") or {}
    return answer["status"] == "approved" and not answer["allowed"] and execution.get("status") in _UNFINISHED
