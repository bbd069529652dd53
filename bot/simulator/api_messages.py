"""The endpoints of messages: send, reply, replace, recall, buzz, and who has read."""

from __future__ import annotations

from datetime import timedelta

from bot.simulator.api_call import ID_TYPES, Call
from bot.simulator.clock import milliseconds
from bot.simulator.content import card_refusal, content_refusal
from bot.simulator.errors import ApiError, bad_parameter
from bot.simulator.rules import schema_of
from bot.simulator.simulator import CARD_LIFE
from bot.simulator.state import ALONE, App, Buzz, Chat, Json, Message, Person, Relation, UpdateTicket
from bot.simulator.wire import NotJson, compact, parse_object
from bot.simulator.world import answer_to, message_facts

UUID_LIFE = timedelta(hours=1)
READ_LIFE = timedelta(days=7)
MOST_UNREAD_BUZZES = 200
MAX_UUID = 50
RESIGNED = 230029
_RECEIVER_TYPES = ("open_id", "user_id", "union_id", "email", "chat_id")
_MSG_TYPES = ("text", "post", "interactive")


def send(call: Call) -> Json:
    id_type = call.query("receive_id_type", _RECEIVER_TYPES)
    call.only("receive_id", "msg_type", "content", "uuid")
    chat = _chat(call, id_type, call.text("receive_id"))
    return _deliver(call, chat, f"send/{chat.chat_id}")


def reply(call: Call) -> Json:
    call.only("msg_type", "content", "uuid", "reply_in_thread")
    answered = _message(call)
    chat = answered.chat
    if call.app not in chat.apps:
        raise ApiError(230002, "Bot/User can NOT be out of the chat.")
    _alive(answered)
    in_thread = call.body.get("reply_in_thread", False)
    if not isinstance(in_thread, bool):
        raise bad_parameter("reply_in_thread must be a boolean")
    _reachable(call.app, chat)
    return _deliver(call, chat, f"reply/{answered.message_id}", answer_to(answered, in_thread=in_thread))


def patch(call: Call) -> Json:
    call.only("content")
    message = _own_card(call)
    call.simulator.rates.to_message(message.message_id)
    if call.world.clock.now() - message.created_at > CARD_LIFE:
        raise ApiError(230031, "The message exceeds the update time limit of 14 days.")
    content = call.body.get("content")
    if not isinstance(content, str):
        raise bad_parameter("content must be a JSON string, not an object")
    card = _card_object(content)
    if schema_of(card) != schema_of(message.card):
        raise ApiError(
            230099, "Failed to create card content, ext=ErrCode: 200800; ErrMsg: schemaV2 card can not change schemaV1"
        )
    if refusal := card_refusal(content, call.knows_person()):
        raise refusal
    if card.get("config", {}).get("update_multi") is not True:
        raise ApiError(230099, "Failed to create card content, ext=ErrCode: 200621; ErrMsg: update_multi must be true")
    call.world.replace_card(message, card)
    return _success({})


def get(call: Call) -> Json:
    message = _message(call)
    if call.app not in message.chat.apps:
        raise ApiError(230002, "Bot/User can NOT be out of the chat.")
    return _success({"items": [message_facts(message)]})


def recall(call: Call) -> Json:
    message = _own(call)
    _alive(message)
    message.recalled = True
    call.world.touch()
    return _success({})


def urgent_app(call: Call) -> Json:
    return _urgent(call, "urgent_app")


def urgent_sms(call: Call) -> Json:
    return _urgent(call, "urgent_sms")


def urgent_phone(call: Call) -> Json:
    return _urgent(call, "urgent_phone")


def _urgent(call: Call, how: str) -> Json:
    """Only for the bot's own messages; nobody is called while 200 buzzes are unread, and the tenant has a quota.

    Feishu, "Buzz": ids that mean nobody in the chat come back, and the others are called; with none left it is 230001.
    """
    id_type = call.query("user_id_type", ID_TYPES)
    call.only("user_id_list")
    message = _own(call)
    _alive(message)
    _reachable_still(call.app, message.chat)
    wanted = call.body.get("user_id_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= 200:
        raise bad_parameter("user_id_list has 1 to 200 ids")
    if not all(isinstance(each, str) for each in wanted):
        raise bad_parameter("user_id_list holds texts")
    people = {each: _person_or_none(call, id_type, each) for each in wanted}
    called = [person for person in people.values() if person is not None and person in message.chat.people]
    if not called:
        raise bad_parameter("no id of user_id_list is valid")
    if any(_unread_buzzes(call, person) >= MOST_UNREAD_BUZZES for person in called):
        raise ApiError(230023, "The number of unread urgent messages of the user exceeds the limit.")
    left = call.app.buzzes_left.get(how)
    if left is not None and left < len(called):
        raise ApiError(230024, "Reach the upper limit of urgent message.")
    if left is not None:
        call.app.buzzes_left[how] = left - len(called)
    now = call.world.clock.now()
    message.buzzes += [Buzz(person, how, now) for person in called]
    call.world.touch()
    known = {each for each, person in people.items() if person in called}
    return _success({"invalid_user_id_list": [each for each in wanted if each not in known]})


def _unread_buzzes(call: Call, person: Person) -> int:
    messages = call.world.messages.values()
    return sum(person.key not in each.read_by and person in each.buzzed for each in messages)


def read_users(call: Call) -> Json:
    """Of the bot's own messages of the last 7 days, in pages; the sender is not among the readers (Feishu)."""
    id_type = call.query("user_id_type", ID_TYPES)
    size, start = _page(call)
    message = _own(call)
    _alive(message)
    _reachable_still(call.app, message.chat)
    if call.world.clock.now() - message.created_at > READ_LIFE:
        raise ApiError(230033, "Get the reading status must be done within 7 days after the message is sent.")
    readers = list(message.read_by.items())
    items = [
        {
            "user_id_type": id_type,
            "user_id": call.id_of(id_type, call.world.people[key]),
            "timestamp": milliseconds(at),
            "tenant_key": call.world.people[key].tenant_key,
        }
        for key, at in readers[start : start + size]
    ]
    more = start + size < len(readers)
    return _success({"items": items, "has_more": more} | ({"page_token": str(start + size)} if more else {}))


def _page(call: Call) -> tuple[int, int]:
    size, token = call.request.query.get("page_size", "20"), call.request.query.get("page_token", "0")
    if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= 100:
        raise bad_parameter("page_size is 1 to 100")
    if not token.isascii() or not token.isdigit():
        raise bad_parameter("page_token is not one of ours")
    return int(size), int(token)


def card_update(call: Call) -> Json:
    """The delayed update with the token of a click: for half an hour, twice, after the callback was answered."""
    if not isinstance(call.body.get("card"), dict):
        raise ApiError(10002, "card must be an object")
    card: Json = call.body["card"]
    ticket = _ticket(call)
    content = compact(card)
    if schema_of(card) != schema_of(ticket.message.card):
        raise ApiError(11311, "the schema of the card cannot change")
    if refusal := card_refusal(content, call.knows_person()):
        raise ApiError(100000 if refusal.code == 230025 else 11311, refusal.msg)
    ticket.uses_left -= 1
    call.world.replace_card(ticket.message, card)
    return {"code": 0, "msg": "ok"}


def _ticket(call: Call) -> UpdateTicket:
    text = call.body.get("token")
    if not isinstance(text, str) or not text.startswith("c-"):
        raise ApiError(300020, "token is malformed")
    ticket = call.world.tickets.get(text)
    if ticket is None:
        raise ApiError(300020, "token is unknown")
    if ticket.app is not call.app:
        raise ApiError(200310, "the card was sent by another app")
    if ticket.expires_at <= call.world.clock.now():
        raise ApiError(300030, "token expired")
    if ticket.uses_left <= 0:
        raise ApiError(300040, "token used too often")
    if not ticket.answered:
        raise ApiError(10002, "the callback has not been answered yet")
    if ticket.message.recalled or ticket.message.deleted:
        raise ApiError(200000, "the message was recalled")
    return ticket


def _deliver(call: Call, chat: Chat, scope: str, relation: Relation = ALONE) -> Json:
    """The new message's answer, or the first one's when the uuid has been used within the hour."""
    uuid = call.text("uuid", most=MAX_UUID, default="")
    msg_type = call.text("msg_type")
    if msg_type not in _MSG_TYPES:
        raise bad_parameter(f"msg_type {msg_type} is not simulated")
    receiver = chat.people[0].union_id + call.app.app_id if chat.kind == "p2p" else chat.chat_id
    call.simulator.rates.to_receiver(receiver)
    if refusal := content_refusal(msg_type, call.body.get("content"), call.knows_person()):
        raise refusal
    earlier = _sent_before(call, scope, uuid)
    if earlier is None:
        content = call.text("content")
        message = call.world.add_message(chat, call.app, msg_type, content, relation)
        call.simulator.sent[(call.app.app_id, scope, uuid)] = message
    else:
        message = earlier
    return _success(message_facts(message))


def _sent_before(call: Call, scope: str, uuid: str) -> Message | None:
    message = call.simulator.sent.get((call.app.app_id, scope, uuid)) if uuid else None
    if message is None or call.world.clock.now() - message.created_at >= UUID_LIFE:
        return None
    return message


def _chat(call: Call, id_type: str, receive_id: str) -> Chat:
    """Where a message to this receiver lands; refuses the receivers that Feishu refuses."""
    if not call.app.bot_enabled:
        raise ApiError(230006, "Bot ability is not activated.")
    if id_type == "chat_id":
        chat = call.world.chats.get(receive_id)
        if chat is None:
            raise ApiError(230034, "The receive_id is invalid.")
    else:
        chat = call.world.p2p(call.app, _receiver(call, id_type, receive_id))
    _reachable(call.app, chat)
    return chat


def _receiver(call: Call, id_type: str, receive_id: str) -> Person:
    if id_type != "email":
        person = call.person(id_type, receive_id)
    else:
        found = (each for each in call.world.people.values() if each.email.lower() == receive_id.lower())
        known = next(found, None)
        if known is None:
            raise ApiError(230034, "The receive_id is invalid.")
        person = known
    _available(call.app, person)
    return person


def _available(app: App, person: Person) -> None:
    if person.tenant_key != app.tenant_key:
        raise ApiError(230038, "Cross tenant p2p chat operate forbid.")
    if person.resigned:
        raise ApiError(RESIGNED, "User has resigned.")
    if not app.reaches(person):
        raise ApiError(230013, "Bot has NO availability to this user.")
    if person.stopped_bots:
        raise ApiError(230053, "The user has stopped the bot from sending messages.")


def _reachable(app: App, chat: Chat) -> None:
    if not app.bot_enabled:
        raise ApiError(230006, "Bot ability is not activated.")
    if chat.dissolved:
        raise ApiError(232009, "The chat has been dissolved.")
    if app not in chat.apps:
        raise ApiError(230002, "Bot/User can NOT be out of the chat.")
    if chat.kind == "p2p":
        _available(app, chat.people[0])


def _reachable_still(app: App, chat: Chat) -> None:
    """As `_reachable`, for a message that is there already: who has left is here not available (230013, not 230029)."""
    try:
        _reachable(app, chat)
    except ApiError as refusal:
        if refusal.code == RESIGNED:
            raise ApiError(230013, "Bot has NO availability to this user.") from None
        raise


def _message(call: Call) -> Message:
    message = call.world.messages.get(call.path("message_id"))
    if message is None:
        raise bad_parameter("message_id is invalid")
    return message


def _own(call: Call) -> Message:
    message = _message(call)
    if message.sender is not call.app:
        raise ApiError(230012, "The message is NOT sent by this bot.")
    return message


def _own_card(call: Call) -> Message:
    message = _own(call)
    _alive(message)
    if message.msg_type != "interactive":
        raise bad_parameter("This message is NOT a card.")
    _reachable(call.app, message.chat)
    return message


def _alive(message: Message) -> None:
    if message.recalled:
        raise ApiError(230011, "The message was recalled.")
    if message.deleted:
        raise ApiError(230110, "The message was deleted.")


def _card_object(content: str) -> Json:
    try:
        return parse_object(content)
    except NotJson:
        raise ApiError(
            230099, "Failed to create card content, ext=ErrCode: 200621; ErrMsg: parse card json err"
        ) from None


def _person_or_none(call: Call, id_type: str, value: object) -> Person | None:
    try:
        return call.person(id_type, value)
    except ApiError:
        return None


def _success(payload: Json) -> Json:
    return {"code": 0, "msg": "success", "data": payload}
