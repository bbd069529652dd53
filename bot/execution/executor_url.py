"""Which URLs an approved action may be posted to. Pure.

Executors stand inside the company as a rule, so private addresses are allowed; what never is an executor is refused:
link-local addresses (the cloud's metadata service), multicast, unspecified and reserved ones. Unencrypted http is for
loopback, private addresses and names that only a private network knows. A public name may still resolve to a refused
address: HttpExecutor looks at `address_fault` of every resolved address before it connects.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_METADATA = frozenset(  # those that are not link-local: Alibaba Cloud, AWS, Azure, Oracle Cloud
    {"100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192"}
)
_NUMERIC_LABEL = re.compile(r"([0-9]+|0[xX][0-9a-fA-F]*)")


def executor_url_fault(url: str, *, allow_http: bool = False) -> str | None:
    """Why `url` cannot be an executor's, None when it can. `allow_http` takes http for public hosts too."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if any(char.isspace() or not char.isprintable() for char in url):
        return "contains blanks or control characters"
    if parts.scheme not in ("http", "https") or not host:
        return "must begin with https:// or http:// and name a host"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must not contain a user, a password or a fragment"
    address = _address(host)
    if address is None and _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return "writes an address in an unusual way"  # 0x7f.1, 2852039166: read as addresses by some resolvers
    if address is not None and (why := address_fault(host)):
        return why
    if parts.scheme == "http" and not allow_http and not _is_private(host):
        return "must be https, except inside a private network"
    return None


def address_fault(host: str) -> str | None:
    """Why nothing is posted to this IP address, None when it may be (or when `host` is a name)."""
    address = _address(host)
    if address is None or address.is_loopback:
        return None
    if str(address) in _METADATA:
        return "is a cloud's metadata service"
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return "is a link-local, multicast, unspecified or reserved address"
    return None


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_private
    return "." not in host or host.endswith(_PRIVATE_SUFFIXES)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
