"""The endpoints around messages: tokens, the bot itself and its place in the list of chats, slash commands."""

from __future__ import annotations

import re
import secrets

from bot.simulator.api_call import ID_TYPES, Call
from bot.simulator.errors import ApiError, bad_parameter
from bot.simulator.state import Json, Person

MAX_SLASH_COMMANDS = 100
MAX_PINS = 50
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


def pin_bot(call: Call) -> Json:
    """The bot's chat on top of these people's, or no longer; whom the bot does not reach comes back with a reason."""
    id_type = call.query("user_id_type", ID_TYPES)
    call.only("time_sensitive", "user_ids")
    pinned, wanted = call.body.get("time_sensitive"), call.body.get("user_ids")
    if not isinstance(pinned, bool):
        raise bad_parameter("time_sensitive must be a boolean")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MAX_PINS:
        raise bad_parameter(f"user_ids has 1 to {MAX_PINS} ids")
    failed = []
    for each in wanted:
        try:
            _pin(call, call.person(id_type, each), pinned)
        except ApiError as refusal:
            failed.append({"user_id": each, "error_code": refusal.code, "error_message": refusal.msg})
    call.world.touch()
    return {"code": 0, "msg": "success", "data": {"failed_user_reasons": failed}}


def _pin(call: Call, person: Person, pinned: bool) -> None:
    if not call.app.reaches(person) or person.resigned or person.stopped_bots:
        raise ApiError(230013, "Bot has NO availability to this user.")
    if pinned:
        call.app.pinned.add(person.key)
    else:
        call.app.pinned.discard(person.key)


def _described(call: Call) -> tuple[str, Json]:
    """The command and its description, as registered."""
    call.only("command", "description", "icon")
    command, described = call.body.get("command"), call.body.get("description")
    if not isinstance(command, str) or not _COMMAND.fullmatch(command):
        raise bad_parameter("command: ^[a-z][a-z0-9_]*$, without the slash")
    if not isinstance(described, dict) or not isinstance(described.get("default_value"), str):
        raise bad_parameter("description.default_value is missing")
    words = described.get("i18n", {})
    if not isinstance(words, dict) or not all(isinstance(each, str) for each in words.values()):
        raise bad_parameter("description.i18n maps languages to texts")
    if "icon" in call.body:
        raise ApiError(40000031, "icon is not simulated")
    return command, described


def change_slash_command(call: Call) -> Json:
    command, described = _described(call)
    known = call.app.slash_commands.get(call.path("command_id"))
    if known is None:
        raise bad_parameter("no such command")
    if any(each["command"] == command for each in call.app.slash_commands.values() if each is not known):
        raise ApiError(40000000, f"command {command} exists")
    known |= {"command": command, "description": described}
    call.world.touch()
    return {"code": 0, "msg": "success", "data": {}}


def add_slash_command(call: Call) -> Json:
    command, described = _described(call)
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
