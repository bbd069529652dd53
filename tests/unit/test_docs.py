"""The pages agree with the code, with each other, and with no machine in particular."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer.main
from dotenv import dotenv_values

from bot.__main__ import app
from config.settings import PREFIX, Settings, load_settings
from handlers.errors import PROBLEMS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}

NO_SETTINGS = {
    "ASSENT_TOKEN",  # an agent's, in examples
    "TEST_UPDATE_GOLDEN",
    "TEST_SCREENSHOTS",
    "TEST_CRASH_ROUNDS",
    "TEST_REQUIRE_BROWSER",
}
"""Variables that the examples and the tests read; the service does not."""

HOSTS = {
    "127.0.0.1",
    "example.com",
    "open.feishu.cn",
    "open.larksuite.com",
    "www.rfc-editor.org",
    "keepachangelog.com",
}
"""Whom a page may name by address: the platform, standards, and nobody's machine, mirror or registry."""

_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"|!\[[^\]]*\]\(([^)\s]+)\)")
_ADDRESS = re.compile(r"\b(?:https?|postgres)://[^\s`\"'<>)，。；]+")
_MACHINE = re.compile(r"(?<![\w./])/(?:work|root|home|Users|mnt|srv|data|workspace)/")
_MAKE = re.compile(r"^\s*make ([a-z-]+)|`make ([a-z-]+)`", re.MULTILINE)
_ASSENT = re.compile(r"(?:^|`|bin/|# )assent ((?:[a-z][a-z-]+ ?)+)", re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _links(page: Path) -> list[str]:
    return [next(filter(None, found)) for found in _LINK.findall(page.read_text(encoding="utf-8"))]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = {PREFIX + name for name in re.findall(r"^\| `([A-Z0-9_]+)`", page, re.MULTILINE)}
    assert rows == SETTINGS


def test_the_example_of_an_env_file_names_every_setting_with_its_default() -> None:
    example = dotenv_values(ROOT / ".env.example", interpolate=False)
    assert set(example) == SETTINGS
    given = {name: value for name, value in example.items() if value is not None}
    written, default = load_settings(given, to="administer"), load_settings({}, to="administer")
    assert written.model_dump() == default.model_dump()


def test_every_problem_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", page, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {code: status for code, (status, _) in PROBLEMS.items()}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_between_pages_resolve(page: Path) -> None:
    for link in _links(page):
        if urlsplit(link).scheme:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{_name(page)} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{_name(page)} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not _MACHINE.search(text)
    hosts = {(urlsplit(found).hostname or "").lower() for found in _ADDRESS.findall(text) if "…" not in found}
    hosts = {host for host in hosts if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+", host)}  # `host`, `<your address>`: nobody's
    assert hosts <= HOSTS


def test_every_page_is_in_the_table_of_contents() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in _links(index)}
    assert {page for page in PAGES if page.parent != ROOT} - {index} <= linked


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_make_commands_exist(page: Path) -> None:
    wanted = {first or second for first, second in _MAKE.findall(page.read_text(encoding="utf-8"))}
    assert wanted <= _make_targets()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_assent_commands_exist(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for found in _ASSENT.findall(page.read_text(encoding="utf-8")):
        first, *rest = found.split()
        assert first in commands, f"{_name(page)}: assent {found}"
        if hasattr(commands[first], "commands") and rest:
            assert rest[0] in commands[first].commands, f"{_name(page)}: assent {found}"


def _any_language(found: str) -> str:
    """A picture of a card is in the language of who reads."""
    return re.sub(r"-(?:zh_cn|en_us)(?=\.png$)", "", found)


def test_both_readmes_tell_the_same() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    for pattern in (r"^make \w+", r"docs/[\w./#-]+", r"`(ASSENT_\w+)`", r"^#+ ", r"^\d\. ", r"^\| (?:L\d|DENY) "):
        found = [
            sorted({_any_language(hit) for hit in re.findall(pattern, text, re.MULTILINE)})
            for text in (english, chinese)
        ]
        assert found[0] == found[1] and found[0], pattern
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", chinese, re.MULTILINE))


def test_pages_name_only_real_settings() -> None:
    for page in PAGES:
        named = set(re.findall(r"\bASSENT_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")))
        unknown = named - SETTINGS - NO_SETTINGS
        assert not unknown, _name(page)


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)
