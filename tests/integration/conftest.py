"""What most of these tests begin with: a gate, an office, a chat room, or the simulator, each on its own database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.database import Database
from bot.directory import Caller
from models.enums import Role
from models.tables import User
from tests.support.chatroom import Room, open_room
from tests.support.feishu import Feishu, feishu_running
from tests.support.gate import Gate, open_gate
from tests.support.little_bot import LittleBot, little_bot
from tests.support.office import Office, open_office


@pytest.fixture
async def gate(database: Database) -> AsyncIterator[Gate]:
    async with open_gate(database) as opened:
        yield opened


@pytest.fixture
async def lin(gate: Gate) -> User:
    return await gate.person("林小雨")


@pytest.fixture
async def wang(gate: Gate) -> User:
    return await gate.person("王敏", role=Role.ORG_ADMIN)


@pytest.fixture
async def bookkeeper(gate: Gate, lin: User) -> Caller:
    return await gate.agent(lin)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with open_office(database) as office:
        yield office


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    async with open_room(database) as room:
        yield room


@pytest.fixture
async def feishu() -> AsyncIterator[Feishu]:
    async with feishu_running() as running:
        yield running


@pytest.fixture
async def bot(feishu: Feishu) -> AsyncIterator[LittleBot]:
    async with little_bot(feishu.app, feishu.base_url) as running:
        yield running
