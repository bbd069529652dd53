"""The endpoints around messages: tokens, people, the bot itself, slash commands."""

from __future__ import annotations

import re
import secrets

from bot.simulator.api_call import ID_TYPES, Call
from bot.simulator.errors import ApiError, bad_parameter
from bot.simulator.state import Json, Person

MAX_LOOKUPS = 50
MAX_SLASH_COMMANDS = 100
_COMMAND = re.compile(r"[a-z][a-z0-9_]*")


def token(call: Call) -> Json:
    """The same token while half an hour of it is left; `expire` is what remains, in seconds."""
    app_id, secret = call.body.get("app_id"), call.body.get("app_secret")
    if not isinstance(app_id, str) or not isinstance(secret, str):
        raise ApiError(10003, "invalid param")
    app = call.world.apps.get(app_id)
    if app is None:
        raise ApiError(10014, "app_id is invalid")
    if not secrets.compare_digest(app.app_secret.encode(), secret.encode(errors="replace")):
        raise ApiError(10015, "app secret invalid")
    issued = call.world.issue_token(app)
    remaining = int((issued.expires_at - call.world.clock.now()).total_seconds())
    return {"code": 0, "msg": "ok", "tenant_access_token": issued.text, "expire": remaining}


def bot(call: Call) -> Json:
    if not call.app.bot_enabled:
        raise ApiError(230006, "Bot ability is not activated.")
    told = {"activate_status": 2, "app_name": call.app.name, "avatar_url": "", "open_id": call.app.bot_open_id}
    return {"code": 0, "msg": "ok", "bot": told}


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
            return {"user_id": call.id_of(id_type, person), "email": email, "status": _status(person)}
    return {"email": email}


def _status(person: Person) -> Json:
    return {
        "is_frozen": False,
        "is_resigned": person.resigned,
        "is_activated": True,
        "is_exited": False,
        "is_unjoin": False,
    }


def user(call: Call) -> Json:
    person = call.person(call.query("user_id_type", ID_TYPES, "open_id"), call.path("user_id"))
    if not call.app.reaches(person):
        raise ApiError(41050, "no user authority error")
    told = {
        "open_id": call.world.open_id(call.app, person),
        "union_id": person.union_id,
        "name": person.name,
        "en_name": person.en_name,
        "email": person.email,
        "status": _status(person),
    }
    if "contact:user.employee_id:readonly" in call.app.scopes:
        told["user_id"] = person.user_id
    return {"code": 0, "msg": "success", "data": {"user": told}}


def add_slash_command(call: Call) -> Json:
    command, described = call.body.get("command"), call.body.get("description")
    if not isinstance(command, str) or not _COMMAND.fullmatch(command):
        raise bad_parameter("command: ^[a-z][a-z0-9_]*$, without the slash")
    if not isinstance(described, dict) or not isinstance(described.get("default_value"), str):
        raise bad_parameter("description.default_value is missing")
    if "icon" in call.body:
        raise ApiError(40000031, "icon is not simulated")
    registered = call.app.slash_commands
    if any(each["command"] == command for each in registered.values()):
        raise ApiError(40000000, f"command {command} exists")
    if len(registered) >= MAX_SLASH_COMMANDS:
        raise ApiError(40000000, f"at most {MAX_SLASH_COMMANDS} commands")
    command_id = secrets.token_hex(8)
    registered[command_id] = {"command_id": command_id, "command": command, "description": described}
    call.world.touch()
    return {"code": 0, "msg": "success", "data": {"command_id": command_id}}


def slash_commands(call: Call) -> Json:
    return {"code": 0, "msg": "success", "data": {"items": list(call.app.slash_commands.values())}}


def remove_slash_command(call: Call) -> Json:
    if call.app.slash_commands.pop(call.path("command_id"), None) is None:
        raise bad_parameter("no such command")
    call.world.touch()
    return {"code": 0, "msg": "success", "data": {}}
