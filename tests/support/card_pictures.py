"""Cards drawn by the page of the simulator, without a simulator: for the pictures of docs, and a look while drawing."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, Route

from models.enums import Language
from models.values import JsonObject

_STATIC = Path(__file__).parents[2] / "bot" / "simulator" / "static"
_ORIGIN = "http://cards.invalid"
_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/style.css">
<style>body { display: block; height: auto; padding: 12px; background: #fcfcfd; }</style>
<main id="cards" style="max-width: 560px"></main></html>"""
_DRAW = """async ([card, language, open]) => {
  (await import("/static/words.js")).chooseLanguage(language);
  const { drawCard } = await import("/static/card.js");
  const nothing = async () => undefined;
  const drawn = drawCard(card, { people: (id) => id, act: nothing, confirm: nothing, drafts: new Map() });
  if (open) drawn.querySelectorAll("details").forEach((each) => { each.open = true; });
  document.getElementById("cards").replaceChildren(drawn);
  await document.fonts.ready;
}"""


@asynccontextmanager
async def easel(browser: Browser, width: int, scale: float = 2) -> AsyncIterator[Page]:
    """An empty page of this width on which cards are drawn."""
    page = await browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=scale)
    await page.route(f"{_ORIGIN}/**", _served)
    await page.goto(f"{_ORIGIN}/")
    try:
        yield page
    finally:
        await page.close()


async def drawn(page: Page, card: JsonObject, language: Language, *, unfolded: bool = False) -> Locator:
    """The card on the page, instead of the one before."""
    await page.evaluate(_DRAW, [card, language.value, unfolded])
    return page.locator("article.card")


async def _served(route: Route) -> None:
    path = route.request.url.removeprefix(_ORIGIN)
    file = _STATIC / path.removeprefix("/static/")
    if path == "/":
        await route.fulfill(body=_PAGE, content_type="text/html")
    elif path.startswith("/static/") and file.is_file():
        await route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
    else:
        await route.fulfill(status=404, body=json.dumps(path))
