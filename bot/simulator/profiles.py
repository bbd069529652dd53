"""What the company's directory tells an app of a person: field by field, each with the scope it needs. Pure.

Feishu, "Get user" (contact/v3 users/:user_id) and the events contact.user.deleted_v3 and updated_v3: a field without
its scope is left out. `time_zone` is in Feishu's client libraries but not in its documentation; the narrower reading
puts it behind the scope of the other facts of an employment.
"""

from __future__ import annotations

from bot.simulator.state import App, Json, Person
from bot.simulator.world import World

DIRECTORY = "contact:contact.base:readonly"
"""To call the endpoint, and to be told of changes, at all."""
NAME = "contact:user.base:readonly"
EMAIL = "contact:user.email:readonly"
EMPLOYMENT = "contact:user.employee:readonly"
DEPARTMENT = "contact:user.department:readonly"


def profile(world: World, app: App, person: Person) -> Json:
    """Without the leader, whose id is of the type that was asked for."""
    told: Json = {key: value for key, value in world.ids(app, person).items() if value}
    if NAME in app.scopes:
        told |= {"name": person.name, "en_name": person.en_name}
    if EMAIL in app.scopes:
        told["email"] = person.email
    if EMPLOYMENT in app.scopes:
        told["status"] = status(person)
        if person.time_zone is not None:
            told["time_zone"] = person.time_zone
    return told


def status(person: Person) -> Json:
    return {
        "is_frozen": person.frozen,
        "is_resigned": person.resigned,
        "is_activated": not person.resigned,
        "is_exited": False,
        "is_unjoin": False,
    }
