"""Checks of single values in a card. Each takes the walk, the value and its path, and raises CardFault."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.simulator.rules import Walk

Check = Callable[["Walk", Any, str], None]

UNPARSABLE = 200621
"""Sub-code of 230099: the card JSON does not fit the schema."""
TOO_MANY = 11310
BAD_PERSON = 100290
EMPTY_FORM_NAME = 200530
REMOVED_TAG = 200861
OTHER_SCHEMA = 200800
DUPLICATE_ELEMENT_ID = 300301

_words = str.split
LOCALES = frozenset(
    _words("zh_cn en_us ja_jp zh_hk zh_tw id_id vi_vn th_th pt_br es_es ko_kr de_de fr_fr it_it ru_ru ms_my")
)
_ELEMENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}")
_SPACING = re.compile(r"(small|medium|large|extra_large|0|-?\d{1,2}px)( (0|-?\d{1,2}px)){0,3}")
_WIDTH = re.compile(r"default|fill|auto|weighted|\d{1,4}px")
_COLOR = re.compile(
    r"default|bg-white|white|(blue|carmine|green|indigo|lime|grey|orange|purple|red|sunflower|turquoise|violet|wathet|yellow)"
    r"(-(50|100|200|300|350|400|500|600|700|800|900))?|rgba\([\d., ]+\)"
)
_LINK = re.compile(r"(https?|lark)://\S+")
TEXT_SIZES = frozenset(
    _words(
        "heading-0 heading-1 heading-2 heading-3 heading-4 heading normal notation xxxx-large xxx-large xx-large "
        "x-large large medium small x-small"
    )
)


class CardFault(Exception):
    """Feishu would not take the card. `code` is the sub-code behind 230099, or 230025 for the size."""

    def __init__(self, code: int, what: str, path: str = "ROOT") -> None:
        super().__init__(f"{code}: {what} at {path}")
        self.code = code
        self.what = what
        self.path = path

    @property
    def ext(self) -> str:
        """In the words of the `msg` field."""
        return f"ext=ErrCode: {self.code}; ErrMsg: {self.what}; ErrPath: {self.path}"


def string(walk: Walk, value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise CardFault(UNPARSABLE, "a string is expected", path)


def boolean(walk: Walk, value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise CardFault(UNPARSABLE, "a boolean is expected", path)


def only_true(walk: Walk, value: Any, path: str) -> None:
    if value is not True:
        raise CardFault(UNPARSABLE, "a card of schema 2.0 is always shared: only true is possible", path)


def integer(low: int, high: int) -> Check:
    def check(walk: Walk, value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise CardFault(UNPARSABLE, f"an integer from {low} to {high} is expected", path)

    return check


def one_of(words: Collection[str]) -> Check:
    def check(walk: Walk, value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise CardFault(UNPARSABLE, f"one of {', '.join(sorted(words))} is expected", path)

    return check


def choice(words: str) -> Check:
    return one_of(frozenset(words.split()))


def matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(walk: Walk, value: Any, path: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise CardFault(UNPARSABLE, f"{what} is expected", path)

    return check


spacing = matching(_SPACING, "a spacing such as 8px")
width = matching(_WIDTH, "a width such as fill or 120px")
color = matching(_COLOR, "a colour of the palette")
link = matching(_LINK, "an http(s) link")


def element_id(walk: Walk, value: Any, path: str) -> None:
    if not isinstance(value, str) or not _ELEMENT_ID.fullmatch(value):
        raise CardFault(UNPARSABLE, "element_id: a letter, then letters, digits or _, at most 20", path)
    if value in walk.element_ids:
        raise CardFault(DUPLICATE_ELEMENT_ID, f"element_id {value} is used twice", path)
    walk.element_ids.add(value)


def name(walk: Walk, value: Any, path: str) -> None:
    if not isinstance(value, str) or not value:
        raise CardFault(EMPTY_FORM_NAME, "name must not be empty", path)
    if value in walk.names:
        raise CardFault(UNPARSABLE, f"name {value} is used twice in the card", path)
    walk.names.add(value)


def person_id(walk: Walk, value: Any, path: str) -> None:
    if not isinstance(value, str) or not walk.knows_person(value):
        raise CardFault(BAD_PERSON, "the person id is not valid for this app", path)


def listing(item: Check, *, least: int = 0, most: int = 1000) -> Check:
    def check(walk: Walk, value: Any, path: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise CardFault(UNPARSABLE, f"a list of {least} to {most} entries is expected", path)
        for index, each in enumerate(value):
            item(walk, each, f"{path} -> [{index}]")

    return check


def by_locale(item: Check) -> Check:
    def check(walk: Walk, value: Any, path: str) -> None:
        if not isinstance(value, dict) or not value:
            raise CardFault(UNPARSABLE, "an object of locales is expected", path)
        for locale, each in value.items():
            if locale not in LOCALES:
                raise CardFault(UNPARSABLE, f"unknown locale {locale}", path)
            item(walk, each, f"{path} -> {locale}")

    return check


def record(properties: dict[str, Check], required: str = "") -> Check:
    """An object with these properties and no other; the names in `required` must be there."""

    def check(walk: Walk, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise CardFault(UNPARSABLE, "an object is expected", path)
        for key in value:
            if key not in properties:
                raise CardFault(UNPARSABLE, f"unknown property, property: {key}", path)
        for key in required.split():
            if key not in value:
                raise CardFault(UNPARSABLE, f"property {key} is missing", path)
        for key, each in value.items():
            properties[key](walk, each, f"{path} -> {key}")

    return check


def tagged(kinds: dict[str, Check]) -> Check:
    """A nested object with one of these tags; it counts as an element."""

    def check(walk: Walk, value: Any, path: str) -> None:
        tag = value.get("tag") if isinstance(value, dict) else None
        if not isinstance(tag, str) or tag not in kinds:
            raise CardFault(UNPARSABLE, f"one of the tags {', '.join(kinds)} is expected, not {tag}", path)
        walk.count(path)
        kinds[tag](walk, value, f"{path}(tag: {tag})")

    return check
