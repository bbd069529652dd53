"""Signed links: one page, one person, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.secrecy.links import INBOX, Links, Visit, approval_path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
APPROVAL, OTHER = UUID(int=1), UUID(int=2)
CHEN, LIN = UUID(int=10), UUID(int=11)
LINKS = Links("https://assent.example/gate/", ["new key", "old key"])


def opened(url: str) -> tuple[str, str]:
    """Path (without the proxy's prefix) and token, as the handler sees them."""
    parts = urlsplit(url)
    return parts.path.removeprefix("/gate"), parse_qs(parts.query)["t"][0]


@given(st.uuids(), st.uuids(), st.timedeltas(timedelta(0), timedelta(hours=72) - timedelta(seconds=1)))
def test_a_link_opens_its_page_for_its_person(approval: UUID, person: UUID, later: timedelta) -> None:
    path, token = opened(LINKS.approval(approval, person, NOW))
    assert path == approval_path(approval)
    assert LINKS.verify(path, token, NOW + later) == person


def test_the_address_is_public_and_the_token_needs_no_escaping() -> None:
    url = LINKS.inbox(CHEN, NOW)
    assert url.startswith("https://assent.example/gate/inbox?t=")
    assert url.partition("?t=")[2].replace("-", "").replace("_", "").isalnum()
    assert len(url.partition("?t=")[2]) == 76


@pytest.mark.parametrize("path", [approval_path(OTHER), INBOX, "/", "", approval_path(APPROVAL) + "/"])
def test_a_link_opens_no_other_page(path: str) -> None:
    _, token = opened(LINKS.approval(APPROVAL, CHEN, NOW))
    assert LINKS.verify(path, token, NOW) is None


def test_a_link_dies_on_time() -> None:
    path, token = opened(LINKS.inbox(CHEN, NOW))
    assert LINKS.verify(path, token, NOW + timedelta(hours=72, seconds=-1)) == CHEN
    assert LINKS.verify(path, token, NOW + timedelta(hours=72)) is None
    brief = Links("https://assent.example", ["new key"], lifetime=timedelta(minutes=5))
    assert brief.verify(*opened(brief.inbox(CHEN, NOW)), NOW + timedelta(minutes=6)) is None


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    path, token = opened(LINKS.inbox(CHEN, NOW))
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCXYZabcxyz0189-_").filter(lambda char: char != token[place]))
    assert LINKS.verify(path, token[:place] + letter + token[place + 1 :], NOW) is None


@given(st.text(max_size=120))
def test_noise_is_refused(noise: str) -> None:
    assert LINKS.verify(INBOX, noise, NOW) is None
    assert LINKS.verify(noise, opened(LINKS.inbox(CHEN, NOW))[1], NOW) is None


def test_a_rotated_key_still_verifies_and_no_longer_signs() -> None:
    old = Links("https://assent.example", ["old key"])
    assert LINKS.verify(*opened(old.inbox(CHEN, NOW)), NOW) == CHEN
    assert old.verify(*opened(LINKS.inbox(CHEN, NOW)), NOW) is None


def test_an_onward_link_belongs_to_the_same_visit() -> None:
    """Neither another person nor a later end can be had by following links."""
    visit = LINKS.visit(*opened(LINKS.approval(APPROVAL, CHEN, NOW)), NOW)
    assert visit == Visit(CHEN, NOW + timedelta(hours=72))
    later = NOW + timedelta(hours=71)
    assert LINKS.visit(INBOX, LINKS.onward(INBOX, visit), later) == visit
    assert LINKS.verify(INBOX, LINKS.onward(INBOX, visit), NOW + timedelta(hours=72)) is None


def test_no_key_in_a_repr() -> None:
    assert "key" not in repr(LINKS)
