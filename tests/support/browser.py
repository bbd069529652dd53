"""Debian's Chromium for tests: launched for one block, and closed with it, whatever happens inside."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
PHONE = (390, 844)
DESKTOP = (1280, 900)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 30_000.0
"""Milliseconds before a wait for the page gives up; generous, since machines differ."""


def need_chromium() -> None:
    """Skips the test, loudly, where there is no Chromium; with TEST_REQUIRE_BROWSER=1 it fails instead."""
    if CHROMIUM.exists():
        return
    why = f"{CHROMIUM} is missing: install chromium to run the browser tests"
    if os.environ.get("TEST_REQUIRE_BROWSER") == "1":
        pytest.fail(why)
    pytest.skip(why)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A fresh Chromium; the test is skipped or fails where there is none (need_chromium)."""
    need_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def browser_page(size: tuple[int, int] = DESKTOP) -> AsyncIterator[Page]:
    """A fresh page of this width and height. Any error that the page's own scripts raise fails the test at the end."""
    async with chromium() as browser:
        viewport = {"width": size[0], "height": size[1]}
        page = await browser.new_page(viewport=viewport)  # type: ignore[arg-type]  # a TypedDict of its own
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        yield page
        assert errors == [], f"the page's scripts failed: {errors}"
