"""COMMANDS: one app's native slash commands are those of this version. May fail; nobody is troubled with it."""

from __future__ import annotations

import structlog

from bot.delivery.results import DELIVERED, Result, Settled, words
from bot.native_commands import slash_commands
from bot.ports import FeishuFault, FeishuGateway, FeishuUnavailable
from models.enums import OutboxState
from models.outbox import OutboxMessage

log = structlog.get_logger(__name__)

ATTEMPTS = 5
"""After so many outages it is left to the next start."""


class RegisterCommands:
    def __init__(self, gateway: FeishuGateway) -> None:
        self._gateway = gateway

    async def deliver(self, message: OutboxMessage) -> Result:
        """Registered, or left until the next start with the reason in the row; `assent doctor` tells it."""
        app_id = message.app_id or ""
        try:
            changed = await self._gateway.register_commands(app_id, slash_commands())
        except FeishuUnavailable as fault:
            if message.attempts < ATTEMPTS:
                raise
            return _left(app_id, fault)
        except FeishuFault as fault:
            return _left(app_id, fault)
        log.info("commands.registered", app=app_id, changed=changed)
        return DELIVERED


def _left(app_id: str, fault: FeishuFault) -> Settled:
    log.info("commands.not_registered", app=app_id, fault=words(fault))
    return Settled(OutboxState.SUPERSEDED, fault=words(fault))
