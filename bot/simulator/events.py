"""What Feishu posts to an app, before encryption: envelopes of events and of card callbacks. Pure."""

from __future__ import annotations

import secrets
from datetime import datetime

from bot.simulator.clock import microseconds, milliseconds
from bot.simulator.profiles import EMPLOYMENT, profile
from bot.simulator.state import App, Json, Message, Person
from bot.simulator.wire import compact
from bot.simulator.world import World

CARD_CLICK = "card.action.trigger"
MESSAGE = "im.message.receive_v1"
READ = "im.message.message_read_v1"
PERSON_LEFT = "contact.user.deleted_v3"
PERSON_UPDATED = "contact.user.updated_v3"
MENU = "application.bot.menu_v6"
CHAT_ENTERED = "im.chat.access_event.bot_p2p_chat_entered_v1"
BOT_ADDED = "im.chat.member.bot.added_v1"


def envelope(app: App, event_type: str, event: Json, at: datetime, event_id: str | None = None) -> Json:
    """Schema 2.0. The time is in microseconds for a card callback, in milliseconds for everything else."""
    return {
        "schema": "2.0",
        "header": {
            "event_id": event_id or secrets.token_hex(16),
            "event_type": event_type,
            "create_time": microseconds(at) if event_type == CARD_CLICK else milliseconds(at),
            "token": app.verification_token,
            "app_id": app.app_id,
            "tenant_key": app.tenant_key,
        },
        "event": event,
    }


def click(world: World, app: App, message: Message, person: Person, action: Json, token: str) -> Json:
    operator: Json = {"tenant_key": person.tenant_key, **world.ids(app, person)}
    if not operator["user_id"]:
        del operator["user_id"]
    context = {"open_message_id": message.message_id, "open_chat_id": message.chat.chat_id}
    return {"operator": operator, "token": token, "action": action, "host": "im_message", "context": context}


def message_received(world: World, app: App, message: Message, person: Person) -> Json:
    told: Json = {
        "message_id": message.message_id,
        "create_time": milliseconds(message.created_at),
        "update_time": milliseconds(message.updated_at),
        "chat_id": message.chat.chat_id,
        "chat_type": message.chat.kind,
        "message_type": message.msg_type,
        "content": compact(_without_locale(message)),
        "user_agent": "Mozilla/5.0 (Simulator) Feishu/7.70",
    }
    relation = message.relation
    told |= {key: value for key in ("root_id", "parent_id", "thread_id") if (value := getattr(relation, key))}
    if message.mentions:
        told["mentions"] = message.mentions
    sender = {"sender_id": world.ids(app, person), "sender_type": "user", "tenant_key": person.tenant_key}
    return {"sender": sender, "message": told}


def _without_locale(message: Message) -> Json:
    """A person's rich text arrives without the locale map (Feishu, "Receive messages")."""
    if message.msg_type != "post":
        return message.body
    first: Json = next(iter(message.body.values()))
    return {"title": "", **first}


def menu_pressed(world: World, app: App, person: Person, event_key: str, at: datetime) -> Json:
    operator = {"operator_name": person.name, "operator_id": world.ids(app, person)}
    return {"operator": operator, "event_key": event_key, "timestamp": int(at.timestamp())}


def chat_entered(world: World, app: App, person: Person, chat_id: str) -> Json:
    return {"chat_id": chat_id, "operator_id": world.ids(app, person), "last_message_id": ""}


def messages_read(world: World, app: App, person: Person, messages: list[Message], at: datetime) -> Json:
    reader = {"reader_id": world.ids(app, person), "read_time": milliseconds(at), "tenant_key": person.tenant_key}
    return {"reader": reader, "message_id_list": [message.message_id for message in messages]}


def person_changed(world: World, app: App, person: Person, old_status: Json) -> Json:
    """Of an account that was frozen, revived or deleted. `old_object` holds what was different before."""
    old: Json = {"open_id": world.open_id(app, person)} if person.resigned else {}
    if EMPLOYMENT in app.scopes:
        old["status"] = old_status
    return {"object": profile(world, app, person), "old_object": old}


def bot_added(world: World, app: App, person: Person, chat_id: str, name: str) -> Json:
    return {
        "chat_id": chat_id,
        "operator_id": world.ids(app, person),
        "external": False,
        "operator_tenant_key": person.tenant_key,
        "name": name,
    }


def mention(app: App, key: str) -> Json:
    """How a message names the bot that it calls."""
    return {
        "key": key,
        "id": {"union_id": "on_bot_" + app.app_id, "user_id": "", "open_id": app.bot_open_id},
        "name": app.name,
        "tenant_key": app.tenant_key,
    }
