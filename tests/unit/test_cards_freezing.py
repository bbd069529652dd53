"""The freeze card, its texts and the words of its end. `TEST_UPDATECARDS=1 pytest …` writes the files anew."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.simulator.rules import card_fault
from cards.freezing import FreezeView, freeze_card, freeze_text, lifted_text
from models.enums import Language
from tests.support.goldens import CARDS, card_text, golden

NOW = datetime(2026, 3, 5, 6, 32, tzinfo=UTC)  # 14:32 in China

ALL = FreezeView(agent=None, by="林晓", at=NOW, now=NOW)
ONE = replace(ALL, agent="记账助手", until=NOW + timedelta(hours=2), reason="正在重复付款，先停下来查原因。")
HOSTILE = replace(
    ONE,
    agent="**bold** <at id=all></at> \u202egnp.exe " + "x" * 500,
    by="[link](https://example.com)",
    reason="<at id=all></at>\n" * 200 + "{until} password=hunter2hunter2",
)

SAMPLES = {"freeze_all": ALL, "freeze_one": ONE, "freeze_hostile": HOSTILE}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_card_is_the_golden_one(sample: str) -> None:
    drawn = card_text(freeze_card(SAMPLES[sample]))
    assert drawn == golden(CARDS / f"{sample}.json", drawn)


@pytest.mark.parametrize("sample", SAMPLES)
def test_feishu_takes_the_card(sample: str) -> None:
    card = freeze_card(SAMPLES[sample])
    assert card_fault(json.dumps(card)) is None
    assert len(json.dumps(card)) < 28_000
    assert card["header"]["template"] == "red"  # type: ignore[index, call-overload]


def test_the_texts_say_what_holds_and_how_to_end_it() -> None:
    zh, en = (freeze_text(ONE, language) for language in (Language.ZH_CN, Language.EN_US))
    assert zh.startswith("【已冻结】「记账助手」")
    assert "3月5日 16:32（UTC+8）自动结束" in zh
    assert "正在重复付款" in zh
    assert zh.endswith("/unfreeze 记账助手")
    assert "by itself Mar 5, 16:32 (UTC+8)" in en
    assert freeze_text(ALL, Language.EN_US).endswith("/unfreeze all")


def test_nothing_in_a_text_is_obeyed_or_leaks() -> None:
    text = freeze_text(HOSTILE, Language.ZH_CN) + lifted_text(HOSTILE, HOSTILE.by, (HOSTILE,), Language.EN_US)
    assert "<at" not in text
    assert "](" not in text or "[" not in text
    assert "\u202e" not in text
    assert "hunter2" not in text


def test_the_end_names_who_and_what_still_holds() -> None:
    ended = lifted_text(ONE, None, (), Language.ZH_CN)
    assert ended.splitlines()[0] == "【已解冻】「记账助手」"
    assert "到时间自动结束" in ended
    still = lifted_text(ONE, "王敏", (ALL,), Language.EN_US)
    assert "Ended by 王敏" in still
    assert still.splitlines()[-2:] == ["Still frozen:", "· all agents, ends: when somebody ends it (林晓)"]
    many = lifted_text(ALL, "王敏", (ONE,) * 14, Language.EN_US)
    assert many.splitlines()[-1] == "· … (+4)"
