"""JSON as Assent takes it in: what every later layer can store, hash and give back unchanged.

Stricter than any one library: msgspec keeps integers exact but lets NUL and repeated keys through, PostgreSQL's jsonb
refuses NUL, and RFC 8785 refuses integers beyond 2^53 - 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import msgspec

from models.values import Json

DEPTH_LIMIT = 32  # nested objects and lists, the outermost included
SAFE_INTEGER = 2**53 - 1  # RFC 7493 section 2.2: the largest integer that every JSON reader keeps exact
_PATH_LIMIT = 200


class Flaw(StrEnum):
    """Why an input is refused: the `code` of the 400."""

    BODY_TOO_LARGE = "body_too_large"
    INVALID_JSON = "invalid_json"
    INVALID_ARGS = "invalid_args"
    DUPLICATE_KEY = "duplicate_key"
    NUL_CHARACTER = "nul_character"
    LONE_SURROGATE = "lone_surrogate"
    TOO_DEEP = "too_deep"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    UNKNOWN_MEMBER = "unknown_member"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    NOT_PRINTABLE = "not_printable"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where: `path` is dotted, with list positions in brackets, "" for the whole."""

    path: str
    flaw: Flaw
    detail: str


class NotStrict(ValueError):
    """The text is not JSON as we take it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.path or 'the document'}: {fault.detail}")
        self.fault = fault


def decode(text: bytes, *, depth: int = 1) -> Json:
    """The value of a JSON text, sound in the sense of `faults`; raises NotStrict and nothing else.

    `depth` is the nesting level at which the outermost value stands, for a JSON text inside another one.
    """
    try:
        value: Json = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        _explain(text, fault, depth)
    if not is_sound(value, depth):
        raise NotStrict(next(faults(value, depth=depth)))
    _refuse_repeated_keys(text)
    return value


def is_sound(value: object, depth: int = 1) -> bool:
    """Whether `faults` has nothing to say; the quick answer, without the surrogates that msgspec never lets in."""
    kind = value.__class__
    if kind is str:
        return "\0" not in value  # type: ignore[operator]
    if kind is dict:
        return depth <= DEPTH_LIMIT and all(
            "\0" not in key and is_sound(member, depth + 1)
            for key, member in value.items()  # type: ignore[attr-defined]
        )
    if kind is list:
        return depth <= DEPTH_LIMIT and all(is_sound(item, depth + 1) for item in value)  # type: ignore[attr-defined]
    if kind is int:
        return -SAFE_INTEGER <= value <= SAFE_INTEGER  # type: ignore[operator]
    return kind is bool or value is None or (kind is float and value - value == 0)  # type: ignore[operator]


def faults(value: object, path: str = "", depth: int = 1) -> Iterator[Fault]:
    """Everything in a decoded value that could not be stored, hashed or given back as it is, in document order."""
    match value:
        case None | bool():
            return
        case str():
            yield from _text_faults(value, path)
        case int():
            if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
                yield Fault(path, Flaw.NUMBER_OUT_OF_RANGE, "an integer beyond 2^53 - 1 is not exact; send it as text")
        case float():
            if value - value != 0:
                yield Fault(path, Flaw.NUMBER_OUT_OF_RANGE, "not a finite number")
        case dict() | list() if depth > DEPTH_LIMIT:
            yield Fault(path, Flaw.TOO_DEEP, f"nested deeper than {DEPTH_LIMIT} levels")
        case dict():
            for key, member in value.items():
                if not isinstance(key, str):
                    yield Fault(path, Flaw.WRONG_TYPE, "the key of an object is not text")
                    continue
                below = join(path, key)
                yield from _text_faults(key, below)
                yield from faults(member, below, depth + 1)
        case list():
            for position, item in enumerate(value):
                yield from faults(item, f"{path}[{position}]", depth + 1)
        case _:
            yield Fault(path, Flaw.WRONG_TYPE, f"{type(value).__name__} is not a JSON value")


def join(path: str, key: str) -> str:
    """The path of a member; the caller's key is cut and made printable, for it is said back in an error."""
    shown = key if key.isprintable() else ascii(key)[1:-1]
    return (f"{path}.{shown}" if path else shown)[:_PATH_LIMIT]


def _text_faults(text: str, path: str) -> Iterator[Fault]:
    if "\0" in text:
        yield Fault(path, Flaw.NUL_CHARACTER, "text with a NUL character cannot be stored")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        yield Fault(path, Flaw.LONE_SURROGATE, "text with half of a surrogate pair is not Unicode")


def _refuse_repeated_keys(text: bytes) -> None:
    """Readers differ in which of two equal keys they keep: a person could be shown one, the tool be given the other."""
    _KEY_CHECK.decode(text.decode())


def _unrepeated(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        seen: set[str] = set()
        repeated = next(key for key, _ in members if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotStrict(Fault(join("", repeated), Flaw.DUPLICATE_KEY, "the key stands twice in one object"))
    return found


_KEY_CHECK = json.JSONDecoder(object_pairs_hook=_unrepeated)


def _explain(text: bytes, fault: Exception, depth: int) -> NoReturn:
    """Name the member at fault where a more lenient reader can still find it."""
    if isinstance(fault, RecursionError):
        raise NotStrict(Fault("", Flaw.TOO_DEEP, f"nested deeper than {DEPTH_LIMIT} levels")) from None
    try:
        found = next(faults(json.loads(text.decode()), depth=depth), None)
    except (ValueError, RecursionError):
        found = None
    raise NotStrict(found or Fault("", Flaw.INVALID_JSON, _wording(fault))) from None


def _wording(fault: Exception) -> str:
    return "not UTF-8" if isinstance(fault, UnicodeDecodeError) else str(fault)
