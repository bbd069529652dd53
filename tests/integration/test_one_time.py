"""One-time secrets: one view, ten minutes, and a preview by a chat client takes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from bot.database import Database, transaction
from bot.reading import Reading
from bot.secrecy.box import SecretBox
from bot.secrecy.links import Links
from bot.secrecy.one_time import Gone, GoneBecause, OneTimeSecrets, Revealed, Waiting
from handlers.pages import Pages
from models.enums import Language
from models.tables import AuditEntry, OneTimeSecret
from tests.support.approval_rows import Town, settle_town
from tests.support.clock import MovableClock

KEY = "k" * 32
TOKEN = "ast_this_is_the_agents_token"
TITLE = "账房助手 的令牌"


@dataclass(frozen=True)
class Desk:
    town: Town
    secrets: OneTimeSecrets
    client: TestClient[web.Request, web.Application]

    async def put(self) -> str:
        """The key of a link to TOKEN."""
        async with transaction():
            url = await self.secrets.put(TOKEN, title=TITLE, person_id=self.town.creator.id, now=self.town.clock.now())
        assert url.startswith("https://assent.example/once?k=")
        return url.partition("?k=")[2]

    async def get(self, key: str) -> ClientResponse:
        return await self.client.get("/once", params={"k": key})

    async def press(self, key: str) -> ClientResponse:
        return await self.client.post("/once", params={"k": key})


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock = MovableClock()
    town = await settle_town(clock)
    secrets = OneTimeSecrets(SecretBox([KEY]), town.ledger, "https://assent.example/")
    app = web.Application()
    app.add_routes(Pages(Reading(clock), Links("https://assent.example", [KEY]), secrets, clock).routes())
    async with TestClient(TestServer(app)) as client:
        yield Desk(town, secrets, client)


async def test_opening_the_link_shows_a_button_only(desk: Desk) -> None:
    """Chat clients open links to draw a preview: however often it is opened, nothing is taken."""
    key = await desk.put()
    for _ in range(3):
        response = await desk.get(key)
        page = unescape(await response.text())
        assert response.status == 200
        assert TITLE in page
        assert "显示</button>" in page
        assert TOKEN not in page
    assert (await desk.client.head("/once", params={"k": key})).status == 200
    assert TOKEN in await (await desk.press(key)).text()


async def test_the_secret_is_shown_once_and_erased(desk: Desk) -> None:
    key = await desk.put()
    first = await desk.press(key)
    assert first.status == 200
    assert TOKEN in await first.text()
    assert first.headers["Cache-Control"] == "no-store"
    desk.town.clock.move(minutes=2)
    for response in (await desk.press(key), await desk.get(key)):
        page = unescape(await response.text())
        assert response.status == 410
        assert TOKEN not in page
        assert "3月2日 17:30 被查看" in page
        assert "陈晓" in page
        assert "/agent rotate-token" in page
    row = await OneTimeSecret.get()
    assert row.ciphertext is None


async def test_only_a_hash_and_a_ciphertext_are_stored(desk: Desk) -> None:
    key = await desk.put()
    row = await OneTimeSecret.get()
    assert row.key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert len(key) >= 43, "256 random bits"
    assert row.ciphertext
    assert TOKEN not in row.ciphertext
    assert key not in row.ciphertext


async def test_it_expires_after_ten_minutes(desk: Desk) -> None:
    key = await desk.put()
    desk.town.clock.move(minutes=9, seconds=59)
    assert (await desk.get(key)).status == 200
    desk.town.clock.move(seconds=1)
    for response in (await desk.get(key), await desk.press(key)):
        assert response.status == 410
        assert "过期" in await response.text()


async def test_an_unknown_key_opens_nothing(desk: Desk) -> None:
    await desk.put()
    for key in ("", "nonsense", "密钥", "a" * 5000):
        assert (await desk.press(key)).status == 410
    assert (await OneTimeSecret.get()).ciphertext is not None


async def test_two_at_once_get_it_once(desk: Desk) -> None:
    """One conditional update decides, 10 rounds of 8 callers."""
    now = desk.town.clock.now()
    for _ in range(10):
        key = await desk.put()
        found = await asyncio.gather(*(desk.secrets.reveal(key, now) for _ in range(8)))
        assert [one for one in found if isinstance(one, Revealed)] == [Revealed(TOKEN, TITLE, Language.ZH_CN)]
        gone = [one for one in found if isinstance(one, Gone)]
        assert {one.because for one in gone} == {GoneBecause.VIEWED}
        assert len(gone) == 7


async def test_a_view_is_audited_without_the_secret(desk: Desk) -> None:
    await desk.press(await desk.put())
    entry = await AuditEntry.get(action="secret.viewed")
    assert (entry.tenant, entry.subject) == ("acme", f"user:{desk.town.creator.id}")
    assert TOKEN not in entry.details


async def test_nothing_is_put_when_the_callers_transaction_fails(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="after all"):
        async with transaction():
            await desk.secrets.put(TOKEN, title=TITLE, person_id=desk.town.creator.id, now=desk.town.clock.now())
            raise RuntimeError("no token after all")
    assert await OneTimeSecret.all().count() == 0


async def test_a_key_taken_out_of_rotation_too_early_is_told_and_loses_nothing(desk: Desk) -> None:
    key, now = await desk.put(), desk.town.clock.now()
    other = OneTimeSecrets(SecretBox(["another key"]), desk.town.ledger, "https://assent.example")
    refused = await other.reveal(key, now)
    assert isinstance(refused, Gone)
    assert refused.because is GoneBecause.UNREADABLE
    assert isinstance(await desk.secrets.look(key, now), Waiting)
    assert isinstance(await desk.secrets.reveal(key, now), Revealed)


async def test_a_revealed_secret_is_in_no_repr() -> None:
    assert TOKEN not in repr(Revealed(TOKEN, TITLE))
