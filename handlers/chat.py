"""What people write to the bot, and press in its menu: protocol translation only."""

from __future__ import annotations

import asyncio
import time

import structlog

from bot.commands import NotACommand, parse, strip_mentions
from bot.conversation import Conversation, Heard
from bot.people.apps import FeishuApps
from bot.ports import FeishuFault, FeishuGateway
from models.values import AppCredentials, ChatMessage, MenuPress, PersonIds

LOOK_UP = 1.0
"""Seconds that an acknowledgement may wait for the bot's own id; Feishu takes 3 in all."""

LOOK_UP_AGAIN = 60.0
"""Seconds after a failed look-up in which the id counts as unknown."""

log = structlog.get_logger()


class Chat:
    def __init__(self, conversation: Conversation, apps: FeishuApps, gateway: FeishuGateway) -> None:
        self._conversation = conversation
        self._apps = apps
        self._bots = _BotIds(gateway)

    async def on_message(self, message: ChatMessage, app: AppCredentials) -> None:
        """Returns when the message is durably recorded and its answer is on the way; raises when it is not."""
        if not message.is_group and message.company in (None, message.sender.tenant_key):
            await self._learn_company(app, message.sender)
        app = app.in_company(message.company)
        bot = await self._bots.of(app.app_id) if message.mentions else None
        if message.is_group and not _is_addressed(message, bot):
            return
        text = strip_mentions(message.text, message.mentions, bot) if message.text is not None else None
        await self._conversation.hear(
            Heard(
                app=app,
                sender=message.sender,
                message_id=message.message_id,
                chat_id=message.chat_id,
                is_group=message.is_group,
                parsed=NotACommand() if text is None else parse(text),
                at=message.at,
            )
        )

    async def on_menu(self, press: MenuPress, app: AppCredentials) -> None:
        await self._learn_company(app, press.operator)
        await self._conversation.press(app, press)

    async def _learn_company(self, app: AppCredentials, sender: PersonIds) -> None:
        """Who writes to a custom app in private belongs to its company, unless Feishu says otherwise; groups may
        hold guests.
        """
        if app.tenant_key is None and sender.tenant_key is not None:
            await self._apps.learn_tenant_key(app.app_id, sender.tenant_key)


def _is_addressed(message: ChatMessage, bot: str | None) -> bool:
    """Whether a group's message is meant for us. While our own id is unknown, whoever mentions first means us."""
    if bot is not None:
        return bot in message.mentions.values()
    return (message.text or "").lstrip().startswith(tuple(message.mentions)) if message.mentions else False


class _BotIds:
    """The open_id of the bot of each app, learned once."""

    def __init__(self, gateway: FeishuGateway) -> None:
        self._gateway = gateway
        self._known: dict[str, str] = {}
        self._not_before: dict[str, float] = {}

    async def of(self, app_id: str) -> str | None:
        if app_id in self._known or time.monotonic() < self._not_before.get(app_id, 0.0):
            return self._known.get(app_id)
        try:
            async with asyncio.timeout(LOOK_UP):
                self._known[app_id] = (await self._gateway.bot(app_id)).open_id
        except (TimeoutError, FeishuFault) as fault:
            self._not_before[app_id] = time.monotonic() + LOOK_UP_AGAIN
            log.warning("chat.bot_unknown", app=app_id, fault=str(fault)[:200])
        return self._known.get(app_id)
