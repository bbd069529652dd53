"""The nodes of a card, JSON 2.0, each built in one way. Feishu refuses what it does not know; nothing else is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cards.words import Bilingual
from models.values import Json, JsonObject

Words = str | Bilingual


def plain_text(content: Words, *, size: str | None = None, color: str | None = None) -> JsonObject:
    """Text that Feishu shows literally; with both languages when it is ours."""
    node: JsonObject = {"tag": "plain_text"}
    if isinstance(content, Bilingual):
        node["content"] = content.zh
        node["i18n_content"] = both(content)
    else:
        node["content"] = content
    if size:
        node["text_size"] = size
    if color:
        node["text_color"] = color
    return node


def both(words: Bilingual) -> JsonObject:
    return {"zh_cn": words.zh, "en_us": words.en}


def block(content: Words, *, size: str = "normal", color: str | None = None) -> JsonObject:
    return {"tag": "div", "text": plain_text(content, size=size, color=color)}


def note(content: Words) -> JsonObject:
    """Small grey text."""
    return block(content, size="notation", color="grey")


def labelled(label: Words, value: Words) -> JsonObject:
    """A short value beside its name."""
    return columns((1, [block(label, color="grey")]), (3, [block(value)]))


def columns(*weighted: tuple[int, Sequence[JsonObject]]) -> JsonObject:
    """Columns side by side, also on a phone."""
    return {
        "tag": "column_set",
        "flex_mode": "none",
        "horizontal_spacing": "8px",
        "columns": [
            {"tag": "column", "width": "weighted", "weight": weight, "elements": _nodes(elements)}
            for weight, elements in weighted
        ],
    }


def tinted(color: str, elements: Iterable[JsonObject]) -> JsonObject:
    """What belongs together on a ground of its own: grey for claims, blue for comparisons, red for warnings."""
    return {
        "tag": "column_set",
        "flex_mode": "none",
        "background_style": color,
        "columns": [{"tag": "column", "width": "weighted", "weight": 1, "elements": _nodes(elements)}],
    }


def divider() -> JsonObject:
    return {"tag": "hr"}


def panel(title: Words, elements: Iterable[JsonObject], *, expanded: bool = False) -> JsonObject:
    """What is folded away until it is tapped."""
    return {
        "tag": "collapsible_panel",
        "expanded": expanded,
        "header": {"title": plain_text(title)},
        "border": {"color": "grey", "corner_radius": "5px"},
        "elements": _nodes(elements),
    }


def text_input(name: str, label: Words, placeholder: Words, max_length: int) -> JsonObject:
    """Free text. It begins as one line and grows with what is typed."""
    return _input(name, label, placeholder, max_length) | {
        "input_type": "multiline_text",
        "rows": 1,
        "auto_resize": True,
        "max_rows": 6,
    }


def line_input(name: str, label: Words, placeholder: Words, value: str, max_length: int) -> JsonObject:
    """One line that already says something."""
    return _input(name, label, placeholder, max_length) | {"input_type": "text", "default_value": value}


def _input(name: str, label: Words, placeholder: Words, max_length: int) -> JsonObject:
    return {
        "tag": "input",
        "name": name,
        "required": False,
        "max_length": max_length,
        "width": "fill",
        "label": plain_text(label),
        "placeholder": plain_text(placeholder),
    }


def multi_select(
    name: str, placeholder: Bilingual, options: Iterable[tuple[str, Words]], selected: Iterable[str]
) -> JsonObject:
    """Several of many, inside a form; `options` are values with what is shown of them."""
    return {
        "tag": "multi_select_static",
        "name": name,
        "width": "fill",
        "placeholder": plain_text(placeholder),
        "options": [{"text": plain_text(words), "value": value} for value, words in options],
        "selected_values": [*selected],
    }


def button(name: str, label: Bilingual, kind: str, value: JsonObject) -> JsonObject:
    """A button that calls back by itself. It has name and value: clients lose the one or the other."""
    return {
        "tag": "button",
        "name": name,
        "type": kind,
        "size": "large",
        "width": "fill",
        "text": plain_text(label),
        "behaviors": [{"type": "callback", "value": value}],
    }


def submit(
    name: str,
    label: Bilingual,
    kind: str,
    value: JsonObject,
    *,
    size: str = "large",
    confirm: tuple[Bilingual, Bilingual] | None = None,
) -> JsonObject:
    """A form's button. Clients refuse one without name or without value, so it has both (peers, section 6).

    `confirm`: title and text that the client asks with before it sends the form.
    """
    node: JsonObject = {
        "tag": "button",
        "name": name,
        "type": kind,
        "size": size,
        "width": "fill",
        "form_action_type": "submit",
        "text": plain_text(label),
        "behaviors": [{"type": "callback", "value": value}],
    }
    if confirm is not None:
        node["confirm"] = {"title": plain_text(confirm[0]), "text": plain_text(confirm[1])}
    return node


def form(name: str, elements: Iterable[JsonObject]) -> JsonObject:
    return {"tag": "form", "name": name, "elements": _nodes(elements)}


def link(label: Bilingual, url: str) -> JsonObject:
    """A button that opens our own page; never a URL that an agent wrote."""
    return {
        "tag": "button",
        "type": "text",
        "text": plain_text(label),
        "behaviors": [{"type": "open_url", "default_url": url}],
    }


def text_tag(content: Words, color: str) -> JsonObject:
    return {"tag": "text_tag", "text": plain_text(content), "color": color}


def card(header: JsonObject, summary: Bilingual, elements: Iterable[JsonObject]) -> JsonObject:
    """A whole card: shared by all who see it, not forwardable."""
    return {
        "schema": "2.0",
        "config": {
            "update_multi": True,
            "enable_forward": False,
            "enable_forward_interaction": False,
            "width_mode": "default",
            "summary": {"content": summary.zh, "i18n_content": both(summary)},
        },
        "header": header,
        "body": {"direction": "vertical", "elements": _nodes(elements)},
    }


def _nodes(elements: Iterable[JsonObject]) -> list[Json]:
    return list(elements)
