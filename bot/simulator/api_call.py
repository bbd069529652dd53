"""One authorised call of the Open API, and how its parameters are read: strictly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.simulator.errors import ApiError, bad_parameter, scope_missing
from bot.simulator.simulator import Simulator
from bot.simulator.state import App, Json, Person
from bot.simulator.world import World

ID_TYPES = ("open_id", "union_id", "user_id")


@dataclass(frozen=True, slots=True)
class Call:
    simulator: Simulator
    caller: App | None
    request: web.Request
    body: Json

    @property
    def world(self) -> World:
        return self.simulator.world

    @property
    def app(self) -> App:
        if self.caller is None:
            raise RuntimeError("an endpoint without a token has no app")
        return self.caller

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    def only(self, *names: str) -> None:
        """No other fields in the body: Feishu ignores them, which hides misspellings."""
        if unknown := set(self.body) - set(names):
            raise bad_parameter(f"unknown field {sorted(unknown)[0]}")

    def text(self, name: str, *, most: int = 1_000_000, default: str | None = None) -> str:
        value = self.body.get(name, default)
        if not isinstance(value, str) or len(value) > most or (value == "" and default is None):
            raise bad_parameter(f"{name} must be a text of 1 to {most} characters")
        return value

    def query(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.request.query.get(name, default)
        if value is None or value not in allowed:
            raise bad_parameter(f"query parameter {name} must be one of {', '.join(allowed)}")
        return value

    def knows_person(self) -> Callable[[str], bool]:
        return lambda open_id: self.world.by_open_id(self.app, open_id) is not None

    def person(self, id_type: str, value: Any) -> Person:
        """Whom an id means, for this app."""
        if not isinstance(value, str) or not value:
            raise bad_parameter(f"{id_type} must be a text")
        app, world = self.app, self.world
        match id_type:
            case "open_id":
                person = world.by_open_id(app, value)
                if person is None and world.open_id_of_other_app(app, value):
                    raise ApiError(99992361, "open_id cross app")
            case "union_id":
                person = _first(world, lambda each: each.union_id == value)
            case _:
                person = _first(world, lambda each: each.user_id == value)
                if person is not None and person.tenant_key != app.tenant_key:
                    raise ApiError(99992364, "user_id cross tenant")
        if person is None:
            raise ApiError(99992351, f"not a valid {{{id_type}}}: {value}")
        return person

    def id_of(self, id_type: str, person: Person) -> str:
        match id_type:
            case "open_id":
                return self.world.open_id(self.app, person)
            case "union_id":
                return person.union_id
            case _:
                if "contact:user.employee_id:readonly" not in self.app.scopes:
                    raise scope_missing(("contact:user.employee_id:readonly",))
                return person.user_id


def _first(world: World, fits: Callable[[Person], bool]) -> Person | None:
    return next((each for each in world.people.values() if fits(each)), None)
