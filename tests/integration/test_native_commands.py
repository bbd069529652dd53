"""The slash commands of every app are registered at start, again when they changed, and never in anybody's way."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot import native_commands
from bot.cli import doctor
from bot.database import Database
from bot.delivery import Settled
from bot.delivery.commands import ATTEMPTS, RegisterCommands
from bot.native_commands import NativeCommands, slash_commands
from bot.ports import FeishuMisconfigured, FeishuUnavailable, SlashCommand
from config.settings import load_settings
from models.enums import OutboxKind, OutboxState
from models.tables import FeishuApp, OutboxMessage
from tests.support.chatroom import Room
from tests.support.gate import APP_ID


async def rows() -> list[OutboxMessage]:
    return await OutboxMessage.filter(kind=OutboxKind.COMMANDS).order_by("id")


async def test_each_app_gets_them_once(room: Room) -> None:
    app = await FeishuApp.get(app_id=APP_ID)
    second = {name: getattr(app, name) for name in ("tenant", "base_url", "app_secret", "encrypt_key")}
    now = room.gate.clock.now()
    await FeishuApp.create(app_id="cli_2", name="2", verification_token="t", created_at=now, **second)
    await FeishuApp.create(
        app_id="cli_gone", name="3", verification_token="t", created_at=now, archived_at=now, **second
    )
    native = NativeCommands(room.gate.bell, wanted=True)
    assert await native.ensure(now) == 2
    assert [row.app_id for row in await rows()] == ["cli_2", APP_ID]
    await OutboxMessage.filter(kind=OutboxKind.COMMANDS).update(state=OutboxState.DELIVERED)
    assert await native.ensure(now + timedelta(days=1)) == 0
    assert await NativeCommands(room.gate.bell, wanted=False).ensure(now) == 0


async def test_they_are_registered_again_when_they_changed_or_were_refused(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    native, now = NativeCommands(room.gate.bell, wanted=True), room.gate.clock.now()
    await native.ensure(now)
    await OutboxMessage.filter(kind=OutboxKind.COMMANDS).update(state=OutboxState.SUPERSEDED, fault="no scope")
    assert await native.ensure(now) == 1
    [row] = await rows()
    assert (row.state, row.fault) == (OutboxState.WAITING, None)
    await OutboxMessage.filter(id=row.id).update(state=OutboxState.DELIVERED)
    monkeypatch.setattr(native_commands, "slash_commands", lambda: [SlashCommand("help", "帮助", "Help")])
    assert await native.ensure(now) == 1
    [changed] = await rows()
    assert changed.payload != row.payload
    await OutboxMessage.filter(id=row.id).update(state=OutboxState.SENDING)
    assert await native.ensure(now) == 0  # somebody is at it


async def test_the_gateway_gets_the_whole_table(room: Room) -> None:
    await NativeCommands(room.gate.bell, wanted=True).ensure(room.gate.clock.now())
    [row] = await rows()
    result = await RegisterCommands(room.gateway).deliver(row)
    assert isinstance(result, Settled)
    assert result.state is OutboxState.DELIVERED
    assert room.gateway.commands == slash_commands()
    assert set(json.loads(row.payload)) == {"table"}


async def test_a_missing_scope_and_a_long_outage_trouble_nobody(room: Room) -> None:
    await NativeCommands(room.gate.bell, wanted=True).ensure(room.gate.clock.now())
    [row] = await rows()
    register = RegisterCommands(room.gateway)
    room.gateway.always["commands"] = FeishuMisconfigured("Access denied: no scope", code=99991672)
    result = await register.deliver(row)
    assert isinstance(result, Settled)
    assert result.state is OutboxState.SUPERSEDED
    assert "no scope" in (result.fault or "")
    room.gateway.always["commands"] = FeishuUnavailable("down")
    with pytest.raises(FeishuUnavailable):
        await register.deliver(row)
    row.attempts = ATTEMPTS
    result = await register.deliver(row)
    assert isinstance(result, Settled)
    assert result.state is OutboxState.SUPERSEDED


async def test_doctor_tells_why_they_are_not_registered(room: Room, database: Database) -> None:
    settings = load_settings({"ASSENT_DATABASE_URL": database.url}, to="administer")
    assert [found async for found in doctor.registered_commands(settings)] == []
    await NativeCommands(room.gate.bell, wanted=True).ensure(room.gate.clock.now())
    refused = {"state": OutboxState.SUPERSEDED, "fault": "FeishuMisconfigured: no scope"}
    await OutboxMessage.filter(kind=OutboxKind.COMMANDS).update(**refused)
    [found] = [found async for found in doctor.registered_commands(settings)]
    assert found.health is doctor.Health.WARNING
    assert "no scope" in found.what
    assert "application:app_slash_command:write" in found.fix
    await OutboxMessage.filter(kind=OutboxKind.COMMANDS).update(state=OutboxState.DELIVERED, fault=None)
    [found] = [found async for found in doctor.registered_commands(settings)]
    assert found.health is doctor.Health.OK
