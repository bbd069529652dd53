"""Golden files: what a person has looked at. `TEST_UPDATE_GOLDEN=1 pytest …` writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

from models.values import JsonObject

_DATA = Path(__file__).parent.parent / "data"
CARDS = _DATA / "cards"
TEXTS = _DATA / "texts"


def card_text(card: JsonObject) -> str:
    """The card as its golden file holds it."""
    return json.dumps(card, ensure_ascii=False, indent=2) + "\n"


def golden(path: Path, now: str) -> str:
    """What the file holds; where the files are to be written anew, that is `now`."""
    if os.environ.get("TEST_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
    return path.read_text(encoding="utf-8")
