"""Signed links to the web views: each opens one page, for one person, for a while. Nothing is stored."""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.secrecy.box import derive, usable

LIFETIME = timedelta(hours=72)
"""As long as an approval waits by default; afterwards the bot gives a new link."""

INBOX = "/inbox"

_FORM = 1
_BODY = struct.Struct(">B16sQ")  # form, person id, second at which the link dies
_MAC_BYTES = 32


def approval_path(approval_id: UUID) -> str:
    return f"/approvals/{approval_id}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A person who came by a link that is good until `until`."""

    person_id: UUID
    until: datetime


class Links:
    """The first key signs; every key verifies."""

    def __init__(self, public_url: str, keys: Sequence[str], *, lifetime: timedelta = LIFETIME) -> None:
        self.public_url = public_url.rstrip("/")
        self._keys = tuple(derive(key, "links: hmac-sha256") for key in usable(keys))
        self._lifetime = lifetime

    def approval(self, approval_id: UUID, person_id: UUID, now: datetime) -> str:
        """The address of the approval's full page, for this person."""
        return self._url(approval_path(approval_id), person_id, now)

    def inbox(self, person_id: UUID, now: datetime) -> str:
        """The address of this person's inbox."""
        return self._url(INBOX, person_id, now)

    def verify(self, path: str, token: str, now: datetime) -> UUID | None:
        """The person for whom the link was signed; None when it is forged, expired or for another page."""
        visit = self.visit(path, token, now)
        return visit.person_id if visit else None

    def visit(self, path: str, token: str, now: datetime) -> Visit | None:
        """As `verify`, with the time until which the link is good."""
        try:
            signed = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, mac = signed[: _BODY.size], signed[_BODY.size :]
        if len(mac) != _MAC_BYTES or not self._signed(path, body, mac):
            return None
        _, person, expires = _BODY.unpack(body)
        until = datetime.fromtimestamp(expires, UTC)
        return Visit(UUID(bytes=person), until) if now < until else None

    def onward(self, path: str, visit: Visit) -> str:
        """The token of another page for the same visit. It dies with the visit: following links never prolongs one."""
        return self._token(path, visit.person_id, visit.until)

    def _url(self, path: str, person_id: UUID, now: datetime) -> str:
        return f"{self.public_url}{path}?t={self._token(path, person_id, now + self._lifetime)}"

    def _token(self, path: str, person_id: UUID, until: datetime) -> str:
        body = _BODY.pack(_FORM, person_id.bytes, int(until.timestamp()))
        return base64.urlsafe_b64encode(body + _mac(self._keys[0], path, body)).decode()

    def _signed(self, path: str, body: bytes, mac: bytes) -> bool:
        # Every key is tried, so the time does not tell which one fits.
        return sum(hmac.compare_digest(_mac(key, path, body), mac) for key in self._keys) > 0

    def __repr__(self) -> str:
        return f"Links({self.public_url!r})"


def _mac(key: bytes, path: str, body: bytes) -> bytes:
    return hmac.digest(key, body + path.encode("utf-8", "surrogatepass"), "sha256")
