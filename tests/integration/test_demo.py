"""The parts of the demo that a story does not reach: forged and repeated orders, paths that lead away."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.demo.ledger_executor import LedgerExecutor
from bot.demo.workplace import REPORTS, Workplace
from bot.execution.webhook_signature import secret_of, sign

SECRET = secret_of(b"k" * 32)
ARGS = {"invoice": "INV-1", "payee": "云帆", "amount": "10.00", "currency": "CNY"}


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    (tmp_path / "workspace").mkdir()
    return Workplace(tmp_path / "workspace")


async def _ordered(executor: LedgerExecutor, *, by: str = SECRET, at: float | None = None, **data: Any) -> int:
    body = json.dumps({"type": "action.execute", "data": {"tool": "pay_invoice", "args": ARGS} | data}).encode()
    moment = int(time.time() if at is None else at)
    headers = {"webhook-id": "a1", "webhook-timestamp": str(moment), "webhook-signature": sign(by, "a1", moment, body)}
    async with TestClient(TestServer(executor.app())) as client:
        return (await client.post("/execute", data=body, headers=headers)).status


async def test_an_order_is_paid_once_however_often_it_arrives(workplace: Workplace) -> None:
    executor = LedgerExecutor(workplace)
    executor.secret = SECRET
    assert [await _ordered(executor), await _ordered(executor)] == [200, 200]
    assert [line[1] for line in workplace.payments()] == ["INV-1"]


async def test_forged_old_and_strange_orders_are_refused(workplace: Workplace) -> None:
    executor = LedgerExecutor(workplace)
    assert await _ordered(executor) == 401  # not registered yet
    executor.secret = SECRET
    assert await _ordered(executor, by=secret_of(b"x" * 32)) == 401
    assert await _ordered(executor, at=time.time() - 3600) == 401
    assert await _ordered(executor, tool="wipe_disk") == 422
    assert workplace.payments() == []


@pytest.mark.parametrize("path", ["..", "../elsewhere", "/etc", ".", "reports/../.."])
def test_nothing_outside_the_folder_is_deleted(workplace: Workplace, path: str) -> None:
    (workplace.root.parent / "elsewhere").mkdir()
    workplace.restock()
    with pytest.raises(ValueError, match="outside"):
        workplace.delete(path)
    assert len(workplace.read_reports()) == 3 and (workplace.root.parent / "elsewhere").is_dir()


def test_the_listing_says_what_is_gone(workplace: Workplace) -> None:
    workplace.restock()
    assert [line.split()[0] for line in workplace.listing()] == [f"{REPORTS}/{name}.csv" for name in ("q1", "q2", "q3")]
    assert workplace.delete(REPORTS) == 3
    workplace.pay("a1", dict(ARGS))
    assert workplace.listing()[0] == f"{REPORTS}  已删除 · deleted"
    assert "1 paid" in workplace.listing()[-1]
