"""The demo as a person runs it: a real process, its page's controls, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.support.processes import ROOT, clean_environment

PATIENCE = 60.0
"""Real seconds after which a wait has failed."""

T = TypeVar("T")


@dataclass
class Demo:
    """A running demo. `url` is the page that it printed, `folder` the scratch folder that it named."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    url: str
    folder: Path
    printed: list[str]

    async def state(self) -> dict[str, Any]:
        async with self.session.get(f"{self.url}/sim/state") as response:
            told: dict[str, Any] = await response.json()
            return told

    async def messages(self, person: str = "creator") -> list[dict[str, Any]]:
        return [each for chat in (await self.state())["chats"] if person in chat["people"] for each in chat["messages"]]

    async def panels(self) -> list[list[str]]:
        async with self.session.get(f"{self.url}/sim/panels") as response:
            told: list[list[str]] = (await response.json())["panels"]
            return told

    async def open_card(self, about: str) -> dict[str, Any]:
        """The card that asks the creator about this, once it is there."""

        def asks(message: dict[str, Any]) -> bool:
            return "approve" in message.get("controls", {}).values() and about in json.dumps(
                message["body"], ensure_ascii=False
            )

        return await self.until(lambda messages: next(filter(asks, messages), None), f"a card about {about}")

    async def press(self, button: str, about: str, *, user: str = "creator", **form: str) -> dict[str, Any]:
        card = await self.open_card(about)
        press = {"message_id": card["message_id"], "user": user, "control": button, "form": form}
        async with self.session.post(f"{self.url}/sim/click", json=press) as response:
            told: dict[str, Any] = await response.json()
            return told

    async def says(self, text: str, *, user: str = "creator") -> None:
        async with self.session.post(f"{self.url}/sim/say", json={"user": user, "text": text}) as response:
            assert (await response.json())["delivered"]

    async def reply_containing(self, words: str, *, user: str = "creator") -> str:
        """The first text of the bot's with these words."""

        def found(messages: list[dict[str, Any]]) -> str | None:
            bots = [each for each in messages if each["sender"]["kind"] == "app" and each["type"] == "text"]
            return next((each["body"]["text"] for each in bots if words in each["body"]["text"]), None)

        return await self.until(found, f"a text with {words}", user=user)

    async def card_containing(self, words: str, *, user: str = "creator") -> str:
        """The first card with these words, as JSON."""

        def found(messages: list[dict[str, Any]]) -> str | None:
            cards = [json.dumps(each["body"], ensure_ascii=False) for each in messages if each["type"] == "interactive"]
            return next((card for card in cards if words in card), None)

        return await self.until(found, f"a card with {words}", user=user)

    async def until(self, look: Callable[[list[dict[str, Any]]], T | None], what: str, *, user: str = "creator") -> T:
        """What `look` finds in this person's chats; looks again whenever anything in the world has changed."""
        try:
            async with asyncio.timeout(PATIENCE), self.session.get(f"{self.url}/sim/events") as events:
                async for line in events.content:
                    if line.startswith(b"data:") and (found := look(await self.messages(user))) is not None:
                        return found
        except TimeoutError:
            pass
        raise AssertionError(f"no {what}; the demo said {self.printed}")

    async def logged(self, words: str) -> None:
        """Returns once an agent has said this; it prints what it says."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not any(words in line for line in self.printed):
                line = await self.process.stdout.readline()
                assert line, f"the demo ended without {words!r}: {self.printed}"
                self.printed.append(line.decode().rstrip())

    async def interrupt(self, by: signal.Signals = signal.SIGINT) -> int:
        """The exit code after Ctrl-C."""
        self.process.send_signal(by)
        async with asyncio.timeout(PATIENCE):
            out, _ = await self.process.communicate()
        self.printed += out.decode().splitlines()
        return self.process.returncode or 0


@asynccontextmanager
async def demo_running(*options: str, **more: str) -> AsyncIterator[Demo]:
    """`python -m bot demo …` once it has printed its address; ended with the block unless it was interrupted before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", *options,
        cwd=ROOT, env=clean_environment() | more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            yield await _started(process, session)
    finally:
        if process.returncode is None:
            process.terminate()  # a killed one would leave its folder behind
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await process.communicate()
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _started(process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> Demo:
    assert process.stdout is not None and process.stderr is not None
    printed: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while not any("Ctrl-C" in line for line in printed):
            line = await process.stdout.readline()
            if not line:
                raise AssertionError(f"the demo did not start: {printed} {(await process.stderr.read()).decode()}")
            printed.append(line.decode().rstrip())
    said = "\n".join(printed)
    url, folder = re.search(r"http://\S+", said), re.search(r"folder:\s+(/\S+)", said)
    assert url and folder, said
    return Demo(process, session, url[0], Path(folder[1]), printed)
