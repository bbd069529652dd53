"""Which components and properties a card JSON 2.0 may have here. Tables only; the walk over a card is in rules.py.

Source: open.feishu.cn, "Card JSON 2.0 structure" and the pages of the components. What is not listed is refused,
also where Feishu knows more components: a card that passes here passes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.simulator import card_checks as check
from bot.simulator.card_checks import UNPARSABLE, CardFault, Check, choice, integer, listing, record, tagged

if TYPE_CHECKING:
    from bot.simulator.rules import Walk

MAX_BUTTON_TEXT = 100
MAX_INPUT = 1000
_TEMPLATES = "blue wathet turquoise green yellow orange red carmine violet purple indigo grey default"
_TAG_COLORS = "neutral blue turquoise lime orange violet indigo wathet green yellow red purple carmine"
_TAG: Check = check.string


def _contents(walk: Walk, value: Any, path: str) -> None:
    walk.elements(value, path)


def _columns(walk: Walk, value: Any, path: str) -> None:
    walk.columns(value, path)


def _no_broadcast(walk: Walk, value: Any, path: str) -> None:
    """@all inside a card fails the whole send wherever it is not allowed; here it never is."""
    check.string(walk, value, path)
    squeezed = value.replace(" ", "").replace('"', "").replace("'", "").lower()
    if "<atid=all" in squeezed or "<atuser_id=all" in squeezed or "<atids=all" in squeezed:
        raise CardFault(UNPARSABLE, "@all is not permitted in this chat", path)


_TEXT_LOOK: dict[str, Check] = {
    "tag": _TAG,
    "element_id": check.element_id,
    "text_size": check.one_of(check.TEXT_SIZES),
    "text_color": check.color,
    "text_align": choice("left center right"),
    "lines": integer(1, 1000),
}
_PLAIN = record(
    _TEXT_LOOK | {"content": check.string, "i18n_content": check.by_locale(check.string)}, required="content"
)
_LARK_MD = record(
    _TEXT_LOOK | {"content": _no_broadcast, "i18n_content": check.by_locale(_no_broadcast)}, required="content"
)
PLAIN_TEXT = tagged({"plain_text": _PLAIN})
ANY_TEXT = tagged({"plain_text": _PLAIN, "lark_md": _LARK_MD})
_ICON = tagged(
    {
        "standard_icon": record({"tag": _TAG, "token": check.string, "color": check.color}, required="token"),
        "custom_icon": record({"tag": _TAG, "img_key": check.string}, required="img_key"),
    }
)


def _button_text(walk: Walk, value: Any, path: str) -> None:
    PLAIN_TEXT(walk, value, path)
    for text in [value["content"], *value.get("i18n_content", {}).values()]:
        if len(text) > MAX_BUTTON_TEXT:
            raise CardFault(UNPARSABLE, f"a button's text has at most {MAX_BUTTON_TEXT} characters", path)


def _callback_value(walk: Walk, value: Any, path: str) -> None:
    """Feishu takes a string as well, and its own Python library then fails on the callback; so only objects here."""
    if not isinstance(value, dict):
        raise CardFault(UNPARSABLE, "a callback's value is an object", path)


_BEHAVIOR_KINDS: dict[str, Check] = {
    "callback": record({"type": check.string, "value": _callback_value}, required="value"),
    "open_url": record(
        {
            "type": check.string,
            "default_url": check.link,
            "pc_url": check.string,
            "ios_url": check.string,
            "android_url": check.string,
        },
        required="default_url",
    ),
}


def _behavior(walk: Walk, value: Any, path: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _BEHAVIOR_KINDS:
        raise CardFault(UNPARSABLE, f"a behaviour is a callback or an open_url, not {kind}", path)
    _BEHAVIOR_KINDS[kind](walk, value, path)


_CONFIRM = record({"title": PLAIN_TEXT, "text": PLAIN_TEXT}, required="title")
_TEXT_TAG = tagged(
    {
        "text_tag": record(
            {"tag": _TAG, "element_id": check.element_id, "text": PLAIN_TEXT, "color": choice(_TAG_COLORS)},
            required="text",
        )
    }
)
_ELEMENT: dict[str, Check] = {"tag": _TAG, "element_id": check.element_id, "margin": check.spacing}
_LAYOUT: dict[str, Check] = {
    "padding": check.spacing,
    "direction": choice("vertical horizontal"),
    "horizontal_spacing": check.spacing,
    "horizontal_align": choice("left center right"),
    "vertical_spacing": check.spacing,
    "vertical_align": choice("top center bottom"),
}
_CONTROL: dict[str, Check] = _ELEMENT | {
    "name": check.name,
    "disabled": check.boolean,
    "disabled_tips": PLAIN_TEXT,
    "confirm": _CONFIRM,
    "behaviors": listing(_behavior, least=1, most=2),
}
_FIELD: dict[str, Check] = _CONTROL | {
    "required": check.boolean,
    "placeholder": PLAIN_TEXT,
    "width": check.width,
}
_OPTION = record({"text": PLAIN_TEXT, "value": check.string, "icon": _ICON}, required="text value")
_PERSON_OPTION = record({"value": check.person_id}, required="value")

SUMMARY = record({"content": check.string, "i18n_content": check.by_locale(check.string)})
CONFIG = record(
    {
        "update_multi": check.only_true,
        "enable_forward": check.boolean,
        "enable_forward_interaction": check.boolean,
        "width_mode": choice("default compact fill"),
        "use_custom_translation": check.boolean,
        "locales": listing(check.one_of(check.LOCALES), least=1),
        "summary": SUMMARY,
    }
)
HEADER = record(
    {
        "title": ANY_TEXT,
        "subtitle": ANY_TEXT,
        "text_tag_list": listing(_TEXT_TAG, most=3),
        "i18n_text_tag_list": check.by_locale(listing(_TEXT_TAG, most=3)),
        "template": choice(_TEMPLATES),
        "icon": _ICON,
        "padding": check.spacing,
    },
    required="title",
)
BODY = record(_LAYOUT | {"elements": _contents}, required="elements")
CARD_LINK = record({"url": check.string, "pc_url": check.string, "ios_url": check.string, "android_url": check.string})

COMPONENTS: dict[str, Check] = {
    "div": record(_ELEMENT | {"text": ANY_TEXT, "icon": _ICON, "width": check.width}),
    "markdown": record(
        _ELEMENT
        | {
            "content": _no_broadcast,
            "i18n_content": check.by_locale(_no_broadcast),
            "text_align": choice("left center right"),
            "text_size": check.one_of(check.TEXT_SIZES),
            "icon": _ICON,
        },
        required="content",
    ),
    "hr": record(_ELEMENT),
    "img": record(
        _ELEMENT
        | {
            "img_key": check.string,
            "i18n_img_key": check.by_locale(check.string),
            "alt": PLAIN_TEXT,
            "title": PLAIN_TEXT,
            "corner_radius": check.spacing,
            "scale_type": choice("crop_center crop_top fit_horizontal"),
            "size": check.string,
            "transparent": check.boolean,
            "preview": check.boolean,
        },
        required="img_key alt",
    ),
    "person": record(
        _ELEMENT
        | {
            "user_id": check.person_id,
            "size": choice("extra_small small medium large"),
            "show_avatar": check.boolean,
            "show_name": check.boolean,
            "style": choice("normal capsule"),
        },
        required="user_id",
    ),
    "column_set": record(
        _ELEMENT
        | {
            "flex_mode": choice("none stretch flow bisect trisect"),
            "background_style": check.color,
            "horizontal_spacing": check.spacing,
            "horizontal_align": choice("left center right"),
            "columns": _columns,
        },
        required="columns",
    ),
    "collapsible_panel": record(
        _ELEMENT
        | _LAYOUT
        | {
            "expanded": check.boolean,
            "background_color": check.color,
            "header": record(
                {
                    "title": ANY_TEXT,
                    "background_color": check.color,
                    "vertical_align": choice("top center bottom"),
                    "padding": check.spacing,
                    "width": check.width,
                    "position": choice("top bottom"),
                    "icon": _ICON,
                    "icon_position": choice("left right follow_text"),
                    "icon_expanded_angle": integer(-180, 180),
                },
                required="title",
            ),
            "border": record({"color": check.color, "corner_radius": check.spacing}),
            "elements": _contents,
        },
        required="header elements",
    ),
    "form": record(_ELEMENT | _LAYOUT | {"name": check.name, "elements": _contents}, required="name elements"),
    "button": record(
        _CONTROL
        | {
            "type": choice("default primary danger text primary_text danger_text primary_filled danger_filled laser"),
            "size": choice("tiny small medium large"),
            "width": check.width,
            "text": _button_text,
            "icon": _ICON,
            "hover_tips": PLAIN_TEXT,
            "form_action_type": choice("submit reset"),
        }
    ),
    "input": record(
        _FIELD
        | {
            "default_value": check.string,
            "i18n_default_value": check.by_locale(check.string),
            "max_length": integer(1, MAX_INPUT),
            "input_type": choice("text multiline_text password"),
            "show_icon": check.boolean,
            "rows": integer(1, 50),
            "auto_resize": check.boolean,
            "max_rows": integer(1, 50),
            "label": PLAIN_TEXT,
            "label_position": choice("top left"),
        }
    ),
    "select_static": record(
        _FIELD
        | {
            "type": choice("default text"),
            "options": listing(_OPTION, least=1, most=100),
            "initial_option": check.string,
        },
        required="options",
    ),
    "multi_select_static": record(
        _FIELD
        | {
            "type": choice("default text"),
            "options": listing(_OPTION, least=1, most=100),
            "selected_values": listing(check.string),
        },
        required="options",
    ),
    "select_person": record(
        _FIELD | {"type": choice("default text"), "options": listing(_PERSON_OPTION), "initial_option": check.string}
    ),
    "checker": record(
        _CONTROL
        | {
            "checked": check.boolean,
            "text": ANY_TEXT,
            "overall_checkable": check.boolean,
            "padding": check.spacing,
            "hover_tips": PLAIN_TEXT,
        }
    ),
    "table": record(
        _ELEMENT
        | {
            "page_size": integer(1, 10),
            "row_height": check.string,
            "columns": listing(
                record(
                    {
                        "name": check.string,
                        "display_name": check.string,
                        "width": check.string,
                        "data_type": choice("text number"),
                        "horizontal_align": choice("left center right"),
                        "vertical_align": choice("top center bottom"),
                    },
                    required="name data_type",
                ),
                least=1,
                most=50,
            ),
            "rows": listing(lambda walk, value, path: None),
        },
        required="columns rows",
    ),
}
COLUMN = record(
    _ELEMENT
    | _LAYOUT
    | {
        "width": check.width,
        "weight": integer(1, 5),
        "background_style": check.color,
        "elements": _contents,
    },
    required="elements",
)

CONTROLS = frozenset({"button", "input", "select_static", "multi_select_static", "select_person", "checker"})
CONTAINERS = frozenset({"form", "column_set", "column", "collapsible_panel"})
REMOVED = frozenset({"action", "note"})
"""Tags of schema 1.0 that 2.0 has dropped."""
