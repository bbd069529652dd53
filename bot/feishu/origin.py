"""Which base URLs secrets may be sent to. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def base_url_fault(base_url: str) -> str | None:
    """Why `base_url` cannot be Feishu's, None when it can: an https origin, or http on loopback for a simulator."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if not host or parts.scheme not in ("https", "http"):
        return "must be an https URL"
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        return "must be an origin: no path, query or user"
    if parts.scheme == "http" and not is_loopback(host):
        return "must be https; http is for loopback only"
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
