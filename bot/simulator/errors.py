"""Feishu's refusals as values of one exception, which the server turns into the wire form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TROUBLESHOOTER = "https://open.feishu.cn/search?from=openapi"


class ApiError(Exception):
    """One call is refused: HTTP `status`, Feishu's `code` and `msg`."""

    def __init__(
        self,
        code: int,
        msg: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = dict(headers or {})
        self.error = dict(error or {})

    def body(self, log_id: str) -> dict[str, Any]:
        return {
            "code": self.code,
            "msg": self.msg,
            "error": {"log_id": log_id, "troubleshooter": f"{TROUBLESHOOTER}&log_id={log_id}", **self.error},
        }


def bad_parameter(what: str) -> ApiError:
    return ApiError(230001, f"Your request contains an invalid request parameter, ext={what}")


def scope_missing(scopes: tuple[str, ...]) -> ApiError:
    """Any one of `scopes` would have sufficed."""
    named = ", ".join(scopes)
    return ApiError(
        99991672,
        f"Access denied. One of the following scopes is required: [{named}].",
        error={"permission_violations": [{"type": "action_scope_required", "subject": scope} for scope in scopes]},
    )


class Impossible(Exception):
    """Nobody could do this in a Feishu client: press what the card does not show, type into a chat one is not in."""
