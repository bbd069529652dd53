"""Every rule for cards and texts that docs/simulator.md lists: kept, it passes; broken, it is refused by its code."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from bot.simulator.card_checks import (
    BAD_PERSON,
    DUPLICATE_ELEMENT_ID,
    EMPTY_FORM_NAME,
    OTHER_SCHEMA,
    REMOVED_TAG,
    TOO_MANY,
    UNPARSABLE,
)
from bot.simulator.content import content_refusal
from bot.simulator.rules import MAX_CARD_BYTES, TOO_LARGE, card_fault
from tests.support.little_bot import approval_card, card, finished_card

PLAIN = {"tag": "plain_text", "content": "words"}
HR = {"tag": "hr"}


def div(**more: Any) -> dict[str, Any]:
    return {"tag": "div", "text": PLAIN, **more}


def button(**more: Any) -> dict[str, Any]:
    return {"tag": "button", "text": PLAIN, "behaviors": [{"type": "callback", "value": {"a": 1}}], **more}


def submit(name: str = "go", **more: Any) -> dict[str, Any]:
    return button(name=name, form_action_type="submit", **more)


def form(*elements: Any, name: str = "f") -> dict[str, Any]:
    return {"tag": "form", "name": name, "elements": list(elements)}


def columns(*elements: Any) -> dict[str, Any]:
    return {"tag": "column_set", "columns": [{"tag": "column", "elements": list(elements)}]}


def panel(*elements: Any) -> dict[str, Any]:
    return {"tag": "collapsible_panel", "header": {"title": PLAIN}, "elements": list(elements)}


def table() -> dict[str, Any]:
    return {"tag": "table", "columns": [{"name": "a", "data_type": "text"}], "rows": [{"a": "1"}]}


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name != key}


def configured(**config: Any) -> dict[str, Any]:
    changed = card(HR)
    changed["config"] |= config
    return changed


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = HR
    for _ in range(depth):
        inner = panel(inner)
    return inner


def fault_of(value: Any) -> int | None:
    fault = card_fault(json.dumps(value, ensure_ascii=False), lambda open_id: open_id == "ou_known")
    return fault.code if fault else None


GOOD = {
    "a form with a reason": approval_card(),
    "a finished card": finished_card(),
    "everything that is drawn": card(
        div(element_id="intro", margin="4px 0 0 0"),
        {"tag": "div", "text": {"tag": "plain_text", "content": "x", "text_size": "notation", "text_color": "grey"}},
        {"tag": "div", "text": {"tag": "plain_text", "content": "x", "lines": 3, "i18n_content": {"en_us": "y"}}},
        {"tag": "markdown", "content": "**bold**", "text_align": "left", "text_size": "normal"},
        HR,
        {"tag": "img", "img_key": "img_v3_1", "alt": PLAIN},
        {"tag": "person", "user_id": "ou_known", "size": "small"},
        columns(div()),
        panel(div(), {"tag": "markdown", "content": "x"}),
        button(confirm={"title": PLAIN, "text": PLAIN}, type="danger_filled", size="small", width="fill"),
        {"tag": "button", "text": PLAIN, "behaviors": [{"type": "open_url", "default_url": "https://example.com"}]},
        {
            "tag": "select_static",
            "options": [{"text": PLAIN, "value": "a"}],
            "behaviors": [{"type": "callback", "value": {}}],
        },
        {"tag": "checker", "text": PLAIN, "behaviors": [{"type": "callback", "value": {}}]},
        table(),
    ),
    "a summary and locales": configured(
        summary={"content": "s", "i18n_content": {"zh_cn": "t"}}, locales=["zh_cn", "en_us"], width_mode="fill"
    ),
    "three tags in the header": card(
        HR, text_tag_list=[{"tag": "text_tag", "text": PLAIN, "color": "red"}] * 3, subtitle=PLAIN
    ),
    "a button's text of 100 characters": card(button(text={"tag": "plain_text", "content": "x" * 100})),
    "an element_id of 20 characters": card(div(element_id="a" * 20)),
    "an input of 1000 characters": approval_card(max_length=1000),
    "five tables": card(*[table()] * 5),
    "containers five deep": card(nested(5)),
    "a form with two fields and a reset": card(
        form(
            {"tag": "input", "name": "a"},
            {"tag": "checker", "name": "b", "text": PLAIN},
            submit(),
            button(name="r", form_action_type="reset"),
        )
    ),
    "a card of 199 elements": card(*[HR] * 198),
}

BAD: dict[str, tuple[int, Any]] = {
    "no schema": (OTHER_SCHEMA, without(card(HR), "schema")),
    "schema 1.0": (OTHER_SCHEMA, {**card(HR), "schema": "1.0"}),
    "not an object": (UNPARSABLE, [1]),
    "no body": (UNPARSABLE, without(card(HR), "body")),
    "elements at the root": (UNPARSABLE, {**card(HR), "elements": []}),
    "i18n_elements": (UNPARSABLE, {**card(HR), "i18n_elements": {}}),
    "wide_screen_mode": (UNPARSABLE, configured(wide_screen_mode=True)),
    "update_multi false": (UNPARSABLE, configured(update_multi=False)),
    "unknown width_mode": (UNPARSABLE, configured(width_mode="wide")),
    "unknown locale": (UNPARSABLE, configured(locales=["en"])),
    "unknown property of the header": (UNPARSABLE, card(HR, colour="red")),
    "unknown template": (UNPARSABLE, card(HR, template="pink")),
    "four tags in the header": (
        UNPARSABLE, card(HR, text_tag_list=[{"tag": "text_tag", "text": PLAIN, "color": "red"}] * 4)),
    "tag of an unknown colour": (
        UNPARSABLE, card(HR, text_tag_list=[{"tag": "text_tag", "text": PLAIN, "color": "pink"}])),
    "header without a title": (UNPARSABLE, {**card(HR), "header": {"template": "red"}}),
    "action": (REMOVED_TAG, card({"tag": "action", "actions": [button()]})),
    "note": (REMOVED_TAG, card({"tag": "note", "elements": [PLAIN]})),
    "note inside a column": (REMOVED_TAG, card(columns({"tag": "note", "elements": []}))),
    "unknown tag": (UNPARSABLE, card({"tag": "video"})),
    "element without a tag": (UNPARSABLE, card({"text": PLAIN})),
    "unknown property of a div": (UNPARSABLE, card(div(colour="red"))),
    "legacy value of a button": (UNPARSABLE, card(button(value={"a": 1}))),
    "legacy url of a button": (UNPARSABLE, card(button(url="https://example.com"))),
    "text as a bare string": (UNPARSABLE, card({"tag": "div", "text": "words"})),
    "text without content": (UNPARSABLE, card({"tag": "div", "text": {"tag": "plain_text"}})),
    "content that is a number": (UNPARSABLE, card({"tag": "div", "text": {"tag": "plain_text", "content": 1}})),
    "unknown text size": (UNPARSABLE, card({"tag": "div", "text": {**PLAIN, "text_size": "big"}})),
    "unknown text colour": (UNPARSABLE, card({"tag": "div", "text": {**PLAIN, "text_color": "pink"}})),
    "translation into an unknown locale": (
        UNPARSABLE, card({"tag": "div", "text": {**PLAIN, "i18n_content": {"en": "x"}}})),
    "lark_md on a button": (UNPARSABLE, card(button(text={"tag": "lark_md", "content": "x"}))),
    "a button's text of 101 characters": (UNPARSABLE, card(button(text={"tag": "plain_text", "content": "x" * 101}))),
    "a translated button's text of 101 characters": (
        UNPARSABLE,
        card(button(text={"tag": "plain_text", "content": "x", "i18n_content": {"en_us": "x" * 101}})),
    ),
    "unknown type of button": (UNPARSABLE, card(button(type="green"))),
    "a button that shows nothing": (UNPARSABLE, card(without(button(), "text"))),
    "confirm without a title": (UNPARSABLE, card(button(confirm={"text": PLAIN}))),
    "a callback value that is a string": (
        UNPARSABLE, card(button(behaviors=[{"type": "callback", "value": "approve"}]))),
    "unknown behaviour": (UNPARSABLE, card(button(behaviors=[{"type": "request"}]))),
    "a link that is no http": (
        UNPARSABLE, card(button(behaviors=[{"type": "open_url", "default_url": "javascript:alert(1)"}]))),
    "@all in markdown": (UNPARSABLE, card({"tag": "markdown", "content": "hi <at id=all></at>"})),
    "@all in lark_md": (
        UNPARSABLE, card({"tag": "div", "text": {"tag": "lark_md", "content": '<at user_id="all"></at>'}})),
    "a person of another app": (BAD_PERSON, card({"tag": "person", "user_id": "ou_other"})),
    "element_id with a dash": (UNPARSABLE, card(div(element_id="a-b"))),
    "element_id that begins with a digit": (UNPARSABLE, card(div(element_id="1a"))),
    "element_id of 21 characters": (UNPARSABLE, card(div(element_id="a" * 21))),
    "element_id twice": (DUPLICATE_ELEMENT_ID, card(div(element_id="a"), columns(div(element_id="a")))),
    "input of 1001 characters": (UNPARSABLE, approval_card(max_length=1001)),
    "input of no characters": (UNPARSABLE, approval_card(max_length=0)),
    "input of true characters": (UNPARSABLE, approval_card(max_length=True)),
    "six tables": (TOO_MANY, card(*[table()] * 6)),
    "containers six deep": (TOO_MANY, card(nested(6))),
    "a card of 201 elements": (TOO_MANY, card(*[HR] * 200)),
    "column_set without columns": (UNPARSABLE, card({"tag": "column_set", "columns": []})),
    "column_set with other things": (UNPARSABLE, card({"tag": "column_set", "columns": [HR]})),
    "form in a column": (UNPARSABLE, card(columns(form(submit())))),
    "form in a panel": (UNPARSABLE, card(panel(form(submit())))),
    "form in a form": (UNPARSABLE, card(form(form(submit(), name="inner"), submit("b")))),
    "table in a form": (UNPARSABLE, card(form(table(), submit()))),
    "form without a name": (UNPARSABLE, card(without(form(submit()), "name"))),
    "form without a submit button": (UNPARSABLE, card(form({"tag": "input", "name": "a"}, button(name="b")))),
    "field without a name": (EMPTY_FORM_NAME, card(form({"tag": "input"}, submit()))),
    "field with an empty name": (EMPTY_FORM_NAME, card(form({"tag": "input", "name": ""}, submit()))),
    "submit button without a name": (EMPTY_FORM_NAME, card(form(without(submit(), "name")))),
    "submit button without a value": (UNPARSABLE, card(form(without(submit(), "behaviors")))),
    "form_action_type outside of a form": (UNPARSABLE, card(submit())),
    "legacy action_type": (UNPARSABLE, card(form(submit(action_type="form_submit")))),
    "a name twice in a form": (UNPARSABLE, card(form({"tag": "input", "name": "go"}, submit("go")))),
    "a name twice in the card": (UNPARSABLE, card(button(name="go"), form(submit("go")))),
    "the form's name on a button": (UNPARSABLE, card(form(submit("f"), name="f"))),
    "select without options": (UNPARSABLE, card(form({"tag": "select_static", "name": "a", "options": []}, submit()))),
    "select outside of a form without behaviour": (
        UNPARSABLE, card({"tag": "select_static", "options": [{"text": PLAIN, "value": "a"}]})),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_the_rules_allow_passes(name: str) -> None:
    assert fault_of(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_what_the_rules_forbid_is_refused_by_its_code(name: str) -> None:
    code, value = BAD[name]
    assert fault_of(value) == code


def test_a_card_is_as_large_as_its_bytes() -> None:
    empty = card({"tag": "div", "text": {"tag": "plain_text", "content": ""}})
    room = MAX_CARD_BYTES - len(json.dumps(empty, ensure_ascii=False).encode())

    def filled(text: str) -> dict[str, Any]:
        full = copy.deepcopy(empty)
        full["body"]["elements"][0]["text"]["content"] = text
        return full

    assert fault_of(filled("x" * room)) is None
    assert fault_of(filled("x" * (room + 1))) == TOO_LARGE
    assert fault_of(filled("字" * (room // 3 + 1))) == TOO_LARGE


@pytest.mark.parametrize("text", ["{", "", "null", '{"schema": NaN}', '{"schema":"2.0","schema":"2.0","body":{}}'])
def test_what_is_no_json_is_no_card(text: str) -> None:
    fault = card_fault(text)
    assert fault is not None
    assert fault.code == UNPARSABLE


def test_a_refusal_names_the_place() -> None:
    fault = card_fault(json.dumps(card(HR, columns(div(colour="red")))))
    assert fault is not None
    assert "ROOT -> body -> elements -> [1](tag: column_set) -> columns -> [0](tag: column)" in fault.path
    assert "colour" in fault.what


POST = {"zh_cn": {"title": "t", "content": [[{"tag": "text", "text": "a"}, {"tag": "at", "user_id": "all"}]]}}

CONTENT: dict[str, tuple[str, Any, int | None]] = {
    "text": ("text", '{"text":"hello"}', None),
    "text as an object": ("text", {"text": "hello"}, 230001),
    "text that is no JSON": ("text", "hello", 230001),
    "text with another field": ("text", '{"text":"a","b":1}', 230001),
    "empty text": ("text", '{"text":" "}', 230001),
    "text of 150 KB": ("text", json.dumps({"text": "x" * (150_000 - 12)}), None),
    "text above 150 KB": ("text", json.dumps({"text": "x" * 150_000}), 230025),
    "post": ("post", json.dumps(POST), None),
    "post in its old wrapper": ("post", json.dumps({"post": POST}), 230001),
    "post above 30 KB": (
        "post", json.dumps({"zh_cn": {"content": [[{"tag": "text", "text": "x" * 30_000}]]}}), 230025),
    "post with an unknown node": ("post", json.dumps({"zh_cn": {"content": [[{"tag": "b", "text": "x"}]]}}), 230001),
    "post with a bare paragraph": ("post", json.dumps({"zh_cn": {"content": [{"tag": "text", "text": "x"}]}}), 230001),
    "post without content": ("post", json.dumps({"zh_cn": {"title": "x"}}), 230001),
    "image": ("image", '{"image_key":"x"}', 230001),
    "card": ("interactive", json.dumps(finished_card()), None),
    "card as an object": ("interactive", finished_card(), 230001),
    "bad card": ("interactive", json.dumps(card({"tag": "note", "elements": []})), 230099),
    "large card": ("interactive", json.dumps(card(div(element_id="a"))) + " " * 30_000, 230025),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENT)
def test_content_by_type(name: str) -> None:
    msg_type, content, code = CONTENT[name]
    refusal = content_refusal(msg_type, content, lambda open_id: True)
    assert (refusal.code if refusal else None) == code
    if code == 230099:
        assert refusal is not None
        assert "ErrCode: 200861" in refusal.msg
