"""The slash commands that Feishu's clients complete while somebody types: the first words of our table.

A nicety: typed text is the contract. An app that lacks the scope, or a cloud that does not have them, loses nothing.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from bot.commands import COMMANDS
from bot.commands.table import GROUP_ALIASES
from bot.outbox import Bell
from bot.ports import SlashCommand
from cards.words import Bilingual
from models.enums import OutboxKind, OutboxState
from models.feishu import FeishuApp
from models.outbox import OutboxMessage
from models.values import Json

_GROUPS: dict[str, Bilingual] = {
    "agent": Bilingual("智能体：新建、查看、暂停、更换令牌……", "Agents: create, show, pause, rotate the token …"),
    "policy": Bilingual("策略：查看、修改、试算、历史、回滚", "Policies: show, set, test, history, rollback"),
    "plan": Bilingual("询问方案：先问谁、何时提醒、最后怎样", "The asking plan: who is asked, when, and what then"),
    "grant": Bilingual("授权：以后少问，随时撤销", "Grants: be asked less, and end it at any time"),
    "token": Bilingual("我的访问令牌，用于 HTTP 接口", "Your access tokens for the HTTP interface"),
    "user": Bilingual("人员与角色", "People and roles"),
}


def slash_commands() -> list[SlashCommand]:
    """One for each first word, in the order of the table; Feishu knows no second words."""
    found: dict[str, SlashCommand] = {}
    for spec in COMMANDS:
        first, _, second = spec.name.partition(" ")
        words = _GROUPS[first] if second or first in GROUP_ALIASES else Bilingual(spec.zh, spec.en)
        found.setdefault(first, SlashCommand(first, words.zh, words.en))
    return list(found.values())


def fingerprint(commands: list[SlashCommand]) -> str:
    """Changes with every word that is registered."""
    said = [[command.name, command.zh, command.en] for command in commands]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:16]


class NativeCommands:
    def __init__(self, bell: Bell, *, wanted: bool) -> None:
        """`wanted`: the setting; without it nothing is registered, and what is stays."""
        self._bell = bell
        self._wanted = wanted

    async def ensure(self, now: datetime) -> int:
        """Each app that does not have the present commands will get them; how many apps that are.

        One outbox row for each app, written again when the table changed, or when Feishu refused the last time: since
        then somebody may have granted the scope.
        """
        if not self._wanted:
            return 0
        table = fingerprint(slash_commands())
        begun = 0
        for app in await FeishuApp.filter(archived_at=None).order_by("app_id"):
            begun += await _ensure(app, table, now)
        if begun:
            self._bell.ring()
        return begun


async def _ensure(app: FeishuApp, table: str, now: datetime) -> bool:
    row = OutboxMessage(
        tenant=app.tenant,
        kind=OutboxKind.COMMANDS,
        lane=f"commands:{app.app_id}",
        app_id=app.app_id,
        payload=_json({"table": table}),
        dedupe=f"commands:{app.app_id}",
        due_at=now,
        created_at=now,
    )
    known = await OutboxMessage.get_or_none(dedupe=row.dedupe)
    if known is None:
        await OutboxMessage.bulk_create([row], ignore_conflicts=True)  # another replica may be quicker
        return True
    if known.state is OutboxState.DELIVERED and json.loads(known.payload).get("table") == table:
        return False
    again = OutboxMessage.filter(id=known.id).exclude(state=OutboxState.SENDING)
    done = await again.update(
        state=OutboxState.WAITING, payload=row.payload, attempts=0, due_at=now, fault=None, done_at=None
    )
    return bool(done)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
