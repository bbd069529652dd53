"""The running house, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.service import ExecutorServer, RunningHouse, executor_running, house_running


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[RunningHouse]:
    async with house_running(database_url) as running:
        yield running


@pytest.fixture
async def executor() -> AsyncIterator[ExecutorServer]:
    async with executor_running() as server:
        yield server
