"""`python -m tests.screenshots`: takes the pictures of the README from a running demo, into docs/images."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, Page

from tests.support.browser import browser_page
from tests.support.demo import Demo, demo_running

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {"phone": (390, 1100), "desktop": (1280, 980)}
"""The phone is drawn taller than phones are, so that the whole card is in the picture."""


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    async with demo_running("--port", "0") as demo:
        asked = await demo.open_card("reports/2025")
        async with browser_page() as any_page, _page(any_page, "desktop", scale=1) as page:
            await _opened(page, demo)
            await page.screenshot(path=IMAGES / "demo.png")
        async with browser_page() as any_page, _page(any_page, "phone", scale=2) as page:
            await _opened(page, demo)
            card = page.locator("#column-creator article.card").first
            await _picture(card, "card-pending.png")
            await card.get_by_role("button", name="同意").click()
            await demo.logged("已删除")
            await demo.until(lambda messages: _is_done(messages, asked["message_id"]), "a card with its result")
            await card.get_by_text("deleted_files").wait_for()
            await _picture(card, "card-approved.png")
        await demo.interrupt()


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
