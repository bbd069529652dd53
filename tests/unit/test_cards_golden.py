"""The card in every state, as a person has looked at it. `TEST_UPDATECARDS=1 pytest …` writes the files anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cards.approval import approval_card
from tests.support.card_samples import ASKED as ASKED
from tests.support.card_samples import PENDING as PENDING
from tests.support.card_samples import SAMPLES as SAMPLES
from tests.support.goldens import CARDS, card_text, golden


@pytest.mark.parametrize("state", SAMPLES)
def test_the_card_is_the_one_that_was_looked_at(state: str) -> None:
    drawn = card_text(approval_card(SAMPLES[state]))
    assert golden(CARDS / f"approval_{state}.json", drawn) == drawn


def test_every_golden_file_has_its_state() -> None:
    assert {path.stem.removeprefix("approval_") for path in CARDS.glob("approval_*.json")} == set(SAMPLES)


def test_every_state_has_its_picture_in_the_docs() -> None:
    docs = Path(__file__).parents[2] / "docs"
    shown = set(re.findall(r"images/cards/([a-z_]+)\.png", (docs / "cards.md").read_text(encoding="utf-8")))
    assert set(SAMPLES) <= shown
    assert all((docs / "images" / "cards" / f"{name}.png").is_file() for name in shown)
