"""`make demo`, as a person meets it: one address, a card, a folder that is really deleted or really kept."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import PHONE, browser_page
from tests.support.demo import Demo, demo_running

RUN = ("--port", "0")
REPORTS = "reports/2025"


def _children(pid: int) -> list[str]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return children.read_text().split() if children.exists() else []


def _ledger(demo: Demo) -> list[str]:
    path = demo.folder / "ledger.csv"
    return path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []


def _said(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False)


async def test_approved_the_folder_is_gone_and_a_rejected_payment_is_not_made() -> None:
    async with demo_running(*RUN) as demo:
        assert (await demo.press("approve", REPORTS))["code"] == 0
        await demo.logged(f"已删除 {REPORTS}（3 个文件）")
        assert not (demo.folder / REPORTS).exists()
        assert (demo.folder / "notes/summary.md").read_text(encoding="utf-8").startswith(f"# {REPORTS}")
        assert (await demo.press("reject", "INV-2025-0001", reason="先核对收款方"))["code"] == 0
        await demo.logged("先核对收款方")
        assert _ledger(demo) == []
        assert await demo.interrupt() == 0


async def test_rejected_the_folder_is_kept_and_an_approved_payment_is_made_once_by_the_executor() -> None:
    async with demo_running(*RUN) as demo:
        assert (await demo.press("reject", REPORTS, reason="还要用"))["code"] == 0
        await demo.logged(f"{REPORTS} 原样保留")
        assert sorted(path.name for path in (demo.folder / REPORTS).iterdir()) == ["q1.csv", "q2.csv", "q3.csv"]
        assert (await demo.press("approve", "INV-2025-0001"))["code"] == 0
        await demo.logged("已由执行方支付")
        assert len(_ledger(demo)) == 1
        assert "INV-2025-0001,云帆科技有限公司,1280.00,CNY" in _ledger(demo)[0]
        assert await demo.interrupt(signal.SIGTERM) == 0


async def test_all_three_levels_show_and_the_page_has_folder_and_log() -> None:
    async with demo_running(*RUN) as demo:
        await demo.open_card(REPORTS)
        guide, folder, log = await demo.panels()
        assert len(guide) == 3
        assert any("q1.csv" in line for line in folder)
        assert [level for line in log if (level := re.search(r"\bL[123]\b", line))]
        assert {found[0] for line in log for found in [re.search(r"\bL[123]\b", line)] if found} == {"L1", "L2", "L3"}
        notices = [said for said in map(_said, await demo.messages()) if "notes/summary.md" in said]
        assert len(notices) == 1 and "正在执行" in json.dumps(
            notices[0], ensure_ascii=False
        )  # of L2; of L1 nobody hears
        assert [each for each in await demo.messages() if each["type"] == "text"] == []
        assert await demo.messages("stranger") == []


async def test_commands_are_answered_and_a_stranger_decides_nothing() -> None:
    async with demo_running(*RUN) as demo:
        asked = json.dumps((await demo.open_card(REPORTS))["body"], ensure_ascii=False)
        await demo.says("/pending")
        queue = await demo.card_containing("1 个请求等您决定")
        found, code = re.search(r'"approval_id": "([0-9a-f-]+)"', asked), re.search(r"校验码 (\w{6})", asked)
        assert "文件管家" in queue and found and code and found[1] in queue
        await demo.says(f"/approve {found[1]} {code[1]}", user="stranger")
        await demo.reply_containing("", user="stranger")
        assert "approve" in (await demo.open_card(REPORTS))["controls"].values()
        await demo.says(f"/approve {found[1]} {code[1]}", user="admin")
        await demo.logged(f"已删除 {REPORTS}")


async def test_the_new_powers_can_be_tried_in_the_chat() -> None:
    async with demo_running(*RUN) as demo:
        code = (await demo.open_card(REPORTS))["body"]
        await demo.says('/policy test 付款助手 financial_operations {"amount": 9000}')
        assert "单笔上限" in await demo.reply_containing("DENY，禁止")
        found = re.search(r"校验码 (\w{6})", json.dumps(code, ensure_ascii=False))
        assert found
        await demo.says(f"/why {found[1]}")
        assert "底线" in await demo.reply_containing("去问了人")
        await demo.says("/freeze 文件管家 for 10m")
        await demo.reply_containing("已冻结「文件管家」")
        await demo.says("/unfreeze 文件管家")
        await demo.reply_containing("已解冻「文件管家」")


@pytest.mark.browser
async def test_in_the_browser_approve_deletes_the_folder() -> None:
    async with demo_running(*RUN) as demo, browser_page() as page:
        await page.goto(demo.url)
        mine = page.locator("#column-creator")
        await mine.get_by_role("button", name="同意", exact=True).first.click()
        await page.locator(".panel-lines").get_by_text(f"{REPORTS}  已删除 · deleted").wait_for()
        await mine.locator("article.card").filter(has_text=REPORTS).get_by_text("已执行").first.wait_for()
        assert not (demo.folder / REPORTS).exists()
        await mine.get_by_text("INV-2025-0001").first.wait_for()  # and the next question is there


@pytest.mark.browser
async def test_in_the_browser_reject_keeps_the_folder_and_tells_the_agent_why() -> None:
    async with demo_running(*RUN) as demo, browser_page(PHONE) as page:
        await page.goto(demo.url)
        mine = page.locator("#column-creator")
        card = mine.locator("article.card").filter(has_text=REPORTS)
        await card.get_by_role("textbox", name="理由").fill("下周还要用")
        await card.get_by_role("button", name="拒绝", exact=True).click()
        await card.get_by_text("已拒绝").first.wait_for()
        await demo.logged("delete_files 被拒绝：下周还要用")
        assert len(list((demo.folder / REPORTS).iterdir())) == 3


async def test_it_prints_one_address_and_no_secret() -> None:
    async with demo_running(*RUN) as demo:
        await demo.press("approve", REPORTS)
        await demo.logged("已删除")
        await demo.interrupt()
        said = "\n".join(demo.printed)
        assert re.findall(r"https?://\S+", said) == [demo.url]
        assert demo.url.startswith("http://127.0.0.1:")
        assert not re.search(r"ast_|whsec_|cli_", said)


async def test_ctrl_c_ends_everything_and_leaves_nothing() -> None:
    async with demo_running(*RUN) as demo:
        await demo.open_card(REPORTS)  # an agent waits for the answer, held by the service
        pid, port = demo.process.pid, int(demo.url.rpartition(":")[2])
        begun = [*_children(pid), str(pid)]
        async with asyncio.timeout(10):
            assert await demo.interrupt() == 0
        assert not [one for one in begun if Path(f"/proc/{one}").exists()]
        assert not demo.folder.exists() and not demo.folder.parent.exists()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


async def test_a_taken_port_is_replaced_and_the_environment_is_not_obeyed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {"ASSENT_DATABASE_URL": "postgres://nobody@203.0.113.1/none", "ASSENT_FEISHU_BASE_URL": "nonsense"}
        async with demo_running("--port", str(port), **env) as demo:
            assert demo.url.startswith("http://127.0.0.1:") and not demo.url.endswith(f":{port}")
            await demo.open_card(REPORTS)


async def test_without_options_it_runs_as_well() -> None:
    async with demo_running() as demo:
        card = await demo.open_card(REPORTS)
        assert "文件管家" in json.dumps(card["body"], ensure_ascii=False)
        assert await demo.interrupt() == 0
