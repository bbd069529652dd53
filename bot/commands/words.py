"""A typed text taken apart word by word, tolerant of what chat clients and input methods put into it."""

from __future__ import annotations

import re
import unicodedata

# control characters, zero-width and bidi marks, the soft hyphen, the byte order mark, halves of surrogate pairs
INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f\ud800-\udfff\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
)
SLASHES = "/／⁄∕⧸"
ENUMERATION_COMMA = "、"  # what the slash key gives in a Chinese input method

_SPACE = re.compile(rf"[\s{INVISIBLE}]*")
_WORD = re.compile(r"\S+")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_DASHES = re.compile("[\u2010-\u2015\u2212_]+")
_DOUBLE, _SINGLE = '"“”„‟＂', "'‘’‚‛＇"
_CLOSING = dict.fromkeys(_DOUBLE, _DOUBLE) | dict.fromkeys(_SINGLE, _SINGLE) | {"「": "」", "『": "』", "«": "»"}


class Words:
    """A cursor over one text. Nothing is changed in what has not been taken: the tail is as it was typed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def take(self) -> str | None:
        """The next word or quoted words, as typed but for invisible characters; None at the end."""
        self._skip_space()
        rest = self._text[self._at :]
        if not rest:
            return None
        return self._quoted(rest) or self._plain()

    def tail(self) -> str:
        """All that is left, as typed."""
        self._skip_space()
        return self._text[self._at :].rstrip()

    def drop(self, characters: str) -> bool:
        """Whether the next character was one of these; it is skipped then."""
        self._skip_space()
        found = self._text[self._at : self._at + 1]
        if not found or found not in characters:
            return False
        self._at += 1
        return True

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _quoted(self, rest: str) -> str | None:
        closing = _CLOSING.get(rest[0])
        end = next((i for i, c in enumerate(rest[1:], 1) if c in closing), 0) if closing else 0
        inside = " ".join(visible(rest[1:end]).split())
        if not inside:
            return None
        self._at += end + 1
        return inside

    def _plain(self) -> str | None:
        match = _WORD.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return visible(match[0])


def visible(text: str) -> str:
    return _INVISIBLE.sub("", text)


def folded(word: str) -> str:
    """A word of ours as the tables have it: compatibility forms and case gone, any dash or underscore a hyphen."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", visible(word)).casefold())
