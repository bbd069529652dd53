"""What a person can press in a card, and what Feishu's client sends when it is pressed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.card_schema import CONTROLS
from bot.simulator.errors import Impossible
from bot.simulator.state import Json

DEFAULT_MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Control:
    """An interactive component of a card; `path` is where it stands: body.elements.0.columns.1.elements.0"""

    path: str
    element: Json
    form: Json | None

    @property
    def tag(self) -> str:
        return str(self.element["tag"])

    @property
    def name(self) -> str:
        return str(self.element.get("name", ""))

    @property
    def texts(self) -> set[str]:
        """The label in all its languages."""
        text = self.element.get("text") or {}
        return {text.get("content", ""), *text.get("i18n_content", {}).values()} - {""}

    def behavior(self, kind: str) -> Json | None:
        found = (each for each in self.element.get("behaviors", []) if each.get("type") == kind)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Press:
    """What the person does. `control` is a path, a name or a label."""

    control: str
    form: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the fields of the form, by name; fields that are absent are left as they are."""
    value: Any = None
    """For a control outside of a form: the text, the option, the options or the state."""
    omit_value: bool = False
    """Leave action.value out of a form's submission, as some clients do."""


def controls(card: Json) -> list[Control]:
    """Everything interactive in the card, in the order in which it is drawn."""
    return list(_walk(card.get("body", {}).get("elements", []), "body.elements", None))


def _walk(elements: Any, path: str, form: Json | None) -> Iterator[Control]:
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        at = f"{path}.{index}"
        if element.get("tag") in CONTROLS:
            yield Control(at, element, form)
        inside = element if element.get("tag") == "form" else form
        yield from _walk(element.get("elements"), f"{at}.elements", inside)
        yield from _walk(element.get("columns"), f"{at}.columns", inside)


def find(card: Json, wanted: str) -> Control:
    """The one control with this path, name or label; Impossible when the card does not show it."""
    shown = controls(card)
    for fits in (
        [each for each in shown if each.path == wanted],
        [each for each in shown if each.name == wanted],
        [each for each in shown if wanted in each.texts],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise Impossible(f"{len(fits)} controls answer to {wanted!r}")
    raise Impossible(f"the card shows no {wanted!r}; it shows {[each.name or each.path for each in shown]}")


def action(card: Json, press: Press) -> Json:
    """`event.action` of the callback for this press."""
    control = find(card, press.control)
    if control.element.get("disabled"):
        raise Impossible(f"{press.control!r} is disabled")
    submits = control.element.get("form_action_type") == "submit"
    if control.form is not None and not submits and control.tag != "button":
        raise Impossible(f"{press.control!r} stands in a form and is sent with it")
    behavior = control.behavior("callback")
    if behavior is None and not (control.tag == "input" and control.form is None):
        raise Impossible(f"{press.control!r} calls nobody back")
    told: Json = {"tag": control.tag, "timezone": "Asia/Shanghai"}
    if behavior is not None and not (submits and press.omit_value):
        told["value"] = behavior["value"]
    if control.name:
        told["name"] = control.name
    if submits and control.form is not None:
        told["form_value"] = form_value(control.form, press.form)
        return told
    if press.form:
        raise Impossible(f"{press.control!r} submits no form")
    return told | _standing_alone(control, press.value)


def _standing_alone(control: Control, value: Any) -> Json:
    """The field that carries the value of a control outside of a form."""
    match control.tag:
        case "input":
            return {"input_value": _field(control.element, value)}
        case "select_static" | "select_person":
            return {"option": _field(control.element, value)}
        case "multi_select_static":
            return {"options": _field(control.element, value)}
        case "checker":
            return {"checked": _field(control.element, value)}
        case _:
            return {}


def form_value(form: Json, given: Mapping[str, Any]) -> Json:
    """Name → value of every field in the form, as the client lets them be filled in."""
    fields = {each.name: each.element for each in _walk(form["elements"], "", form) if each.tag != "button"}
    if strangers := set(given) - set(fields):
        raise Impossible(f"the form has no field {sorted(strangers)[0]!r}; it has {sorted(fields)}")
    return {name: _field(element, given.get(name)) for name, element in fields.items()}


def _field(element: Json, given: Any) -> Any:
    name = element.get("name", element["tag"])
    if given is not None and element.get("disabled"):
        raise Impossible(f"{name} is disabled")
    value = _FIELDS[element["tag"]](element, given)
    if element.get("required") and value in ("", []):
        raise Impossible(f"{name} is required; the client does not send the form without it")
    return value


def _input(element: Json, given: Any) -> str:
    value = element.get("default_value", "") if given is None else given
    if not isinstance(value, str):
        raise Impossible("an input takes a text")
    if len(value) > element.get("max_length", DEFAULT_MAX_LENGTH):
        raise Impossible(
            f"the input takes {element.get('max_length', DEFAULT_MAX_LENGTH)} characters, not {len(value)}"
        )
    return value


def _select(element: Json, given: Any) -> str:
    value = element.get("initial_option", "") if given is None else given
    options = [each["value"] for each in element.get("options", [])]
    if not isinstance(value, str) or (value and options and value not in options):
        raise Impossible(f"{value!r} is not one of {options}")
    return value


def _multi_select(element: Json, given: Any) -> list[str]:
    values = element.get("selected_values", []) if given is None else given
    options = [each["value"] for each in element.get("options", [])]
    if not isinstance(values, list) or not set(values) <= set(options):
        raise Impossible(f"{values!r} are not all of {options}")
    return values


def _checker(element: Json, given: Any) -> bool:
    value = element.get("checked", False) if given is None else given
    if not isinstance(value, bool):
        raise Impossible("a checker is on or off")
    return value


_FIELDS = {
    "input": _input,
    "select_static": _select,
    "select_person": _select,
    "multi_select_static": _multi_select,
    "checker": _checker,
}
