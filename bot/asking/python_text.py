"""Reads the text that Python's `str(dict)` writes, as some callers send their arguments.

Not `ast.literal_eval`: on hostile text of 256 KiB that takes up to 1.7 s and 130 MB (measured), keeps the last of two
equal keys, and takes bytes, sets and complex numbers. This reader knows exactly what `repr` writes and is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.asking.strict_json import DEPTH_LIMIT, Fault, Flaw, NotStrict, faults, is_sound, join
from models.values import Json, JsonObject

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<mark>[{}\[\]():,])
    | (?P<text>'[^'\\\n]*(?:\\.[^'\\\n]*)*' | "[^"\\\n]*(?:\\.[^"\\\n]*)*")
    | (?P<float>-?[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+))(?![\w.])
    | (?P<int>-?(?:0|[1-9][0-9]*))(?![\w.])
    | (?P<word>True|False|None)(?!\w)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:([\\'\"nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.DOTALL)
_PLAIN = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Json] = {"True": True, "False": False, "None": None}
_INTEGER_DIGITS = 4000  # CPython itself refuses to read more than 4300

Token = tuple[str, str]  # the name of the group that matched, and its text


def read_dict(text: str, *, depth: int = 1) -> JsonObject:
    """The dict that `text` shows, tuples as lists; raises NotStrict and nothing else."""
    reader = _Reader(text)
    if reader.take() != ("mark", "{"):
        raise _malformed("", "not the text of a dict")
    value = reader.members("", depth)
    if reader.take()[0] != "end":
        raise _malformed("", "more text after the dict")
    if not is_sound(value, depth) or not _encodes(text, value):
        raise NotStrict(next(faults(value, depth=depth)))
    return value


def _encodes(text: str, value: Json) -> bool:
    """Only an escape can bring half of a surrogate pair in; then every text is looked at."""
    return "\\u" not in text.lower() or next(faults(value), None) is None


class _Reader:
    """Recursive descent, at most DEPTH_LIMIT levels."""

    def __init__(self, text: str) -> None:
        self._tokens = self._scan(text)

    def _scan(self, text: str) -> Iterator[Token]:
        position = 0
        while True:
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise _malformed("", f"not what Python writes for a dict, at character {position}")
            yield match.lastgroup, match[match.lastgroup]
            position = match.end()

    def take(self) -> Token:
        return next(self._tokens)

    def members(self, path: str, depth: int) -> JsonObject:
        _refuse_depth(path, depth)
        found: JsonObject = {}
        token = self.take()
        while token != ("mark", "}"):
            if token[0] != "text":
                raise _malformed(path, "the key of a dict is not text")
            key = _unquote(token[1], path)
            below = join(path, key)
            if key in found:
                raise NotStrict(Fault(below, Flaw.DUPLICATE_KEY, "the key stands twice in one dict"))
            if self.take() != ("mark", ":"):
                raise _malformed(below, "no colon after the key")
            found[key] = self._value(self.take(), below, depth + 1)
            token = self._after_item(path, "}")
        return found

    def _items(self, path: str, depth: int, closing: str) -> list[Json]:
        _refuse_depth(path, depth)
        found: list[Json] = []
        token = self.take()
        while token != ("mark", closing):
            found.append(self._value(token, f"{path}[{len(found)}]", depth + 1))
            token = self.take()
            if token == ("mark", ","):
                token = self.take()
            elif token != ("mark", closing) or (closing == ")" and len(found) == 1):  # (1) is not a tuple
                raise _malformed(path, f"no comma or {closing} after an item")
        return found

    def _after_item(self, path: str, closing: str) -> Token:
        token = self.take()
        if token == ("mark", ","):
            return self.take()
        if token != ("mark", closing):
            raise _malformed(path, f"no comma or {closing} after an item")
        return token

    def _value(self, token: Token, path: str, depth: int) -> Json:
        match token:
            case ("text", text):
                return _unquote(text, path)
            case ("int", digits) if len(digits) > _INTEGER_DIGITS:
                raise NotStrict(Fault(path, Flaw.NUMBER_OUT_OF_RANGE, "an integer beyond 2^53 - 1 is not exact"))
            case ("int", digits):
                return int(digits)
            case ("float", digits):
                return float(digits)
            case ("word", word):
                return _WORDS[word]
            case ("mark", "{"):
                return self.members(path, depth)
            case ("mark", "["):
                return self._items(path, depth, "]")
            case ("mark", "("):
                return self._items(path, depth, ")")
            case _:
                raise _malformed(path, "a value is missing")


def _unquote(token: str, path: str) -> str:
    """The text between the quotes; only the escapes that `repr` writes are known, any other is refused."""
    inner = token[1:-1]
    return _ESCAPE.sub(lambda match: _unescape(match, path), inner) if "\\" in inner else inner


def _unescape(match: re.Match[str], path: str) -> str:
    plain, *codes, other = match.groups()
    if plain:
        return _PLAIN[plain]
    code = int(next((digits for digits in codes if digits), "110000"), 16)
    if other is not None or code > 0x10FFFF:
        raise _malformed(path, f"unknown escape {match[0]!a}")
    return chr(code)


def _refuse_depth(path: str, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise NotStrict(Fault(path, Flaw.TOO_DEEP, f"nested deeper than {DEPTH_LIMIT} levels"))


def _malformed(path: str, detail: str) -> NotStrict:
    return NotStrict(Fault(path, Flaw.INVALID_ARGS, detail))
