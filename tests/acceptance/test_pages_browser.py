"""The web views in a real browser: phone and desktop, light and dark, keyboard only, nothing from elsewhere.

With TEST_SCREENSHOTS=<folder> every page that is looked at is also saved there as a picture.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

from bot.database import Database, open_database, transaction
from bot.reading import Reading
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import OneTimeSecrets
from handlers.errors import problem_middleware
from handlers.pages import Pages
from models.tables import ApprovalRequest, Notification
from tests.support.approval_rows import Town, settle_town
from tests.support.browser import chromium
from tests.support.clock import MovableClock
from tests.support.page_scenes import freeze, full_life

KEY = "k" * 32
Scheme = Literal["light", "dark"]
Motion = Literal["no-preference", "reduce"]

pytestmark = pytest.mark.browser

LOOKS = [(390, 844, "light"), (390, 844, "dark"), (1280, 900, "light"), (1280, 900, "dark")]

# How a colour is read, how much light it gives (WCAG 2.2, relative luminance), and the ground an element stands on.
COLOURS = """
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = el => { for (; el; el = el.parentElement) {
      const c = parse(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
"""

# Every element with text of its own, against the nearest opaque background (WCAG 2.2, 1.4.3).
CONTRAST = (
    "() => {"
    + COLOURS
    + """
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
)

# What can be pressed is at least 24 px in both directions, unless it stands in a line of text (WCAG 2.2, 2.5.8).
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary')]
  .filter(el => !el.classList.contains('skip') && !el.classList.contains('line-title'))
  .filter(el => { const b = el.getBoundingClientRect(); return b.width && (b.height < 24 || b.width < 24); })
  .map(el => el.outerHTML.slice(0, 80))"""

# No text is squeezed into a column of single letters.
CRUSHED = """() => [...document.body.querySelectorAll('p, dd, dt, td, th, li, h1, h2, h3, span, code')].filter(el => {
  const own = [...el.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('');
  const box = el.getBoundingClientRect(), letter = parseFloat(getComputedStyle(el).fontSize);
  return own.length > 6 && box.width > 2 && box.width < 2.5 * letter;
}).map(el => el.outerHTML.slice(0, 80))"""

# What tells parts apart without text (WCAG 2.2, 1.4.11): the ring around what has the focus, on its ground.
RING = (
    "() => {"
    + COLOURS
    + """
  const el = document.activeElement, style = getComputedStyle(el);
  const drawn = [style, getComputedStyle(el, '::after')].find(one => one.outlineStyle === 'solid');
  if (!drawn) return 0;
  const [a, b] = [light(parse(drawn.outlineColor)), light(ground(el.parentElement))].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
}"""
)

# What a screen reader goes by: landmarks, names, languages, tables that say what they are.
UNTOLD = """() => {
  const wrong = [], all = sel => [...document.querySelectorAll(sel)];
  const by = el => document.getElementById(el.getAttribute('aria-labelledby'))?.textContent;
  const name = el => (el.getAttribute('aria-label') || by(el) || el.textContent || '').trim();
  if (!['zh-CN', 'en'].includes(document.documentElement.lang)) wrong.push('no language');
  if (!document.title.trim()) wrong.push('no title');
  for (const [sel, n] of [['main', 1], ['header', 1], ['nav', 1], ['footer', 1], ['h1', 1]])
    if (all(sel).length !== n) wrong.push(`${all(sel).length} × ${sel}`);
  for (const el of all('a, button, summary, nav, section, [tabindex="0"], [role], ol.track'))
    if (!name(el)) wrong.push('no name: ' + el.outerHTML.slice(0, 80));
  for (const el of all('[tabindex="0"]'))
    if (!el.getAttribute('role')) wrong.push('no role: ' + el.outerHTML.slice(0, 80));
  for (const el of all('[tabindex]')) if (el.tabIndex > 0) wrong.push('own order: ' + el.outerHTML.slice(0, 80));
  for (const el of all('section')) if (!document.getElementById(el.getAttribute('aria-labelledby')))
    wrong.push('section without heading: ' + el.outerHTML.slice(0, 80));
  for (const el of all('table')) if (!el.caption?.textContent.trim()) wrong.push('table without caption');
  for (const el of all('th')) if (!el.scope) wrong.push('th without scope');
  for (const el of all('svg')) if (el.getAttribute('aria-hidden') !== 'true') wrong.push('a picture that is read');
  for (const el of all('input, select, textarea')) if (!el.labels?.length) wrong.push('no label: ' + el.outerHTML);
  if (all('[aria-live], [autofocus], [accesskey], marquee, blink').length) wrong.push('speaks unasked');
  const ids = all('[id]').map(el => el.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id twice');
  return wrong;
}"""

MOVING = """() => [...document.querySelectorAll('*')].map(el => getComputedStyle(el)).filter(s => {
  return s.animationName !== 'none' || s.scrollBehavior === 'smooth' || parseFloat(s.transitionDuration) > 0;
}).length"""

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
        assert await self.page.evaluate(UNTOLD) == []
        assert await self.page.evaluate(CRUSHED) == []
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
    async def viewer(
        self, width: int, height: int, scheme: Scheme = "light", motion: Motion = "no-preference"
    ) -> AsyncIterator[Viewer]:
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion=motion,
            device_scale_factor=1,
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
    async with server, chromium() as browser:
        url = str(server.make_url("/")).rstrip("/")
        yield Site(town, Links(url, [KEY]), OneTimeSecrets(box, town.ledger, url), browser)


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
async def test_approval_pages_read_well(site: Site, width: int, height: int, scheme: Scheme) -> None:
    rows = await full_life(site.town)
    async with site.viewer(width, height, scheme) as viewer:
        for called, row in rows.items():
            await viewer.page.goto(site.approval(row))
            await viewer.check(f"approval-{called}")
        await freeze(site.town)
        await viewer.page.goto(site.approval(rows["approved"]))
        assert await viewer.page.get_by_text("等待解冻").is_visible()
        await viewer.check("approval-frozen")
        await viewer.page.goto(site.approval(rows["pending"], "&lang=en_us"))
        await viewer.page.locator("summary").click()
        await viewer.check("approval-pending-en")
        ground = await viewer.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
async def test_the_inbox_reads_well_and_leads_to_the_approval(
    site: Site, width: int, height: int, scheme: Scheme
) -> None:
    await busy_inbox(site.town)
    async with site.viewer(width, height, scheme) as viewer:
        page = viewer.page
        await page.goto(site.inbox())
        await viewer.check("inbox")
        assert await page.locator(".pending-line h3").all_inner_texts() == [
            "允许「账房助手」写入业务系统吗？",
            "允许「账房助手」执行资金操作吗？",
        ], "what was put off stands behind"
        await page.get_by_role("button", name="全部标为已读").click()
        assert await page.get_by_role("button").count() == 0
        await viewer.check("inbox-read")
        await page.get_by_role("link", name="执行资金操作").click()
        assert await page.get_by_role("heading", level=1).inner_text() == "允许「账房助手」执行资金操作吗？"
        await page.get_by_role("link", name="收件箱").click()
        assert await page.get_by_role("heading", level=1).inner_text() == "陈晓 的收件箱"
        await page.get_by_role("link", name="English").click()
        assert await page.get_by_role("heading", level=1).inner_text() == "陈晓's inbox"
        await viewer.check("inbox-en")
        await page.get_by_role("link", name="to move money").click()
        assert await page.locator("html").get_attribute("lang") == "en"


async def busy_inbox(town: Town) -> dict[str, ApprovalRequest]:
    rows = await full_life(town)
    await town.tell(town.creator, "账房助手 请求删除文件", "delete_file reports/2025", approval_id=rows["pending"].id)
    await town.tell(town.creator, "写入工作区文件：正在执行", "账房助手 正在写入 notes.md", kind="check.executing")
    await town.tell(town.creator, "写入工作区文件：执行失败", "No space left on device", kind="run.failed")
    old = await town.tell(town.creator, "对外发送消息：已拒绝", "王芳 拒绝：请先给我看一遍。", kind="approval.resolved")
    await Notification.filter(id=old.id).update(read_at=town.clock.now())
    return rows


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_lost_on_a_narrow_screen_or_in_large_letters(site: Site, scheme: Scheme) -> None:
    """320 px are a desktop at 400 % (WCAG 2.2, 1.4.10); letters may be twice as large (1.4.4) and set wide (1.4.12)."""
    rows = await busy_inbox(site.town)
    urls = {called: site.approval(row) for called, row in rows.items()} | {"inbox": site.inbox()}
    async with site.viewer(320, 640, scheme) as viewer:
        for called, url in urls.items():
            await viewer.page.goto(url)
            await viewer.page.evaluate("() => document.querySelectorAll('details').forEach(el => { el.open = true; })")
            await viewer.check(f"narrow-{called}")
    large = "() => { document.documentElement.style.fontSize = '200%'; }"
    spaced = """() => { document.body.style.lineHeight = 1.5; document.body.style.letterSpacing = '.12em';
        document.body.style.wordSpacing = '.16em'; }"""
    for width, height in ((390, 844), (1280, 900)):
        async with site.viewer(width, height, scheme) as viewer:
            for called, url in urls.items():
                await viewer.page.goto(url)
                await viewer.page.evaluate(large if width == 1280 else spaced)
                await viewer.check(f"large-{called}")


async def test_nothing_moves_for_who_does_not_want_it(site: Site) -> None:
    row = (await full_life(site.town))["pending"]
    async with site.viewer(1280, 900, motion="reduce") as still:
        await still.page.goto(site.approval(row))
        assert await still.page.evaluate(MOVING) == 0
    async with site.viewer(1280, 900) as viewer:
        await viewer.page.goto(site.approval(row))
        assert await viewer.page.evaluate(MOVING) == 1, "only the jump to an anchor, and it can tell"


async def test_on_paper_it_is_dark_on_white_with_all_there_is(site: Site) -> None:
    """Also for who reads in the dark: no long text is cut, the audit is there, what can only be pressed is not."""
    row = (await full_life(site.town))["pending"]
    async with site.viewer(1000, 900, "dark") as viewer:
        page = viewer.page
        await page.goto(site.approval(row))
        await page.emulate_media(media="print", color_scheme="dark")
        await viewer.check("print")
        assert await page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not await page.locator("nav").is_visible()
        assert await page.evaluate("() => getComputedStyle(document.querySelector('pre.v')).maxHeight") == "none"
        assert await page.locator("table").last.is_visible(), "the folded audit"
        assert len(await page.pdf()) > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(site: Site, scheme: Scheme) -> None:
    rows = await busy_inbox(site.town)
    async with site.viewer(1280, 900, scheme) as viewer:
        page = viewer.page
        for url in (site.approval(rows["query"]), site.inbox()):
            await page.goto(url)
            expected = await page.evaluate(
                "() => [...document.querySelectorAll('a, button, summary, [tabindex=\"0\"]')]"
                ".filter(el => el.checkVisibility()).map((el, n) => (el.dataset.place = n))"
            )
            reached = []
            for _ in expected:
                await page.keyboard.press("Tab")
                reached.append(await page.evaluate("() => Number(document.activeElement.dataset.place)"))
                assert await page.evaluate(RING) >= 3, await page.evaluate("() => document.activeElement.outerHTML")
            assert reached == expected


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
        assert await page.get_by_role("table", name="审计记录").is_visible()
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
