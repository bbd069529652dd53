"""Untrusted texts ready for msg_type=text: masked, made visible, cut, and unable to form an @, a style or a link."""

from __future__ import annotations

from collections.abc import Iterable

from cards.arguments import risk, rows, target
from cards.escape import one_line, plain, text_safe, utf8_bytes
from cards.mask import mask_text
from cards.words import ACTIONS, Bilingual
from models.enums import Language
from models.values import JsonObject

_LONGEST_READ = 20_000


def safe_line(text: str, max_bytes: int = 150) -> str:
    """A name or value on one line; never empty."""
    return text_safe(one_line(mask_text(text[:_LONGEST_READ]), max_bytes)) or "—"


def safe_text(text: str, max_bytes: int = 900, max_lines: int = 8) -> str:
    """Longer words, their lines kept, a bar before each so that they cannot pass for ours."""
    cut = plain(mask_text(text[:_LONGEST_READ].strip()), max_bytes, max_lines)
    return "\n".join(f"▎{line}" for line in text_safe(cut).split("\n"))


def safe_action(action_type: str, language: Language) -> str:
    """The action as a phrase: the known ones translated, any other as the agent wrote it."""
    raw = safe_line(action_type)
    return ACTIONS.get(action_type, Bilingual(raw, raw)).in_(language)


def safe_target(action_type: str, tool: str | None, args: JsonObject) -> str | None:
    """The most telling argument on one line."""
    telling = target(args, risk(action_type, tool), 240)
    return text_safe(telling) if telling else None


def safe_arguments(args: JsonObject) -> list[str]:
    """The first few arguments, a line each."""
    shown, hidden = rows(args, 1_200, 6, utf8_bytes)
    lines = [f"· {text_safe(row.name)}: {safe_line(row.text, 240)}" for row in shown]
    return [*lines, f"· … (+{hidden})"] if hidden else lines


def as_typed(name: str) -> str:
    """A name as it stands in a command: in quotes when it has spaces."""
    shown = safe_line(name)
    return f'"{shown}"' if " " in shown else shown


def labelled(label: Bilingual, value: str | Bilingual, language: Language) -> str:
    """A value behind its name, with the colon of the language."""
    shown = value if isinstance(value, str) else value.in_(language)
    return f"{label.in_(language)}{Bilingual('：', ': ').in_(language)}{shown}"


def link_line(url: str | None, language: Language, label: Bilingual | None = None) -> str | None:
    """Our own link, with what it opens; the page of an approval unless said otherwise."""
    return labelled(label or Bilingual("查看全部", "View all"), url, language) if url else None


def lines(*parts: str | Iterable[str] | None) -> str:
    """The parts that exist, a line each."""
    flat: list[str] = []
    for part in parts:
        if isinstance(part, str):
            flat.append(part)
        elif part is not None:
            flat.extend(part)
    return "\n".join(flat)
