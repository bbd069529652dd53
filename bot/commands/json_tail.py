"""A JSON text at the end of a command, as chat clients and input methods leave it."""

from __future__ import annotations

import re

from bot.asking import strict_json
from bot.asking.strict_json import NotStrict
from bot.commands.words import visible
from models.values import Json

_FENCE = re.compile(r"\A```\w*\s*(.*?)\s*```\Z", re.DOTALL)
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟＂", '"'))
_HALF_WIDTH = str.maketrans("｛｝［］：，\u00a0\u3000", "{}[]:,  ")
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")', re.DOTALL)


def starts_json(tail: str) -> bool:
    return tail.startswith(("{", "[", "｛", "［", "```"))


def read_json(tail: str) -> Json:
    """The value, read strictly; if that fails, once more with quotes and punctuation straightened. NotStrict if not."""
    if fenced := _FENCE.match(tail):
        tail = fenced[1]
    try:
        return _decode(tail)
    except NotStrict as as_typed:
        try:
            return _decode(_straightened(tail))
        except NotStrict:
            raise as_typed from None


def _decode(text: str) -> Json:
    return strict_json.decode(text.encode("utf-8", "surrogatepass"))


def _straightened(text: str) -> str:
    """Curly quotes are straight then, and full-width punctuation outside of the strings is half-width."""
    parts = _STRING.split(text.translate(_STRAIGHT))
    return "".join(part if i % 2 else visible(part).translate(_HALF_WIDTH) for i, part in enumerate(parts))
