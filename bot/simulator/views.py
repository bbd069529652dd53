"""The world as the page draws it: plain JSON."""

from __future__ import annotations

from bot.simulator.clock import milliseconds
from bot.simulator.presses import controls
from bot.simulator.simulator import Simulator
from bot.simulator.state import App, Chat, Json, Message, Person
from bot.simulator.world import World


def state(simulator: Simulator) -> Json:
    world = simulator.world
    return {
        "version": world.version,
        "now": world.clock.now().isoformat(),
        "apps": [_app(app) for app in world.apps.values()],
        "people": [_person(world, person) for person in world.people.values()],
        "chats": [_chat(world, chat) for chat in world.chats.values()],
        "faults": [fault.facts() for fault in simulator.faults.faults],
        "events": [
            {
                "event_id": push.event_id,
                "event_type": push.event_type,
                "attempts": len(push.attempts),
                "delivered": push.delivered,
                "due_at": push.due_at.isoformat() if push.due_at else None,
            }
            for push in simulator.courier.pushes[-50:]
        ],
    }


def _app(app: App) -> Json:
    commands = [
        {"command": each["command"], "description": each["description"]} for each in app.slash_commands.values()
    ]
    return {"app_id": app.app_id, "name": app.name, "connected": app.callback_url is not None, "commands": commands}


def _person(world: World, person: Person) -> Json:
    return {
        "key": person.key,
        "name": person.name,
        "en_name": person.en_name,
        "email": person.email,
        "language": person.language,
        "frozen": person.frozen,
        "resigned": person.resigned,
        "stopped_bots": person.stopped_bots,
        "leader": person.leader.key if person.leader else None,
        "time_zone": person.time_zone,
        "pinned": [app.app_id for app in world.apps.values() if person.key in app.pinned],
        "open_ids": {app.app_id: world.open_id(app, person) for app in world.apps.values()},
    }


def _chat(world: World, chat: Chat) -> Json:
    return {
        "chat_id": chat.chat_id,
        "kind": chat.kind,
        "name": chat.name,
        "people": [person.key for person in chat.people],
        "apps": [app.app_id for app in chat.apps],
        "messages": [_message(world, message) for message in world.messages_in(chat)],
    }


def _message(world: World, message: Message) -> Json:
    sender = message.sender
    told: Json = {
        "message_id": message.message_id,
        "sender": {"kind": "app", "id": sender.app_id}
        if isinstance(sender, App)
        else {"kind": "person", "id": sender.key},
        "type": message.msg_type,
        "version": message.version,
        "at": milliseconds(message.created_at),
        "gone": message.recalled or message.deleted,
        "reply_to": message.relation.parent_id,
        "thread": message.relation.thread_id,
        "buzzes": [
            {"person": buzz.person.key, "how": buzz.how, "at": milliseconds(buzz.at)} for buzz in message.buzzes
        ],
        "read_by": {key: milliseconds(at) for key, at in message.read_by.items()},
        "mentions": message.mentions,
    }
    if not told["gone"]:
        told["body"] = message.body
        if message.msg_type == "interactive":
            told["controls"] = {each.path: each.name for each in controls(message.card)}
    return told
