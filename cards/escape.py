"""Untrusted text made safe to show: nothing invisible, nothing obeyed, cut by bytes. Secrets are cards.mask's business.

Feishu parses no markup in plain_text, but bidi controls and invisible characters still let a text look different from
what is approved. They are shown as their code point instead: `a␣U+202Eb`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

Size: TypeAlias = Callable[[str], int]

_ZWJ = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_MOST_MARKS = 6  # combining marks on one character; more only serve to smear over other lines
# Letters, marks and symbols by category that draw nothing: grapheme joiner, fillers, vowel carriers, blank braille.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_LOOK_BACK = 64  # source characters beyond the byte budget that are still looked at


class Piece(NamedTuple):
    """What is shown for some source characters; never cut inside."""

    shown: str
    source: int  # how many source characters it stands for


def utf8_bytes(text: str) -> int:
    return len(text.encode("utf-8"))


def json_bytes(text: str) -> int:
    """The size inside a JSON string at worst: a serialiser that escapes non-ASCII writes 6 bytes for a Chinese one."""
    return len(json.dumps(text)) - 2


def plain(text: str, max_bytes: int, max_lines: int = 1_000, *, size: Size = utf8_bytes) -> str:
    """The text with each hidden character made visible, within `max_bytes` and `max_lines`; what is cut is counted.

    >>> plain("abcdefghijklmnopqrstuvwxyz", 16)
    'abcdefg… (+19)'
    """
    pieces = visible(text[: max_bytes + _LOOK_BACK])
    whole = _fitting(pieces, max_bytes, max_lines, size)
    if _source(whole) == len(text):
        return _shown(whole)
    room = max_bytes - size(_cut_mark(len(text)))
    if room < 0:
        return "…" if size("…") <= max_bytes else ""
    kept = _fitting(whole, room, max_lines, size)
    return _shown(kept).rstrip() + _cut_mark(len(text) - _source(kept))


def head_tail(text: str, max_bytes: int, max_lines: int = 1_000, *, size: Size = utf8_bytes) -> str:
    """As `plain`, but a long text keeps its end too: what is dangerous often stands last."""
    return both_ends(text, max_bytes, max_lines, size=size)[0]


def both_ends(text: str, max_bytes: int, max_lines: int = 1_000, *, size: Size = utf8_bytes) -> tuple[str, bool]:
    """As `head_tail`, and whether anything was left out."""
    pieces = visible(text[: max_bytes + _LOOK_BACK])
    whole = _fitting(pieces, max_bytes, max_lines, size)
    if _source(whole) == len(text):
        return _shown(whole), False
    gap = "\n" if "\n" in text else " "
    room = max_bytes - size(_bridge(len(text), gap))
    if room < 60 or max_lines < 4:
        return plain(text, max_bytes, max_lines, size=size), True
    lines = (max_lines - 1) // 3
    head = _fitting(whole, room * 2 // 3, max_lines - 1 - lines, size)
    rest = text[max(_source(head), len(text) - max_bytes) :]
    tail = _fitting(reversed(visible(rest)), room // 3, lines, size)[::-1]
    omitted = len(text) - _source(head) - _source(tail)
    if omitted <= 0:  # many lines of one text fit once the bridge is gone
        return plain(text, max_bytes, max_lines, size=size), False
    return _shown(head).rstrip() + _bridge(omitted, gap) + _shown(tail).lstrip(), True


def one_line(text: str, max_bytes: int, *, size: Size = utf8_bytes) -> str:
    """As `plain`, on one line: for names, titles and list lines."""
    window = max_bytes + _LOOK_BACK
    flat = re.sub(r"[ \t\r\n]+", " ", text[:window]).strip() + text[window:]
    return plain(flat, max_bytes, size=size).replace("\n", " ")


def text_safe(text: str) -> str:
    """The text for msg_type=text, where `<at …>`, `<b>` and `[text](url)` are obeyed and no escape exists.

    A bare URL would become a link by itself, so its colon is widened too.
    """
    return text.translate(_FULL_WIDTH).replace("://", "：//")


def markdown_safe(text: str) -> str:
    """The text for a markdown node: each character that could open markup as its entity, in a single pass."""
    return text.translate(_ENTITIES)


_FULL_WIDTH = str.maketrans({"<": "＜", "[": "［"})
_ENTITIES = str.maketrans({char: f"&#{ord(char)};" for char in "&<>~*_`\\[]()#-+!:\"'$/|"})


def visible(text: str) -> list[Piece]:
    """The text in pieces that people see as one character; hidden characters as ␣U+XXXX, repeats of one counted."""
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        end = _end_of_piece(text, at)
        pieces.append(_piece(text[at:end]))
        at = end
    return pieces


def _piece(source: str) -> Piece:
    first = source[0]
    if first == "\n" or source == "\r\n":
        return Piece("\n", len(source))
    if _is_hidden(first) or _is_mark(first):
        times = f"×{len(source)}" if len(source) > 1 else ""
        return Piece(f"␣U+{ord(first):04X}{times}", len(source))
    if first == "\t":
        return Piece("    ", 1)
    return Piece(" " if unicodedata.category(first) == "Zs" and first != "\u3000" else source, len(source))


def _end_of_piece(text: str, start: int) -> int:
    first, end = text[start], start + 1
    if first == "\n":
        return end
    if first == "\r" and text[end : end + 1] == "\n":
        return end + 1
    if _is_flag_half(first):
        return end + 1 if _is_flag_half(text[end : end + 1]) else end
    if _is_hidden(first) or _is_mark(first):
        while text[end : end + 1] == first:
            end += 1
        return end
    while end < len(text) and end - start <= _MOST_MARKS and _continues(text, start, end):
        end += 1
    return end


def _continues(text: str, start: int, at: int) -> bool:
    """Whether the character at `at` belongs to the piece that began at `start`."""
    char = text[at]
    if char in _SKIN_TONES or _is_vowel_or_tail_jamo(char):
        return True
    if char == _EMOJI_STYLE:
        return _is_pictograph(text[start]) or text[start] in "#*0123456789"
    if char == _ZWJ:
        return _is_pictograph(text[start]) and _is_pictograph(text[at + 1 : at + 2])
    if text[at - 1] == _ZWJ:
        return _is_pictograph(char)
    return not _is_hidden(char) and (_is_mark(char) or unicodedata.category(char) == "Mc")


def _is_hidden(char: str) -> bool:
    if char in "\n\t" or " " <= char <= "~":
        return False
    if char in _BLANK or "\ufe00" <= char <= "\ufe0f" or "\U000e0000" <= char <= "\U000e0fff":
        return True
    return unicodedata.category(char) in _HIDDEN_CATEGORIES


def _is_mark(char: str) -> bool:
    """Whether the character is drawn onto the one before it."""
    return unicodedata.category(char) in ("Mn", "Me")


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_pictograph(char: str) -> bool:
    return bool(char) and unicodedata.category(char) == "So"


def _is_vowel_or_tail_jamo(char: str) -> bool:
    return "\u1161" <= char <= "\u11ff"


def _fitting(pieces: Iterable[Piece], budget: int, max_lines: int, size: Size) -> list[Piece]:
    """The longest beginning within the budget."""
    kept: list[Piece] = []
    for piece in pieces:
        budget -= size(piece.shown)
        max_lines -= piece.shown == "\n"
        if budget < 0 or max_lines < 1:
            break
        kept.append(piece)
    return kept


def _shown(pieces: Iterable[Piece]) -> str:
    return "".join(piece.shown for piece in pieces)


def _source(pieces: Iterable[Piece]) -> int:
    return sum(piece.source for piece in pieces)


def _cut_mark(omitted: int) -> str:
    return f"… (+{omitted:,})"


def _bridge(omitted: int, gap: str) -> str:
    return f"{gap}… (+{omitted:,}) …{gap}"
