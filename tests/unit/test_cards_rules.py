"""A strict reading of Feishu's page "Card JSON 2.0 structure", and proof that it is strict."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator

import pytest

from bot.simulator.rules import card_fault
from cards.approval import approval_card
from models.values import Json, JsonObject
from tests.unit.test_cards_golden import SAMPLES

MOST_BYTES = 28 * 1024
MOST_NODES = 180
DEEPEST = 5
_TEMPLATES = {
    "blue",
    "wathet",
    "turquoise",
    "green",
    "yellow",
    "orange",
    "red",
    "carmine",
    "violet",
    "purple",
    "indigo",
}
_TEMPLATES |= {"grey", "default"}
_TAG_COLORS = (_TEMPLATES | {"neutral", "lime"}) - {"grey", "default"}
_TEXT = {"content", "i18n_content", "text_size", "text_color", "lines"}
_ALLOWED: dict[str, set[str]] = {
    "plain_text": _TEXT,
    "text_tag": {"text", "color"},
    "div": {"text"},
    "hr": set(),
    "column_set": {"flex_mode", "horizontal_spacing", "background_style", "columns"},
    "column": {"width", "weight", "elements"},
    "button": {"name", "type", "size", "width", "text", "behaviors", "form_action_type", "confirm"},
    "form": {"name", "elements"},
    "input": {"name", "required", "input_type", "rows", "auto_resize", "max_rows", "max_length", "width", "label"}
    | {"placeholder", "default_value"},
    "multi_select_static": {"name", "width", "placeholder", "options", "selected_values"},
    "collapsible_panel": {"expanded", "header", "border", "elements"},
}
_GROUNDS = {"grey", "blue", "green", "orange", "red"}
_SIZES = {"heading", "normal", "notation"}
_BUTTON_TYPES = {"default", "primary", "danger", "text", "primary_filled", "danger_filled"}
_CONTAINERS = {"form", "collapsible_panel", "column_set", "column"}


def check_card(card: JsonObject) -> None:
    """Raises AssertionError at the first thing that Feishu would refuse."""
    assert set(card) == {"schema", "config", "header", "body"}
    assert card["schema"] == "2.0"
    config, header, body = _object(card["config"]), _object(card["header"]), _object(card["body"])
    assert set(config) <= {"update_multi", "enable_forward", "enable_forward_interaction", "width_mode", "summary"}
    assert config["update_multi"] is True
    assert config["enable_forward"] is False
    _check_header(header)
    assert set(body) <= {"direction", "elements"}
    for element in _objects(body["elements"]):
        _check(element, depth=1, in_form=False)
    names = [node["name"] for node in nodes(card) if "name" in node]
    assert len(names) == len(set(map(str, names))), "names are unique card-wide"
    assert max(len(json.dumps(card, ensure_ascii=ascii_).encode()) for ascii_ in (True, False)) <= MOST_BYTES
    assert sum(1 for _ in nodes(card)) <= MOST_NODES


def nodes(value: Json) -> Iterator[JsonObject]:
    """Every object that has a tag, however deep; these are what Feishu counts."""
    if isinstance(value, dict):
        if "tag" in value:
            yield value
        for member in value.values():
            yield from nodes(member)
    elif isinstance(value, list):
        for member in value:
            yield from nodes(member)


def texts(card: Json) -> list[str]:
    """All words on the card, in either language."""
    if isinstance(card, dict):
        own = [str(card["content"])] if "content" in card else []
        translated = card.get("i18n_content")
        own += [str(words) for words in translated.values()] if isinstance(translated, dict) else []
        return own + [text for key, member in card.items() if key != "i18n_content" for text in texts(member)]
    return [text for member in card for text in texts(member)] if isinstance(card, list) else []


def _check_header(header: JsonObject) -> None:
    assert set(header) <= {"title", "subtitle", "text_tag_list", "template"}
    assert header["template"] in _TEMPLATES
    tags = _objects(header["text_tag_list"])
    assert len(tags) <= 3
    for tag in tags:
        _check(tag, depth=0, in_form=False)
    _check_text(_object(header["title"]))
    _check_text(_object(header["subtitle"]))
    assert "\n" not in str(_object(header["subtitle"])["content"])


def _check(node: JsonObject, *, depth: int, in_form: bool) -> None:
    tag = str(node["tag"])
    assert tag in _ALLOWED, f"{tag} does not exist in JSON 2.0"
    assert set(node) - {"tag"} <= _ALLOWED[tag], f"unknown properties on {tag}"
    depth += tag in _CONTAINERS
    assert depth <= DEEPEST + 1, "containers nest at most five deep below the body"
    _CHECKS.get(tag, _check_nothing)(node, in_form)
    if tag == "form":
        assert depth == 2, "a form stands directly in the body"
        assert any(inner.get("form_action_type") == "submit" for inner in nodes(node))
        in_form = True
    for key in ("elements", "columns"):
        for inner in _objects(node.get(key, [])):
            _check(inner, depth=depth, in_form=in_form)


def _check_nothing(node: JsonObject, in_form: bool) -> None: ...


def _check_div(node: JsonObject, in_form: bool) -> None:
    _check_text(_object(node["text"]))


def _check_tag(node: JsonObject, in_form: bool) -> None:
    _check_text(_object(node["text"]))
    assert node["color"] in _TAG_COLORS


def _check_button(node: JsonObject, in_form: bool) -> None:
    _check_text(_object(node["text"]))
    assert node["type"] in _BUTTON_TYPES
    assert max(map(len, texts(node["text"]))) <= 100
    if "confirm" in node:
        _check_text(_object(_object(node["confirm"])["title"]))
    behaviors = _objects(node["behaviors"])
    assert behaviors
    if in_form:
        assert node["name"]
        assert node["form_action_type"] == "submit"
        assert _object(behaviors[0]["value"]), "clients refuse a submit button without a value"
    for behavior in behaviors:
        known = {"callback": {"type", "value"}, "open_url": {"type", "default_url"}}
        assert set(behavior) == known[str(behavior["type"])]


def _check_input(node: JsonObject, in_form: bool) -> None:
    assert node["name"]
    assert 1 <= _number(node["max_length"]) <= 1000
    assert len(str(node.get("default_value", ""))) <= _number(node["max_length"])
    _check_text(_object(node["label"]))
    _check_text(_object(node["placeholder"]))


def _check_multi_select(node: JsonObject, in_form: bool) -> None:
    assert in_form and node["name"]
    _check_text(_object(node["placeholder"]))
    options = _objects(node["options"])
    for option in options:
        assert set(option) == {"text", "value"}
        _check_text(_object(option["text"]))
    values = [str(option["value"]) for option in options]
    assert 0 < len(values) == len(set(values))
    assert isinstance(node["selected_values"], list) and set(map(str, node["selected_values"])) <= set(values)


def _check_column_set(node: JsonObject, in_form: bool) -> None:
    assert all(column["tag"] == "column" for column in _objects(node["columns"]))
    assert node.get("background_style", "grey") in _GROUNDS


def _check_panel(node: JsonObject, in_form: bool) -> None:
    assert not any(inner["tag"] == "form" for inner in nodes(node["elements"]))
    _check_text(_object(_object(node["header"])["title"]))


_CHECKS: dict[str, Callable[[JsonObject, bool], None]] = {
    "div": _check_div,
    "text_tag": _check_tag,
    "button": _check_button,
    "input": _check_input,
    "multi_select_static": _check_multi_select,
    "column_set": _check_column_set,
    "collapsible_panel": _check_panel,
}


def _check_text(node: JsonObject) -> None:
    assert node["tag"] == "plain_text"
    assert set(node) - {"tag"} <= _TEXT
    assert isinstance(node["content"], str)
    assert node["content"]
    if "i18n_content" in node:
        assert set(_object(node["i18n_content"])) == {"zh_cn", "en_us"}
    assert node.get("text_size", "normal") in _SIZES


def _object(value: Json) -> JsonObject:
    assert isinstance(value, dict)
    return value


def _objects(value: Json) -> list[JsonObject]:
    assert isinstance(value, list)
    return [_object(member) for member in value]


def _number(value: Json) -> int:
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("state", SAMPLES)
def test_every_state_is_a_card_that_feishu_takes(state: str) -> None:
    check_card(approval_card(SAMPLES[state]))


def _form(card: JsonObject) -> JsonObject:
    return next(node for node in nodes(card) if node["tag"] == "form")


def _drop_behavior_value(card: JsonObject) -> None:
    button = next(node for node in nodes(_form(card)) if node["tag"] == "button")
    button["behaviors"] = [{"type": "callback"}]


_SPOILED: dict[str, Callable[[JsonObject], object]] = {
    "1.0 property": lambda card: _object(card["config"]).update(wide_screen_mode=True),
    "no schema": lambda card: card.pop("schema"),
    "1.0 tag": lambda card: _objects(_object(card["body"])["elements"])[0].update(tag="note"),
    "not shared": lambda card: _object(card["config"]).update(update_multi=False),
    "nameless submit": lambda card: next(n for n in nodes(_form(card)) if n["tag"] == "button").pop("name"),
    "valueless submit": _drop_behavior_value,
    "unknown colour": lambda card: _object(card["header"]).update(template="pink"),
    "too large": lambda card: next(n for n in nodes(card) if n["tag"] == "plain_text").update(content="x" * 30_000),
}


@pytest.mark.parametrize("fault", _SPOILED)
def test_the_checker_refuses_a_spoiled_card(fault: str) -> None:
    card = copy.deepcopy(approval_card(SAMPLES["pending"]))
    _SPOILED[fault](card)
    with pytest.raises((AssertionError, KeyError)):
        check_card(card)


@pytest.mark.parametrize("state", SAMPLES)
def test_the_simulator_takes_every_state(state: str) -> None:
    assert card_fault(json.dumps(approval_card(SAMPLES[state]))) is None
