"""The rules a card JSON 2.0 must keep, read from Feishu's documentation with every doubt decided for strictness.

`card_fault` says why a card is refused, or None. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bot.simulator.card_checks import (
    EMPTY_FORM_NAME,
    OTHER_SCHEMA,
    REMOVED_TAG,
    TOO_MANY,
    UNPARSABLE,
    CardFault,
)
from bot.simulator.card_schema import (
    BODY,
    CARD_LINK,
    COLUMN,
    COMPONENTS,
    CONFIG,
    CONTAINERS,
    CONTROLS,
    HEADER,
    REMOVED,
)
from bot.simulator.state import Json
from bot.simulator.wire import parse

MAX_CARD_BYTES = 30_000
"""Feishu says "30 KB" without saying which; the smaller one."""
MAX_ELEMENTS = 200
"""Every object with a tag counts, texts too; Feishu's own count is not documented."""
MAX_NESTING = 5
MAX_TABLES = 5
TOO_LARGE = 230025


def card_fault(content: str, knows_person: Callable[[str], bool] = lambda open_id: True) -> CardFault | None:
    """Why this text is no card that Feishu would take; `knows_person` tells the open_ids of the sending app."""
    try:
        _check(content, knows_person)
    except CardFault as fault:
        return fault
    return None


def schema_of(card: Any) -> str:
    """The dialect: "2.0", or "1.0" for everything that does not say so."""
    return "2.0" if isinstance(card, dict) and card.get("schema") == "2.0" else "1.0"


def _check(content: str, knows_person: Callable[[str], bool]) -> None:
    if len(content.encode(errors="surrogatepass")) > MAX_CARD_BYTES:
        raise CardFault(TOO_LARGE, f"the card has more than {MAX_CARD_BYTES} bytes")
    try:
        card = parse(content)
        content.encode()
    except ValueError:
        raise CardFault(UNPARSABLE, "parse card json err: not JSON") from None
    if not isinstance(card, dict):
        raise CardFault(UNPARSABLE, "parse card json err: not an object")
    if schema_of(card) != "2.0":
        raise CardFault(OTHER_SCHEMA, "only cards of schema 2.0 are simulated")
    Walk(knows_person).root(card)


class Walk:
    """One pass over one card: what has been seen so far, and where we are."""

    def __init__(self, knows_person: Callable[[str], bool]) -> None:
        self.knows_person = knows_person
        self.element_ids: set[str] = set()
        self.names: set[str] = set()
        self._counted = 0
        self._tables = 0
        self._inside: list[str] = []
        self._form_submits = 0

    def root(self, card: Json) -> None:
        parts = {"config": CONFIG, "header": HEADER, "body": BODY, "card_link": CARD_LINK}
        for key in card:
            if key != "schema" and key not in parts:
                raise CardFault(UNPARSABLE, f"unknown property, property: {key}")
        if "body" not in card:
            raise CardFault(UNPARSABLE, "property body is missing")
        for key, check in parts.items():
            if key in card:
                check(self, card[key], f"ROOT -> {key}")

    def count(self, path: str) -> None:
        self._counted += 1
        if self._counted > MAX_ELEMENTS:
            raise CardFault(TOO_MANY, "element exceeds the limit", path)

    def elements(self, value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise CardFault(UNPARSABLE, "a list of elements is expected", path)
        for index, each in enumerate(value):
            self._element(each, f"{path} -> [{index}]")

    def columns(self, value: Any, path: str) -> None:
        if not isinstance(value, list) or not value:
            raise CardFault(UNPARSABLE, "a column_set has at least one column", path)
        for index, each in enumerate(value):
            at = f"{path} -> [{index}]"
            if not isinstance(each, dict) or each.get("tag") != "column":
                raise CardFault(UNPARSABLE, "a column_set holds columns only", at)
            self.count(at)
            self._enter("column", at, partial(COLUMN, self, each, f"{at}(tag: column)"))

    def _element(self, element: Any, path: str) -> None:
        tag = element.get("tag") if isinstance(element, dict) else None
        if not isinstance(tag, str):
            raise CardFault(UNPARSABLE, "an element has a tag", path)
        at = f"{path}(tag: {tag})"
        if tag in REMOVED:
            raise CardFault(REMOVED_TAG, f"cards of schema V2 no longer support this capability; tag {tag}", at)
        if tag not in COMPONENTS:
            raise CardFault(UNPARSABLE, f"unknown or not simulated tag {tag}", at)
        self.count(at)
        if tag == "table":
            self._table(at)
        if tag in CONTROLS:
            self._control(element, at)
        if tag in CONTAINERS:
            self._enter(tag, at, lambda: self._container(tag, element, at))
        else:
            COMPONENTS[tag](self, element, at)

    def _enter(self, tag: str, path: str, visit: Callable[[], None]) -> None:
        if len(self._inside) >= MAX_NESTING:
            raise CardFault(TOO_MANY, f"containers are nested deeper than {MAX_NESTING}", path)
        self._inside.append(tag)
        visit()
        self._inside.pop()

    def _container(self, tag: str, element: Json, path: str) -> None:
        if tag != "form":
            COMPONENTS[tag](self, element, path)
            return
        if self._inside != ["form"]:
            raise CardFault(UNPARSABLE, "a form stands directly in the card's body", path)
        self._form_submits = 0
        COMPONENTS[tag](self, element, path)
        if self._form_submits == 0:
            raise CardFault(UNPARSABLE, "a form has at least one submit button", path)

    def _table(self, path: str) -> None:
        self._tables += 1
        if self._tables > MAX_TABLES:
            raise CardFault(TOO_MANY, "card table number over limit", path)
        if "form" in self._inside:
            raise CardFault(UNPARSABLE, "a form holds no table", path)

    def _control(self, element: Json, path: str) -> None:
        in_form = "form" in self._inside
        if in_form and not element.get("name"):
            raise CardFault(EMPTY_FORM_NAME, "a component in a form needs a name", path)
        if "form_action_type" in element and not in_form:
            raise CardFault(UNPARSABLE, "form_action_type outside of a form", path)
        if element["tag"] == "button":
            self._button(element, path)
        elif not in_form and element["tag"] != "input" and not element.get("behaviors"):
            raise CardFault(UNPARSABLE, "outside of a form, only behaviors make it call back", path)

    def _button(self, element: Json, path: str) -> None:
        if "text" not in element and "icon" not in element:
            raise CardFault(UNPARSABLE, "a button has a text or an icon", path)
        if element.get("form_action_type") != "submit":
            return
        self._form_submits += 1
        behaviors = element.get("behaviors")
        kinds = (
            [each.get("type") for each in behaviors if isinstance(each, dict)] if isinstance(behaviors, list) else []
        )
        if "callback" not in kinds:
            raise CardFault(UNPARSABLE, "a submit button carries its value in a callback behaviour", path)
