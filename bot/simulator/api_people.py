"""The endpoints of the company's directory: ids by e-mail address, and one person's profile."""

from __future__ import annotations

from bot.simulator.api_call import ID_TYPES, Call
from bot.simulator.errors import ApiError, bad_parameter
from bot.simulator.profiles import DEPARTMENT, profile, status
from bot.simulator.state import Json, Person

MAX_LOOKUPS = 50
_DEPARTMENT_ID_TYPES = ("open_department_id", "department_id")
_UNKNOWN_ID = 99992351


def batch_get_id(call: Call) -> Json:
    """Ids by login e-mail; whoever is unknown, or not visible to the app, comes without an id."""
    id_type = call.query("user_id_type", ID_TYPES, "open_id")
    call.only("emails", "mobiles", "include_resigned")
    emails, mobiles = call.body.get("emails", []), call.body.get("mobiles", [])
    if not isinstance(emails, list) or not isinstance(mobiles, list):
        raise bad_parameter("emails and mobiles are lists")
    if not (emails or mobiles) or max(len(emails), len(mobiles)) > MAX_LOOKUPS:
        raise bad_parameter(f"1 to {MAX_LOOKUPS} emails or mobiles are expected")
    resigned_too = call.body.get("include_resigned", False) is True
    found = [_lookup(call, id_type, email, resigned_too) for email in emails]
    return {"code": 0, "msg": "success", "data": {"user_list": found + [{"mobile": each} for each in mobiles]}}


def _lookup(call: Call, id_type: str, email: object, resigned_too: bool) -> Json:
    for person in call.world.people.values():
        seen = call.app.reaches(person) and (resigned_too or not person.resigned)
        if isinstance(email, str) and person.email.lower() == email.lower() and seen:
            return {"user_id": call.id_of(id_type, person), "email": email, "status": status(person)}
    return {"email": email}


def user(call: Call) -> Json:
    """One person, as far as the app's scopes go; 41050 for whom the app may not see."""
    id_type = call.query("user_id_type", ID_TYPES, "open_id")
    call.query("department_id_type", _DEPARTMENT_ID_TYPES, "open_department_id")
    person = _person(call, id_type)
    if not call.app.reaches(person):
        raise ApiError(41050, "no user authority error")
    told = profile(call.world, call.app, person)
    if person.leader is not None and DEPARTMENT in call.app.scopes:
        told["leader_user_id"] = call.id_of(id_type, person.leader)
    return {"code": 0, "msg": "success", "data": {"user": told}}


def _person(call: Call, id_type: str) -> Person:
    """The directory has its own number for an id that means nobody; ids of other apps stop at the gateway."""
    try:
        return call.person(id_type, call.path("user_id"))
    except ApiError as refusal:
        if refusal.code == _UNKNOWN_ID:
            raise ApiError(41012, "user id invalid error") from None
        raise
