"""A JSON text at the end of a command, as chat clients and input methods leave it."""

from __future__ import annotations

import re

from bot.asking import strict_json
from bot.asking.strict_json import NotStrict
from bot.commands.words import visible
from models.values import Json

_FENCE = "```"
_LANGUAGE = re.compile(r"\w*")
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟＂", '"'))
_HALF_WIDTH = str.maketrans("｛｝［］：，\u00a0\u3000", "{}[]:,  ")
_STRING = re.compile(r'("(?:[^"\\]|\\.?)*(?:"|\Z))', re.DOTALL)  # an end always fits: nothing is read twice


def starts_json(tail: str) -> bool:
    return tail.startswith(("{", "[", "｛", "［", "```"))


def read_json(tail: str) -> Json:
    """The value, read strictly; if that fails, once more with quotes and punctuation straightened. NotStrict if not."""
    tail = _unfenced(tail)
    try:
        return _decode(tail)
    except NotStrict as as_typed:
        try:
            return _decode(_straightened(tail))
        except NotStrict:
            raise as_typed from None


def _unfenced(tail: str) -> str:
    """Without the fence of a code block. By hand: a pattern for it takes ages over a long text without an end."""
    if len(tail) < 2 * len(_FENCE) or not (tail.startswith(_FENCE) and tail.endswith(_FENCE)):
        return tail
    return _LANGUAGE.sub("", tail[len(_FENCE) : -len(_FENCE)], count=1).strip()


def _decode(text: str) -> Json:
    return strict_json.decode(text.encode("utf-8", "surrogatepass"))


def _straightened(text: str) -> str:
    """Curly quotes are straight then, and full-width punctuation outside of the strings is half-width."""
    parts = _STRING.split(text.translate(_STRAIGHT))
    return "".join(part if i % 2 else visible(part).translate(_HALF_WIDTH) for i, part in enumerate(parts))
