"""Authentic envelopes become values. Pure; trusts that the caller has established who sent the envelope.

An authentic shape that we do not know or cannot read is an UnhandledEvent, never an exception: Feishu repeats what is
not answered with 200, four times in seven hours. Shapes: open.feishu.cn, the page of each event.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.feishu.message_text import mentions_in, text_in
from bot.feishu.replies import employment_in
from bot.feishu.timestamps import instant
from bot.foreign_json import NotJson, parse_object
from models.enums import Employment
from models.values import (
    CardClick,
    ChatMessage,
    InboundEvent,
    Json,
    JsonObject,
    MenuPress,
    MessagesRead,
    PersonChanged,
    PersonIds,
    UnhandledEvent,
)

CARD_CLICK = "card.action.trigger"
MESSAGE = "im.message.receive_v1"
MENU = "application.bot.menu_v6"
READ = "im.message.message_read_v1"
LEFT = "contact.user.deleted_v3"
UPDATED = "contact.user.updated_v3"
ENTERED = "im.chat.access_event.bot_p2p_chat_entered_v1"

ID_LIMIT = 80
"""Characters of a message id that are looked at: the width of our column, beyond which the ORM refuses to look."""

MOST_READ = 500  # messages of one event that are looked at


class _Malformed(Exception):
    """A member that the event cannot be understood without is absent or of another type."""


def header_of(envelope: JsonObject) -> JsonObject:
    """The header of a schema 2.0 envelope; what stands for it in schema 1.0 (top level and `event`)."""
    if envelope.get("schema") == "2.0":
        return _object(envelope, "header")
    event = _object(envelope, "event")
    return {
        "event_id": envelope.get("uuid"),
        "event_type": event.get("type"),
        "token": envelope.get("token"),
        "app_id": event.get("app_id"),
        "create_time": envelope.get("ts"),
    }


def decode_plain(envelope: JsonObject, app_id: str) -> InboundEvent:
    """The event in an envelope whose sender is already known, as on the long connection."""
    header = header_of(envelope)
    event_type = _text(header, "event_type") or ""
    if envelope.get("schema") == "2.0" and header.get("app_id") == app_id and event_type in _BUILDERS:
        try:
            return _BUILDERS[event_type](header, _object(envelope, "event"), app_id)
        except _Malformed:
            pass
    return UnhandledEvent(_text(header, "event_id") or "", app_id, event_type)


def _card_click(header: JsonObject, event: JsonObject, app_id: str) -> CardClick:
    action, context = _object(event, "action"), _object(event, "context")
    operator = _object(event, "operator")
    return CardClick(
        event_id=_required(header, "event_id"),
        app_id=app_id,
        operator=_person(operator, _text(operator, "tenant_key")),
        message_id=_short(_text(context, "open_message_id")),
        chat_id=_text(context, "open_chat_id"),
        value=_carried(action.get("value")),
        name=_text(action, "name"),
        form=_object(action, "form_value"),
        at=instant(header.get("create_time")),
        company=_text(header, "tenant_key"),
    )


def _chat_message(header: JsonObject, event: JsonObject, app_id: str) -> ChatMessage:
    sender, message = _object(event, "sender"), _object(event, "message")
    if sender.get("sender_type") != "user":  # another bot, or ourselves: answering would loop
        raise _Malformed
    at = instant(message.get("create_time")) or instant(header.get("create_time"))
    if at is None:
        raise _Malformed
    message_id = _required(message, "message_id")
    return ChatMessage(
        event_id=message_id,  # Feishu: event_id does not identify a repeated message event, message_id does
        app_id=app_id,
        sender=_person(_object(sender, "sender_id"), _text(sender, "tenant_key")),
        message_id=message_id,
        chat_id=_required(message, "chat_id"),
        is_group=message.get("chat_type") != "p2p",
        text=text_in(message.get("message_type"), message.get("content")),
        mentions=mentions_in(message.get("mentions")),
        at=at,
        company=_text(header, "tenant_key"),
    )


def _menu_press(header: JsonObject, event: JsonObject, app_id: str) -> MenuPress:
    return _pressed(header, event, app_id, key=_required(event, "event_key"), at=event.get("timestamp"))


def _entered(header: JsonObject, event: JsonObject, app_id: str) -> MenuPress:
    return _pressed(header, event, app_id, key="entered", at=None)


def _pressed(header: JsonObject, event: JsonObject, app_id: str, *, key: str, at: Json) -> MenuPress:
    moment = instant(at) or instant(header.get("create_time"))
    if moment is None:
        raise _Malformed
    # These events name no tenant of the operator: the bot's p2p chat belongs to the tenant in the header.
    operator = _person(_object(event, "operator_id") or _menu_operator(event), _text(header, "tenant_key"))
    return MenuPress(_required(header, "event_id"), app_id, operator, key, moment)


def _menu_operator(event: JsonObject) -> JsonObject:
    return _object(_object(event, "operator"), "operator_id")


def _messages_read(header: JsonObject, event: JsonObject, app_id: str) -> MessagesRead:
    reader = _object(event, "reader")
    at = instant(reader.get("read_time")) or instant(header.get("create_time"))
    ids = event.get("message_id_list")
    if at is None or not isinstance(ids, list):
        raise _Malformed
    told = tuple(one for one in ids if isinstance(one, str) and 0 < len(one) <= ID_LIMIT and "\0" not in one)
    person = _person(_object(reader, "reader_id"), _text(reader, "tenant_key") or _text(header, "tenant_key"))
    return MessagesRead(_required(header, "event_id"), app_id, person, told[:MOST_READ], at)


def _person_deleted(header: JsonObject, event: JsonObject, app_id: str) -> PersonChanged:
    return _person_changed(header, event, app_id, gone=True)


def _person_updated(header: JsonObject, event: JsonObject, app_id: str) -> PersonChanged:
    return _person_changed(header, event, app_id, gone=False)


def _person_changed(header: JsonObject, event: JsonObject, app_id: str, *, gone: bool) -> PersonChanged:
    told = _object(event, "object")
    at = instant(header.get("create_time"))
    if at is None:
        raise _Malformed
    if not gone and not isinstance(told.get("status"), dict):  # renamed, moved: nothing that concerns us
        raise _Malformed
    employment = Employment.LEFT if gone else employment_in(told.get("status"))
    person = _person(told, _text(header, "tenant_key"))
    return PersonChanged(_required(header, "event_id"), app_id, person, employment, at)


_BUILDERS: dict[str, Callable[[JsonObject, JsonObject, str], InboundEvent]] = {
    CARD_CLICK: _card_click,
    MESSAGE: _chat_message,
    MENU: _menu_press,
    ENTERED: _entered,
    READ: _messages_read,
    LEFT: _person_deleted,
    UPDATED: _person_updated,
}


def _person(ids: JsonObject, tenant_key: str | None) -> PersonIds:
    person = PersonIds(_text(ids, "open_id"), _text(ids, "union_id"), _text(ids, "user_id"), tenant_key)
    if person.open_id is None and person.union_id is None and person.user_id is None:
        raise _Malformed
    return person


def _carried(value: Json) -> JsonObject:
    """What the button carried. Some clients deliver the object as JSON text."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        try:
            return parse_object(value)
        except NotJson:
            pass
    return {}


def _object(parent: JsonObject, key: str) -> JsonObject:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _text(parent: JsonObject, key: str) -> str | None:
    value = parent.get(key)
    return value if isinstance(value, str) and value else None


def _short(text: str | None) -> str | None:
    """An id that may be one of ours."""
    return text if text is not None and len(text) <= ID_LIMIT and "\0" not in text else None


def _required(parent: JsonObject, key: str) -> str:
    value = _text(parent, key)
    if value is None:
        raise _Malformed
    return value
