"""The web views in a real browser: phone and desktop, light and dark, keyboard only, nothing from elsewhere.

With TEST_SCREENSHOTS=<folder> every page that is looked at is also saved there as a picture.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright

from bot.database import Database, open_database, transaction
from bot.reading import Reading
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import OneTimeSecrets
from handlers.errors import problem_middleware
from handlers.pages import Pages
from models.enums import ApprovalStatus, Delivery, ExecutionStatus
from models.tables import ApprovalRequest, CardCopy, Notification
from tests.support.approval_rows import REQUEST, Town, settle_town
from tests.support.clock import MovableClock

CHROMIUM = "/usr/bin/chromium"
KEY = "k" * 32
Scheme = Literal["light", "dark"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's Chromium"),
]

LOOKS = [(390, 844, "light"), (390, 844, "dark"), (1280, 900, "light"), (1280, 900, "dark")]

# Every element with text of its own, against the nearest opaque background (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = el => { for (; el; el = el.parentElement) {
      const c = parse(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const el of document.body.querySelectorAll('*')) {
    const own = [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = el.getBoundingClientRect();
    if (!own || box.width < 2 || box.bottom < 0 || el.closest('svg')) continue;
    const [a, b] = [light(parse(getComputedStyle(el).color)), light(ground(el))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}: ${el.outerHTML.slice(0, 80)}`);
  }
  return poor;
}"""

# What can be pressed is at least 24 px in both directions, unless it stands in a line of text (WCAG 2.2, 2.5.8).
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary')]
  .filter(el => !el.classList.contains('skip') && !el.classList.contains('line-title'))
  .filter(el => { const b = el.getBoundingClientRect(); return b.width && (b.height < 24 || b.width < 24); })
  .map(el => el.outerHTML.slice(0, 80))"""

HEADINGS = "() => [...document.querySelectorAll('h1, h2, h3')].map(el => Number(el.tagName[1]))"


@dataclass
class Viewer:
    """A tab that notes every complaint of the browser and every address that it asks for."""

    page: Page
    origin: str
    name: str
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    async def check(self, called: str) -> None:
        """Nothing overflows, all text is readable, and the page is whole."""
        overflow = await self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{called}: wider than the screen by {overflow} px"
        assert await self.page.evaluate(CONTRAST) == []
        assert await self.page.evaluate(SMALL_TARGETS) == []
        levels = await self.page.evaluate(HEADINGS)
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        assert self.complaints == []
        assert [one for one in self.addresses if not one.startswith((self.origin, "data:"))] == []
        if folder := os.environ.get("TEST_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=Path(folder) / f"{called}-{self.name}.png", full_page=True)


@dataclass(frozen=True)
class Site:
    town: Town
    links: Links
    secrets: OneTimeSecrets
    browser: Browser

    @asynccontextmanager
    async def viewer(self, width: int, height: int, scheme: Scheme) -> AsyncIterator[Viewer]:
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
        )
        page = await context.new_page()
        viewer = Viewer(page, self.links.public_url, f"{width}-{scheme}")
        page.on("console", lambda message: viewer.complaints.append(message.text))
        page.on("pageerror", lambda error: viewer.complaints.append(str(error)))
        page.on("request", lambda request: viewer.addresses.append(request.url))
        yield viewer
        await context.close()

    async def put(self) -> str:
        async with transaction():
            return await self.secrets.put(
                "ast_bWFrZSBpdCByYW5kb20gcGxlYXNlLCBub3QgdGhpcw",
                title="账房助手 的新令牌",
                person_id=self.town.creator.id,
                now=self.town.clock.now(),
            )

    def approval(self, row: ApprovalRequest, query: str = "") -> str:
        return self.links.approval(row.id, self.town.creator.id, self.town.clock.now()) + query

    def inbox(self, query: str = "") -> str:
        return self.links.inbox(self.town.creator.id, self.town.clock.now()) + query


@pytest.fixture
async def opened(sqlite_url: str) -> AsyncIterator[Database]:
    async with open_database(sqlite_url) as database:
        yield database


@pytest.fixture
async def site(opened: Database) -> AsyncIterator[Site]:
    clock = MovableClock()
    town = await settle_town(clock)
    box, reading = SecretBox([KEY]), Reading(clock)
    app = web.Application(middlewares=[problem_middleware])
    server = TestServer(app)
    # The port is known only once the server listens; the pages themselves hold relative links only.
    pages = Pages(reading, Links("http://unused.invalid", [KEY]), OneTimeSecrets(box, town.ledger, ""), clock)
    app.add_routes(pages.routes())
    async with server, async_playwright() as playwright:
        url = str(server.make_url("/")).rstrip("/")
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run",
            ],
        )  # fmt: skip
        yield Site(town, Links(url, [KEY]), OneTimeSecrets(box, town.ledger, url), browser)
        await browser.close()


async def full_life(town: Town) -> dict[str, ApprovalRequest]:
    """An approval request in each state that looks different."""
    pending = await town.approval()
    await CardCopy.create(
        approval_id=pending.id, person_id=town.admin.id, app_id="cli_x", state=Delivery.DEGRADED,
        fault="230099 the card was refused", sent_at=town.clock.now(),
    )  # fmt: skip
    await town.audit(pending, f"user:{town.colleague.id}", "approval.refused", refusal="not_yours")
    succeeded = await town.approval(attempt=2, reminders_sent=1)
    rejected = await town.approval(replace(REQUEST, args={}, reason=None, extra={}, session=None, call_id=None))
    failed = await town.approval()
    town.clock.move(hours=2, minutes=5)
    await town.audit(pending, "system", "approval.reminded")
    await town.resolve(succeeded, ApprovalStatus.APPROVED, reason="确认已归档，可以删。")
    await town.finish(succeeded, ExecutionStatus.SUCCEEDED, result={"deleted": 214, "freed": "1.8 GB"})
    await town.resolve(rejected, ApprovalStatus.REJECTED, reason="请先导出一份给财务。")
    await town.resolve(failed, ApprovalStatus.APPROVED)
    await town.finish(failed, ExecutionStatus.UNKNOWN, error="The executor did not answer within 30 s")
    return {"pending": pending, "succeeded": succeeded, "rejected": rejected, "unknown": failed}


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
async def test_approval_pages_read_well(site: Site, width: int, height: int, scheme: Scheme) -> None:
    rows = await full_life(site.town)
    async with site.viewer(width, height, scheme) as viewer:
        for called, row in rows.items():
            await viewer.page.goto(site.approval(row))
            await viewer.check(f"approval-{called}")
        await viewer.page.goto(site.approval(rows["pending"], "&lang=en_us"))
        await viewer.page.get_by_text("Audit entries").click()
        await viewer.check("approval-pending-en")
        ground = await viewer.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
async def test_the_inbox_reads_well_and_leads_to_the_approval(
    site: Site, width: int, height: int, scheme: Scheme
) -> None:
    row = (await full_life(site.town))["pending"]
    town = site.town
    await town.tell(town.creator, "账房助手 请求删除文件", "delete_file reports/2025", approval_id=row.id)
    await town.tell(town.creator, "写入工作区文件：正在执行", "账房助手 正在写入 notes.md", kind="check.executing")
    old = await town.tell(town.creator, "对外发送消息：已拒绝", "王芳 拒绝：请先给我看一遍。", kind="approval.resolved")
    await Notification.filter(id=old.id).update(read_at=town.clock.now())
    async with site.viewer(width, height, scheme) as viewer:
        await viewer.page.goto(site.inbox())
        await viewer.check("inbox")
        await viewer.page.get_by_role("button", name="全部标为已读").click()
        assert await viewer.page.get_by_role("button").count() == 0
        await viewer.check("inbox-read")
        await viewer.page.get_by_role("link", name="账房助手 请求删除文件").first.click()
        assert await viewer.page.get_by_role("heading", level=1).inner_text() == "账房助手 请求删除文件"
        await viewer.page.get_by_role("link", name="收件箱").click()
        assert await viewer.page.get_by_role("heading", level=1).inner_text() == "陈晓 的收件箱"
        await viewer.page.get_by_role("link", name="English").click()
        assert await viewer.page.get_by_role("heading", level=1).inner_text() == "陈晓's inbox"
        await viewer.page.get_by_role("link", name="asks to delete files").first.click()
        assert await viewer.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
async def test_a_one_time_secret_is_revealed_by_a_press(site: Site, width: int, height: int, scheme: Scheme) -> None:
    url = await site.put()
    async with site.viewer(width, height, scheme) as viewer:
        await viewer.page.goto(url)
        await viewer.check("once")
        await viewer.page.get_by_role("button", name="显示").click()
        assert (await viewer.page.locator("pre").inner_text()).startswith("ast_")
        await viewer.check("once-revealed")
    async with site.viewer(width, height, scheme) as viewer:
        await viewer.page.goto(url)
        viewer.complaints.clear()  # the browser notes the 410 itself
        await viewer.check("once-gone")
        await viewer.page.goto(site.links.public_url + "/inbox?t=forged")
        viewer.complaints.clear()
        await viewer.check("fault")


async def test_everything_works_by_keyboard(site: Site) -> None:
    """The first Tab offers to skip to the content; the audit opens, and the secret is revealed, by Enter."""
    row = (await full_life(site.town))["pending"]
    async with site.viewer(1280, 900, "light") as viewer:
        page, keyboard = viewer.page, viewer.page.keyboard
        await page.goto(site.approval(row))
        await keyboard.press("Tab")
        assert await page.evaluate("() => document.activeElement.className") == "skip"
        await keyboard.press("Enter")
        assert await page.evaluate("() => document.activeElement.id") == "content"
        reached = []
        for _ in range(12):
            await keyboard.press("Tab")
            reached.append(await page.evaluate("() => document.activeElement.tagName"))
            if reached[-1] == "SUMMARY":
                break
        assert reached[-1] == "SUMMARY"
        await keyboard.press("Enter")
        assert await page.locator("table").is_visible()
        await page.goto(await site.put())
        for _ in range(10):
            await keyboard.press("Tab")
            if await page.evaluate("() => document.activeElement.tagName") == "BUTTON":
                break
        outline = await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "where the keyboard is can be seen"
        await keyboard.press("Enter")
        await page.wait_for_selector("pre.secret")


async def test_an_address_is_never_passed_on(site: Site) -> None:
    """No page sends its own address, which holds a token, along with any request."""
    row = await site.town.approval()
    referrers: list[str | None] = []
    async with site.viewer(1280, 900, "light") as viewer:
        viewer.page.on("request", lambda request: referrers.append(request.headers.get("referer")))
        await viewer.page.goto(site.approval(row))
        await viewer.page.get_by_role("link", name="收件箱").click()
        await viewer.page.wait_for_url("**/inbox?**")
    assert len(referrers) >= 3
    assert not any(referrers)
