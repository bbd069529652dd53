"""`python -m tests.screenshots`: the pictures of README and docs, of a running demo and service, into docs/images.

`python -m tests.screenshots states`: only those of docs/cards.md, each state of the cards, drawn from samples.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page

from bot.simulator.state import Message
from cards.approval import approval_card
from cards.queue import queue_card
from cards.running import run_card
from cards.settings import settings_card
from models.enums import Language
from tests.support.browser import browser_page
from tests.support.card_pictures import drawn, easel
from tests.support.card_samples import SAMPLES
from tests.support.demo import Demo, demo_running
from tests.support.feishu import Feishu
from tests.support.queue_samples import QUEUES
from tests.support.service import house_running
from tests.unit.test_cards_running import SAMPLES as RUNS
from tests.unit.test_cards_settings import SAMPLES as SETTINGS

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {"phone": (390, 1100), "desktop": (1280, 980)}
"""The phone is drawn taller than phones are, so that the whole card is in the picture."""


_SHOWN = "pending_payment_changed"
"""The state that docs/cards.md shows in every way: both languages, both widths, folded and unfolded."""


_BESIDE = ("run", "run_stopped", "run_wrong", "settings", "settings_own", "settings_saved")
"""Of the notices of runs and the settings, those that docs/cards.md shows."""


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    await _states()
    if "states" not in sys.argv[1:]:
        await _of_the_demo()
        await _grant_cards()


async def _states() -> None:
    """Every state as on a phone, in Chinese; one in all ways."""
    folder = IMAGES / "cards"
    folder.mkdir(exist_ok=True)
    async with browser_page() as any_page:
        browser = any_page.context.browser
        assert browser is not None
        async with easel(browser, SCREENS["phone"][0], scale=1) as page:
            for state, view in SAMPLES.items():
                card = await drawn(page, approval_card(view), Language.ZH_CN)
                await card.screenshot(path=folder / f"{state}.png")
            await _queues(page, folder)
            others = {state: run_card(run) for state, run in RUNS.items()}
            delegate = {"settings_own": "王敏"}  # the sample is called something hostile
            others |= {
                state: settings_card(replace(own, delegate=delegate.get(state))) for state, own in SETTINGS.items()
            }
            for state in _BESIDE:
                await (await drawn(page, others[state], Language.ZH_CN)).screenshot(path=folder / f"{state}.png")
        for screen, (width, _) in SCREENS.items():
            async with easel(browser, width, scale=2 if screen == "phone" else 1) as page:
                for language in Language:
                    card = await drawn(page, approval_card(SAMPLES[_SHOWN]), language)
                    await card.screenshot(path=folder / f"asked-{screen}-{language.value}.png")
        async with easel(browser, SCREENS["phone"][0]) as page:
            card = await drawn(page, approval_card(SAMPLES[_SHOWN]), Language.ZH_CN, unfolded=True)
            await card.screenshot(path=folder / "asked-unfolded.png")


async def _queues(page: Page, folder: Path) -> None:
    for state, queue in QUEUES.items():
        card = await drawn(page, queue_card(queue), Language.ZH_CN, unfolded=True)
        await card.screenshot(path=folder / f"{state}.png")
    card = await drawn(page, queue_card(QUEUES["queue_many"]), Language.EN_US)
    await card.screenshot(path=folder / "queue_many-en_us.png")


async def _of_the_demo() -> None:
    async with demo_running("--port", "0") as demo:
        asked = await demo.open_card("reports/2025")
        async with browser_page() as any_page, _page(any_page, "desktop", scale=1) as page:
            await _opened(page, demo)
            await page.screenshot(path=IMAGES / "demo.png")
        async with browser_page() as any_page, _page(any_page, "phone", scale=2) as page:
            await _opened(page, demo)
            card = page.locator("#column-creator article.card").filter(has_text="reports/2025").first
            await _picture(card, "card-pending.png")
            await card.get_by_role("button", name="同意", exact=True).click()
            await demo.logged("已删除")
            await demo.until(lambda messages: _is_done(messages, asked["message_id"]), "a card with its result")
            await card.get_by_text("deleted_files").wait_for()
            await _picture(card, "card-approved.png")
        await demo.interrupt()


async def _grant_cards() -> None:
    """The cards of docs/grants.md: graduation after three approvals, a run under it, its review, a freeze."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            house_running(f"sqlite://{folder}/assent.db", graduation_after="3", review_sample="1") as house,
            browser_page() as any_page,
            _page(any_page, "phone", scale=2) as page,
        ):
            feishu, lin = house.feishu, house.feishu.creator
            agent = await house.agent(name="报销助手", policy={"reimburse": "L3", "*": "L1"})
            await page.goto(feishu.base_url)
            for amount in (700, 860, 500):
                await agent.asks("reimburse", details=_express(amount))
                card = await feishu.next_card(to=lin)
                await feishu.click(card, "approve", by=lin)
                assert (await agent.asks("reimburse", details=_express(amount)))["allowed"]
            await _last(page, "让它自己执行", "card-graduation.png")
            await feishu.click(card, _button(feishu, card, "graduate"), by=lin)
            assert (await agent.asks("reimburse", details=_express(640)))["allowed"]
            await feishu.next_card(to=lin, containing="没有再问")
            await _last(page, "撤销授权", "card-granted-run.png")
            await house.later(hours=1)
            house.house.bell.ring()
            await feishu.next_card(to=lin, containing="这次对吗")
            await _last(page, "这次对吗", "card-review.png")
            await feishu.say(lin, "/freeze 报销助手 for 2h 金额不对")
            await feishu.next_card(to=lin, containing="已冻结")
            await _last(page, "冻结人", "card-freeze.png")


def _express(amount: int) -> dict[str, Any]:
    args = {"amount": amount, "currency": "CNY", "payee": "顺丰速运"}
    return {"tool": "books.reimburse", "args": args, "reason": "报销单已核对"}


def _button(feishu: Feishu, card: Message, act: str) -> str:
    return next(name for name in feishu.buttons(card) if name.startswith(f"{act}:"))


async def _last(page: Page, words: str, name: str) -> None:
    """The newest card with these words, once it is on the page."""
    card = page.locator("#column-creator article.card").filter(has_text=words).last
    await card.wait_for()
    await page.evaluate("document.fonts.ready")
    await _picture(card, name)


@asynccontextmanager
async def _page(beside: Page, screen: str, *, scale: float) -> AsyncIterator[Page]:
    """A page of this screen, as somebody in China sees it. A phone's has two pixels for one."""
    browser = beside.context.browser
    assert browser is not None
    width, height = SCREENS[screen]
    page = await browser.new_page(
        viewport={"width": width, "height": height}, device_scale_factor=scale, timezone_id="Asia/Shanghai"
    )
    try:
        yield page
    finally:
        await page.close()


async def _opened(page: Page, demo: Demo) -> None:
    await page.goto(demo.url)
    await page.locator("#column-creator article.card").first.wait_for()
    await page.locator(".panel-lines li").first.wait_for(state="attached")
    await page.evaluate("document.fonts.ready")


async def _picture(card: Locator, name: str) -> None:
    await card.scroll_into_view_if_needed()
    await card.screenshot(path=IMAGES / name, animations="disabled")


def _is_done(messages: list[dict[str, object]], message_id: object) -> bool | None:
    card = next(each for each in messages if each["message_id"] == message_id)
    return "deleted_files" in json.dumps(card["body"]) or None


if __name__ == "__main__":
    asyncio.run(main())
