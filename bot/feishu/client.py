"""Feishu's Open API as the gateway of bot.ports: one connection pool, one token per app, limits kept, faults named."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

import aiohttp

from bot.feishu.errors import TOKEN_REJECTED, is_rate_limit
from bot.feishu.limits import RateLimits
from bot.feishu.replies import data_of, items_in, next_page, profile_in, receipts_in, text_of, texts_of
from bot.feishu.tokens import TokenCache
from bot.feishu.transport import Call, Transport
from bot.ports import (
    BotIdentity,
    FeishuFault,
    FeishuMisconfigured,
    FeishuUnavailable,
    MessageGone,
    OutgoingMessage,
    PayloadRefused,
    Profile,
    ReadReceipt,
    Receiver,
    ReceiverRefused,
    SentMessage,
    SlashCommand,
    TextMessage,
)
from bot.secrecy.box import SealBroken
from models.enums import Nudge
from models.values import AppCredentials, Json, JsonObject

_TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"  # noqa: S105 - a path
_MESSAGES = "/open-apis/im/v1/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_EMAILS = "/open-apis/contact/v3/users/batch_get_id"
_PERSON = "/open-apis/contact/v3/users/{open_id}"
_BOT = "/open-apis/bot/v3/info"
_PIN = "/open-apis/im/v2/feed_cards/bot_time_sentive"
_COMMANDS = "/open-apis/application/v7/app_slash_commands"
_COMMAND = _COMMANDS + "/{command_id}"
_EMAILS_PER_CALL = 50
_MOST_READERS = 500  # of one message; ours stand in private chats
_URGENT = (Nudge.URGENT_APP, Nudge.URGENT_SMS, Nudge.URGENT_PHONE)
_TOKEN_TEXT = re.compile(r"[!-~]+")


class FeishuClient:
    """Implements bot.ports.FeishuGateway. Every call ends, at worst after two tries."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credentials: Callable[[str], Awaitable[AppCredentials]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: float = 10.0,
    ) -> None:
        """`credentials` finds an app by its id, LookupError if there is none. The session stays the caller's."""
        self._credentials = credentials
        self._transport = Transport(session, timeout)
        self._limits = RateLimits(monotonic, sleep)
        self._tokens = TokenCache(self._fetch_token, monotonic)

    async def close(self) -> None:
        """Ends background work; call before closing the session."""
        await self._tokens.close()

    async def send(self, app_id: str, to: Receiver, message: OutgoingMessage, *, uuid: str) -> SentMessage:
        body: JsonObject = {"receive_id": to.id, **_content(message), "uuid": uuid}
        call = Call("POST", _MESSAGES, _MESSAGES, body, {"receive_id_type": to.type.value})
        return _sent(await self._message_call(app_id, call, f"{to.type.value}:{to.id}"))

    async def reply(
        self, app_id: str, message_id: str, message: OutgoingMessage, *, uuid: str, in_thread: bool = False
    ) -> SentMessage:
        body: JsonObject = {**_content(message), "reply_in_thread": in_thread, "uuid": uuid}
        call = Call("POST", _MESSAGE + "/reply", _of_message(message_id) + "/reply", body)
        return _sent(await self._message_call(app_id, call, message_id))

    async def patch_card(self, app_id: str, message_id: str, card: JsonObject) -> None:
        call = Call("PATCH", _MESSAGE, _of_message(message_id), {"content": _json(card)})
        try:
            await self._message_call(app_id, call, message_id)
        except ReceiverRefused as refused:  # whoever cannot be reached has no card that could be changed
            raise MessageGone(str(refused), code=refused.code, log_id=refused.log_id) from refused

    async def open_ids_by_email(self, app_id: str, emails: list[str]) -> dict[str, str]:
        spelt = {email.casefold(): email for email in emails}
        found: dict[str, str] = {}
        for start in range(0, len(spelt), _EMAILS_PER_CALL):
            part = list(spelt.values())[start : start + _EMAILS_PER_CALL]
            found |= {spelt[key]: open_id for key, open_id in await self._look_up(app_id, part) if key in spelt}
        return found

    async def name(self, app_id: str, open_id: str) -> str | None:
        profile = await self.profile(app_id, open_id)
        return profile.name if profile else None

    async def bot(self, app_id: str) -> BotIdentity:
        body = await self._call(app_id, Call("GET", _BOT, _BOT))
        bot = body.get("bot")  # not under `data`
        return BotIdentity(open_id=_member(bot, "open_id"), name=_member(bot, "app_name"))

    async def urgent(self, app_id: str, message_id: str, open_ids: list[str], how: Nudge) -> list[str]:
        if how not in _URGENT:
            raise ValueError(f"{how} is no buzz")
        path, query = f"{_of_message(message_id)}/{how.value}", {"user_id_type": "open_id"}
        call = Call("PATCH", f"{_MESSAGE}/{how.value}", path, {"user_id_list": [*open_ids]}, query)
        return texts_of(data_of(await self._message_call(app_id, call, message_id)), "invalid_user_id_list")

    async def pin_bot(self, app_id: str, open_ids: list[str], *, pinned: bool) -> None:
        body: JsonObject = {"time_sensitive": pinned, "user_ids": [*open_ids]}
        call = Call("PATCH", _PIN, _PIN, body, {"user_id_type": "open_id"})
        failed = data_of(await self._call(app_id, call)).get("failed_user_reasons")
        if isinstance(failed, list) and failed:
            raise ReceiverRefused(f"not pinned: {_json({'failed': failed})[:200]}")

    async def read_by(self, app_id: str, message_id: str) -> list[ReadReceipt]:
        found: list[ReadReceipt] = []
        page: str | None = ""
        while page is not None:
            query = {"user_id_type": "open_id", "page_size": "100"} | ({"page_token": page} if page else {})
            call = Call("GET", _MESSAGE + "/read_users", _of_message(message_id) + "/read_users", None, query)
            body = await self._call(app_id, call)
            found += receipts_in(body)
            page = next_page(body) if len(found) < _MOST_READERS else None
        return found

    async def profile(self, app_id: str, open_id: str) -> Profile | None:
        path = _PERSON.format(open_id=quote(open_id, safe=""))
        return profile_in(await self._call(app_id, Call("GET", _PERSON, path, None, {"user_id_type": "open_id"})))

    async def register_commands(self, app_id: str, commands: list[SlashCommand]) -> int:
        known = items_in(await self._call(app_id, Call("GET", _COMMANDS, _COMMANDS)))
        by_name = {name: item for item in known if (name := text_of(item, "command")) is not None}
        changed = 0
        for command in commands:
            item = by_name.pop(command.name, None)
            if item is not None and _reads_so(item, command):
                continue
            call = Call("POST", _COMMANDS, _COMMANDS, _described(command))
            if item is not None:
                call = Call("PATCH", _COMMAND, _command(item), _described(command))
            await self._call(app_id, call)
            changed += 1
        for item in by_name.values():
            await self._call(app_id, Call("DELETE", _COMMAND, _command(item)))
            changed += 1
        return changed

    async def _look_up(self, app_id: str, emails: Sequence[str]) -> list[tuple[str, str]]:
        body: JsonObject = {"emails": list(emails), "include_resigned": False}
        data = (await self._call(app_id, Call("POST", _EMAILS, _EMAILS, body, {"user_id_type": "open_id"}))).get("data")
        users = data.get("user_list") if isinstance(data, dict) else None
        found: list[tuple[str, str]] = []
        for user in users if isinstance(users, list) else []:
            if not isinstance(user, dict):
                continue
            email, open_id = user.get("email"), user.get("user_id")  # `user_id` whatever type was asked for
            if isinstance(email, str) and isinstance(open_id, str) and open_id:
                found.append((email.casefold(), open_id))
        return found

    async def _message_call(self, app_id: str, call: Call, target: str) -> JsonObject:
        return await self._call(app_id, call, lambda: self._limits.turn(app_id, target))

    async def _call(self, app_id: str, call: Call, turn: Callable[[], Awaitable[None]] | None = None) -> JsonObject:
        app = await self._app(app_id)
        try:
            return await self._authorised(app, call, turn)
        except FeishuFault as failure:
            if failure.code not in TOKEN_REJECTED:
                raise
        return await self._authorised(app, call, turn)  # its token has been dropped: once more with another

    async def _authorised(
        self, app: AppCredentials, call: Call, turn: Callable[[], Awaitable[None]] | None
    ) -> JsonObject:
        await self._limits.paused(app.app_id)
        token = await self._tokens.get(app)
        if turn is not None:
            await turn()
        try:
            return await self._transport.exchange(app, call, token.text)
        except FeishuFault as failure:
            if failure.code in TOKEN_REJECTED:
                self._tokens.drop(app, token)
            self._heed(app, failure)
            raise

    async def _fetch_token(self, app: AppCredentials) -> tuple[str, float]:
        body: JsonObject = {"app_id": app.app_id, "app_secret": app.app_secret}
        try:
            answer = await self._transport.exchange(app, Call("POST", _TOKEN, _TOKEN, body))
        except PayloadRefused as refused:  # nothing but id and secret was in the payload
            raise FeishuMisconfigured(str(refused), code=refused.code, log_id=refused.log_id) from refused
        except FeishuFault as failure:
            self._heed(app, failure)
            raise
        token, seconds = answer.get("tenant_access_token"), answer.get("expire")
        if not isinstance(token, str) or not _TOKEN_TEXT.fullmatch(token) or not isinstance(seconds, int | float):
            raise FeishuUnavailable("the answer has no token")
        return token, float(seconds)

    def _heed(self, app: AppCredentials, failure: FeishuFault) -> None:
        """Pauses the whole app when Feishu named the time after which it takes calls again."""
        about_rate = failure.code == 0 or is_rate_limit(200, failure.code)
        if isinstance(failure, FeishuUnavailable) and failure.retry_after and about_rate:
            self._limits.pause(app.app_id, failure.retry_after)

    async def _app(self, app_id: str) -> AppCredentials:
        try:
            return await self._credentials(app_id)
        except LookupError:
            raise FeishuMisconfigured(f"no Feishu app {app_id}") from None
        except SealBroken:
            raise FeishuMisconfigured(f"the stored secrets of Feishu app {app_id} cannot be opened") from None


def _content(message: OutgoingMessage) -> JsonObject:
    if isinstance(message, TextMessage):
        return {"msg_type": "text", "content": _json({"text": message.text})}
    return {"msg_type": "interactive", "content": _json(message.card)}


def _json(content: JsonObject) -> str:
    """Feishu wants the content as JSON inside a string."""
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError):
        raise PayloadRefused("the message cannot be written as JSON") from None


def _of_message(message_id: str) -> str:
    return f"{_MESSAGES}/{quote(message_id, safe='')}"


def _described(command: SlashCommand) -> JsonObject:
    words: JsonObject = {"zh_cn": command.zh, "en_us": command.en}
    return {"command": command.name, "description": {"default_value": command.en, "i18n": words}}


def _reads_so(item: JsonObject, command: SlashCommand) -> bool:
    """Whether it is registered with these words; Feishu may tell more members than were written."""
    told = item.get("description")
    words = told.get("i18n") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(words, dict):
        return False
    found = (told.get("default_value"), words.get("zh_cn"), words.get("en_us"))
    return found == (command.en, command.zh, command.en)


def _command(item: JsonObject) -> str:
    return f"{_COMMANDS}/{quote(_member(item, 'command_id'), safe='')}"


def _sent(body: JsonObject) -> SentMessage:
    data = body.get("data")
    return SentMessage(message_id=_member(data, "message_id"), chat_id=_member(data, "chat_id"))


def _member(parent: Json, key: str) -> str:
    value = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(value, str) or not value:
        raise FeishuUnavailable(f"the answer has no {key}")
    return value
