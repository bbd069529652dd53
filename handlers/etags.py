"""Versions as entity tags (RFC 9110 section 8.8.3), so that two writers at once cannot overwrite each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from handlers.headers import BadHeader

_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,[\s,]*|$)')
_OURS = re.compile(r'"v(0|[1-9][0-9]{0,8})"')


def etag(version: int) -> str:
    return f'"v{version}"'


def versions_of(values: Sequence[str]) -> frozenset[int] | None:
    """The versions that If-Match names; None for `*`, which any version matches.

    What is no tag of ours, and a weak one (RFC 9110 section 13.1.1), names none. Raises BadHeader.
    """
    text = ", ".join(values).strip()
    if text == "*":
        return None
    return frozenset(int(found[1]) for tag in _tags(text, "If-Match") if (found := _OURS.fullmatch(tag)))


def is_held(values: Sequence[str], version: int) -> bool:
    """Whether If-None-Match names this version, so that the caller has it already; weak comparison."""
    text = ", ".join(values).strip()
    return bool(text) and (
        text == "*" or etag(version) in {tag.removeprefix("W/") for tag in _tags(text, "If-None-Match")}
    )


def _tags(text: str, header: str) -> list[str]:
    tags, at = [], 0
    while at < len(text):
        found = _TAG.match(text, at)
        if found is None:
            raise BadHeader(header, f'{header} is * or a list of tags such as "v5"')
        tags.append(found[1])
        at = found.end()
    if not tags:
        raise BadHeader(header, f'{header} is * or a list of tags such as "v5"')
    return tags
